package quorate.security.privileged_container_test

import data.quorate.security.privileged_container as rule

pod(context) := {
	"kind": "Pod",
	"metadata": {"name": "a", "namespace": "team"},
	"spec": {"containers": [{"name": "a", "securityContext": context}]},
}

daemon_set(namespace) := {
	"kind": "DaemonSet",
	"metadata": {"name": "a", "namespace": namespace},
	"spec": {"template": {"spec": {"initContainers": [{"name": "a", "securityContext": {"privileged": true}}]}}},
}

test_a_privileged_container_is_denied if {
	some finding in rule.deny with input as pod({"privileged": true})
	finding.path == ["spec", "containers", 0, "securityContext", "privileged"]
}

test_a_host_process_is_denied if {
	some finding in rule.deny with input as pod({"windowsOptions": {"hostProcess": true}})
	finding.path == ["spec", "containers", 0, "securityContext", "windowsOptions", "hostProcess"]
}

test_an_ordinary_container_is_not if {
	count(rule.deny) == 0 with input as pod({"privileged": false})
}

test_an_agent_in_a_system_namespace_is_a_warning if {
	some finding in rule.deny with input as daemon_set("kube-system")
	finding.severity == "warning"
	finding.path == ["spec", "template", "spec", "initContainers", 0, "securityContext", "privileged"]
}

test_an_agent_elsewhere_is_denied if {
	some finding in rule.deny with input as daemon_set("team")
	finding.severity == "error"
}
