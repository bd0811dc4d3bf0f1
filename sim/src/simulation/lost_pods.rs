//! Pods of failed nodes that are evicted by steps `bind`, one after the other, where the settings say so. On a real control plane their
//! tolerations decide that: a pod that bears `node.kubernetes.io/unreachable:NoExecute` for ever stays, and goes once it bears it for 0 s. Source:
//! `processPodOnNode` in `pkg/controller/tainteviction/taint_eviction.go`.

use std::collections::BTreeMap;

use crate::cluster::{NodeId, PodId};
use crate::controller::taint_eviction::{self, TaintVerdict};

use super::engine::{Key, Simulation};
use super::{Bound, TaintEviction};

/// Whether a pod of a node that has failed may be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lost {
    /// It stays until a step has it evicted.
    Stays,
    /// It goes.
    Goes,
}

/// The pods that were on nodes when these failed.
pub(crate) type LostPods = BTreeMap<PodId, Lost>;

impl Simulation {
    /// The pods of nodes that fail now stay until steps have them evicted, if the settings say so.
    pub(super) fn hold_evictions(&mut self, nodes: &[NodeId]) {
        match self.settings.taint_eviction {
            TaintEviction::Always => {}
            TaintEviction::InBind => {
                for node in nodes {
                    let pods = self.state.pods.on_node(Some(*node)).map(|(id, _)| (id, Lost::Stays));
                    self.lost_pods.extend(pods);
                }
            }
        }
    }

    /// What taint eviction does with a pod.
    pub(super) fn taint_verdict(&self, pod: PodId) -> TaintVerdict {
        let judged = taint_eviction::judge(&self.state, pod);
        match (self.lost_pods.get(&pod), judged) {
            (Some(Lost::Stays), TaintVerdict::DeleteNow | TaintVerdict::DeleteAt(_)) => TaintVerdict::Stay,
            (Some(Lost::Goes), TaintVerdict::DeleteNow | TaintVerdict::DeleteAt(_)) => TaintVerdict::DeleteNow,
            (None, _) | (Some(_), TaintVerdict::Cancel | TaintVerdict::Stay) => judged,
        }
    }

    /// The oldest `count` pods of `of` on a failed node that would be evicted; `None`: there are not so many.
    pub(super) fn evictable(&self, of: &Bound, node: NodeId, count: usize) -> Option<Vec<PodId>> {
        let is_evictable = |id: &PodId| {
            let is_there = self.state.pods.get(id).is_some_and(|pod| pod.node == Some(node) && pod.deletion.is_none());
            is_there && self.lost_pods.get(id) == Some(&Lost::Stays) && self.would_go(*id)
        };
        let pods: Vec<PodId> = self.of(of).into_iter().filter(is_evictable).take(count).collect();
        (pods.len() == count).then_some(pods)
    }

    fn would_go(&self, pod: PodId) -> bool {
        match taint_eviction::judge(&self.state, pod) {
            TaintVerdict::DeleteNow | TaintVerdict::DeleteAt(_) => true,
            TaintVerdict::Cancel | TaintVerdict::Stay => false,
        }
    }

    /// Lets taint eviction have these pods.
    pub(super) fn release_lost(&mut self, pods: &[PodId]) {
        for pod in pods {
            self.lost_pods.insert(*pod, Lost::Goes);
            self.dirty.insert(Key::Pod(*pod));
        }
    }
}
