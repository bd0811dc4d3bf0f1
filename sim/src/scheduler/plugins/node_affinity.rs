//! Node selector and node affinity. Source: `plugins/nodeaffinity/node_affinity.go`,
//! `staging:component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`.

use std::collections::BTreeSet;

use super::normalize_score::normalize;
use crate::cluster::{
    Labels, Names, Node, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, PodSpec, Symbol,
};
use crate::scheduler::configuration::{AddedNodeAffinity, Profile};
use crate::scheduler::framework::{Plugin, Rejection};
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::{CycleState, ScoreInput};
use crate::scheduler::snapshot::NodeInfo;

/// What PreFilter leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PreFilter {
    /// Every node.
    AllNodes,
    /// Nodes of these names; some may not exist.
    Only(BTreeSet<Symbol>),
    /// None: the terms contradict one another.
    Conflict,
}

/// Terms that all name nodes by `metadata.name` leave only these: their union, inside a term the intersection.
pub(crate) fn pre_filter(spec: &PodSpec) -> PreFilter {
    let terms = spec.required_node_terms.as_deref().unwrap_or_default();
    if terms.is_empty() {
        return PreFilter::AllNodes;
    }
    let mut names = BTreeSet::new();
    for term in terms {
        match names_of_term(term) {
            Some(of_term) => names.extend(of_term),
            None => return PreFilter::AllNodes,
        }
    }
    if names.is_empty() { PreFilter::Conflict } else { PreFilter::Only(names) }
}

fn names_of_term(term: &NodeSelectorTerm) -> Option<BTreeSet<Symbol>> {
    let mut names: Option<BTreeSet<Symbol>> = None;
    for requirement in &term.fields {
        match &requirement.operator {
            NodeRequirementOperator::In(values) if requirement.key == Symbol::METADATA_NAME => {
                let values: BTreeSet<Symbol> = values.iter().copied().collect();
                names = Some(match names {
                    Some(names) => names.intersection(&values).copied().collect(),
                    None => values,
                });
            }
            NodeRequirementOperator::In(_)
            | NodeRequirementOperator::NotIn(_)
            | NodeRequirementOperator::Exists
            | NodeRequirementOperator::DoesNotExist
            | NodeRequirementOperator::GreaterThan(_)
            | NodeRequirementOperator::LessThan(_)
            | NodeRequirementOperator::Invalid => {}
        }
    }
    names
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let names = &cycle.snapshot.state.names;
    if !matches_added(names, &cycle.profile.arguments.added_node_affinity, node.node) {
        return Some(Rejection::unresolvable(Reason::NodeAffinityEnforced));
    }
    let matches = node_matches_affinity(names, cycle.pod.spec, node.node);
    (!matches).then(|| Rejection::unresolvable(Reason::NodeAffinity))
}

/// Whether `node` satisfies what the scheduler's configuration asks of it.
pub(crate) fn matches_added(names: &Names, added: &AddedNodeAffinity, node: &Node) -> bool {
    added.required.as_ref().is_none_or(|terms| terms.iter().any(|term| term_matches(names, term, node)))
}

/// Whether `node` satisfies the node selector and the required node affinity of `spec`.
#[must_use]
pub fn node_matches_affinity(names: &Names, spec: &PodSpec, node: &Node) -> bool {
    let selected = spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    selected
        && spec
            .required_node_terms
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| term_matches(names, term, node)))
}

/// Whether `spec` has neither a node selector nor required node affinity.
pub(crate) fn asks_for_no_node(spec: &PodSpec) -> bool {
    spec.node_selector.is_empty() && spec.required_node_terms.is_none()
}

/// Whether all requirements of `term` hold; a term without any matches nothing.
fn term_matches(names: &Names, term: &NodeSelectorTerm, node: &Node) -> bool {
    let empty = term.expressions.is_empty() && term.fields.is_empty();
    !empty
        && labels_match(names, &term.expressions, &node.labels)
        && term.fields.iter().all(|requirement| field_matches(requirement, node.name))
}

/// Whether `labels` satisfy all `requirements`.
pub(crate) fn labels_match(names: &Names, requirements: &[NodeRequirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| {
        let value = labels.get(requirement.key);
        let number = || value.and_then(|value| names.text(value).parse::<i64>().ok());
        match &requirement.operator {
            NodeRequirementOperator::In(values) => value.is_some_and(|value| values.contains(&value)),
            NodeRequirementOperator::NotIn(values) => value.is_none_or(|value| !values.contains(&value)),
            NodeRequirementOperator::Exists => value.is_some(),
            NodeRequirementOperator::DoesNotExist => value.is_none(),
            NodeRequirementOperator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            NodeRequirementOperator::LessThan(bound) => number().is_some_and(|number| number < *bound),
            NodeRequirementOperator::Invalid => false,
        }
    })
}

/// A field requirement must have exactly one value, and `metadata.name` is the only field a node has; upstream reads any
/// other field as empty.
fn field_matches(requirement: &NodeRequirement, name: Symbol) -> bool {
    let value = if requirement.key == Symbol::METADATA_NAME { name } else { Symbol::EMPTY };
    match &requirement.operator {
        NodeRequirementOperator::In(values) => values.as_slice() == [value],
        NodeRequirementOperator::NotIn(values) => values.len() == 1 && !values.contains(&value),
        NodeRequirementOperator::Exists
        | NodeRequirementOperator::DoesNotExist
        | NodeRequirementOperator::GreaterThan(_)
        | NodeRequirementOperator::LessThan(_)
        | NodeRequirementOperator::Invalid => false,
    }
}

/// The sum of the weights of the preferred terms that match.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let (spec, profile) = (input.pod.spec, input.profile);
    if !scores(profile, spec) {
        return None;
    }
    let names = &input.snapshot.state.names;
    let added = &profile.arguments.added_node_affinity;
    Some(normalize(input.nodes.iter().map(|node| preference(names, added, spec, node.node)).collect()))
}

/// Whether pods of `spec` are scored.
pub(crate) fn scores(profile: &Profile, spec: &PodSpec) -> bool {
    let skipped = spec.preferred_node_terms.is_empty()
        && profile.arguments.added_node_affinity.preferred.is_empty()
        && profile.pre_score.has(Plugin::NodeAffinity);
    !skipped
}

/// The sum of the weights of the preferred terms of `spec`, and of those that are added to it, that `node` matches.
pub(crate) fn preference(names: &Names, added: &AddedNodeAffinity, spec: &PodSpec, node: &Node) -> i64 {
    let terms = spec.preferred_node_terms.iter().chain(&added.preferred);
    let matching = terms.filter(|preferred| term_matches(names, &preferred.term, node));
    matching.fold(0_i64, |sum, preferred| sum.saturating_add(preferred.weight))
}
