//! Calls of the Eviction API that a user's command makes: those of a drain at once, those of `evict` one after the other.

use std::collections::{BTreeMap, VecDeque};

use crate::cluster::{NodeId, PodId};
use crate::eviction::{EvictionDecision, changes, decide};

use super::engine::Simulation;
use super::outcome::{Target, pod_text};

/// A call that is still to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Call {
    /// kubectl drain of this node asks for a pod; it asks for all of its pods at the same time.
    Drain(NodeId, PodId),
    /// An eviction on its own; the next one is asked for when this one is answered.
    Evict(PodId),
}

/// The calls of a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Those that are still to be made, in order.
    pub(crate) waiting: VecDeque<Call>,
    /// The names of the pods of evictions: a pod may be gone when it is asked for.
    names: BTreeMap<PodId, String>,
    /// The answers to evictions, each with the pod's name.
    pub(crate) answers: Vec<(String, EvictionDecision)>,
}

impl Calls {
    /// The calls that may be made next: of those that wait for one another the first.
    pub(super) fn next(&self) -> Vec<Call> {
        let of_drains = self.waiting.iter().filter(|call| matches!(call, Call::Drain(..)));
        let evict = self.waiting.iter().find(|call| matches!(call, Call::Evict(_)));
        of_drains.chain(evict).copied().collect()
    }
}

impl Simulation {
    /// Asks for the eviction of `pods`, one after the other.
    pub(super) fn call_evictions(&mut self, pods: Vec<PodId>) -> Target {
        for pod in pods {
            self.calls.names.insert(pod, pod_text(&self.state, pod));
            self.calls.waiting.push_back(Call::Evict(pod));
        }
        Target::Evictions
    }

    /// Makes a call.
    pub(super) fn make_call(&mut self, call: Call) {
        self.calls.waiting.retain(|other| *other != call);
        match call {
            Call::Drain(node, pod) => self.ask_for_drain(node, pod),
            Call::Evict(pod) => {
                let name = self.calls.names.remove(&pod).unwrap_or_default();
                let decision = decide(&self.state, pod);
                for change in changes(&self.state, pod, &decision) {
                    self.commit(&change);
                }
                self.calls.answers.push((name, decision));
            }
        }
    }
}
