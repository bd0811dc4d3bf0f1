//! One look at all nodes: heartbeats, NoExecute taints, zones.

use std::collections::BTreeMap;

use crate::cluster::{ClusterState, Duration, Effect, Node, NodeId, NodeReady, Symbol, Time};
use crate::event_queue::Zone;
use crate::simulation::{Settings, Ties};
use crate::transition::{Change, NodeChange};

use super::taints::{add, has_taint, no_execute_keys, remove, remove_no_execute};
use super::zone::{ZoneQueue, ZoneState, zone_of};

/// What the controller remembers between two looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeLifecycle {
    zones: BTreeMap<Zone, ZoneQueue>,
    /// Heartbeats are counted from here at the earliest: reset when the last full disruption of all zones ended.
    heartbeats_from: Time,
}

impl NodeLifecycle {
    /// Nodes whose heartbeats have been missing for longer than the grace period: their Ready condition becomes Unknown.
    #[must_use]
    pub fn unreachable(&self, state: &ClusterState, settings: &Settings) -> Vec<Change> {
        let silent = state.nodes.iter().filter(|(_, node)| {
            node.ready != NodeReady::Unknown && self.deadline(node, settings).is_some_and(|time| state.now >= time)
        });
        silent.map(|(id, _)| Change::Node(*id, NodeChange::SetReady(NodeReady::Unknown))).collect()
    }

    /// The first look at which a crashed node is past its grace period.
    fn deadline(&self, node: &Node, settings: &Settings) -> Option<Time> {
        let last = node.crashed_at?.max(self.heartbeats_from);
        // Strictly longer than the grace period.
        let past = settings.node_monitor_grace_period.milliseconds().saturating_add(1);
        Some(next_look(last.after(Duration::from_milliseconds(past)), settings))
    }

    /// NoExecute taints: removed from nodes that are ready, swapped where the condition has changed, queued otherwise.
    #[must_use]
    pub fn taint(&mut self, state: &ClusterState, settings: &Settings) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, node) in state.nodes.iter() {
            let queue = self.zones.entry(zone_of(node)).or_insert_with(|| ZoneQueue::new(settings));
            let Some((key, opposite)) = no_execute_keys(node.ready) else {
                queue.nodes.retain(|waiting| waiting != id);
                changes.extend(remove_no_execute(*id, node));
                continue;
            };
            if has_taint(node, opposite, Effect::NoExecute) {
                changes.push(remove(*id, opposite, Effect::NoExecute));
                changes.push(add(*id, key, Effect::NoExecute, state.now));
            } else if !has_taint(node, key, Effect::NoExecute) && !queue.nodes.contains(id) {
                queue.nodes.push(*id);
            }
        }
        changes
    }

    /// NoExecute taints that are set before a zone's state stops them.
    ///
    /// The pass that sets them goes round ten times a second on its own, also while nodes are still being looked at and the
    /// zones are not judged yet; its limiter lets one node through at once. Whether it meets a node that was queued in this
    /// look is a race. It is only asked where the outcomes differ: in a zone from which no node is taken any more once it is
    /// judged. Where every zone is down all taints are removed, but by what the look has read of the nodes at its beginning: one
    /// set since then stays, and with it that node's pods go.
    #[must_use]
    pub fn taint_before_zones_are_judged(
        &mut self,
        state: &ClusterState,
        settings: &Settings,
        ties: &mut Ties,
    ) -> Vec<Change> {
        let by_zone = nodes_by_zone(state);
        let judged: Vec<(Zone, ZoneState, usize)> = by_zone
            .iter()
            .map(|(zone, nodes)| (*zone, ZoneState::of(nodes.iter().copied(), settings), nodes.len()))
            .collect();
        let all_are = judged.iter().all(|(_, new_state, _)| *new_state == ZoneState::FullDisruption);
        let stops = |new_state: ZoneState, size| all_are || new_state.interval(size, settings).is_none();
        let stopped = judged.into_iter().filter(|(_, new_state, size)| stops(*new_state, *size));
        let mut changes = Vec::new();
        for (zone, _, _) in stopped {
            let queue = self.zones.get(&zone).filter(|queue| queue.next_time(state.now) == Some(state.now));
            let first = queue.and_then(|queue| queue.nodes.first());
            if first.is_some_and(|node| ties.is_met(*node, state.now)) {
                changes.extend(self.take(state, zone));
            }
        }
        changes
    }

    /// The zones' states after the nodes'; what stops or slows evictions.
    #[must_use]
    pub fn judge_zones(&mut self, state: &ClusterState, settings: &Settings) -> Vec<Change> {
        let by_zone = nodes_by_zone(state);
        self.zones.retain(|zone, queue| by_zone.contains_key(zone) || !queue.nodes.is_empty());
        let judged: BTreeMap<Zone, (ZoneState, usize)> = by_zone
            .iter()
            .map(|(zone, nodes)| (*zone, (ZoneState::of(nodes.iter().copied(), settings), nodes.len())))
            .collect();
        let is_full = |state: ZoneState| state == ZoneState::FullDisruption;
        let all_are = judged.values().all(|(state, _)| is_full(*state));
        let known = self.zones.iter().filter(|(zone, _)| judged.contains_key(zone));
        let all_were = known.into_iter().all(|(_, queue)| is_full(queue.state));
        if all_are && all_were {
            return Vec::new();
        }
        if all_are {
            return self.stop_all(state);
        }
        if all_were {
            self.heartbeats_from = state.now;
        }
        for (zone, (new_state, size)) in judged {
            let queue = self.zones.entry(zone).or_insert_with(|| ZoneQueue::new(settings));
            if all_were || queue.state != new_state {
                queue.interval = new_state.interval(size, settings);
            }
            queue.state = new_state;
        }
        Vec::new()
    }

    /// Every zone is down: more likely the control plane is cut off than that every node has died.
    fn stop_all(&mut self, state: &ClusterState) -> Vec<Change> {
        for queue in self.zones.values_mut() {
            queue.state = ZoneState::FullDisruption;
            queue.interval = None;
            queue.nodes.clear();
        }
        let is_new = |node: &Node| {
            let mut taints = node.taints.iter();
            taints.any(|taint| taint.effect == Effect::NoExecute && taint.added_at == Some(state.now))
        };
        let known = state.nodes.iter().filter(|(_, node)| !is_new(node));
        known.flat_map(|(id, node)| remove_no_execute(*id, node)).collect()
    }

    /// Takes the next node of a zone's queue, if it may be: its NoExecute taint.
    #[must_use]
    pub fn take(&mut self, state: &ClusterState, zone: Zone) -> Vec<Change> {
        let Some(queue) = self.zones.get_mut(&zone) else { return Vec::new() };
        if queue.next_time(state.now) != Some(state.now) {
            return Vec::new();
        }
        let id = queue.nodes.remove(0);
        queue.last_taken = Some(state.now);
        let keys = state.nodes.get(&id).and_then(|node| no_execute_keys(node.ready));
        keys.map_or_else(Vec::new, |(key, _)| vec![add(id, key, Effect::NoExecute, state.now)])
    }

    /// The zones, each with its queue.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (&Zone, &ZoneQueue)> {
        self.zones.iter()
    }

    /// Since when heartbeats are counted at the earliest.
    pub(crate) const fn heartbeats_from(&self) -> Time {
        self.heartbeats_from
    }

    /// How many nodes of its zone wait for their taints before `id`, if it waits.
    pub(crate) fn place_in_queue(&self, id: NodeId) -> Option<usize> {
        self.zones.values().find_map(|queue| queue.nodes.iter().position(|waiting| *waiting == id))
    }

    /// Forgets a node that was deleted.
    pub fn forget(&mut self, id: NodeId) {
        for queue in self.zones.values_mut() {
            queue.nodes.retain(|waiting| *waiting != id);
        }
    }

    /// When each zone's queue moves on.
    pub fn queue_times(&self, now: Time) -> impl Iterator<Item = (Time, Zone)> + '_ {
        self.zones.iter().filter_map(move |(zone, queue)| Some((queue.next_time(now)?, *zone)))
    }

    /// The next look that would change something; `None`: none would, as things are.
    #[must_use]
    pub fn next_look(&self, state: &ClusterState, settings: &Settings) -> Option<Time> {
        let soon = next_look(Time::from_milliseconds(state.now.milliseconds().saturating_add(1)), settings);
        let needs = state.nodes.iter().filter_map(|(id, node)| {
            let deadline = if node.ready == NodeReady::Unknown { None } else { self.deadline(node, settings) };
            deadline.map(|time| time.max(soon)).or_else(|| self.needs_taint(*id, node).then_some(soon))
        });
        needs.min()
    }

    fn needs_taint(&self, id: NodeId, node: &Node) -> bool {
        match no_execute_keys(node.ready) {
            None => {
                [Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT]
                    .into_iter()
                    .any(|key| has_taint(node, key, Effect::NoExecute))
                    || self.zones.get(&zone_of(node)).is_some_and(|queue| queue.nodes.contains(&id))
            }
            Some((key, opposite)) => {
                let waiting = self.zones.get(&zone_of(node)).is_some_and(|queue| queue.nodes.contains(&id));
                has_taint(node, opposite, Effect::NoExecute) || (!has_taint(node, key, Effect::NoExecute) && !waiting)
            }
        }
    }
}

fn nodes_by_zone(state: &ClusterState) -> BTreeMap<Zone, Vec<&Node>> {
    let mut by_zone: BTreeMap<Zone, Vec<&Node>> = BTreeMap::new();
    let counted = state.nodes.values().filter(|node| node.labels.get(Symbol::EXCLUDE_DISRUPTION).is_none());
    for node in counted {
        by_zone.entry(zone_of(node)).or_default().push(node);
    }
    by_zone
}

/// The controller looks at multiples of its period.
fn next_look(time: Time, settings: &Settings) -> Time {
    let period = settings.node_monitor_period.milliseconds().max(1);
    Time::from_milliseconds(time.milliseconds().div_ceil(period).saturating_mul(period))
}
