package quorate.cost.monthly_cost_over_limit_test

import data.quorate.cost.monthly_cost_over_limit as rule

facts(count, limit) := {
	"nodes": [{"name": "worker", "count": count, "instanceType": "CX31"}],
	"prices": {
		"currency": "EUR",
		"catalogue": {"CX31": "10.00"},
		"items": [{"name": "lb", "monthly": "6.05"}, {"name": "backup"}],
		"monthlyLimit": limit,
	},
}

node(name, labels) := {"kind": "Node", "metadata": {"name": name, "labels": labels}}

manifests(list) := {"namespace": {}, "cluster": {"v1": {"Node": {one.metadata.name: one | some one in list}}}}

test_over_the_limit_is_denied if {
	some finding in rule.deny with data.environment as facts(4, 46)
	finding.path == ["spec", "prices", "monthlyLimit"]
	finding.msg == "a month costs 46.05 EUR, which is 0.05 EUR over the limit of 46.00 EUR, without backup (no price)"
}

test_at_the_limit_is_not if {
	count(rule.deny) == 0 with data.environment as facts(4, "46.05")
	count(rule.deny) == 0 with data.environment as facts(3, "46.00")
}

test_nodes_among_the_manifests_count_instead if {
	labels := {"node.kubernetes.io/instance-type": "CX31"}
	three := manifests([node("worker-1", labels), node("worker-2", {}), node("x", labels)])
	count(rule.deny) == 1 with data.environment as facts(1, 36) with data.inventory as three
	count(rule.deny) == 0 with data.environment as facts(9, 37) with data.inventory as three
}

test_a_nodes_own_price_wins if {
	own := object.union(facts(1, 20), {"prices": {"nodes": {"worker-1": "20.00"}}})
	count(rule.deny) == 1 with data.environment as own
}

test_a_node_without_price_is_not_counted if {
	some finding in rule.deny with data.environment as facts(1, 1) with data.inventory as manifests([
		node("worker-1", {}),
		node("odd", {}),
	])
	contains(finding.msg, "without odd, backup")
}
