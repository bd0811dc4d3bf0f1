//! The document `quorate.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AccessRole, Alert, Backup, DataStore, DeclaredNode, Delivery, Dependencies, Exposure, Guarantee, LabelKey,
    Networks, NodePool, Policies, Prices, Recovery, Scheduler, Secrets, Waiver,
};

/// One `quorate.yaml`: facts that manifests do not carry.
///
/// **Merging convention.** `--environment` may be given several times, for example a platform's file and then a
/// team's. [`Environment::merged_with`] joins them, in the order given: a scalar of the later document wins; maps are
/// joined, the later value winning for a key that both have; lists are joined, and an element that has the same
/// identity as an earlier one (the name of a pool, price item, data store, backup or alert; the port and protocol of an
/// exposed port) takes its place as a whole. Elements without an identity (guarantees, dependencies, waivers, checklist entries) are appended
/// unless an equal one is there. A document cannot take anything away from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The version of this format.
    pub api_version: EnvironmentApiVersion,
    /// The kind of this document.
    pub kind: EnvironmentKind,
    /// The environment's name.
    #[serde(default)]
    pub metadata: EnvironmentMetadata,
    /// The facts.
    #[serde(default)]
    pub spec: EnvironmentSpec,
}

/// Versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentApiVersion {
    /// The first version.
    #[serde(rename = "quorate.dev/v1alpha1")]
    V1Alpha1,
}

/// Kinds of document that describe an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentKind {
    /// The only kind.
    Environment,
}

/// What an environment is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentMetadata {
    /// The environment's name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The facts about an environment; all are optional, and a rule that needs an absent one is not evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentSpec {
    /// Pools of nodes. See [`EnvironmentSpec::declared_nodes`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodePool>,
    /// What things cost a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// Address ranges of the private network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Networks>,
    /// Node label keys of the domains that fail together, from the smallest (a host) to the largest (a zone, a site).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure_domains: Vec<LabelKey>,
    /// How the cluster's scheduler is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<Scheduler>,
    /// Promises that are decided by simulation and proof; a violation is an error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guarantees: Vec<Guarantee>,
    /// Data stores that are declared, or corrections of those detected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_stores: Vec<DataStore>,
    /// Dependencies that manifests do not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
    /// Backups that are made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<Backup>,
    /// Recovery objectives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// Who may do what, by the name of the role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub access: BTreeMap<String, AccessRole>,
    /// What may be reached from the outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// How secrets are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Secrets>,
    /// How changes reach the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Alerts that must exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// Which rules run, with which parameters and severities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// Findings that are accepted, by whom, why and until when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

impl EnvironmentSpec {
    /// Every node of every pool of known size, pools in the order given, nodes of a pool by index.
    ///
    /// **Naming convention.** Node `i` (from 1) of pool `worker` is called `worker-i`; its labels are those of the pool
    /// plus `kubernetes.io/hostname` (the name), `topology.kubernetes.io/zone` (where the pool has a zone) and
    /// `node.kubernetes.io/instance-type` (where it has an instance type), which a label of the pool with the same key
    /// overrides except for the host name. Allocatable is the declared one, or capacity minus reservations. A Node
    /// manifest of the same name says more than the pool and is used in its place; the pool then only prices it, and says
    /// how much room it has where the manifest, written without a status, does not. A pool with only an instance type
    /// gives prices to nodes that come from elsewhere and expands to none.
    pub fn declared_nodes(&self) -> Vec<DeclaredNode> {
        self.nodes.iter().flat_map(NodePool::declared_nodes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(spec: serde_json::Value) -> Result<Environment, serde_json::Error> {
        serde_json::from_value(json!({"apiVersion": "quorate.dev/v1alpha1", "kind": "Environment", "spec": spec}))
    }

    #[test]
    fn an_empty_environment_is_valid_and_declares_nothing() {
        let parsed: Environment =
            serde_json::from_value(json!({"apiVersion": "quorate.dev/v1alpha1", "kind": "Environment"})).unwrap();
        assert_eq!(parsed.spec, EnvironmentSpec::default());
        assert_eq!(parsed.spec.declared_nodes(), vec![]);
    }

    #[test]
    fn another_version_is_refused() {
        let parsed: Result<Environment, _> =
            serde_json::from_value(json!({"apiVersion": "quorate.dev/v2", "kind": "Environment"}));
        assert!(parsed.unwrap_err().to_string().contains("quorate.dev/v1alpha1"));
    }

    #[test]
    fn what_is_written_reads_back_equal() {
        let parsed = environment(json!({
            "nodes": [{"name": "worker", "count": 3, "instanceType": "CX31",
                "capacity": {"cpu": 4, "memory": "7800Mi", "pods": "110"},
                "reservations": {"cpu": "200m", "memory": "800Mi"}}],
            "prices": {"currency": "EUR", "catalogue": {"CX31": "10.00"}, "monthlyLimit": 46},
            "networks": {"pods": "10.244.0.0/16"},
            "failureDomains": ["kubernetes.io/hostname"],
            "guarantees": [{"workload": "deployment/default/backend", "minAvailable": 2, "failures": {"nodes": 1},
                "placement": "reachable", "phase": ["instant", "recovered"]}],
            "backups": [{"name": "etcd", "dataStore": "store/kube-system/etcd", "what": "snapshot",
                "schedule": "0 * * * *", "retention": "7d", "target": "box"}],
            "recovery": {"rto": "4h", "rpo": "1h"},
            "delivery": {"strategies": {"deployment/default/backend":
                {"type": "rollingUpdate", "maxSurge": 1, "maxUnavailable": "25%"}}},
            "waivers": [{"rule": "single-point-of-failure", "object": "node/control-plane-1",
                "reason": "accepted", "owner": "platform", "expiry": "2027-06-30"}],
        }))
        .unwrap();
        let written = serde_json::to_value(&parsed).unwrap();
        assert_eq!(serde_json::from_value::<Environment>(written).unwrap(), parsed);
    }
}
