//! kubectl drain while it is under way.

use crate::cluster::{NodeId, PodId};
use crate::drain::{DrainPlan, FailedEviction, NodeDrain, PodDrain, next_retry, plan};
use crate::event_queue::Event;
use crate::eviction::{EvictionDecision, changes, decide};
use crate::transition::{Change, NodeChange};

use super::calls::Call;
use super::engine::Simulation;

impl Simulation {
    /// Begins drains of `nodes`: all are cordoned first, then every pod's eviction is asked for.
    pub(super) fn begin_drains(&mut self, nodes: &[NodeId]) {
        for node in nodes {
            if self.state.nodes.get(node).is_some_and(|node| !node.unschedulable) {
                self.commit(&Change::Node(*node, NodeChange::Cordon));
            }
        }
        for node in nodes {
            let mut drain = NodeDrain::new(*node);
            match plan(&self.state, *node) {
                DrainPlan::Refuse { unmanaged } => drain.unmanaged = unmanaged,
                DrainPlan::Evict(pods) => {
                    self.calls.waiting.extend(pods.into_iter().map(|pod| Call::Drain(*node, pod)));
                }
            }
            self.drains.push(drain);
        }
    }

    /// The drain of `node` asks for one pod.
    pub(super) fn ask_for_drain(&mut self, node: NodeId, pod: PodId) {
        let mut drains = std::mem::take(&mut self.drains);
        for drain in drains.iter_mut().filter(|drain| drain.node == node) {
            self.ask(drain, pod);
        }
        self.drains = drains;
    }

    /// Asks the Eviction API for one pod.
    fn ask(&mut self, drain: &mut NodeDrain, pod: PodId) {
        let decision = decide(&self.state, pod);
        match &decision {
            EvictionDecision::Granted(_) => {
                for change in changes(&self.state, pod, &decision) {
                    self.commit(&change);
                }
                drain.evicted = drain.evicted.saturating_add(1);
                drain.waiting.insert(pod, PodDrain::Terminating);
            }
            EvictionDecision::TooManyRequests { budget, desired_healthy, current_healthy } => {
                let denied = PodDrain::Denied {
                    asked_at: self.state.now,
                    budget: *budget,
                    desired_healthy: *desired_healthy,
                    current_healthy: *current_healthy,
                };
                drain.waiting.insert(pod, denied);
            }
            EvictionDecision::SeveralBudgets(budgets) => {
                let message = "this pod has more than one PodDisruptionBudget, which the eviction subresource does \
                               not support"
                    .to_owned();
                drain.waiting.remove(&pod);
                drain.failed.push(FailedEviction { pod, budgets: budgets.clone(), message });
            }
            EvictionDecision::Forbidden { budget, .. } => {
                let message = "the budget's status forbids evictions".to_owned();
                drain.waiting.remove(&pod);
                drain.failed.push(FailedEviction { pod, budgets: vec![*budget], message });
            }
            EvictionDecision::Webhook(reason) => {
                drain.waiting.remove(&pod);
                drain.failed.push(FailedEviction { pod, budgets: Vec::new(), message: reason.clone() });
            }
            EvictionDecision::NotFound => drop(drain.waiting.remove(&pod)),
        }
    }

    /// Whether a drain still asks for `pod`.
    pub(super) fn is_asked_for(&self, pod: PodId) -> bool {
        self.drains.iter().any(|drain| matches!(drain.waiting.get(&pod), Some(PodDrain::Denied { .. })))
    }

    /// A drain's five seconds are over.
    pub(super) fn ask_again(&mut self, pod: PodId) {
        let mut drains = std::mem::take(&mut self.drains);
        for drain in &mut drains {
            if matches!(drain.waiting.get(&pod), Some(PodDrain::Denied { .. })) {
                self.ask(drain, pod);
            }
        }
        self.drains = drains;
    }

    /// Forgets pods that are gone, and schedules the retries that would be answered differently. A retry that would be
    /// denied again changes nothing: as long as nothing else happens it need not be played.
    pub(super) fn schedule_drain_retries(&mut self) {
        let mut drains = std::mem::take(&mut self.drains);
        for drain in &mut drains {
            drain.waiting.retain(|pod, _| self.state.pods.contains_key(pod));
            for (pod, waiting) in &mut drain.waiting {
                let PodDrain::Denied { asked_at, .. } = *waiting else { continue };
                if let EvictionDecision::TooManyRequests { budget, desired_healthy, current_healthy } =
                    decide(&self.state, *pod)
                {
                    *waiting = PodDrain::Denied { asked_at, budget, desired_healthy, current_healthy };
                } else {
                    self.queue.schedule(next_retry(asked_at, self.state.now), Event::DrainRetry(*pod));
                }
            }
        }
        self.drains = drains;
    }
}
