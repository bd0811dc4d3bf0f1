//! One question: can the others keep a pod off every node?

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::evidence::Weights;
use quorate_proof::input::Spread;

use super::matching::{tolerates, unreachable};
use super::placed::{Case, is_counted, largest};
use super::problem::{Group, Over, Problem, SLOTS};

/// Beyond this many pods that repel it the finer comparison is not made.
const MANY: usize = 64;

pub(super) struct Question<'p, 'a> {
    problem: &'p Problem<'a>,
    number: usize,
    group: &'p Group<'a>,
    case: Case<'p>,
    /// So many of its own are to be bound.
    bound: i64,
    /// For each node the least use of each resource by which it is kept off; `None`: the node is not eligible.
    room: Vec<Option<Vec<i64>>>,
    /// Who may take room: the group, how many pods, how many one node holds.
    others: Vec<(usize, i128, i128)>,
    /// How many others of its own there are, and how many of them one node holds.
    own: (i128, i128),
    /// The resources that others can use up on a node.
    contested: Vec<bool>,
    /// How many others may keep it out of a domain, and whether any pod may.
    conflicts: Vec<(Over<'a>, usize, bool)>,
}

impl<'p, 'a> Question<'p, 'a> {
    pub(super) fn new(
        problem: &'p Problem<'a>,
        number: usize,
        group: &'p Group<'a>,
        (case, bound): (Case<'p>, i64),
    ) -> Self {
        let mut question = Self {
            problem,
            number,
            group,
            case,
            bound,
            room: Vec::new(),
            others: Vec::new(),
            own: (0, 0),
            contested: Vec::new(),
            conflicts: Vec::new(),
        };
        question.room = question.find_room();
        let repelled = question.surely_repelled();
        let own = if repelled.contains(&number) { 0 } else { question.others_of(number) };
        question.own = (i128::from(own), question.cap(number));
        question.others = question.find_others(&repelled);
        question.conflicts = question.find_conflicts();
        question.contested = question.find_contested();
        question
    }

    /// Whether any node is eligible.
    pub(super) fn has_room(&self) -> bool {
        self.room.iter().any(Option::is_some)
    }

    /// How many pods of a group there may be beside the one in question.
    fn others_of(&self, number: usize) -> i64 {
        let most = self.problem.most(number, self.case.placement);
        if number != self.number {
            return most;
        }
        // What a rollout adds may stay pending: then as many as are wanted are bound.
        let own = match self.case.placement {
            Placement::Reachable => self.group.workload.max_replicas,
            Placement::Current | Placement::Scheduled | Placement::Fresh => most,
        };
        own.min(self.bound).saturating_sub(1).max(0)
    }

    /// How many pods of a group one node holds at most.
    fn cap(&self, number: usize) -> i128 {
        match self.case.placement {
            // Pods that are there may be where they would not be placed.
            Placement::Current => i128::MAX,
            Placement::Reachable | Placement::Scheduled | Placement::Fresh => {
                self.problem.caps(self.case.placement).get(number).copied().unwrap_or(i128::MAX)
            }
        }
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
            for (_, on) in problem.fixed.iter().filter(|(fixed, _)| others.contains(fixed)) {
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

    /// Groups of which a node that they do not keep the pod off holds none.
    fn surely_repelled(&self) -> BTreeSet<usize> {
        let carry = |over: &Over<'_>| {
            let mut eligible = self.room.iter().enumerate().filter(|(_, room)| room.is_some());
            eligible.all(|(node, _)| self.problem.domain(*over, node).is_some())
        };
        self.group
            .surely
            .iter()
            .filter(|(over, _)| carry(over))
            .flat_map(|(_, groups)| groups.iter().copied())
            .collect()
    }

    fn find_others(&self, repelled: &BTreeSet<usize>) -> Vec<(usize, i128, i128)> {
        let mut found = Vec::new();
        let mut meets: BTreeMap<usize, bool> = BTreeMap::new();
        for (number, other) in self.problem.groups.iter().enumerate() {
            let pods = i128::from(self.others_of(number));
            let counts = pods > 0 && number != self.number && other.is_movable();
            if !counts || self.makes_way(other) || repelled.contains(&number) {
                continue;
            }
            let meets = *meets.entry(other.class).or_insert_with(|| {
                let homes = self.problem.homes(other, self.case.placement);
                self.room.iter().zip(homes).any(|(room, is_home)| room.is_some() && *is_home)
            });
            if meets {
                found.push((number, pods, self.cap(number)));
            }
        }
        found
    }

    fn find_conflicts(&self) -> Vec<(Over<'a>, usize, bool)> {
        let count = |(over, others): (&Over<'a>, &BTreeSet<usize>)| {
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

    /// A resource is contested if others that one node holds at once can keep the pod off the node with the least room.
    fn find_contested(&self) -> Vec<bool> {
        let contested = |resource: usize| {
            let least = self.room.iter().flatten().filter_map(|room| room.get(resource)).min();
            let mut weights = vec![0_i128; self.problem.resources.len()];
            if let Some(weight) = weights.get_mut(resource) {
                *weight = 1;
            }
            let asks = self.group.request.get(resource).is_some_and(|amount| *amount > 0);
            asks && least.is_some_and(|least| self.held(&weights, 1, self.own.0) >= i128::from(*least))
        };
        (0..self.problem.resources.len()).map(contested).collect()
    }

    /// The most that `nodes` nodes hold of others, `own` of them of the same group.
    fn held(&self, weights: &[i128], nodes: usize, own: i128) -> i128 {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        let weigh = |number: usize| -> i128 {
            let request = self.problem.groups.get(number).map_or(&[][..], |group| &group.request);
            let amounts = request.iter().zip(weights).filter(|(_, weight)| **weight > 0);
            amounts.map(|(asked, weight)| weight.saturating_mul(i128::from(*asked))).sum()
        };
        let hold = |most: i128, cap: i128| most.min(cap.saturating_mul(nodes));
        let others = self.others.iter().map(|(number, most, cap)| weigh(*number).saturating_mul(hold(*most, *cap)));
        let mine = weigh(self.number).saturating_mul(hold(own, self.own.1));
        others.fold(mine, i128::saturating_add)
    }

    /// Whether more nodes than this hold no more.
    fn is_full_with(&self, nodes: usize, own: i128) -> bool {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        let is_full = |most: i128, cap: i128| most <= cap.saturating_mul(nodes);
        is_full(own, self.own.1) && self.others.iter().all(|(_, most, cap)| is_full(*most, *cap))
    }

    /// Weights that make an average node equal in every resource.
    pub(super) fn first_weights(&self) -> Vec<i128> {
        let nodes: Vec<&Vec<i64>> = self.room.iter().flatten().collect();
        let count = i128::try_from(nodes.len()).unwrap_or(1).max(1);
        let average = |resource: usize| {
            let sum: i128 = nodes.iter().filter_map(|room| room.get(resource)).map(|amount| i128::from(*amount)).sum();
            sum.checked_div(count).unwrap_or(0).max(1)
        };
        let averages: Vec<i128> = (0..self.problem.resources.len()).map(average).collect();
        let weighted = averages.iter().enumerate().filter(|(resource, _)| self.is_weighted(*resource));
        let scale = weighted.map(|(_, own)| *own).max().unwrap_or(1).saturating_mul(1000);
        let weight = |(resource, own): (usize, &i128)| {
            if self.is_weighted(resource) { scale.checked_div(*own).unwrap_or(1).max(1) } else { 0 }
        };
        averages.iter().enumerate().map(weight).collect()
    }

    /// Whether a resource has a weight: those that others can use up, and slots, so that there is one.
    fn is_weighted(&self, resource: usize) -> bool {
        let is_slots = self.problem.resources.get(resource) == Some(&SLOTS);
        self.contested.get(resource).copied().unwrap_or(false)
            || (is_slots && !self.contested.iter().any(|contested| *contested))
    }

    /// By how much room is more than what others can hold, in the worst case; positive: it always fits.
    pub(super) fn margin(&self, weights: &[i128]) -> i128 {
        let value = |room: &Option<Vec<i64>>| {
            let weighted = room.iter().flatten().zip(weights).filter(|(_, weight)| **weight > 0);
            weighted.map(|(room, weight)| weight.saturating_mul(i128::from(*room))).min().unwrap_or(0)
        };
        let values: Vec<i128> = self.room.iter().map(value).collect();
        match self.group.shape.spread.first() {
            None => {
                let everywhere: Vec<bool> = self.room.iter().map(Option::is_some).collect();
                let lost = self.case.after.map_or(0, |loss| loss.count);
                self.margin_within(weights, &values, &everywhere, lost, self.own.0)
            }
            Some(spread) => self.spread_margin(spread, weights, &values),
        }
    }

    /// The margin within some nodes, of which up to `lost` failure domains fail.
    fn margin_within(&self, weights: &[i128], values: &[i128], inside: &[bool], lost: usize, own: i128) -> i128 {
        let within: Vec<i128> =
            values.iter().zip(inside).map(|(value, inside)| if *inside { *value } else { 0 }).collect();
        let inside: Vec<bool> = inside.iter().zip(&self.room).map(|(inside, room)| *inside && room.is_some()).collect();
        let nodes = inside.iter().filter(|inside| **inside).count();
        let conflicts: Vec<(Over<'_>, usize)> = self
            .conflicts
            .iter()
            .map(|(over, count, any)| (*over, count.saturating_add(self.dying(*over, *any))))
            .filter(|(_, count)| *count > 0)
            .collect();
        let coarse = self.left(&within, lost, &conflicts).saturating_sub(self.held(weights, nodes, own));
        let most_gone = conflicts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(lost);
        if coarse.is_positive() || self.is_full_with(nodes.saturating_sub(self.many_gone(&inside, most_gone)), own) {
            return coarse;
        }
        let [(over, most)] = conflicts.as_slice() else {
            if conflicts.is_empty() && !coarse.is_positive() {
                let fine = |failed| {
                    let gone = self.smallest(&inside, self.case.after.map(|loss| loss.over), failed);
                    let held = self.held(weights, nodes.saturating_sub(gone), own);
                    self.left(&within, failed, &[]).saturating_sub(held)
                };
                return (0..=lost).map(fine).min().unwrap_or(coarse);
            }
            return coarse;
        };
        if coarse.is_positive() || *most > MANY {
            return coarse;
        }
        let mut least = i128::MAX;
        for failed in 0..=lost {
            for count in 0..=*most {
                let gone = self.smallest(&inside, self.case.after.map(|loss| loss.over), failed);
                let gone = gone.max(self.smallest(&inside, Some(*over), count));
                let held = self.held(weights, nodes.saturating_sub(gone), own);
                least = least.min(self.left(&within, failed, &[(*over, count)]).saturating_sub(held));
            }
        }
        least
    }

    /// More nodes than these are not gone when `count` domains of any kind are.
    fn many_gone(&self, inside: &[bool], count: usize) -> usize {
        let kinds = self.conflicts.iter().map(|(over, ..)| *over).chain(self.case.after.map(|loss| loss.over));
        kinds.map(|over| self.smallest(inside, Some(over), count)).max().unwrap_or(0)
    }

    /// The sum of the `count` smallest numbers of nodes that a domain has of `inside`.
    fn smallest(&self, inside: &[bool], over: Option<Over<'_>>, count: usize) -> usize {
        let Some(over) = over else { return 0 };
        let mut sizes = vec![0_usize; self.problem.domain_count(over)];
        for (node, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
            if let Some(size) = self.problem.domain(over, node).and_then(|domain| sizes.get_mut(domain)) {
                *size = size.saturating_add(1);
            }
        }
        sizes.retain(|size| *size > 0);
        sizes.sort_unstable();
        sizes.iter().take(count).sum()
    }

    /// What is left of `values` once a failure and conflicts have taken the most they can.
    fn left(&self, values: &[i128], failed: usize, conflicts: &[(Over<'_>, usize)]) -> i128 {
        let mut left: i128 = values.iter().sum();
        if let Some(loss) = self.case.after {
            left = left.saturating_sub(largest(self.problem, values, loss.over, failed));
        }
        for (over, count) in conflicts {
            left = left.saturating_sub(largest(self.problem, values, *over, *count));
        }
        left
    }

    /// How many domains dying pods may block beyond those of living ones.
    fn dying(&self, over: Over<'_>, any: bool) -> usize {
        match self.case.after {
            Some(loss) if loss.phase == Phase::Recovered && any => {
                loss.count.saturating_mul(self.problem.touched(loss.over, over))
            }
            _ => 0,
        }
    }

    /// The margin within the domain of a spread constraint where it is smallest.
    fn spread_margin(&self, spread: &Spread, weights: &[i128], values: &[i128]) -> i128 {
        let problem = self.problem;
        let Some(domains) = problem.domains.get(spread.topology_key.as_str()) else { return -1 };
        let selects_itself = spread
            .selector
            .as_ref()
            .is_some_and(|selector| super::matching::selects(selector, &self.group.shape.labels));
        if !selects_itself {
            return -1;
        }
        let tolerates_dead = tolerates(&self.group.shape.tolerations, &unreachable("NoSchedule"));
        let dead_count = self
            .case
            .after
            .is_none_or(|loss| loss.phase == Phase::Recovered && (!spread.honors_taints || tolerates_dead));
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (node, (name, facts)) in problem.nodes.iter().enumerate() {
            let domain = domains.of_node.get(node).copied().flatten();
            if let Some(domain) = domain.filter(|_| is_counted(spread, self.group, name, facts)) {
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
        let of_revision = spread.selector.iter().flatten().any(super::matching::is_of_revision)
            && !matches!(self.case.placement, Placement::Fresh | Placement::Scheduled);
        let share = self.counted_others().checked_div(i128::try_from(remaining).unwrap_or(1)).unwrap_or(0);
        let within = |nodes: &Vec<usize>| {
            let mut inside = vec![false; problem.nodes.len()];
            for node in nodes {
                if let Some(inside) = inside.get_mut(*node) {
                    *inside = true;
                }
            }
            let parts = self.case.after.map_or(0, |after| self.parts(after.over, nodes));
            let lost = if dead_count { loss } else { loss.min(parts.saturating_sub(1)) };
            let own = if of_revision { self.own.0 } else { share.min(self.own.0) };
            self.margin_within(weights, values, &inside, lost, own)
        };
        members.values().map(within).min().unwrap_or(-1)
    }

    /// How many pods beside the one in question a spread constraint counts at most.
    fn counted_others(&self) -> i128 {
        let pods = |number: &usize| {
            let fixed = self.problem.fixed.iter().find(|(fixed, _)| fixed == number);
            let fixed = fixed.map_or(0, |(_, on)| i128::try_from(on.len()).unwrap_or(i128::MAX));
            let movable = self.problem.groups.get(*number).is_some_and(Group::is_movable);
            fixed.saturating_add(if movable { i128::from(self.others_of(*number)) } else { 0 })
        };
        self.group.counted.first().into_iter().flatten().map(pods).sum()
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

    /// `margin` in millionths of what others can hold: tells which weights say more.
    pub(super) fn relative(&self, margin: i128, weights: &[i128]) -> i128 {
        let all = self.held(weights, self.problem.nodes.len(), self.own.0).max(1);
        margin.saturating_mul(1_000_000).checked_div(all).unwrap_or(0)
    }

    /// Weights by name, in lowest terms.
    pub(super) fn written(&self, weights: &[i128]) -> Weights {
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let named = self.problem.resources.iter().zip(weights).filter(|(_, weight)| **weight > 0);
        let number = |weight: &i128| i64::try_from(weight.checked_div(divisor).unwrap_or(1)).unwrap_or(i64::MAX);
        named.map(|(name, weight)| ((*name).to_owned(), number(weight))).collect()
    }

    /// What stands in the way, for people.
    pub(super) fn obstacle(&self) -> String {
        let name = self.group.name;
        let scarce: Vec<&str> = self
            .problem
            .resources
            .iter()
            .zip(&self.contested)
            .filter(|(_, contested)| **contested)
            .map(|(resource, _)| if *resource == SLOTS { "pod slots" } else { *resource })
            .collect();
        let repelled = self.conflicts.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
        let by_room =
            format!("other pods may use up the {} of every node that takes pods of {name}", scarce.join(" and "));
        match (scarce.is_empty(), repelled) {
            (false, 0) => by_room,
            (false, _) => format!("{by_room} and does not hold one that repels it"),
            (true, 0) => format!("a spread constraint of {name} may leave it without a node"),
            (true, _) => format!("pods that repel those of {name} may hold every node that takes them"),
        }
    }
}

fn greatest_common_divisor(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one.checked_rem(other).unwrap_or(0));
    }
    one
}
