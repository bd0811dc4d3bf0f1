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

deny contains finding if {
	not workload.windows
	some container in workload.containers
	not container.spec.securityContext.allowPrivilegeEscalation == false
	# That is a finding of its own, and rules this one in.
	not container.spec.securityContext.privileged == true
	finding := {
		"msg": sprintf("container %q may gain privileges that it was not given", [container.name]),
		"path": array.concat(container.path, ["securityContext", "allowPrivilegeEscalation"]),
	}
}
