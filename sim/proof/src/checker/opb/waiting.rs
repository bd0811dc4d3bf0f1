//! "A pod of a workload waits": what is so whenever one does.

use std::collections::BTreeMap;

use super::failures::Failures;
use super::formula::{Amount, Formula, Id, Meaning, Variable};
use crate::checker::index::Index;
use crate::checker::placed::{Facts, Group, Other};

/// The part of a formula about one workload of which a pod may wait.
pub(super) struct Waits<'c> {
    pub(super) facts: Facts<'c>,
    /// How many of its pods are bound.
    pub(super) bound: Amount,
    /// "A pod waits".
    pub(super) waits: Variable,
    /// Unless all are bound one waits.
    pub(super) unless_bound: Id,
    /// What others hold, by place among the others and node.
    pub(super) holds: Vec<BTreeMap<usize, Amount>>,
    /// How many others of one kind there are; of its own workload: no more than are bound.
    pub(super) at_most: Vec<Option<Id>>,
    /// How many a domain has, where its nodes could have more: by other, place among its limits, and domain.
    pub(super) in_domain: BTreeMap<(usize, usize, usize), Id>,
    /// By node: what keeps the pod off, as alternatives.
    pub(super) nodes: BTreeMap<usize, Node>,
    /// By place among the conflicts: "pods are in the way in this domain".
    pub(super) in_the_way: Vec<BTreeMap<usize, Variable>>,
    /// Of how many domains.
    pub(super) keepers: Vec<Id>,
    /// Where nobody is in the way and nothing fails others hold room: by conflict (`None`: failures), other and node.
    pub(super) clear: BTreeMap<(Option<usize>, usize, usize), Id>,
    /// By place among the groups.
    pub(super) groups: Vec<InGroup>,
    /// One of the domains has the fewest pods.
    pub(super) some_fewest: Option<Id>,
}

/// What keeps the pod off a node.
pub(super) struct Node {
    /// Some of these things do: too little of a resource, or what `blockers` say.
    pub(super) some: Id,
    /// A resource of which there is too little is used by others; `None` where there is never enough.
    pub(super) used: Vec<Option<Id>>,
    /// Pods in the way, and its failure.
    pub(super) blockers: Vec<Variable>,
}

/// A domain of the spread constraint.
#[derive(Default)]
pub(super) struct InGroup {
    /// "It has the fewest".
    pub(super) fewest: Option<Variable>,
    /// Then it has so few of its own workload.
    pub(super) few: Option<Id>,
    /// Then not all of its failure domains fail.
    pub(super) lives: Option<Id>,
}

/// How the parts of a formula are named.
pub(super) struct Names<'n, 'a> {
    pub(super) index: &'n Index<'a>,
    pub(super) workload: String,
}

impl Names<'_, '_> {
    fn other(&self, other: &Other) -> String {
        match other.workload {
            Some(workload) => self.index.name(workload).to_owned(),
            None => format!("other revisions, or that terminate (shape {})", other.shape),
        }
    }
}

/// How many pods a part of a formula is about at most, times nodes.
pub(super) fn size(facts: &Facts<'_>) -> usize {
    let bits = |other: &Other| {
        let most = other.count.min(other.on_one_node).max(0);
        usize::try_from(i128::BITS.saturating_sub(most.leading_zeros())).unwrap_or(usize::MAX)
    };
    let each = facts.others.iter().fold(facts.resources.len(), |sum, other| sum.saturating_add(bits(other)));
    each.saturating_mul(facts.eligible.len())
}

impl<'c> Waits<'c> {
    /// Adds what is so whenever a pod of a workload waits; with `failures` after they have happened.
    pub(super) fn encode(
        formula: &mut Formula,
        names: &Names<'_, '_>,
        facts: Facts<'c>,
        replicas: i128,
        failures: Option<&Failures<'_>>,
    ) -> Waits<'c> {
        let workload = &names.workload;
        let bound = formula.amount(replicas, &Meaning::Bound { workload: workload.clone(), pods: 0 });
        let waits = formula.variable(Meaning::Waits { workload: workload.clone() });
        formula.remark(format!("{workload}: {replicas} pods are bound, or one waits."));
        let unless_bound = formula.require(bound.times(1).chain([(replicas, waits)]), replicas);
        let mut part = Waits {
            bound,
            waits,
            unless_bound,
            holds: Vec::new(),
            at_most: Vec::new(),
            in_domain: BTreeMap::new(),
            nodes: BTreeMap::new(),
            in_the_way: Vec::new(),
            keepers: Vec::new(),
            clear: BTreeMap::new(),
            groups: Vec::new(),
            some_fewest: None,
            facts,
        };
        part.others(formula, names);
        part.spread_others(formula, names);
        part.conflicts(formula, names);
        part.clear(formula, failures);
        part.domains(formula, names, failures);
        part.each_node(formula, names, failures);
        part
    }

    fn others(&mut self, formula: &mut Formula, names: &Names<'_, '_>) {
        let workload = &names.workload;
        formula.remark(format!(
            "Those that hold room of a pod of {workload} that waits (where it preempts, none of a lower priority): no more than there are."
        ));
        for other in &self.facts.others {
            let mut on_nodes = BTreeMap::new();
            for (node, most) in self.facts.eligible.iter().map(|node| (node, other.on(*node))) {
                if most == 0 {
                    continue;
                }
                let meaning = Meaning::Holds {
                    waiting: workload.clone(),
                    other: names.other(other),
                    node: names.index.node_name(*node).to_owned(),
                    pods: 0,
                };
                on_nodes.insert(*node, formula.amount(most, &meaning));
            }
            let all = on_nodes.values().flat_map(|amount| amount.times(-1));
            let id = if other.is_own {
                Some(formula.require(all.chain(self.bound.times(1)), 0))
            } else {
                let together = on_nodes.values().fold(0_i128, |sum, amount| sum.saturating_add(amount.most()));
                (together > other.count).then(|| formula.require(all, other.count.saturating_neg()))
            };
            self.at_most.push(id);
            self.holds.push(on_nodes);
        }
    }

    /// Others that spread themselves over domains.
    fn spread_others(&mut self, formula: &mut Formula, names: &Names<'_, '_>) {
        for (number, (other, on_nodes)) in self.facts.others.iter().zip(&self.holds).enumerate() {
            for (place, limit) in other.limits.iter().enumerate() {
                let mut domains: BTreeMap<usize, Vec<&Amount>> = BTreeMap::new();
                for (node, amount) in on_nodes {
                    if let Some(domain) = limit.topology.domain(*node) {
                        domains.entry(domain).or_default().push(amount);
                    }
                }
                domains.retain(|_, amounts| {
                    amounts.iter().fold(0_i128, |sum, amount| sum.saturating_add(amount.most())) > limit.most
                });
                if !domains.is_empty() {
                    formula.remark(format!(
                        "Pods of {} are spread over domains of {}: at most {} of them are in one.",
                        names.other(other),
                        limit.key,
                        limit.most
                    ));
                }
                for (domain, amounts) in domains {
                    let terms = amounts.into_iter().flat_map(|amount| amount.times(-1));
                    let id = formula.require(terms, limit.most.saturating_neg());
                    self.in_domain.insert((number, place, domain), id);
                }
            }
        }
    }

    fn conflicts(&mut self, formula: &mut Formula, names: &Names<'_, '_>) {
        for conflict in &self.facts.conflicts {
            let mut domains = BTreeMap::new();
            for domain in self.facts.eligible.iter().filter_map(|node| conflict.topology.domain(*node)) {
                domains.entry(domain).or_insert_with(|| {
                    formula.variable(Meaning::InTheWay {
                        waiting: names.workload.clone(),
                        key: conflict.key.clone(),
                        domain: conflict.topology.names().get(domain).cloned().unwrap_or_default(),
                    })
                });
            }
            let rest = i128::try_from(conflict.rest).unwrap_or(i128::MAX);
            let (own, added) =
                if conflict.by_own { (1, " and one more for each of its own that is bound") } else { (0, "") };
            formula.remark(format!(
                "By {} others are in the way of a pod of {} in at most {rest} domains{added}.",
                conflict.key, names.workload
            ));
            let terms = domains.values().map(|variable| (-1, *variable)).chain(self.bound.times(own));
            self.keepers.push(formula.require(terms, rest.saturating_neg()));
            self.in_the_way.push(domains);
        }
    }

    /// Room that others hold counts where nothing else keeps the pod off.
    fn clear(&mut self, formula: &mut Formula, failures: Option<&Failures<'_>>) {
        formula.remark("Others hold room on nodes that live and where nobody is in the way.");
        for (other, on_nodes) in self.holds.iter().enumerate() {
            for (node, amount) in on_nodes.iter().filter(|(_, amount)| amount.most() > 0) {
                let conflicts = self.facts.conflicts.iter().zip(&self.in_the_way).enumerate();
                let in_the_way = conflicts.filter_map(|(place, (conflict, domains))| {
                    Some((Some(place), *domains.get(&conflict.topology.domain(*node)?)?))
                });
                let fails = failures.and_then(|failures| failures.of_node(*node)).map(|variable| (None, variable));
                for (what, variable) in in_the_way.chain(fails) {
                    let most = amount.most().saturating_neg();
                    let id = formula.require(amount.times(-1).chain([(most, variable)]), most);
                    self.clear.insert((what, other, *node), id);
                }
            }
        }
    }

    /// One of the domains of the spread constraint has the fewest pods.
    fn domains(&mut self, formula: &mut Formula, names: &Names<'_, '_>, failures: Option<&Failures<'_>>) {
        let workload = &names.workload;
        for group in &self.facts.groups {
            let fewest = group
                .name
                .as_ref()
                .map(|name| formula.variable(Meaning::Fewest { waiting: workload.clone(), domain: name.clone() }));
            self.groups.push(InGroup { fewest, ..InGroup::default() });
        }
        if self.groups.iter().all(|group| group.fewest.is_none()) {
            return;
        }
        formula.remark(format!(
            "Where a pod of {workload} waits some living domain of its spread constraint has the fewest pods: \
             the constraint does not keep it off there."
        ));
        let all = self.groups.iter().filter_map(|group| group.fewest).map(|variable| (1, variable));
        self.some_fewest = Some(formula.require(all.chain([(-1, self.waits)]), 0));
        for (group, known) in self.facts.groups.iter().zip(&mut self.groups) {
            let Some(fewest) = known.fewest else { continue };
            let own = self.facts.others.iter().zip(&self.holds).find(|(other, _)| other.is_own);
            if let (Some(smallest), Some((_, holds))) = (group.smallest, own) {
                let held: Vec<&Amount> = group.nodes.iter().filter_map(|node| holds.get(node)).collect();
                let most = held.iter().fold(0_i128, |sum, amount| sum.saturating_add(amount.most()));
                let slack = most.saturating_mul(smallest.domains);
                formula.remark(format!(
                    "The fewest of pods in {} domains, {} of other workloads and those of {workload} that are bound: \
                     so many times as many in the domain are no more.",
                    smallest.domains, smallest.rest
                ));
                let terms = held.into_iter().flat_map(|amount| amount.times(smallest.domains.saturating_neg()));
                let terms = terms.chain(self.bound.times(1)).chain([(slack.saturating_neg(), fewest)]);
                known.few = Some(formula.require(terms, smallest.rest.saturating_add(slack).saturating_neg()));
            }
            known.lives = lives(formula, group, fewest, failures);
        }
    }

    /// What may keep the pod off each node.
    fn each_node(&mut self, formula: &mut Formula, names: &Names<'_, '_>, failures: Option<&Failures<'_>>) {
        formula.remark(format!(
            "Each node rejects a pod of {} that waits (where it has a spread constraint: each in a domain with the fewest pods): \
             too little is left of something, somebody is in the way, or it fails. What is too little others use.",
            names.workload
        ));
        for (group, known) in self.facts.groups.iter().zip(&self.groups) {
            for node in &group.nodes {
                let conflicts = self.facts.conflicts.iter().zip(&self.in_the_way);
                let in_the_way =
                    conflicts.filter_map(|(conflict, domains)| domains.get(&conflict.topology.domain(*node)?));
                let fails = failures.and_then(|failures| failures.of_node(*node));
                let blockers: Vec<Variable> = in_the_way.copied().chain(fails).collect();
                let (mut lacks, mut used) = (Vec::new(), Vec::new());
                for (place, resource) in self.facts.resources.iter().enumerate() {
                    let variable = formula.variable(Meaning::Lacks {
                        waiting: names.workload.clone(),
                        node: names.index.node_name(*node).to_owned(),
                        resource: resource.name.clone(),
                    });
                    let threshold = resource.threshold(*node);
                    lacks.push(variable);
                    used.push((threshold > 0).then(|| {
                        let held = self.facts.others.iter().zip(&self.holds).filter_map(|(other, holds)| {
                            Some(holds.get(node)?.times(other.amounts.get(place).copied().unwrap_or(0)))
                        });
                        formula.require(held.flatten().chain([(threshold.saturating_neg(), variable)]), 0)
                    }));
                }
                let reasons = lacks.iter().chain(&blockers).map(|variable| (1, *variable));
                let some = formula.require(reasons.chain([(-1, known.fewest.unwrap_or(self.waits))]), 0);
                self.nodes.insert(*node, Node { some, used, blockers });
            }
        }
    }
}

/// A domain with the fewest pods does not fail wholly where it would not count then.
fn lives(formula: &mut Formula, group: &Group, fewest: Variable, failures: Option<&Failures<'_>>) -> Option<Id> {
    let failures = failures.filter(|_| !group.holders.is_empty())?;
    let fail: Vec<Variable> = group.holders.iter().filter_map(|domain| failures.of(*domain)).collect();
    let count = i128::try_from(fail.len()).unwrap_or(i128::MAX);
    let terms = fail.into_iter().map(|variable| (-1, variable)).chain([(-1, fewest)]);
    Some(formula.require(terms, count.saturating_neg()))
}
