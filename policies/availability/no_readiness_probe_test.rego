package quorate.availability.no_readiness_probe_test

import data.quorate.availability.no_readiness_probe as rule

deployment(containers) := {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"template": {
	"metadata": {"labels": {"app": "a"}},
	"spec": {"containers": containers},
}}}

service := {"cluster": {}, "namespace": {"n": {"v1": {"Service": {"s": {
	"kind": "Service",
	"metadata": {"name": "s", "namespace": "n"},
	"spec": {"selector": {"app": "a"}},
}}}}}}

test_a_container_with_ports_is_found if {
	some finding in rule.deny with input as deployment([{"name": "a", "ports": [{"containerPort": 80}]}])
	finding.path == ["spec", "template", "spec", "containers", 0, "readinessProbe"]
}

test_a_probe_a_metrics_port_and_no_port_are_not if {
	every container in [
		{"name": "a", "ports": [{"containerPort": 80}], "readinessProbe": {"tcpSocket": {"port": 80}}},
		{"name": "a", "ports": [{"name": "metrics", "containerPort": 9090}]},
		{"name": "a"},
	] {
		count(rule.deny) == 0 with input as deployment([container])
	}
}

test_a_service_makes_it_found if {
	count(rule.deny) == 1 with input as deployment([{"name": "a"}]) with data.inventory as service
}
