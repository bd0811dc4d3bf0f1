package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
)

// object is a manifest under construction.
type object = map[string]any

// list is a list inside a manifest.
type list = []any

// clusterGenerator makes small clusters at random. All choices come from its source.
type clusterGenerator struct {
	source *rand.Rand
	nodes  int
	// features are what this cluster and the pod to schedule are about.
	features map[feature]bool
}

// feature is a subject of a case: it makes the fields that one plugin looks at more likely.
type feature string

const (
	resourcesFeature   feature = "resources"
	extendedFeature    feature = "extended-resources"
	podSlotsFeature    feature = "pod-slots"
	requestsFeature    feature = "request-arithmetic"
	taintsFeature      feature = "taints"
	selectorFeature    feature = "node-selector"
	nodeTermsFeature   feature = "node-affinity"
	fieldsFeature      feature = "match-fields"
	cordonFeature      feature = "unschedulable"
	portsFeature       feature = "host-ports"
	affinityFeature    feature = "pod-affinity"
	antiFeature        feature = "pod-anti-affinity"
	othersFeature      feature = "existing-affinity"
	hardSpreadFeature  feature = "hard-spread"
	softSpreadFeature  feature = "soft-spread"
	serviceFeature     feature = "default-spread"
	imagesFeature      feature = "images"
	nodeNameFeature    feature = "node-name"
	terminatingFeature feature = "terminating"
	preferenceFeature  feature = "preferences"
)

// weightedFeatures repeats the features that would otherwise be rare among the verdicts and scores.
var weightedFeatures = []feature{
	resourcesFeature, extendedFeature, podSlotsFeature, requestsFeature, taintsFeature, selectorFeature, nodeTermsFeature,
	fieldsFeature, cordonFeature, nodeNameFeature, terminatingFeature, serviceFeature, serviceFeature,
	portsFeature, portsFeature, portsFeature, affinityFeature, affinityFeature, antiFeature, antiFeature, othersFeature, othersFeature,
	hardSpreadFeature, hardSpreadFeature, hardSpreadFeature, hardSpreadFeature, softSpreadFeature, softSpreadFeature, softSpreadFeature,
	imagesFeature, imagesFeature, preferenceFeature, preferenceFeature, preferenceFeature,
}

// generateSchedule is the subcommand generate-schedule: --count random clusters, each with one pod to schedule.
func generateSchedule(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-schedule", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	volumes := flags.Bool("volumes", false, "cases about volumes instead of everything else")
	configurations := flags.Bool("configurations", false, "each case with a scheduler configuration of its own")
	edges := flags.Bool("edges", false, "the written cases of cases/schedule-*.yaml instead of random ones")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *edges {
		return writeCaseFiles(out, "cases/schedule-*.yaml", func(one scheduleCase) (string, any) { return one.ID, one })
	}
	writer := bufio.NewWriter(out)
	for number := range *count {
		source := rand.New(rand.NewPCG(*seed, uint64(number)))
		made, err := drawCase(source, fmt.Sprintf("%d-%d", *seed, number), *volumes)
		if err == nil && *configurations {
			err = addConfiguration(source, &made)
		}
		if err != nil {
			return err
		}
		if err := writeLine(writer, made); err != nil {
			return err
		}
	}
	return writer.Flush()
}

func (g *clusterGenerator) makeCase(id string, volumes bool) (scheduleCase, error) {
	g.nodes = min(6, 2+g.source.IntN(6))
	if g.chance(8) {
		g.nodes = 1
	}
	g.features = map[feature]bool{}
	var objects []object
	var pod object
	if volumes {
		objects, pod = g.makeVolumeCluster()
	} else {
		for range 1 + g.source.IntN(3) {
			g.features[pick(g, weightedFeatures)] = true
		}
		objects, pod = g.makeCluster(), g.makePodToSchedule()
	}
	made := scheduleCase{ID: id}
	for _, one := range objects {
		encoded, err := encodeChecked(one)
		if err != nil {
			return made, fmt.Errorf("case %s: %w", id, err)
		}
		made.Objects = append(made.Objects, encoded)
	}
	encoded, err := encodeChecked(pod)
	made.Pod = encoded
	if err != nil {
		err = fmt.Errorf("case %s: %w", id, err)
	}
	return made, err
}

// encodeChecked refuses a pod that the API server would refuse, so that every case is one that can happen.
func encodeChecked(one object) (json.RawMessage, error) {
	encoded, err := json.Marshal(one)
	if err != nil || one["kind"] != "Pod" {
		return encoded, err
	}
	created := object{}
	for key, value := range one {
		if key != "status" {
			created[key] = value
		}
	}
	metadata := object{}
	for key, value := range one["metadata"].(object) {
		if key != "deletionTimestamp" && key != "deletionGracePeriodSeconds" {
			metadata[key] = value
		}
	}
	created["metadata"] = metadata
	manifest, err := json.Marshal(created)
	if err != nil {
		return nil, err
	}
	if err := validatePod(manifest); err != nil {
		return nil, fmt.Errorf("pod %s: %w", encoded, err)
	}
	return encoded, nil
}

func (g *clusterGenerator) makeCluster() []object {
	var objects []object
	for number := range g.nodes {
		objects = append(objects, g.makeNode(number+1))
	}
	for _, namespace := range namespaces {
		objects = append(objects, object{"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
	}
	if g.features[serviceFeature] || g.chance(10) {
		objects = append(objects, g.makeService())
	}
	pods := g.source.IntN(13)
	if g.features[hardSpreadFeature] || g.features[portsFeature] {
		pods = max(pods, 6)
	}
	for number := range pods {
		objects = append(objects, g.makeExistingPod(number+1))
	}
	return objects
}

func (g *clusterGenerator) makeService() object {
	selector := object{"app": pick(g, apps)}
	if g.chance(20) {
		selector["tier"] = pick(g, tiers)
	}
	return object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "s", "namespace": g.namespace()},
		"spec": object{"selector": selector, "ports": list{object{"port": 80}}},
	}
}

// chance is true in percent of a hundred cases.
func (g *clusterGenerator) chance(percent int) bool {
	return g.source.IntN(100) < percent
}

// likely is true often if the case is about about, and otherwise in percent of a hundred cases.
func (g *clusterGenerator) likely(about feature, percent int) bool {
	if g.features[about] {
		percent = 75
	}
	return g.chance(percent)
}

// pick chooses one of values, each as likely as the others.
func pick[Value any](g *clusterGenerator, values []Value) Value {
	return values[g.source.IntN(len(values))]
}

// pickSome chooses at least least and at most most different ones of values, in their order.
func pickSome[Value any](g *clusterGenerator, values []Value, least, most int) []Value {
	count := least + g.source.IntN(most-least+1)
	chosen := map[int]bool{}
	for _, index := range g.source.Perm(len(values))[:min(count, len(values))] {
		chosen[index] = true
	}
	var some []Value
	for index, value := range values {
		if chosen[index] {
			some = append(some, value)
		}
	}
	return some
}

// drawCase draws until the API server would accept the case: once in some thousand a pod is not valid.
func drawCase(source *rand.Rand, id string, volumes bool) (scheduleCase, error) {
	var err error
	for range 20 {
		var made scheduleCase
		if made, err = (&clusterGenerator{source: source}).makeCase(id, volumes); err == nil {
			return made, nil
		}
	}
	return scheduleCase{}, err
}
