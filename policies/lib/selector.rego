# Label selectors, as the API server reads them: an empty one selects everything.
package quorate.lib.selector

selects(selector, labels) if {
	is_object(selector)
	is_object(labels)
	matches_labels(selector, labels)
	matches_expressions(selector, labels)
}

matches_labels(selector, labels) if {
	wanted := mapping(selector, "matchLabels")
	every key, value in wanted {
		labels[key] == value
	}
}

matches_expressions(selector, labels) if {
	expressions := list(selector, "matchExpressions")
	every expression in expressions {
		holds(expression, labels)
	}
}

holds(expression, labels) if {
	expression.operator == "In"
	value := labels[expression.key]
	value in list(expression, "values")
}

holds(expression, labels) if {
	expression.operator == "NotIn"
	value := object.get(labels, expression.key, null)
	not value in list(expression, "values")
}

holds(expression, labels) if {
	expression.operator == "Exists"
	has_key(labels, expression.key)
}

holds(expression, labels) if {
	expression.operator == "DoesNotExist"
	not has_key(labels, expression.key)
}

has_key(labels, key) if key in object.keys(labels)

mapping(from, key) := value if {
	value := from[key]
	is_object(value)
} else := {}

list(from, key) := value if {
	value := from[key]
	is_array(value)
} else := []
