//! The shortest sequence of drains, one node after the other without uncordon, of which the last one blocks on a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::cluster::{BudgetId, ClusterState, NodeId, Symbol};
use crate::drain::{DrainPlan, plan};
use crate::eviction::{EvictionDecision, GrantReason, decide};
use crate::simulation::{Simulation, StepOutcome};

use super::drain_sweep::{BlockReason, DrainImpact, drain};

/// How far the search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSearchLimits {
    /// The longest sequence that is looked at. Every cluster is exhausted by long ones; two is the question "can a second
    /// node be drained while the first is still out?".
    pub longest: usize,
    /// How many drains are simulated at most.
    pub max_drains: usize,
}

impl Default for DrainSearchLimits {
    fn default() -> Self {
        Self { longest: 2, max_drains: 2000 }
    }
}

/// What the search found.
#[derive(Clone, Debug)]
pub struct DrainSequence {
    /// The shortest sequence found: all but the last complete, the last one blocks. `None`: none was found.
    pub drains: Option<Vec<DrainImpact>>,
    /// Whether every sequence up to the limits was covered (nodes that are alike stand for one another).
    pub complete: bool,
    /// How many drains were simulated.
    pub simulated: usize,
}

/// A state after some drains.
struct Branch {
    simulation: Simulation,
    drains: Vec<DrainImpact>,
}

/// Searches from the present state, which should be at rest. Sequences of one drain count: a caller that wants two or more
/// looks at [`super::sweep_drains`] first.
#[must_use]
pub fn find_exhausting_drains(simulation: &Simulation, limits: &DrainSearchLimits) -> DrainSequence {
    let mut frontier = vec![Branch { simulation: simulation.branch(), drains: Vec::new() }];
    let mut result = DrainSequence { drains: None, complete: true, simulated: 0 };
    for length in 1..=limits.longest {
        let mut next = Vec::new();
        let is_last = length == limits.longest;
        for branch in &frontier {
            for node in distinct_nodes(&branch.simulation.state) {
                // At the last length only a drain that can be denied is worth playing.
                if is_last && !may_be_denied(&branch.simulation.state, node) {
                    continue;
                }
                if result.simulated >= limits.max_drains {
                    result.complete = false;
                    return result;
                }
                result.simulated = result.simulated.saturating_add(1);
                let mut extended = Branch { simulation: branch.simulation.branch(), drains: branch.drains.clone() };
                let impact = drain(&mut extended.simulation, node);
                let (outcome, on_budget) = (impact.outcome, blocks_on_budget(&impact));
                extended.drains.push(impact);
                if on_budget {
                    result.drains = Some(extended.drains);
                    return result;
                }
                if outcome == StepOutcome::Completed && !is_last {
                    next.push(extended);
                }
            }
        }
        frontier = next;
    }
    result
}

fn blocks_on_budget(impact: &DrainImpact) -> bool {
    impact.outcome == StepOutcome::Blocked
        && impact.blocked.iter().any(|pod| match pod.reason {
            BlockReason::Budget(_) => true,
            BlockReason::Error { .. } | BlockReason::Unmanaged | BlockReason::NeverEnds => false,
        })
}

/// One node of each kind: nodes that are equal but for their names, and hold equal pods, block equally.
fn distinct_nodes(state: &ClusterState) -> Vec<NodeId> {
    let mut seen = BTreeSet::new();
    let candidates = state.nodes.iter().filter(|(_, node)| !node.unschedulable);
    candidates.map(|(id, _)| *id).filter(|id| seen.insert(signature(state, *id))).collect()
}

fn signature(state: &ClusterState, id: NodeId) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(node) = state.nodes.get(&id) {
        for (key, value) in node.labels.iter().filter(|(key, _)| *key != Symbol::HOSTNAME) {
            (key, value).hash(&mut hasher);
        }
        for taint in &node.taints {
            (taint.key, taint.value, taint.effect).hash(&mut hasher);
        }
        let allocatable = &node.allocatable;
        (allocatable.cpu_milli, allocatable.memory_bytes, allocatable.ephemeral_storage_bytes).hash(&mut hasher);
        (&allocatable.scalar, node.allocatable_pods, node.ready, &node.images).hash(&mut hasher);
    }
    let own = state.pods.on_node(Some(id)).map(|(_, pod)| pod);
    let mut pods: Vec<_> =
        own.map(|pod| (pod.owner, pod.template.content, pod.phase, pod.ready, pod.deletion.is_some())).collect();
    pods.sort();
    pods.hash(&mut hasher);
    hasher.finish()
}

/// Whether some pod of `node` may be denied: a budget allows fewer disruptions than it has pods there.
fn may_be_denied(state: &ClusterState, node: NodeId) -> bool {
    let DrainPlan::Evict(pods) = plan(state, node) else { return false };
    let mut asked: BTreeMap<BudgetId, i64> = BTreeMap::new();
    for pod in pods {
        match decide(state, pod) {
            EvictionDecision::TooManyRequests { .. } => return true,
            EvictionDecision::Granted(GrantReason::Budget(budget)) => {
                let count = asked.entry(budget).or_insert(0);
                *count = count.saturating_add(1);
            }
            EvictionDecision::Granted(GrantReason::NotRunning | GrantReason::NoBudget | GrantReason::Unhealthy(_))
            | EvictionDecision::SeveralBudgets(_)
            | EvictionDecision::Forbidden { .. }
            | EvictionDecision::Webhook(_)
            | EvictionDecision::NotFound => {}
        }
    }
    asked.iter().any(|(budget, count)| {
        state.budgets.get(budget).is_some_and(|budget| *count > budget.status.disruptions_allowed)
    })
}
