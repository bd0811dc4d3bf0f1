//! A pod that the API server refuses to create.

use crate::manifest::{FieldPath, ObjectId};

/// Why a pod is not created: `pods "x" is forbidden: …`, HTTP status 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The admission plugin: `LimitRanger`.
    pub plugin: &'static str,
    /// What it says, in its own words; LimitRanger gives all that is wrong at once.
    pub reasons: Vec<String>,
    /// What it comes from.
    pub cause: RefusalCause,
    /// The fields of the pod's specification that it is about, below `spec`.
    pub fields: Vec<FieldPath>,
    /// The object that asks for something else, and where.
    pub against: Option<(ObjectId, FieldPath)>,
}

/// What a refusal comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalCause {
    /// The pod contradicts an object of the input.
    Contradiction,
    /// The pod names a PriorityClass that the input does not hold.
    PriorityClassNotInInput(String),
    /// The pod names a RuntimeClass that the input does not hold.
    RuntimeClassNotInInput(String),
}

impl Refusal {
    pub(super) fn new(plugin: &'static str, reason: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            plugin,
            reasons: vec![reason.into()],
            cause: RefusalCause::Contradiction,
            fields: Vec::new(),
            against: None,
        })
    }

    pub(super) fn about(mut self: Box<Self>, field: &str) -> Box<Self> {
        self.fields.push(FieldPath::parse(field));
        self
    }

    /// Whether a quota refuses it: others may free what it needs.
    pub(in crate::model) fn is_of_quota(&self) -> bool {
        self.plugin == super::resource_quota::PLUGIN
    }

    /// The reasons as the API server writes them: several in brackets.
    #[must_use]
    pub fn text(&self) -> String {
        match self.reasons.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        }
    }
}
