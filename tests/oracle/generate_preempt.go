package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// preemptFeatures are what keeps a pod from a node and what preemption may mend.
var preemptFeatures = []feature{
	podSlotsFeature, extendedFeature, portsFeature, portsFeature, antiFeature, antiFeature, othersFeature, hardSpreadFeature,
	hardSpreadFeature, terminatingFeature, cordonFeature, taintsFeature, affinityFeature, fieldsFeature,
}

// generatePreempt is the subcommand generate-preempt: --count random clusters, each with one pod that fits no node.
func generatePreempt(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-preempt", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	name := flags.String("draw", "small", "what the cases are about: "+strings.Join(sortedKeys(drawings), ", "))
	answer := flags.Bool("answer", false, "answer each case at once, as preempt would")
	configurations := flags.Bool("configurations", false, "each case with a scheduler configuration of its own")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	draw, known := drawings[*name]
	if !known {
		return fmt.Errorf("--draw is one of %s", strings.Join(sortedKeys(drawings), ", "))
	}
	draw.configurations = *configurations
	silenceKubernetes()
	writer := bufio.NewWriter(out)
	for number, made := 0, 0; made < *count; number++ {
		one, worth, err := draw.preemption(*seed, number)
		if err != nil {
			return err
		}
		if !worth {
			continue
		}
		made++
		if !*answer {
			err = writeLine(writer, one.scheduleCase)
		} else {
			answered := preemptAnswer{scheduleCase: one.scheduleCase}
			if err = answered.preempt(one.objects, one.pod); err == nil {
				err = writeLine(writer, answered)
			}
		}
		if err != nil {
			return fmt.Errorf("case %s: %w", one.ID, err)
		}
	}
	return writer.Flush()
}

// preemption draws one case and says whether it is worth asking.
func (d drawing) preemption(seed uint64, number int) (drawn, bool, error) {
	generator := &clusterGenerator{source: rand.New(rand.NewPCG(seed, uint64(number))), size: d.size, features: map[feature]bool{}}
	one, err := generator.makePreemptCase(fmt.Sprintf("preempt-%d-%d", seed, number), d.volumes(number))
	if err != nil {
		return one, false, err
	}
	if d.configurations {
		if err := addConfiguration(generator.source, &one); err != nil {
			return one, false, err
		}
	}
	worth, err := generator.worthAsking(one)
	return one, worth, err
}

// worthAsking is false where the pod fits somewhere, and mostly where no eviction could help on any node.
func (g *clusterGenerator) worthAsking(one drawn) (bool, error) {
	configured, err := one.configuredContext(one.pod)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(configured)
	defer cancel()
	cycle, err := newSchedulingCycle(ctx, one.objects)
	if err != nil {
		return false, err
	}
	diagnosis := framework.Diagnosis{NodeToStatus: framework.NewDefaultNodeToStatus()}
	if fits, err := filterAll(ctx, cycle, framework.NewCycleState(), one.pod, &diagnosis); err != nil || fits {
		return false, err
	}
	nodes, err := diagnosis.NodeToStatus.NodesForStatusCode(cycle.framework.SnapshotSharedLister().NodeInfos(), fwk.Unschedulable)
	return len(nodes) > 0 || g.chance(5), err
}

func (g *clusterGenerator) makePreemptCase(id string, volumes bool) (drawn, error) {
	g.nodes = 1 + g.source.IntN(4)
	if g.size == upTo30 && g.chance(15) {
		g.nodes = 5 + g.source.IntN(26)
	}
	var objects []object
	var pod object
	if volumes {
		objects, pod = g.makePreemptVolumes()
	} else {
		g.features[resourcesFeature] = g.chance(70)
		for range 1 + g.source.IntN(2) {
			g.features[pick(g, preemptFeatures)] = true
		}
		objects, pod = g.withPriorities(g.makeCluster())
	}
	return store(id, objects, pod)
}

// makePreemptVolumes makes a pod that other pods keep from its claims and disks, or from a node's last attachments.
func (g *clusterGenerator) makePreemptVolumes() ([]object, object) {
	subjects := []func() ([]object, object){g.makeExclusiveClaims, g.makeVolumeLimits, g.makeInlineDisks}
	objects, pod := pick(g, subjects)()
	starts := map[string]int{}
	for _, one := range objects {
		if one["kind"] != "Pod" {
			continue
		}
		if _, isPlaced := one["spec"].(object)["nodeName"]; isPlaced {
			g.prioritize(one, starts)
		} else {
			one["spec"].(object)["priority"] = pick(g, []int{0, 2, 5})
		}
	}
	pod["spec"].(object)["priority"] = pick(g, []int{1, 2, 3, 3})
	return objects, pod
}

// withPriorities gives pods priorities and starting times, adds budgets and perhaps a nominated pod, and makes the pod.
func (g *clusterGenerator) withPriorities(objects []object) ([]object, object) {
	crowded := g.chance(65)
	starts := map[string]int{}
	for number := range max(4, g.nodes) + g.source.IntN(6) {
		if crowded {
			objects = append(objects, g.makeExistingPod(100+number))
		}
	}
	for _, one := range objects {
		switch one["kind"] {
		case "Node":
			if crowded {
				g.enlarge(one)
			}
		case "Pod":
			g.prioritize(one, starts)
			if crowded {
				g.burden(one)
			}
		}
	}
	for number := range g.source.IntN(3) {
		objects = append(objects, g.makeBudget(number+1))
	}
	pod := g.makePodToSchedule()
	spec := pod["spec"].(object)
	delete(spec, "nodeName")
	spec["priority"] = pick(g, []int{0, 1, 2, 2, 3, 3})
	if crowded {
		g.burden(pod)
	}
	if g.chance(5) {
		spec["preemptionPolicy"] = "Never"
	}
	if g.chance(12) {
		pod["status"] = object{"nominatedNodeName": nodeName(1 + g.source.IntN(g.nodes))}
	}
	if g.chance(20) {
		other := g.makePodToSchedule()
		delete(other["spec"].(object), "nodeName")
		other["metadata"].(object)["name"] = "nominated"
		other["spec"].(object)["priority"] = pick(g, []int{0, 2, 5})
		other["status"] = object{"nominatedNodeName": nodeName(1 + g.source.IntN(g.nodes))}
		objects = append(objects, other)
	}
	return objects, pod
}

// enlarge makes a node large enough for any pod that burden made.
func (g *clusterGenerator) enlarge(node object) {
	allocatable := node["status"].(object)["allocatable"].(object)
	allocatable["cpu"], allocatable["memory"] = pick(g, []string{"2", "3"}), "16Gi"
	if g.chance(15) {
		allocatable["pods"] = pick(g, []string{"2", "3"})
	}
}

// burden makes a pod ask for much CPU and little else.
func (g *clusterGenerator) burden(pod object) {
	spec := pod["spec"].(object)
	delete(spec, "initContainers")
	delete(spec, "resources")
	for index, container := range spec["containers"].(list) {
		cpu := "0"
		if index == 0 {
			cpu = pick(g, []string{"250m", "500m", "500m", "1", "1", "2"})
		}
		container.(object)["resources"] = object{"requests": object{"cpu": cpu}}
	}
}

// prioritize gives a pod a priority and a starting time; starts are how many pods of each node have one so far.
func (g *clusterGenerator) prioritize(pod object, starts map[string]int) {
	pod["spec"].(object)["priority"] = pick(g, []int{-1, 0, 0, 1, 1, 2})
	status, has := pod["status"].(object)
	if !has {
		status = object{"phase": "Running"}
		pod["status"] = status
	}
	// Different on one node: between equally important pods the order is open.
	node := pod["spec"].(object)["nodeName"].(string)
	starts[node]++
	second := 30 + starts[node]*pick(g, []int{1, -1})
	status["startTime"] = fmt.Sprintf("2026-01-01T00:00:%02dZ", second)
	if _, terminates := pod["metadata"].(object)["deletionTimestamp"]; terminates && g.chance(60) {
		status["conditions"] = list{object{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}}
	}
}

func (g *clusterGenerator) makeBudget(number int) object {
	selector := object{"matchLabels": object{"app": pick(g, apps)}}
	if g.chance(15) {
		selector = object{}
	}
	status := object{
		"disruptionsAllowed": pick(g, []int{0, 0, 1, 2}), "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1,
	}
	if g.chance(20) {
		status["disruptedPods"] = object{fmt.Sprintf("p%d", 1+g.source.IntN(6)): "2026-01-01T00:00:00Z"}
	}
	return object{
		"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
		"metadata": object{"name": fmt.Sprintf("b%d", number), "namespace": g.namespace()},
		"spec":     object{"selector": selector, "minAvailable": 1}, "status": status,
	}
}
