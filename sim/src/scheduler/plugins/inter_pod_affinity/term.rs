//! Whether a term matches a pod. Source: `staging:kube-scheduler/framework/types.go` (`AffinityTerm`),
//! `plugins/interpodaffinity/plugin.go`.

use std::collections::BTreeSet;

use crate::cluster::{ClusterState, Labels, PodAffinityTerm, Symbol};
use crate::scheduler::snapshot::Candidate;

/// A term of a pod that is already placed matches `target`: the labels of `target`'s namespace are looked up.
pub(crate) fn placed_term_matches(
    term: &PodAffinityTerm,
    owner: &Candidate<'_>,
    target: &Candidate<'_>,
    target_namespace_labels: &Labels,
) -> bool {
    let by_selector =
        || term.namespace_selector.as_ref().is_some_and(|selector| selector.matches(target_namespace_labels));
    (names_namespace(term, owner, target.namespace) || by_selector()) && labels_match(term, owner, target.labels)
}

/// A term of the pod to be placed, its namespaces resolved.
#[derive(Clone, Debug)]
pub(crate) struct IncomingTerm<'a> {
    pub(crate) term: &'a PodAffinityTerm,
    owner: Candidate<'a>,
    /// Namespaces that the selector matches; `None` when it matches every namespace.
    selected: Option<BTreeSet<Symbol>>,
}

impl<'a> IncomingTerm<'a> {
    /// Resolves the namespaces of `term`.
    ///
    /// 1.36.3 keeps the namespace selector after it has resolved it, and asks it again without any labels: a selector that
    /// consists of NotIn and DoesNotExist only matches every namespace.
    pub(crate) fn new(state: &ClusterState, owner: Candidate<'a>, term: &'a PodAffinityTerm) -> Self {
        let selected = match &term.namespace_selector {
            Some(selector) if selector.matches(&Labels::default()) => None,
            Some(selector) => {
                let namespaces = state.namespaces.iter();
                let matching = namespaces.filter(|(_, namespace)| selector.matches(&namespace.labels));
                Some(matching.map(|(name, _)| *name).collect())
            }
            None => Some(BTreeSet::new()),
        };
        Self { term, owner, selected }
    }

    /// Whether it matches `target`.
    pub(crate) fn matches(&self, target: &Candidate<'_>) -> bool {
        let selected = self.selected.as_ref().is_none_or(|namespaces| namespaces.contains(&target.namespace));
        (selected || names_namespace(self.term, &self.owner, target.namespace))
            && labels_match(self.term, &self.owner, target.labels)
    }
}

fn names_namespace(term: &PodAffinityTerm, owner: &Candidate<'_>, namespace: Symbol) -> bool {
    if term.namespaces.is_empty() && term.namespace_selector.is_none() {
        namespace == owner.namespace
    } else {
        term.namespaces.contains(&namespace)
    }
}

/// The API server folds `matchLabelKeys` and `mismatchLabelKeys` into the selector when it creates the owner; the state keeps
/// them apart because pods of one template differ in their labels.
fn labels_match(term: &PodAffinityTerm, owner: &Candidate<'_>, labels: &Labels) -> bool {
    let Some(selector) = &term.selector else { return false };
    let same = |key: &Symbol| owner.labels.get(*key).map(|value| labels.get(*key) == Some(value));
    selector.matches(labels)
        && term.match_label_keys.iter().filter_map(same).all(|equal| equal)
        && !term.mismatch_label_keys.iter().filter_map(same).any(|equal| equal)
}
