//! Required terms, in both directions. Source: `plugins/interpodaffinity/filtering.go`.

use std::collections::BTreeMap;

use super::term::{IncomingTerm, placed_term_matches};
use crate::cluster::{Labels, Symbol};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

/// How many terms match in each domain: a label key and its value. Domains without any are absent.
#[derive(Clone, Debug, Default)]
struct Counts(BTreeMap<(Symbol, Symbol), i64>);

impl Counts {
    fn change(&mut self, node: &NodeInfo<'_>, key: Symbol, by: i64) {
        let Some(value) = node.node.labels.get(key) else { return };
        let count = self.0.entry((key, value)).or_insert(0);
        *count = count.saturating_add(by);
        if *count == 0 {
            self.0.remove(&(key, value));
        }
    }

    fn any(&self, key: Symbol, value: Symbol) -> bool {
        self.0.get(&(key, value)).is_some_and(|count| *count > 0)
    }
}

/// What Filter needs.
#[derive(Clone, Debug)]
pub(crate) struct State<'a> {
    pod: Candidate<'a>,
    namespace_labels: Labels,
    required_affinity: Vec<IncomingTerm<'a>>,
    required_anti_affinity: Vec<IncomingTerm<'a>>,
    /// Placed pods' required anti-affinity terms that match the pod.
    existing_anti_affinity: Counts,
    /// Placed pods that match all of the pod's required affinity terms.
    affinity: Counts,
    /// Placed pods that match a required anti-affinity term of the pod.
    anti_affinity: Counts,
}

/// `None` (Skip) when no required term of either side is there.
pub(crate) fn pre_filter<'a>(snapshot: &Snapshot<'a>, pod: &Candidate<'a>) -> Option<State<'a>> {
    let resolve = |term| IncomingTerm::new(snapshot.state, *pod, term);
    let mut state = State {
        pod: *pod,
        namespace_labels: snapshot.namespace_labels(pod.namespace).cloned().unwrap_or_default(),
        required_affinity: pod.spec.required_affinity.iter().map(resolve).collect(),
        required_anti_affinity: pod.spec.required_anti_affinity.iter().map(resolve).collect(),
        existing_anti_affinity: Counts::default(),
        affinity: Counts::default(),
        anti_affinity: Counts::default(),
    };
    let has_terms = !state.required_affinity.is_empty() || !state.required_anti_affinity.is_empty();
    for node in snapshot.nodes() {
        for placed in node.with_affinity() {
            state.count_existing(placed, node, 1);
        }
        if has_terms {
            for placed in &node.pods {
                state.count_incoming(placed, node, 1);
            }
        }
    }
    (has_terms || !state.existing_anti_affinity.0.is_empty()).then_some(state)
}

impl State<'_> {
    /// Counts `placed` on `node` (`by` 1) or no longer (-1).
    pub(crate) fn pod_changed(&mut self, placed: &PlacedPod<'_>, node: &NodeInfo<'_>, by: i64) {
        self.count_existing(placed, node, by);
        self.count_incoming(placed, node, by);
    }

    fn count_existing(&mut self, placed: &PlacedPod<'_>, node: &NodeInfo<'_>, by: i64) {
        for term in &placed.pod.spec.required_anti_affinity {
            if placed_term_matches(term, &placed.pod, &self.pod, &self.namespace_labels) {
                self.existing_anti_affinity.change(node, term.topology_key, by);
            }
        }
    }

    fn count_incoming(&mut self, placed: &PlacedPod<'_>, node: &NodeInfo<'_>, by: i64) {
        if matches_all(&self.required_affinity, &placed.pod) {
            for term in &self.required_affinity {
                self.affinity.change(node, term.term.topology_key, by);
            }
        }
        for term in &self.required_anti_affinity {
            if term.matches(&placed.pod) {
                self.anti_affinity.change(node, term.term.topology_key, by);
            }
        }
    }

    /// Every term's domain must hold a pod that matches all terms. Where there is no such pod in the whole cluster, a pod that
    /// matches its own terms is the first of its kind and passes.
    fn satisfies_affinity(&self, node: &NodeInfo<'_>) -> bool {
        let mut pods_exist = true;
        for term in &self.required_affinity {
            let key = term.term.topology_key;
            let Some(value) = node.node.labels.get(key) else { return false };
            pods_exist = pods_exist && self.affinity.any(key, value);
        }
        pods_exist || (self.affinity.0.is_empty() && matches_all(&self.required_affinity, &self.pod))
    }

    fn satisfies_anti_affinity(&self, node: &NodeInfo<'_>) -> bool {
        !self.required_anti_affinity.iter().any(|term| {
            let key = term.term.topology_key;
            node.node.labels.get(key).is_some_and(|value| self.anti_affinity.any(key, value))
        })
    }

    fn satisfies_existing_anti_affinity(&self, node: &NodeInfo<'_>) -> bool {
        self.existing_anti_affinity.0.is_empty()
            || !node.node.labels.iter().any(|(key, value)| self.existing_anti_affinity.any(key, value))
    }
}

fn matches_all(terms: &[IncomingTerm<'_>], target: &Candidate<'_>) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(target))
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let state = cycle.inter_pod_affinity.as_ref()?;
    if !state.satisfies_affinity(node) {
        return Some(Rejection::unresolvable(Reason::PodAffinity));
    }
    if !state.satisfies_anti_affinity(node) {
        return Some(Rejection::unschedulable(Reason::PodAntiAffinity));
    }
    if !state.satisfies_existing_anti_affinity(node) {
        return Some(Rejection::unschedulable(Reason::ExistingPodsAntiAffinity));
    }
    None
}
