package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
)

// generateConfigurations is the subcommand generate-configuration: --count random configurations, most of them with something that
// may be wrong, and with --edges the written ones of cases/configuration-*.yaml.
func generateConfigurations(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-configuration", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	edges := flags.Bool("edges", true, "the written cases of cases/configuration-*.yaml before the random ones")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *edges {
		identify := func(one configurationCase) (string, any) { return one.ID, one }
		if err := writeCaseFiles(out, "cases/configuration-*.yaml", identify); err != nil {
			return err
		}
	}
	writer := bufio.NewWriter(out)
	for number := range *count {
		g := &clusterGenerator{source: rand.New(rand.NewPCG(*seed, uint64(number))), nodes: 4, features: map[feature]bool{}}
		var made any
		encoded, err := json.Marshal(g.wholeConfiguration())
		if err == nil {
			err = json.Unmarshal(encoded, &made)
		}
		if err != nil {
			return err
		}
		for range g.source.IntN(3) {
			made = g.spoil(made)
		}
		encoded, err = json.Marshal(made)
		if err != nil {
			return err
		}
		if err := writeLine(writer, configurationCase{fmt.Sprintf("configuration-%d-%d", *seed, number), string(encoded)}); err != nil {
			return err
		}
	}
	return writer.Flush()
}

// wholeConfiguration has, beside what decides where pods go, everything else that a configuration can have.
func (g *clusterGenerator) wholeConfiguration() object {
	made := g.configuration()
	if g.chance(20) {
		made["parallelism"] = 1 + g.source.IntN(32)
	}
	if g.chance(20) {
		made["leaderElection"] = object{"leaderElect": g.chance(70), "leaseDuration": "15s", "renewDeadline": "10s", "resourceLock": "leases"}
	}
	if g.chance(20) {
		made["clientConnection"] = object{"kubeconfig": "/etc/scheduler.conf", "qps": 50.5, "burst": 100}
	}
	if g.chance(10) {
		made["enableProfiling"], made["delayCacheUntilActive"] = true, true
	}
	if g.chance(15) {
		extender := object{
			"urlPrefix": "https://extender.example/", "filterVerb": "filter", "prioritizeVerb": "prioritize", "weight": 5,
			"enableHTTPS": true, "httpTimeout": "5s", "managedResources": list{object{"name": "example.com/gpu", "ignoredByScheduler": true}},
		}
		made["extenders"] = list{extender}
	}
	return made
}

// words are what stands in a configuration somewhere, and what does not.
var words = []string{
	"", "*", "NodeAffinity", "NodeAffinty", "Coscheduling", "PrioritySort", "DefaultBinder", "SchedulingGates", "EBSLimits", "System", "List",
	"MostAllocated", "leases", "endpoints", "-1s", "10", "example.com/gpu", "a/b/c", "DoNotSchedule", "kubernetes.io/hostname", "cpu", "Gt",
	"default-scheduler", "NodeResourcesFit", "GangScheduling", "NodeDeclaredFeatures", "kubescheduler.config.k8s.io/v1beta3",
}

var keys = []string{
	"name", "weight", "enabled", "disabled", "filter", "score", "preFilter", "queueSort", "bind", "multiPoint", "permit", "args", "pluginConfig",
	"schedulerName", "percentageOfNodesToScore", "shape", "resources", "type", "labelSelector", "apiVersion", "kind", "parallelism", "scoringStrategy",
	"podMaxBackoffSeconds", "leaderElect", "prioritizeVerb", "bindVerb", "defaultConstraints", "hardPodAffinityWeight", "bogus", "Filter",
}

// spoil changes one value somewhere in made.
func (g *clusterGenerator) spoil(made any) any {
	switch value := made.(type) {
	case object:
		if len(value) == 0 || g.chance(4) {
			value[pick(g, keys)] = g.something()
			return value
		}
		key := pick(g, sortedKeys(value))
		if g.chance(12) {
			delete(value, key)
		} else {
			value[key] = g.spoil(value[key])
		}
		return value
	case list:
		switch {
		case len(value) == 0 || g.chance(3):
			return append(value, g.something())
		case g.chance(12):
			return append(value, pick(g, value))
		case g.chance(8):
			return value[1:]
		}
		index := g.source.IntN(len(value))
		value[index] = g.spoil(value[index])
		return value
	default:
		if g.chance(93) {
			return g.alike(made)
		}
		return g.something()
	}
}

func (g *clusterGenerator) alike(value any) any {
	switch value.(type) {
	case string:
		return pick(g, words)
	case float64:
		return pick(g, []any{-1, -1, 0, 0, 1, 2, 10, 11, 100, 101, 1000, 2147483648, 0.5})
	case bool:
		return g.chance(50)
	default:
		return value
	}
}

func (g *clusterGenerator) something() any {
	return pick(g, []any{nil, true, 3, -1, 1.5, pick(g, words), list{}, object{}, list{pick(g, words)}, object{"name": pick(g, words)}, list{object{"name": pick(g, words)}}})
}
