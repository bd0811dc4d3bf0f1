package quorate.availability.single_replica_test

import data.quorate.availability.single_replica as rule

deployment(spec) := {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": object.union(
	{"template": {"metadata": {"labels": {"app": "a"}}}},
	spec,
)}

inventory(more) := {"cluster": {}, "namespace": {"n": {"v1": object.union({"Service": {"s": {
	"kind": "Service",
	"metadata": {"name": "s", "namespace": "n"},
	"spec": {"selector": {"app": "a"}},
}}}, more)}}}

autoscaler(lowest) := {"HorizontalPodAutoscaler": {"h": {
	"kind": "HorizontalPodAutoscaler",
	"metadata": {"name": "h", "namespace": "n"},
	"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "minReplicas": lowest},
}}}

test_one_and_absent_are_found if {
	count(rule.deny) == 1 with input as deployment({"replicas": 1}) with data.inventory as inventory({})
	some finding in rule.deny with input as deployment({}) with data.inventory as inventory({})
	finding.path == ["spec", "replicas"]
}

test_two_and_no_service_are_not if {
	count(rule.deny) == 0 with input as deployment({"replicas": 2}) with data.inventory as inventory({})
	count(rule.deny) == 0 with input as deployment({"replicas": 1})
}

test_the_autoscaler_decides if {
	count(rule.deny) == 0 with input as deployment({}) with data.inventory as inventory(autoscaler(2))
	count(rule.deny) == 1 with input as deployment({"replicas": 3}) with data.inventory as inventory(autoscaler(1))
}

message(spec, more) := finding.msg if {
	some finding in rule.deny with input as deployment(spec) with data.inventory as inventory(more)
}

test_the_services_are_counted if {
	message({}, {}) == "service s rests on a single pod"
	another := {"Service": {
		"s": {"metadata": {"name": "s", "namespace": "n"}, "spec": {"selector": {"app": "a"}}},
		"t": {"metadata": {"name": "t", "namespace": "n"}, "spec": {"selector": {"app": "a"}}},
	}}
	message({}, another) == "services s, t rest on a single pod"
}

test_an_autoscaler_may_make_more_of_it if {
	message({"replicas": 3}, autoscaler(1)) == "service s rests on a single pod while its autoscaler is at its minimum"
}
