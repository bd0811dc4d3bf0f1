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
)

// generateSequence is the subcommand generate-sequence: --count random clusters, each with some steps.
func generateSequence(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-sequence", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of sequences")
	name := flags.String("draw", "small", "what the cases are about: "+strings.Join(sortedKeys(drawings), ", "))
	answer := flags.Bool("answer", false, "answer each case at once, as sequence would")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	draw, known := drawings[*name]
	if !known {
		return fmt.Errorf("--draw is one of %s", strings.Join(sortedKeys(drawings), ", "))
	}
	silenceKubernetes()
	writer := bufio.NewWriter(out)
	for number := range *count {
		made, err := draw.sequence(*seed, number)
		if err != nil {
			return err
		}
		if !*answer {
			err = writeLine(writer, made)
		} else if answered, failed := made.answer(); failed != nil {
			err = failed
		} else {
			err = writeLine(writer, answered)
		}
		if err != nil {
			return fmt.Errorf("case %s: %w", made.ID, err)
		}
	}
	return writer.Flush()
}

// sequence draws until the API server would accept every pod.
func (d drawing) sequence(seed uint64, number int) (sequenceCase, error) {
	source := rand.New(rand.NewPCG(seed, uint64(number)))
	var err error
	for range 20 {
		var made sequenceCase
		generator := &clusterGenerator{source: source, size: d.size, features: map[feature]bool{}}
		if made, err = generator.makeSequence(fmt.Sprintf("sequence-%d-%d", seed, number), d.volumes(number)); err == nil {
			return made, nil
		}
	}
	return sequenceCase{}, err
}

func (g *clusterGenerator) makeSequence(id string, volumes bool) (sequenceCase, error) {
	g.nodes = g.drawNodes()
	var objects, templates []object
	if volumes {
		// Claims that are bound: what the controllers would do to others is not played.
		subjects := []func() ([]object, object){g.makeExclusiveClaims, g.makeInlineDisks, g.makeVolumeZones}
		var pod object
		objects, pod = pick(g, subjects)()
		templates = []object{pod}
	} else {
		for range 1 + g.source.IntN(3) {
			g.features[pick(g, g.subjects())] = true
		}
		objects = g.makeCluster()
	}
	for range 1 + g.source.IntN(3) {
		pod := g.makePodToSchedule()
		// The scheduler does not see a pod that names its node.
		delete(pod["spec"].(object), "nodeName")
		templates = append(templates, pod)
	}
	starts := map[string]int{}
	for _, one := range objects {
		if one["kind"] != "Pod" {
			continue
		}
		if _, isBound := one["spec"].(object)["nodeName"]; isBound {
			g.prioritize(one, starts)
		}
	}
	for number := range g.source.IntN(3) {
		objects = append(objects, g.makeBudget(number+1))
	}
	made := sequenceCase{ID: id}
	for _, one := range objects {
		encoded, _, err := storeOne(one)
		if err != nil {
			return made, fmt.Errorf("case %s: %s: %w", id, encoded, err)
		}
		made.Objects = append(made.Objects, encoded)
	}
	names := podNames(objects)
	for number := range 6 + g.source.IntN(18) {
		step, err := g.makeStep(number+1, templates, &names)
		if err != nil {
			return made, fmt.Errorf("case %s: %w", id, err)
		}
		made.Steps = append(made.Steps, step)
	}
	return made, nil
}

func podNames(objects []object) []string {
	var names []string
	for _, one := range objects {
		if one["kind"] == "Pod" {
			names = append(names, nameInNamespace(one))
		}
	}
	return names
}

func nameInNamespace(one object) string {
	metadata := one["metadata"].(object)
	namespace, given := metadata["namespace"].(string)
	if !given {
		namespace = "default"
	}
	return namespace + "/" + metadata["name"].(string)
}

func (g *clusterGenerator) makeStep(number int, templates []object, names *[]string) (sequenceStep, error) {
	switch roll := g.source.IntN(100); {
	case roll < 8 && len(*names) > 0:
		return sequenceStep{Remove: pick(g, *names)}, nil
	case roll < 14 && len(*names) > 0:
		return sequenceStep{Terminate: pick(g, *names)}, nil
	case roll < 20:
		return g.makeNodeStep()
	case roll < 32:
		return sequenceStep{Retry: true, Choice: g.source.IntN(30)}, nil
	}
	pod := copyOf(pick(g, templates))
	pod["metadata"].(object)["name"] = fmt.Sprintf("s%d", number)
	pod["spec"].(object)["priority"] = pick(g, []int{0, 0, 0, 1, 2, 3})
	// Later than every pod that was there before, and each later than the one before.
	pod["status"] = object{"startTime": fmt.Sprintf("2026-01-01T00:01:%02dZ", number)}
	*names = append(*names, nameInNamespace(pod))
	encoded, _, err := storeOne(pod)
	return sequenceStep{Place: encoded, Choice: g.source.IntN(30)}, err
}

func (g *clusterGenerator) makeNodeStep() (sequenceStep, error) {
	spec := object{"unschedulable": g.chance(40)}
	if taints := g.taints(); len(taints) > 0 {
		spec["taints"] = taints
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return sequenceStep{}, err
	}
	step := sequenceStep{Node: nodeName(1 + g.source.IntN(g.nodes)), Spec: &v1.NodeSpec{}}
	return step, json.Unmarshal(encoded, step.Spec)
}

// copyOf copies what a step changes.
func copyOf(pod object) object {
	copied := object{}
	for key, value := range pod {
		copied[key] = value
	}
	for _, key := range []string{"metadata", "spec"} {
		fields := object{}
		for name, value := range pod[key].(object) {
			fields[name] = value
		}
		copied[key] = fields
	}
	return copied
}
