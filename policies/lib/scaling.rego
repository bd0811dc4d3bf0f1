# How many pods a workload has at least.
package quorate.lib.scaling

import data.quorate.lib.objects
import data.quorate.lib.workload

# The fewest replicas: what an autoscaler may go down to, else `spec.replicas`, else 1.
replicas := min(autoscaled) if count(autoscaled) > 0

replicas := declared if {
	count(autoscaled) == 0
	declared := input.spec.replicas
	is_number(declared)
}

replicas := 1 if {
	count(autoscaled) == 0
	not is_number(input.spec.replicas)
}

# Where it is written.
path := ["spec", "replicas"]

autoscaled contains lowest if {
	some autoscaler in objects.in_namespace(workload.namespace, "HorizontalPodAutoscaler")
	targets(autoscaler.spec.scaleTargetRef)
	lowest := number(autoscaler.spec, "minReplicas", 1)
}

# KEDA.
autoscaled contains lowest if {
	some scaled in objects.in_namespace(workload.namespace, "ScaledObject")
	targets(scaled.spec.scaleTargetRef)
	lowest := number(scaled.spec, "minReplicaCount", 0)
}

targets(reference) if {
	reference.name == workload.name
	object.get(reference, "kind", "Deployment") == input.kind
}

number(from, key, _) := value if {
	value := from[key]
	is_number(value)
}

number(from, key, otherwise) := otherwise if not is_number(object.get(from, key, null))

# The Services whose traffic goes to its pods.
services contains name if {
	some service in objects.in_namespace(workload.namespace, "Service")
	name := service.metadata.name
	is_string(name)
	selector := service.spec.selector
	is_object(selector)
	count(selector) > 0
	every key, value in selector {
		workload.pod_labels[key] == value
	}
}
