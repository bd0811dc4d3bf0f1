//! The cluster autoscaler: it looks every ten seconds. Looks that change nothing are not played.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Duration, NodeId, PodId, Time};
use crate::controller::cluster_autoscaler::{can_be_removed, growth, pods_to_move, unneeded};
use crate::event_queue::Event;
use crate::eviction::{EvictionDecision, changes, decide};
use crate::transition::{Change, NodeChange};

use super::autoscaling::next_look;
use super::engine::{GoneNode, Simulation};

/// `--scan-interval`.
const SCAN_INTERVAL: Duration = Duration::from_seconds(10);
/// `--scale-down-utilization-threshold`, in percent.
const UTILIZATION_PERCENT: i64 = 50;

/// What the cluster autoscaler remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterAutoscaler {
    /// Since when nodes have not been needed.
    unneeded: BTreeMap<NodeId, Time>,
    /// The pools of nodes that are on their way.
    upcoming: Vec<usize>,
    /// When a pool last grew.
    grown_at: Option<Time>,
    /// Nodes that are being emptied.
    emptied: BTreeSet<NodeId>,
    /// The last change of the cluster that it has seen.
    seen: Option<(Time, u64)>,
}

impl ClusterAutoscaler {
    /// All that decides what it does next, but for when it last looked.
    pub(crate) fn hash_memory(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        (&self.unneeded, &self.upcoming, self.grown_at, &self.emptied).hash(hasher);
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
        let now = self.state.now;
        let next = next_look(now, SCAN_INTERVAL);
        let is_emptied = |node: &NodeId| pods_to_move(&self.state, *node).is_some_and(|pods| pods.is_empty());
        if growth(&self.state, &self.cluster_autoscaler.upcoming).is_some()
            || self.cluster_autoscaler.emptied.iter().any(is_emptied)
        {
            self.queue.schedule_by(next, Event::ClusterAutoscaler);
        }
        let unneeded = unneeded(&self.state, UTILIZATION_PERCENT);
        let since = &self.cluster_autoscaler.unneeded;
        let since: BTreeMap<NodeId, Time> =
            unneeded.into_iter().map(|node| (node, since.get(&node).copied().unwrap_or(next))).collect();
        let times = &self.settings.cluster_autoscaler;
        let earliest = self.cluster_autoscaler.grown_at.map_or(now, |at| at.after(times.delay_after_growth));
        for at in since.values() {
            let removal = at.after(times.unneeded).max(earliest).max(next);
            let look = next_look(Time::from_milliseconds(removal.milliseconds().saturating_sub(1)), SCAN_INTERVAL);
            self.queue.schedule_by(look, Event::ClusterAutoscaler);
        }
        self.cluster_autoscaler.unneeded = since;
    }

    pub(super) fn scan_pools(&mut self) {
        self.finish_removals();
        if let Some(growth) = growth(&self.state, &self.cluster_autoscaler.upcoming) {
            let now = self.state.now;
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
            return;
        }
        self.remove_one();
        // It looks again, even if nothing came of this.
        self.cluster_autoscaler.seen = None;
    }

    pub(super) fn node_arrives(&mut self, pool: usize) {
        let place = self.cluster_autoscaler.upcoming.iter().position(|own| *own == pool);
        if let Some(place) = place {
            self.cluster_autoscaler.upcoming.remove(place);
        }
        self.commit(&Change::AddNode { pool });
    }

    /// One node that has not been needed for long enough is emptied.
    fn remove_one(&mut self) {
        let (now, times) = (self.state.now, self.settings.cluster_autoscaler);
        let is_settled = self.cluster_autoscaler.grown_at.is_none_or(|at| now.since(at) >= times.delay_after_growth);
        if !is_settled || !self.cluster_autoscaler.upcoming.is_empty() {
            return;
        }
        let unneeded: Vec<NodeId> = self
            .cluster_autoscaler
            .unneeded
            .iter()
            .filter(|(_, since)| now.since(**since) >= times.unneeded)
            .map(|(node, _)| *node)
            .collect();
        for node in unneeded {
            let is_above_least = self.state.node_pools.iter().any(|pool| {
                let going = self.cluster_autoscaler.emptied.intersection(&pool.members).count();
                pool.members.contains(&node) && pool.members.len().saturating_sub(going) > pool.least
            });
            if self.cluster_autoscaler.emptied.contains(&node)
                || !is_above_least
                || !can_be_removed(&self.state, node, UTILIZATION_PERCENT)
            {
                continue;
            }
            let name = self.state.nodes.get(&node).map_or("", |node| self.state.names.text(node.name));
            let text = format!("the cluster autoscaler removes node {name}: it is not needed");
            self.recorder.note(now, text);
            self.cluster_autoscaler.emptied.insert(node);
            // In place of the taint ToBeDeletedByClusterAutoscaler: nothing new comes.
            self.commit(&Change::Node(node, NodeChange::Cordon));
            let moving: Vec<PodId> = pods_to_move(&self.state, node).unwrap_or_default();
            for pod in moving {
                let decision: EvictionDecision = decide(&self.state, pod);
                for change in changes(&self.state, pod, &decision) {
                    self.commit(&change);
                }
            }
            return self.finish_removals();
        }
    }

    /// Nodes from which all has gone go.
    fn finish_removals(&mut self) {
        let empty: Vec<NodeId> = self
            .cluster_autoscaler
            .emptied
            .iter()
            .filter(|node| pods_to_move(&self.state, **node).is_some_and(|pods| pods.is_empty()))
            .copied()
            .collect();
        for node in empty {
            self.cluster_autoscaler.emptied.remove(&node);
            self.cluster_autoscaler.unneeded.remove(&node);
            if let Some(name) = self.state.nodes.get(&node).map(|node| node.name) {
                self.gone_nodes.insert(node, GoneNode { name, found_at: None });
                self.commit(&Change::Node(node, NodeChange::Delete));
            }
        }
    }
}
