package quorate.security.runs_as_root_test

import data.quorate.security.runs_as_root as rule

pod(of_pod, of_container) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": {
	"securityContext": of_pod,
	"containers": [{"name": "a", "securityContext": of_container}],
}}

test_nothing_said_is_found if {
	some finding in rule.deny with input as pod({}, {})
	finding.path == ["spec", "containers", 0, "securityContext"]
}

test_user_0_is_found_where_it_stands if {
	some own in rule.deny with input as pod({}, {"runAsUser": 0})
	own.path == ["spec", "containers", 0, "securityContext", "runAsUser"]
	some of_pod in rule.deny with input as pod({"runAsUser": 0}, {})
	of_pod.path == ["spec", "securityContext", "runAsUser"]
}

test_the_container_overrides_the_pod if {
	some finding in rule.deny with input as pod({"runAsNonRoot": true}, {"runAsNonRoot": false})
	finding.path == ["spec", "containers", 0, "securityContext", "runAsNonRoot"]
	count(rule.deny) == 0 with input as pod({"runAsNonRoot": true}, {"runAsUser": 0})
	count(rule.deny) == 0 with input as pod({"runAsUser": 7}, {"runAsNonRoot": false})
	count(rule.deny) == 0 with input as pod({"runAsUser": 0}, {"runAsUser": 1000})
}

test_non_root_is_not_found if {
	count(rule.deny) == 0 with input as pod({"runAsNonRoot": true}, {})
	count(rule.deny) == 0 with input as pod({}, {"runAsUser": 65534})
}

test_a_user_namespace_and_windows_are_left_out if {
	apart := object.union(pod({}, {}), {"spec": {"hostUsers": false}})
	count(rule.deny) == 0 with input as apart
	windows := object.union(pod({}, {}), {"spec": {"os": {"name": "windows"}}})
	count(rule.deny) == 0 with input as windows
}
