package main

// What only the clusters of --draw any have, so that the recorded cases stay as they are.

const (
	declaredFeature feature = "declared-features"
	ownersFeature   feature = "owners"
)

// subjects are the features that a case is drawn from.
func (g *clusterGenerator) subjects() []feature {
	if g.size == upTo30 {
		return append([]feature{declaredFeature, ownersFeature}, weightedFeatures...)
	}
	return weightedFeatures
}

// widely is likely, and never true of the clusters that are recorded.
func (g *clusterGenerator) widely(about feature, percent int) bool {
	return g.size == upTo30 && g.likely(about, percent)
}

var nodeFeatures = []string{"RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"}

// declareFeatures has kubelets say what they can do, and pods ask for it.
func (g *clusterGenerator) declareFeatures(node object) {
	if g.widely(declaredFeature, 0) {
		if features := pickSome(g, nodeFeatures, 0, 2); len(features) > 0 {
			node["status"].(object)["declaredFeatures"] = features
		}
	}
}

// needFeatures asks for the only one of them that the API server accepts in the default configuration.
func (g *clusterGenerator) needFeatures(spec object) {
	if !g.widely(declaredFeature, 0) {
		return
	}
	container := spec["containers"].(list)[0].(object)
	container["restartPolicy"] = "Never"
	container["restartPolicyRules"] = list{object{
		"action": "RestartAllContainers", "exitCodes": object{"operator": "In", "values": list{1}},
	}}
}

// makeOwners makes a set of pods that some of the pods, and perhaps the one to be placed, belong to.
func (g *clusterGenerator) makeOwners() []object {
	if !g.widely(ownersFeature, 0) {
		return nil
	}
	var owners []object
	for _, kind := range []string{"ReplicaSet", "StatefulSet"} {
		selector := object{"matchLabels": object{"app": pick(g, apps)}}
		if g.chance(30) {
			selector = g.labelSelector()
		}
		spec := object{"selector": selector, "template": object{
			"metadata": object{"labels": object{"app": "web"}},
			"spec":     object{"containers": list{object{"name": "c", "image": "i"}}},
		}}
		if kind == "StatefulSet" {
			spec["serviceName"] = "s"
		}
		owners = append(owners, object{
			"apiVersion": "apps/v1", "kind": kind, "metadata": object{"name": "o", "namespace": "default"}, "spec": spec,
		})
	}
	return owners
}

func (g *clusterGenerator) own(metadata object) {
	if !g.widely(ownersFeature, 0) {
		return
	}
	metadata["ownerReferences"] = list{object{
		"apiVersion": "apps/v1", "kind": pick(g, []string{"ReplicaSet", "StatefulSet"}), "name": "o", "uid": "u", "controller": true,
	}}
}
