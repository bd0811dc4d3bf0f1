//! One question: can the others keep a pod off every node?

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::evidence::Weights;

use super::classes::{Alike, Room, Split};
use super::holding::{ANYWHERE, Holding, Kind, Margin, Others, Within};
use super::placed::{Case, IT};
use super::problem::{Group, Over, Problem, SLOTS};
use super::spread::Counted;
use super::values::{Values, at, smallest};

/// Beyond this many pods that repel it the finer comparison is not made.
const MANY: usize = 64;

/// What tells how many pods of one group some nodes have.
struct Spreading {
    class: usize,
    /// Whether some are where they would not be placed.
    is_astray: bool,
    /// How many a domain of a key holds.
    limits: Vec<(usize, i128)>,
}

pub(super) struct Question<'p, 'a> {
    pub(super) problem: &'p Problem<'a>,
    pub(super) number: usize,
    pub(super) group: &'p Group<'a>,
    pub(super) case: Case<'p>,
    /// So many of its own are to be bound.
    bound: i64,
    /// What nodes have.
    pub(super) free: &'p Room,
    /// For each class of nodes the least use of each resource by which it is kept off.
    room: Vec<Vec<i64>>,
    /// The nodes that are eligible.
    pub(super) open: Vec<usize>,
    /// The classes of these, and how many nodes of each there are.
    classes: Vec<(usize, i128)>,
    /// Who may take room.
    pub(super) others: Others,
    /// Of each kind of others, what tells how many of them some nodes have.
    spreading: Vec<Spreading>,
    /// The areas that are known.
    areas: BTreeMap<(Vec<bool>, Vec<i128>), usize>,
    /// That of all nodes that are eligible.
    area: usize,
    /// How many others of its own there are, and how many of them one node holds.
    pub(super) own: (i128, i128),
    /// The resources that others can use up on a node.
    contested: Vec<bool>,
    /// How many others may keep it out of a domain, and whether any pod may.
    conflicts: Vec<(Over<'a>, usize, bool)>,
    /// The domains of its spread constraint.
    pub(super) domains: Vec<Counted>,
}

impl<'p, 'a> Question<'p, 'a> {
    pub(super) fn new(
        problem: &'p Problem<'a>,
        number: usize,
        group: &'p Group<'a>,
        (case, bound): (Case<'p>, i64),
    ) -> Self {
        let free = match case.placement {
            Placement::Reachable | Placement::Current => &problem.free_in_rollouts,
            Placement::Fresh | Placement::Scheduled => &problem.free,
        };
        let least = |free: &Vec<i64>| {
            let amounts = free.iter().zip(&group.request);
            amounts.map(|(free, asked)| free.saturating_sub(*asked).saturating_add(1).max(0)).collect()
        };
        let mut question = Self {
            problem,
            number,
            group,
            case,
            bound,
            free,
            room: free.classes().iter().map(least).collect(),
            open: Vec::new(),
            classes: Vec::new(),
            others: Others::default(),
            spreading: Vec::new(),
            areas: BTreeMap::new(),
            area: ANYWHERE,
            own: (0, 0),
            contested: Vec::new(),
            conflicts: Vec::new(),
            domains: Vec::new(),
        };
        question.open = question.find_open();
        question.classes = question.classes_of(&question.open);
        let repelled = question.surely_repelled();
        let own = if repelled.contains(&number) { 0 } else { question.others_of(number) };
        question.own = (i128::from(own), question.own_cap());
        (question.others, question.spreading) = question.find_others(&repelled);
        question.area = question.find_area(&question.open.clone());
        question.conflicts = question.find_conflicts();
        question.contested = question.find_contested();
        question.domains = question.find_domains();
        question
    }

    /// Whether any node is eligible.
    pub(super) const fn has_room(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many pods of a group there may be beside the one in question.
    pub(super) fn others_of(&self, number: usize) -> i64 {
        let most = self.problem.most(number, self.case.placement);
        if number != self.number {
            return most;
        }
        // What a rollout adds may stay pending: then as many as are wanted are bound.
        most.min(self.bound).saturating_sub(1).max(0)
    }

    /// How many pods of a kind of groups one node holds at most.
    const fn cap(&self, alike: &Alike) -> i128 {
        match self.case.placement {
            // Pods that are there may be where they would not be placed.
            Placement::Current => i128::MAX,
            Placement::Reachable | Placement::Scheduled | Placement::Fresh => alike.cap(self.case.placement),
        }
    }

    /// How many pods a group of a kind has at most.
    fn most_of(&self, alike: &Alike) -> i128 {
        i128::from(alike.most(self.case.placement))
    }

    fn own_cap(&self) -> i128 {
        let kind = self.problem.kinds.of_group.get(self.number).copied().flatten();
        let alike = kind.and_then(|kind| self.problem.kinds.all.get(kind));
        alike.map_or(i128::MAX, |(alike, _)| self.cap(alike))
    }

    fn find_open(&self) -> Vec<usize> {
        let problem = self.problem;
        let mut open: Vec<usize> = problem.eligible_nodes(self.group).collect();
        for (over, others) in &self.group.conflicts {
            let split = problem.split(*over);
            for (_, on) in problem.fixed.iter().filter(|(fixed, _)| others.contains(fixed)) {
                let taken: BTreeSet<usize> = on.iter().filter_map(|node| split.of(*node)).collect();
                open.retain(|node| split.of(*node).is_none_or(|domain| !taken.contains(&domain)));
            }
        }
        if let Some(spread) = self.group.shape.spread.first() {
            let split = problem.split(Over::Key(&spread.topology_key));
            open.retain(|node| split.of(*node).is_some());
        }
        open
    }

    /// How many nodes of each class are among some.
    pub(super) fn classes_of(&self, nodes: &[usize]) -> Vec<(usize, i128)> {
        let mut counts = vec![0_i128; self.room.len()];
        for node in nodes {
            if let Some(count) = counts.get_mut(self.free.class(*node)) {
                *count = count.saturating_add(1);
            }
        }
        counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }

    /// Whether pods of lower priority would make way on their node.
    const fn makes_way(&self, priority: i32) -> bool {
        self.group.shape.preempts && priority < self.group.shape.priority
    }

    /// Groups of which a node that they do not keep the pod off holds none.
    fn surely_repelled(&self) -> BTreeSet<usize> {
        let carry = |over: &Over<'_>| {
            let split = self.problem.split(*over);
            self.open.iter().all(|node| split.of(*node).is_some())
        };
        self.group
            .surely
            .iter()
            .filter(|(over, _)| carry(over))
            .flat_map(|(_, groups)| groups.iter().copied())
            .collect()
    }

    fn find_others(&self, repelled: &BTreeSet<usize>) -> (Others, Vec<Spreading>) {
        let kinds = &self.problem.kinds;
        let mut left_out: BTreeMap<usize, i128> = BTreeMap::new();
        let own = std::iter::once(&self.number).filter(|own| !repelled.contains(own));
        for kind in repelled.iter().chain(own).filter_map(|group| kinds.of_group.get(*group).copied().flatten()) {
            let count = left_out.entry(kind).or_insert(0);
            *count = count.saturating_add(1);
        }
        let mut meets: BTreeMap<usize, bool> = BTreeMap::new();
        let (mut found, mut spreading) = (Vec::new(), Vec::new());
        for (kind, (alike, groups)) in kinds.all.iter().enumerate() {
            let groups = groups.saturating_sub(left_out.get(&kind).copied().unwrap_or(0));
            if groups <= 0 || alike.most(self.case.placement) <= 0 || self.makes_way(alike.priority) {
                continue;
            }
            let is_astray = alike.is_astray && self.case.placement == Placement::Current;
            let meets = *meets.entry(alike.class).or_insert_with(|| self.meets(alike.class, &self.open));
            if !meets && !is_astray {
                continue;
            }
            let evens = alike.evens.iter();
            let limit = |even| self.problem.evens.limit(self.problem, even, (self.case.placement, self.case.after));
            let limits: Vec<(usize, i128)> = evens.filter_map(limit).collect();
            let cap = limits.iter().fold(self.cap(alike), |cap, (_, most)| cap.min(*most));
            found.push((alike.request.as_slice(), Kind { most: self.most_of(alike), cap, groups }));
            spreading.push(Spreading { class: alike.class, is_astray, limits });
        }
        (Others::new(self.problem.resources.len(), found), spreading)
    }

    /// Whether some of these nodes take pods of a class of eligibility.
    fn meets(&self, class: usize, nodes: &[usize]) -> bool {
        let homes = self.problem.homes(class, self.case.placement);
        nodes.iter().any(|node| homes.get(*node).copied().unwrap_or(false))
    }

    /// The number of the area that some nodes are: who may be there, and over how many domains they spread.
    pub(super) fn find_area(&mut self, nodes: &[usize]) -> usize {
        let classes: BTreeSet<usize> = self.spreading.iter().map(|own| own.class).collect();
        let meets: BTreeMap<usize, bool> = classes.into_iter().map(|class| (class, self.meets(class, nodes))).collect();
        let domains = |key: &&str| {
            let split = self.problem.split(Over::Key(key));
            let domains = nodes.iter().filter_map(|node| split.of(*node));
            let count = if split.is_single() { domains.count() } else { domains.collect::<BTreeSet<_>>().len() };
            i128::try_from(count).unwrap_or(i128::MAX)
        };
        let domains: Vec<i128> = self.problem.evens.keys.iter().map(domains).collect();
        let alike = (meets.values().copied().collect(), domains);
        if let Some(known) = self.areas.get(&alike) {
            return *known;
        }
        let most = |own: &Spreading| {
            if !own.is_astray && !meets.get(&own.class).copied().unwrap_or(true) {
                return 0;
            }
            let in_domains = own
                .limits
                .iter()
                .map(|(key, most)| alike.1.get(*key).map_or(i128::MAX, |own| own.saturating_mul(*most)));
            in_domains.min().unwrap_or(i128::MAX)
        };
        let most = self.spreading.iter().map(most).collect();
        let number = self.others.add_area(most);
        self.areas.insert(alike, number);
        number
    }

    fn find_conflicts(&self) -> Vec<(Over<'a>, usize, bool)> {
        let count = |(over, others): (&Over<'a>, &BTreeSet<usize>)| {
            let single = self.problem.is_single(*over);
            let mut pods = 0_i64;
            let mut any = false;
            for number in others {
                let Some(other) = self.problem.groups.get(*number).filter(|other| other.is_movable()) else { continue };
                any = any || self.problem.most(*number, self.case.placement) > 0;
                if !(single && self.makes_way(other.shape.priority)) {
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
            let rooms = self.classes.iter().filter_map(|(class, _)| self.room.get(*class)?.get(resource));
            let asks = self.group.request.get(resource).is_some_and(|amount| *amount > 0);
            let held = || Holding::new(self, &self.only(resource), i128::MAX).on(ANYWHERE, 1, self.own.0);
            asks && rooms.min().is_some_and(|least| held() >= i128::from(*least))
        };
        (0..self.problem.resources.len()).map(contested).collect()
    }

    /// Weights that count one resource only.
    fn only(&self, resource: usize) -> Vec<i128> {
        (0..self.problem.resources.len()).map(|own| i128::from(own == resource)).collect()
    }

    /// The sum of the room for one resource on nodes of some classes.
    fn whole(&self, resource: usize, classes: &[(usize, i128)]) -> i128 {
        let room = |class: usize| self.room.get(class).and_then(|room| room.get(resource)).copied().unwrap_or(0);
        classes.iter().map(|(class, nodes)| i128::from(room(*class)).saturating_mul(*nodes)).sum()
    }

    /// Weights that make an average node equal in every resource.
    pub(super) fn first_weights(&self) -> Vec<i128> {
        let count = i128::try_from(self.open.len()).unwrap_or(1).max(1);
        let average = |resource: usize| self.whole(resource, &self.classes).checked_div(count).unwrap_or(0).max(1);
        let averages: Vec<i128> = (0..self.problem.resources.len()).map(average).collect();
        let weighted = averages.iter().enumerate().filter(|(resource, _)| self.is_weighted(*resource));
        let scale = weighted.map(|(_, own)| *own).max().unwrap_or(1).saturating_mul(1000);
        let weight = |(resource, own): (usize, &i128)| {
            if self.is_weighted(resource) { scale.checked_div(*own).unwrap_or(1).max(1) } else { 0 }
        };
        averages.iter().enumerate().map(weight).collect()
    }

    /// Whether no weights are enough: somewhere others hold as much of one resource as there is room for it.
    ///
    /// For `Σ min over ρ of λ(ρ)·τ(n,ρ)` is no more than `λ(ρ)·Σ τ(n,ρ)` of any ρ, and where nodes are alike pods weigh at least
    /// `λ(ρ)·min(r(ρ), τ(ρ))`.
    pub(super) fn is_hopeless(&self) -> bool {
        let whole = Within { nodes: &self.open, classes: &self.classes, area: self.area };
        let (parts, own) = match self.group.shape.spread.first() {
            None => (vec![whole], self.own.0),
            Some(_) => (self.domains.iter().map(Counted::within).collect(), 0),
        };
        let is_full = |resource: &usize| {
            let rooms = self.classes.iter().filter_map(|(class, _)| self.room.get(*class)?.get(*resource));
            let most = rooms.max().map_or(0, |most| i128::from(*most));
            let held = Holding::new(self, &self.only(*resource), most);
            parts.iter().any(|part| held.on(part.area, part.nodes.len(), own) >= self.whole(*resource, part.classes))
        };
        // What conflicts leave of both is not looked at: where nothing repels it, failures only make it worse.
        self.conflicts.is_empty()
            && (0..self.problem.resources.len()).filter(|own| self.is_weighted(*own)).any(|own| is_full(&own))
    }

    /// Whether a resource has a weight: those that others can use up, and slots, so that there is one.
    fn is_weighted(&self, resource: usize) -> bool {
        let is_slots = self.problem.resources.get(resource) == Some(&SLOTS);
        self.contested.get(resource).copied().unwrap_or(false)
            || (is_slots && !self.contested.iter().any(|contested| *contested))
    }

    /// By how much room is more than what others can hold, in the worst case; positive: it always fits.
    pub(super) fn margin(&self, weights: &[i128]) -> Margin {
        let value = |room: &Vec<i64>| {
            let weighted = room.iter().zip(weights).filter(|(_, weight)| **weight > 0);
            weighted.map(|(room, weight)| weight.saturating_mul(i128::from(*room))).min().unwrap_or(0)
        };
        let values: Vec<i128> = self.room.iter().map(value).collect();
        let heaviest = self.classes.iter().filter_map(|(class, _)| values.get(*class)).copied().max().unwrap_or(0);
        let holding = Holding::new(self, weights, heaviest);
        let by = match self.group.shape.spread.first() {
            None => {
                let lost = self.case.after.map_or(0, |loss| loss.count);
                let whole = Within { nodes: &self.open, classes: &self.classes, area: self.area };
                self.margin_within(&holding, &values, whole, lost, self.own.0)
            }
            Some(spread) => self.spread_margin(spread, &holding, &values),
        };
        Margin { by, of: holding.on(ANYWHERE, self.problem.nodes.len(), self.own.0).max(1) }
    }

    /// The margin within some nodes, of which up to `lost` failure domains fail.
    pub(super) fn margin_within(
        &self,
        holding: &Holding<'_>,
        values: &[i128],
        Within { nodes, classes, area }: Within<'_>,
        lost: usize,
        own: i128,
    ) -> i128 {
        let within = Values { of_class: values, free: self.free, nodes, classes };
        let conflicts: Vec<(Split<'_>, usize)> = self
            .conflicts
            .iter()
            .map(|(over, count, any)| (*over, count.saturating_add(self.dying(*over, *any))))
            .filter(|(_, count)| *count > 0)
            .map(|(over, count)| (self.problem.split(over), count))
            .collect();
        let failing = self.case.after.map_or(Split::Nothing, |loss| self.problem.split(loss.over));
        let failed = within.largest(failing, lost);
        let repelled: Vec<Vec<i128>> = conflicts.iter().map(|(split, count)| within.largest(*split, *count)).collect();
        let all = within.sum();
        let count = nodes.len();
        let taken = conflicts.iter().zip(&repelled).map(|((_, count), sums)| at(sums, *count));
        let left = taken.fold(all.saturating_sub(at(&failed, lost)), i128::saturating_sub);
        let coarse = left.saturating_sub(holding.on(area, count, own));
        if coarse.is_positive() {
            return coarse;
        }
        let most_gone = conflicts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(lost);
        let kinds = self.conflicts.iter().map(|(over, ..)| self.problem.split(*over)).chain([failing]);
        let many_gone = kinds.map(|split| at(&smallest(nodes, split, most_gone), most_gone)).max().unwrap_or(0);
        if holding.is_full_on(area, count.saturating_sub(many_gone), own) {
            return coarse;
        }
        let gone = smallest(nodes, failing, lost);
        let held = |gone: usize| holding.on(area, count.saturating_sub(gone), own);
        match (conflicts.as_slice(), repelled.as_slice()) {
            ([], _) => {
                let fine = |lost| all.saturating_sub(at(&failed, lost)).saturating_sub(held(at(&gone, lost)));
                (0..=lost).map(fine).min().unwrap_or(coarse)
            }
            ([(over, most)], [repelled]) if *most <= MANY => {
                let blocked = smallest(nodes, *over, *most);
                let fine = |(lost, most): (usize, usize)| {
                    let left = all.saturating_sub(at(&failed, lost)).saturating_sub(at(repelled, most));
                    left.saturating_sub(held(at(&gone, lost).max(at(&blocked, most))))
                };
                (0..=lost).flat_map(|lost| (0..=*most).map(move |most| (lost, most))).map(fine).min().unwrap_or(coarse)
            }
            _ => coarse,
        }
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

    /// Weights by name, in lowest terms.
    pub(super) fn written(&self, weights: &[i128]) -> Weights {
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let named = self.problem.resources.iter().zip(weights).filter(|(_, weight)| **weight > 0);
        let number = |weight: &i128| i64::try_from(weight.checked_div(divisor).unwrap_or(1)).unwrap_or(i64::MAX);
        named.map(|(name, weight)| ((*name).to_owned(), number(weight))).collect()
    }

    /// What stands in the way, for people: the text of an [`super::placed::Obstacle`].
    pub(super) fn obstacle(&self) -> String {
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
            format!("other pods may use up the {} of every node that takes pods of {IT}", scarce.join(" and "));
        match (scarce.is_empty(), repelled) {
            (false, 0) => by_room,
            (false, _) => format!("{by_room} and does not hold one that repels it"),
            (true, 0) => format!("a spread constraint of {IT} may leave it without a node"),
            (true, _) => format!("pods that repel those of {IT} may hold every node that takes them"),
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
