# METADATA
# title: a role may do everything
# description: |
#   A ClusterRole allows every verb on every resource of the core API or of all API groups. A Role that does so in its own
#   namespace, and a ClusterRole that may write every resource, or do everything with Secrets, roles, bindings or `exec`,
#   are warnings.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   description: RBAC good practices
# custom:
#   id: wildcard-rbac
#   severity: error
#   why: |
#     A wildcard also covers what is not there yet: subresources, custom resources, API groups of operators installed
#     later. Whoever holds the token of a pod bound to it holds the cluster. Roles whose every subject is declared with
#     `kubectlFull` under `access` in quorate.yaml, Kubernetes' own roles, and the names in `allowedRoles` are accepted.
#   help: |
#     Name the resources and verbs that are used (`kubectl auth can-i --list --as=…`, the audit log), or declare who is an
#     administrator under `access` in quorate.yaml and bind nobody else.
#   kinds: [rbac.authorization.k8s.io/ClusterRole, rbac.authorization.k8s.io/Role]
#   parameters:
#     allowedRoles:
#       description: names of roles that may do everything
#       default: [cluster-admin, argocd-application-controller]
package quorate.security.wildcard_rbac

import data.quorate.lib.objects
import data.quorate.lib.workload.name as object_name

deny contains finding if {
	input.kind == "ClusterRole"
	some index in everything
	finding := {
		"msg": sprintf("clusterrole %q may do everything with everything", [object_name]),
		"path": ["rules", index, "verbs"],
		"related": bindings,
	}
}

warn contains finding if {
	input.kind == "Role"
	some index in everything
	finding := {
		"msg": sprintf("role %q may do everything in its namespace, Secrets included", [object_name]),
		"path": ["rules", index, "verbs"],
		"related": bindings,
	}
}

warn contains finding if {
	not accepted
	some index, rule in rules
	not index in everything
	some what in risks(rule)
	finding := {
		"msg": sprintf("%s %q may %s", [lower(input.kind), object_name, what]),
		"path": ["rules", index, "verbs"],
	}
}

# The rules that allow everything, by their index.
everything contains index if {
	not accepted
	some index, rule in rules
	has(rule, "verbs", "*")
	has(rule, "resources", "*")
	covers_core(rule)
}

risks(rule) := {"write every resource"} if {
	has(rule, "resources", "*")
	covers_core(rule)
	some verb in {"create", "update", "patch", "delete", "deletecollection"}
	has(rule, "verbs", verb)
} else := {sprintf("do everything with %s", [concat(", ", sort(powerful))])} if {
	has(rule, "verbs", "*")
	powerful := {resource |
		some resource in {"secrets", "pods/exec", "roles", "clusterroles", "rolebindings", "clusterrolebindings"}
		has(rule, "resources", resource)
	}
	count(powerful) > 0
} else := set()

rules := list if {
	list := input.rules
	is_array(list)
} else := []

has(rule, field, wanted) if {
	is_object(rule)
	is_array(rule[field])
	wanted in rule[field]
}

covers_core(rule) if has(rule, "apiGroups", "*")

covers_core(rule) if has(rule, "apiGroups", "")

accepted if input.metadata.labels["kubernetes.io/bootstrapping"] == "rbac-defaults"

accepted if input.metadata.name in data.parameters.allowedRoles

accepted if {
	subjects := [subject | some binding in bindings_of_role; some subject in subjects_of(binding)]
	count(subjects) > 0
	every subject in subjects {
		subject in administrators
	}
}

administrators contains subject if {
	some role in data.environment.access
	"kubectlFull" in role.may
	some subject in role.subjects
}

bindings_of_role := [binding |
	all := array.concat(objects.in_cluster("ClusterRoleBinding"), objects.in_any_namespace("RoleBinding"))
	some binding in all
	binding.roleRef.kind == input.kind
	binding.roleRef.name == input.metadata.name
]

subjects_of(binding) := [as_declared(subject, binding) |
	is_array(binding.subjects)
	some subject in binding.subjects
	is_object(subject)
]

# A subject in the form in which quorate.yaml writes it.
as_declared(subject, _) := sprintf("group:%s", [subject.name]) if subject.kind == "Group"

as_declared(subject, _) := sprintf("user:%s", [subject.name]) if subject.kind == "User"

as_declared(subject, _) := sprintf("serviceaccount:%s/%s", [object.get(subject, "namespace", ""), subject.name]) if {
	subject.kind == "ServiceAccount"
}

as_declared(subject, _) := "" if not subject.kind in {"Group", "User", "ServiceAccount"}

bindings := [related |
	some binding in bindings_of_role
	related := {
		"msg": "bound here",
		"path": ["roleRef", "name"],
		"object": {
			"kind": binding.kind,
			"namespace": object.get(binding.metadata, "namespace", null),
			"name": binding.metadata.name,
		},
	}
]
