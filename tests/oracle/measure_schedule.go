package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// measuredCluster is the cluster that sim/examples/placement_speed.rs builds too: nodes of 32 CPU, 64 GiB and 110 pods in
// three zones, held pods of a hundred applications in turn, and pods of one shape to be placed, of ten applications in turn.
type measuredCluster struct {
	nodes, held, pods int
	shape             string
}

const (
	measuredZones = 3
	measuredApps  = 10
	heldApps      = 100
)

// measureSchedule is the subcommand measure-schedule: it places pods one after the other on a large cluster, as
// Scheduler.schedulePod does with the default profile, and prints how many it placed a second.
func measureSchedule(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("measure-schedule", flag.ContinueOnError)
	var cluster measuredCluster
	flags.IntVar(&cluster.nodes, "nodes", 5000, "how many nodes there are")
	flags.IntVar(&cluster.held, "held", 50000, "how many pods they hold")
	flags.IntVar(&cluster.pods, "pods", 1000, "how many pods are placed")
	flags.StringVar(&cluster.shape, "shape", "basic", "basic, spread, anti-affinity, preferred or mixed")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	silenceKubernetes()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	placing, err := cluster.build(ctx)
	if err != nil {
		return err
	}
	placed := 0
	started := time.Now()
	for number := range cluster.pods {
		found, err := placing.place(ctx, cluster.pod(number))
		if err != nil {
			return err
		}
		if found {
			placed++
		}
	}
	seconds := time.Since(started).Seconds()
	fmt.Fprintf(out, "{\"shape\":%q,\"placed\":%d,\"podsPerSecond\":%.0f}\n", cluster.shape, placed, float64(cluster.pods)/seconds)
	return nil
}

// placing is a scheduler's cache, its snapshot, and the framework over it.
type placing struct {
	cache     cache.Cache
	snapshot  *cache.Snapshot
	framework framework.Framework
	start     int
}

func (c measuredCluster) build(ctx context.Context) (*placing, error) {
	logger := klog.FromContext(ctx)
	made := &placing{
		cache:    cache.New(ctx, nil, utilfeature.DefaultFeatureGate.Enabled(features.GenericWorkload)),
		snapshot: cache.NewEmptySnapshot(),
	}
	for number := range c.nodes {
		made.cache.AddNode(logger, measuredNode(number))
	}
	for number := range c.held {
		pod := measuredPod(fmt.Sprintf("held-%d", number), fmt.Sprintf("held-%d", number%heldApps))
		pod.Spec.NodeName = measuredNodeName(number % c.nodes)
		if err := made.cache.AddPod(logger, pod); err != nil {
			return nil, err
		}
	}
	if err := made.cache.UpdateSnapshot(logger, made.snapshot); err != nil {
		return nil, err
	}
	namespace := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	profile, err := defaultProfile()
	if err != nil {
		return nil, err
	}
	made.framework, err = newFramework(ctx, frameworkInput{profile, []runtime.Object{namespace}, made.snapshot, nominatedPods{}, 16})
	return made, err
}

func measuredNodeName(number int) string { return fmt.Sprintf("node-%d", number) }

func measuredNode(number int) *v1.Node {
	allocatable := v1.ResourceList{
		v1.ResourceCPU:    resource.MustParse("32"),
		v1.ResourceMemory: resource.MustParse("64Gi"),
		v1.ResourcePods:   resource.MustParse("110"),
	}
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: measuredNodeName(number), Labels: map[string]string{
			v1.LabelHostname:     measuredNodeName(number),
			v1.LabelTopologyZone: fmt.Sprintf("zone-%d", number%measuredZones),
		}},
		Status: v1.NodeStatus{Allocatable: allocatable, Capacity: allocatable},
	}
}

func measuredPod(name, app string) *v1.Pod {
	requests := v1.ResourceList{v1.ResourceCPU: resource.MustParse("100m"), v1.ResourceMemory: resource.MustParse("200Mi")}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID(name), Labels: map[string]string{"app": app}},
		Spec: v1.PodSpec{
			SchedulerName: v1.DefaultSchedulerName,
			Containers: []v1.Container{{
				Name: "app", Image: "app:1", Resources: v1.ResourceRequirements{Requests: requests},
			}},
		},
	}
}

// pod is the pod of this number that is to be placed.
func (c measuredCluster) pod(number int) *v1.Pod {
	app := fmt.Sprintf("app-%d", number%measuredApps)
	pod := measuredPod(fmt.Sprintf("pod-%d", number), app)
	shape := c.shape
	if shape == "mixed" {
		shape = []string{"basic", "spread", "anti-affinity", "preferred"}[number%4]
	}
	own := &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	switch shape {
	case "spread":
		pod.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: v1.LabelTopologyZone, WhenUnsatisfiable: v1.DoNotSchedule, LabelSelector: own,
		}}
	case "anti-affinity":
		pod.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{{LabelSelector: own, TopologyKey: v1.LabelHostname}},
		}}
	case "preferred":
		pod.Spec.Affinity = &v1.Affinity{PodAffinity: &v1.PodAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{{
				Weight: 50, PodAffinityTerm: v1.PodAffinityTerm{LabelSelector: own, TopologyKey: v1.LabelTopologyZone},
			}},
		}}
	}
	return pod
}

// place follows Scheduler.schedulePod and assume: it finds the pod a node, and counts it there.
func (p *placing) place(ctx context.Context, pod *v1.Pod) (bool, error) {
	logger := klog.FromContext(ctx)
	if err := p.cache.UpdateSnapshot(logger, p.snapshot); err != nil {
		return false, err
	}
	state := framework.NewCycleState()
	nodes, err := p.snapshot.NodeInfos().List()
	if err != nil {
		return false, err
	}
	if _, status, _ := p.framework.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
		return false, status.AsError()
	}
	feasible, err := p.filter(ctx, state, pod, nodes)
	if err != nil || len(feasible) == 0 {
		return false, err
	}
	if status := p.framework.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		return false, status.AsError()
	}
	scores, status := p.framework.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return false, status.AsError()
	}
	best := scores[0]
	for _, other := range scores {
		if other.TotalScore > best.TotalScore {
			best = other
		}
	}
	pod.Spec.NodeName = best.Name
	return true, p.cache.AssumePod(logger, pod)
}

// filter follows Scheduler.findNodesThatPassFilters.
func (p *placing) filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) ([]fwk.NodeInfo, error) {
	wanted := int32(feasibleNodesToFind(len(nodes)))
	feasible := make([]fwk.NodeInfo, wanted)
	var length, rejected int32
	searching, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.framework.Parallelizer().Until(searching, len(nodes), func(i int) {
		node := nodes[(p.start+i)%len(nodes)]
		status := p.framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
		if !status.IsSuccess() {
			atomic.AddInt32(&rejected, 1)
			return
		}
		position := atomic.AddInt32(&length, 1)
		if position > wanted {
			atomic.AddInt32(&length, -1)
			cancel(errors.New("enough nodes"))
			return
		}
		feasible[position-1] = node
	}, "Filter")
	p.start = (p.start + int(length) + int(rejected)) % len(nodes)
	return feasible[:length], nil
}

// feasibleNodesToFind is Scheduler.numFeasibleNodesToFind with the default percentage.
func feasibleNodesToFind(nodes int) int {
	if nodes < 100 {
		return nodes
	}
	percentage := max(50-nodes/125, 5)
	return max(nodes*percentage/100, 100)
}
