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
import data.quorate.lib.workload.pod_spec
import data.quorate.lib.workload.pod_spec_path

# The container asks for it.
deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	container.securityContext.runAsUser == 0
	not non_root(container)
	concerns
	finding := {
		"msg": sprintf("container %q runs as root", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext", "runAsUser"]),
	}
}

# The pod asks for it, and the container does not say otherwise.
deny contains finding if {
	pod_spec.securityContext.runAsUser == 0
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	not has_user(container)
	not non_root(container)
	concerns
	finding := {
		"msg": sprintf("container %q runs as root, as its pod says", [workload.title(container, field, index)]),
		"path": array.concat(pod_spec_path, ["securityContext", "runAsUser"]),
	}
}

# Nobody says anything.
deny contains finding if {
	not pod_decides
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	is_object(container)
	not has_user(container)
	not container.securityContext.runAsNonRoot == true
	concerns
	finding := {
		"msg": sprintf("container %q may run as root: its image decides", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext"]),
	}
}

# Nothing but an explicit `false` of a container takes this back.
deny contains finding if {
	pod_spec.securityContext.runAsNonRoot == true
	not pod_user
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	container.securityContext.runAsNonRoot == false
	not has_user(container)
	concerns
	finding := {
		"msg": sprintf("container %q may run as root, against its pod: its image decides", [workload.title(container, field, index)]),
		"path": workload.path(field, index, ["securityContext", "runAsNonRoot"]),
	}
}

has_user(container) if container.securityContext.runAsUser != null

non_root(container) if container.securityContext.runAsNonRoot == true

non_root(container) if {
	pod_spec.securityContext.runAsNonRoot == true
	not container.securityContext.runAsNonRoot == false
}

pod_user if pod_spec.securityContext.runAsUser != null

pod_decides if pod_user

pod_decides if pod_spec.securityContext.runAsNonRoot == true

# Windows has no users by number, and in a user namespace root is nobody outside the pod.
concerns if {
	not pod_spec.os.name == "windows"
	not pod_spec.hostUsers == false
}
