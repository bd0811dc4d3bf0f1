//! What becomes of failed nodes and of the pods there.

use std::collections::BTreeSet;

use quorate_proof::claim::Phase;
use quorate_proof::cluster::Kind;
use quorate_proof::evidence::{Event, State};

use super::brute::World;
use super::plain::{bears, stays, taint};

impl World<'_> {
    /// A state right after a failure.
    pub(crate) fn lose(&self, state: &State, failed: &BTreeSet<&str>) -> State {
        let mut lost = state.clone();
        lost.failed = failed.iter().map(|name| (*name).to_owned()).collect();
        if self.one_by_one || self.claim.phase == Phase::Instant {
            return lost;
        }
        if self.claim.phase == Phase::Removed {
            let is_lost = |node: &&&str| self.is_lost(&lost, node);
            lost.removed = self.nodes.iter().filter(is_lost).map(|node| (*node).to_owned()).collect();
        }
        for (place, workload) in self.followed.iter().enumerate() {
            let is_replaced = match self.cluster.workloads[*workload].kind {
                Kind::Deployment | Kind::ReplicaSet | Kind::Job => true,
                Kind::StatefulSet => self.claim.phase == Phase::Removed,
                Kind::DaemonSet | Kind::Pod | Kind::Static(_) => false,
            };
            for node in 0..self.nodes.len() {
                if !self.is_lost(&lost, self.nodes[node]) {
                    continue;
                }
                let count = lost.alive[place][node];
                match self.claim.phase {
                    Phase::Recovered if stays(self.shape(workload)) => continue,
                    Phase::Recovered => lost.dying[place][node] += count,
                    Phase::Removed | Phase::Instant | Phase::Progress => {}
                }
                lost.alive[place][node] = 0;
                lost.pending[place] += if is_replaced { count } else { 0 };
            }
        }
        lost
    }

    /// What may become of failed nodes and their pods next.
    pub(crate) fn losses(&self, state: &State) -> Vec<(State, Event)> {
        let mut next = Vec::new();
        let there = |name: &&&str| self.is_lost(state, name) && !self.is_gone(state, name);
        for (node, name) in self.nodes.iter().enumerate().filter(|(_, name)| there(name)) {
            let mut without = state.clone();
            for (place, workload) in self.followed.iter().enumerate() {
                let kind = &self.cluster.workloads[*workload].kind;
                let is_set = *kind == Kind::StatefulSet;
                let replaced = i64::from(matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::Job));
                if state.alive[place][node] > 0 && !stays(self.shape(workload)) {
                    let mut evicted = state.clone();
                    evicted.alive[place][node] -= 1;
                    evicted.dying[place][node] += 1;
                    evicted.pending[place] += replaced;
                    let (workload, node) = ((*workload).to_owned(), (*name).to_owned());
                    next.push((evicted, Event::Evicted { workload, node, pods: 1 }));
                }
                let (alive, dying) = (state.alive[place][node], state.dying[place][node]);
                without.alive[place][node] = 0;
                without.dying[place][node] = 0;
                without.pending[place] += if is_set { alive + dying } else { alive * replaced };
            }
            if self.claim.phase == Phase::Removed {
                without.removed.push((*name).to_owned());
                without.removed.sort_unstable();
                next.push((without, Event::Removed { node: (*name).to_owned() }));
            }
        }
        next
    }

    /// Whether an eviction is of a pod that may be bound to the same node again.
    pub(crate) fn returns(&self, event: &Event) -> bool {
        let lost = [taint("unreachable", "NoSchedule"), taint("unreachable", "NoExecute")];
        match event {
            Event::Evicted { workload, .. } => lost.iter().all(|taint| bears(self.shape(workload), taint)),
            Event::Placed(_) | Event::Removed { .. } => false,
        }
    }
}
