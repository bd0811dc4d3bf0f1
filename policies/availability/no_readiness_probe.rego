# METADATA
# title: traffic reaches a container that may not be ready
# description: |
#   A container with ports has no `readinessProbe`, or a Service selects pods in which no container has one.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
#   description: Liveness, readiness and startup probes
# - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
#   description: A rolling update counts ready pods
# custom:
#   id: no-readiness-probe
#   severity: warning
#   why: |
#     Without the probe a container is ready as soon as it runs. A rolling update then takes the next old pod away before
#     the new one answers, Services send it traffic, and a PodDisruptionBudget counts it as healthy: every promise of
#     availability rests on this probe.
#   help: |
#     Add a `readinessProbe` that answers only when the container can serve. A startup probe for slow starts is no
#     substitute: it ends with the start.
#   kinds: [Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Pod]
package quorate.availability.no_readiness_probe

import data.quorate.lib.scaling.services as services_of_pods
import data.quorate.lib.workload
import data.quorate.lib.workload.lasting_containers

deny contains finding if {
	some container in without_probe
	serves(container.spec)
	finding := {
		"msg": sprintf("container %q counts as ready as soon as it runs: it has no readiness probe", [name(container)]),
		"path": workload.path(container.field, container.index, ["readinessProbe"]),
	}
}

# No container names its ports, but a Service sends traffic to the pod.
deny contains finding if {
	count(without_probe) > 0
	count(without_probe) == count(lasting_containers)
	not any_serves
	some service in services_of_pods
	first := lasting_containers[0]
	finding := {
		"msg": sprintf("service %q sends traffic to pods that have no readiness probe", [service]),
		"path": workload.path(first.field, first.index, ["readinessProbe"]),
	}
}

name(container) := workload.title(container.spec, container.field, container.index)

without_probe := [container |
	container := lasting_containers[_]
	is_object(container.spec)
	not is_object(container.spec.readinessProbe)
]

any_serves if {
	some container in lasting_containers
	serves(container.spec)
}

# It has a port other than one for metrics.
serves(spec) if {
	port := spec.ports[_]
	is_object(port)
	not for_metrics(port)
}

for_metrics(port) if {
	is_string(port.name)
	contains(port.name, "metric")
}
