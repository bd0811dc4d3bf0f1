# The pods that an object makes, whatever its kind.
#
# These rules run on every object, so they stay flat: a reference that leads nowhere, or iterates over what is no list, is
# undefined and costs next to nothing, and what only a finding needs (paths, names) is a function that only it calls.
package quorate.lib.workload

# The pod's spec.
pod_spec := input.spec if {
	input.kind == "Pod"
} else := input.spec.jobTemplate.spec.template.spec if {
	input.kind == "CronJob"
} else := input.spec.template.spec

# Where it stands in the object.
pod_spec_path := ["spec"] if {
	input.kind == "Pod"
} else := ["spec", "jobTemplate", "spec", "template", "spec"] if {
	input.kind == "CronJob"
} else := ["spec", "template", "spec"]

# The labels of the pods.
pod_labels := input.metadata.labels if {
	input.kind == "Pod"
} else := input.spec.template.metadata.labels

# The path of something in a container that stands at `index` of the list `field`.
path(field, index, rest) := array.concat(pod_spec_path, array.concat([field, index], rest))

# What a container is called.
title(container, _, _) := container.name if is_string(container.name)

title(container, field, index) := sprintf("%s[%v]", [field, index]) if not is_string(object.get(container, "name", null))

# The containers that run as long as the pod does: not the init containers, except those that are restarted always.
lasting_containers := array.concat(
	[{"spec": spec, "field": "containers", "index": index} | spec := pod_spec.containers[index]],
	[{"spec": spec, "field": "initContainers", "index": index} |
		spec := pod_spec.initContainers[index]
		spec.restartPolicy == "Always"
	],
)

# `metadata.namespace`; an object that names none is in `default`.
namespace := input.metadata.namespace if {
	is_string(input.metadata.namespace)
} else := "default"

name := input.metadata.name if {
	is_string(input.metadata.name)
} else := ""
