# METADATA
# title: a container runs privileged
# description: |
#   A container (of any kind: init, ephemeral, ordinary) has `securityContext.privileged: true`, or on Windows
#   `securityContext.windowsOptions.hostProcess: true`.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   description: Pod Security Standards, Baseline, forbids privileged containers
# - ref: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   description: Configure a security context
# custom:
#   id: privileged-container
#   severity: error
#   why: |
#     A privileged container has every capability, sees every device of its node and is not confined by seccomp, AppArmor
#     or SELinux. Whoever takes it over has the node, the kubelet's credentials on it, and every pod that runs there.
#     Network, storage and GPU agents do need it: a DaemonSet in one of `systemNamespaces` is a warning.
#   help: |
#     Remove `privileged: true` and grant what is missing: single capabilities (`capabilities.add: [NET_ADMIN]`), a
#     device plugin, a volume. An agent that needs it belongs in a DaemonSet in a namespace of its own.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
#   parameters:
#     systemNamespaces:
#       description: namespaces whose DaemonSets are agents of the cluster (network, storage, devices)
#       default: [kube-system, calico-system, kube-flannel, cilium, tigera-operator, metallb-system, longhorn-system, rook-ceph, openebs, gpu-operator, istio-system]
package quorate.security.privileged_container

import data.quorate.lib.workload
import data.quorate.lib.workload.namespace
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	container.securityContext.privileged == true
	finding := {
		"msg": sprintf("container %q runs privileged: it has the whole node", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext", "privileged"]),
		"severity": severity,
	}
}

deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	container.securityContext.windowsOptions.hostProcess == true
	finding := {
		"msg": sprintf("container %q is a host process: it has the whole node", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext", "windowsOptions", "hostProcess"]),
		"severity": severity,
	}
}

severity := "warning" if {
	input.kind == "DaemonSet"
	namespace in data.parameters.systemNamespaces
} else := "error"
