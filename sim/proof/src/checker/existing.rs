//! Pods that are there now.

use std::collections::{BTreeMap, BTreeSet};

use super::fixed::Fixed;
use super::index::Index;
use super::node_set::{NodeSet, list};
use crate::cluster::{ExistingPod, Kind};

/// Pods that are there now, by workload.
#[derive(Default)]
pub(crate) struct Existing<'a> {
    of_workload: Vec<Vec<&'a ExistingPod>>,
    /// Nodes with a terminating pod.
    pub(crate) terminating_on: NodeSet,
    /// Pods that are not what their workload makes now: terminating, of another shape, or fixed ones where none is expected;
    /// how many of each shape and where.
    pub(crate) odd: BTreeMap<usize, Odd>,
    /// Nodes with pods of a movable workload that would not be placed there now.
    strays: Vec<Vec<usize>>,
    /// Workloads that have pods of another shape than they make now, with that shape.
    pub(crate) earlier: BTreeSet<(usize, usize)>,
    /// Why controllers still have work to do.
    pub(crate) unsettled: Option<String>,
}

/// Pods of one shape that are not what their workload makes now.
#[derive(Clone, Default)]
pub(crate) struct Odd {
    pub(crate) count: i128,
    pub(crate) nodes: Vec<usize>,
}

impl<'a> Existing<'a> {
    pub(crate) fn new(index: &Index<'a>, fixed: &Fixed) -> Existing<'a> {
        let mut existing = Existing {
            of_workload: vec![Vec::new(); index.workloads.len()],
            strays: vec![Vec::new(); index.workloads.len()],
            ..Existing::default()
        };
        let mut expected: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        for workload in 0..index.workloads.len() {
            expected.extend(fixed.nodes_of(workload).iter().map(|node| ((workload, *node), false)));
        }
        for pod in index.cluster.pods.values() {
            existing.add(index, &mut expected, pod);
        }
        let missing = expected.iter().find(|(_, is_there)| !**is_there);
        let missing = missing.map(|((workload, node), _)| {
            format!("{} has no pod on node {}", index.name(*workload), index.node_name(*node))
        });
        existing.unsettled = existing.unsettled.take().or(missing);
        for workload in index.movable() {
            let replicas = index.workloads.get(workload).map_or(0, |wanted| i128::from(wanted.replicas));
            if existing.alive(workload) > replicas {
                existing.unsettled = Some(format!("{} has more pods than replicas", index.name(workload)));
            }
        }
        existing
    }

    fn add(&mut self, index: &Index<'a>, expected: &mut BTreeMap<(usize, usize), bool>, pod: &'a ExistingPod) {
        let Some(workload) = index.workload_number(&pod.workload) else { return };
        if let Some(pods) = self.of_workload.get_mut(workload) {
            pods.push(pod);
        }
        let node = pod.node.as_ref().and_then(|name| index.node_number(name));
        if pod.shape != index.shape_of(workload) {
            self.earlier.insert((workload, pod.shape));
        }
        let is_present = !pod.terminating && pod.shape == index.shape_of(workload);
        let is_odd = if index.is_fixed(workload) {
            let place = node.and_then(|node| expected.get_mut(&(workload, node)));
            match place {
                Some(is_there) if is_present && !*is_there => {
                    *is_there = true;
                    false
                }
                Some(_) | None => true,
            }
        } else {
            !is_present
        };
        if is_odd {
            let odd = self.odd.entry(pod.shape).or_default();
            odd.count = odd.count.saturating_add(1);
            odd.nodes.extend(node);
            self.unsettled =
                Some(format!("pods of {} are terminating, of another shape or out of place", pod.workload));
        }
        let Some(node) = node else { return };
        if pod.terminating {
            self.terminating_on.insert(node);
        }
        if !is_odd
            && !index.is_fixed(workload)
            && !index.class(pod.shape).eligible.contains(node)
            && let Some(strays) = self.strays.get_mut(workload)
        {
            strays.push(node);
        }
    }

    pub(crate) fn of_workload(&self, workload: usize) -> &[&'a ExistingPod] {
        list(&self.of_workload, workload)
    }

    pub(crate) fn strays(&self, workload: usize) -> &[usize] {
        list(&self.strays, workload)
    }

    /// How many pods of a workload are there and not terminating.
    pub(crate) fn alive(&self, workload: usize) -> i128 {
        let alive = self.of_workload(workload).iter().filter(|pod| !pod.terminating).count();
        i128::try_from(alive).unwrap_or(i128::MAX)
    }

    /// How many pods of a movable workload there can be while nothing but failures happens: during a rollout, that is unless all
    /// pods are there, ready and of the present shape, as many more as it may add.
    pub(crate) fn most(&self, index: &Index<'_>, workload: usize) -> i128 {
        let Some(wanted) = index.workloads.get(workload) else { return i128::MAX };
        let (alive, replicas) = (self.alive(workload), i128::from(wanted.replicas));
        let is_present = |pod: &&ExistingPod| pod.ready && !pod.terminating && pod.shape == wanted.shape;
        let is_settled = alive == replicas && self.of_workload(workload).iter().all(is_present);
        let surges = match wanted.kind {
            Kind::Deployment if !is_settled => i128::from(wanted.max_surge),
            Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::Pod
            | Kind::Static(_) => 0,
        };
        alive.max(replicas).saturating_add(surges)
    }
}
