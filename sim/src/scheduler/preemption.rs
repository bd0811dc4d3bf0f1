//! Which pods of lower priority would go, and where.
//!
//! Source: `pkg/scheduler/framework/plugins/defaultpreemption`, `pkg/scheduler/framework/preemption`. Every candidate node is
//! examined; Kubernetes stops after 100 or a tenth of them, from a random one on, which is followed where a configuration gives other
//! numbers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::cache::node_order;
use super::configuration::{PostFilterPlugin, PreemptionArguments, Profile};
use super::framework::{Code, Plugin, PreFilterRejection, SchedulingResult, Verdict};
use super::plugins::free_ports;
use super::reasons::{Reason, histogram};
use super::scheduling_cycle::CycleState;
use super::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};
use crate::cluster::{BudgetId, ClusterState, DeletionCause, NodeId, PodId, PreemptionPolicy, Time};

/// What preemption can do for a pod that fits no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// PreFilter rejected the pod before every plugin had prepared itself: preemption is not tried, and the nominated node
    /// stays as it is.
    NotTried,
    /// The profile does not preempt; the nominated node stays as it is.
    NotEnabled,
    /// `preemptionPolicy: Never`; the nominated node stays as it is.
    PolicyNever,
    /// Pods that were evicted for it have not gone yet; the nominated node stays as it is.
    VictimsTerminating,
    /// Nothing helps; the nominated node is cleared.
    NoCandidate {
        /// Why, for each node that was examined.
        statuses: BTreeMap<NodeId, NodeStatus>,
    },
    /// Evicting the victims of one of the `best` nodes makes room there: the pod is nominated to it.
    Candidates {
        /// The victims on each node where that is possible.
        victims: BTreeMap<NodeId, Victims>,
        /// The nodes among which Kubernetes chooses at random.
        best: Vec<NodeId>,
        /// Why it is not possible on the other nodes that were examined.
        statuses: BTreeMap<NodeId, NodeStatus>,
    },
}

/// Why preemption does not help on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its code.
    pub code: Code,
    /// Its reasons.
    pub reasons: Vec<Reason>,
}

/// The pods that would be evicted on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victims {
    /// The pods, the most important first.
    pub pods: Vec<PodId>,
    /// How many of them violate a PodDisruptionBudget, which preemption avoids but does not respect.
    pub budget_violations: usize,
}

impl Preemption {
    /// The PostFilter part of the message; `node_count` is the number of all nodes. Empty when preemption is under way.
    pub(crate) fn message(&self, plugins: &[PostFilterPlugin], node_count: usize) -> String {
        if matches!(self, Self::Candidates { .. }) {
            return String::new();
        }
        if *self == Self::NotTried {
            // DynamicResources does not find what its PreFilter would have left.
            return "not found".to_owned();
        }
        let text = |plugin: &PostFilterPlugin| match plugin {
            // It has nothing to do for a pod without claims.
            PostFilterPlugin::DynamicResources => "no new claims to deallocate".to_owned(),
            PostFilterPlugin::DefaultPreemption => format!("preemption: {}", self.text(node_count)),
        };
        plugins.iter().map(text).collect::<Vec<String>>().join(", ")
    }

    fn text(&self, node_count: usize) -> String {
        match self {
            Self::NotTried | Self::NotEnabled | Self::Candidates { .. } => String::new(),
            Self::PolicyNever => "not eligible due to preemptionPolicy=Never.".to_owned(),
            Self::VictimsTerminating => "not eligible due to a terminating pod on the nominated node.".to_owned(),
            Self::NoCandidate { statuses } => {
                let not_helpful = Reason::PreemptionNotHelpful;
                let others = std::iter::repeat_n(&not_helpful, node_count.saturating_sub(statuses.len()));
                let reasons = statuses.values().flat_map(|status| status.reasons.iter()).chain(others);
                format!("0/{node_count} nodes are available: {}.", histogram(reasons))
            }
        }
    }
}

/// What preemption can do for `pod`, for which [`super::schedule`] gave `result`.
#[must_use]
pub fn preempt(state: &ClusterState, pod: PodId, result: &SchedulingResult) -> Preemption {
    match state.pods.get(&pod) {
        Some(of_state) => preempt_candidate(&Snapshot::new(state), &Candidate::of_pod(pod, of_state), result),
        None => Preemption::NotTried,
    }
}

/// What preemption can do for `pod` on `snapshot`. Pods without an id are never named among the victims.
#[must_use]
pub fn preempt_candidate<'a>(snapshot: &Snapshot<'a>, pod: &Candidate<'a>, result: &SchedulingResult) -> Preemption {
    let profile = snapshot.profile(pod);
    if breaks_post_filter(profile, result) {
        return Preemption::NotTried;
    }
    if !profile.preempts() {
        return Preemption::NotEnabled;
    }
    match pod.spec.preemption_policy {
        PreemptionPolicy::Never => return Preemption::PolicyNever,
        PreemptionPolicy::PreemptLowerPriority => {}
    }
    if victims_terminate(snapshot, pod, result) {
        return Preemption::VictimsTerminating;
    }
    let mut statuses = BTreeMap::new();
    let mut candidates = BTreeMap::new();
    let examined: Vec<&NodeInfo<'a>> = result
        .verdicts
        .iter()
        .filter(|(_, verdict)| may_help(verdict))
        .filter_map(|(id, _)| snapshot.node(*id))
        .collect();
    if let Ok((cycle, _)) = CycleState::new(snapshot, pod) {
        for node in &examined {
            match select_victims(&cycle, node) {
                Ok(victims) => drop(candidates.insert(node.id, victims)),
                Err(status) => drop(statuses.insert(node.id, status)),
            }
        }
    }
    if candidates.is_empty() {
        return Preemption::NoCandidate { statuses };
    }
    let best = if profile.arguments.preemption == PreemptionArguments::default() {
        best_nodes(&candidates, snapshot.state.now)
    } else {
        best_of_any_start(snapshot, profile.arguments.preemption, &examined, &candidates)
    };
    let victims = candidates.into_iter().map(|(node, selection)| (node, selection.victims())).collect();
    Preemption::Candidates { victims, best, statuses }
}

/// Whether DynamicResources fails because its PreFilter had no turn: another one rejected the pod before.
fn breaks_post_filter(profile: &Profile, result: &SchedulingResult) -> bool {
    let rejected_before =
        |rejection: &PreFilterRejection| !profile.pre_filter.runs_before(Plugin::DynamicResources, rejection.plugin);
    profile.post_filter.contains(&PostFilterPlugin::DynamicResources)
        && result.pre_filter.as_ref().is_some_and(rejected_before)
}

fn may_help(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Fits => false,
        Verdict::Rejected { code, .. } => *code == Code::Unschedulable,
    }
}

/// Whether the pod has a nominated node on which pods still terminate for its sake.
fn victims_terminate(snapshot: &Snapshot<'_>, pod: &Candidate<'_>, result: &SchedulingResult) -> bool {
    let Some(node) = pod.nominated_node.and_then(|id| snapshot.node(id)) else { return false };
    result.verdicts.get(&node.id).is_some_and(may_help)
        && node.pods.iter().any(|placed| {
            placed.pod.spec.priority < pod.spec.priority && placed.deletion == Some(DeletionCause::Preemption)
        })
}

/// The victims on one node, the most important first.
struct Selection<'a> {
    victims: Vec<PlacedPod<'a>>,
    budget_violations: usize,
}

impl Selection<'_> {
    fn victims(&self) -> Victims {
        let pods = self.victims.iter().filter_map(|victim| victim.pod.id).collect();
        Victims { pods, budget_violations: self.budget_violations }
    }
}

/// Takes all pods of lower priority away, and then lets as many stay as the pod leaves room for: first those whose budget
/// would be violated, each group the most important first.
fn select_victims<'a>(cycle: &CycleState<'_, 'a>, node: &NodeInfo<'a>) -> Result<Selection<'a>, NodeStatus> {
    let priority = cycle.pod.spec.priority;
    let (mut lower, kept): (Vec<PlacedPod<'a>>, Vec<PlacedPod<'a>>) =
        node.pods.iter().copied().partition(|placed| placed.pod.spec.priority < priority);
    if lower.is_empty() {
        let reasons = vec![Reason::NoPreemptionVictims];
        return Err(NodeStatus { code: Code::UnschedulableAndUnresolvable, reasons });
    }
    let mut trial = (cycle.clone(), NodeInfo::new(node.id, node.node, kept));
    trial.1.used_ports.clone_from(&node.used_ports);
    for placed in &lower {
        trial.0.pod_removed(placed, node);
        free_ports(&cycle.snapshot.state.names, &mut trial.1.used_ports, &placed.pod.spec.host_ports);
    }
    if let Verdict::Rejected { code, reasons, .. } = trial.0.verdict(&trial.1) {
        return Err(NodeStatus { code, reasons });
    }
    let now = cycle.snapshot.state.now;
    lower.sort_by_key(|placed| importance(placed, now));
    let (violating, others) = split_by_budgets(cycle.snapshot.state, lower);
    let mut victims = reprieve(&mut trial, violating);
    let budget_violations = victims.len();
    victims.extend(reprieve(&mut trial, others));
    victims.sort_by_key(|placed| importance(placed, now));
    Ok(Selection { victims, budget_violations })
}

/// Sorts the more important first: higher priority, then the longer it has run; the order of creation where upstream leaves
/// it open.
fn importance(placed: &PlacedPod<'_>, now: Time) -> (Reverse<i32>, Time, Option<PodId>) {
    (Reverse(placed.pod.spec.priority), placed.started_at.unwrap_or(now), placed.pod.id)
}

/// Puts back each of `pods` that leaves room; gives those that do not.
fn reprieve<'a>(trial: &mut (CycleState<'_, 'a>, NodeInfo<'a>), pods: Vec<PlacedPod<'a>>) -> Vec<PlacedPod<'a>> {
    let mut victims = Vec::new();
    for placed in pods {
        let (mut cycle, mut node) = trial.clone();
        cycle.pod_added(&placed, &node);
        node.add(placed);
        if cycle.verdict(&node).fits() {
            *trial = (cycle, node);
        } else {
            free_ports(&trial.0.snapshot.state.names, &mut trial.1.used_ports, &placed.pod.spec.host_ports);
            victims.push(placed);
        }
    }
    victims
}

/// Splits off the pods whose eviction would violate a budget. Budgets with an empty selector do not count here, nor pods whose
/// eviction was already granted.
fn split_by_budgets<'a>(state: &ClusterState, pods: Vec<PlacedPod<'a>>) -> (Vec<PlacedPod<'a>>, Vec<PlacedPod<'a>>) {
    let mut allowed: BTreeMap<BudgetId, i64> =
        state.budgets.iter().map(|(id, budget)| (*id, budget.status.disruptions_allowed)).collect();
    pods.into_iter().partition(|placed| {
        let pod = placed.pod;
        let mut violated = false;
        for (id, budget) in state.budgets.iter().filter(|_| !pod.labels.is_empty()) {
            let selects = budget.namespace == pod.namespace
                && budget
                    .selector
                    .as_ref()
                    .is_some_and(|selector| !selector.is_empty() && selector.matches(pod.labels));
            let granted = pod.id.is_some_and(|id| budget.status.disrupted_pods.contains_key(&id));
            if selects
                && !granted
                && let Some(allowed) = allowed.get_mut(id)
            {
                *allowed = allowed.saturating_sub(1);
                violated = violated || *allowed < 0;
            }
        }
        violated
    })
}

/// The nodes that are chosen when the search begins at one node or another: it goes round until it has found as many
/// candidates as the arguments ask for, one of them without a budget violation. Upstream's workers may find a few more.
fn best_of_any_start(
    snapshot: &Snapshot<'_>,
    arguments: PreemptionArguments,
    examined: &[&NodeInfo<'_>],
    candidates: &BTreeMap<NodeId, Selection<'_>>,
) -> Vec<NodeId> {
    let ids: BTreeSet<NodeId> = examined.iter().map(|node| node.id).collect();
    let order: Vec<NodeId> = node_order(snapshot.state).into_iter().filter(|id| ids.contains(id)).collect();
    let enough = arguments.candidates(order.len());
    let now = snapshot.state.now;
    let mut best = BTreeSet::new();
    for start in 0..order.len() {
        let mut found = Vec::new();
        let mut without_violation = false;
        for id in order.iter().skip(start).chain(order.iter().take(start)) {
            let Some(selection) = candidates.get(id) else { continue };
            found.push((*id, rank(selection, now)));
            without_violation = without_violation || selection.budget_violations == 0;
            if without_violation && found.len() >= enough {
                break;
            }
        }
        let least = found.iter().map(|(_, rank)| rank).min();
        best.extend(found.iter().filter(|(_, rank)| Some(rank) == least).map(|(id, _)| *id));
    }
    best.into_iter().collect()
}

/// The candidates that are best of all.
fn best_nodes(candidates: &BTreeMap<NodeId, Selection<'_>>, now: Time) -> Vec<NodeId> {
    let best = candidates.values().map(|selection| rank(selection, now)).min();
    candidates.iter().filter(|(_, selection)| Some(rank(selection, now)) == best).map(|(node, _)| *node).collect()
}

/// What makes one candidate better than another: the smaller, the better.
type Rank = (usize, Option<i64>, i64, usize, Reverse<Option<Time>>);

/// Fewest budget violations, then the least important most important victim, the smallest sum of priorities, the fewest
/// victims, the latest start of those of the highest priority.
fn rank(selection: &Selection<'_>, now: Time) -> Rank {
    let priorities = || selection.victims.iter().map(|victim| i64::from(victim.pod.spec.priority));
    let highest = priorities().max();
    // 2^31 is added so that more victims of negative priority are not better than fewer.
    let sum = priorities().fold(0_i64, |sum, priority| sum.saturating_add(priority).saturating_add(1 << 31));
    let of_highest = selection.victims.iter().filter(|victim| Some(i64::from(victim.pod.spec.priority)) == highest);
    let earliest = of_highest.map(|victim| victim.started_at.unwrap_or(now)).min();
    (selection.budget_violations, highest, sum, selection.victims.len(), Reverse(earliest))
}
