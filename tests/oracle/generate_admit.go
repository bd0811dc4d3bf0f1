package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
)

// generateAdmit is the subcommand generate-admit: --count random pods, each among objects that admission reads.
func generateAdmit(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-admit", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	answer := flags.Bool("answer", false, "answer each case at once, as admit would")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	silenceKubernetes()
	writer := bufio.NewWriter(out)
	for number := range *count {
		one, err := drawAdmission(*seed, number)
		if err == nil && *answer {
			answered := admitAnswer{admitCase: one}
			if err = answered.admit(); err == nil {
				err = writeLine(writer, answered)
			}
		} else if err == nil {
			err = writeLine(writer, one)
		}
		if err != nil {
			return fmt.Errorf("case %s: %w", one.ID, err)
		}
	}
	return writer.Flush()
}

func drawAdmission(seed uint64, number int) (admitCase, error) {
	generator := &podGenerator{rand.New(rand.NewPCG(seed, uint64(number)))}
	one := admitCase{ID: fmt.Sprintf("%d-%d", seed, number), Objects: []json.RawMessage{}}
	for _, object := range generator.admissionObjects() {
		encoded, err := json.Marshal(object)
		if err != nil {
			return one, err
		}
		one.Objects = append(one.Objects, encoded)
	}
	pod, err := json.Marshal(generator.podToAdmit())
	one.Pod = pod
	return one, err
}

func (g *podGenerator) admissionObjects() list {
	objects := list{}
	for number := range g.source.IntN(3) {
		if g.chance(60) {
			objects = append(objects, g.limitRange(fmt.Sprintf("range-%d", number)))
		}
	}
	classes := list{object{"name": "high", "value": 1000}, object{"name": "low", "value": -5, "preemptionPolicy": "Never"}}
	if g.chance(30) {
		classes = append(classes, object{"name": "usual", "value": 10, "globalDefault": true})
	}
	if g.chance(10) {
		classes = append(classes, object{"name": "second", "value": 5, "globalDefault": true, "preemptionPolicy": "Never"})
	}
	for _, class := range classes {
		made := object{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
		for key, value := range class.(object) {
			if key == "name" {
				made["metadata"] = object{"name": value}
			} else {
				made[key] = value
			}
		}
		objects = append(objects, made)
	}
	sandbox := object{
		"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": object{"name": "sandbox"}, "handler": "sandbox",
		"overhead": object{"podFixed": object{"cpu": "250m", "memory": "120Mi"}},
	}
	if g.chance(70) {
		scheduling := object{"nodeSelector": object{"runtime": "sandbox", "disk": g.one("ssd", "hdd")}}
		if g.chance(60) {
			scheduling["tolerations"] = g.tolerations()
		}
		sandbox["scheduling"] = scheduling
	}
	plain := object{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": object{"name": "plain"}, "handler": "runc"}
	return append(objects, sandbox, plain)
}

func (g *podGenerator) limitRange(name string) object {
	items := list{}
	for _, kind := range []string{"Container", "Pod", "PersistentVolumeClaim"} {
		if !g.chance(55) {
			continue
		}
		item := object{"type": kind}
		keys := []string{"min", "max", "maxLimitRequestRatio"}
		if kind == "Container" {
			keys = append(keys, "default", "defaultRequest")
		}
		for _, key := range keys {
			if bounds := g.bounds(key); len(bounds) > 0 {
				item[key] = bounds
			}
		}
		items = append(items, item)
	}
	return object{
		"apiVersion": "v1", "kind": "LimitRange", "metadata": object{"name": name, "namespace": "default"},
		"spec": object{"limits": items},
	}
}

func (g *podGenerator) bounds(key string) object {
	bounds := object{}
	for _, name := range []string{"cpu", "memory"} {
		if g.chance(30) {
			bounds[name] = g.one(boundAmounts[name][key]...)
		}
	}
	return bounds
}

var boundAmounts = map[string]map[string][]string{
	"cpu": {
		"min": {"10m", "100m"}, "max": {"1", "2", "8"}, "maxLimitRequestRatio": {"1", "1.5", "4"},
		"default": {"500m", "1"}, "defaultRequest": {"100m", "250m"},
	},
	"memory": {
		"min": {"1", "32Mi", "64Mi"}, "max": {"512Mi", "2Gi", "1G"}, "maxLimitRequestRatio": {"2", "3"},
		"default": {"256Mi", "1Gi"}, "defaultRequest": {"64Mi", "0.1Gi"},
	},
}

func (g *podGenerator) podToAdmit() object {
	spec := object{"containers": g.sized("c", 1+g.source.IntN(2))}
	if g.chance(30) {
		initial := g.sized("i", 1+g.source.IntN(2))
		if g.chance(50) {
			initial[0].(object)["restartPolicy"] = "Always"
		}
		spec["initContainers"] = initial
	}
	if g.chance(25) {
		spec["resources"] = object{"requests": object{"cpu": g.one("1", "3")}, "limits": object{"cpu": "4", "memory": g.one("1Gi", "4Gi")}}
	}
	if g.chance(40) {
		spec["priorityClassName"] = g.one("high", "low", "usual", "missing", "system-cluster-critical", "system-node-critical")
	}
	if g.chance(10) {
		spec["priority"] = []int{0, 10, 1000}[g.source.IntN(3)]
	}
	if g.chance(15) {
		spec["preemptionPolicy"] = g.one("Never", "PreemptLowerPriority")
	}
	if g.chance(40) {
		spec["runtimeClassName"] = g.one("sandbox", "sandbox", "plain", "missing")
	}
	if g.chance(12) {
		spec["overhead"] = object{"cpu": g.one("0.25", "500m"), "memory": "120Mi"}
	}
	if g.chance(30) {
		spec["nodeSelector"] = object{"disk": g.one("ssd", "hdd")}
	}
	if g.chance(40) {
		spec["tolerations"] = g.tolerations()
	}
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod", "namespace": "default"}, "spec": spec}
}

// sized is containers of which most say what they want.
func (g *podGenerator) sized(prefix string, count int) list {
	var containers list
	for number := range count {
		container := object{"name": fmt.Sprintf("%s%d", prefix, number), "image": "i"}
		requests, limits := object{}, object{}
		if g.chance(55) {
			requests["cpu"] = g.one("5m", "100m", "0.5", "1500m")
		}
		if g.chance(45) {
			limits["cpu"] = g.one("500m", "1", "2", "10")
		}
		if g.chance(55) {
			requests["memory"] = g.one("16Mi", "64Mi", "256Mi", "1G")
		}
		if g.chance(45) {
			limits["memory"] = g.one("256Mi", "1Gi", "4Gi")
		}
		container["resources"] = object{"requests": requests, "limits": limits}
		containers = append(containers, container)
	}
	return containers
}

func (g *podGenerator) tolerations() list {
	var tolerations list
	for range 1 + g.source.IntN(2) {
		toleration := object{"key": g.one("dedicated", "runtime", "node.kubernetes.io/not-ready")}
		if g.chance(50) {
			toleration["operator"] = "Exists"
		} else {
			toleration["operator"], toleration["value"] = "Equal", g.one("a", "b")
		}
		if g.chance(10) {
			toleration = object{"operator": "Exists"}
		}
		if g.chance(60) {
			toleration["effect"] = g.one("NoSchedule", "NoExecute", "PreferNoSchedule")
		}
		if toleration["effect"] == "NoExecute" && g.chance(50) {
			toleration["tolerationSeconds"] = 60
		}
		tolerations = append(tolerations, toleration)
	}
	return tolerations
}
