# METADATA
# title: a service has a single pod
# description: |
#   A Deployment that a Service selects has one replica (which is also what an absent `replicas` means), or an autoscaler
#   may leave it with one.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   description: Deployments; replicas is 1 when absent
# custom:
#   id: single-replica
#   severity: warning
#   why: |
#     One pod is away whenever its node is: drained, crashed or full. After a crash it takes more than five minutes by
#     default (about 50 s until the node counts as lost, 300 s of toleration) before a new pod is even created.
#   help: |
#     Run two replicas or more, spread over nodes, with a PodDisruptionBudget; or accept it with a waiver that says who
#     does without the service meanwhile.
#   kinds: [Deployment]
package quorate.availability.single_replica

import data.quorate.lib.scaling.autoscaled
import data.quorate.lib.scaling.replicas
import data.quorate.lib.scaling.services as services_of_pods

deny contains finding if {
	replicas == 1
	services := sort([service | some service in services_of_pods])
	count(services) > 0
	finding := {
		"msg": sprintf("%s on a single pod%s", [resting(services), sometimes]),
		"path": ["spec", "replicas"],
	}
}

sometimes := " while its autoscaler is at its minimum" if {
	count(autoscaled) > 0
} else := ""

resting(services) := sprintf("service %s rests", services) if count(services) == 1

resting(services) := sprintf("services %s rest", [concat(", ", services)]) if count(services) > 1
