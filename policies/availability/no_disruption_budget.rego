# METADATA
# title: maintenance may stop every replica at once
# description: |
#   A Deployment or StatefulSet has two replicas or more, and no PodDisruptionBudget in its namespace selects its pods.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
#   description: Disruptions and PodDisruptionBudgets
# - ref: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   description: Specifying a disruption budget
# custom:
#   id: no-disruption-budget
#   severity: warning
#   why: |
#     A drain evicts pods through the Eviction API, and only a PodDisruptionBudget makes that wait. Without one, draining
#     two nodes at once (an upgrade, an autoscaler) may evict all replicas together, however many there are.
#   help: |
#     Add a PodDisruptionBudget that selects the pods, with `maxUnavailable: 1`. Prefer it to `minAvailable`, which blocks
#     drains for good once there are no more replicas than that.
#   kinds: [Deployment, StatefulSet]
package quorate.availability.no_disruption_budget

import data.quorate.lib.scaling.replicas
import data.quorate.lib.selector
import data.quorate.lib.workload.namespace
import data.quorate.lib.workload.pod_labels

deny contains finding if {
	not has_budget
	replicas >= 2
	finding := {
		"msg": sprintf("a drain may evict all %v pods at once: no disruption budget selects them", [replicas]),
		"path": ["spec", "replicas"],
	}
}

has_budget if {
	budget := data.inventory.namespace[namespace][_].PodDisruptionBudget[_]
	selector.selects(budget.spec.selector, pod_labels)
}
