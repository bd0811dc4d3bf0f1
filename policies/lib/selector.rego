# Label selectors, as the API server reads them: an empty one selects everything, none selects nothing.
package quorate.lib.selector

selects(selector, labels) if {
	is_object(selector)
	is_object(labels)
	not excludes(selector, labels)
}

excludes(selector, labels) if {
	value := selector.matchLabels[key]
	object.get(labels, key, null) != value
}

excludes(selector, labels) if {
	expression := selector.matchExpressions[_]
	not holds(expression, labels)
}

holds(expression, labels) if {
	expression.operator == "In"
	labels[expression.key] == expression.values[_]
}

holds(expression, labels) if {
	expression.operator == "NotIn"
	value := object.get(labels, expression.key, null)
	not value in {listed | listed := expression.values[_]}
}

holds(expression, labels) if {
	expression.operator == "Exists"
	labels[expression.key] != null
}

holds(expression, labels) if {
	expression.operator == "DoesNotExist"
	object.get(labels, expression.key, null) == null
}
