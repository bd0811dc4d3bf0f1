package quorate.exposure.undeclared_port_test

import data.quorate.exposure.undeclared_port as rule

service(spec) := {"kind": "Service", "metadata": {"name": "a", "annotations": {}}, "spec": spec}

exposed := {"exposure": {"ports": [{"port": 443}, {"port": 30443, "through": "node"}, {"port": 53, "protocol": "UDP"}]}}

balancer(port) := {"type": "LoadBalancer", "ports": [port]}

test_a_load_balancer_port_is_denied if {
	some finding in rule.deny with input as service(balancer({"port": 5432})) with data.environment as exposed
	finding.path == ["spec", "ports", 0, "port"]
	# Another protocol, and another way.
	count(rule.deny) == 1 with input as service(balancer({"port": 53})) with data.environment as exposed
	count(rule.deny) == 1 with input as service(balancer({"port": 30443})) with data.environment as exposed
}

test_declared_ports_are_not if {
	count(rule.deny) == 0 with input as service(balancer({"port": 443})) with data.environment as exposed
	count(rule.deny) == 0 with input as service(balancer({"port": 53, "protocol": "UDP"})) with data.environment as exposed
	node := {"type": "NodePort", "ports": [{"port": 443, "nodePort": 30443}]}
	count(rule.deny) == 0 with input as service(node) with data.environment as exposed
}

test_node_ports_are_denied if {
	fixed := {"type": "NodePort", "ports": [{"port": 443, "nodePort": 31000}]}
	some finding in rule.deny with input as service(fixed) with data.environment as exposed
	finding.path == ["spec", "ports", 0, "nodePort"]
	picked := {"type": "NodePort", "ports": [{"port": 443}]}
	count(rule.deny) == 1 with input as service(picked) with data.environment as exposed
}

test_internal_ones_are_not if {
	annotated := object.union(
		service(balancer({"port": 5432})),
		{"metadata": {"annotations": {"load-balancer.hetzner.cloud/disable-public-network": "true"}}},
	)
	count(rule.deny) == 0 with input as annotated with data.environment as exposed
	private := object.union(balancer({"port": 5432}), {"loadBalancerSourceRanges": ["10.0.0.0/16"]})
	count(rule.deny) == 0 with input as service(private) with data.environment as exposed
	partly := object.union(balancer({"port": 5432}), {"loadBalancerSourceRanges": ["10.0.0.0/16", "203.0.113.0/24"]})
	count(rule.deny) == 1 with input as service(partly) with data.environment as exposed
}

test_inside_the_cluster_is_not if {
	count(rule.deny) == 0 with input as service({"ports": [{"port": 5432}]}) with data.environment as exposed
}

test_external_addresses_are_denied if {
	count(rule.deny) == 1 with input as service({"externalIPs": ["203.0.113.7"], "ports": [{"port": 22}]})
		with data.environment as exposed
}

pod(port) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "ports": [port]}]}}

test_a_host_port_is_a_warning if {
	some finding in rule.deny with input as pod({"containerPort": 9100, "hostPort": 9100}) with data.environment as exposed
	finding.path == ["spec", "containers", 0, "ports", 0, "hostPort"]
	finding.severity == "warning"
	count(rule.deny) == 0 with input as pod({"containerPort": 9100}) with data.environment as exposed
	count(rule.deny) == 0 with input as pod({"hostPort": 9100, "hostIP": "127.0.0.1"}) with data.environment as exposed
}
