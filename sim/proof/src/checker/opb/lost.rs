//! Pods that a failure takes: how many there can be, and why there are no more.

use std::collections::{BTreeMap, BTreeSet};

use super::failures::Failures;
use super::formula::{Amount, Constraint, Formula, Id, Meaning, Variable};
use super::steps::Steps;
use super::threshold::nth_largest;
use super::waiting::Names;
use crate::checker::lost::{Abodes, Even};
use crate::checker::node_set::at;
use crate::checker::topology::sum_of_largest;

/// The part of a formula about the pods of one workload that are lost.
pub(super) struct Lost<'c> {
    abodes: Abodes<'c>,
    /// By failure domain and node.
    domains: BTreeMap<usize, BTreeMap<usize, OnNode>>,
    /// There are no more than so many.
    at_most: Id,
    /// By place among the topologies: no two in one of its domains.
    apart: Vec<BTreeMap<usize, Id>>,
    spread: Option<Spread>,
}

/// Pods on one node.
struct OnNode {
    lost: Amount,
    /// They are lost if the node fails.
    if_failed: Id,
    /// Pods there before the failure, and that no others are lost; where a spread constraint counts them.
    all: Option<(Amount, Id)>,
}

/// What a spread constraint says.
struct Spread {
    skew: i128,
    /// The fewest pods of a domain; nothing where that is none.
    least: Option<Amount>,
    /// No domain has many more.
    at_most: BTreeMap<usize, Id>,
    /// None has fewer: those that count.
    at_least: BTreeMap<usize, Id>,
    /// All pods together.
    total: Id,
    replicas: i128,
}

impl<'c> Lost<'c> {
    /// Adds what is so of the pods that a failure takes.
    pub(super) fn encode(
        formula: &mut Formula,
        names: &Names<'_, '_>,
        abodes: Abodes<'c>,
        failures: &Failures<'_>,
    ) -> Lost<'c> {
        let workload = &names.workload;
        formula.remark(format!(
            "Pods of {workload} that are lost: on a node that fails, no more than it can have beside the pods that are there first."
        ));
        let mut domains: BTreeMap<usize, BTreeMap<usize, OnNode>> = BTreeMap::new();
        for node in 0..abodes.capacities.len() {
            let most = at(&abodes.capacities, node).min(abodes.most);
            let (Some(domain), Some(fails)) = (failures.domains.domain(node), failures.of_node(node)) else { continue };
            if most <= 0 {
                continue;
            }
            let (name, of) = (names.index.node_name(node).to_owned(), workload.clone());
            let lost = formula.amount(most, &Meaning::Lost { workload: of.clone(), node: name.clone(), pods: 0 });
            let if_failed = formula.require(lost.times(-1).chain([(most, fails)]), 0);
            let all = abodes.spread.as_ref().map(|_| {
                let all = formula.amount(most, &Meaning::On { workload: of, node: name, pods: 0 });
                let id = formula.require(all.times(1).chain(lost.times(-1)), 0);
                (all, id)
            });
            domains.entry(domain).or_default().insert(node, OnNode { lost, if_failed, all });
        }
        let each = domains.values().flat_map(BTreeMap::iter);
        formula.remark(format!("{workload} has at most {} pods.", abodes.most));
        let all = each.clone().flat_map(|(_, on)| on.lost.times(-1));
        let at_most = formula.require(all, abodes.most.saturating_neg());
        let apart = abodes.apart.iter().map(|topology| {
            formula.remark(format!("An anti-affinity term keeps two pods of {workload} out of one domain."));
            let mut values: BTreeMap<usize, Vec<(i128, Variable)>> = BTreeMap::new();
            for (node, on) in each.clone() {
                if let Some(value) = topology.domain(*node) {
                    values.entry(value).or_default().extend(on.lost.times(-1));
                }
            }
            values.into_iter().map(|(value, terms)| (value, formula.require(terms, -1))).collect()
        });
        let apart = apart.collect();
        let spread =
            abodes.spread.as_ref().map(|even| encode_spread(formula, (names, even), &domains, failures, abodes.most));
        Lost { abodes, domains, at_most, apart, spread }
    }

    /// The pods that are lost.
    pub(super) fn all(&self) -> impl Iterator<Item = (i128, Variable)> + '_ {
        self.domains.values().flat_map(BTreeMap::values).flat_map(|on| on.lost.times(1))
    }

    /// Shows that no more than so many are lost; nothing has to be shown where there are none.
    pub(super) fn no_more(&self, steps: &mut Steps, lost: i128, failures: &Failures<'_>) -> Option<Id> {
        if self.domains.is_empty() {
            return None;
        }
        if lost >= self.abodes.most {
            return Some(self.at_most);
        }
        let mut bounds = BTreeMap::new();
        for (domain, on_nodes) in &self.domains {
            bounds.insert(*domain, self.of_domain(steps, *domain, on_nodes, failures));
        }
        let shown = match &self.spread {
            None => sum_at_threshold(steps, &bounds, failures, []),
            Some(spread) => self.by_spread(steps, (spread, lost), &bounds, failures),
        };
        Some(shown)
    }

    /// How many pods a failure domain has at most, and where it is said that so many are lost with it.
    fn of_domain(
        &self,
        steps: &mut Steps,
        domain: usize,
        on_nodes: &BTreeMap<usize, OnNode>,
        failures: &Failures<'_>,
    ) -> (i128, Id) {
        let sum = on_nodes.values().fold(0_i128, |sum, on| sum.saturating_add(on.lost.most()));
        let parts: Vec<(Id, i128)> = on_nodes.values().map(|on| (on.if_failed, 1)).collect();
        let values = self.abodes.apart.iter().zip(&self.apart).map(|(topology, ids)| {
            let values: BTreeSet<usize> = on_nodes.keys().filter_map(|node| topology.domain(*node)).collect();
            (values, ids)
        });
        let fewest = values.min_by_key(|(values, _)| values.len());
        let fewest = fewest.map(|(values, ids)| (i128::try_from(values.len()).unwrap_or(i128::MAX), values, ids));
        let by_node = steps.sum(&parts, []);
        let Some((count, values, ids)) = fewest.filter(|(count, ..)| *count < sum) else { return (sum, by_node) };
        let here: BTreeSet<Variable> = on_nodes.values().flat_map(|on| on.lost.variables()).collect();
        let elsewhere = self.all().map(|(_, variable)| variable).filter(|variable| !here.contains(variable));
        let each: Vec<(Id, i128)> = values.iter().filter_map(|value| Some((*ids.get(value)?, 1))).collect();
        let fewer = steps.sum(&each, elsewhere);
        (count, self.only_if_failed(steps, (domain, on_nodes), (count, fewer), failures))
    }

    /// From "no more than so many": none unless the domain fails.
    fn only_if_failed(
        &self,
        steps: &mut Steps,
        (domain, on_nodes): (usize, &BTreeMap<usize, OnNode>),
        (count, no_more): (i128, Id),
        failures: &Failures<'_>,
    ) -> Id {
        let lost = on_nodes.values().flat_map(|on| on.lost.times(-1));
        let terms = lost.chain(failures.of(domain).map(|fails| (count, fails))).filter(|(factor, _)| *factor != 0);
        let supposed = steps.suppose_not(&Constraint { terms: terms.collect(), at_least: 0 });
        let mut hints = vec![supposed.negation];
        if count > 0 {
            hints.push(steps.derive(&format!("{no_more} {} + {count} d", supposed.negation)));
        } else {
            hints.push(no_more);
        }
        hints.extend(on_nodes.values().map(|on| on.if_failed));
        steps.propagate(&hints);
        steps.contradicted(supposed)
    }

    /// For every number of pods in the domain with the fewest.
    fn by_spread(
        &self,
        steps: &mut Steps,
        (spread, lost): (&Spread, i128),
        bounds: &BTreeMap<usize, (i128, Id)>,
        failures: &Failures<'_>,
    ) -> Id {
        let Some(least) = &spread.least else {
            let limited = self.limited(steps, spread, (spread.skew, None), bounds, failures);
            return sum_at_threshold(steps, &limited, failures, []);
        };
        let all: Vec<(i128, Variable)> =
            self.all().map(|(weight, variable)| (weight.saturating_neg(), variable)).collect();
        let supposed = steps.suppose_not(&Constraint { terms: all, at_least: lost.saturating_neg() });
        let counted = i128::try_from(spread.at_least.len()).unwrap_or(i128::MAX);
        let highest = spread.replicas.checked_div(counted).unwrap_or(0);
        let mut known: Option<Id> = None;
        for number in 0..=highest {
            let at_least = number.saturating_add(1);
            let more = steps.suppose_not(&Constraint { terms: least.times(1).collect(), at_least });
            let limit = number.saturating_add(spread.skew);
            let limited = self.limited(steps, spread, (limit, Some(more.negation)), bounds, failures);
            let elsewhere = counted.saturating_sub(i128::try_from(failures.count).unwrap_or(i128::MAX)).max(0);
            let by_limit = sum_of_largest(limited.values().map(|(most, _)| *most).collect(), failures.count);
            if by_limit <= spread.replicas.saturating_sub(elsewhere.saturating_mul(number)) {
                sum_at_threshold(steps, &limited, failures, [(supposed.negation, 1)]);
            } else {
                self.others_stay(steps, spread, (number, known), supposed.negation, failures);
            }
            known = Some(steps.contradicted(more));
        }
        // As many as that in each domain are more pods than there are.
        let mut parts: Vec<(Id, i128)> = spread.at_least.values().map(|id| (*id, 1)).collect();
        parts.push((spread.total, 1));
        parts.extend(known.map(|known| (known, counted)));
        let out = self.domains.iter().filter(|(domain, _)| !spread.at_least.contains_key(domain));
        let out = out.flat_map(|(_, on)| on.values()).filter_map(|on| on.all.as_ref());
        steps.sum(&parts, out.flat_map(|(all, _)| all.variables()).collect::<Vec<_>>());
        steps.contradicted(supposed)
    }

    /// The bounds of the domains while none has more than `limit` pods.
    fn limited(
        &self,
        steps: &mut Steps,
        spread: &Spread,
        (limit, least): (i128, Option<Id>),
        bounds: &BTreeMap<usize, (i128, Id)>,
        failures: &Failures<'_>,
    ) -> BTreeMap<usize, (i128, Id)> {
        let mut limited = BTreeMap::new();
        for (domain, on_nodes) in &self.domains {
            let Some((most, known)) = bounds.get(domain) else { continue };
            let at_most = spread.at_most.get(domain).filter(|_| *most > limit);
            let bound = at_most.map_or((*most, *known), |at_most| {
                let mut parts = vec![(*at_most, 1)];
                parts.extend(least.map(|id| (id, 1)));
                parts.extend(on_nodes.values().filter_map(|on| Some((on.all.as_ref()?.1, 1))));
                let no_more = steps.sum(&parts, []);
                (limit, self.only_if_failed(steps, (*domain, on_nodes), (limit, no_more), failures))
            });
            limited.insert(*domain, bound);
        }
        limited
    }

    /// Each domain that does not fail keeps as many as the fewest, and those are not lost: too few are left for so many to be lost.
    fn others_stay(
        &self,
        steps: &mut Steps,
        spread: &Spread,
        (number, known): (i128, Option<Id>),
        too_many: Id,
        failures: &Failures<'_>,
    ) {
        let mut parts = vec![(spread.total, 1), (too_many, 1)];
        for (domain, on_nodes) in &self.domains {
            let at_least = spread.at_least.get(domain).filter(|_| number > 0);
            match (at_least, known) {
                (Some(at_least), Some(known)) => {
                    parts.push((self.stay(steps, (*domain, on_nodes), (number, *at_least, known), failures), 1));
                }
                (Some(_) | None, _) => {
                    parts.extend(on_nodes.values().filter_map(|on| Some((on.all.as_ref()?.1, 1))));
                }
            }
        }
        parts.push((failures.at_most, number));
        steps.sum(&parts, failures.variables());
    }

    /// Pods of a domain, less those that are lost, are as many as the fewest unless it fails.
    fn stay(
        &self,
        steps: &mut Steps,
        (domain, on_nodes): (usize, &BTreeMap<usize, OnNode>),
        (number, at_least, known): (i128, Id, Id),
        failures: &Failures<'_>,
    ) -> Id {
        let all = on_nodes.values().filter_map(|on| on.all.as_ref()).flat_map(|(all, _)| all.times(1));
        let lost = on_nodes.values().flat_map(|on| on.lost.times(-1));
        let fails = failures.of(domain).map(|fails| (number, fails));
        let terms = all.chain(lost).chain(fails).collect();
        let supposed = steps.suppose_not(&Constraint { terms, at_least: number });
        // Where it fails: those that are lost were there.
        let mut parts: Vec<(Id, i128)> = on_nodes.values().filter_map(|on| Some((on.all.as_ref()?.1, 1))).collect();
        parts.push((supposed.negation, 1));
        let sum = steps.sum(&parts, []);
        let lives = steps.derive(&format!("{sum} {number} d"));
        // Where it does not: none is lost, and it has as many as the fewest.
        let enough = steps.sum(&[(at_least, 1), (known, 1), (supposed.negation, 1)], []);
        let mut hints = vec![lives];
        hints.extend(on_nodes.values().map(|on| on.if_failed));
        hints.push(enough);
        steps.propagate(&hints);
        steps.contradicted(supposed)
    }
}

/// No more are lost than the failure domains with the most have.
fn sum_at_threshold<const N: usize>(
    steps: &mut Steps,
    bounds: &BTreeMap<usize, (i128, Id)>,
    failures: &Failures<'_>,
    also: [(Id, i128); N],
) -> Id {
    let mut parts: Vec<(Id, i128)> = bounds.values().map(|(_, id)| (*id, 1)).collect();
    parts.push((failures.at_most, nth_largest(bounds.values().map(|(most, _)| *most).collect(), failures.count)));
    parts.extend(also);
    steps.sum(&parts, failures.variables())
}

fn encode_spread(
    formula: &mut Formula,
    (names, even): (&Names<'_, '_>, &Even),
    domains: &BTreeMap<usize, BTreeMap<usize, OnNode>>,
    failures: &Failures<'_>,
    replicas: i128,
) -> Spread {
    let workload = &names.workload;
    let counted: BTreeSet<usize> = even.counted.iter().filter_map(|node| failures.domains.domain(*node)).collect();
    let is_enough = i128::try_from(counted.len()).unwrap_or(i128::MAX) >= even.min_domains;
    let all = |on_nodes: &BTreeMap<usize, OnNode>, factor: i128| {
        let amounts = on_nodes.values().filter_map(|on| on.all.as_ref());
        amounts.flat_map(|(all, _)| all.times(factor).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    formula.remark(format!("{workload} has at most {replicas} pods."));
    let total = formula.require(domains.values().flat_map(|on| all(on, -1)), replicas.saturating_neg());
    let least = is_enough.then(|| formula.amount(replicas, &Meaning::Least { workload: workload.clone(), pods: 0 }));
    formula.remark(format!(
        "Its spread constraint: no domain has more than {} pods of {workload} above the domain with the fewest{}.",
        even.skew,
        if is_enough { "" } else { ", which count as none for want of domains" }
    ));
    let fewest = |factor: i128| least.iter().flat_map(move |least| least.times(factor));
    let (mut at_most, mut at_least) = (BTreeMap::new(), BTreeMap::new());
    for (domain, on_nodes) in domains {
        at_most.insert(
            *domain,
            formula.require(all(on_nodes, -1).into_iter().chain(fewest(1)), even.skew.saturating_neg()),
        );
    }
    for domain in counted.iter().filter(|_| is_enough) {
        let on_nodes = domains.get(domain).map_or_else(Vec::new, |on| all(on, 1));
        at_least.insert(*domain, formula.require(on_nodes.into_iter().chain(fewest(-1)), 0));
    }
    Spread { skew: even.skew, least, at_most, at_least, total, replicas }
}
