package main

import "fmt"

// makeStaticVolumes is about claims that wait for their first consumer, and volumes that suit some of them.
func (g *clusterGenerator) makeStaticVolumes() ([]object, object) {
	b := g.buildStorage()
	b.classes("local", "wait", "zoned")
	// Which of two volumes of one size is taken is random in Kubernetes.
	sizes := g.source.Perm(9)
	for number := range 1 + g.source.IntN(6) {
		volume := b.volume(fmt.Sprintf("free%d", number+1), csiSource(exampleDriver, fmt.Sprintf("free%d", number+1)))
		spec := volume["spec"].(object)
		spec["capacity"] = object{"storage": size(1 + sizes[number])}
		b.vary(spec)
		if b.chance(10) {
			delete(spec, "storageClassName")
			volume["metadata"].(object)["annotations"] = object{classAnnotation: "local"}
		}
		if b.chance(50) {
			volume["metadata"].(object)["labels"] = object{"tier": pick(g, []string{"gold", "silver"})}
		}
		if b.chance(12) {
			volume["status"] = object{"phase": pick(g, []string{"Pending", "Released", "Failed"})}
		}
		if b.chance(5) {
			volume["metadata"].(object)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
			volume["metadata"].(object)["finalizers"] = list{"kubernetes.io/pv-protection"}
		}
		if b.chance(15) {
			reference := object{"namespace": "default", "name": fmt.Sprintf("claim%d", 1+g.source.IntN(3))}
			if b.chance(30) {
				reference["uid"] = "of-another"
			}
			spec["claimRef"] = reference
		}
		if b.chance(30) {
			requires(volume, hostnameLabel, pickSome(g, []string{"n1", "n2", "n3", "n4"}, 1, 3))
		} else if b.chance(40) {
			requires(volume, zoneLabel, pickSome(g, []string{"a", "b", "c"}, 1, 2))
		}
	}
	claims := names("claim", 1+g.source.IntN(3))
	for _, name := range claims {
		claim := b.claim(name, "local")
		spec := claim["spec"].(object)
		b.vary(spec)
		if b.chance(10) {
			delete(spec, "storageClassName")
			claim["metadata"].(object)["annotations"] = object{classAnnotation: "local"}
		}
		if b.chance(10) {
			claim["metadata"].(object)["annotations"].(object)[selectedNode] = b.node()
		}
		if b.chance(25) {
			spec["selector"] = pick(g, []object{
				{"matchLabels": object{"tier": "gold"}}, {},
				{"matchExpressions": list{object{"key": "tier", "operator": "NotIn", "values": list{"gold"}}}},
				{"matchExpressions": list{object{"key": "tier", "operator": "Exists"}}},
				{"matchExpressions": list{object{"key": "tier", "operator": "In", "values": list{"gold", "silver"}}}},
			})
		}
	}
	mounted := pickSome(g, claims, 1, 3)
	if b.chance(4) {
		mounted = append(mounted, mounted[0])
	}
	return b.toSchedule(mounts(mounted))
}

// vary changes what claims and volumes must have in common.
func (b *storageBuilder) vary(spec object) {
	spec["storageClassName"] = pick(b.clusterGenerator, []string{"local", "local", "local", "wait", "zoned"})
	if b.chance(40) {
		spec["accessModes"] = pickSome(b.clusterGenerator, []string{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"}, 1, 3)
	}
	if b.chance(10) {
		spec["volumeMode"] = pick(b.clusterGenerator, []string{"Block", "Filesystem"})
	}
	if b.chance(8) {
		spec[attributesClassField] = "fast"
	}
}

// makeUnusableClaims is about claims that keep a pod from every node, and those that look like them.
func (g *clusterGenerator) makeUnusableClaims() ([]object, object) {
	b := g.buildStorage()
	b.classes("wait", "immediate")
	claims := names("claim", 1+g.source.IntN(3))
	for _, name := range claims {
		switch g.source.IntN(9) {
		case 0:
			b.claim(name, "immediate")
		case 1:
			b.claim(name, "missing-class")
		case 2:
			b.claim(name, pick(g, []any{"", nil}))
		case 3:
			claim, _ := b.bound(name, csiSource(exampleDriver, name))
			delete(claim["metadata"].(object)["annotations"].(object), bindCompleted)
		case 4:
			claim, _ := b.bound(name, csiSource(exampleDriver, name))
			claim["metadata"].(object)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
			claim["metadata"].(object)["finalizers"] = list{"kubernetes.io/pvc-protection"}
		case 5:
			claim, _ := b.bound(name, csiSource(exampleDriver, name))
			claim["status"] = object{"phase": "Lost"}
		case 6:
			b.bound(name, csiSource(exampleDriver, name))
			// Only the claim stays.
			b.objects = b.objects[:len(b.objects)-1]
		default:
			b.bound(name, csiSource(exampleDriver, name))
		}
	}
	return b.toSchedule(mounts(pickSome(g, append(claims, "missing"), 1, 2)))
}

// makeEphemeralVolumes is about generic ephemeral volumes, whose claims belong to their pods.
func (g *clusterGenerator) makeEphemeralVolumes() ([]object, object) {
	b := g.buildStorage()
	b.classes("wait", "local", "immediate")
	for number := range b.nodes {
		if b.chance(50) {
			b.csiNode(nodeName(number+1), "", exampleDriver)
		}
	}
	for number := range g.source.IntN(4) {
		name := fmt.Sprintf("p%d", number+1)
		b.placedPod(name, ephemeral("scratch"))
		if b.chance(80) {
			claim, _ := b.bound(name+"-scratch", csiSource(exampleDriver, name))
			own(claim, name, "*v1.Pod/default/"+name)
		}
	}
	switch g.source.IntN(8) {
	case 0:
	case 1:
		claim, _ := b.bound("pod-scratch", csiSource(exampleDriver, "scratch"))
		own(claim, "pod", "of-another")
	case 2:
		b.bound("pod-scratch", csiSource(exampleDriver, "scratch"))
	case 3:
		claim, _ := b.bound("pod-scratch", csiSource(exampleDriver, "scratch"))
		own(claim, "pod", "*v1.Pod/default/pod")
		b.objects = b.objects[:len(b.objects)-1]
	case 4:
		claim, volume := b.bound("pod-scratch", csiSource(exampleDriver, "scratch"))
		own(claim, "pod", "*v1.Pod/default/pod")
		requires(volume, zoneLabel, pickSome(g, []string{"a", "b", "c"}, 1, 2))
		volume["metadata"].(object)["labels"] = object{zoneLabel: "nowhere"}
	default:
		claim := b.claim("pod-scratch", pick(g, []string{"wait", "wait", "local", "immediate"}))
		own(claim, "pod", "*v1.Pod/default/pod")
	}
	return b.toSchedule(ephemeral("scratch"))
}

func ephemeral(name string) list {
	template := object{"spec": object{
		"accessModes": list{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": "1Gi"}},
	}}
	return list{object{"name": name, "ephemeral": object{"volumeClaimTemplate": template}}}
}

func own(claim object, pod, uid string) {
	claim["metadata"].(object)["ownerReferences"] = list{
		object{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid, "controller": true},
	}
}

// makeVolumeZones is about labels of volumes that say where they are, today's and those of old.
func (g *clusterGenerator) makeVolumeZones() ([]object, object) {
	b := g.buildStorage()
	keys := []string{
		zoneLabel, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
		"failure-domain.beta.kubernetes.io/region",
	}
	values := []string{"a", "b", "a__b", " a__c", "east", "west", "east__west", "a__", ""}
	for number := range b.nodes {
		labels := b.nodeLabelsOf(number)
		for _, key := range pickSome(g, keys, 0, 2) {
			labels[key] = pick(g, []string{"a", "b", "c", "east", "west"})
		}
		if b.chance(20) {
			for _, key := range keys {
				delete(labels, key)
			}
		}
	}
	claims := names("claim", 1+g.source.IntN(2))
	for _, name := range claims {
		_, volume := b.bound(name, csiSource(exampleDriver, name))
		labels := object{}
		for _, key := range pickSome(g, keys, 0, 2) {
			labels[key] = pick(g, values)
		}
		volume["metadata"].(object)["labels"] = labels
	}
	return b.toSchedule(mounts(claims))
}
