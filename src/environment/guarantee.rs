//! Promises that are decided by simulation and proof.

use serde::{Deserialize, Serialize};

use super::{LabelKey, WorkloadReference};

/// At least `minAvailable` pods of a workload are ready and not terminating, whatever `failures` strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guarantee {
    /// The workload that it is about.
    pub workload: WorkloadReference,
    /// How many of its pods are available at least.
    pub min_available: u32,
    /// What may fail; any one node if absent.
    #[serde(default)]
    pub failures: Failures,
    /// Where the pods may be when it happens; anywhere that can be reached if absent.
    #[serde(default)]
    pub placement: Placement,
    /// When it must hold; always if absent.
    #[serde(default = "every_phase")]
    pub phase: Vec<Phase>,
}

/// What may fail at once: every set of at most this many domains of one kind, none included.
///
/// Written as `{nodes: 1}`, `{zones: 1}`, or `{label: rack, count: 1}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "UnvalidatedFailures", into = "UnvalidatedFailures")]
pub enum Failures {
    /// This many nodes.
    Nodes(u32),
    /// This many zones (`topology.kubernetes.io/zone`).
    Zones(u32),
    /// This many domains of a node label.
    Domains {
        /// The label's key.
        label: LabelKey,
        /// How many values of it.
        count: u32,
    },
}

/// Why failures are not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failures must name one kind of domain: write {{nodes: 1}}, {{zones: 1}} or {{label: KEY, count: 1}}")]
pub struct FailuresError;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UnvalidatedFailures {
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zones: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<LabelKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl TryFrom<UnvalidatedFailures> for Failures {
    type Error = FailuresError;

    fn try_from(written: UnvalidatedFailures) -> Result<Self, Self::Error> {
        match (written.nodes, written.zones, written.label, written.count) {
            (Some(count), None, None, None) => Ok(Self::Nodes(count)),
            (None, Some(count), None, None) => Ok(Self::Zones(count)),
            (None, None, Some(label), Some(count)) => Ok(Self::Domains { label, count }),
            _ => Err(FailuresError),
        }
    }
}

impl From<Failures> for UnvalidatedFailures {
    fn from(failures: Failures) -> Self {
        match failures {
            Failures::Nodes(count) => Self { nodes: Some(count), ..Self::default() },
            Failures::Zones(count) => Self { zones: Some(count), ..Self::default() },
            Failures::Domains { label, count } => Self { label: Some(label), count: Some(count), ..Self::default() },
        }
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self::Nodes(1)
    }
}

/// Where pods may be before the failure, from the weakest claim to the strongest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// Where they are.
    Current,
    /// Wherever the scheduler puts them from an empty cluster, by its scores.
    Scheduled,
    /// Wherever hard constraints allow, from an empty cluster.
    Fresh,
    /// Wherever any history of rollouts, evictions, drains, failures and recoveries can leave them.
    #[default]
    Reachable,
}

/// When the promise must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Right after the loss.
    Instant,
    /// At rest again, the lost nodes' objects still there.
    Recovered,
    /// At rest after the node objects are gone too.
    Removed,
    /// Drains and rollouts come to an end.
    Progress,
}

fn every_phase() -> Vec<Phase> {
    vec![Phase::Instant, Phase::Recovered, Phase::Removed, Phase::Progress]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_guarantee_defaults_to_the_strongest_claim_for_one_node() {
        let guarantee: Guarantee =
            serde_json::from_value(json!({"workload": "deployment/default/backend", "minAvailable": 2})).unwrap();
        assert_eq!(guarantee.failures, Failures::Nodes(1));
        assert_eq!((guarantee.placement, guarantee.phase.len()), (Placement::Reachable, 4));
    }

    #[test]
    fn failures_name_exactly_one_kind() {
        let rack: Failures = serde_json::from_value(json!({"label": "rack", "count": 2})).unwrap();
        assert_eq!(serde_json::to_value(&rack).unwrap(), json!({"label": "rack", "count": 2}));
        for bad in
            [json!({}), json!({"nodes": 1, "zones": 1}), json!({"label": "rack"}), json!({"nodes": 1, "count": 1})]
        {
            let error = serde_json::from_value::<Failures>(bad).unwrap_err().to_string();
            assert!(error.contains("{nodes: 1}"), "{error}");
        }
    }
}
