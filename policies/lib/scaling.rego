# How many pods a workload has at least.
package quorate.lib.scaling

import data.quorate.lib.workload.name as object_name
import data.quorate.lib.workload.namespace
import data.quorate.lib.workload.pod_labels

# The fewest replicas: what an autoscaler may go down to, else `spec.replicas`, else 1.
replicas := min(autoscaled) if {
	count(autoscaled) > 0
} else := input.spec.replicas if {
	is_number(input.spec.replicas)
} else := 1

autoscaled contains lowest if {
	autoscaler := data.inventory.namespace[namespace][_].HorizontalPodAutoscaler[_]
	targets(autoscaler.spec.scaleTargetRef)
	lowest := object.get(autoscaler.spec, "minReplicas", 1)
	is_number(lowest)
}

# KEDA.
autoscaled contains lowest if {
	scaled := data.inventory.namespace[namespace][_].ScaledObject[_]
	targets(scaled.spec.scaleTargetRef)
	lowest := object.get(scaled.spec, "minReplicaCount", 0)
	is_number(lowest)
}

targets(reference) if {
	reference.name == object_name
	object.get(reference, "kind", "Deployment") == input.kind
}

# The Services whose traffic goes to its pods.
services contains name if {
	service := data.inventory.namespace[namespace][_].Service[_]
	selector := service.spec.selector
	is_object(selector)
	count(selector) > 0
	not excludes(selector)
	name := service.metadata.name
	is_string(name)
}

excludes(selector) if {
	value := selector[key]
	not pod_labels[key] == value
}
