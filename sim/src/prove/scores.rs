//! The scheduler's scores, for searches that follow them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use quorate_proof::evidence::State;
use quorate_proof::scores::{Moment, Scores};

use super::groups::{group_of, is_ended};
use crate::cluster::{
    ClusterState, Deletion, DeletionCause, Effect, NodeId, NodeReady, Owner, Phase, Pod, PodId, Symbol, Taint,
};
use crate::scheduler::schedule;
use crate::simulation::{Settings, Simulation, StepOutcome, unplaced};

/// With more nodes than this kube-scheduler does not look at all of them (`minFeasibleNodesToFind`).
const MOST_NODES: usize = 100;

/// The taint of a node whose heartbeats have stopped.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// What kube-scheduler likes best in a cluster, wherever its pods are.
#[derive(Debug)]
pub struct SchedulerScores {
    /// The cluster with all its pods, those that a scheduler places without a node.
    empty: ClusterState,
    /// The taint's key.
    unreachable: Symbol,
    /// The nodes in the order of their names.
    nodes: Vec<NodeId>,
    /// The pods that a scheduler places, by group, in the order in which their controllers make them.
    pods: BTreeMap<String, Vec<PodId>>,
    known: Mutex<BTreeMap<Asked, BTreeSet<String>>>,
}

/// What was asked: the state, the failed nodes, whose pod.
type Asked = (State, BTreeSet<String>, usize);

impl SchedulerScores {
    /// Makes all pods of the workloads of a cluster.
    ///
    /// # Errors
    /// Why its scheduler's choices are not known.
    pub fn new(state: &ClusterState) -> Result<Self, String> {
        if state.nodes.len() > MOST_NODES {
            return Err(format!("with more than {MOST_NODES} nodes kube-scheduler does not look at all of them"));
        }
        let mut simulation = Simulation::new(unplaced(state), &Settings::default());
        if simulation.settle() == StepOutcome::Livelock {
            return Err("pods are made and removed without end".to_owned());
        }
        let mut empty = simulation.state;
        let unreachable = empty.intern(UNREACHABLE);
        let is_placed = |pod: &Pod| !matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node) && !is_ended(pod);
        let mut pods: BTreeMap<String, Vec<PodId>> = BTreeMap::new();
        for (id, pod) in empty.pods.iter().filter(|(_, pod)| is_placed(pod)) {
            pods.entry(group_of(&empty, pod)).or_default().push(*id);
        }
        for id in pods.values().flatten() {
            if let Some(mut pod) = empty.pods.get_mut(id) {
                pod.node = None;
                pod.nominated_node = None;
                pod.ready = false;
                pod.started_at = None;
                pod.phase = Phase::Pending;
                pod.unschedulable = None;
            }
        }
        let mut nodes: Vec<(&str, NodeId)> =
            empty.nodes.iter().map(|(id, node)| (empty.names.text(node.name), *id)).collect();
        nodes.sort_unstable();
        let nodes = nodes.into_iter().map(|(_, id)| id).collect();
        Ok(Self { nodes, unreachable, pods, empty, known: Mutex::default() })
    }

    /// The cluster at a moment, and the pod in question.
    fn at(&self, moment: &Moment<'_>) -> Result<(ClusterState, PodId), String> {
        let mut state = self.empty.clone();
        let name_of = |id: &NodeId| state.nodes.get(id).map_or("", |node| state.names.text(node.name)).to_owned();
        let named: BTreeMap<String, NodeId> = self.nodes.iter().map(|id| (name_of(id), *id)).collect();
        for id in moment.failed.iter().filter_map(|name| named.get(name)) {
            self.fail(&mut state, *id);
        }
        let mut asked = None;
        for (place, name) in moment.workloads.iter().enumerate() {
            let mut own = self.pods.get(name).map_or(&[][..], Vec::as_slice).iter().copied();
            for (rows, is_dying) in [(&moment.state.alive, false), (&moment.state.dying, true)] {
                for (row, node) in rows.get(place).into_iter().flatten().zip(&self.nodes) {
                    for _ in 0..*row {
                        let id = self.one_more(&mut state, name, &mut own)?;
                        put(&mut state, id, *node, is_dying);
                    }
                }
            }
            if place == moment.pending {
                asked = Some(self.one_more(&mut state, name, &mut own)?);
            }
        }
        for id in moment.state.removed.iter().filter_map(|name| named.get(name)) {
            remove(&mut state, *id);
        }
        let asked = asked.ok_or_else(|| "there is no pod to be placed".to_owned())?;
        Ok((state, asked))
    }

    /// The next pod of a group: those that its controller makes at first, then others like them.
    fn one_more(
        &self,
        state: &mut ClusterState,
        name: &str,
        own: &mut impl Iterator<Item = PodId>,
    ) -> Result<PodId, String> {
        if let Some(id) = own.next() {
            return Ok(id);
        }
        let like = self.pods.get(name).and_then(|own| self.empty.pods.get(own.first()?));
        let like = like.ok_or_else(|| format!("the simulation does not make the pods of {name}"))?;
        let id = PodId(state.pods.keys().next_back().map_or(0, |last| last.0.saturating_add(1)));
        state.pods.insert(id, like.clone());
        Ok(id)
    }

    fn fail(&self, state: &mut ClusterState, id: NodeId) {
        let now = state.now;
        let Some(mut node) = state.nodes.get_mut(&id) else { return };
        node.ready = NodeReady::Unknown;
        node.crashed_at = Some(now);
        for effect in [Effect::NoSchedule, Effect::NoExecute] {
            node.taints.push(Taint { key: self.unreachable, value: Symbol::EMPTY, effect, added_at: Some(now) });
        }
    }
}

/// A pod runs on a node, or terminates there.
fn put(state: &mut ClusterState, id: PodId, node: NodeId, is_dying: bool) {
    let now = state.now;
    if let Some(mut pod) = state.pods.get_mut(&id) {
        pod.node = Some(node);
        pod.phase = Phase::Running;
        pod.ready = !is_dying;
        pod.started_at = Some(now);
        pod.deletion = is_dying.then_some(Deletion { requested_at: now, cause: DeletionCause::Taint });
    }
}

/// A node's object is gone, and the pods that were fixed there.
fn remove(state: &mut ClusterState, id: NodeId) {
    let held: Vec<PodId> = state.pods.on_node(Some(id)).map(|(pod, _)| pod).collect();
    for pod in held {
        state.pods.remove(&pod);
    }
    state.nodes.remove(&id);
}

impl Scores for SchedulerScores {
    fn best(&self, moment: &Moment<'_>) -> Result<BTreeSet<String>, String> {
        let key = (moment.state.clone(), moment.failed.clone(), moment.pending);
        if let Some(known) = self.known.lock().ok().and_then(|known| known.get(&key).cloned()) {
            return Ok(known);
        }
        let (state, asked) = self.at(moment)?;
        let chosen = schedule(&state, asked).best;
        let name = |id: &NodeId| state.nodes.get(id).map(|node| state.names.text(node.name).to_owned());
        let best: BTreeSet<String> = chosen.iter().filter_map(name).collect();
        if let Ok(mut known) = self.known.lock() {
            known.insert(key, best.clone());
        }
        Ok(best)
    }
}
