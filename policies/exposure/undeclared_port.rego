# METADATA
# title: a port is open to the outside and not declared
# description: |
#   A Service of type LoadBalancer or NodePort, or one with external addresses, opens a port that quorate.yaml does not
#   list under `exposure.ports` for that way (`through: loadBalancer` or `node`). A host port of a pod is a warning: a
#   firewall that nobody sees here may stand before it.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
#   description: Service types
# custom:
#   id: undeclared-port
#   severity: error
#   why: |
#     The list of open ports is what firewalls, audits and incident response rely on. A Service adds to it with one word,
#     without a change to any firewall: a cloud load balancer opens the port to the world, a node port on every node.
#     Load balancers that are annotated as internal, or that admit private addresses only, are not meant.
#   help: |
#     Make it `type: ClusterIP` and serve it through the ingress; or declare the port, with its purpose, under
#     `exposure.ports` in quorate.yaml and open the firewall for it knowingly.
#   kinds: [Service, Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
#   needs: [environment.exposure.ports]
#   parameters:
#     internalAnnotations:
#       description: annotations that make a load balancer internal, and the values that do so
#       default:
#         service.beta.kubernetes.io/aws-load-balancer-internal: ["true", "0.0.0.0/0"]
#         service.beta.kubernetes.io/aws-load-balancer-scheme: [internal]
#         service.beta.kubernetes.io/azure-load-balancer-internal: ["true"]
#         networking.gke.io/load-balancer-type: [Internal]
#         cloud.google.com/load-balancer-type: [Internal]
#         load-balancer.hetzner.cloud/disable-public-network: ["true"]
#         service.beta.kubernetes.io/openstack-internal-load-balancer: ["true"]
package quorate.exposure.undeclared_port

import data.quorate.lib.workload
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	input.kind == "Service"
	input.spec.type == "LoadBalancer"
	not internal
	some index, port in ports
	not declared(port.port, protocol(port), "loadBalancer")
	finding := {
		"msg": sprintf("the load balancer opens port %v/%s, which is not declared", [port.port, protocol(port)]),
		"path": ["spec", "ports", index, "port"],
		"related": type,
	}
}

deny contains finding if {
	input.kind == "Service"
	input.spec.type == "NodePort"
	some index, port in ports
	number := port.nodePort
	not declared(number, protocol(port), "node")
	finding := {
		"msg": sprintf("port %v/%s is open on every node and is not declared", [number, protocol(port)]),
		"path": ["spec", "ports", index, "nodePort"],
		"related": type,
	}
}

# A port that the API server picks cannot have been declared.
deny contains finding if {
	input.kind == "Service"
	input.spec.type == "NodePort"
	some index, port in ports
	not port.nodePort
	finding := {
		"msg": sprintf("port %v is opened on every node at a number that the API server picks", [port.port]),
		"path": ["spec", "ports", index, "port"],
		"related": type,
	}
}

deny contains finding if {
	input.kind == "Service"
	is_array(input.spec.externalIPs)
	count(input.spec.externalIPs) > 0
	some index, port in ports
	not declared(port.port, protocol(port), "node")
	finding := {
		"msg": sprintf("port %v/%s is open at external addresses and is not declared", [port.port, protocol(port)]),
		"path": ["spec", "ports", index, "port"],
		"related": [{"msg": "the addresses", "path": ["spec", "externalIPs"]}],
	}
}

deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	port := container.ports[position]
	number := port.hostPort
	is_number(number)
	number > 0
	not object.get(port, "hostIP", "") in {"127.0.0.1", "::1"}
	not declared(number, protocol(port), "node")
	finding := {
		"msg": sprintf("container %q opens port %v/%s of its node, which is not declared", [
			workload.title(container, field, index),
			number,
			protocol(port),
		]),
		"path": workload.path(field, index, ["ports", position, "hostPort"]),
		"severity": "warning",
	}
}

ports := [port |
	is_array(input.spec.ports)
	some port in input.spec.ports
	is_object(port)
]

protocol(port) := object.get(port, "protocol", "TCP")

type := [{"msg": "opened by the type", "path": ["spec", "type"]}]

declared(number, protocol, through) if {
	some port in data.environment.exposure.ports
	port.port == number
	object.get(port, "protocol", "TCP") == protocol
	object.get(port, "through", "loadBalancer") == through
}

internal if {
	some annotation, values in data.parameters.internalAnnotations
	input.metadata.annotations[annotation] in values
}

internal if {
	ranges := input.spec.loadBalancerSourceRanges
	is_array(ranges)
	count(ranges) > 0
	every range in ranges {
		private(range)
	}
}

private(range) if {
	some network in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
	is_string(range)
	net.cidr_contains(network, range)
}
