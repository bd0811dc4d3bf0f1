//! Pods on nodes, and whether one more fits: kube-scheduler's filters.

use std::collections::BTreeMap;

use super::counters::{Counters, Outage, Places};
use super::fixed::{Fixed, Room};
use super::index::Index;
use super::node_set::{at, list};
use super::selection::Selection;
use crate::rules::clash;

/// Pods that are alike: of one workload and shape, alive or dying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lot {
    pub(crate) workload: usize,
    pub(crate) shape: usize,
    pub(crate) is_dying: bool,
}

/// Pods that are there before anything is placed.
pub(crate) struct Base {
    lots: Vec<Vec<(Lot, i128)>>,
    of_shape: Vec<Places>,
    /// The nodes of alive pods of each workload.
    of_workload: Vec<Vec<usize>>,
    room: Room,
    /// The lowest priority of all alive pods.
    lowest: Option<i32>,
}

impl Base {
    /// The fixed pods.
    pub(crate) fn fixed(index: &Index<'_>, fixed: &Fixed) -> Base {
        let workloads = (0..index.workloads.len()).flat_map(|workload| {
            let lot = Lot { workload, shape: index.shape_of(workload), is_dying: false };
            fixed.nodes_of(workload).iter().map(move |node| (lot, *node))
        });
        Base::new(index, fixed, workloads)
    }

    /// The pods that are there now.
    pub(crate) fn existing(index: &Index<'_>, fixed: &Fixed) -> Base {
        let pods = index.cluster.pods.values().filter_map(|pod| {
            let lot =
                Lot { workload: index.workload_number(&pod.workload)?, shape: pod.shape, is_dying: pod.terminating };
            Some((lot, index.node_number(pod.node.as_deref()?)?))
        });
        Base::new(index, fixed, pods)
    }

    fn new(index: &Index<'_>, fixed: &Fixed, pods: impl Iterator<Item = (Lot, usize)>) -> Base {
        let mut lots: Vec<BTreeMap<Lot, i128>> = vec![BTreeMap::new(); index.nodes.len()];
        let mut base = Base {
            lots: Vec::new(),
            of_shape: vec![Vec::new(); index.cluster.shapes.len()],
            of_workload: vec![Vec::new(); index.workloads.len()],
            room: fixed.empty.clone(),
            lowest: None,
        };
        for (lot, node) in pods {
            if let Some(here) = lots.get_mut(node) {
                let count = here.entry(lot).or_default();
                *count = count.saturating_add(1);
            }
            if let Some(places) = base.of_shape.get_mut(lot.shape) {
                places.push((node, lot.is_dying, 1));
            }
            if let Some(nodes) = base.of_workload.get_mut(lot.workload).filter(|_| !lot.is_dying) {
                nodes.push(node);
                let priority = index.shape(lot.shape).priority;
                base.lowest = Some(base.lowest.map_or(priority, |lowest| lowest.min(priority)));
            }
            base.room.take(index, lot.shape, node);
        }
        base.lots = lots.into_iter().map(|here| here.into_iter().collect()).collect();
        base
    }
}

/// A node's room that is used beyond the base.
#[derive(Clone, Default)]
struct Used {
    amounts: BTreeMap<usize, i128>,
    slots: i128,
}

/// Pods on nodes.
pub(crate) struct Board<'c, 'a> {
    pub(crate) index: &'c Index<'a>,
    selection: &'c Selection<'a>,
    base: &'c Base,
    pub(crate) outage: Outage,
    lots: BTreeMap<usize, BTreeMap<Lot, i128>>,
    of_shape: BTreeMap<usize, BTreeMap<(usize, bool), i128>>,
    of_workload: BTreeMap<usize, BTreeMap<usize, i128>>,
    used: BTreeMap<usize, Used>,
    counters: Counters,
}

impl<'c, 'a> Board<'c, 'a> {
    pub(crate) fn new(index: &'c Index<'a>, selection: &'c Selection<'a>, base: &'c Base) -> Board<'c, 'a> {
        Board {
            index,
            selection,
            base,
            outage: Outage::default(),
            lots: BTreeMap::new(),
            of_shape: BTreeMap::new(),
            of_workload: BTreeMap::new(),
            used: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// Nodes fail; what becomes of pods there is for the caller.
    pub(crate) fn fail(&mut self, outage: Outage) {
        self.outage = outage;
        self.counters = Counters::default();
    }

    /// So many pods come to a node, or leave it.
    pub(crate) fn change(&mut self, node: usize, lot: Lot, by: i128) {
        add(self.lots.entry(node).or_default(), lot, by);
        add(self.of_shape.entry(lot.shape).or_default(), (node, lot.is_dying), by);
        if !lot.is_dying {
            add(self.of_workload.entry(lot.workload).or_default(), node, by);
        }
        let used = self.used.entry(node).or_default();
        used.slots = used.slots.saturating_add(by);
        for (resource, amount) in self.index.requests(lot.shape) {
            add(&mut used.amounts, *resource, i128::from(*amount).saturating_mul(by));
        }
        self.counters.change(self.index, self.selection, (lot.shape, node, lot.is_dying), by);
    }

    /// The pods on a node.
    pub(crate) fn lots(&self, node: usize) -> BTreeMap<Lot, i128> {
        let mut lots: BTreeMap<Lot, i128> = list(&self.base.lots, node).iter().copied().collect();
        for (lot, count) in self.lots.get(&node).into_iter().flatten() {
            add(&mut lots, *lot, *count);
        }
        lots
    }

    /// How many alive pods a workload has on nodes that have not failed.
    pub(crate) fn available(&self, workload: usize) -> i128 {
        let is_up = |node: &usize| !self.outage.failed.contains(*node);
        let base = list(&self.base.of_workload, workload).iter().filter(|node| is_up(node)).count();
        let moved = self.of_workload.get(&workload).into_iter().flatten().filter(|(node, _)| is_up(node));
        moved.fold(i128::try_from(base).unwrap_or(0), |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The lowest priority of all alive pods.
    pub(crate) fn lowest_priority(&self) -> Option<i32> {
        let placed = self.lots.values().flatten().filter(|(lot, count)| **count > 0 && !lot.is_dying);
        placed.map(|(lot, _)| self.index.shape(lot.shape).priority).chain(self.base.lowest).min()
    }

    /// Whether a pod of a shape fits on a node as things are.
    pub(crate) fn fits(&mut self, shape: usize, node: usize) -> bool {
        if !self.is_eligible(shape, node) || !self.has_room(shape, node) || self.ports_clash(shape, node) {
            return false;
        }
        let (base, moved) = (self.base, &self.of_shape);
        let places = |shape: usize| {
            let mut places: Places = list(&base.of_shape, shape).to_vec();
            let moved = moved.get(&shape).into_iter().flatten();
            places.extend(moved.map(|((node, is_dying), count)| (*node, *is_dying, *count)));
            places
        };
        self.counters.prepare(self.index, self.selection, &self.outage, shape, &places);
        self.counters.allow(self.index, self.selection, shape, node)
    }

    /// Whether a pod of a shape would fit on a node without some of the pods there.
    pub(crate) fn fits_without(&mut self, shape: usize, node: usize, gone: &BTreeMap<Lot, i128>) -> bool {
        gone.iter().for_each(|(lot, count)| self.change(node, *lot, count.saturating_neg()));
        let fits = self.fits(shape, node);
        gone.iter().for_each(|(lot, count)| self.change(node, *lot, *count));
        fits
    }

    /// The alive pods on a node whose priority is lower than that of a shape.
    pub(crate) fn lower(&self, shape: usize, node: usize) -> BTreeMap<Lot, i128> {
        let priority = self.index.shape(shape).priority;
        let mut lots = self.lots(node);
        lots.retain(|lot, count| *count > 0 && !lot.is_dying && self.index.shape(lot.shape).priority < priority);
        lots
    }

    /// The pods on a node whose priority is lower than that of a shape, those that are terminating included.
    pub(crate) fn lower_or_dying(&self, shape: usize, node: usize) -> BTreeMap<Lot, i128> {
        let priority = self.index.shape(shape).priority;
        let mut lots = self.lots(node);
        lots.retain(|lot, count| *count > 0 && self.index.shape(lot.shape).priority < priority);
        lots
    }

    /// A node on which a pod of a shape fits.
    pub(crate) fn place_for(&mut self, shape: usize) -> Option<usize> {
        (0..self.index.nodes.len()).find(|node| self.fits(shape, *node))
    }

    /// A node on which a pod of a shape would fit without the pods of lower priority there, if it may evict them.
    pub(crate) fn place_by_eviction(&mut self, shape: usize) -> Option<usize> {
        if !self.index.shape(shape).preempts {
            return None;
        }
        (0..self.index.nodes.len()).find(|node| {
            if !self.is_eligible(shape, *node) {
                return false;
            }
            let lower = self.lower(shape, *node);
            !lower.is_empty() && self.fits_without(shape, *node, &lower)
        })
    }

    pub(crate) fn is_eligible(&self, shape: usize, node: usize) -> bool {
        let class = self.index.class(shape);
        let bears =
            !self.outage.failed.contains(node) || (!self.outage.gone.contains(node) && class.tolerates_unreachable);
        bears && class.eligible.contains(node)
    }

    fn has_room(&self, shape: usize, node: usize) -> bool {
        let used = self.used.get(&node);
        let slots = at(self.base.room.slots(), node).saturating_sub(used.map_or(0, |used| used.slots));
        let fits = |(resource, amount): &(usize, i64)| {
            let taken = used.and_then(|used| used.amounts.get(resource)).copied().unwrap_or(0);
            self.base.room.amount(*resource, node).saturating_sub(taken) >= i128::from(*amount)
        };
        slots >= 1 && self.index.requests(shape).iter().all(fits)
    }

    fn ports_clash(&self, shape: usize, node: usize) -> bool {
        let own = &self.index.shape(shape).host_ports;
        let clashes = |lot: &Lot| {
            let ports = &self.index.shape(lot.shape).host_ports;
            ports.iter().any(|port| own.iter().any(|own| clash(own, port)))
        };
        !own.is_empty() && self.lots(node).iter().any(|(lot, count)| *count > 0 && clashes(lot))
    }
}

/// Adds to a count, and forgets it when it is 0.
fn add<K: Ord>(counts: &mut BTreeMap<K, i128>, key: K, by: i128) {
    use std::collections::btree_map::Entry;
    match counts.entry(key) {
        Entry::Vacant(entry) => {
            if by != 0 {
                entry.insert(by);
            }
        }
        Entry::Occupied(mut entry) => {
            let count = entry.get().saturating_add(by);
            if count == 0 {
                entry.remove();
            } else {
                *entry.get_mut() = count;
            }
        }
    }
}
