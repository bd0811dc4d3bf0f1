//! Groups that can take each other's part: what is shown of one of them holds of the other.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::cluster::Kind;
use quorate_proof::input::{Labels, PodTerm, Spread};

use super::matching::{is_of_revision, selects, term_matches, term_may_match};
use super::outage::Event;
use super::packing::Move;
use super::problem::{Group, Over, Problem};
use super::search::Broken;

/// Everything about a group that matters, but for its name and its labels.
///
/// Only groups that keep nobody but themselves away, count nobody but themselves and are counted by nobody else have one: names and
/// labels do not matter then, and to swap two that have the same changes nothing in the cluster.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Part<'a> {
    /// The number of its [`super::classes::Alike`]: what it asks for, where it may run, how many pods there are.
    alike: usize,
    kind: &'a Kind,
    numbers: [i64; 5],
    ordered: bool,
    preempts: bool,
    has_ports: bool,
    not_carried: &'a [String],
    /// Of each anti-affinity term: the key, and whether it means its own pods, now and in some revision.
    terms: Vec<(&'a str, bool, bool, bool)>,
    /// Each spread constraint without its selector, whether that is empty, asks for a revision, and selects its own pods.
    spreads: Vec<(Spread, bool, bool, bool)>,
    conflicts: Vec<(Over<'a>, bool)>,
}

impl<'a> Problem<'a> {
    /// The first group that can take the part of a group.
    pub(super) fn twin(&self, number: usize) -> usize {
        self.twins.get(number).copied().unwrap_or(number)
    }

    /// For each group the first that can take its part; itself where there is no other.
    pub(super) fn find_twins(&self) -> Vec<usize> {
        let known_to_others = self.known_to_others();
        let mut first: BTreeMap<Part<'_>, usize> = BTreeMap::new();
        let twin = |(number, group): (usize, &Group<'a>)| {
            let part = if known_to_others.contains(&number) { None } else { self.part(number, group) };
            part.map_or(number, |part| *first.entry(part).or_insert(number))
        };
        self.groups.iter().enumerate().map(twin).collect()
    }

    /// Groups that another group's spread constraint counts, or that required pod affinity means.
    fn known_to_others(&self) -> BTreeSet<usize> {
        let mut known = BTreeSet::new();
        for (number, group) in self.groups.iter().enumerate() {
            known.extend(group.counted.iter().flatten().copied().filter(|other| *other != number));
            for term in &group.shape.affinity {
                let means = |other: &Group<'_>| term_may_match(term, other.shape, &self.cluster.namespaces);
                known.extend(self.groups.iter().enumerate().filter(|(_, other)| means(other)).map(|(other, _)| other));
            }
        }
        known
    }

    fn part(&self, number: usize, group: &Group<'a>) -> Option<Part<'a>> {
        let (shape, workload) = (group.shape, group.workload);
        let is_alone = |others: &BTreeSet<usize>| others.iter().all(|other| *other == number);
        let related = group.conflicts.values().chain(&group.counted);
        if !shape.affinity.is_empty() || !related.into_iter().all(is_alone) {
            return None;
        }
        let namespaces: &BTreeMap<String, Labels> = &self.cluster.namespaces;
        let term = |term: &'a PodTerm| {
            let (now, ever) = (term_matches(term, shape, namespaces), term_may_match(term, shape, namespaces));
            (term.topology_key.as_str(), now, ever, term.selector.iter().flatten().any(is_of_revision))
        };
        let spread = |spread: &Spread| {
            let selector = spread.selector.as_deref().unwrap_or_default();
            let (is_empty, of_revision) = (selector.is_empty(), selector.iter().any(is_of_revision));
            let selected = spread.selector.is_some() && selects(selector, &shape.labels);
            (Spread { selector: None, ..spread.clone() }, is_empty, of_revision, selected)
        };
        Some(Part {
            alike: self.kinds.of_group.get(number).copied().flatten()?,
            kind: &workload.kind,
            numbers: [
                workload.replicas,
                workload.min_replicas,
                workload.max_replicas,
                workload.max_surge,
                workload.max_unavailable,
            ],
            ordered: workload.ordered,
            preempts: shape.preempts,
            has_ports: !shape.host_ports.is_empty(),
            not_carried: &shape.not_carried,
            terms: shape.anti_affinity.iter().map(term).collect(),
            spreads: shape.spread.iter().map(spread).collect(),
            conflicts: group.conflicts.keys().map(|over| (*over, group.surely.contains_key(over))).collect(),
        })
    }
}

impl Broken {
    /// The same with two groups in each other's parts.
    pub(super) fn swapped(&self, one: usize, other: usize) -> Self {
        if one == other {
            return self.clone();
        }
        let part = |group: usize| match group {
            own if own == one => other,
            own if own == other => one,
            own => own,
        };
        let step = |step: &Move| Move {
            group: part(step.group),
            node: step.node,
            evicted: step.evicted.iter().map(|(group, pods)| (part(*group), *pods)).collect(),
        };
        let event = |event: &Event| match event {
            Event::Place(own) => Event::Place(step(own)),
            Event::Evict { group, node, pods } => Event::Evict { group: part(*group), node: *node, pods: *pods },
            Event::Remove { node } => Event::Remove { node: *node },
        };
        Self {
            before: self.before.iter().map(step).collect(),
            failed: self.failed.clone(),
            after: self.after.iter().map(event).collect(),
            available: self.available,
        }
    }
}
