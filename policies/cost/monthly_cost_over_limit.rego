# METADATA
# title: the environment costs more than its limit
# description: |
#   The nodes at their prices and the other items under `prices` in quorate.yaml cost more a month than
#   `prices.monthlyLimit`. Nodes are those among the manifests, else those of the declared pools. What has no price is
#   named, and is not counted.
# related_resources:
# - ref: https://kubernetes.io/docs/reference/labels-annotations-taints/#nodekubernetesioinstance-type
#   description: The label node.kubernetes.io/instance-type, by which a node is priced
# custom:
#   id: monthly-cost-over-limit
#   severity: error
#   why: |
#     A limit is a promise to whoever pays. A pool that grows by one node is one line in a pull request and a bill every
#     month after it.
#   help: |
#     Take nodes or items away, choose a cheaper type, or raise the limit with whoever set it.
#   kinds: [quorate.dev/Environment]
#   needs: [environment.prices.monthlyLimit]
package quorate.cost.monthly_cost_over_limit

import data.quorate.lib.objects

deny contains finding if {
	total > limit
	finding := {
		"msg": sprintf("a month costs %s, which is %s over the limit of %s%s", [
			money(total),
			money(total - limit),
			money(limit),
			unknown_text,
		]),
		"path": ["spec", "prices", "monthlyLimit"],
		"why": concat(" + ", parts),
	}
}

prices := data.environment.prices

limit := cents(prices.monthlyLimit)

total := sum([node.cents | some node in priced_nodes]) + sum([item.cents | some item in priced_items])

# Amounts in cents: sums of decimal fractions are not exact.
cents(amount) := round(to_number(amount) * 100)

money(amount) := trim_space(sprintf("%d.%s %s", [floor(amount / 100), two_digits(amount % 100), currency]))

two_digits(number) := sprintf("0%d", [number]) if number < 10

two_digits(number) := sprintf("%d", [number]) if number >= 10

currency := object.get(prices, "currency", "")

manifests := objects.in_cluster("Node")

nodes := [{"name": node.metadata.name, "type": type_of(node)} | some node in manifests] if count(manifests) > 0

nodes := [{"name": sprintf("%s-%d", [pool.name, index]), "type": object.get(pool, "instanceType", "")} |
	some pool in data.environment.nodes
	size := object.get(pool, "count", 1)
	size > 0
	some index in numbers.range(1, size)
] if count(manifests) == 0

type_of(node) := object.get(node, ["metadata", "labels", "node.kubernetes.io/instance-type"], pool_type(node))

pool_type(node) := type if {
	some pool in data.environment.nodes
	is_string(pool.instanceType)
	startswith(node.metadata.name, concat("", [pool.name, "-"]))
	regex.match(`^[0-9]+$`, trim_prefix(node.metadata.name, concat("", [pool.name, "-"])))
	type := pool.instanceType
} else := ""

price_of(node) := cents(prices.nodes[node.name]) if {
	prices.nodes[node.name]
} else := cents(prices.catalogue[node.type])

priced_nodes := [{"name": node.name, "cents": price_of(node)} | some node in nodes; price_of(node) >= 0]

priced_items := [{"name": item.name, "cents": cents(item.monthly) * object.get(item, "count", 1)} |
	some item in prices.items
	item.monthly
]

parts := array.concat(
	[sprintf("%s %s", [node.name, money(node.cents)]) | some node in priced_nodes],
	[sprintf("%s %s", [item.name, money(item.cents)]) | some item in priced_items],
)

unknown := array.concat(
	[node.name | some node in nodes; not price_of(node)],
	[item.name | some item in prices.items; not item.monthly],
)

unknown_text := sprintf(", without %s (no price)", [concat(", ", unknown)]) if {
	count(unknown) > 0
} else := ""
