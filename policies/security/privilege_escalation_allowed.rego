# METADATA
# title: a container may gain privileges
# description: |
#   A container does not set `securityContext.allowPrivilegeEscalation: false`.
# related_resources:
# - ref: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   description: allowPrivilegeEscalation and the no_new_privs flag
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   description: Pod Security Standards, Restricted, forbids it
# custom:
#   id: privilege-escalation-allowed
#   severity: warning
#   why: |
#     The field is true when it is absent. Then a process may gain more privileges than its parent, through a setuid binary
#     in the image for example; with `false` the kernel's `no_new_privs` flag rules that out. It costs nothing for a
#     program that does not use setuid.
#   help: |
#     Set `allowPrivilegeEscalation: false` in the container's `securityContext`.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
package quorate.security.privilege_escalation_allowed

import data.quorate.lib.workload
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	not container.securityContext.allowPrivilegeEscalation == false
	is_object(container)
	# That is a finding of its own, and rules this one in.
	not container.securityContext.privileged == true
	# Windows knows no such thing.
	not pod_spec.os.name == "windows"
	finding := {
		"msg": sprintf("container %q may gain privileges that it was not given", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext", "allowPrivilegeEscalation"]),
	}
}
