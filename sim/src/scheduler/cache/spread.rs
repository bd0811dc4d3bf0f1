//! The counters of a view for topology spread: what `plugins/pod_topology_spread` counts anew for each decision.

use super::class::PodClass;
use super::relation::Ground;
use super::topology::{Topologies, TopologyId};
use crate::cluster::{LabelSelector, Labels, Node, PodSpec, Symbol, WhenUnsatisfiable};
use crate::scheduler::plugins::pod_topology_spread::{Constraint, constraints, has_all_keys, requires_all_keys};

/// All spread constraints of a class with their counts.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    hard: Vec<Hard>,
    soft: Vec<Soft>,
    /// Nodes, by position, that lack the label of a soft constraint and so get no score from any.
    ignored: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Hard {
    constraint: Constraint,
    topology: TopologyId,
    /// Whether the pods of each node count, by position.
    included: Vec<bool>,
    /// Matching pods by domain.
    counts: Vec<i64>,
    least: Least,
    self_match: i64,
}

/// The smallest of the counts of the domains that count, kept as they change.
#[derive(Clone, Debug, Default)]
struct Least {
    /// How many domains have each count.
    tally: Vec<u32>,
    least: usize,
    /// Whether there are as many domains as the constraint asks for, and one at all.
    enough: bool,
}

#[derive(Clone, Debug)]
struct Soft {
    constraint: Constraint,
    topology: TopologyId,
    counted: Counted,
}

/// What a soft constraint counts by.
#[derive(Clone, Debug)]
enum Counted {
    /// Hosts are counted one by one, whatever the constraint includes.
    Nodes(Vec<i64>),
    /// Domains, with the nodes whose pods count.
    Domains { counts: Vec<i64>, included: Vec<bool> },
}

impl Least {
    fn new(domains: usize, min_domains: i64) -> Self {
        let enough = domains > 0 && i64::try_from(domains).unwrap_or(i64::MAX) >= min_domains;
        Self { tally: vec![u32::try_from(domains).unwrap_or(u32::MAX)], least: 0, enough }
    }

    fn moved(&mut self, from: i64, to: i64) {
        let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
        if self.tally.len() <= to {
            self.tally.resize(to.saturating_add(1), 0);
        }
        if let Some(domains) = self.tally.get_mut(from) {
            *domains = domains.saturating_sub(1);
        }
        if let Some(domains) = self.tally.get_mut(to) {
            *domains = domains.saturating_add(1);
        }
        self.least = self.least.min(to);
        while self.tally.get(self.least) == Some(&0) {
            self.least = self.least.saturating_add(1);
        }
    }

    fn get(&self) -> i64 {
        if self.enough { i64::try_from(self.least).unwrap_or(i64::MAX) } else { 0 }
    }
}

impl Spread {
    pub(super) fn new(ground: &mut Ground<'_>, class: &PodClass) -> Self {
        let candidate = class.candidate();
        let spec = candidate.spec;
        let hard = constraints(ground.state, &candidate, WhenUnsatisfiable::DoNotSchedule);
        let requires_all_keys = requires_all_keys(ground.state, &candidate);
        let soft = constraints(ground.state, &candidate, WhenUnsatisfiable::ScheduleAnyway);
        let has_keys =
            |constraints: &[Constraint], ground: &Ground<'_>| of_nodes(ground, |node| has_all_keys(node, constraints));
        let eligible = if hard.is_empty() { Vec::new() } else { has_keys(&hard, ground) };
        let scored = if requires_all_keys { has_keys(&soft, ground) } else { vec![true; ground.slots.len()] };
        Self {
            hard: hard.into_iter().map(|constraint| Hard::new(ground, class, constraint, &eligible)).collect(),
            soft: soft.into_iter().map(|constraint| Soft::new(ground, spec, constraint, &scored)).collect(),
            ignored: scored.into_iter().map(|scored| !scored).collect(),
        }
    }

    /// The selectors of all constraints.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        let hard = self.hard.iter().map(|own| &own.constraint);
        hard.chain(self.soft.iter().map(|own| &own.constraint)).filter_map(Constraint::selector)
    }

    /// Whether which nodes count for some constraint depends on their taints.
    pub(super) fn honors_taints(&self) -> bool {
        let hard = self.hard.iter().map(|own| &own.constraint);
        hard.chain(self.soft.iter().map(|own| &own.constraint)).any(Constraint::honors_taints)
    }

    pub(super) fn restricts(&self) -> bool {
        !self.hard.is_empty()
    }

    pub(super) fn scores(&self) -> bool {
        !self.soft.is_empty()
    }

    /// The positions of the hard constraints that count a pod with `labels` of the pod's namespace.
    pub(super) fn hard_that_count(&self, labels: &Labels) -> Vec<usize> {
        let counting = self.hard.iter().enumerate().filter(|(_, own)| own.constraint.counts(labels));
        counting.map(|(position, _)| position).collect()
    }

    /// The same for the soft constraints.
    pub(super) fn soft_that_count(&self, labels: &Labels) -> Vec<usize> {
        let counting = self.soft.iter().enumerate().filter(|(_, own)| own.constraint.counts(labels));
        counting.map(|(position, _)| position).collect()
    }

    /// `pods` placed pods that the hard constraint at `constraint` counts come to the node at `position`.
    pub(super) fn change_hard(&mut self, topologies: &Topologies, constraint: usize, position: usize, pods: i64) {
        let Some(own) = self.hard.get_mut(constraint) else { return };
        if own.included.get(position) != Some(&true) {
            return;
        }
        let domain = topologies.domain(own.topology, position);
        let Some(count) = domain.and_then(|domain| own.counts.get_mut(domain)) else { return };
        let before = *count;
        *count = count.saturating_add(pods);
        own.least.moved(before, *count);
    }

    /// A pod with `labels` of the pod's namespace is put on the node at `position` for a moment, or taken away again. Unlike the
    /// counting of placed pods this does not ask whether a selector is empty: as upstream.
    pub(super) fn imagine(&mut self, topologies: &Topologies, labels: &Labels, position: usize, pods: i64) {
        for constraint in 0..self.hard.len() {
            if self.hard.get(constraint).is_some_and(|own| own.constraint.selects(labels)) {
                self.change_hard(topologies, constraint, position, pods);
            }
        }
    }

    /// As [`Self::change_hard`] for the soft constraint at `constraint`.
    pub(super) fn change_soft(&mut self, topologies: &Topologies, constraint: usize, position: usize, pods: i64) {
        let Some(own) = self.soft.get_mut(constraint) else { return };
        let count = match &mut own.counted {
            Counted::Nodes(counts) => counts.get_mut(position),
            Counted::Domains { counts, included } => {
                let domain = topologies.domain(own.topology, position);
                let domain = domain.filter(|_| included.get(position) == Some(&true));
                domain.and_then(|domain| counts.get_mut(domain))
            }
        };
        if let Some(count) = count {
            *count = count.saturating_add(pods);
        }
    }

    /// Whether no hard constraint keeps the pod from the node at `position`.
    pub(super) fn allows(&self, topologies: &Topologies, position: usize) -> bool {
        self.hard.iter().all(|own| {
            let Some(domain) = topologies.domain(own.topology, position) else { return false };
            let count = own.counts.get(domain).copied().unwrap_or(0);
            count.saturating_add(own.self_match).saturating_sub(own.least.get()) <= own.constraint.max_skew
        })
    }

    /// How many matching pods the domains of each of `window` hold, weighted; `None` for a node that is ignored.
    pub(super) fn raw_scores(&self, topologies: &Topologies, window: &[usize]) -> Vec<Option<i64>> {
        let is_ignored = |position: usize| self.ignored.get(position).copied().unwrap_or(false);
        let scored = || window.iter().copied().filter(|position| !is_ignored(*position));
        let weights: Vec<f64> = self
            .soft
            .iter()
            .map(|own| match &own.counted {
                Counted::Nodes(_) => scored().count(),
                Counted::Domains { .. } => domains_among(topologies, own.topology, scored()),
            })
            .map(|size| (size as f64 + 2.0).ln())
            .collect();
        let raw = |position: usize| {
            let mut sum = 0.0_f64;
            for (own, weight) in self.soft.iter().zip(&weights) {
                let Some(domain) = topologies.domain(own.topology, position) else { continue };
                let count = match &own.counted {
                    Counted::Nodes(counts) => counts.get(position),
                    Counted::Domains { counts, .. } => counts.get(domain),
                };
                let skew = own.constraint.max_skew.saturating_sub(1);
                sum += count.copied().unwrap_or(0) as f64 * weight + skew as f64;
            }
            sum.round() as i64
        };
        window.iter().map(|position| (!is_ignored(*position)).then(|| raw(*position))).collect()
    }
}

/// How many domains the nodes at `positions` are in; those without the label are, together, one more.
fn domains_among(topologies: &Topologies, topology: TopologyId, positions: impl Iterator<Item = usize>) -> usize {
    let mut seen = vec![false; topologies.size(topology).saturating_add(1)];
    let mut count: usize = 0;
    for position in positions {
        // The last place stands for the nodes without the label.
        let domain = topologies.domain(topology, position).unwrap_or(seen.len().saturating_sub(1));
        if let Some(seen) = seen.get_mut(domain)
            && !*seen
        {
            *seen = true;
            count = count.saturating_add(1);
        }
    }
    count
}

impl Hard {
    fn new(ground: &mut Ground<'_>, class: &PodClass, constraint: Constraint, eligible: &[bool]) -> Self {
        let topology = ground.topology(constraint.topology_key);
        let included = included(ground, &class.template.spec, &constraint, eligible);
        let mut present = vec![false; ground.topologies.size(topology)];
        let positions = included.iter().enumerate().filter(|(_, included)| **included);
        for domain in positions.filter_map(|(position, _)| ground.topologies.domain(topology, position)) {
            if let Some(present) = present.get_mut(domain) {
                *present = true;
            }
        }
        let domains = present.iter().filter(|present| **present).count();
        Self {
            topology,
            included,
            counts: vec![0; present.len()],
            least: Least::new(domains, constraint.min_domains),
            self_match: i64::from(constraint.selects(&class.labels)),
            constraint,
        }
    }
}

impl Soft {
    fn new(ground: &mut Ground<'_>, spec: &PodSpec, constraint: Constraint, scored: &[bool]) -> Self {
        let topology = ground.topology(constraint.topology_key);
        let counted = if constraint.topology_key == Symbol::HOSTNAME {
            Counted::Nodes(vec![0; ground.slots.len()])
        } else {
            Counted::Domains {
                counts: vec![0; ground.topologies.size(topology)],
                included: included(ground, spec, &constraint, scored),
            }
        };
        Self { constraint, topology, counted }
    }
}

fn included(ground: &Ground<'_>, spec: &PodSpec, constraint: &Constraint, among: &[bool]) -> Vec<bool> {
    if constraint.includes_all(spec) {
        return among.to_vec();
    }
    let included = of_nodes(ground, |node| constraint.includes(&ground.state.names, spec, node));
    included.into_iter().zip(among).map(|(included, among)| included && *among).collect()
}

fn of_nodes(ground: &Ground<'_>, holds: impl Fn(&Node) -> bool) -> Vec<bool> {
    ground.slots.iter().map(|slot| holds(&slot.node)).collect()
}
