package quorate.security.wildcard_rbac_test

import data.quorate.security.wildcard_rbac as rule

role(kind, groups, resources, verbs) := {
	"kind": kind,
	"metadata": {"name": "all"},
	"rules": [{"apiGroups": groups, "resources": resources, "verbs": verbs}],
}

all := role("ClusterRole", ["*"], ["*"], ["*"])

binding(subject) := {"cluster": {"rbac.authorization.k8s.io/v1": {"ClusterRoleBinding": {"b": {
	"kind": "ClusterRoleBinding",
	"metadata": {"name": "b"},
	"roleRef": {"kind": "ClusterRole", "name": "all"},
	"subjects": [subject],
}}}}, "namespace": {}}

test_everything_is_denied if {
	some finding in rule.deny with input as all
	finding.path == ["rules", 0, "verbs"]
}

test_everything_in_a_namespace_is_a_warning if {
	count(rule.deny) == 0 with input as role("Role", ["*"], ["*"], ["*"])
	count(rule.warn) == 1 with input as role("Role", ["*"], ["*"], ["*"])
}

test_writing_everything_or_secrets_is_a_warning if {
	count(rule.warn) == 1 with input as role("ClusterRole", [""], ["*"], ["get", "patch"])
	count(rule.warn) == 1 with input as role("ClusterRole", [""], ["secrets"], ["*"])
	count(rule.deny) == 0 with input as role("ClusterRole", [""], ["secrets"], ["*"])
}

test_reading_and_an_operators_own_group_are_not if {
	every one in [
		role("ClusterRole", ["*"], ["*"], ["get", "list", "watch"]),
		role("ClusterRole", ["example.com"], ["*"], ["*"]),
		role("ClusterRole", ["apps"], ["deployments"], ["*"]),
	] {
		count(rule.deny) == 0 with input as one
		count(rule.warn) == 0 with input as one
	}
}

test_declared_administrators_are_accepted if {
	access := {"access": {"devops": {"subjects": ["group:devops"], "may": ["ssh", "kubectlFull"]}}}
	bound := binding({"kind": "Group", "name": "devops"})
	count(rule.deny) == 0 with input as all with data.inventory as bound with data.environment as access
	others := binding({"kind": "Group", "name": "others"})
	count(rule.deny) == 1 with input as all with data.inventory as others with data.environment as access
	count(rule.deny) == 1 with input as all with data.inventory as bound with data.environment as {}
}

test_kubernetes_own_roles_are_accepted if {
	own := object.union(all, {"metadata": {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}})
	count(rule.deny) == 0 with input as own
	count(rule.deny) == 0 with input as object.union(all, {"metadata": {"name": "cluster-admin"}})
}
