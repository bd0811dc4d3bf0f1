//! "No pod of this workload stays pending, whatever the others do." See docs/proofs.md, *Bounds*.

use std::collections::BTreeMap;

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::cluster::Kind;
use quorate_proof::evidence::Weights;
use quorate_proof::input::Spread;

use super::matching::{matches_affinity, tolerates, tolerates_all, unreachable};
use super::problem::{Group, Over, Problem, SLOTS};

/// A failure after which pods have to be placed again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss<'a> {
    /// What fails: nodes, or domains of a label.
    pub(super) over: Over<'a>,
    /// How many at most.
    pub(super) count: usize,
    /// `Recovered` or `Removed`.
    pub(super) phase: Phase,
}

/// Which of the numbers of pods count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// Where pods may be.
    pub(super) placement: Placement,
    /// The failure before which nothing is asked; `None`: before any.
    pub(super) after: Option<Loss<'a>>,
}

/// Weights with which no pod of `number` can stay pending.
///
/// # Errors
/// What stands in the way.
pub(super) fn placed(problem: &Problem<'_>, number: usize, case: Case<'_>) -> Result<Weights, String> {
    let group = problem.groups.get(number).ok_or("it is not there")?;
    can_be_asked(problem, group, case)?;
    let question = Question::new(problem, number, group, case);
    if question.room.iter().all(Option::is_none) {
        return Err(format!("no node is there for pods of {}", group.name));
    }
    let first = question.first_weights();
    let mut best = (question.margin(&first), first);
    // A few steps towards weights that say more: one resource after the other counts more or less.
    for round in 0..3_u32 {
        for resource in 0..problem.resources.len() {
            for step in [(2_i128, 1_i128), (1, 2), (5, 4), (4, 5)] {
                if best.0.is_positive() {
                    return Ok(question.written(&best.1));
                }
                let mut weights = best.1.clone();
                let Some(weight) = weights.get_mut(resource).filter(|weight| **weight > 0) else { continue };
                *weight = weight.saturating_mul(step.0).checked_div(step.1).unwrap_or(1).max(1);
                let margin = question.margin(&weights);
                if question.is_better(margin, &weights, &best) {
                    best = (margin, weights);
                }
            }
        }
        if round == 0 && problem.resources.len() <= 1 {
            break;
        }
    }
    if best.0.is_positive() {
        return Ok(question.written(&best.1));
    }
    Err(question.obstacle(&best.1))
}

/// Whether the bound says anything about such pods.
fn can_be_asked(problem: &Problem<'_>, group: &Group<'_>, case: Case<'_>) -> Result<(), String> {
    let shape = group.shape;
    if let Some(what) = &problem.obstacle {
        return Err(what.clone());
    }
    if let Some(what) = shape.not_carried.first() {
        return Err(format!("where pods of {} may run depends on {what}, which is not modelled here", group.name));
    }
    if !shape.affinity.is_empty() {
        return Err(format!("{} has required pod affinity, for which there is no bound", group.name));
    }
    if shape.spread.len() > 1 {
        return Err(format!("{} has several hard spread constraints, for which there is no bound", group.name));
    }
    let recovered = case.after.is_some_and(|loss| loss.phase == Phase::Recovered);
    if recovered && tolerates(&shape.tolerations, &unreachable("NoSchedule")) {
        return Err(format!("pods of {} tolerate unreachable nodes and may be bound to one", group.name));
    }
    Ok(())
}

struct Question<'p, 'a> {
    problem: &'p Problem<'a>,
    number: usize,
    group: &'p Group<'a>,
    case: Case<'p>,
    /// For each node the least use of each resource by which it is kept off; `None`: the node is not eligible.
    room: Vec<Option<Vec<i64>>>,
    /// What all others ask for.
    demand: Vec<i128>,
    /// What its own others ask for; part of `demand`.
    own_others: i64,
    /// The resources that others can use up somewhere.
    contested: Vec<bool>,
    /// How many others may keep it out of a domain, and whether any pod may.
    conflicts: Vec<(Over<'a>, usize, bool)>,
}

impl<'p, 'a> Question<'p, 'a> {
    fn new(problem: &'p Problem<'a>, number: usize, group: &'p Group<'a>, case: Case<'p>) -> Self {
        let mut question = Self {
            problem,
            number,
            group,
            case,
            room: Vec::new(),
            demand: Vec::new(),
            own_others: 0,
            contested: Vec::new(),
            conflicts: Vec::new(),
        };
        question.own_others = question.others_of(number);
        question.room = question.find_room();
        question.demand = question.find_demand();
        question.conflicts = question.find_conflicts();
        let least = |resource: usize| {
            let amounts = question.room.iter().flatten().filter_map(|room| room.get(resource).copied());
            amounts.min().map(i128::from)
        };
        question.contested = (0..problem.resources.len())
            .map(|resource| {
                let asks = question.group.request.get(resource).is_some_and(|amount| *amount > 0);
                let demand = question.demand.get(resource).copied().unwrap_or(0);
                asks && least(resource).is_some_and(|least| demand >= least)
            })
            .collect();
        question
    }

    /// How many pods of a group there may be beside the one in question.
    fn others_of(&self, number: usize) -> i64 {
        let most = self.problem.most(number, self.case.placement);
        if number == self.number { most.saturating_sub(1).max(0) } else { most }
    }

    fn find_room(&self) -> Vec<Option<Vec<i64>>> {
        let problem = self.problem;
        let free = match self.case.placement {
            Placement::Reachable | Placement::Current => &problem.free_in_rollouts,
            Placement::Fresh | Placement::Scheduled => &problem.free,
        };
        let mut room: Vec<Option<Vec<i64>>> = vec![None; problem.nodes.len()];
        for node in problem.eligible_nodes(self.group) {
            let Some(free) = free.get(node) else { continue };
            let amounts = free.iter().zip(&self.group.request);
            let least = amounts.map(|(free, asked)| free.saturating_sub(*asked).saturating_add(1).max(0)).collect();
            if let Some(room) = room.get_mut(node) {
                *room = Some(least);
            }
        }
        for (over, others) in &self.group.conflicts {
            for (fixed, on) in problem.fixed.iter().filter(|(fixed, _)| others.contains(fixed)) {
                let _ = fixed;
                let taken: Vec<usize> = on.iter().filter_map(|node| problem.domain(*over, *node)).collect();
                for (node, room) in room.iter_mut().enumerate() {
                    if problem.domain(*over, node).is_some_and(|domain| taken.contains(&domain)) {
                        *room = None;
                    }
                }
            }
        }
        if let Some(spread) = self.group.shape.spread.first() {
            for ((_, node), room) in problem.nodes.iter().zip(&mut room) {
                if !node.labels.contains_key(&spread.topology_key) {
                    *room = None;
                }
            }
        }
        room
    }

    /// Whether pods of lower priority would make way on their node.
    fn makes_way(&self, other: &Group<'_>) -> bool {
        self.group.shape.preempts && other.shape.priority < self.group.shape.priority
    }

    fn find_demand(&self) -> Vec<i128> {
        let mut demand = vec![0_i128; self.problem.resources.len()];
        let mut meets: BTreeMap<usize, bool> = BTreeMap::new();
        for (number, other) in self.problem.groups.iter().enumerate() {
            let pods = i128::from(self.others_of(number));
            if pods == 0 || !other.is_movable() || self.makes_way(other) {
                continue;
            }
            let meets = *meets.entry(other.class).or_insert_with(|| {
                self.room.iter().enumerate().any(|(node, room)| room.is_some() && self.problem.is_eligible(other, node))
            });
            if meets {
                for (demand, asked) in demand.iter_mut().zip(&other.request) {
                    *demand = demand.saturating_add(i128::from(*asked).saturating_mul(pods));
                }
            }
        }
        demand
    }

    fn find_conflicts(&self) -> Vec<(Over<'a>, usize, bool)> {
        let count = |(over, others): (&Over<'a>, &std::collections::BTreeSet<usize>)| {
            let single = self.problem.is_single(*over);
            let mut pods = 0_i64;
            let mut any = false;
            for number in others {
                let Some(other) = self.problem.groups.get(*number).filter(|other| other.is_movable()) else { continue };
                any = any || self.problem.most(*number, self.case.placement) > 0;
                if !(single && self.makes_way(other)) {
                    pods = pods.saturating_add(self.others_of(*number));
                }
            }
            (*over, usize::try_from(pods).unwrap_or(usize::MAX), any)
        };
        self.group.conflicts.iter().map(count).collect()
    }

    /// Weights that make an average node equal in every resource.
    fn first_weights(&self) -> Vec<i128> {
        let nodes: Vec<&Vec<i64>> = self.room.iter().flatten().collect();
        let count = i128::try_from(nodes.len()).unwrap_or(1).max(1);
        let average = |resource: usize| {
            let sum: i128 = nodes.iter().filter_map(|room| room.get(resource)).map(|amount| i128::from(*amount)).sum();
            sum.checked_div(count).unwrap_or(0).max(1)
        };
        let averages: Vec<i128> = (0..self.problem.resources.len()).map(average).collect();
        let counts = |resource: usize| self.is_weighted(resource);
        let largest = averages.iter().enumerate().filter(|(resource, _)| counts(*resource)).map(|(_, own)| *own).max();
        let scale = largest.unwrap_or(1).saturating_mul(1000);
        averages
            .iter()
            .enumerate()
            .map(|(resource, own)| if counts(resource) { scale.checked_div(*own).unwrap_or(1).max(1) } else { 0 })
            .collect()
    }

    /// Whether a resource has a weight: those that others can use up, and slots, so that there is one.
    fn is_weighted(&self, resource: usize) -> bool {
        let is_slots = self.problem.resources.get(resource) == Some(&SLOTS);
        self.contested.get(resource).copied().unwrap_or(false)
            || (is_slots && !self.contested.iter().any(|contested| *contested))
    }

    /// By how much room is more than what others can hold, in the worst case; positive: it always fits.
    fn margin(&self, weights: &[i128]) -> i128 {
        let value = |room: &Option<Vec<i64>>| {
            let Some(room) = room else { return 0 };
            let weighted = room.iter().zip(weights).filter(|(_, weight)| **weight > 0);
            weighted.map(|(room, weight)| weight.saturating_mul(i128::from(*room))).min().unwrap_or(0)
        };
        let values: Vec<i128> = self.room.iter().map(value).collect();
        let weigh = |amounts: &mut dyn Iterator<Item = i128>| -> i128 {
            amounts.zip(weights).fold(0, |sum, (amount, weight)| sum.saturating_add(weight.saturating_mul(amount)))
        };
        let demand = weigh(&mut self.demand.iter().copied());
        match self.group.shape.spread.first() {
            None => self.left(&values, None, self.case.after.map_or(0, |loss| loss.count)).saturating_sub(demand),
            Some(spread) => {
                let own = weigh(&mut self.group.request.iter().map(|asked| i128::from(*asked)));
                self.spread_margin(spread, &values, demand, own)
            }
        }
    }

    /// The margin within the domain of a spread constraint where it is smallest.
    fn spread_margin(&self, spread: &Spread, values: &[i128], demand: i128, own: i128) -> i128 {
        let problem = self.problem;
        let Some(domains) = problem.domains.get(spread.topology_key.as_str()) else { return -1 };
        if !self.group.counted.first().is_some_and(|counted| counted.contains(&self.number)) {
            return -1;
        }
        let dead_count = self.case.after.is_none_or(|loss| {
            loss.phase == Phase::Recovered
                && !(spread.honors_taints && !tolerates(&self.group.shape.tolerations, &unreachable("NoSchedule")))
        });
        let counted: Vec<bool> =
            problem.nodes.iter().map(|(name, node)| is_counted(spread, self.group, name, node)).collect();
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (node, domain) in domains.of_node.iter().enumerate() {
            if let Some(domain) = domain.filter(|_| counted.get(node).copied().unwrap_or(false)) {
                members.entry(domain).or_default().push(node);
            }
        }
        let loss = self.case.after.map_or(0, |loss| loss.count);
        let vanish = if dead_count { 0 } else { self.most_taken(&members, loss) };
        let remaining = members.len().saturating_sub(vanish);
        let min_domains = usize::try_from(spread.min_domains).unwrap_or(usize::MAX);
        if remaining == 0 || remaining < min_domains {
            return -1;
        }
        let share = self.counted_others().checked_div(i128::try_from(remaining).unwrap_or(1)).unwrap_or(0);
        let share = share.min(i128::from(self.own_others));
        let others = demand.saturating_sub(own.saturating_mul(i128::from(self.own_others)));
        let held = others.saturating_add(own.saturating_mul(share));
        let within = |nodes: &Vec<usize>| {
            let mut inside = vec![false; problem.nodes.len()];
            nodes.iter().filter_map(|node| inside.get_mut(*node).map(|own| *own = true)).for_each(drop);
            let parts = self.case.after.map_or(0, |after| self.parts(after.over, nodes));
            let taken = if dead_count { loss } else { loss.min(parts.saturating_sub(1)) };
            self.left(values, Some(&inside), taken).saturating_sub(held)
        };
        members.values().map(within).min().unwrap_or(-1)
    }

    /// How many pods beside the one in question a spread constraint counts at most.
    fn counted_others(&self) -> i128 {
        let counted = self.group.counted.first();
        let pods = |number: &usize| {
            let fixed = self.problem.fixed.iter().find(|(fixed, _)| fixed == number);
            let fixed = fixed.map_or(0, |(_, on)| i128::try_from(on.len()).unwrap_or(i128::MAX));
            let movable = self.problem.groups.get(*number).is_some_and(Group::is_movable);
            fixed.saturating_add(if movable { i128::from(self.others_of(*number)) } else { 0 })
        };
        counted.into_iter().flatten().map(pods).sum()
    }

    /// How many failure domains (nodes outside all of them count for one each) a set of nodes has.
    fn parts(&self, over: Over<'_>, nodes: &[usize]) -> usize {
        let mut domains: Vec<Option<usize>> = nodes.iter().map(|node| self.problem.domain(over, *node)).collect();
        let outside = domains.iter().filter(|domain| domain.is_none()).count();
        domains.retain(Option::is_some);
        domains.sort_unstable();
        domains.dedup();
        domains.len().saturating_add(outside)
    }

    /// How many of `members` (sets of nodes) `count` failure domains can take wholly, at most.
    fn most_taken(&self, members: &BTreeMap<usize, Vec<usize>>, count: usize) -> usize {
        let Some(loss) = self.case.after else { return 0 };
        let mut whole: BTreeMap<usize, usize> = BTreeMap::new();
        let mut scattered = 0_usize;
        for nodes in members.values() {
            let mut domains: Vec<Option<usize>> =
                nodes.iter().map(|node| self.problem.domain(loss.over, *node)).collect();
            domains.sort_unstable();
            domains.dedup();
            match domains.as_slice() {
                [Some(only)] => {
                    let taken = whole.entry(*only).or_insert(0);
                    *taken = taken.saturating_add(1);
                }
                several if several.contains(&None) || several.len() > count => {}
                _ => scattered = scattered.saturating_add(1),
            }
        }
        let mut taken: Vec<usize> = whole.into_values().collect();
        taken.sort_unstable_by(|one, other| other.cmp(one));
        taken.iter().take(count).sum::<usize>().saturating_add(scattered)
    }

    /// What is left of `values` (within `inside`) once a failure and conflicts have taken the most they can.
    fn left(&self, values: &[i128], inside: Option<&[bool]>, lost: usize) -> i128 {
        let value = |node: usize| match inside {
            Some(inside) if !inside.get(node).copied().unwrap_or(false) => 0,
            _ => values.get(node).copied().unwrap_or(0),
        };
        let own: Vec<i128> = (0..values.len()).map(value).collect();
        let mut left: i128 = own.iter().sum();
        if let Some(loss) = self.case.after {
            left = left.saturating_sub(largest(self.problem, &own, loss.over, lost));
        }
        for (over, count, any) in &self.conflicts {
            let dying = match self.case.after {
                Some(loss) if loss.phase == Phase::Recovered && *any => {
                    loss.count.saturating_mul(touched(self.problem, loss.over, *over))
                }
                _ => 0,
            };
            left = left.saturating_sub(largest(self.problem, &own, *over, count.saturating_add(dying)));
        }
        left
    }

    /// Whether `margin` with `weights` says more, in proportion to what others can hold.
    fn is_better(&self, margin: i128, weights: &[i128], best: &(i128, Vec<i128>)) -> bool {
        let size = |weights: &[i128]| -> i128 {
            let all = self.demand.iter().zip(weights);
            all.fold(1, |sum, (demand, weight)| sum.saturating_add(demand.saturating_mul(*weight)))
        };
        let ratio = |margin: i128, size: i128| margin.saturating_mul(1_000_000).checked_div(size).unwrap_or(0);
        ratio(margin, size(weights)) > ratio(best.0, size(&best.1))
    }

    /// Weights by name, in lowest terms.
    fn written(&self, weights: &[i128]) -> Weights {
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let named = self.problem.resources.iter().zip(weights).filter(|(_, weight)| **weight > 0);
        named
            .map(|(name, weight)| {
                let weight = weight.checked_div(divisor).unwrap_or(1);
                ((*name).to_owned(), i64::try_from(weight).unwrap_or(i64::MAX))
            })
            .collect()
    }

    /// What stands in the way, for people.
    fn obstacle(&self, weights: &[i128]) -> String {
        let name = self.group.name;
        let Some((over, count, _)) = self.conflicts.iter().max_by_key(|(_, count, _)| *count) else {
            return format!("other pods may fill every node that takes pods of {name}");
        };
        let without = Self { conflicts: Vec::new(), demand: vec![0; self.demand.len()], ..self.copy() };
        let _ = (over, weights);
        if without.margin(weights).is_positive() && *count > 0 {
            format!("other pods may fill every node that {count} pods that repel it leave to {name}")
        } else {
            format!("too few nodes are left for pods of {name}")
        }
    }

    fn copy(&self) -> Self {
        Self {
            room: self.room.clone(),
            demand: self.demand.clone(),
            contested: self.contested.clone(),
            conflicts: self.conflicts.clone(),
            ..*self
        }
    }
}

/// Whether a spread constraint of `group` counts a node.
pub(super) fn is_counted(spread: &Spread, group: &Group<'_>, name: &str, node: &quorate_proof::input::Node) -> bool {
    group.shape.spread.iter().all(|own| node.labels.contains_key(&own.topology_key))
        && (!spread.honors_affinity || matches_affinity(group.shape, name, node))
        && (!spread.honors_taints || tolerates_all(group.shape, node))
}

/// The sum of the `count` largest sums of `values` over a domain.
pub(super) fn largest(problem: &Problem<'_>, values: &[i128], over: Over<'_>, count: usize) -> i128 {
    if count == 0 {
        return 0;
    }
    let mut sums = vec![0_i128; problem.domain_count(over)];
    for (node, value) in values.iter().enumerate() {
        if let Some(sum) = problem.domain(over, node).and_then(|domain| sums.get_mut(domain)) {
            *sum = sum.saturating_add(*value);
        }
    }
    if count < sums.len() {
        sums.select_nth_unstable_by(count, |one, other| other.cmp(one));
    }
    sums.iter().take(count).sum()
}

/// The most domains of `wide` that one failure domain touches without holding all their nodes.
fn touched(problem: &Problem<'_>, failing: Over<'_>, wide: Over<'_>) -> usize {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for node in 0..problem.nodes.len() {
        let Some(domain) = problem.domain(wide, node) else { continue };
        let size = sizes.entry(domain).or_insert(0);
        *size = size.saturating_add(1);
        if let Some(failing) = problem.domain(failing, node) {
            let shared = shared.entry((failing, domain)).or_insert(0);
            *shared = shared.saturating_add(1);
        }
    }
    let mut touched: BTreeMap<usize, usize> = BTreeMap::new();
    for ((failing, domain), nodes) in shared {
        if sizes.get(&domain).is_some_and(|size| *size > nodes) {
            let own = touched.entry(failing).or_insert(0);
            *own = own.saturating_add(1);
        }
    }
    touched.into_values().max().unwrap_or(0)
}

fn greatest_common_divisor(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one.checked_rem(other).unwrap_or(0));
    }
    one
}

impl Problem<'_> {
    /// How many pods of a group there may be at once.
    pub(super) fn most(&self, number: usize, placement: Placement) -> i64 {
        let Some(group) = self.groups.get(number) else { return 0 };
        match placement {
            Placement::Fresh | Placement::Scheduled => group.workload.replicas,
            Placement::Reachable => group.most(),
            Placement::Current => {
                let there = self.existing.get(number).copied().unwrap_or_default();
                group.workload.replicas.max(there.alive).saturating_add(there.terminating)
            }
        }
    }

    /// Whether Kubernetes leaves pods on nodes lost by such a failure, because all or too many nodes of a zone are.
    pub(super) fn may_stop_evictions(&self, loss: &Loss<'_>) -> bool {
        let mut zones: BTreeMap<(Option<&String>, Option<&String>), Vec<usize>> = BTreeMap::new();
        for (number, (_, node)) in self.nodes.iter().enumerate() {
            let label = |key: &str| node.labels.get(key);
            let zone = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
            zones.entry(zone).or_default().push(number);
        }
        if self.nodes.len() > 50 {
            return false;
        }
        zones.values().any(|nodes| {
            let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
            for domain in nodes.iter().filter_map(|node| self.domain(loss.over, *node)) {
                let size = sizes.entry(domain).or_insert(0);
                *size = size.saturating_add(1);
            }
            subset_sums(sizes.into_values(), loss.count).into_iter().any(|lost| {
                lost > 2 && lost < nodes.len() && lost.saturating_mul(100) >= nodes.len().saturating_mul(55)
            })
        })
    }
}

/// Every sum of at most `count` of `sizes`.
fn subset_sums(sizes: impl Iterator<Item = usize>, count: usize) -> Vec<usize> {
    let mut reached: std::collections::BTreeSet<(usize, usize)> = std::collections::BTreeSet::from([(0, 0)]);
    for size in sizes {
        let more: Vec<(usize, usize)> = reached
            .iter()
            .filter(|(used, _)| *used < count)
            .map(|(used, sum)| (used.saturating_add(1), sum.saturating_add(size)))
            .collect();
        reached.extend(more);
    }
    reached.into_iter().map(|(_, sum)| sum).collect()
}

/// Whether nobody but a DaemonSet is concerned.
pub(super) const fn is_replaced(kind: &Kind, phase: Phase) -> bool {
    match kind {
        Kind::Deployment | Kind::ReplicaSet => true,
        Kind::StatefulSet => matches!(phase, Phase::Removed),
        Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => false,
    }
}
