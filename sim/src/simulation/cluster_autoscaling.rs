//! The cluster autoscaler: it looks every ten seconds, and when pods wait. Looks that change nothing are not played.
//!
//! Source: kubernetes/autoscaler 1.36.1, `core/static_autoscaler.go`, `loop/trigger.go`, `core/scaledown/unneeded`,
//! `core/scaledown/budgets` and `core/scaledown/actuation`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Duration, NodeId, NodeReady, Time};
use crate::controller::cluster_autoscaler::{Unneeded, growth, next_changes, pods_to_evict, pods_to_move, unneeded};
use crate::event_queue::Event;
use crate::eviction::{changes, decide};
use crate::transition::{Change, NodeChange};

use super::autoscaling::next_look;
use super::engine::{GoneNode, Simulation};

/// `--scan-interval`.
const SCAN_INTERVAL: Duration = Duration::from_seconds(10);
/// `--scale-down-unready-time`.
const UNREADY: Duration = Duration::from_seconds(1200);
/// `--max-scale-down-parallelism`: so many nodes go at once, …
const MOST_REMOVALS: usize = 10;
/// `--max-drain-parallelism`: … and so many from which pods have to move.
const MOST_DRAINS: usize = 1;
/// `--node-delete-delay-after-taint`.
const DELAY_AFTER_TAINT: Duration = Duration::from_seconds(5);
/// `DefaultEvictionRetryTime` in `core/scaledown/actuation/drain.go`.
const EVICTION_RETRY: Duration = Duration::from_seconds(10);
/// `--max-pod-eviction-time`.
const MOST_EVICTION: Duration = Duration::from_seconds(120);
/// How often it looks whether evicted pods are gone: `waitPodsToDisappear` in `core/scaledown/actuation/drain.go`.
const POLL: Duration = Duration::from_seconds(5);
/// `--max-graceful-termination-sec` and `DefaultPodEvictionHeadroom`.
const MOST_TERMINATION: Duration = Duration::from_seconds(630);
/// `--ok-total-unready-count` and `--max-total-unready-percentage`: with more it does nothing.
const MOST_UNREADY: (usize, usize) = (3, 45);

/// What the cluster autoscaler remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterAutoscaler {
    /// Since when nodes have not been needed.
    unneeded: BTreeMap<NodeId, Time>,
    /// The pools of nodes that are on their way.
    upcoming: Vec<usize>,
    /// When a pool last grew.
    grown_at: Option<Time>,
    /// Nodes that are going.
    removals: BTreeMap<NodeId, Removal>,
    /// The last change of the cluster that it has seen.
    seen: Option<(Time, u64)>,
}

/// A node that is going.
#[derive(Clone, Copy, Debug, Hash)]
struct Removal {
    /// When it was cordoned.
    begun: Time,
    /// Whether nothing had to move then.
    is_empty: bool,
    /// Whether it was looked at again after the delay.
    is_confirmed: bool,
    /// When all its pods had been evicted.
    evicted: Option<Time>,
}

impl ClusterAutoscaler {
    /// All that decides what it does next, but for when it last looked.
    pub(crate) fn hash_memory(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        (&self.unneeded, &self.upcoming, self.grown_at, &self.removals).hash(hasher);
    }
}

impl Simulation {
    /// Decides when it has something to do, if nothing else happens.
    pub(super) fn schedule_cluster_autoscaler(&mut self) {
        if self.state.node_pools.is_empty() {
            return;
        }
        let last = self.last_commit.map(|at| (at, self.recorder.changes));
        if self.cluster_autoscaler.seen == last {
            return;
        }
        self.cluster_autoscaler.seen = last;
        let next = next_look(self.state.now, SCAN_INTERVAL);
        self.schedule_removals();
        if !self.is_healthy() {
            self.cluster_autoscaler.unneeded.clear();
            return;
        }
        self.schedule_growth(next);
        let found: BTreeSet<NodeId> = self.unneeded_at(next).iter().map(|own| own.node).collect();
        if let Some((first, last)) = next_changes(&self.state, next)
            && self.unneeded_at(last).iter().any(|own| !found.contains(&own.node))
        {
            self.queue.schedule_by(next_look(first, SCAN_INTERVAL), Event::ClusterAutoscaler);
        }
        let since = &self.cluster_autoscaler.unneeded;
        let since: BTreeMap<NodeId, Time> =
            found.into_iter().map(|node| (node, since.get(&node).copied().unwrap_or(next))).collect();
        let delay = self.settings.cluster_autoscaler.delay_after_growth;
        let earliest = self.cluster_autoscaler.grown_at.map_or(next, |at| at.after(delay)).max(next);
        for (node, at) in &since {
            let removal = at.after(self.unneeded_for(*node)).max(earliest);
            let look = next_look(Time::from_milliseconds(removal.milliseconds().saturating_sub(1)), SCAN_INTERVAL);
            self.queue.schedule_by(look, Event::ClusterAutoscaler);
        }
        self.cluster_autoscaler.unneeded = since;
    }

    /// Pods that wait make it look at once; if all are new, it waits for more until its next look, an interval later.
    fn schedule_growth(&mut self, next: Time) {
        let Some(growth) = growth(&self.state, &self.cluster_autoscaler.upcoming) else { return };
        let now = self.state.now;
        let look = if growth.is_too_soon(now) {
            now.after(SCAN_INTERVAL)
        } else if growth.is_triggered(now) || self.cluster_autoscaler.grown_at == Some(now) {
            now
        } else {
            next
        };
        self.queue.schedule_by(look, Event::ClusterAutoscaler);
    }

    fn schedule_removals(&mut self) {
        let now = self.state.now;
        for (node, removal) in &self.cluster_autoscaler.removals {
            let first = removal.begun.after(DELAY_AFTER_TAINT);
            let is_dead = self.state.nodes.get(node).is_some_and(|node| node.crashed_at.is_some());
            let look = match removal.evicted {
                _ if now < first => first,
                None => following(first, EVICTION_RETRY, now),
                Some(at) if pods_to_evict(&self.state, *node).is_empty() => following(at, POLL, now),
                Some(at) if is_dead => at.after(MOST_TERMINATION),
                Some(_) => continue,
            };
            self.queue.schedule_by(look, Event::ClusterAutoscaler);
        }
    }

    pub(super) fn scan_pools(&mut self) {
        self.continue_removals();
        // It looks again, even if nothing comes of this.
        self.cluster_autoscaler.seen = None;
        if !self.is_healthy() {
            return;
        }
        let now = self.state.now;
        let Some(growth) = growth(&self.state, &self.cluster_autoscaler.upcoming) else { return self.scale_down() };
        if growth.is_too_soon(now) {
            return;
        }
        let name = self.state.node_pools.get(growth.pool).map_or("", |pool| self.state.names.text(pool.name));
        let text = format!("the cluster autoscaler grows pool {name} by {} node(s)", growth.nodes);
        self.recorder.note(now, text);
        self.cluster_autoscaler.grown_at = Some(now);
        let arrival = now.after(self.settings.cluster_autoscaler.provisioning);
        let pool = u32::try_from(growth.pool).unwrap_or(u32::MAX);
        for number in 0..growth.nodes {
            self.cluster_autoscaler.upcoming.push(growth.pool);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.queue.schedule(arrival, Event::NodeArrives { pool, number });
        }
    }

    pub(super) fn node_arrives(&mut self, pool: usize) {
        let place = self.cluster_autoscaler.upcoming.iter().position(|own| *own == pool);
        if let Some(place) = place {
            self.cluster_autoscaler.upcoming.remove(place);
        }
        self.commit(&Change::AddNode { pool });
    }

    /// Source: `IsClusterHealthy` in `clusterstate/clusterstate.go`.
    fn is_healthy(&self) -> bool {
        let unready = self.state.nodes.values().filter(|node| node.ready != NodeReady::True).count();
        let (count, percent) = MOST_UNREADY;
        unready <= count || unready.saturating_mul(100) <= self.state.nodes.len().saturating_mul(percent)
    }

    fn unneeded_at(&self, at: Time) -> Vec<Unneeded> {
        let own = &self.cluster_autoscaler;
        let going = own.removals.keys().copied().collect();
        let before = own.unneeded.keys().copied().collect();
        unneeded(&self.state, at, &own.upcoming, &going, &before)
    }

    /// For how long a node has to be unneeded.
    fn unneeded_for(&self, node: NodeId) -> Duration {
        let is_ready = self.state.nodes.get(&node).is_some_and(|node| node.ready == NodeReady::True);
        if is_ready { self.settings.cluster_autoscaler.unneeded } else { UNREADY }
    }

    /// Nodes that have not been needed for long enough begin to go: the empty ones together, of the others one.
    fn scale_down(&mut self) {
        let (now, delay) = (self.state.now, self.settings.cluster_autoscaler.delay_after_growth);
        if self.cluster_autoscaler.grown_at.is_some_and(|at| now.since(at) < delay) {
            return;
        }
        let mut found = self.unneeded_at(now);
        found.sort_by_key(|own| (!own.is_empty, own.is_risky));
        let own = &self.cluster_autoscaler;
        let mut drains = own.removals.values().filter(|removal| !removal.is_empty).count();
        let mut begun: Vec<Unneeded> = Vec::new();
        let mut spare: Vec<usize> = Vec::new();
        for (index, pool) in self.state.node_pools.iter().enumerate() {
            let going = own.removals.keys().filter(|node| pool.members.contains(node)).count();
            let coming = own.upcoming.iter().filter(|upcoming| **upcoming == index).count();
            spare.push(pool.members.len().saturating_add(coming).saturating_sub(going).saturating_sub(pool.least));
        }
        for candidate in found {
            let since = own.unneeded.get(&candidate.node);
            let is_due = since.is_some_and(|at| now.since(*at) >= self.unneeded_for(candidate.node));
            let pool = self.state.node_pools.iter().position(|pool| pool.members.contains(&candidate.node));
            let spare = pool.and_then(|pool| spare.get_mut(pool)).filter(|spare| **spare > 0 && is_due);
            let Some(spare) = spare else { continue };
            *spare = spare.saturating_sub(1);
            let is_full = own.removals.len().saturating_add(begun.len()) >= MOST_REMOVALS;
            if is_full || (!candidate.is_empty && drains >= MOST_DRAINS) {
                continue;
            }
            drains = drains.saturating_add(usize::from(!candidate.is_empty));
            begun.push(candidate);
        }
        for candidate in begun {
            self.tell(candidate.node, "removes", "it is not needed");
            let is_empty = candidate.is_empty;
            let removal = Removal { begun: now, is_empty, is_confirmed: false, evicted: None };
            self.cluster_autoscaler.removals.insert(candidate.node, removal);
            self.cluster_autoscaler.unneeded.remove(&candidate.node);
            // Its taint ToBeDeletedByClusterAutoscaler keeps away what this does.
            self.commit(&Change::Node(candidate.node, NodeChange::Cordon));
        }
    }

    /// Nodes that are going: their pods are evicted, and when all are gone they are.
    fn continue_removals(&mut self) {
        let now = self.state.now;
        for (node, mut removal) in self.cluster_autoscaler.removals.clone() {
            let first = removal.begun.after(DELAY_AFTER_TAINT);
            if !self.state.nodes.contains_key(&node) {
                self.cluster_autoscaler.removals.remove(&node);
                continue;
            }
            if now < first {
                continue;
            }
            if !removal.is_confirmed {
                match pods_to_move(&self.state, node, now) {
                    None => {
                        self.give_up(node, "a pod must stay");
                        continue;
                    }
                    Some(pods) if removal.is_empty && !pods.is_empty() => {
                        self.give_up(node, "it is no longer empty");
                        continue;
                    }
                    Some(_) => removal.is_confirmed = true,
                }
            }
            if !removal.is_empty && removal.evicted.is_none() {
                if self.evict_from(node) {
                    removal.evicted = Some(now);
                } else if now.since(first) >= MOST_EVICTION {
                    self.give_up(node, "pods could not be evicted");
                    continue;
                }
            }
            self.cluster_autoscaler.removals.insert(node, removal);
            let is_free = removal.evicted.is_some() && pods_to_evict(&self.state, node).is_empty();
            if removal.is_empty || is_free {
                self.delete_node(node);
            } else if removal.evicted.is_some_and(|at| now.since(at) >= MOST_TERMINATION) {
                self.give_up(node, "pods have not ended");
            }
        }
    }

    /// Asks for the eviction of a node's pods; whether all terminate.
    fn evict_from(&mut self, node: NodeId) -> bool {
        let mut is_done = true;
        for pod in pods_to_evict(&self.state, node) {
            let decision = decide(&self.state, pod);
            for change in changes(&self.state, pod, &decision) {
                self.commit(&change);
            }
            is_done &= self.state.pods.get(&pod).is_none_or(|pod| pod.deletion.is_some());
        }
        is_done
    }

    fn give_up(&mut self, node: NodeId, why: &str) {
        self.tell(node, "keeps", why);
        self.cluster_autoscaler.removals.remove(&node);
        self.commit(&Change::Node(node, NodeChange::Uncordon));
    }

    fn delete_node(&mut self, node: NodeId) {
        self.cluster_autoscaler.removals.remove(&node);
        if let Some(name) = self.state.nodes.get(&node).map(|node| node.name) {
            self.gone_nodes.insert(node, GoneNode { name, found_at: None });
            self.commit(&Change::Node(node, NodeChange::Delete));
        }
    }

    fn tell(&mut self, node: NodeId, does: &str, why: &str) {
        let name = self.state.nodes.get(&node).map_or("", |node| self.state.names.text(node.name));
        let text = format!("the cluster autoscaler {does} node {name}: {why}");
        self.recorder.note(self.state.now, text);
    }
}

/// The first time after `now` that is a whole number of periods after `first`.
fn following(first: Time, period: Duration, now: Time) -> Time {
    let past = now.since(first).milliseconds().div_euclid(period.milliseconds().max(1));
    first.after(Duration::from_milliseconds(past.saturating_add(1).saturating_mul(period.milliseconds())))
}
