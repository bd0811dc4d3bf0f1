//! One scheduling decision: PreFilter, Filter with nominated pods, Score.
//!
//! Source: `pkg/scheduler/schedule_one.go`, `pkg/scheduler/framework/runtime/framework.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::configuration::Profile;
use super::framework::{Code, Plugin, PreFilterRejection, SchedulingResult, Verdict};
use super::plugins::{
    NodeAffinityPreFilter, filter_of, inter_pod_affinity, node_affinity_pre_filter, node_volume_limits,
    pod_topology_spread, score_of, volume_binding, volume_restrictions, volume_zone,
};
use super::reasons::Reason;
use super::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};
use crate::cluster::{ClusterState, NodeId, PodId, Symbol};

/// What PreFilter has prepared for one pod. A part that is `None` is skipped, also when pods come and go later in the cycle.
#[derive(Clone)]
pub(crate) struct CycleState<'s, 'a> {
    pub(crate) snapshot: &'s Snapshot<'a>,
    pub(crate) profile: &'a Profile,
    pub(crate) pod: Candidate<'a>,
    pub(crate) volume_restrictions: Option<volume_restrictions::State>,
    pub(crate) node_volume_limits: Option<node_volume_limits::State>,
    pub(crate) volume_binding: Option<volume_binding::State<'a>>,
    pub(crate) volume_zone: Option<volume_zone::State<'a>>,
    pub(crate) spread: Option<pod_topology_spread::State>,
    pub(crate) inter_pod_affinity: Option<inter_pod_affinity::State<'a>>,
}

/// What Score plugins are given.
pub(crate) struct ScoreInput<'s, 'a> {
    pub(crate) snapshot: &'s Snapshot<'a>,
    pub(crate) profile: &'a Profile,
    pub(crate) pod: &'s Candidate<'a>,
    /// The feasible nodes.
    pub(crate) nodes: &'s [&'s NodeInfo<'a>],
}

impl<'s, 'a> CycleState<'s, 'a> {
    /// PreFilter, in the profile's order; some may reject the pod on every node, and NodeAffinity may leave only some of them.
    pub(crate) fn new(
        snapshot: &'s Snapshot<'a>,
        pod: &Candidate<'a>,
    ) -> Result<(Self, Option<BTreeSet<Symbol>>), PreFilterRejection> {
        Self::with(snapshot, pod, |_| true)
    }

    /// PreFilter of the plugins that look at volumes, and of no other.
    pub(crate) fn of_volumes(snapshot: &'s Snapshot<'a>, pod: &Candidate<'a>) -> Result<Self, PreFilterRejection> {
        Self::with(snapshot, pod, Plugin::looks_at_volumes).map(|(cycle, _)| cycle)
    }

    fn with(
        snapshot: &'s Snapshot<'a>,
        pod: &Candidate<'a>,
        wanted: impl Fn(Plugin) -> bool,
    ) -> Result<(Self, Option<BTreeSet<Symbol>>), PreFilterRejection> {
        let mut left = None;
        let mut cycle = Self::before_pre_filter(snapshot, pod);
        for plugin in cycle.profile.pre_filter.iter().filter(|plugin| wanted(*plugin)) {
            if let Some(names) = cycle.pre_filter(plugin).map_err(|reason| rejected_by(plugin, reason))? {
                left = Some(names);
            }
        }
        Ok((cycle, left))
    }

    /// Two filters do without their PreFilter.
    fn before_pre_filter(snapshot: &'s Snapshot<'a>, pod: &Candidate<'a>) -> Self {
        let profile = snapshot.profile(pod);
        let alone = |plugin| !profile.pre_filter.has(plugin);
        Self {
            snapshot,
            profile,
            pod: *pod,
            volume_restrictions: None,
            node_volume_limits: alone(Plugin::NodeVolumeLimits).then_some(node_volume_limits::State),
            volume_binding: None,
            volume_zone: if alone(Plugin::VolumeZone) {
                volume_zone::without_pre_filter(snapshot.state, pod)
            } else {
                None
            },
            spread: None,
            inter_pod_affinity: None,
        }
    }

    fn pre_filter(&mut self, plugin: Plugin) -> Result<Option<BTreeSet<Symbol>>, Reason> {
        let (snapshot, pod, filter) = (self.snapshot, self.pod, &self.profile.filter);
        match plugin {
            Plugin::NodeAffinity => match node_affinity_pre_filter(pod.spec) {
                NodeAffinityPreFilter::AllNodes => {}
                NodeAffinityPreFilter::Only(names) => return Ok(Some(names)),
                NodeAffinityPreFilter::Conflict => return Err(Reason::NodeAffinityConflict),
            },
            Plugin::VolumeRestrictions => self.volume_restrictions = volume_restrictions::pre_filter(snapshot, &pod)?,
            Plugin::NodeVolumeLimits => self.node_volume_limits = node_volume_limits::pre_filter(&pod),
            Plugin::VolumeBinding => self.volume_binding = volume_binding::pre_filter(snapshot.state, &pod)?,
            Plugin::VolumeZone => self.volume_zone = volume_zone::pre_filter(snapshot.state, &pod)?,
            Plugin::PodTopologySpread if filter.has(plugin) => {
                self.spread = pod_topology_spread::pre_filter(snapshot, &pod);
            }
            Plugin::InterPodAffinity if filter.has(plugin) => {
                self.inter_pod_affinity = inter_pod_affinity::pre_filter(snapshot, &pod);
            }
            Plugin::PodTopologySpread
            | Plugin::InterPodAffinity
            | Plugin::NodeUnschedulable
            | Plugin::NodeName
            | Plugin::TaintToleration
            | Plugin::NodePorts
            | Plugin::NodeResourcesFit
            | Plugin::DynamicResources
            | Plugin::NodeResourcesBalancedAllocation
            | Plugin::ImageLocality
            | Plugin::NodeDeclaredFeatures
            | Plugin::PreFilterResult => {}
        }
        Ok(None)
    }

    /// Counts `placed` on `node`.
    pub(crate) fn pod_added(&mut self, placed: &PlacedPod<'a>, node: &NodeInfo<'a>) {
        if let Some(state) = &mut self.volume_restrictions {
            state.pod_added(placed);
        }
        self.pod_changed(placed, node, 1);
    }

    /// Counts `placed` on `node` no longer.
    pub(crate) fn pod_removed(&mut self, placed: &PlacedPod<'a>, node: &NodeInfo<'a>) {
        if let Some(state) = &mut self.volume_restrictions {
            state.pod_removed(placed);
        }
        self.pod_changed(placed, node, -1);
    }

    fn pod_changed(&mut self, placed: &PlacedPod<'a>, node: &NodeInfo<'a>, by: i64) {
        if let Some(state) = &mut self.spread {
            state.pod_changed((self.snapshot, &self.pod), placed, node, by);
        }
        if let Some(state) = &mut self.inter_pod_affinity {
            state.pod_changed(placed, node, by);
        }
    }

    /// The filters' verdict on `node`: with the pods that are nominated to it and may not be overtaken, and, where there are
    /// such pods, also without them.
    pub(crate) fn verdict(&self, node: &NodeInfo<'a>) -> Verdict {
        let first = |pod: &&Candidate<'a>| {
            pod.spec.priority >= self.pod.spec.priority && (pod.id.is_none() || pod.id != self.pod.id)
        };
        let nominated: Vec<&Candidate<'a>> = self.snapshot.nominated(node.id).iter().filter(first).collect();
        if nominated.is_empty() {
            return run_filters(self, node);
        }
        let (mut with_nominated, mut node_with_nominated) = (self.clone(), node.clone());
        for pod in nominated {
            let placed = PlacedPod { pod: *pod, deletion: None, started_at: None };
            node_with_nominated.add(placed);
            with_nominated.pod_added(&placed, node);
        }
        match run_filters(&with_nominated, &node_with_nominated) {
            Verdict::Fits => run_filters(self, node),
            rejected @ Verdict::Rejected { .. } => rejected,
        }
    }
}

fn run_filters<'a>(cycle: &CycleState<'_, 'a>, node: &NodeInfo<'a>) -> Verdict {
    let mut plugins = cycle.profile.filter.iter();
    let rejected = plugins.find_map(|plugin| Some((plugin, filter_of(plugin)?(cycle, node)?)));
    match rejected {
        None => Verdict::Fits,
        Some((plugin, rejection)) => Verdict::Rejected { code: rejection.code, plugin, reasons: rejection.reasons },
    }
}

/// Where the scheduler could place `pod` now. A pod that is not in the state is examined nowhere: the result is empty.
#[must_use]
pub fn schedule(state: &ClusterState, pod: PodId) -> SchedulingResult {
    match state.pods.get(&pod) {
        Some(of_state) => schedule_candidate(&Snapshot::new(state), &Candidate::of_pod(pod, of_state)),
        None => SchedulingResult::default(),
    }
}

/// Where the scheduler could place `pod` on `snapshot`.
#[must_use]
pub fn schedule_candidate<'a>(snapshot: &Snapshot<'a>, pod: &Candidate<'a>) -> SchedulingResult {
    let mut result = filter_nodes(snapshot, pod);
    let feasible: Vec<&NodeInfo<'a>> = result.feasible().filter_map(|id| snapshot.node(id)).collect();
    match feasible.as_slice() {
        [] => {}
        [only] => result.best = vec![only.id],
        nodes => {
            result.scores = score_nodes(&ScoreInput { snapshot, profile: snapshot.profile(pod), pod, nodes });
            result.totals = totals(&result.scores);
            let highest = result.totals.values().copied().max();
            let best = result.totals.iter().filter(|(_, total)| Some(**total) == highest);
            result.best = best.map(|(node, _)| *node).collect();
        }
    }
    result
}

/// The weighted scores that `pod` would get on each of `nodes`, were these the feasible ones. Kubernetes does not ask for
/// them where only one node is feasible.
#[must_use]
pub fn scores<'a>(
    snapshot: &Snapshot<'a>,
    pod: &Candidate<'a>,
    nodes: &[NodeId],
) -> BTreeMap<NodeId, BTreeMap<Plugin, i64>> {
    let nodes: Vec<&NodeInfo<'a>> = nodes.iter().filter_map(|id| snapshot.node(*id)).collect();
    score_nodes(&ScoreInput { snapshot, profile: snapshot.profile(pod), pod, nodes: &nodes })
}

/// The nodes that `pod` fits, without scoring them.
#[must_use]
pub fn feasible_nodes<'a>(snapshot: &Snapshot<'a>, pod: &Candidate<'a>) -> Vec<NodeId> {
    filter_nodes(snapshot, pod).feasible().collect()
}

/// PreFilter and Filter.
fn filter_nodes<'a>(snapshot: &Snapshot<'a>, pod: &Candidate<'a>) -> SchedulingResult {
    let mut result = SchedulingResult { profile: pod.spec.profile, ..SchedulingResult::default() };
    let (cycle, names) = match CycleState::new(snapshot, pod) {
        Ok(prepared) => prepared,
        Err(rejection) => {
            return SchedulingResult { profile: pod.spec.profile, ..rejected_everywhere(snapshot, rejection) };
        }
    };
    // A nominated node is tried alone; where it fits the others are not examined.
    if let Some(node) = pod.nominated_node.and_then(|id| snapshot.node(id)) {
        let verdict = cycle.verdict(node);
        let fits = verdict.fits();
        result.verdicts.insert(node.id, verdict);
        if fits {
            return result;
        }
    }
    for node in snapshot.nodes() {
        let left = names.as_ref().is_none_or(|names: &BTreeSet<_>| names.contains(&node.node.name));
        if left {
            result.verdicts.insert(node.id, cycle.verdict(node));
        } else {
            result.verdicts.entry(node.id).or_insert_with(not_among_pre_filter_result);
        }
    }
    result
}

/// Every node gets the status of the PreFilter that failed.
fn rejected_everywhere(snapshot: &Snapshot<'_>, rejection: PreFilterRejection) -> SchedulingResult {
    let PreFilterRejection { plugin, code, reason } = rejection.clone();
    let verdict = Verdict::Rejected { code, plugin, reasons: vec![reason] };
    SchedulingResult {
        pre_filter: Some(rejection),
        verdicts: snapshot.nodes().map(|node| (node.id, verdict.clone())).collect(),
        ..SchedulingResult::default()
    }
}

/// No PreFilter rejects a pod that preemption could help.
const fn rejected_by(plugin: Plugin, reason: Reason) -> PreFilterRejection {
    PreFilterRejection { plugin, code: Code::UnschedulableAndUnresolvable, reason }
}

fn not_among_pre_filter_result() -> Verdict {
    Verdict::Rejected {
        code: Code::UnschedulableAndUnresolvable,
        plugin: Plugin::PreFilterResult,
        reasons: vec![Reason::PreFilterResult(vec![Plugin::NodeAffinity])],
    }
}

fn score_nodes(input: &ScoreInput<'_, '_>) -> BTreeMap<NodeId, BTreeMap<Plugin, i64>> {
    let mut scores: BTreeMap<NodeId, BTreeMap<Plugin, i64>> =
        input.nodes.iter().map(|node| (node.id, BTreeMap::new())).collect();
    for scorer in &input.profile.score {
        let Some(of_nodes) = score_of(scorer.plugin).and_then(|score| score(input)) else { continue };
        for (node, score) in input.nodes.iter().zip(of_nodes) {
            if let Some(of_node) = scores.get_mut(&node.id) {
                of_node.insert(scorer.plugin, score.saturating_mul(scorer.weight));
            }
        }
    }
    scores
}

fn totals(scores: &BTreeMap<NodeId, BTreeMap<Plugin, i64>>) -> BTreeMap<NodeId, i64> {
    let sum = |of_node: &BTreeMap<Plugin, i64>| of_node.values().fold(0_i64, |sum, score| sum.saturating_add(*score));
    scores.iter().map(|(node, of_node)| (*node, sum(of_node))).collect()
}
