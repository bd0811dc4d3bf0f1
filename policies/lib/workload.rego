# The pods that an object makes, whatever its kind.
package quorate.lib.workload

# Where the pod's spec stands in the object.
pod_spec_path := ["spec"] if input.kind == "Pod"

pod_spec_path := ["spec", "jobTemplate", "spec", "template", "spec"] if input.kind == "CronJob"

pod_spec_path := ["spec", "template", "spec"] if {
	input.kind in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"}
}

# A controller made it (a ReplicaSet of a Deployment, a Pod of a ReplicaSet): the mend is in the controller, and so is the
# finding.
controlled if {
	owners := input.metadata.ownerReferences
	is_array(owners)
	some owner in owners
	owner.controller == true
}

# The pod's spec.
pod_spec := spec if {
	not controlled
	spec := at(pod_spec_path)
	is_object(spec)
}

# The labels of the pods.
pod_labels := labels if {
	metadata_path := array.concat(array.slice(pod_spec_path, 0, count(pod_spec_path) - 1), ["metadata", "labels"])
	labels := at(metadata_path)
	is_object(labels)
} else := {}

# What stands at a path of the object; undefined where nothing does.
at(path) := value if {
	is_object(input)
	value := object.get(input, path, null)
	value != null
}

# Its containers, each with its place: `field` is the list it stands in.
containers := [container |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	list := pod_spec[field]
	is_array(list)
	some index, spec in list
	is_object(spec)
	container := {
		"spec": spec,
		"name": container_name(spec, field, index),
		"field": field,
		"path": array.concat(pod_spec_path, [field, index]),
	}
]

container_name(spec, _, _) := spec.name if is_string(spec.name)

container_name(spec, field, index) := sprintf("%s[%d]", [field, index]) if not is_string(object.get(spec, "name", null))

# The containers that run as long as the pod does: not the init containers, except those that are restarted always.
lasting_containers := [container |
	some container in containers
	lasts(container)
]

lasts(container) if container.field == "containers"

lasts(container) if {
	container.field == "initContainers"
	container.spec.restartPolicy == "Always"
}

# Windows has neither users by number nor privilege escalation in this sense.
windows if pod_spec.os.name == "windows"

# `metadata.namespace`; an object that names none is in `default`.
namespace := input.metadata.namespace if {
	is_string(input.metadata.namespace)
} else := "default"

name := input.metadata.name if {
	is_string(input.metadata.name)
} else := ""

# A text field of a container's security context, or null.
setting(container, key) := value if {
	value := container.spec.securityContext[key]
	value != null
} else := value if {
	value := pod_spec.securityContext[key]
	value != null
} else := null
