# Finds objects in the inventory, whatever version they are written in.
package quorate.lib.objects

in_namespace(namespace, kind) := [object |
	some kinds in data.inventory.namespace[namespace]
	some object in kinds[kind]
	is_object(object)
]

in_any_namespace(kind) := [object |
	some versions in data.inventory.namespace
	some kinds in versions
	some object in kinds[kind]
	is_object(object)
]

in_cluster(kind) := [object |
	some kinds in data.inventory.cluster
	some object in kinds[kind]
	is_object(object)
]

# `kind/namespace/name`, the kind in lower case, as quorate.yaml refers to objects.
reference(object) := sprintf("%s/%s/%s", [
	lower(object.kind),
	object_namespace(object),
	object.metadata.name,
]) if is_string(object.kind)

object_namespace(object) := namespace if {
	namespace := object.metadata.namespace
	is_string(namespace)
} else := "default"
