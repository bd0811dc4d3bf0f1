package main

import "fmt"

func (g *clusterGenerator) makeExistingPod(number int) object {
	metadata := object{"name": fmt.Sprintf("p%d", number), "namespace": g.namespace(), "labels": g.podLabels()}
	spec := g.podSpec(true)
	spec["nodeName"] = nodeName(1 + g.source.IntN(g.nodes))
	g.own(metadata)
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
	if g.likely(terminatingFeature, 6) && g.chance(60) {
		metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
		metadata["deletionGracePeriodSeconds"] = 30
	}
	switch {
	case g.chance(4):
		pod["status"] = object{"phase": pick(g, []string{"Succeeded", "Failed"})}
	case g.likely(requestsFeature, 1) && g.chance(50):
		pod["status"] = g.resizedStatus(spec)
	}
	return pod
}

func (g *clusterGenerator) makePodToSchedule() object {
	spec := g.podSpec(false)
	if g.likely(nodeNameFeature, 0) {
		spec["nodeName"] = nodeName(1 + g.source.IntN(g.nodes+1))
	}
	metadata := object{"name": "pod", "namespace": g.namespace(), "labels": g.podLabels()}
	g.own(metadata)
	return object{"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": metadata}
}

func (g *clusterGenerator) podLabels() object {
	labels := object{"app": pick(g, apps)}
	if g.features[hardSpreadFeature] && g.chance(60) {
		labels["app"] = "web"
	}
	if g.chance(50) {
		labels["tier"] = pick(g, tiers)
	}
	if g.chance(60) {
		labels["v"] = pick(g, []string{"1", "2"})
	}
	return labels
}

func (g *clusterGenerator) podSpec(exists bool) object {
	spec := object{"containers": g.containers(exists)}
	if initial := g.initContainers(); len(initial) > 0 {
		spec["initContainers"] = initial
	}
	if g.likely(requestsFeature, 2) && g.chance(40) {
		spec["overhead"] = object{"cpu": pick(g, []string{"50m", "250m"}), "memory": pick(g, []string{"16Mi", "120Mi"})}
	}
	if g.likely(requestsFeature, 2) && g.chance(40) {
		spec["resources"] = g.podLevelResources()
	}
	affinity := object{}
	if exists {
		g.addPodTerms(affinity, othersFeature, "podAffinity", 6)
		g.addPodTerms(affinity, othersFeature, "podAntiAffinity", 8)
	} else {
		g.addPodTerms(affinity, affinityFeature, "podAffinity", 5)
		g.addPodTerms(affinity, antiFeature, "podAntiAffinity", 6)
		if node := g.nodeAffinity(); len(node) > 0 {
			affinity["nodeAffinity"] = node
		}
		if g.likely(selectorFeature, 4) {
			spec["nodeSelector"] = g.nodeSelector()
		}
		if tolerations := g.tolerations(); len(tolerations) > 0 {
			spec["tolerations"] = tolerations
		}
		if constraints := g.spreadConstraints(); len(constraints) > 0 {
			spec["topologySpreadConstraints"] = constraints
		}
	}
	if len(affinity) > 0 {
		spec["affinity"] = affinity
	}
	g.needFeatures(spec)
	return spec
}

func (g *clusterGenerator) containers(exists bool) list {
	var containers list
	for number := range 1 + g.source.IntN(2) {
		container := object{"name": fmt.Sprintf("c%d", number), "image": "i"}
		if g.likely(imagesFeature, 0) && !exists {
			container["image"] = pick(g, images)
		}
		if resources := g.containerResources(exists); len(resources) > 0 {
			container["resources"] = resources
		}
		if g.likely(portsFeature, 3) && g.chance(70) {
			container["ports"] = g.hostPorts(number)
		}
		containers = append(containers, container)
	}
	return containers
}

func (g *clusterGenerator) containerResources(exists bool) object {
	requests, limits := object{}, object{}
	if g.chance(75) {
		requests["cpu"] = pick(g, []string{"0", "50m", "100m", "250m", "333m", "500m", "1", "1.5"})
	}
	if g.chance(70) {
		requests["memory"] = pick(g, []string{"0", "64Mi", "100M", "200Mi", "256Mi", "512Mi", "1Gi", "100000001"})
	}
	if g.features[resourcesFeature] && !exists && g.chance(30) {
		requests["cpu"], requests["memory"] = pick(g, []string{"1", "2", "3"}), pick(g, []string{"1Gi", "2Gi", "4Gi"})
	}
	if g.likely(resourcesFeature, 4) && g.chance(40) {
		requests["ephemeral-storage"] = pick(g, []string{"100Mi", "1Gi", "6Gi"})
	}
	if g.likely(extendedFeature, 0) && g.chance(60) {
		limits["example.com/gpu"] = pick(g, []string{"1", "2"})
	}
	if _, sized := requests["memory"]; sized && g.likely(extendedFeature, 0) && g.chance(25) {
		limits["hugepages-2Mi"] = pick(g, []string{"2Mi", "4Mi"})
	}
	if g.features[requestsFeature] && g.chance(25) {
		limits["cpu"] = "2"
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

func (g *clusterGenerator) initContainers() list {
	if !g.likely(requestsFeature, 8) {
		return nil
	}
	var containers list
	for number := range 1 + g.source.IntN(3) {
		container := object{"name": fmt.Sprintf("i%d", number), "image": "i"}
		requests := object{}
		if g.chance(80) {
			requests["cpu"] = pick(g, []string{"10m", "100m", "700m", "1", "2"})
		}
		if g.chance(60) {
			requests["memory"] = pick(g, []string{"32Mi", "128Mi", "1Gi"})
		}
		container["resources"] = object{"requests": requests}
		if g.chance(45) {
			container["restartPolicy"] = "Always"
		}
		if g.features[portsFeature] && g.chance(50) {
			container["ports"] = g.hostPorts(10 + number)
		}
		containers = append(containers, container)
	}
	return containers
}

// podLevelResources are large enough for what the containers of a pod can request together.
func (g *clusterGenerator) podLevelResources() object {
	requests := object{"cpu": pick(g, []string{"12", "13"})}
	if g.chance(50) {
		requests["memory"] = pick(g, []string{"12Gi", "13Gi"})
	}
	return object{"requests": requests}
}

// hostPorts has ports that no other container of the pod has: distinct numbers in which of, equal ones across pods.
func (g *clusterGenerator) hostPorts(which int) list {
	port := 8000 + 10*which + g.source.IntN(2)
	entry := object{"containerPort": port, "hostPort": port}
	if g.chance(30) {
		entry["protocol"] = pick(g, []string{"TCP", "UDP"})
	}
	if g.chance(40) {
		entry["hostIP"] = pick(g, []string{"0.0.0.0", "127.0.0.1", "10.0.0.1", "::"})
	}
	ports := list{entry}
	if g.chance(30) {
		ports = append(ports, object{"containerPort": 9000 + which})
	}
	return ports
}

// resizedStatus is the status of a pod whose first container is being resized in place.
func (g *clusterGenerator) resizedStatus(spec object) object {
	container := spec["containers"].(list)[0].(object)
	actuated := object{"requests": object{"cpu": pick(g, []string{"100m", "750m", "2"}), "memory": pick(g, []string{"64Mi", "700Mi"})}}
	status := object{"name": container["name"], "image": "i", "imageID": "", "ready": true, "restartCount": 0, "resources": actuated}
	if g.chance(70) {
		status["allocatedResources"] = object{"cpu": pick(g, []string{"100m", "900m"}), "memory": "128Mi"}
	}
	made := object{"phase": "Running", "containerStatuses": list{status}}
	if g.chance(50) {
		reason := pick(g, []string{"Infeasible", "Deferred"})
		made["conditions"] = list{object{"type": "PodResizePending", "status": "True", "reason": reason}}
	}
	return made
}
