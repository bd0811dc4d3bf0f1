# METADATA
# title: every pod of a namespace can be reached by every other
# description: |
#   A Namespace with workloads has no NetworkPolicy (of Kubernetes, Cilium or Calico) in it.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#   description: Network policies; without one a pod accepts and sends everything
# custom:
#   id: namespace-without-network-policy
#   severity: warning
#   why: |
#     Pods are not isolated until a policy selects them: whoever takes over one pod of the cluster reaches every port of
#     every pod here, databases and metrics included. A cluster-wide policy (AdminNetworkPolicy, Cilium's, Calico's) among
#     the manifests counts.
#   help: |
#     Add a policy that denies ingress to all pods (`podSelector: {}`, `policyTypes: [Ingress]`), then one for each flow
#     that there is.
#   kinds: [Namespace]
#   parameters:
#     systemNamespaces:
#       description: namespaces of the cluster itself
#       default: [kube-system, kube-public, kube-node-lease]
package quorate.exposure.namespace_without_network_policy

import data.quorate.lib.objects

deny contains finding if {
	name := input.metadata.name
	not name in data.parameters.systemNamespaces
	has_workloads(name)
	not isolated(name)
	finding := {
		"msg": sprintf("every pod in namespace %q can be reached by every other pod of the cluster", [name]),
		"path": ["metadata", "name"],
	}
}

has_workloads(name) if {
	some kind in ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod"]
	count(objects.in_namespace(name, kind)) > 0
}

isolated(name) if {
	some kind in ["NetworkPolicy", "CiliumNetworkPolicy"]
	count(objects.in_namespace(name, kind)) > 0
}

isolated(_) if {
	some kind in ["CiliumClusterwideNetworkPolicy", "GlobalNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"]
	count(objects.in_cluster(kind)) > 0
}
