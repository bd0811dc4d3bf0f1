package quorate.security.shares_host_namespace_test

import data.quorate.security.shares_host_namespace as rule

pod(spec) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": spec}

test_each_host_namespace_is_found if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		some finding in rule.deny with input as pod({field: true})
		finding.path == ["spec", field]
	}
}

test_all_three_are_three if count(rule.deny) == 3 with input as pod({"hostNetwork": true, "hostPID": true, "hostIPC": true})

test_none_is_none if {
	count(rule.deny) == 0 with input as pod({})
	count(rule.deny) == 0 with input as pod({"hostNetwork": false})
}
