package quorate.exposure.namespace_without_network_policy_test

import data.quorate.exposure.namespace_without_network_policy as rule

namespace(name) := {"kind": "Namespace", "metadata": {"name": name}}

holding(name, kinds) := {"cluster": {}, "namespace": {name: {"v1": {kind: {"x": {"kind": kind}} | some kind in kinds}}}}

test_a_namespace_with_pods_is_found if {
	some finding in rule.deny with input as namespace("a") with data.inventory as holding("a", ["Deployment"])
	finding.path == ["metadata", "name"]
}

test_a_policy_is_enough if {
	count(rule.deny) == 0 with input as namespace("a") with data.inventory as holding("a", ["Deployment", "NetworkPolicy"])
	count(rule.deny) == 0 with input as namespace("a") with data.inventory as holding("a", ["Pod", "CiliumNetworkPolicy"])
}

test_a_policy_elsewhere_is_not if {
	both := object.union(holding("a", ["Deployment"]), {"namespace": holding("b", ["NetworkPolicy"]).namespace})
	count(rule.deny) == 1 with input as namespace("a") with data.inventory as both
}

test_an_empty_one_and_the_systems_own_are_not if {
	count(rule.deny) == 0 with input as namespace("a") with data.inventory as holding("b", ["Deployment"])
	count(rule.deny) == 0 with input as namespace("kube-system") with data.inventory as holding("kube-system", ["DaemonSet"])
}

test_a_cluster_wide_policy_is_enough if {
	wide := object.union(holding("a", ["Pod"]), {"cluster": {"v1": {"AdminNetworkPolicy": {"x": {"kind": "AdminNetworkPolicy"}}}}})
	count(rule.deny) == 0 with input as namespace("a") with data.inventory as wide
}
