package quorate.security.privilege_escalation_allowed_test

import data.quorate.security.privilege_escalation_allowed as rule

pod(context) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{
	"name": "a",
	"securityContext": context,
}]}}

test_absent_and_true_are_found if {
	count(rule.deny) == 1 with input as pod({})
	some finding in rule.deny with input as pod({"allowPrivilegeEscalation": true})
	finding.path == ["spec", "containers", 0, "securityContext", "allowPrivilegeEscalation"]
}

test_false_is_not if count(rule.deny) == 0 with input as pod({"allowPrivilegeEscalation": false})

test_a_privileged_container_is_left_to_its_own_rule if count(rule.deny) == 0 with input as pod({"privileged": true})
