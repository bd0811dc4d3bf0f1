package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// autoscaleGenerator makes autoscalers and what happens to their targets. All choices come from its source.
type autoscaleGenerator struct {
	source  *rand.Rand
	metrics map[string]string
}

// generateAutoscale is the subcommand generate-autoscale: --count random autoscalers, each looked at many times.
func generateAutoscale(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-autoscale", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	answer := flags.Bool("answer", false, "answer each case at once, as autoscale would")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	writer := bufio.NewWriter(out)
	for number := range *count {
		generator := &autoscaleGenerator{rand.New(rand.NewPCG(*seed, uint64(number))), map[string]string{}}
		one, err := generator.autoscaleCase(fmt.Sprintf("%d-%d", *seed, number))
		if err != nil {
			return err
		}
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

func (g *autoscaleGenerator) chance(percent int) bool { return g.source.IntN(100) < percent }

func (g *autoscaleGenerator) one(of ...string) string { return of[g.source.IntN(len(of))] }

func (g *autoscaleGenerator) number(of ...int64) int64 { return of[g.source.IntN(len(of))] }

func (g *autoscaleGenerator) autoscaleCase(id string) (autoscaleCase, error) {
	one := autoscaleCase{ID: id, Replicas: int32(1 + g.source.IntN(12)), Template: g.template()}
	least := 1 + g.source.IntN(4)
	spec := object{
		"scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
		"maxReplicas":    least + g.source.IntN(40),
	}
	if least > 1 || g.chance(50) {
		spec["minReplicas"] = least
	}
	if metrics := g.metricSpecs(); len(metrics) > 0 {
		spec["metrics"] = metrics
	} else {
		g.metrics["cpu"] = "resource"
	}
	if g.chance(65) {
		if behavior := g.behavior(); len(behavior) > 0 {
			spec["behavior"] = behavior
		}
	}
	hpa, err := json.Marshal(object{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
		"metadata": object{"name": "web", "namespace": "default"}, "spec": spec,
	})
	one.HPA = hpa
	steps := 3 + g.source.IntN(12)
	if g.chance(30) {
		steps += 30
	}
	for number := range steps {
		one.Steps = append(one.Steps, g.step(number))
	}
	return one, err
}

func (g *autoscaleGenerator) template() v1.PodSpec {
	var containers []v1.Container
	for number := range 1 + g.source.IntN(2) {
		requests := v1.ResourceList{}
		if g.chance(96) {
			requests[v1.ResourceCPU] = resource.MustParse(g.one("100m", "250m", "333m", "500m", "1", "1500m"))
		}
		if g.chance(96) {
			requests[v1.ResourceMemory] = resource.MustParse(g.one("64Mi", "100M", "1Gi"))
		}
		containers = append(containers, v1.Container{
			Name: "c" + strconv.Itoa(number), Image: "i", Resources: v1.ResourceRequirements{Requests: requests},
		})
	}
	return v1.PodSpec{Containers: containers}
}

func (g *autoscaleGenerator) metricSpecs() list {
	var specs list
	for _, name := range []string{"cpu", "memory", "requests", "queue", "backlog"} {
		if !g.chance(map[string]int{"cpu": 55, "memory": 20, "requests": 25, "queue": 25, "backlog": 25}[name]) {
			continue
		}
		specs = append(specs, g.metricSpec(name))
	}
	g.source.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
	return specs
}

func (g *autoscaleGenerator) metricSpec(name string) object {
	average := object{"type": "AverageValue", "averageValue": g.one("10", "100m", "1500m", "3", "0.333")}
	total := average
	if g.chance(50) {
		total = object{"type": "Value", "value": g.one("10", "50", "1k", "2500m")}
	}
	metric := object{"name": name}
	switch name {
	case "cpu", "memory":
		g.metrics[name] = "resource"
		target := object{"type": "Utilization", "averageUtilization": g.number(1, 30, 50, 70, 80, 100, 150, 200)}
		if g.chance(25) {
			value := g.one("100m", "250m", "1")
			if name == "memory" {
				value = g.one("50Mi", "100M", "1Gi")
			}
			target = object{"type": "AverageValue", "averageValue": value}
		}
		return object{"type": "Resource", "resource": object{"name": name, "target": target}}
	case "requests":
		g.metrics[name] = "pods"
		return object{"type": "Pods", "pods": object{"metric": metric, "target": average}}
	case "queue":
		g.metrics[name] = "total"
		return object{"type": "External", "external": object{"metric": metric, "target": total}}
	default:
		g.metrics[name] = "total"
		of := object{"apiVersion": "v1", "kind": "Service", "name": "web"}
		return object{"type": "Object", "object": object{"metric": metric, "describedObject": of, "target": total}}
	}
}

func (g *autoscaleGenerator) behavior() object {
	behavior := object{}
	for _, direction := range []string{"scaleUp", "scaleDown"} {
		if !g.chance(75) {
			continue
		}
		rules := object{}
		if g.chance(60) {
			rules["stabilizationWindowSeconds"] = g.number(0, 0, 15, 30, 44, 60, 90, 120, 300, 600)
		}
		if g.chance(50) {
			rules["selectPolicy"] = g.one("Max", "Min", "Min", "Disabled")
		}
		if g.chance(70) {
			var policies list
			for range 1 + g.source.IntN(3) {
				policy := object{"type": "Pods", "value": 1 + g.source.IntN(6), "periodSeconds": g.number(1, 15, 20, 30, 60, 90, 150, 300)}
				if g.chance(50) {
					policy["type"], policy["value"] = "Percent", g.number(1, 5, 10, 33, 50, 75, 100, 150, 400)
				}
				policies = append(policies, policy)
			}
			rules["policies"] = policies
		}
		if g.chance(35) {
			rules["tolerance"] = g.one("0", "0.05", "10m", "0.2", "0.57", "1", "0.07", "0.0125", "0.29", "0.001")
		}
		behavior[direction] = rules
	}
	return behavior
}

func (g *autoscaleGenerator) step(number int) autoscaleStep {
	step := autoscaleStep{Surplus: int(g.number(0, 0, 0, 0, 1, -1, 2, -2))}
	now := int64(number+1) * 15
	if number == 0 || g.chance(25) {
		step.Pods = g.pods(now)
	}
	if number == 0 || g.chance(35) {
		step.Loads = map[string]autoscaleLoad{}
		for _, name := range sortedKeys(g.metrics) {
			if g.chance(93) {
				step.Loads[name] = g.load(g.metrics[name])
			}
		}
	}
	if number > 0 && g.chance(4) {
		to := int32(g.source.IntN(20))
		step.ScaleTo = &to
	}
	return step
}

// pods are mostly alike: most have run for long.
func (g *autoscaleGenerator) pods(now int64) []autoscalePod {
	pods := []autoscalePod{}
	trouble := int(g.number(0, 0, 5, 20, 50))
	for range int(g.number(0, 4, 12, 12, 24, 24, 30)) {
		pod := autoscalePod{Phase: v1.PodRunning, Ready: true, StartedAt: -1000, ReadySince: -990}
		if g.chance(trouble) {
			g.trouble(&pod, now)
		}
		pods = append(pods, pod)
	}
	return pods
}

func (g *autoscaleGenerator) trouble(pod *autoscalePod, now int64) {
	switch g.source.IntN(8) {
	case 0:
		pod.Phase, pod.Ready = v1.PodPending, false
	case 1:
		pod.Phase, pod.Ready = v1.PodFailed, false
	case 2:
		pod.Phase, pod.Ready = v1.PodSucceeded, false
	case 3:
		pod.Deleting = true
		pod.Ready = g.chance(50)
	case 4:
		pod.Unmeasured = true
		pod.Ready = g.chance(30)
	default:
		pod.StartedAt = now - g.number(0, 10, 30, 60, 285, 300, 315, 400)
		pod.ReadySince = pod.StartedAt + g.number(0, 5, 10, 29, 30, 31, 60, 280, 300)
		pod.ReadySince = min(pod.ReadySince, now-g.number(0, 1, 14, 15, 16))
		pod.ReadySince = max(pod.ReadySince, pod.StartedAt)
		pod.Ready = g.chance(60)
	}
}

func (g *autoscaleGenerator) load(kind string) autoscaleLoad {
	total := g.number(0, 100, 1000, 3000, 4500, 9000, 30_000, 100_000, 1_000_000) + int64(g.source.IntN(700))
	if kind == "total" || g.chance(35) {
		return autoscaleLoad{Total: &total}
	}
	if kind == "resource" && g.chance(75) {
		percent := g.number(0, 1, 45, 55, 63, 72, 78, 80, 88, 89, 100, 110, 157, 240) + int64(g.source.IntN(3))
		return autoscaleLoad{Utilization: &percent}
	}
	usage := g.number(0, 90, 100, 110, 250, 300, 1500, 1700, 3300, 10_000, 10_700) + int64(g.source.IntN(3))
	return autoscaleLoad{Usage: &usage}
}
