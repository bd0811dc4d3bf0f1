//! Finds the states of one step: forward from where it begins, each state once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::Time;
use crate::controller::WorkloadId;
use crate::simulation::{Made, Move, Script, Simulation, StepOutcome, Target, TargetReport, livelock_result};

use super::canonical::{Canonical, Digest};
use super::exploration::SearchLimits;
use super::graph::{End, Graph, RootVertex, VertexId};
use super::independence::{Components, enough};

/// A state from which a step goes on; its action has been taken.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) simulation: Simulation,
    pub(super) target: Arc<Target>,
    /// For `wait`: when it ends.
    pub(super) until: Option<Time>,
    pub(super) moves_before: u32,
    /// The state before.
    pub(super) rest: Digest,
}

/// What is said of an outcome.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) detail: String,
    pub(super) targets: Vec<TargetReport>,
}

/// What was found of a step.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) graph: Graph,
    /// The states in which it comes to rest.
    pub(super) rests: BTreeMap<Digest, Simulation>,
    /// What is said of the states in which it ends.
    pub(super) said: BTreeMap<VertexId, Said>,
    /// The workloads that `Vertex::ready` counts.
    pub(super) workloads: Vec<WorkloadId>,
    /// Whether every state was found.
    pub(super) complete: bool,
}

/// A move that has not been followed yet.
struct Open {
    from: Option<VertexId>,
    before: Arc<Simulation>,
    /// `None`: the state itself.
    way: Option<(Move, Script)>,
    target: Arc<Target>,
    until: Option<Time>,
}

/// The scheduler looks at every node where there are fewer (`minFeasibleNodesToFind`).
const SAMPLED_FROM: usize = 100;
/// Only along a way of so many moves is a circle looked for, and then after every so many.
const CIRCLES_FROM: u32 = 512;
const CIRCLES_EVERY: u32 = 16;

struct Search<'a> {
    canonical: &'a mut Canonical,
    components: Components,
    found: Found,
    open: Vec<Open>,
    /// Of each state the one from which it was found, and how far from the beginning it is.
    origins: BTreeMap<VertexId, (Option<VertexId>, u32)>,
    /// Prints in which ages do not count, of some states.
    prints: BTreeMap<VertexId, u64>,
    every_order: bool,
    drawn: u64,
    left_out: bool,
}

/// Finds the states that lead on from `roots`, at most about `limit`.
pub(super) fn search(roots: Vec<Root>, canonical: &mut Canonical, limits: &SearchLimits, seed: u64) -> Found {
    let mut search = Search {
        canonical,
        components: roots.first().map(|root| Components::of(&root.simulation.state)).unwrap_or_default(),
        found: Found::default(),
        open: Vec::new(),
        origins: BTreeMap::new(),
        prints: BTreeMap::new(),
        every_order: limits.every_order,
        drawn: seed | 1,
        // Of that many nodes the scheduler looks at some only, from where it last stopped.
        left_out: roots.iter().any(|root| root.simulation.state.nodes.len() >= SAMPLED_FROM),
    };
    if let Some(first) = roots.first() {
        search.found.workloads = first.simulation.recorder.ready().keys().copied().collect();
    }
    for root in roots {
        let Root { simulation, target, until, moves_before, rest } = root;
        let before = Arc::new(simulation);
        let entered = search.follow(Open { from: None, before, way: None, target, until }, limits.states);
        if let Some(vertex) = entered {
            search.found.graph.roots.push(RootVertex { vertex, moves_before, rest });
        }
    }
    while search.found.graph.len() < limits.states {
        let Some(open) = search.pick() else { break };
        search.follow(open, limits.states);
    }
    search.finish()
}

impl Search<'_> {
    /// In turn the newest and any other: the first keeps the number of open ones small, the second looks around where there are
    /// more states than can be found.
    fn pick(&mut self) -> Option<Open> {
        let newest = self.open.len().checked_sub(1)?;
        self.drawn ^= self.drawn << 13;
        self.drawn ^= self.drawn >> 7;
        self.drawn ^= self.drawn << 17;
        let count = u64::try_from(self.open.len()).unwrap_or(1);
        let any = usize::try_from((self.drawn >> 8).checked_rem(count).unwrap_or(0)).unwrap_or(newest);
        let index = if self.drawn & 1 == 0 { newest } else { any };
        Some(self.open.swap_remove(index))
    }

    /// Makes one move after the other from an open one until the step ends or a known state is met; the other moves on the way
    /// stay open. Gives the first state.
    fn follow(&mut self, open: Open, limit: usize) -> Option<VertexId> {
        let Open { mut from, before, way, target, until } = open;
        let mut simulation = match way {
            Some((way, script)) => before.one_way(way, script).after,
            None => Simulation::clone(&before),
        };
        drop(before);
        let mut first = None;
        loop {
            let (vertex, moves) = self.enter(&mut simulation, from, &target, until);
            first = first.or(Some(vertex));
            let Some(moves) = moves else { return first };
            let moves = if self.every_order { moves } else { enough(&self.components, &simulation, moves) };
            let mut moves = moves.into_iter();
            let Some(next) = moves.next() else { return first };
            self.left_out |= next.script.left_out;
            let before = Arc::new(std::mem::replace(&mut simulation, next.after));
            for other in moves {
                self.left_out |= other.script.left_out;
                let way = Some((other.way, other.script.again()));
                let (before, target) = (Arc::clone(&before), Arc::clone(&target));
                self.open.push(Open { from: Some(vertex), before, way, target, until });
            }
            from = Some(vertex);
            if self.found.graph.len() >= limit {
                let before = Arc::new(simulation);
                self.open.push(Open { from, before, way: None, target, until });
                return first;
            }
        }
    }

    /// The vertex of a state, and its moves if it is new and the step does not end there.
    fn enter(
        &mut self,
        simulation: &mut Simulation,
        from: Option<VertexId>,
        target: &Target,
        until: Option<Time>,
    ) -> (VertexId, Option<Vec<Made>>) {
        let as_found = self.canonical.digest(simulation, until);
        if let Some(known) = self.found.graph.known(as_found) {
            self.lead(from, known);
            return (known, None);
        }
        let moves = next_moves(simulation, until);
        let digest = self.canonical.digest(simulation, until);
        if let Some(known) = self.found.graph.known(digest) {
            self.found.graph.also_known(as_found, known);
            self.lead(from, known);
            return (known, None);
        }
        let ready = simulation.recorder.ready();
        let ready = self.found.workloads.iter().map(|workload| ready.get(workload).copied().unwrap_or(0));
        let ready = ready.map(|count| i32::try_from(count).unwrap_or(i32::MAX)).collect();
        let vertex = self.found.graph.add(digest, ready);
        self.found.graph.also_known(as_found, vertex);
        self.lead(from, vertex);
        let depth = from.and_then(|from| self.origins.get(&from)).map_or(0, |(_, depth)| depth.saturating_add(1));
        self.origins.insert(vertex, (from, depth));
        if self.is_in_circle(simulation, vertex, depth) {
            self.end(simulation, vertex, livelock_result(simulation), None);
            return (vertex, None);
        }
        if moves.is_empty() {
            let result = simulation.judge(target);
            simulation.end_moves();
            let rest = self.canonical.digest(simulation, None);
            self.end(simulation, vertex, result, Some(rest));
            return (vertex, None);
        }
        if let Some(vertex) = self.found.graph.get_mut(vertex) {
            vertex.expanded = true;
        }
        (vertex, Some(moves))
    }

    fn lead(&mut self, from: Option<VertexId>, to: VertexId) {
        let Some(from) = from.and_then(|from| self.found.graph.get_mut(from)) else { return };
        if !from.next.contains(&to) {
            from.next.push(to);
        }
    }

    fn end(
        &mut self,
        simulation: &Simulation,
        vertex: VertexId,
        result: crate::simulation::StepResult,
        rest: Option<Digest>,
    ) {
        if let Some(vertex) = self.found.graph.get_mut(vertex) {
            vertex.end = Some(End { outcome: result.outcome, rest });
            vertex.expanded = true;
        }
        self.found.said.insert(vertex, Said { detail: result.detail, targets: result.targets });
        if let Some(rest) = rest {
            self.found.rests.entry(rest).or_insert_with(|| simulation.clone());
        }
    }

    /// Whether the way here has been through a state that differs in ages alone.
    fn is_in_circle(&mut self, simulation: &mut Simulation, vertex: VertexId, depth: u32) -> bool {
        if simulation.is_making_pods_without_end() {
            return true;
        }
        if depth < CIRCLES_FROM || depth.checked_rem(CIRCLES_EVERY) != Some(0) {
            return false;
        }
        let print = simulation.fingerprint();
        self.prints.insert(vertex, print);
        let mut before = self.origins.get(&vertex).and_then(|(from, _)| *from);
        while let Some(id) = before {
            let Some((from, depth)) = self.origins.get(&id) else { return false };
            if *depth < CIRCLES_FROM {
                return false;
            }
            if self.prints.get(&id) == Some(&print) {
                return true;
            }
            before = *from;
        }
        false
    }

    fn finish(mut self) -> Found {
        let unfinished: BTreeSet<VertexId> = self.open.iter().filter_map(|open| open.from).collect();
        for id in &unfinished {
            if let Some(vertex) = self.found.graph.get_mut(*id) {
                vertex.expanded = false;
            }
        }
        for circle in self.found.graph.circles() {
            let Some(id) = circle.first() else { continue };
            let detail = format!("the system goes round in a circle of {} states", circle.len());
            if let Some(vertex) = self.found.graph.get_mut(*id) {
                vertex.end = Some(End { outcome: StepOutcome::Livelock, rest: None });
            }
            self.found.said.insert(*id, Said { detail, targets: Vec::new() });
        }
        self.found.complete = self.open.is_empty() && !self.left_out;
        self.found
    }
}

/// The moves from here; time goes on where there is none at this moment. None at all: the step ends here.
pub(super) fn next_moves(simulation: &mut Simulation, until: Option<Time>) -> Vec<Made> {
    loop {
        let moves = simulation.moves();
        if !moves.is_empty() || !simulation.wait_for_event(until) {
            return moves;
        }
    }
}
