//! Hard constraints. Source: `plugins/podtopologyspread/filtering.go`.

use std::collections::BTreeMap;

use super::constraint::{Constraint, constraints, has_all_keys};
use crate::cluster::{Symbol, WhenUnsatisfiable};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

/// What Filter needs.
#[derive(Clone, Debug)]
pub(crate) struct State {
    constraints: Vec<Counted>,
}

#[derive(Clone, Debug)]
struct Counted {
    constraint: Constraint,
    /// Matching pods by the domain's value.
    domains: BTreeMap<Symbol, i64>,
    /// The smallest of them; 0 where there are fewer domains than `min_domains`.
    least: i64,
    self_match: i64,
}

/// `None` (Skip) for a pod without hard constraints; kube-scheduler's own defaults have none.
pub(crate) fn pre_filter(snapshot: &Snapshot<'_>, pod: &Candidate<'_>) -> Option<State> {
    let constraints = constraints(snapshot.state, pod, WhenUnsatisfiable::DoNotSchedule);
    if constraints.is_empty() {
        return None;
    }
    let mut domains: Vec<BTreeMap<Symbol, i64>> = constraints.iter().map(|_| BTreeMap::new()).collect();
    for node in snapshot.nodes().filter(|node| has_all_keys(node.node, &constraints)) {
        for (constraint, domains) in constraints.iter().zip(&mut domains) {
            let Some(value) = node.node.labels.get(constraint.topology_key) else { continue };
            if constraint.includes(&snapshot.state.names, pod.spec, node.node) {
                let count = domains.entry(value).or_insert(0);
                *count = count.saturating_add(constraint.count(node, pod.namespace));
            }
        }
    }
    let constraints = constraints.into_iter().zip(domains).map(|(constraint, domains)| {
        let self_match = i64::from(constraint.selects(pod.labels));
        let mut counted = Counted { constraint, domains, least: 0, self_match };
        counted.update_least();
        counted
    });
    Some(State { constraints: constraints.collect() })
}

impl Counted {
    fn update_least(&mut self) {
        let enough = i64::try_from(self.domains.len()).unwrap_or(i64::MAX) >= self.constraint.min_domains;
        self.least = if enough { self.domains.values().copied().min().unwrap_or(0) } else { 0 };
    }
}

impl State {
    /// Counts `placed` on `node` (`by` 1) or no longer (-1), for `pod` on `snapshot`. Unlike the first count this one does not
    /// look at deletion, and a selector that matches everything counts: as upstream.
    pub(crate) fn pod_changed(
        &mut self,
        (snapshot, pod): (&Snapshot<'_>, &Candidate<'_>),
        placed: &PlacedPod<'_>,
        node: &NodeInfo<'_>,
        by: i64,
    ) {
        let labels = &node.node.labels;
        let has_all_keys = self.constraints.iter().all(|counted| labels.get(counted.constraint.topology_key).is_some());
        if placed.pod.namespace != pod.namespace || !has_all_keys {
            return;
        }
        for counted in &mut self.constraints {
            let Some(value) = labels.get(counted.constraint.topology_key) else { continue };
            if counted.constraint.selects(placed.pod.labels)
                && counted.constraint.includes(&snapshot.state.names, pod.spec, node.node)
            {
                let count = counted.domains.entry(value).or_insert(0);
                *count = count.saturating_add(by);
                counted.update_least();
            }
        }
    }
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    for counted in &cycle.spread.as_ref()?.constraints {
        let Some(value) = node.node.labels.get(counted.constraint.topology_key) else {
            return Some(Rejection::unresolvable(Reason::TopologySpreadMissingLabel));
        };
        let count = counted.domains.get(&value).copied().unwrap_or(0);
        let skew = count.saturating_add(counted.self_match).saturating_sub(counted.least);
        if skew > counted.constraint.max_skew {
            return Some(Rejection::unschedulable(Reason::TopologySpread));
        }
    }
    None
}
