//! What can happen next in a placement: a pod is placed, a pod preempts others.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{BudgetId, ClusterState, Pod, PodId, PreemptionPolicy};
use quorate_sim::controller::disruption;
use quorate_sim::scheduler::{Candidate, Preemption, Snapshot, feasible_nodes, preempt_candidate, schedule_candidate};

use super::enumerate::{Placed, Reading, Victims};
use super::ground::{Class, Counts, Ground, Upkeep, is_alive};

/// A node on which these would make room: how many of which class.
type Room = (usize, Vec<(usize, u8)>);

/// How many orders of pods of equal priority are looked at on all nodes together; more do not occur in small clusters.
const MOST_ORDERS: usize = 720;

/// Something that happens to a placement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Move {
    /// A pod of a class is placed on a node; pods of these classes there make room for it.
    Place {
        /// The class.
        class: usize,
        /// Where it was nominated to before.
        nominated: Option<usize>,
        /// The node.
        node: usize,
        /// Who goes: how many of which class.
        victims: Vec<(usize, u8)>,
    },
    /// A pod of a class is nominated to a node, and pods there make room for it; or it is not nominated any longer.
    Nominate {
        /// The class.
        class: usize,
        /// Where it was nominated to before.
        nominated: Option<usize>,
        /// The node.
        node: Option<usize>,
        /// Who goes: how many of which class.
        victims: Vec<(usize, u8)>,
    },
    /// A pod on a lost node begins to terminate.
    Lose {
        /// Its class.
        class: usize,
        /// Its node.
        node: usize,
    },
    /// The object of a lost node goes, and the pods there with it.
    Remove {
        /// The node.
        node: usize,
    },
}

impl Move {
    /// As a sentence.
    pub(crate) fn sentence(&self, ground: &Ground) -> String {
        let pod = |class: &usize| &ground.classes[*class].text;
        let (mut text, victims) = match self {
            Self::Place { class, node, victims, .. } => {
                (format!("{} to {}", pod(class), ground.node_name(*node)), victims.as_slice())
            }
            Self::Nominate { class, node: Some(node), victims, .. } => {
                (format!("{} is nominated to {}", pod(class), ground.node_name(*node)), victims.as_slice())
            }
            Self::Nominate { class, node: None, .. } => (format!("{} is nominated no longer", pod(class)), &[][..]),
            Self::Lose { class, node } => {
                (format!("{} on {} begins to terminate", pod(class), ground.node_name(*node)), &[][..])
            }
            Self::Remove { node } => (format!("{} is deleted", ground.node_name(*node)), &[][..]),
        };
        for (victim, count) in victims {
            text.push_str(&format!(", {count} of {} goes", pod(victim)));
        }
        text
    }

    /// Makes it happen.
    pub(crate) fn apply(&self, ground: &Ground, placed: &mut Placed) {
        match self {
            Self::Place { class, nominated, node, victims } => {
                end_nomination(placed, *class, *nominated);
                evict(ground, placed, *node, victims);
                placed.made.remove(class);
                placed.alive[ground.at(*class, *node)] += 1;
            }
            Self::Nominate { class, nominated, node, victims } => {
                end_nomination(placed, *class, *nominated);
                if let Some(node) = *node {
                    evict(ground, placed, node, victims);
                    // Pods of lower priority are nominated there no longer.
                    let priority = |class: usize| ground.classes[class].pod.template.spec.priority;
                    placed.nominated.retain(|(other, on)| *on != node || priority(*other) >= priority(*class));
                    placed.nominated.push((*class, node));
                    placed.nominated.sort_unstable();
                }
            }
            Self::Lose { class, node } => {
                placed.alive[ground.at(*class, *node)] -= 1;
                placed.dying[ground.at(*class, *node)] += 1;
            }
            Self::Remove { node } => {
                for class in 0..ground.classes.len() {
                    placed.alive[ground.at(class, *node)] = 0;
                    placed.dying[ground.at(class, *node)] = 0;
                }
                placed.nominated.retain(|(_, nominated)| nominated != node);
                placed.gone.insert(*node);
            }
        }
    }
}

fn evict(ground: &Ground, placed: &mut Placed, node: usize, victims: &[(usize, u8)]) {
    for (victim, count) in victims {
        placed.alive[ground.at(*victim, node)] -= count;
    }
}

fn end_nomination(placed: &mut Placed, class: usize, nominated: Option<usize>) {
    let Some(node) = nominated else { return };
    let place = placed.nominated.iter().position(|own| *own == (class, node)).unwrap();
    placed.nominated.remove(place);
}

/// A cluster after a loss, with the pods that terminate and those that are nominated; others are placed on it.
pub(crate) struct Scene<'a> {
    pub(crate) ground: &'a Ground,
    /// See [`Ground::after`] and [`Ground::add_nominated`].
    pub(crate) state: &'a ClusterState,
    /// How many pods of each class there have to be.
    pub(crate) totals: &'a [u8],
    /// The class, the node and the id of each pod that is nominated.
    pub(crate) nominated: Vec<(usize, usize, PodId)>,
}

impl<'a> Scene<'a> {
    /// A pending pod of a class, as if it was nominated nowhere.
    fn candidate(&self, class: usize, nominated: Option<usize>) -> Candidate<'a> {
        let pod = &self.ground.classes[class].pod;
        let own = |of: &&(usize, usize, PodId)| of.0 == class && Some(of.1) == nominated;
        let id = self.nominated.iter().find(own).map(|(_, _, id)| *id);
        Candidate { id, ..Candidate::hypothetical(pod.namespace, &pod.labels, &pod.template.spec, pod.owner) }
    }

    fn snapshot(&self, alive: &Counts) -> Snapshot<'a> {
        let mut snapshot = Snapshot::new(self.state);
        for class in 0..self.ground.classes.len() {
            for (node, id) in self.ground.nodes.iter().enumerate() {
                for _ in 0..alive[self.ground.at(class, node)] {
                    snapshot.bind(self.candidate(class, None), *id);
                }
            }
        }
        snapshot
    }

    fn nodes_for(&self, snapshot: &Snapshot<'a>, candidate: &Candidate<'a>) -> Vec<usize> {
        let feasible = feasible_nodes(snapshot, candidate);
        let positions = self.ground.nodes.iter().enumerate().filter(|(_, id)| feasible.contains(id));
        positions.map(|(node, _)| node).collect()
    }

    /// The pending pods that differ: a class each, and where the pod is nominated to.
    fn pending(&self, placed: &Placed) -> Vec<(usize, Option<usize>)> {
        let mut pending = Vec::new();
        for (class, own) in self.ground.classes.iter().enumerate() {
            let of_class: Vec<usize> =
                placed.nominated.iter().filter(|(other, _)| *other == class).map(|(_, node)| *node).collect();
            let bound = usize::from(self.ground.sum(&placed.alive, class));
            let is_there = own.ordinal.is_none() || placed.made.contains(&class);
            if is_there && bound + of_class.len() < usize::from(self.totals[class]) {
                pending.push((class, None));
            }
            pending.extend(of_class.into_iter().map(|node| (class, Some(node))));
        }
        pending.dedup();
        pending
    }

    /// Every way in which a pending pod can be placed, or nominated; and whether it can also be that none of them is, ever.
    pub(crate) fn placings(&self, placed: &Placed, reading: Reading) -> (Vec<Move>, bool) {
        let snapshot = self.snapshot(&placed.alive);
        let (mut moves, mut all_wait) = (Vec::new(), true);
        // Pods that may be refused, and those that are there and pending whatever happens.
        let (mut refusable, mut stuck) = (true, 0);
        let allowed = self.allowed(placed);
        for (class, nominated) in self.pending(placed) {
            if nominated.is_none() && allowed == Some(0) {
                continue;
            }
            let waited = std::mem::replace(&mut all_wait, true);
            let candidate = self.candidate(class, nominated);
            let nominated_node = nominated.map(|node| self.ground.nodes[node]);
            let nodes = self.nodes_for(&snapshot, &Candidate { nominated_node, ..candidate });
            if nodes.is_empty() && preempts(&self.ground.classes[class]) {
                let room = match reading.victims {
                    Victims::Fewest => self.fewest_victims(&placed.alive, class, candidate, false),
                    Victims::FewestOfAll => self.fewest_victims(&placed.alive, class, candidate, true),
                    Victims::SchedulersAnywhere => self.schedulers_victims(&placed.alive, class, false),
                    Victims::Schedulers => self.schedulers_victims(&placed.alive, class, true),
                };
                let waits = reading.nominates && self.waits_for_the_dying(&placed.alive, class, candidate);
                if room.is_empty() && nominated.is_some() && !waits {
                    moves.push(Move::Nominate { class, nominated, node: None, victims: Vec::new() });
                    all_wait = false;
                }
                all_wait = all_wait && (waits || room.is_empty());
                moves.extend(room.into_iter().map(|(node, victims)| {
                    if reading.nominates {
                        Move::Nominate { class, nominated, node: Some(node), victims }
                    } else {
                        Move::Place { class, nominated, node, victims }
                    }
                }));
            }
            all_wait = all_wait && nodes.is_empty();
            let place = |node| Move::Place { class, nominated, node, victims: Vec::new() };
            moves.extend(nodes.into_iter().map(place));
            match (all_wait, nominated) {
                (true, None) => {
                    let bound = usize::from(self.ground.sum(&placed.alive, class));
                    let nominated = placed.nominated.iter().filter(|(other, _)| *other == class).count();
                    stuck += usize::from(self.totals[class]) - bound - nominated;
                }
                (true, Some(_)) => {}
                (false, _) => refusable = refusable && nominated.is_none(),
            }
            all_wait = all_wait && waited;
        }
        // Those that would find a node are not there: others that find none have been created in their place.
        let are_refused = refusable && allowed.is_some_and(|allowed| allowed <= stuck);
        (moves, all_wait || are_refused)
    }

    /// How many more pods can be created beside those that are bound, terminate or are nominated; `None`: any number.
    fn allowed(&self, placed: &Placed) -> Option<usize> {
        let quota = self.ground.quota?;
        let count = |counts: &Counts| counts.iter().map(|own| usize::from(*own)).sum::<usize>();
        let dying = if quota.counts_dying { count(&placed.dying) } else { 0 };
        Some(quota.most.saturating_sub(count(&placed.alive) + dying + placed.nominated.len()))
    }

    /// Whether there is a node where it would be enough that pods of lower priority were gone of which one terminates already. Where
    /// the scheduler chooses that node it waits for a pod that never goes.
    fn waits_for_the_dying(&self, alive: &Counts, class: usize, candidate: Candidate<'a>) -> bool {
        let priority = candidate.spec.priority;
        let waited_for = |pod: &Pod| pod.deletion.is_some() && pod.template.spec.priority < priority;
        for (node, id) in self.ground.nodes.iter().enumerate() {
            if !self.state.pods.on_node(Some(*id)).any(|(_, pod)| waited_for(pod)) {
                continue;
            }
            let mut state = self.state.clone();
            state.pods.retain(|_, pod| pod.node != Some(*id) || !waited_for(pod));
            let mut rest = alive.clone();
            for other in 0..self.ground.classes.len() {
                if self.ground.classes[other].pod.template.spec.priority < priority {
                    rest[self.ground.at(other, node)] = 0;
                }
            }
            let scene = Scene { ground: self.ground, state: &state, totals: self.totals, nominated: Vec::new() };
            let candidate = Candidate { id: candidate.id, ..scene.candidate(class, None) };
            if scene.nodes_for(&scene.snapshot(&rest), &candidate).contains(&node) {
                return true;
            }
        }
        false
    }

    /// On every node the sets of pods of lower priority without which the pod fits there, and would not if any of them stayed.
    fn fewest_victims(&self, alive: &Counts, class: usize, candidate: Candidate<'a>, of_all: bool) -> Vec<Room> {
        let priority = self.ground.classes[class].pod.template.spec.priority;
        let mut rooms = Vec::new();
        for node in 0..self.ground.nodes.len() {
            let lower: Vec<usize> = (0..self.ground.classes.len())
                .filter(|other| of_all || self.ground.classes[*other].upkeep != Upkeep::Fixed)
                .filter(|other| self.ground.classes[*other].pod.template.spec.priority < priority)
                .filter(|other| alive[self.ground.at(*other, node)] > 0)
                .collect();
            let mut known: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
            let mut fits = |gone: &Vec<u8>| {
                *known.entry(gone.clone()).or_insert_with(|| {
                    let mut rest = alive.clone();
                    for (other, count) in lower.iter().zip(gone) {
                        rest[self.ground.at(*other, node)] -= count;
                    }
                    self.nodes_for(&self.snapshot(&rest), &candidate).contains(&node)
                })
            };
            let most: Vec<u8> = lower.iter().map(|other| alive[self.ground.at(*other, node)]).collect();
            if of_all && !fits(&most) {
                continue;
            }
            for gone in up_to(&most) {
                let needed = (0..gone.len()).filter(|place| gone[*place] > 0).all(|place| {
                    let mut one_stays = gone.clone();
                    one_stays[place] -= 1;
                    !fits(&one_stays)
                });
                if gone.iter().any(|count| *count > 0) && needed && fits(&gone) {
                    let victims = lower.iter().copied().zip(gone).filter(|(_, count)| *count > 0).collect();
                    rooms.push((node, victims));
                }
            }
        }
        rooms
    }

    /// What the scheduler's preemption would do, whichever pods of equal priority have run for longer: on every node where it
    /// is possible, or only on those that the scheduler would take. Where it would wait for a pod that already terminates,
    /// nothing happens.
    fn schedulers_victims(&self, alive: &Counts, class: usize, best_only: bool) -> Vec<Room> {
        let mut rooms = BTreeSet::new();
        for order in self.orders(alive) {
            let (state, classes) = self.in_order(&order);
            let snapshot = Snapshot::new(&state);
            let candidate = self.candidate(class, None);
            let result = schedule_candidate(&snapshot, &candidate);
            let Preemption::Candidates { victims, best, .. } = preempt_candidate(&snapshot, &candidate, &result) else {
                continue;
            };
            for (id, own) in victims.iter().filter(|(id, _)| !best_only || best.contains(id)) {
                let node = self.ground.nodes.iter().position(|node| node == id).unwrap();
                let mut counts: BTreeMap<usize, u8> = BTreeMap::new();
                for pod in own.pods.iter().filter(|pod| is_alive(**pod)) {
                    *counts.entry(classes[&pod.0]).or_default() += 1;
                }
                if own.pods.iter().all(|pod| is_alive(*pod)) {
                    rooms.insert((node, counts.into_iter().collect()));
                }
            }
        }
        rooms.into_iter().collect()
    }

    /// The state with the pods placed on it, the ids of earlier ones smaller; budgets as the disruption controller sees them.
    fn in_order(&self, order: &[(usize, usize)]) -> (ClusterState, BTreeMap<u32, usize>) {
        let mut state = self.state.clone();
        let mut classes = BTreeMap::new();
        for (node, class) in order {
            let mut one = self.ground.nothing();
            one[self.ground.at(*class, *node)] = 1;
            classes.insert(state.pods_created, *class);
            self.ground.add_alive(&mut state, &one);
        }
        let ids: Vec<BudgetId> = state.budgets.keys().copied().collect();
        for id in ids {
            let status = disruption::status(&state, state.budgets.get(&id).unwrap());
            state.budgets.get_mut(&id).unwrap().status = status;
        }
        (state, classes)
    }

    /// The placed pods, a node and a class each, in every order in which those of one node can have begun to run.
    fn orders(&self, alive: &Counts) -> Vec<Vec<(usize, usize)>> {
        let mut orders: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
        for node in 0..self.ground.nodes.len() {
            let held: Vec<u8> =
                (0..self.ground.classes.len()).map(|class| alive[self.ground.at(class, node)]).collect();
            let of_node = arrangements(&held);
            let extended = orders.iter().flat_map(|before| {
                of_node
                    .iter()
                    .map(|after| before.iter().copied().chain(after.iter().map(|class| (node, *class))).collect())
            });
            orders = extended.take(MOST_ORDERS).collect();
        }
        orders
    }
}

fn preempts(class: &Class) -> bool {
    match class.pod.template.spec.preemption_policy {
        PreemptionPolicy::PreemptLowerPriority => true,
        PreemptionPolicy::Never => false,
    }
}

/// Every vector between zero and `most`.
fn up_to(most: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for most in most {
        let longer =
            |start: &Vec<u8>| (0..=*most).map(|count| start.iter().copied().chain([count]).collect()).collect();
        all = all.iter().flat_map(|start| -> Vec<Vec<u8>> { longer(start) }).collect();
    }
    all
}

/// Every order of so many things of each kind.
fn arrangements(counts: &[u8]) -> Vec<Vec<usize>> {
    if counts.iter().all(|count| *count == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for kind in (0..counts.len()).filter(|kind| counts[*kind] > 0) {
        let mut rest = counts.to_vec();
        rest[kind] -= 1;
        for mut order in arrangements(&rest) {
            order.insert(0, kind);
            all.push(order);
        }
    }
    all
}
