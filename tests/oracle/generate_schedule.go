package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// object is a manifest under construction.
type object = map[string]any

// list is a list inside a manifest.
type list = []any

// clusterGenerator makes clusters at random. All choices come from its source.
type clusterGenerator struct {
	source *rand.Rand
	nodes  int
	// size is how large clusters may become.
	size clusterSize
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

// clusterSize is how large clusters may become, and with it what there is in them.
type clusterSize int

const (
	// small is 1 to 6 nodes in three zones.
	small clusterSize = iota
	// upTo30 is 1 to 30 nodes, most of them few, in up to six zones of two regions.
	upTo30
)

// drawing is what random cases are about.
type drawing struct {
	size clusterSize
	// volumes are the numbers of the cases that are about volumes.
	volumes func(number int) bool
	// configurations asks for a scheduler configuration with each case.
	configurations bool
}

// drawings are the values of --draw.
var drawings = map[string]drawing{
	"small":         {size: small, volumes: func(int) bool { return false }},
	"small-volumes": {size: small, volumes: func(int) bool { return true }},
	"any":           {size: upTo30, volumes: func(number int) bool { return number%4 == 3 }},
}

// generateSchedule is the subcommand generate-schedule: --count random clusters, each with one pod to schedule.
func generateSchedule(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-schedule", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	name := flags.String("draw", "small", "what the cases are about: "+strings.Join(sortedKeys(drawings), ", "))
	answer := flags.Bool("answer", false, "answer each case at once, as schedule would")
	configurations := flags.Bool("configurations", false, "each case with a scheduler configuration of its own")
	edges := flags.Bool("edges", false, "the written cases of cases/schedule-*.yaml instead of random ones")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *edges {
		return writeCaseFiles(out, "cases/schedule-*.yaml", func(one scheduleCase) (string, any) { return one.ID, one })
	}
	draw, known := drawings[*name]
	if !known {
		return fmt.Errorf("--draw is one of %s", strings.Join(sortedKeys(drawings), ", "))
	}
	draw.configurations = *configurations
	silenceKubernetes()
	writer := bufio.NewWriter(out)
	for number := range *count {
		made, err := draw.one(*seed, number)
		if err != nil {
			return err
		}
		if err := writeDrawn(writer, made, *answer); err != nil {
			return fmt.Errorf("case %s: %w", made.ID, err)
		}
	}
	return writer.Flush()
}

func writeDrawn(out io.Writer, made drawn, answer bool) error {
	if !answer {
		return writeLine(out, made.scheduleCase)
	}
	answered := scheduleAnswer{scheduleCase: made.scheduleCase}
	if err := answered.schedule(made.objects, made.pod); err != nil {
		return err
	}
	return writeLine(out, answered)
}

// one draws until the API server would accept the case: once in some thousand a pod is not valid.
func (d drawing) one(seed uint64, number int) (drawn, error) {
	source := rand.New(rand.NewPCG(seed, uint64(number)))
	var err error
	for range 20 {
		var made drawn
		generator := &clusterGenerator{source: source, size: d.size}
		if made, err = generator.makeCase(fmt.Sprintf("%d-%d", seed, number), d.volumes(number)); err == nil {
			if d.configurations {
				err = addConfiguration(source, &made)
			}
			return made, err
		}
	}
	return drawn{}, err
}

func (g *clusterGenerator) makeCase(id string, volumes bool) (drawn, error) {
	g.nodes = g.drawNodes()
	g.features = map[feature]bool{}
	var objects []object
	var pod object
	if volumes {
		objects, pod = g.makeVolumeCluster()
	} else {
		for range 1 + g.source.IntN(3) {
			g.features[pick(g, g.subjects())] = true
		}
		objects, pod = g.makeCluster(), g.makePodToSchedule()
	}
	return store(id, objects, pod)
}

func (g *clusterGenerator) drawNodes() int {
	if g.size == upTo30 {
		switch roll := g.source.IntN(100); {
		case roll < 12:
			return 15 + g.source.IntN(16)
		case roll < 25:
			return 7 + g.source.IntN(8)
		}
	}
	nodes := min(6, 2+g.source.IntN(6))
	if g.chance(8) {
		nodes = 1
	}
	return nodes
}

// drawn is a case and what the API server would store of it.
type drawn struct {
	scheduleCase
	objects []runtime.Object
	pod     *v1.Pod
}

// store encodes the objects and the pod of a case and refuses a pod that the API server would refuse, so that every case is
// one that can happen.
func store(id string, objects []object, pod object) (drawn, error) {
	made := drawn{scheduleCase: scheduleCase{ID: id}}
	for _, one := range append(objects, pod) {
		encoded, stored, err := storeOne(one)
		if err != nil {
			return made, fmt.Errorf("case %s: %s: %w", id, encoded, err)
		}
		made.Objects, made.objects = append(made.Objects, encoded), append(made.objects, stored)
	}
	last := len(objects)
	made.Pod, made.Objects = made.Objects[last], made.Objects[:last]
	made.pod, made.objects = made.objects[last].(*v1.Pod), made.objects[:last]
	return made, nil
}

func storeOne(one object) (json.RawMessage, runtime.Object, error) {
	encoded, err := json.Marshal(one)
	if err != nil {
		return nil, nil, err
	}
	decoded, err := decodeWithDefaults(encoded)
	if err != nil {
		return encoded, nil, err
	}
	if pod, is := decoded.(*v1.Pod); is {
		if err := validateExistingPod(pod); err != nil {
			return encoded, nil, err
		}
	}
	stored, err := asStored(decoded)
	return encoded, stored, err
}

func (g *clusterGenerator) makeCluster() []object {
	var objects []object
	for number := range g.nodes {
		objects = append(objects, g.makeNode(number+1))
	}
	for _, namespace := range namespaces {
		objects = append(objects, object{"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
	}
	objects = append(objects, g.makeOwners()...)
	if g.features[serviceFeature] || g.chance(10) {
		objects = append(objects, g.makeService())
	}
	pods := g.source.IntN(13)
	if g.features[hardSpreadFeature] || g.features[portsFeature] {
		pods = max(pods, 6)
	}
	if g.nodes > 6 {
		pods += g.source.IntN(2 * g.nodes)
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
