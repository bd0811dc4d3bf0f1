# METADATA
# title: a pod shares a namespace of its node
# description: |
#   A pod has `hostNetwork`, `hostPID` or `hostIPC: true`.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   description: Pod Security Standards, Baseline, forbids host namespaces
# custom:
#   id: shares-host-namespace
#   severity: warning
#   why: |
#     With `hostNetwork` a pod has the node's addresses: network policies do not hold for it, it reaches what listens on
#     the node's loopback, and it takes host ports (which also limits where pods can be placed, and how a rollout can go
#     on). With `hostPID` and `hostIPC` it sees, and as root can change, the processes and the memory of everything on
#     the node. Network agents and node exporters need one of them: exempt their namespaces with `exemptNamespaces`.
#   help: |
#     Remove the field and use a Service, a host port of a single container, or an API for what was read from the node.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
package quorate.security.shares_host_namespace

import data.quorate.lib.workload.pod_spec
import data.quorate.lib.workload.pod_spec_path

gives := {
	"hostNetwork": "the node's network: network policies do not hold for it",
	"hostPID": "the node's processes",
	"hostIPC": "the node's inter-process communication",
}

deny contains finding if {
	some field, what in gives
	pod_spec[field] == true
	finding := {
		"msg": sprintf("the pod shares %s", [what]),
		"path": array.concat(pod_spec_path, [field]),
	}
}
