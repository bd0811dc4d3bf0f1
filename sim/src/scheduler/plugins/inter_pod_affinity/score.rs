//! Preferred terms, in both directions. Source: `plugins/interpodaffinity/scoring.go`.

use std::collections::BTreeMap;

use super::term::{IncomingTerm, placed_term_matches};
use crate::cluster::{Labels, PodAffinityTerm, PodSpec, PreferredPodTerm, Symbol};
use crate::scheduler::configuration::{ExistingPreferredTerms, InterPodAffinityArguments};
use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod};

/// Weight by label key and value.
type Weights = BTreeMap<(Symbol, Symbol), i64>;

/// The preferred terms of the pod, with their signs.
struct Incoming<'a> {
    pod: Candidate<'a>,
    namespace_labels: Labels,
    terms: Vec<(i64, IncomingTerm<'a>)>,
    /// What a required affinity term of a placed pod counts.
    hard_weight: i64,
}

pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let incoming = incoming(input);
    if !scores(&input.profile.arguments.inter_pod_affinity, input.pod.spec) {
        return None;
    }
    let mut weights = Weights::new();
    for node in input.snapshot.nodes() {
        if incoming.terms.is_empty() {
            node.with_affinity().for_each(|placed| add_existing(&mut weights, &incoming, placed, node));
        } else {
            for placed in &node.pods {
                add_incoming(&mut weights, &incoming, placed, node);
                add_existing(&mut weights, &incoming, placed, node);
            }
        }
    }
    if weights.is_empty() {
        return None;
    }
    let raw = |node: &NodeInfo<'_>| {
        let of_labels = node.node.labels.iter().filter_map(|pair| weights.get(&pair));
        of_labels.fold(0_i64, |sum, weight| sum.saturating_add(*weight))
    };
    Some(normalize(&input.nodes.iter().map(|node| raw(node)).collect::<Vec<i64>>()))
}

/// Whether pods of `spec` are scored.
pub(crate) fn scores(arguments: &InterPodAffinityArguments, spec: &PodSpec) -> bool {
    match arguments.existing_preferred_terms {
        ExistingPreferredTerms::Count => true,
        // As 1.36.3 has it: a pod with preferred terms of its own sees those of the others all the same.
        ExistingPreferredTerms::Ignored => {
            !spec.preferred_affinity.is_empty() || !spec.preferred_anti_affinity.is_empty()
        }
    }
}

/// The terms of a placed pod of `spec` that say something about pods that come near it, with what they count.
pub(crate) fn terms_of_placed(spec: &PodSpec, hard_weight: i64) -> impl Iterator<Item = (i64, &PodAffinityTerm)> {
    let required = spec.required_affinity.iter().filter(move |_| hard_weight > 0).map(move |term| (hard_weight, term));
    let affinity = spec.preferred_affinity.iter().map(|preferred| (preferred.weight, &preferred.term));
    let anti_affinity =
        spec.preferred_anti_affinity.iter().map(|preferred| (preferred.weight.saturating_neg(), &preferred.term));
    required.chain(affinity).chain(anti_affinity)
}

fn incoming<'a>(input: &ScoreInput<'_, 'a>) -> Incoming<'a> {
    let resolve = |preferred: &'a PreferredPodTerm, sign: i64| {
        let weight = preferred.weight.saturating_mul(sign);
        (weight, IncomingTerm::new(input.snapshot.state, *input.pod, &preferred.term))
    };
    let spec = input.pod.spec;
    let affinity = spec.preferred_affinity.iter().map(|preferred| resolve(preferred, 1));
    let anti_affinity = spec.preferred_anti_affinity.iter().map(|preferred| resolve(preferred, -1));
    Incoming {
        pod: *input.pod,
        namespace_labels: input.snapshot.namespace_labels(input.pod.namespace).cloned().unwrap_or_default(),
        terms: affinity.chain(anti_affinity).collect(),
        hard_weight: input.profile.arguments.inter_pod_affinity.hard_pod_affinity_weight,
    }
}

fn add_incoming(weights: &mut Weights, incoming: &Incoming<'_>, placed: &PlacedPod<'_>, node: &NodeInfo<'_>) {
    for (weight, term) in &incoming.terms {
        if term.matches(&placed.pod) {
            add(weights, node, term.term.topology_key, *weight);
        }
    }
}

fn add_existing(weights: &mut Weights, incoming: &Incoming<'_>, placed: &PlacedPod<'_>, node: &NodeInfo<'_>) {
    let matches =
        |term: &PodAffinityTerm| placed_term_matches(term, &placed.pod, &incoming.pod, &incoming.namespace_labels);
    for (weight, term) in terms_of_placed(placed.pod.spec, incoming.hard_weight) {
        if matches(term) {
            add(weights, node, term.topology_key, weight);
        }
    }
}

fn add(weights: &mut Weights, node: &NodeInfo<'_>, key: Symbol, weight: i64) {
    if let Some(value) = node.node.labels.get(key) {
        let sum = weights.entry((key, value)).or_insert(0);
        *sum = sum.saturating_add(weight);
    }
}

/// The smallest becomes 0 and the largest 100; all 0 where they are equal.
pub(crate) fn normalize(raw: &[i64]) -> Vec<i64> {
    let least = raw.iter().copied().min().unwrap_or(0);
    let range = raw.iter().copied().max().unwrap_or(0).saturating_sub(least);
    raw.iter()
        .map(|score| {
            if range == 0 {
                return 0;
            }
            let share = score.saturating_sub(least) as f64 / range as f64;
            (MAX_NODE_SCORE as f64 * share) as i64
        })
        .collect()
}
