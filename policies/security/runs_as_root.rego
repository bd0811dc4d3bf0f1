# METADATA
# title: a container may run as root
# description: |
#   Nothing keeps a container from running as user 0: neither it nor its pod sets `runAsNonRoot: true` or a `runAsUser`
#   other than 0, so the image decides; or `runAsUser: 0` asks for root.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   description: Pod Security Standards, Restricted, requires runAsNonRoot
# - ref: https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/
#   description: User namespaces, in which root of a pod is not root of the node
# custom:
#   id: runs-as-root
#   severity: warning
#   why: |
#     Root in a container is root on the node's kernel, short of some capabilities: a hole in the runtime or a mounted host
#     path becomes the node. With `runAsNonRoot: true` the kubelet refuses to start an image that would run as root. In a
#     user namespace (`hostUsers: false`) root is nobody outside the pod, and this rule is silent.
#   help: |
#     Set `runAsNonRoot: true` (and a `runAsUser` if the image names its user by name) in the pod's `securityContext`.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
package quorate.security.runs_as_root

import data.quorate.lib.workload

deny contains finding if {
	some container in unconfined
	user := container.spec.securityContext.runAsUser
	user == 0
	finding := {
		"msg": sprintf("container %q runs as root", [container.name]),
		"path": array.concat(container.path, ["securityContext", "runAsUser"]),
	}
}

deny contains finding if {
	some container in unconfined
	not asks_for_root_itself(container)
	workload.setting(container, "runAsUser") == 0
	finding := {
		"msg": sprintf("container %q runs as root, as its pod says", [container.name]),
		"path": array.concat(workload.pod_spec_path, ["securityContext", "runAsUser"]),
	}
}

deny contains finding if {
	some container in unconfined
	workload.setting(container, "runAsUser") == null
	finding := {
		"msg": sprintf("container %q may run as root: its image decides", [container.name]),
		"path": array.concat(container.path, ["securityContext"]),
	}
}

unconfined := [container |
	not workload.windows
	not workload.pod_spec.hostUsers == false
	some container in workload.containers
	not workload.setting(container, "runAsNonRoot") == true
]

asks_for_root_itself(container) if container.spec.securityContext.runAsUser == 0
