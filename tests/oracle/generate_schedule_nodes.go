package main

import "fmt"

const (
	hostnameLabel = "kubernetes.io/hostname"
	zoneLabel     = "topology.kubernetes.io/zone"
	regionLabel   = "topology.kubernetes.io/region"
)

var (
	apps       = []string{"web", "db", "cache"}
	tiers      = []string{"front", "back"}
	namespaces = []object{
		{"name": "default", "labels": object{"team": "x"}},
		{"name": "blue", "labels": object{"team": "y", "env": "prod"}},
		{"name": "green", "labels": object{"env": "test"}},
	}
	taintKeys    = []string{"dedicated", "maintenance", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"}
	taintEffects = []string{"NoSchedule", "NoExecute", "PreferNoSchedule"}
	images       = []string{"web:1", "db", "registry.example/cache:2", "tool@sha256:1111111111111111111111111111111111111111111111111111111111111111"}
)

func nodeName(number int) string { return fmt.Sprintf("n%d", number) }

// zones are those of nodes; what asks for zones asks for the first three.
func (g *clusterGenerator) zones() []string {
	if g.nodes > 6 {
		return []string{"a", "b", "c", "d", "e", "f"}
	}
	return []string{"a", "b", "c"}
}

func (g *clusterGenerator) racks() []string {
	if g.nodes > 6 {
		return []string{"r1", "r2", "r3", "r4", "r5"}
	}
	return []string{"r1", "r2"}
}

// topologyKeys are the topology keys of terms and constraints.
func (g *clusterGenerator) topologyKeys(of ...string) []string {
	if g.size == upTo30 {
		return append(of, regionLabel)
	}
	return of
}

func (g *clusterGenerator) namespace() string {
	percent := 65
	if g.features[hardSpreadFeature] || g.features[softSpreadFeature] || g.features[serviceFeature] {
		percent = 90
	}
	if g.chance(percent) {
		return "default"
	}
	return pick(g, []string{"blue", "green"})
}

func (g *clusterGenerator) makeNode(number int) object {
	node := object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": nodeName(number), "labels": g.nodeLabels(number)},
		"status":   object{"allocatable": g.allocatable()},
	}
	spec := object{}
	if taints := g.taints(); len(taints) > 0 {
		spec["taints"] = taints
	}
	if g.likely(cordonFeature, 4) && g.chance(60) {
		spec["unschedulable"] = true
	}
	if len(spec) > 0 {
		node["spec"] = spec
	}
	if g.likely(imagesFeature, 3) {
		node["status"].(object)["images"] = g.nodeImages()
	}
	g.declareFeatures(node)
	return node
}

func (g *clusterGenerator) nodeLabels(number int) object {
	labels := object{}
	if g.chance(93) {
		labels[hostnameLabel] = nodeName(number)
	}
	if g.chance(85) {
		labels[zoneLabel] = pick(g, g.zones())
	}
	if g.chance(25) || g.size == upTo30 && g.chance(50) {
		labels[regionLabel] = pick(g, []string{"east", "west"})
	}
	if g.chance(50) {
		labels["rack"] = pick(g, g.racks())
	}
	if g.chance(60) {
		labels["disk"] = pick(g, []string{"ssd", "hdd", ""})
	}
	if g.chance(50) {
		labels["generation"] = pick(g, []string{"1", "3", "5", "10", "007", "x"})
	}
	return labels
}

func (g *clusterGenerator) allocatable() object {
	allocatable := object{"cpu": pick(g, []string{"4", "8", "16"}), "memory": pick(g, []string{"8Gi", "16Gi", "32Gi"}), "pods": "110"}
	if g.features[requestsFeature] {
		allocatable["cpu"], allocatable["memory"] = pick(g, []string{"4", "14", "28", "56"}), pick(g, []string{"4Gi", "28Gi", "64Gi"})
	}
	if g.features[resourcesFeature] && g.chance(70) || g.chance(10) {
		allocatable["cpu"] = pick(g, []string{"500m", "1", "1500m", "2"})
		allocatable["memory"] = pick(g, []string{"512Mi", "1Gi", "1000M", "2Gi", "3221225472"})
	}
	if g.likely(podSlotsFeature, 3) {
		allocatable["pods"] = pick(g, []string{"0", "1", "2", "3"})
	}
	if g.likely(extendedFeature, 8) {
		allocatable["example.com/gpu"] = pick(g, []string{"1", "2", "4"})
	}
	if g.likely(extendedFeature, 4) {
		allocatable["hugepages-2Mi"] = pick(g, []string{"0", "4Mi", "8Mi"})
	}
	if g.chance(50) {
		allocatable["ephemeral-storage"] = pick(g, []string{"1Gi", "10Gi", "5000M"})
	}
	if g.chance(2) {
		delete(allocatable, pick(g, []string{"cpu", "memory", "pods"}))
	}
	return allocatable
}

func (g *clusterGenerator) taints() list {
	if !g.likely(taintsFeature, 12) {
		return nil
	}
	var taints list
	seen := map[string]bool{}
	for range 1 + g.source.IntN(3) {
		key, effect := pick(g, taintKeys), pick(g, taintEffects)
		if seen[key+effect] {
			continue
		}
		seen[key+effect] = true
		taint := object{"key": key, "effect": effect}
		if g.chance(50) {
			taint["value"] = pick(g, []string{"one", "two"})
		}
		taints = append(taints, taint)
	}
	return taints
}

func (g *clusterGenerator) nodeImages() list {
	var onNode list
	for _, image := range pickSome(g, []string{"web:1", "db:latest", "registry.example/cache:2", "tool:latest"}, 1, 3) {
		names := list{image}
		if g.chance(20) {
			names = append(names, "mirror.example/"+image)
		}
		sizes := []int64{1 << 20, 24 << 20, 100 << 20, 500 << 20, 1000 << 20, 3000 << 20}
		onNode = append(onNode, object{"names": names, "sizeBytes": pick(g, sizes)})
	}
	return onNode
}
