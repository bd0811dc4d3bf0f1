//! Pods that are bound without the scheduler: what somebody does who calls `pods/binding` while kube-scheduler is stopped. The API
//! server asks no more than that the pod has no node yet. Source: `assignPod` in `pkg/registry/core/pod/storage/storage.go`.

use std::collections::VecDeque;

use crate::cluster::{DeletionCause, NodeId, Phase, PodId};
use crate::controller::daemon_set::target_node;
use crate::controller::{find_workload, workload_of};
use crate::scheduler::SchedulingQueue;
use crate::transition::{Change, PodChange};

use super::engine::Simulation;
use super::outcome::Target;
use super::play::name_text;
use super::{Binding, Bound, SchedulerRuns};

/// The bindings of a step, and whether the scheduler is stopped meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    /// Those that are still to be made, in order.
    pub(crate) waiting: VecDeque<Binding>,
    /// The pods that make room for the first of them.
    pub(crate) victims: Option<Vec<PodId>>,
    /// Whether the scheduler runs.
    pub(crate) scheduler: Scheduler,
    /// How many pods were bound.
    pub(crate) bound: usize,
    /// The deleted nodes of which pods are still to go.
    pub(crate) leaving: Vec<NodeId>,
    /// Whether a step has started the scheduler.
    pub(crate) begun: bool,
}

/// Whether the scheduler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Scheduler {
    /// It runs.
    #[default]
    Runs,
    /// It does not run in this step.
    Stopped,
    /// It starts once everything is bound.
    Waits,
}

impl Simulation {
    /// Nothing is to be bound, and the scheduler runs as the settings say.
    pub(super) fn reset_bindings(&mut self) {
        let scheduler = match self.settings.scheduler_runs {
            SchedulerRuns::Always => Scheduler::Runs,
            SchedulerRuns::FromBind if self.bindings.begun => Scheduler::Runs,
            SchedulerRuns::AfterBind | SchedulerRuns::FromBind => Scheduler::Stopped,
        };
        self.bindings = Bindings { scheduler, begun: self.bindings.begun, ..Bindings::default() };
    }

    /// Everything of `bindings` is to be bound.
    pub(super) fn begin_bindings(&mut self, bindings: &[Binding]) -> Target {
        self.bindings.waiting.extend(bindings.iter().cloned());
        self.bindings.scheduler = Scheduler::Waits;
        Target::Bindings
    }

    /// The pod that the scheduler tries next, if it runs.
    pub(super) fn next_to_schedule(&mut self) -> Option<PodId> {
        match self.bindings.scheduler {
            Scheduler::Runs => self.scheduling.next(&self.state),
            Scheduler::Stopped | Scheduler::Waits => None,
        }
    }

    /// The pods of which the scheduler may try any next, if it runs.
    pub(super) fn may_be_scheduled(&mut self) -> Vec<PodId> {
        match self.bindings.scheduler {
            Scheduler::Runs => self.scheduling.possible_next(&self.state),
            Scheduler::Stopped | Scheduler::Waits => Vec::new(),
        }
    }

    /// Whether there is something that [`Self::bind_next`] can do.
    pub(super) fn can_bind(&self) -> bool {
        if self.bindings.leaving.iter().any(|node| self.state.pods.on_node(Some(*node)).next().is_some()) {
            return false;
        }
        let Some(first) = self.bindings.waiting.front() else { return self.bindings.scheduler == Scheduler::Waits };
        match (first, &self.bindings.victims) {
            (Binding::DaemonSet(_), _) => true,
            (Binding::Evict { of, node, pods }, _) => self.evictable(of, *node, *pods).is_some(),
            (Binding::DeleteNode(node), _) => self.state.nodes.contains_key(node),
            (Binding::Pod { .. }, Some(victims)) => !victims.iter().any(|pod| self.state.pods.contains_key(pod)),
            (Binding::Pod { of, node, evicted }, None) => {
                self.state.nodes.contains_key(node)
                    && self.pending(of).is_some()
                    && evicted.iter().all(|(of, count)| self.victims(of, *node, *count).is_some())
            }
        }
    }

    /// Makes the next binding, or starts the scheduler when none is left. `false`: nothing can be done now.
    pub(super) fn bind_next(&mut self) -> bool {
        if !self.can_bind() {
            return false;
        }
        match self.bindings.waiting.front().cloned() {
            None => {
                self.bindings.scheduler = Scheduler::Runs;
                self.bindings.begun = true;
                // A process that has just been started remembers no failed attempts.
                self.scheduling = SchedulingQueue::new(&self.state);
            }
            Some(Binding::DaemonSet(name)) => {
                self.bindings.waiting.pop_front();
                for (pod, node) in self.daemons(&Bound::Workload(name)) {
                    self.bind(pod, node);
                }
            }
            Some(Binding::Pod { of, node, evicted }) => self.bind_pod(&of, node, &evicted),
            Some(Binding::Evict { of, node, pods }) => {
                self.bindings.waiting.pop_front();
                let pods = self.evictable(&of, node, pods).unwrap_or_default();
                self.release_lost(&pods);
            }
            Some(Binding::DeleteNode(node)) => {
                self.bindings.waiting.pop_front();
                self.bindings.leaving.push(node);
                self.delete_nodes(&[node]);
            }
        }
        true
    }

    /// Deletes the pods that are in the way; binds the pod once they are gone.
    fn bind_pod(&mut self, of: &Bound, node: NodeId, evicted: &[(Bound, usize)]) {
        if !evicted.is_empty() && self.bindings.victims.is_none() {
            let victims = evicted.iter().filter_map(|(of, count)| self.victims(of, node, *count));
            let victims: Vec<PodId> = victims.flatten().collect();
            self.bindings.victims = Some(victims.clone());
            for pod in victims {
                self.commit(&Change::Pod(pod, PodChange::Delete(DeletionCause::Preemption)));
            }
            return;
        }
        if let Some(pod) = self.pending(of) {
            self.bindings.waiting.pop_front();
            self.bindings.victims = None;
            self.bind(pod, node);
        }
    }

    fn bind(&mut self, pod: PodId, node: NodeId) {
        self.bindings.bound = self.bindings.bound.saturating_add(1);
        self.commit(&Change::Pod(pod, PodChange::Bind(node)));
    }

    /// The pods of `of`, oldest first.
    pub(super) fn of(&self, of: &Bound) -> Vec<PodId> {
        match of {
            Bound::Pod { namespace, name } => self.find_pod(*namespace, name).into_iter().collect(),
            Bound::Workload(name) => {
                let Some(workload) = find_workload(&self.state, *name) else { return Vec::new() };
                let own =
                    self.state.pods.iter().filter(|(_, pod)| workload_of(&self.state, pod.owner) == Some(workload));
                own.map(|(id, _)| *id).collect()
            }
        }
    }

    /// The oldest pod of `of` that has no node.
    fn pending(&self, of: &Bound) -> Option<PodId> {
        self.of(of).into_iter().find(|id| self.is_pending(*id))
    }

    fn is_pending(&self, id: PodId) -> bool {
        let pod = self.state.pods.get(&id);
        pod.is_some_and(|pod| pod.phase == Phase::Pending && pod.node.is_none() && pod.deletion.is_none())
    }

    /// The newest `count` pods of `of` on a node; `None`: there are not so many.
    fn victims(&self, of: &Bound, node: NodeId, count: usize) -> Option<Vec<PodId>> {
        let there =
            |id: &PodId| self.state.pods.get(id).is_some_and(|pod| pod.node == Some(node) && pod.deletion.is_none());
        let victims: Vec<PodId> = self.of(of).into_iter().rev().filter(there).take(count).collect();
        (victims.len() == count).then_some(victims)
    }

    /// The pending pods of a DaemonSet, each with the node that it was made for.
    fn daemons(&self, of: &Bound) -> Vec<(PodId, NodeId)> {
        let pending = self.of(of).into_iter().filter(|id| self.is_pending(*id));
        let target = |id: PodId| Some((id, target_node(&self.state, self.state.pods.get(&id)?)?));
        pending.filter_map(target).collect()
    }

    /// Why the next binding cannot be made; `None`: all are.
    pub(super) fn unbound(&self) -> Option<String> {
        let first = self.bindings.waiting.front()?;
        let rest = self.bindings.waiting.len().saturating_sub(1);
        let why = match first {
            Binding::DaemonSet(name) => format!("{} does not exist", name_text(&self.state, *name)),
            Binding::Pod { of, node, evicted } => self.why_unbound(of, *node, evicted),
            Binding::Evict { of, node, pods } => {
                let there = (0..*pods).rev().find(|count| self.evictable(of, *node, *count).is_some()).unwrap_or(0);
                let (on, of) = (self.node_text(*node), self.bound_text(of));
                format!("{on} holds {there} pods of {of} that can be evicted, not {pods}")
            }
            Binding::DeleteNode(node) => format!("{} does not exist any more", self.node_text(*node)),
        };
        let bound = self.bindings.bound;
        Some(if rest == 0 {
            format!("bound {bound} pods; {why}")
        } else {
            format!("bound {bound} pods; {why}; {rest} more were not tried")
        })
    }

    fn bound_text(&self, of: &Bound) -> String {
        match of {
            Bound::Workload(name) => name_text(&self.state, *name),
            Bound::Pod { namespace, name } => format!("pod/{}/{name}", self.state.names.text(*namespace)),
        }
    }

    fn node_text(&self, node: NodeId) -> &str {
        let name = self.state.nodes.get(&node).map(|node| node.name);
        let name = name.or_else(|| self.gone_nodes.get(&node).map(|gone| gone.name));
        name.map_or("", |name| self.state.names.text(name))
    }

    fn why_unbound(&self, of: &Bound, node: NodeId, evicted: &[(Bound, usize)]) -> String {
        let text = |of: &Bound| self.bound_text(of);
        let Some(on) = self.state.nodes.get(&node).map(|node| self.state.names.text(node.name)) else {
            return format!("the node for {} does not exist any more", text(of));
        };
        if self.pending(of).is_none() {
            return format!("no pod of {} is pending, none can be bound to {on}", text(of));
        }
        let missing = evicted.iter().find(|(of, count)| self.victims(of, node, *count).is_none());
        missing.map_or_else(
            || format!("the pods that make room for {} on {on} do not go", text(of)),
            |(victim, count)| {
                format!("{on} does not hold {count} pods of {} that could make room for {}", text(victim), text(of))
            },
        )
    }
}
