//! What a report of `quorate prove` is made from, and the way into every format.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use quorate_proof::claim::{Failures, Placement};

use crate::report::check_report::ReportError;
use crate::report::format::Format;
use crate::report::terminal_style::TerminalStyle;

use super::{json, table};

/// Everything that a report of `quorate prove` shows.
#[derive(Clone, Copy, Debug)]
pub struct ProofDocument<'a> {
    /// The modelled version of Kubernetes: `1.36`.
    pub kubernetes: &'a str,
    /// The guarantees, those that were declared first.
    pub guarantees: &'a [GuaranteeReport],
    /// Budgets that promise nothing under failures, and what is not known of data stores.
    pub no_promises: &'a [NoPromise],
    /// What every verdict takes for granted.
    pub assumptions: &'a [String],
    /// Whether pods are on nodes in the input.
    pub has_current: bool,
    /// Where the proof files are; `None`: they were not kept.
    pub proofs: Option<&'a str>,
    /// How long it took.
    pub elapsed: Option<Duration>,
}

/// A guarantee and what was decided about it.
#[derive(Clone, Debug)]
pub struct GuaranteeReport {
    /// Whose pods.
    pub subject: GuaranteeSubject,
    /// Whether `quorate.yaml` declares it.
    pub declared: bool,
    /// How many pods are available at least.
    pub at_least: i64,
    /// How many there are.
    pub of: i64,
    /// What may fail.
    pub failures: Failures,
    /// The verdicts.
    pub verdicts: Vec<AtPlacement>,
    /// Changes with which it is proved to hold.
    pub repairs: Repairs,
}

/// Changes with which a violated guarantee is proved to hold.
#[derive(Clone, Debug, Default)]
pub struct Repairs {
    /// How many changes were tried.
    pub tried: usize,
    /// The violated claims that every one of them had to repair.
    pub sought: Vec<(Placement, PhaseWord)>,
    /// What was proved, cheapest first.
    pub found: Vec<Repair>,
}

/// A change with which a guarantee is proved to hold, and nothing else is violated that was not.
#[derive(Clone, Debug)]
pub struct Repair {
    /// Its number in the report, from 1.
    pub number: usize,
    /// In the field's words: `maxSurge: 0, maxUnavailable: 1`.
    pub change: String,
    /// What changes in files, as a unified diff; `None`: nothing.
    pub patch: Option<String>,
    /// What has to be done elsewhere, as sentences.
    pub not_written: Vec<String>,
    /// What it adds to the monthly cost, in units of the currency; `None`: nobody says.
    pub monthly_cost: Option<String>,
    /// The same for people: `€10.00 a month`.
    pub price: String,
    /// What was proved, in the order of [`Repairs::sought`].
    pub reproved: Vec<AtPlacement>,
}

/// Whose pods a guarantee is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuaranteeSubject {
    /// A workload, `deployment/default/backend`.
    Workload(String),
    /// What a PodDisruptionBudget selects.
    Budget {
        /// `NAMESPACE/NAME`.
        name: String,
        /// The workloads.
        workloads: Vec<String>,
    },
    /// What a data store of quorate.yaml needs to take writes.
    DataStore {
        /// `store/NAMESPACE/NAME`.
        name: String,
        /// The workloads whose pods are counted.
        workloads: Vec<String>,
        /// Why so many: `a majority of its 3 members`.
        needs: String,
    },
}

/// What promises nothing, or not all, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPromise {
    /// What it is.
    pub whose: Promiser,
    /// Why, in a clause.
    pub reason: String,
    /// The workloads that quorate.yaml names for it; of a budget none.
    pub workloads: Vec<String>,
    /// What quorate.yaml would have to say, where that is the reason.
    pub undeclared: Option<&'static str>,
}

/// What might promise something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promiser {
    /// A PodDisruptionBudget, `NAMESPACE/NAME`.
    Budget(String),
    /// A data store, `store/NAMESPACE/NAME`.
    DataStore(String),
}

/// What was decided for one placement and phase.
#[derive(Clone, Debug)]
pub struct AtPlacement {
    /// Where the pods may be before the failure.
    pub placement: Placement,
    /// When it must hold.
    pub phase: PhaseWord,
    /// Whether it holds.
    pub verdict: VerdictWord,
    /// How many pods remain in every case, as far as is known; `None`: nothing is known.
    pub bound: Option<i64>,
    /// Why, in a sentence; empty where there is nothing to say.
    pub reason: String,
    /// What breaks it.
    pub witness: Option<WitnessReport>,
    /// The proof file.
    pub proof: Option<String>,
    /// How it was shown: `bound`, `search`, `counting`, `witness`, or a run of the simulation.
    pub method: Option<&'static str>,
    /// What else shows it, for programs: that no node takes the pod that a rollout waits for.
    pub evidence: Option<serde_json::Value>,
}

/// When a claim must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhaseWord {
    /// Right after the loss.
    Instant,
    /// At rest again, the lost nodes' objects still there.
    Recovered,
    /// At rest after these are gone too.
    Removed,
    /// Drains and rollouts come to an end.
    Progress,
}

/// Whether a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerdictWord {
    /// It holds, and the checker has accepted the proof.
    Proved,
    /// Nobody knows.
    Undecided,
    /// It does not.
    Violated,
}

impl VerdictWord {
    /// As in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Undecided => "undecided",
            Self::Violated => "violated",
        }
    }
}

/// What breaks a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessReport {
    /// The node of each pod, by `NAMESPACE/NAME`; pods that do not matter may be left out.
    pub placement: BTreeMap<String, String>,
    /// For each workload of the subject how many of its pods are on each node before the failure.
    pub subject: BTreeMap<String, BTreeMap<String, i64>>,
    /// The failed domains: `node/worker-1`, `zone/a`.
    pub failed: Vec<String>,
    /// What happens after the failure.
    pub steps: Vec<String>,
    /// So many pods are available then.
    pub available: i64,
    /// How many of the pods that it places are on other nodes now; `None`: none is on a node, or these are the present placement's.
    pub moved: Option<i64>,
    /// How to see it happen.
    pub scenario: Option<Replayable>,
}

/// A scenario file that shows a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayable {
    /// The file.
    pub scenario: String,
    /// The command that plays it.
    pub command: String,
}

/// Writes the report of `quorate prove` in `format`. `style` matters to [`Format::Human`] only.
///
/// # Errors
/// When `out` refuses the text, and for formats in which findings are reported.
pub fn write_proof(
    document: &ProofDocument<'_>,
    format: Format,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    match format {
        Format::Human => Ok(table::write(document, style, out)?),
        Format::Json => json::write(document, out),
        Format::Sarif | Format::Github => {
            Err(ReportError::Unsupported { command: "prove", format, instead: "human or json" })
        }
    }
}
