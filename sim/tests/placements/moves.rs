//! What can happen next in a placement: a pod is placed, a pod preempts others.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{BudgetId, ClusterState, PreemptionPolicy};
use quorate_sim::controller::disruption;
use quorate_sim::scheduler::{Candidate, Preemption, Snapshot, feasible_nodes, preempt_candidate, schedule_candidate};

use super::enumerate::Victims;
use super::ground::{Class, Counts, Ground, Upkeep, is_alive};

/// How many orders of pods of equal priority are looked at on all nodes together; more do not occur in small clusters.
const MOST_ORDERS: usize = 720;

/// Something that happens to a placement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Move {
    /// A pod of a class is placed on a node; pods of these classes there make room for it.
    Place {
        /// The class.
        class: usize,
        /// The node.
        node: usize,
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
}

impl Move {
    /// As a sentence.
    pub(crate) fn sentence(&self, ground: &Ground) -> String {
        match self {
            Self::Place { class, node, victims } => {
                let mut text = format!("{} to {}", ground.classes[*class].text, ground.node_name(*node));
                for (victim, count) in victims {
                    text.push_str(&format!(", {count} of {} goes", ground.classes[*victim].text));
                }
                text
            }
            Self::Lose { class, node } => {
                format!("{} on {} begins to terminate", ground.classes[*class].text, ground.node_name(*node))
            }
        }
    }

    /// The pods that run after it.
    pub(crate) fn apply(&self, ground: &Ground, alive: &Counts) -> Counts {
        let mut next = alive.clone();
        match self {
            Self::Place { class, node, victims } => {
                next[ground.at(*class, *node)] += 1;
                for (victim, count) in victims {
                    next[ground.at(*victim, *node)] -= count;
                }
            }
            Self::Lose { class, node } => next[ground.at(*class, *node)] -= 1,
        }
        next
    }
}

/// A cluster after a loss, with the pods that terminate; others are placed on it.
pub(crate) struct Scene<'a> {
    pub(crate) ground: &'a Ground,
    /// See [`Ground::after`].
    pub(crate) state: &'a ClusterState,
    /// How many pods of each class there have to be.
    pub(crate) totals: &'a [u8],
}

impl<'a> Scene<'a> {
    fn candidate(&self, class: usize) -> Candidate<'a> {
        let pod = &self.ground.classes[class].pod;
        Candidate::hypothetical(pod.namespace, &pod.labels, &pod.template.spec, pod.owner)
    }

    fn snapshot(&self, alive: &Counts) -> Snapshot<'a> {
        let mut snapshot = Snapshot::new(self.state);
        for class in 0..self.ground.classes.len() {
            for (node, id) in self.ground.nodes.iter().enumerate() {
                for _ in 0..alive[self.ground.at(class, node)] {
                    snapshot.bind(self.candidate(class), *id);
                }
            }
        }
        snapshot
    }

    fn nodes_for(&self, snapshot: &Snapshot<'a>, class: usize) -> Vec<usize> {
        let feasible = feasible_nodes(snapshot, &self.candidate(class));
        let positions = self.ground.nodes.iter().enumerate().filter(|(_, id)| feasible.contains(id));
        positions.map(|(node, _)| node).collect()
    }

    /// Every way in which a pending pod can be placed.
    pub(crate) fn placings(&self, alive: &Counts, victims: Victims) -> Vec<Move> {
        let snapshot = self.snapshot(alive);
        let mut moves = Vec::new();
        for (class, own) in self.ground.classes.iter().enumerate() {
            if self.ground.sum(alive, class) >= self.totals[class] {
                continue;
            }
            let nodes = self.nodes_for(&snapshot, class);
            if nodes.is_empty() && preempts(own) {
                moves.extend(match victims {
                    Victims::Fewest => self.fewest_victims(alive, class, false),
                    Victims::FewestOfAll => self.fewest_victims(alive, class, true),
                    Victims::SchedulersAnywhere => self.schedulers_victims(alive, class, false),
                    Victims::Schedulers => self.schedulers_victims(alive, class, true),
                });
            }
            moves.extend(nodes.into_iter().map(|node| Move::Place { class, node, victims: Vec::new() }));
        }
        moves
    }

    /// On every node the sets of pods of lower priority without which the pod fits there, and would not if any of them stayed.
    fn fewest_victims(&self, alive: &Counts, class: usize, of_all: bool) -> Vec<Move> {
        let priority = self.ground.classes[class].pod.template.spec.priority;
        let mut moves = Vec::new();
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
                    self.nodes_for(&self.snapshot(&rest), class).contains(&node)
                })
            };
            let most: Vec<u8> = lower.iter().map(|other| alive[self.ground.at(*other, node)]).collect();
            for gone in up_to(&most) {
                let needed = (0..gone.len()).filter(|place| gone[*place] > 0).all(|place| {
                    let mut one_stays = gone.clone();
                    one_stays[place] -= 1;
                    !fits(&one_stays)
                });
                if gone.iter().any(|count| *count > 0) && needed && fits(&gone) {
                    let victims = lower.iter().copied().zip(gone).filter(|(_, count)| *count > 0).collect();
                    moves.push(Move::Place { class, node, victims });
                }
            }
        }
        moves
    }

    /// What the scheduler's preemption would do, whichever pods of equal priority have run for longer: on every node where it
    /// is possible, or only on those that the scheduler would take. Where it would wait for a pod that already terminates,
    /// nothing happens.
    fn schedulers_victims(&self, alive: &Counts, class: usize, best_only: bool) -> Vec<Move> {
        let mut moves = BTreeSet::new();
        for order in self.orders(alive) {
            let (state, classes) = self.in_order(&order);
            let snapshot = Snapshot::new(&state);
            let candidate = self.candidate(class);
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
                    moves.insert(Move::Place { class, node, victims: counts.into_iter().collect() });
                }
            }
        }
        moves.into_iter().collect()
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
