//! What can be wrong with a scenario.

use thiserror::Error;

use crate::finding::{Finding, Severity};
use crate::manifest::{FieldPath, Node, Place, SourceId};

/// Something wrong, at a field of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub path: FieldPath,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProblemKind {
    /// Another kind of file.
    #[error("a scenario has apiVersion quorate.dev/v1alpha1 and kind Scenario, not {0}")]
    NotAScenario(String),
    /// Nothing to do.
    #[error("a scenario needs at least one step under spec.steps")]
    NoSteps,
    /// Several actions in one step.
    #[error("a step has exactly one action, this one has {0}; make a step of each")]
    SeveralActions(usize),
    /// Nothing to do in a step.
    #[error("this step has no action; give it one, for example drain: {{nodes: [worker-1]}}")]
    NoAction,
    /// A node that is not there.
    #[error("there is no node {name}; the nodes are {known}")]
    UnknownNode {
        /// The name.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// A workload that is not there.
    #[error("there is no workload {name}; {nearest}")]
    UnknownWorkload {
        /// The name.
        name: String,
        /// What is there instead.
        nearest: String,
    },
    /// A value that cannot be used.
    #[error("{0}")]
    Value(String),
}

impl Problem {
    /// As a finding in the scenario's own file.
    #[must_use]
    pub fn into_finding(self, root: &Node, source: SourceId) -> Finding {
        let mut finding = Finding::new("invalid-scenario", Severity::Error, self.kind.to_string());
        finding.place = Some(Place { source, span: root.locate(&self.path).span });
        finding.path = self.path;
        finding
    }
}
