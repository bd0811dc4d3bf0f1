# METADATA
# title: a container reserves nothing
# description: |
#   A container requests no CPU or no memory: neither itself nor its pod says so, there are no limits that would stand in,
#   and no LimitRange of the namespace supplies a default.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   description: Resource management for pods and containers
# - ref: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
#   description: Who is evicted first under node pressure
# custom:
#   id: no-resource-requests
#   severity: warning
#   why: |
#     The scheduler places by requests: to it such a container is free, so nodes fill beyond what they can bear, and no
#     forecast of capacity or cost counts it. Under memory pressure the kubelet evicts it first, and an autoscaler on CPU
#     utilisation cannot compute one.
#   help: |
#     Set `resources.requests` for cpu and memory from measured use. A memory limit equal to the request makes it safe.
#   kinds: [Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, Pod]
package quorate.cost.no_resource_requests

import data.quorate.lib.objects
import data.quorate.lib.workload
import data.quorate.lib.workload.namespace
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	# An ephemeral container may not have any.
	spec := pod_spec
	some field in ["containers", "initContainers"]
	container := spec[field][index]
	not reserves(container)
	is_object(container)
	missing := [resource |
		some resource in ["cpu", "memory"]
		not requested(container, resource)
		not requested(pod_spec, resource)
		not defaulted(resource)
	]
	count(missing) > 0
	finding := {
		"msg": sprintf("container %q reserves no %s", [
			workload.title(container, field, index),
			concat(" and no ", missing),
		]),
		"path": workload.path(field, index, ["resources", "requests"]),
	}
}

# The usual case, first because it is cheap.
reserves(container) if {
	container.resources.requests.cpu != null
	container.resources.requests.memory != null
}

requested(spec, resource) if spec.resources.requests[resource] != null

# Where only a limit is given, the request equals it.
requested(spec, resource) if spec.resources.limits[resource] != null

defaulted(resource) if {
	some range in objects.in_namespace(namespace, "LimitRange")
	limit := range.spec.limits[_]
	limit.type == "Container"
	some field in ["defaultRequest", "default"]
	limit[field][resource] != null
}
