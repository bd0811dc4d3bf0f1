# Finds objects in the inventory, whatever version they are written in.
package quorate.lib.objects

in_namespace(namespace, kind) := [object | object := data.inventory.namespace[namespace][_][kind][_]]

in_any_namespace(kind) := [object | object := data.inventory.namespace[_][_][kind][_]]

in_cluster(kind) := [object | object := data.inventory.cluster[_][kind][_]]

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
