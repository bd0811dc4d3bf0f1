package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	pluginnames "k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
)

// deciding are the plugins that decide where pods go, in no particular order.
var deciding = []string{
	pluginnames.NodeUnschedulable, pluginnames.NodeName, pluginnames.TaintToleration, pluginnames.NodeAffinity, pluginnames.NodePorts, pluginnames.NodeResourcesFit,
	pluginnames.VolumeRestrictions, pluginnames.NodeVolumeLimits, pluginnames.VolumeBinding, pluginnames.VolumeZone, pluginnames.PodTopologySpread,
	pluginnames.InterPodAffinity, pluginnames.DynamicResources, pluginnames.NodeResourcesBalancedAllocation, pluginnames.ImageLocality,
	pluginnames.DefaultPreemption, pluginnames.NodeDeclaredFeatures,
}

// points are the extension points that decide where pods go, each with the plugins that have it.
var points = []struct {
	name    string
	plugins []string
}{
	{"preFilter", []string{
		pluginnames.NodeAffinity, pluginnames.NodePorts, pluginnames.NodeResourcesFit, pluginnames.VolumeRestrictions, pluginnames.NodeVolumeLimits, pluginnames.VolumeBinding,
		pluginnames.VolumeZone, pluginnames.PodTopologySpread, pluginnames.InterPodAffinity, pluginnames.DynamicResources, pluginnames.NodeDeclaredFeatures,
	}},
	{"filter", []string{
		pluginnames.NodeUnschedulable, pluginnames.NodeName, pluginnames.TaintToleration, pluginnames.NodeAffinity, pluginnames.NodePorts, pluginnames.NodeResourcesFit,
		pluginnames.VolumeRestrictions, pluginnames.NodeVolumeLimits, pluginnames.VolumeBinding, pluginnames.VolumeZone, pluginnames.PodTopologySpread,
		pluginnames.InterPodAffinity, pluginnames.DynamicResources, pluginnames.NodeDeclaredFeatures,
	}},
	{"postFilter", []string{pluginnames.DynamicResources, pluginnames.DefaultPreemption}},
	{"preScore", []string{
		pluginnames.TaintToleration, pluginnames.NodeAffinity, pluginnames.NodeResourcesFit, pluginnames.VolumeBinding, pluginnames.PodTopologySpread,
		pluginnames.InterPodAffinity, pluginnames.NodeResourcesBalancedAllocation,
	}},
	{"score", []string{
		pluginnames.TaintToleration, pluginnames.NodeAffinity, pluginnames.NodeResourcesFit, pluginnames.VolumeBinding, pluginnames.PodTopologySpread,
		pluginnames.InterPodAffinity, pluginnames.DynamicResources, pluginnames.NodeResourcesBalancedAllocation, pluginnames.ImageLocality,
	}},
}

// addConfiguration draws a configuration for a case, one that kube-scheduler starts with and can schedule by, and gives the pod the
// name of one of its profiles.
func addConfiguration(source *rand.Rand, made *drawn) error {
	g := &clusterGenerator{source: source, nodes: 4, features: map[feature]bool{}}
	for range 200 {
		drawn := g.configuration()
		encoded, err := json.Marshal(drawn)
		if err != nil {
			return err
		}
		if usable(encoded) != nil {
			continue
		}
		made.Configuration = encoded
		profile := pick(g, drawn["profiles"].(list)).(object)
		name, named := profile["schedulerName"]
		if !named {
			name = v1.DefaultSchedulerName
		}
		var pod object
		if err := json.Unmarshal(made.Pod, &pod); err != nil {
			return err
		}
		pod["spec"].(object)["schedulerName"] = name
		if made.Pod, err = json.Marshal(pod); err != nil {
			return err
		}
		if isAnswered(made) {
			made.Profile = nil
			return nil
		}
	}
	return fmt.Errorf("case %s: no configuration is usable", made.ID)
}

// isAnswered is false where a plugin gives up with an error, which another one would have kept it from.
func isAnswered(made *drawn) bool {
	objects, pod, err := decodeCluster(made.scheduleCase)
	if err != nil {
		return false
	}
	made.objects, made.pod = objects, pod
	return (&scheduleAnswer{scheduleCase: made.scheduleCase}).schedule(objects, pod) == nil
}

// usable says why kube-scheduler cannot schedule by a configuration.
func usable(encoded []byte) error {
	configuration, err := decodeConfiguration(encoded)
	if err != nil {
		return err
	}
	if errs := validation.ValidateKubeSchedulerConfiguration(configuration); errs != nil {
		return errs
	}
	for index := range configuration.Profiles {
		profile, err := normalise(configuration, &configuration.Profiles[index])
		if err != nil {
			return err
		}
		if profile.Unusable != "" {
			return fmt.Errorf("%s", profile.Unusable)
		}
	}
	return nil
}

func (g *clusterGenerator) configuration() object {
	made := object{"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
	if g.chance(20) {
		made["percentageOfNodesToScore"] = g.source.IntN(101)
	}
	if g.chance(10) {
		made["podInitialBackoffSeconds"], made["podMaxBackoffSeconds"] = 1+g.source.IntN(5), 5+g.source.IntN(20)
	}
	profiles := list{g.profile()}
	if g.chance(25) {
		first := profiles[0].(object)
		first["schedulerName"] = pick(g, []string{"default-scheduler", "packer"})
		second := g.profile()
		second["schedulerName"] = "second-scheduler"
		profiles = append(profiles, second)
	}
	made["profiles"] = profiles
	return made
}

func (g *clusterGenerator) profile() object {
	made := object{}
	if g.chance(10) {
		made["percentageOfNodesToScore"] = g.source.IntN(101)
	}
	if g.chance(60) {
		made["plugins"] = g.pluginSets()
	}
	if arguments := g.pluginArguments(); len(arguments) > 0 {
		made["pluginConfig"] = arguments
	}
	return made
}

func (g *clusterGenerator) pluginSets() object {
	sets := object{}
	if g.chance(40) {
		sets["multiPoint"] = g.pluginSet(deciding)
	}
	for _, point := range points {
		percent := 20
		if point.name == "score" {
			percent = 60
		}
		if g.chance(percent) {
			sets[point.name] = g.pluginSet(point.plugins)
		}
	}
	return sets
}

// pluginSet disables some plugins, or all, and enables some, in another order or with another weight.
func (g *clusterGenerator) pluginSet(plugins []string) object {
	set := object{}
	var disabled, enabled list
	switch {
	case g.chance(12):
		disabled = list{object{"name": "*"}}
		shuffled := append([]string{}, plugins...)
		g.source.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for _, name := range shuffled[g.source.IntN(3):] {
			enabled = append(enabled, g.enabled(name))
		}
	case g.chance(50):
		for _, name := range pickSome(g, plugins, 1, 3) {
			disabled = append(disabled, object{"name": name})
			if g.chance(40) {
				enabled = append(enabled, g.enabled(name))
			}
		}
	default:
		for _, name := range pickSome(g, plugins, 1, 4) {
			enabled = append(enabled, g.enabled(name))
		}
	}
	if len(disabled) > 0 {
		set["disabled"] = disabled
	}
	if len(enabled) > 0 {
		set["enabled"] = enabled
	}
	return set
}

func (g *clusterGenerator) enabled(name string) object {
	plugin := object{"name": name}
	if g.chance(60) {
		plugin["weight"] = g.source.IntN(12)
	}
	return plugin
}

func (g *clusterGenerator) pluginArguments() list {
	var made list
	add := func(percent int, name string, arguments func() object) {
		if g.chance(percent) {
			made = append(made, object{"name": name, "args": arguments()})
		}
	}
	add(50, pluginnames.NodeResourcesFit, g.fitArguments)
	add(25, pluginnames.NodeResourcesBalancedAllocation, g.balancedArguments)
	add(25, pluginnames.InterPodAffinity, g.interPodAffinityArguments)
	add(30, pluginnames.NodeAffinity, g.nodeAffinityArguments)
	add(35, pluginnames.PodTopologySpread, g.spreadArguments)
	add(15, pluginnames.DefaultPreemption, g.preemptionArguments)
	add(5, pluginnames.VolumeBinding, func() object { return object{"bindTimeoutSeconds": g.source.IntN(900)} })
	add(5, pluginnames.DynamicResources, func() object { return object{"filterTimeout": pick(g, []string{"0s", "5s", "1m"})} })
	return made
}

var scoredResources = []string{"cpu", "memory", "ephemeral-storage", "example.com/gpu", "hugepages-2Mi", "pods", "example.org/absent"}

func (g *clusterGenerator) resourceSpecs(most int, weighted bool) list {
	var specs list
	for _, name := range pickSome(g, scoredResources, 1, most) {
		spec := object{"name": name}
		if weighted && g.chance(75) {
			spec["weight"] = g.source.IntN(101)
		} else if g.chance(50) {
			spec["weight"] = 1
		}
		specs = append(specs, spec)
	}
	return specs
}

func (g *clusterGenerator) fitArguments() object {
	made := object{}
	if g.chance(25) {
		made["ignoredResources"] = pickSome(g, []string{"example.com/gpu", "hugepages-2Mi", "memory", "example.com/other"}, 1, 2)
	}
	if g.chance(20) {
		made["ignoredResourceGroups"] = pickSome(g, []string{"example.com", "example.org"}, 1, 2)
	}
	if g.chance(80) {
		strategy := object{"type": pick(g, []string{"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"})}
		if g.chance(75) {
			strategy["resources"] = g.resourceSpecs(4, true)
		}
		if strategy["type"] == "RequestedToCapacityRatio" {
			strategy["requestedToCapacityRatio"] = object{"shape": g.shape()}
		}
		made["scoringStrategy"] = strategy
	}
	return made
}

func (g *clusterGenerator) shape() list {
	var points list
	for utilization := g.source.IntN(30); utilization <= 100; utilization += 1 + g.source.IntN(60) {
		points = append(points, object{"utilization": utilization, "score": g.source.IntN(11)})
	}
	return points
}

func (g *clusterGenerator) balancedArguments() object {
	return object{"resources": g.resourceSpecs(5, false)}
}

func (g *clusterGenerator) interPodAffinityArguments() object {
	made := object{}
	if g.chance(70) {
		made["hardPodAffinityWeight"] = pick(g, []int{0, 1, 5, 50, 100})
	}
	if g.chance(50) {
		made["ignorePreferredTermsOfExistingPods"] = true
	}
	return made
}

func (g *clusterGenerator) nodeAffinityArguments() object {
	g.features = map[feature]bool{nodeTermsFeature: g.chance(50), preferenceFeature: g.chance(70)}
	defer func() { g.features = map[feature]bool{} }()
	return object{"addedAffinity": g.nodeAffinity()}
}

func (g *clusterGenerator) spreadArguments() object {
	if g.chance(15) {
		return object{"defaultingType": "System"}
	}
	made := object{"defaultingType": "List"}
	var constraints list
	keys := []string{hostnameLabel, zoneLabel, "rack"}
	for _, key := range pickSome(g, keys, 0, 2) {
		constraint := object{
			"maxSkew": 1 + g.source.IntN(3), "topologyKey": key, "whenUnsatisfiable": pick(g, []string{"DoNotSchedule", "ScheduleAnyway"}),
		}
		if constraint["whenUnsatisfiable"] == "DoNotSchedule" && g.chance(25) {
			constraint["minDomains"] = 1 + g.source.IntN(4)
		}
		if g.chance(25) {
			constraint["nodeAffinityPolicy"] = pick(g, []string{"Honor", "Ignore"})
		}
		if g.chance(25) {
			constraint["nodeTaintsPolicy"] = pick(g, []string{"Honor", "Ignore"})
		}
		if g.chance(10) {
			constraint["matchLabelKeys"] = list{"v"}
		}
		constraints = append(constraints, constraint)
	}
	if len(constraints) > 0 {
		made["defaultConstraints"] = constraints
	}
	return made
}

func (g *clusterGenerator) preemptionArguments() object {
	return object{"minCandidateNodesPercentage": g.source.IntN(101), "minCandidateNodesAbsolute": 1 + g.source.IntN(3)}
}
