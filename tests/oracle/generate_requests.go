package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
)

// podGenerator makes pods whose requests are hard to sum. All choices come from its source.
type podGenerator struct {
	source *rand.Rand
}

// generateRequests is the subcommand generate-requests: --count random pods.
func generateRequests(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-requests", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	answer := flags.Bool("answer", false, "answer each case at once, as requests would")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	writer := bufio.NewWriter(out)
	for number := range *count {
		generator := &podGenerator{rand.New(rand.NewPCG(*seed, uint64(number)))}
		pod, err := json.Marshal(generator.pod())
		if err != nil {
			return err
		}
		one := requestsCase{fmt.Sprintf("%d-%d", *seed, number), pod}
		if !*answer {
			err = writeLine(writer, one)
		} else if answered, failed := one.answer(); failed != nil {
			err = failed
		} else {
			err = writeLine(writer, answered)
		}
		if err != nil {
			return err
		}
	}
	return writer.Flush()
}

func (g *podGenerator) chance(percent int) bool { return g.source.IntN(100) < percent }

func (g *podGenerator) one(of ...string) string { return of[g.source.IntN(len(of))] }

func (g *podGenerator) pod() object {
	containers, initial := g.containers("c", 1+g.source.IntN(3)), list(nil)
	if g.chance(55) {
		initial = g.containers("i", 1+g.source.IntN(4))
		for _, one := range initial {
			if g.chance(50) {
				one.(object)["restartPolicy"] = "Always"
			}
		}
	}
	spec := object{"containers": containers}
	if len(initial) > 0 {
		spec["initContainers"] = initial
	}
	if g.chance(30) {
		spec["overhead"] = g.overhead()
	}
	if g.chance(40) {
		if resources := g.podLevel(); len(resources) > 0 {
			spec["resources"] = resources
		}
	}
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod", "namespace": "default"}, "spec": spec}
	if g.chance(40) {
		spec["nodeName"] = "n1"
		pod["status"] = g.status(containers, initial, spec["resources"] != nil)
	}
	return pod
}

func (g *podGenerator) containers(prefix string, count int) list {
	var containers list
	for number := range count {
		container := object{"name": fmt.Sprintf("%s%d", prefix, number), "image": "i"}
		if resources := g.resources(); len(resources) > 0 {
			container["resources"] = resources
		}
		containers = append(containers, container)
	}
	return containers
}

// resources leaves many things out: what is missing is where the sums differ.
func (g *podGenerator) resources() object {
	requests, limits := object{}, object{}
	for _, to := range []object{requests, limits} {
		if g.chance(50) {
			to["cpu"] = g.cpu()
		}
		if g.chance(50) {
			to["memory"] = g.memory()
		}
		if g.chance(15) {
			to["ephemeral-storage"] = g.one("0", "1Gi", "500M", "1")
		}
	}
	if g.chance(15) {
		limits[g.one("example.com/gpu", "example.com/nic", "vendor.io/a.b")] = g.one("0", "1", "2")
	}
	if g.chance(12) {
		limits[g.one("hugepages-2Mi", "hugepages-1Gi")] = g.one("2Mi", "4Mi", "1Gi")
	}
	resources := object{}
	if len(requests) > 0 {
		resources["requests"] = requests
	}
	if len(limits) > 0 {
		resources["limits"] = limits
	}
	return resources
}

func (g *podGenerator) cpu() string {
	return g.one("0", "1m", "100m", "333m", "0.5", "1", "1.5", "2", "1e-1", "100u", "1500001n", "0.0001")
}

func (g *podGenerator) memory() string {
	return g.one("0", "1", "100m", "64Mi", "100M", "1Gi", "1.5Gi", "128974848", "129e6", "0.1Mi", "2500u", "1k")
}

func (g *podGenerator) overhead() object {
	overhead := object{}
	if g.chance(70) {
		overhead["cpu"] = g.one("0", "50m", "250m")
	}
	if g.chance(70) {
		overhead["memory"] = g.one("0", "16Mi", "120Mi")
	}
	if g.chance(15) {
		overhead["example.com/gpu"] = "1"
	}
	return overhead
}

func (g *podGenerator) podLevel() object {
	resources := object{}
	for _, name := range []string{"requests", "limits"} {
		of := object{}
		if g.chance(50) {
			of["cpu"] = g.one("0", "100m", "8", "12.5")
		}
		if g.chance(50) {
			of["memory"] = g.one("0", "64Mi", "8Gi", "100m")
		}
		if g.chance(15) {
			of["hugepages-2Mi"] = g.one("4Mi", "64Mi")
		}
		if len(of) > 0 && g.chance(75) {
			resources[name] = of
		}
	}
	return resources
}

// status is that of a pod of which some containers are being resized in place.
func (g *podGenerator) status(containers, initial list, podLevel bool) object {
	status := object{"phase": "Running"}
	if statuses := g.containerStatuses(containers); len(statuses) > 0 {
		status["containerStatuses"] = statuses
	}
	if statuses := g.containerStatuses(initial); len(statuses) > 0 {
		status["initContainerStatuses"] = statuses
	}
	if podLevel && g.chance(60) {
		status["resources"] = object{"requests": object{"cpu": g.one("100m", "9", "20"), "memory": g.one("1Gi", "9Gi")}}
		if g.chance(60) {
			status["allocatedResources"] = object{"cpu": g.one("200m", "10"), "memory": "2Gi"}
		}
	}
	if g.chance(50) {
		reason := g.one("Infeasible", "Deferred")
		status["conditions"] = list{object{"type": "PodResizePending", "status": "True", "reason": reason}}
	}
	return status
}

func (g *podGenerator) containerStatuses(containers list) list {
	var statuses list
	for _, one := range containers {
		if !g.chance(60) {
			continue
		}
		name := one.(object)["name"]
		status := object{"name": name, "image": "i", "imageID": "", "ready": true, "restartCount": 0}
		if g.chance(80) {
			requests := object{}
			if g.chance(70) {
				requests["cpu"] = g.cpu()
			}
			if g.chance(70) {
				requests["memory"] = g.memory()
			}
			status["resources"] = object{"requests": requests}
		}
		if g.chance(60) {
			status["allocatedResources"] = object{"cpu": g.cpu(), "memory": g.memory()}
		}
		statuses = append(statuses, status)
	}
	return statuses
}
