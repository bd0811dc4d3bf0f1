package main

import "fmt"

const (
	exampleDriver        = "csi.example.com"
	otherDriver          = "csi.other.com"
	bindCompleted        = "pv.kubernetes.io/bind-completed"
	selectedNode         = "volume.kubernetes.io/selected-node"
	classAnnotation      = "volume.beta.kubernetes.io/storage-class"
	attributesClassField = "volumeAttributesClassName"
)

// storageBuilder collects the objects of a case about volumes.
type storageBuilder struct {
	*clusterGenerator
	objects []object
}

func (g *clusterGenerator) buildStorage() *storageBuilder {
	builder := &storageBuilder{clusterGenerator: g}
	for number := range g.nodes {
		node := builder.add(g.makeNode(number + 1))
		if g.chance(85) {
			// Taints would hide what volumes do.
			delete(node, "spec")
		}
	}
	return builder
}

func (b *storageBuilder) add(one object) object {
	b.objects = append(b.objects, one)
	return one
}

func (b *storageBuilder) classes(names ...string) {
	for _, name := range names {
		b.add(b.makeStorageClass(name))
	}
}

func (b *storageBuilder) node() string { return nodeName(1 + b.source.IntN(b.nodes)) }

// nodeLabelsOf are the labels of node number, for more of them.
func (b *storageBuilder) nodeLabelsOf(number int) object {
	return b.objects[number]["metadata"].(object)["labels"].(object)
}

func size(gibibytes int) string { return fmt.Sprintf("%dGi", gibibytes) }

// claim adds a claim that has no volume.
func (b *storageBuilder) claim(name string, class any) object {
	spec := object{
		"accessModes": list{"ReadWriteOnce"},
		"resources":   object{"requests": object{"storage": size(1 + b.source.IntN(6))}},
	}
	if class != nil {
		spec["storageClassName"] = class
	}
	return b.add(object{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": object{"name": name, "annotations": object{}}, "spec": spec, "status": object{"phase": "Pending"},
	})
}

// bound adds a claim and the volume that it is bound to.
func (b *storageBuilder) bound(name string, source object) (object, object) {
	claim := b.claim(name, "wait")
	claim["metadata"].(object)["annotations"] = object{bindCompleted: "yes"}
	claim["spec"].(object)["volumeName"] = "volume-" + name
	claim["status"] = object{"phase": "Bound"}
	volume := b.volume("volume-"+name, source)
	volume["spec"].(object)["claimRef"] = object{"namespace": "default", "name": name}
	volume["status"] = object{"phase": "Bound"}
	return claim, volume
}

// volume adds an available volume of 10Gi.
func (b *storageBuilder) volume(name string, source object) object {
	spec := object{
		"capacity": object{"storage": size(10)}, "accessModes": list{"ReadWriteOnce"}, "storageClassName": "wait",
	}
	for key, value := range source {
		spec[key] = value
	}
	return b.add(object{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": object{"name": name, "labels": object{}}, "spec": spec,
		"status": object{"phase": "Available"},
	})
}

func csiSource(driver, handle string) object {
	return object{"csi": object{"driver": driver, "volumeHandle": handle}}
}

// requires ties a volume to nodes by a label.
func requires(volume object, key string, values []string) {
	expression := object{"key": key, "operator": "In", "values": values}
	terms := list{object{"matchExpressions": list{expression}}}
	volume["spec"].(object)["nodeAffinity"] = object{"required": object{"nodeSelectorTerms": terms}}
}

// placedPod adds a pod on a node, with volumes.
func (b *storageBuilder) placedPod(name string, volumes list) object {
	spec := object{"nodeName": b.node(), "containers": list{object{"name": "c", "image": "i"}}, "volumes": volumes}
	return b.add(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": spec})
}

// toSchedule are the objects and a pod with volumes.
func (b *storageBuilder) toSchedule(volumes list) ([]object, object) {
	spec := object{"containers": list{object{"name": "c", "image": "i"}}, "volumes": volumes}
	return b.objects, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod"}, "spec": spec}
}

// mounts are volumes of the named claims.
func mounts(claims []string) list {
	var volumes list
	for number, claim := range claims {
		volumes = append(volumes, object{
			"name": fmt.Sprintf("v%d", number+1), "persistentVolumeClaim": object{"claimName": claim},
		})
	}
	return volumes
}

func names(prefix string, count int) []string {
	var all []string
	for number := range count {
		all = append(all, fmt.Sprintf("%s%d", prefix, number+1))
	}
	return all
}

// csiNode adds what drivers say of a node: limits, and plugins that are migrated.
func (b *storageBuilder) csiNode(node string, migrated string, drivers ...string) {
	var own list
	for _, name := range drivers {
		driver := object{"name": name, "nodeID": node, "topologyKeys": list{hostnameLabel}}
		if b.chance(85) {
			driver["allocatable"] = object{"count": b.source.IntN(4)}
		}
		own = append(own, driver)
	}
	metadata := object{"name": node}
	if migrated != "" {
		metadata["annotations"] = object{"storage.alpha.kubernetes.io/migrated-plugins": migrated}
	}
	b.add(object{"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": metadata, "spec": object{"drivers": own}})
}

// makeCapacities is about drivers that publish how much storage they have left.
func (g *clusterGenerator) makeCapacities() ([]object, object) {
	b := g.buildStorage()
	b.classes("wait", "zoned")
	b.add(object{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": object{"name": exampleDriver},
		"spec": object{"storageCapacity": b.chance(90)},
	})
	for number := range b.source.IntN(6) {
		capacity := object{
			"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
			"metadata":         object{"name": fmt.Sprintf("c%d", number+1)},
			"storageClassName": pick(g, []string{"wait", "wait", "zoned"}),
		}
		switch b.source.IntN(5) {
		case 0:
		case 1:
			capacity["nodeTopology"] = object{}
		case 2:
			capacity["nodeTopology"] = object{"matchLabels": object{hostnameLabel: b.node()}}
		default:
			capacity["nodeTopology"] = object{"matchLabels": object{zoneLabel: pick(g, []string{"a", "b", "c"})}}
		}
		if b.chance(85) {
			capacity["capacity"] = size(1 + b.source.IntN(8))
		}
		if b.chance(40) {
			capacity["maximumVolumeSize"] = size(1 + b.source.IntN(8))
		}
		b.add(capacity)
	}
	claims := names("claim", 1+b.source.IntN(2))
	for _, name := range claims {
		claim := b.claim(name, pick(g, []string{"wait", "wait", "zoned"}))
		if b.chance(10) {
			claim["metadata"].(object)["annotations"] = object{selectedNode: b.node()}
		}
	}
	return b.toSchedule(mounts(claims))
}

// makeVolumeLimits is about how many volumes a node attaches.
func (g *clusterGenerator) makeVolumeLimits() ([]object, object) {
	b := g.buildStorage()
	b.classes("wait", "immediate")
	for number := range b.nodes {
		if b.chance(90) {
			b.csiNode(nodeName(number+1), "", exampleDriver, otherDriver)
		}
	}
	claims := names("claim", 2+b.source.IntN(5))
	for number, name := range claims {
		if b.chance(20) {
			b.claim(name, "wait")
			continue
		}
		handle := name
		if number > 0 && b.chance(10) {
			// The same volume behind two claims.
			handle = claims[number-1]
		}
		if g.size == upTo30 && b.chance(8) {
			b.bound(name, object{"nfs": object{"server": "10.0.0.1", "path": "/" + name}})
			continue
		}
		b.bound(name, csiSource(pick(g, []string{exampleDriver, exampleDriver, otherDriver}), handle))
	}
	for number := range b.source.IntN(4) {
		b.volume(fmt.Sprintf("loose%d", number+1), csiSource(exampleDriver, fmt.Sprintf("loose%d", number+1)))
	}
	for number := range b.source.IntN(5) {
		volume := pick(g, append(names("loose", 4), "volume-claim1", "volume-claim2"))
		b.add(object{
			"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": object{"name": fmt.Sprintf("a%d", number+1)},
			"spec": object{
				"attacher": pick(g, []string{exampleDriver, exampleDriver, otherDriver}), "nodeName": b.node(),
				"source": object{"persistentVolumeName": volume},
			},
		})
	}
	for number := range b.source.IntN(7) {
		mounted := pickSome(g, append(claims, "missing"), 0, 2)
		b.placedPod(fmt.Sprintf("p%d", number+1), mounts(mounted))
	}
	return b.toSchedule(mounts(pickSome(g, claims, 1, 3)))
}

// makeExclusiveClaims is about claims that only one pod may use, with nominated pods and pods of another namespace.
func (g *clusterGenerator) makeExclusiveClaims() ([]object, object) {
	b := g.buildStorage()
	claims := names("claim", 1+b.source.IntN(3))
	for _, name := range claims {
		claim, volume := b.bound(name, csiSource(exampleDriver, name))
		if b.chance(75) {
			claim["spec"].(object)["accessModes"] = list{"ReadWriteOncePod"}
			volume["spec"].(object)["accessModes"] = list{"ReadWriteOncePod"}
		}
	}
	for number := range b.source.IntN(5) {
		pod := b.placedPod(fmt.Sprintf("p%d", number+1), mounts(pickSome(g, claims, 0, 2)))
		if b.chance(25) {
			pod["metadata"].(object)["namespace"] = "blue"
		}
		if b.chance(30) {
			pod["status"] = object{"nominatedNodeName": pod["spec"].(object)["nodeName"]}
			delete(pod["spec"].(object), "nodeName")
		}
	}
	return b.toSchedule(mounts(pickSome(g, claims, 1, 2)))
}
