//! What a report of `quorate schedule` is made from, and the way into every format.

use std::collections::BTreeMap;
use std::io;

use crate::finding::Finding;
use crate::manifest::{Place, SourceMap};
use crate::report::check_report::ReportError;
use crate::report::format::Format;
use crate::report::terminal_style::TerminalStyle;

use super::{answer, json};

/// Everything that a report of `quorate schedule` shows.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleDocument<'a> {
    /// `pod/default/x`; of a workload one more pod is meant: `deployment/default/backend`.
    pub pod: &'a str,
    /// The modelled version of Kubernetes: `1.36`.
    pub kubernetes: &'a str,
    /// Where the other pods are.
    pub placement: &'a SchedulePlacement,
    /// The answer.
    pub answer: &'a ScheduleAnswer,
    /// What is taken for granted of the pod itself.
    pub own_assumptions: &'a [String],
    /// What is taken for granted of the cluster.
    pub cluster_assumptions: &'a [String],
    /// The texts that places refer to.
    pub sources: &'a SourceMap,
    /// What must never be shown.
    pub secrets: &'a [Place],
}

/// Where the other pods of the cluster are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulePlacement {
    /// Whether they were placed first.
    pub placed: PlacedFirst,
    /// How many are on a node.
    pub bound: usize,
    /// How many wait for a node.
    pub pending: usize,
    /// Workloads of which the input holds no pods, and which therefore take no room.
    pub absent: Vec<String>,
}

/// Whether the other pods were placed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedFirst {
    /// They are where the input says.
    No,
    /// The input says what there should be: a simulation has brought the cluster to rest.
    Yes,
}

impl PlacedFirst {
    /// As on the command line: `current`, `scheduled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "current",
            Self::Yes => "scheduled",
        }
    }
}

/// The answer to the question.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleAnswer {
    /// The API server does not create the pod.
    Refused(Box<RefusedPod>),
    /// What the scheduler says.
    Decided(Box<Decision>),
}

/// A pod that is not created.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedPod {
    /// The admission plugin.
    pub plugin: &'static str,
    /// What it says.
    pub reasons: Vec<String>,
    /// The answer of the API server: `pods "x" is forbidden: …`.
    pub message: String,
    /// The same with places.
    pub finding: Finding,
}

/// What kube-scheduler says. Nodes are named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The scheduler's profile that decided, unless it is the one of pods that name no scheduler.
    pub profile: Option<String>,
    /// A PreFilter that rejects every node.
    pub pre_filter: Option<PreFilterVerdict>,
    /// The verdict on each node.
    pub nodes: BTreeMap<String, NodeVerdict>,
    /// Weighted scores of the feasible nodes by plugin.
    pub scores: BTreeMap<String, BTreeMap<&'static str, i64>>,
    /// Their sums.
    pub total: BTreeMap<String, i64>,
    /// The nodes that the pod may go to.
    pub best: Vec<String>,
    /// `0/4 nodes are available: …`, where none is.
    pub message: Option<String>,
    /// What preemption could do, where no node is feasible.
    pub preemption: Option<PreemptionSummary>,
    /// Nodes that are not feasible, by cause, the most frequent first.
    pub excluded: Vec<ExcludedNodes>,
    /// Where no node is feasible: why, with places.
    pub finding: Option<Finding>,
}

/// A PreFilter's rejection of every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreFilterVerdict {
    /// Upstream's name of the plugin.
    pub plugin: &'static str,
    /// Upstream's name of the code.
    pub code: &'static str,
    /// Why.
    pub reasons: Vec<String>,
}

/// The verdict on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVerdict {
    /// `Success`, `Unschedulable`, `UnschedulableAndUnresolvable`.
    pub code: &'static str,
    /// The plugin that rejects it.
    pub plugin: Option<&'static str>,
    /// Why, sorted.
    pub reasons: Vec<String>,
}

/// Nodes that one plugin rejects for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedNodes {
    /// The plugin.
    pub plugin: &'static str,
    /// Upstream's texts.
    pub reasons: Vec<String>,
    /// The nodes.
    pub nodes: Vec<String>,
    /// What stands against what; may be empty.
    pub detail: String,
    /// Where it is written.
    pub place: Option<Place>,
}

/// What preemption could do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreemptionSummary {
    /// `possible`, `no-candidate`, `policy-never`, `victims-terminating`, `not-tried`.
    pub outcome: &'static str,
    /// The victims on each node where it is possible.
    pub victims: BTreeMap<String, VictimsSummary>,
    /// The nodes among which Kubernetes chooses.
    pub best: Vec<String>,
}

/// The pods that would be evicted on a node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VictimsSummary {
    /// `NAMESPACE/NAME`, the most important first.
    pub pods: Vec<String>,
    /// How many of them violate a PodDisruptionBudget.
    pub budget_violations: usize,
}

/// Writes the report of `quorate schedule` in `format`. `style` matters to [`Format::Human`] only.
///
/// # Errors
/// When `out` refuses the text, and for formats in which findings are reported.
pub fn write_schedule(
    document: &ScheduleDocument<'_>,
    format: Format,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    match format {
        Format::Human => answer::write(document, style, out),
        Format::Json => json::write(document, out),
        Format::Sarif | Format::Github => {
            Err(ReportError::Unsupported { command: "schedule", format, instead: "human or json" })
        }
    }
}

/// Writes the JSON of one of many answers as one line.
///
/// # Errors
/// When `out` refuses the text.
pub fn write_schedule_line(document: &ScheduleDocument<'_>, out: &mut dyn io::Write) -> Result<(), ReportError> {
    json::write_line(document, out)
}
