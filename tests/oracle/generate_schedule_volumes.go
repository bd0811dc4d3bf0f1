package main

import "fmt"

// makeVolumeCluster makes a cluster about one part of what the plugins of volumes look at, or about all of it at once.
func (g *clusterGenerator) makeVolumeCluster() ([]object, object) {
	subjects := []func() ([]object, object){
		g.makeMixedVolumes, g.makeMixedVolumes, g.makeMixedVolumes, g.makeStaticVolumes, g.makeStaticVolumes, g.makeStaticVolumes,
		g.makeCapacities, g.makeVolumeLimits, g.makeVolumeLimits, g.makeEphemeralVolumes, g.makeInlineDisks, g.makeInlineDisks,
		g.makeInTreeVolumes, g.makeInTreeVolumes, g.makeVolumeZones, g.makeUnusableClaims, g.makeExclusiveClaims,
	}
	return pick(g, subjects)()
}

// makeMixedVolumes makes claims in every state, volumes with node affinity and zones, and drivers with limits.
func (g *clusterGenerator) makeMixedVolumes() ([]object, object) {
	var objects []object
	for number := range g.nodes {
		objects = append(objects, g.makeNode(number+1))
		if g.chance(50) {
			objects = append(objects, g.makeCSINode(number+1))
		}
	}
	for _, name := range []string{"immediate", "wait", "local", "zoned"} {
		objects = append(objects, g.makeStorageClass(name))
	}
	claims := 1 + g.source.IntN(5)
	for number := range claims {
		objects = append(objects, g.makeClaimAndVolume(number+1)...)
	}
	for number := range g.source.IntN(3) {
		objects = append(objects, g.makeFreeVolume(number+1))
	}
	for number := range g.source.IntN(7) {
		spec := object{"nodeName": nodeName(1 + g.source.IntN(g.nodes)), "containers": list{object{"name": "c", "image": "i"}}}
		if g.chance(70) {
			spec["volumes"] = g.podVolumes(claims)
		}
		name := fmt.Sprintf("p%d", number+1)
		objects = append(objects, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": spec})
	}
	spec := object{"containers": list{object{"name": "c", "image": "i"}}, "volumes": g.podVolumes(claims + g.source.IntN(5)/4)}
	if g.chance(15) {
		spec["nodeSelector"] = object{zoneLabel: pick(g, []string{"a", "b"})}
	}
	return objects, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod"}, "spec": spec}
}

func (g *clusterGenerator) makeCSINode(number int) object {
	driver := object{"name": "csi.example.com", "nodeID": nodeName(number)}
	if g.chance(85) {
		driver["allocatable"] = object{"count": g.source.IntN(4)}
	}
	return object{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": object{"name": nodeName(number)},
		"spec": object{"drivers": list{driver}},
	}
}

func (g *clusterGenerator) makeStorageClass(name string) object {
	class := object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": object{"name": name},
		"provisioner": "csi.example.com", "volumeBindingMode": "WaitForFirstConsumer",
	}
	switch name {
	case "immediate":
		class["volumeBindingMode"] = "Immediate"
	case "local":
		class["provisioner"] = "kubernetes.io/no-provisioner"
	case "zoned":
		expression := object{"key": zoneLabel, "values": pickSome(g, []string{"a", "b", "c"}, 1, 2)}
		class["allowedTopologies"] = list{object{"matchLabelExpressions": list{expression}}}
	}
	return class
}

// makeClaimAndVolume makes a claim that is bound, lost, or waits for its first consumer, and its volume if it has one.
func (g *clusterGenerator) makeClaimAndVolume(number int) []object {
	name := fmt.Sprintf("claim%d", number)
	spec := object{
		"accessModes":      list{pick(g, []string{"ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"})},
		"resources":        object{"requests": object{"storage": pick(g, []string{"1Gi", "5Gi"})}},
		"storageClassName": pick(g, []string{"immediate", "wait", "wait", "local", "zoned"}),
	}
	claim := object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": name}, "spec": spec}
	if g.chance(35) {
		if g.chance(20) {
			claim["metadata"].(object)["annotations"] = object{"volume.kubernetes.io/selected-node": nodeName(1)}
		}
		return []object{claim}
	}
	volume := fmt.Sprintf("volume%d", number)
	spec["volumeName"] = volume
	claim["metadata"].(object)["annotations"] = object{"pv.kubernetes.io/bind-completed": "yes"}
	claim["status"] = object{"phase": "Bound"}
	if g.chance(4) {
		claim["status"] = object{"phase": "Lost"}
	}
	if g.chance(4) {
		return []object{claim}
	}
	persistent := g.makeVolume(volume, spec["storageClassName"])
	persistent["spec"].(object)["accessModes"] = spec["accessModes"]
	persistent["spec"].(object)["claimRef"] = object{"namespace": "default", "name": name}
	persistent["status"] = object{"phase": "Bound"}
	return []object{claim, persistent}
}

func (g *clusterGenerator) makeFreeVolume(number int) object {
	volume := g.makeVolume(fmt.Sprintf("free%d", number), pick(g, []string{"local", "wait"}))
	// Which of two volumes of one size is taken is random in Kubernetes.
	volume["spec"].(object)["capacity"] = object{"storage": fmt.Sprintf("%dGi", 4*number-g.source.IntN(3))}
	volume["status"] = object{"phase": "Available"}
	return volume
}

func (g *clusterGenerator) makeVolume(name string, class any) object {
	metadata := object{"name": name}
	spec := object{
		"capacity": object{"storage": pick(g, []string{"1Gi", "5Gi", "10Gi"})}, "accessModes": list{"ReadWriteOnce"},
		"storageClassName": class, "csi": object{"driver": "csi.example.com", "volumeHandle": name},
	}
	if g.chance(40) {
		metadata["labels"] = object{zoneLabel: pick(g, []string{"a", "b", "a__b"})}
	}
	if g.chance(40) {
		expression := object{"key": hostnameLabel, "operator": "In", "values": list{nodeName(1 + g.source.IntN(g.nodes))}}
		if g.chance(50) {
			expression = object{"key": zoneLabel, "operator": "In", "values": pickSome(g, []string{"a", "b", "c"}, 1, 2)}
		}
		spec["nodeAffinity"] = object{"required": object{"nodeSelectorTerms": list{object{"matchExpressions": list{expression}}}}}
	}
	return object{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
}

func (g *clusterGenerator) podVolumes(claims int) list {
	var volumes list
	for _, number := range pickSome(g, numbersUpTo(claims), 1, 2) {
		volumes = append(volumes, object{
			"name": fmt.Sprintf("v%d", number), "persistentVolumeClaim": object{"claimName": fmt.Sprintf("claim%d", number)},
		})
	}
	if g.chance(10) {
		disk := object{"pdName": "disk", "readOnly": g.chance(40)}
		volumes = append(volumes, object{"name": "disk", "gcePersistentDisk": disk})
	}
	return volumes
}

func numbersUpTo(last int) []int {
	numbers := make([]int, 0, last)
	for number := 1; number <= last; number++ {
		numbers = append(numbers, number)
	}
	return numbers
}
