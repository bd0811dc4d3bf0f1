package quorate.cost.no_resource_requests_test

import data.quorate.cost.no_resource_requests as rule

pod(resources) := {"kind": "Pod", "metadata": {"name": "a", "namespace": "n"}, "spec": {"containers": [{
	"name": "a",
	"resources": resources,
}]}}

range(limit) := {"cluster": {}, "namespace": {"n": {"v1": {"LimitRange": {"l": {"spec": {"limits": [limit]}}}}}}}

test_none_and_half_are_found if {
	some finding in rule.deny with input as pod({})
	finding.path == ["spec", "containers", 0, "resources", "requests"]
	contains(finding.msg, "no cpu and no memory")
	some half in rule.deny with input as pod({"requests": {"cpu": "100m"}})
	contains(half.msg, "no memory")
}

test_requests_and_limits_are_enough if {
	count(rule.deny) == 0 with input as pod({"requests": {"cpu": "100m", "memory": "64Mi"}})
	count(rule.deny) == 0 with input as pod({"limits": {"cpu": 1, "memory": "64Mi"}})
}

test_the_pods_own_and_a_default_are_enough if {
	whole := object.union(pod({}), {"spec": {"resources": {"requests": {"cpu": 1, "memory": "1Gi"}}}})
	count(rule.deny) == 0 with input as whole
	supplied := {"type": "Container", "defaultRequest": {"cpu": "100m"}, "default": {"memory": "128Mi"}}
	count(rule.deny) == 0 with input as pod({}) with data.inventory as range(supplied)
	count(rule.deny) == 1 with input as pod({}) with data.inventory as range({"type": "Pod", "max": {"cpu": 1}})
}
