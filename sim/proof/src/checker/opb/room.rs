//! Why no pod waits: more room is left than others hold.

use std::collections::{BTreeMap, BTreeSet};

use super::cut::Cut;
use super::failures::Failures;
use super::formula::{Constraint, Id, Variable};
use super::steps::Steps;
use super::waiting::{Node, Waits};
use crate::checker::node_set::at;
use crate::checker::placed::{Group, Weighed};

/// Shows that at least `bound` pods are bound.
pub(super) fn enough_bound(
    steps: &mut Steps,
    part: &Waits<'_>,
    (weighed, bound): (&Weighed, i128),
    failures: Option<&Failures<'_>>,
) -> Id {
    let supposed = steps.suppose_not(&Constraint { terms: part.bound.times(1).collect(), at_least: bound });
    let few = supposed.negation;
    let replicas = part.bound.most();
    let waits = steps.derive(&format!("{} {few} + {replicas} d", part.unless_bound));
    let own = part.facts.others.iter().zip(&part.at_most).enumerate();
    let own = own.filter(|(_, (other, _))| other.is_own).find_map(|(place, (_, id))| Some((place, (*id)?)));
    let own = own.map(|(place, id)| (place, steps.sum(&[(id, 1), (few, 1)], [])));
    let mut argument = Room { steps, part, weighed, failures, others_bound: bound.saturating_sub(1), few, own };
    let mut refuted = vec![waits];
    for (place, (group, known)) in part.facts.groups.iter().zip(&part.groups).enumerate() {
        let Some(fewest) = known.fewest else {
            argument.in_group(place, group, waits);
            continue;
        };
        argument.steps.remark(&format!("Domain {}.", group.name.as_deref().unwrap_or("?")));
        let here = argument.steps.suppose_not(&Constraint { terms: vec![(-1, fewest)], at_least: 0 });
        argument.in_group(place, group, here.negation);
        refuted.push(argument.steps.contradicted(here));
    }
    if let Some(some) = part.some_fewest {
        refuted.push(some);
        argument.steps.propagate(&refuted);
    }
    steps.contradicted(supposed)
}

/// While fewer pods than `bound` are bound.
struct Room<'s, 'p, 'c> {
    steps: &'s mut Steps,
    part: &'p Waits<'c>,
    weighed: &'p Weighed,
    failures: Option<&'p Failures<'p>>,
    /// So many others of its own workload are bound at most.
    others_bound: i128,
    few: Id,
    /// Its own workload among the others, and that they hold no more than so many.
    own: Option<(usize, Id)>,
}

impl Room<'_, '_, '_> {
    /// A contradiction for the nodes of a group, where `here` says that one of them takes the pod.
    fn in_group(&mut self, place: usize, group: &Group, here: Id) {
        let few = self.few_here(place, here);
        let mut lemmas = Vec::new();
        for node in &group.nodes {
            let value = at(&self.weighed.value, *node);
            if let Some(known) = self.part.nodes.get(node).filter(|_| value > 0) {
                lemmas.push((self.on_node(*node, known, value, here), 1));
            }
        }
        let all = self.steps.sum(&lemmas, []);
        let conflicts: Vec<Cut> =
            (0..self.part.facts.conflicts.len()).map(|place| self.conflict(place, group)).collect();
        let fails = self.failures.map(|failures| self.failing(failures, place, group, here));
        let total = group.nodes.iter().fold(0_i128, |sum, node| sum.saturating_add(at(&self.weighed.value, *node)));
        let cuts = conflicts.iter().chain(&fails);
        let least = cuts.fold(total, |left, cut| left.saturating_sub(cut.largest()));
        let count = i128::try_from(group.nodes.len()).unwrap_or(i128::MAX);
        let most = (0..self.part.holds.len()).map(|other| self.holds((other, group), count, few.as_ref()));
        let most = most.fold(0_i128, i128::saturating_add);
        if least > most {
            let parts = conflicts.iter().chain(&fails).filter_map(Cut::at_threshold).collect();
            self.compare(group, all, parts, (count, BTreeMap::new()), few.as_ref());
        } else {
            // Where others may be in the way over several topologies nothing is proved by cases.
            let may = conflicts.iter().enumerate().find(|(_, cut)| cut.most() > 0);
            let never = conflicts.iter().filter(|cut| cut.most() == 0).filter_map(Cut::at_threshold).collect();
            self.by_cases(group, (all, never), (fails.as_ref(), may), few.as_ref());
        }
    }

    /// How many pods of its own workload are in the domain with the fewest.
    fn few_here(&mut self, place: usize, here: Id) -> Option<(i128, Id)> {
        let (few, smallest) = (self.part.groups.get(place)?.few?, self.part.facts.groups.get(place)?.smallest?);
        let (own, _) = self.own?;
        let nodes = &self.part.facts.groups.get(place)?.nodes;
        let most = nodes.iter().filter_map(|node| self.part.holds.get(own)?.get(node));
        let most = most.fold(0_i128, |sum, amount| sum.saturating_add(amount.most()));
        let slack = most.saturating_mul(smallest.domains);
        if slack == 0 {
            return None;
        }
        let id = self.steps.derive(&format!("{few} {} + {here} {slack} * + {} d", self.few, smallest.domains));
        let selected = smallest.rest.saturating_add(self.others_bound);
        Some((selected.checked_div(smallest.domains)?, id))
    }

    /// What others weigh on a node, and what is in the way there, are worth the node.
    fn on_node(&mut self, node: usize, known: &Node, value: i128, here: Id) -> Id {
        let others = self.part.holds.iter().zip(&self.weighed.each);
        let weight = others.filter_map(|(holds, each)| Some(holds.get(&node)?.times(*each))).flatten();
        let blocked = known.blockers.iter().map(|variable| (value, *variable));
        let terms = weight.chain(blocked).filter(|(coefficient, _)| *coefficient != 0).collect();
        let supposed = self.steps.suppose_not(&Constraint { terms, at_least: value });
        let mut units = vec![supposed.negation];
        for (place, used) in known.used.iter().enumerate() {
            let (Some(used), Some(resource)) = (used, self.part.facts.resources.get(place)) else { continue };
            let threshold = resource.threshold(node);
            let unit = match at(&self.weighed.weights, place) {
                Some(weight) => self.weighs_less((node, value), (*used, weight, threshold), supposed.negation),
                None => self.never_used_up((node, place), *used, threshold),
            };
            units.push(unit);
        }
        units.extend([known.some, here]);
        self.steps.propagate(&units);
        self.steps.contradicted(supposed)
    }

    /// Others that weigh less than the node leave enough of a resource that has a weight.
    fn weighs_less(
        &mut self,
        (node, value): (usize, i128),
        (used, weight, threshold): (Id, i128, i128),
        less: Id,
    ) -> Id {
        let surplus = weight.saturating_mul(threshold).saturating_sub(value);
        let reduced = if surplus > 0 { format!(" {surplus} -") } else { String::new() };
        let bits = self.part.holds.iter().filter_map(|holds| holds.get(&node));
        let out: String =
            bits.flat_map(|amount| amount.variables()).map(|variable| format!(" x{variable} w")).collect();
        self.steps.derive(&format!("{used} {weight} *{reduced} s {less} +{out} {value} d"))
    }

    /// All that one node holds leaves enough of a resource that has none.
    fn never_used_up(&mut self, (node, place): (usize, usize), used: Id, threshold: i128) -> Id {
        let mut expression = used.to_string();
        for (number, (other, holds)) in self.part.facts.others.iter().zip(&self.part.holds).enumerate() {
            let amount = other.amounts.get(place).copied().unwrap_or(0);
            let Some(here) = holds.get(&node).filter(|_| amount > 0) else { continue };
            let mut out: Vec<Variable> = here.variables().collect();
            if let Some((own, id)) = self.own.filter(|(own, _)| *own == number && here.most() > self.others_bound) {
                expression.push_str(&format!(" {id} {amount} * +"));
                out = self
                    .part
                    .holds
                    .get(own)
                    .into_iter()
                    .flat_map(BTreeMap::values)
                    .flat_map(|all| all.variables())
                    .collect();
            }
            out.iter().for_each(|variable| expression.push_str(&format!(" x{variable} w")));
        }
        self.steps.derive(&format!("{expression} {threshold} d"))
    }

    /// What others of one kind hold of so many nodes of a group, weighted.
    fn holds(&self, (other, group): (usize, &Group), nodes: i128, few: Option<&(i128, Id)>) -> i128 {
        let by_nodes = nodes.saturating_mul(self.on_one_node(other)).min(self.count(other, few));
        let by_domains = self.by_domains(other, group).map_or(i128::MAX, |(_, pods)| pods);
        by_nodes.min(by_domains).saturating_mul(at(&self.weighed.each, other))
    }

    /// How many others of one kind the domains of a group have, by the limit that leaves the fewest; by none where there is none, and
    /// where they are nowhere in the group.
    fn by_domains(&self, other: usize, group: &Group) -> Option<(Option<usize>, i128)> {
        let (others, holds) = (self.part.facts.others.get(other)?, self.part.holds.get(other)?);
        let here: Vec<(usize, i128)> =
            group.nodes.iter().filter_map(|node| Some((*node, holds.get(node)?.most()))).collect();
        if here.is_empty() {
            return Some((None, 0));
        }
        let by_limit = others.limits.iter().enumerate().map(|(place, limit)| {
            let mut domains: BTreeMap<usize, i128> = BTreeMap::new();
            for (domain, most) in here.iter().filter_map(|(node, most)| Some((limit.topology.domain(*node)?, most))) {
                let sum = domains.entry(domain).or_default();
                *sum = sum.saturating_add(*most).min(limit.most);
            }
            (Some(place), domains.into_values().fold(0, i128::saturating_add))
        });
        by_limit.min_by_key(|(_, pods)| *pods)
    }

    /// Where it is said how many others of one kind the domains of a group have, and the variables that this is about.
    fn in_domains(&self, (other, place): (usize, usize), group: &Group) -> (Vec<Id>, Vec<Variable>) {
        let (Some(limit), Some(holds)) =
            (self.part.facts.others.get(other).and_then(|others| others.limits.get(place)), self.part.holds.get(other))
        else {
            return (Vec::new(), Vec::new());
        };
        let domains: BTreeSet<usize> = group.nodes.iter().filter_map(|node| limit.topology.domain(*node)).collect();
        let known = domains.iter().filter_map(|domain| self.part.in_domain.get(&(other, place, *domain)).copied());
        let about =
            holds.iter().filter(|(node, _)| limit.topology.domain(**node).is_some_and(|own| domains.contains(&own)));
        (known.collect(), about.flat_map(|(_, amount)| amount.variables()).collect())
    }

    fn on_one_node(&self, other: usize) -> i128 {
        self.part.holds.get(other).and_then(|holds| holds.values().next()).map_or(0, |amount| amount.most())
    }

    /// How many others of one kind there are.
    fn count(&self, other: usize, few: Option<&(i128, Id)>) -> i128 {
        match self.own {
            Some((own, _)) if own == other => few.map_or(self.others_bound, |(few, _)| self.others_bound.min(*few)),
            _ => self.part.facts.others.get(other).map_or(0, |other| other.count),
        }
    }

    /// Adds that others hold too little: on so many nodes at most, which `on_fewer` says for each kind where it matters.
    fn compare(
        &mut self,
        group: &Group,
        all: Id,
        mut parts: Vec<(Id, i128)>,
        (nodes, on_fewer): (i128, BTreeMap<usize, Id>),
        few: Option<&(i128, Id)>,
    ) {
        let mut out: Vec<Variable> = Vec::new();
        for (other, holds) in self.part.holds.iter().enumerate() {
            let each = at(&self.weighed.each, other);
            if each == 0 {
                continue;
            }
            let count = self.count(other, few);
            let by_nodes = nodes.saturating_mul(self.on_one_node(other));
            let by_count = count < by_nodes;
            if let Some((place, _)) = self.by_domains(other, group).filter(|(_, pods)| *pods < count.min(by_nodes)) {
                let (known, about) =
                    place.map_or_else(Default::default, |place| self.in_domains((other, place), group));
                parts.extend(known.into_iter().map(|id| (id, each)));
                out.extend(about);
                continue;
            }
            let held = match self.own {
                _ if !by_count => on_fewer.get(&other).copied(),
                Some((own, id)) if own == other => {
                    let fewest = few.filter(|(few, _)| *few <= self.others_bound).map(|(_, id)| *id);
                    Some(fewest.unwrap_or(id))
                }
                _ => self.part.at_most.get(other).copied().flatten(),
            };
            match held {
                Some(id) => {
                    parts.push((id, each));
                    out.extend(holds.values().flat_map(|amount| amount.variables()));
                }
                None => out.extend(
                    group.nodes.iter().filter_map(|node| holds.get(node)).flat_map(|amount| amount.variables()),
                ),
            }
        }
        let nodes = group.nodes.iter().filter_map(|node| self.part.nodes.get(node));
        let blockers: BTreeSet<Variable> = nodes.flat_map(|node| node.blockers.iter().copied()).collect();
        parts.insert(0, (all, 1));
        self.steps.sum(&parts, out.into_iter().chain(blockers));
    }

    /// However many domains fail, and in however many others are in the way.
    fn by_cases(
        &mut self,
        group: &Group,
        (all, never): (Id, Vec<(Id, i128)>),
        (fails, conflict): (Option<&Cut>, Option<(usize, &Cut)>),
        few: Option<&(i128, Id)>,
    ) {
        let nothing = Cut::default();
        let (fails, (place, conflict)) = (fails.unwrap_or(&nothing), conflict.unwrap_or((0, &nothing)));
        let mut failed = None;
        for number in 0..=fails.most() {
            let more = fails.more_than(number).map(|constraint| self.steps.suppose_not(&constraint));
            let no_more = more.as_ref().map(|supposed| supposed.negation);
            let mut kept_off = None;
            for in_the_way in 0..=conflict.most() {
                let further = conflict.more_than(in_the_way).map(|constraint| self.steps.suppose_not(&constraint));
                let no_further = further.as_ref().map(|supposed| supposed.negation);
                let of_failures = (fails, number, failed, no_more);
                let of_conflicts = (conflict, in_the_way, kept_off, no_further);
                self.one_case((group, place), (all, &never), (of_failures, of_conflicts), few);
                kept_off = further.map(|supposed| self.steps.contradicted(supposed)).or(kept_off);
            }
            conflict.exhausted(self.steps, kept_off);
            failed = more.map(|supposed| self.steps.contradicted(supposed)).or(failed);
        }
        fails.exhausted(self.steps, failed);
    }

    fn one_case(
        &mut self,
        (group, place): (&Group, usize),
        (all, never): (Id, &[(Id, i128)]),
        (failed, kept_off): (Exactly<'_>, Exactly<'_>),
        few: Option<&(i128, Id)>,
    ) {
        let nodes = i128::try_from(group.nodes.len()).unwrap_or(i128::MAX);
        let (by_failure, by_conflict) = (failed.0.smallest(failed.1), kept_off.0.smallest(kept_off.1));
        let (what, (cut, number, at_least, _)) =
            if by_failure >= by_conflict { (None, failed) } else { (Some(place), kept_off) };
        let gone = by_failure.max(by_conflict);
        let left = nodes.saturating_sub(gone);
        let mut on_fewer = BTreeMap::new();
        for (other, holds) in self.part.holds.iter().enumerate().filter(|_| gone > 0) {
            let most = self.on_one_node(other);
            let enough = self.by_domains(other, group).map_or(i128::MAX, |(_, pods)| pods).min(self.count(other, few));
            if at(&self.weighed.each, other) == 0 || most == 0 || enough < left.saturating_mul(most) {
                continue;
            }
            let held = group.nodes.iter().filter(|node| holds.contains_key(node));
            let clear = held.filter_map(|node| self.part.clear.get(&(what, other, *node)));
            let mut parts: Vec<(Id, i128)> = clear.map(|id| (*id, 1)).collect();
            parts.extend(at_least.map(|id| (id, most.saturating_mul(cut.smallest_threshold(number)))));
            on_fewer.insert(other, self.steps.sum(&parts, cut.variables()));
        }
        let limit = |(cut, number, _, at_most): Exactly<'_>| Some((at_most?, cut.threshold(number)));
        let parts = [failed, kept_off].into_iter().filter_map(limit).chain(never.iter().copied()).collect();
        self.compare(group, all, parts, (left, on_fewer), few);
    }

    /// Domains of a conflict among the nodes of a group.
    fn conflict(&mut self, place: usize, group: &Group) -> Cut {
        let (Some(conflict), Some(variables), Some(keeper)) =
            (self.part.facts.conflicts.get(place), self.part.in_the_way.get(place), self.part.keepers.get(place))
        else {
            return Cut::default();
        };
        let own = if conflict.by_own { self.others_bound } else { 0 };
        let limit = usize::try_from(own).unwrap_or(usize::MAX).saturating_add(conflict.rest);
        let variable = |domain: usize| variables.get(&domain).copied();
        let mut cut = Cut::new(conflict.topology, &group.nodes, |node| at(&self.weighed.value, node), variable);
        let others = variables.values().copied().filter(|variable| !cut.has(*variable)).collect::<Vec<_>>();
        let bound = conflict.by_own.then_some((self.few, 1));
        cut.limit(limit, || {
            self.steps.sum(&[Some((*keeper, 1)), bound].into_iter().flatten().collect::<Vec<_>>(), others)
        });
        cut
    }

    /// Failure domains among the nodes of a group.
    fn failing(&mut self, failures: &Failures<'_>, place: usize, group: &Group, here: Id) -> Cut {
        let value = |node| at(&self.weighed.value, node);
        let mut cut = Cut::new(failures.domains, &group.nodes, value, |domain| failures.of(domain));
        let lives = self.part.groups.get(place).and_then(|known| known.lives);
        let survivable = lives.map_or(usize::MAX, |_| group.holders.len().saturating_sub(1));
        let limit = failures.count.min(survivable);
        let others = failures.variables().filter(|variable| !cut.has(*variable)).collect::<Vec<_>>();
        cut.limit(limit, || match lives {
            Some(lives) if survivable < failures.count => self.steps.sum(&[(lives, 1), (here, 1)], []),
            _ => self.steps.sum(&[(failures.at_most, 1)], others),
        });
        cut
    }
}

/// So many domains: the domains, how many, and where it is said that there are no fewer and no more.
type Exactly<'a> = (&'a Cut, usize, Option<Id>, Option<Id>);
