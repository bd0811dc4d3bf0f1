//! What a proof file claims.

use std::fmt;

use serde::{Deserialize, Serialize};

/// "At least `at_least` pods of `subject` are available": Ready, not terminating, on a node that has not failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claim {
    /// Whose pods.
    pub subject: Subject,
    /// How many of them at least.
    pub at_least: i64,
    /// What may fail.
    pub failures: Failures,
    /// Where the pods may be before the failure.
    pub placement: Placement,
    /// When it must hold.
    pub phase: Phase,
}

/// Whose pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// Those of a workload, by its name in the cluster.
    Workload(String),
    /// Those of several workloads together, two or more: their names in the cluster, sorted, each once.
    Workloads(Vec<String>),
    /// Those that a PodDisruptionBudget selects, by its name in the cluster; `at_least` is what it asks for.
    Budget(String),
}

/// `deployment/default/web`, `statefulset/data/a and statefulset/data/b`, `PodDisruptionBudget default/web`.
impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(name) => formatter.write_str(name),
            Self::Workloads(names) => formatter.write_str(&names.join(" and ")),
            Self::Budget(name) => write!(formatter, "PodDisruptionBudget {name}"),
        }
    }
}

/// Every set of at most `count` domains of one kind, none included, all at the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Failures {
    /// Nodes, or all nodes with one value of a label.
    pub domain: Domain,
    /// How many at most.
    pub count: usize,
}

/// A kind of failure domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Domain {
    /// Single nodes.
    Node,
    /// All nodes with one value of this label; a node without it does not fail.
    Label(String),
}

/// Several of them: `nodes`, `values of topology.kubernetes.io/zone`.
impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => formatter.write_str("nodes"),
            Self::Label(label) => write!(formatter, "values of {label}"),
        }
    }
}

/// Where pods may be before a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// Where they are.
    Current,
    /// Wherever the scheduler puts them from an empty cluster, by its scores: some of what `Fresh` has.
    Scheduled,
    /// Wherever hard constraints allow, from an empty cluster, in every order.
    Fresh,
    /// Wherever any history leaves them, at rest: all of what `Fresh` has, and more.
    Reachable,
}

/// When a claim must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Right after the loss.
    Instant,
    /// At rest again, the lost nodes' objects still there.
    Recovered,
    /// At rest after those objects are gone too.
    Removed,
    /// Rollouts of the workload end, and no drain of a node waits for its pods for ever. `at_least` is 0, and `failures` is one node: the
    /// one that is drained.
    Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_pods_and_what_fails_in_words() {
        let name = |text: &str| text.to_owned();
        let subjects = [
            (Subject::Workload(name("job/a/b")), "job/a/b"),
            (Subject::Workloads(vec![name("job/a/b"), name("job/a/c")]), "job/a/b and job/a/c"),
            (Subject::Budget(name("a/b")), "PodDisruptionBudget a/b"),
        ];
        for (subject, words) in subjects {
            assert_eq!(subject.to_string(), words);
        }
        assert_eq!(Domain::Node.to_string(), "nodes");
        assert_eq!(Domain::Label(name("rack")).to_string(), "values of rack");
    }
}
