//! A finding, and a rule that could not be evaluated.

use std::sync::Arc;

use super::severity::Severity;
use crate::manifest::{FieldPath, ObjectReference, Place};

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id: `rollout-deadlock`.
    pub rule: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence, lower case, no full stop.
    pub message: String,
    /// The object it is about; `None` for a finding about a document or the whole input.
    pub object: Option<ObjectReference>,
    /// The field it is about; the root for the object itself.
    pub path: FieldPath,
    /// Where it is shown; `None` for live objects and facts without a source.
    pub place: Option<Place>,
    /// What the underlined text is called in the report (`no old pod may stop before a new one is ready`); empty:
    /// nothing.
    pub label: String,
    /// Other places that are part of the cause.
    pub related: Vec<Related>,
    /// Why: the cause in the facts of this input.
    pub why: Option<String>,
    /// Then: the steps that lead there and what follows, in order.
    pub then: Vec<String>,
    /// The ways out, cheapest first.
    pub mends: Vec<Mend>,
    /// The rule's general help.
    pub help: Option<String>,
    /// Machine-readable evidence (a trace, counts); `Null` when there is none.
    pub evidence: serde_json::Value,
    /// Set when a waiver holds for it: it is shown and does not count.
    pub waived: Option<Waived>,
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// What it has to do with it.
    pub message: String,
    /// The object it stands in.
    pub object: Option<ObjectReference>,
    /// The field.
    pub path: FieldPath,
    /// The place.
    pub place: Option<Place>,
}

/// A way out of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// The change, in the field's words: `maxSurge: 0, maxUnavailable: 1`.
    pub change: String,
    /// What it costs or does: `€0, lowest readiness 2 of 3`.
    pub price: Option<String>,
}

/// The waiver that holds for a finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waived {
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Until when, inclusive.
    pub expires: jiff::civil::Date,
}

/// A rule that could not be evaluated, and what would make it so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct NotEvaluated {
    /// The rule's id.
    pub rule: Arc<str>,
    /// What it needs: `nodes`, `spec.backups in quorate.yaml`.
    pub needs: String,
}

impl NotEvaluated {
    /// What a rule needs that has no nodes to think about.
    pub const NODES: &str = "nodes";

    /// Whether nodes are what it needs: [`NotEvaluated::NODES`], alone or with the ways to give them behind a colon.
    #[must_use]
    pub fn needs_nodes(&self) -> bool {
        self.needs.strip_prefix(Self::NODES).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl Finding {
    /// A finding with the parts that every one has; the others are filled in by the caller.
    #[must_use]
    pub fn new(rule: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: Arc::from(rule),
            severity,
            message: message.into(),
            object: None,
            path: FieldPath::root(),
            place: None,
            label: String::new(),
            related: Vec::new(),
            why: None,
            then: Vec::new(),
            mends: Vec::new(),
            help: None,
            evidence: serde_json::Value::Null,
            waived: None,
        }
    }
}
