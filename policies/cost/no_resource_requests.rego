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

deny contains finding if {
	some container in workload.containers
	# An ephemeral container may not have any.
	container.field != "ephemeralContainers"
	missing := [resource |
		some resource in ["cpu", "memory"]
		not requested(container.spec, resource)
		not requested(workload.pod_spec, resource)
		not defaulted(resource)
	]
	count(missing) > 0
	finding := {
		"msg": sprintf("container %q reserves no %s", [container.name, concat(" and no ", missing)]),
		"path": array.concat(container.path, ["resources", "requests"]),
	}
}

requested(spec, resource) if _ = spec.resources.requests[resource]

# Where only a limit is given, the request equals it.
requested(spec, resource) if _ = spec.resources.limits[resource]

defaulted(resource) if {
	some range in objects.in_namespace(workload.namespace, "LimitRange")
	is_array(range.spec.limits)
	some limit in range.spec.limits
	limit.type == "Container"
	some field in ["defaultRequest", "default"]
	_ = limit[field][resource]
}
