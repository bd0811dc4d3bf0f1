package quorate.availability.no_disruption_budget_test

import data.quorate.availability.no_disruption_budget as rule

deployment(replicas) := {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {
	"replicas": replicas,
	"template": {"metadata": {"labels": {"app": "a"}}},
}}

inventory(kind, spec) := {"cluster": {}, "namespace": {"n": {"v": {kind: {"x": {
	"kind": kind,
	"metadata": {"name": "x", "namespace": "n"},
	"spec": spec,
}}}}}}

test_two_without_a_budget_are_found if {
	some finding in rule.deny with input as deployment(2)
	finding.path == ["spec", "replicas"]
}

test_one_is_not if count(rule.deny) == 0 with input as deployment(1)

test_a_budget_that_selects_them_is_enough if {
	every wanted in [
		{"matchLabels": {"app": "a"}},
		{},
		{"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]},
		{"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "x", "operator": "DoesNotExist"}]},
	] {
		count(rule.deny) == 0 with input as deployment(3)
			with data.inventory as inventory("PodDisruptionBudget", {"selector": wanted})
	}
}

test_a_budget_for_others_is_not_enough if {
	every wanted in [
		{"matchLabels": {"app": "b"}},
		{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]},
		null,
	] {
		count(rule.deny) == 1 with input as deployment(3)
			with data.inventory as inventory("PodDisruptionBudget", {"selector": wanted})
	}
}

test_an_autoscaler_says_how_many if {
	scaled := inventory("HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "minReplicas": 3})
	count(rule.deny) == 1 with input as deployment(1) with data.inventory as scaled
}
