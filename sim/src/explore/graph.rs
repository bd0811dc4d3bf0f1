//! The states that a step can pass through, the moves between them, and how it can end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::simulation::StepOutcome;

use super::canonical::Digest;

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VertexId(u32);

/// A state and where it leads.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    pub(super) digest: Digest,
    pub(super) next: Vec<VertexId>,
    /// How the step ends here.
    pub(super) end: Option<End>,
    /// Pods of each workload that are ready, in the order of the step's workloads.
    pub(super) ready: Box<[i32]>,
    /// Whether its moves have been made.
    pub(super) expanded: bool,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) outcome: StepOutcome,
    /// The state at rest as the next step finds it.
    pub(super) rest: Option<Digest>,
}

/// Where a step begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct RootVertex {
    pub(super) vertex: VertexId,
    /// How many moves were made before.
    pub(super) moves_before: u32,
    /// The state at rest before the step.
    pub(super) rest: Digest,
}

/// All states of a step that were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    vertices: Vec<Vertex>,
    known: BTreeMap<Digest, VertexId>,
    /// Where it begins.
    pub(super) roots: Vec<RootVertex>,
}

impl Graph {
    pub(super) fn len(&self) -> usize {
        self.vertices.len()
    }

    pub(super) fn get(&self, id: VertexId) -> Option<&Vertex> {
        self.vertices.get(id.0 as usize)
    }

    pub(super) fn get_mut(&mut self, id: VertexId) -> Option<&mut Vertex> {
        self.vertices.get_mut(id.0 as usize)
    }

    pub(super) fn known(&self, digest: Digest) -> Option<VertexId> {
        self.known.get(&digest).copied()
    }

    /// Remembers that a state is, after what changes nothing, that of `vertex`.
    pub(super) fn also_known(&mut self, digest: Digest, vertex: VertexId) {
        self.known.insert(digest, vertex);
    }

    pub(super) fn add(&mut self, digest: Digest, ready: Box<[i32]>) -> VertexId {
        let id = VertexId(u32::try_from(self.vertices.len()).unwrap_or(u32::MAX));
        self.vertices.push(Vertex { digest, next: Vec::new(), end: None, ready, expanded: false });
        self.known.insert(digest, id);
        id
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = VertexId> + use<> {
        (0..u32::try_from(self.vertices.len()).unwrap_or(u32::MAX)).map(VertexId)
    }

    /// The shortest way to every state, with the number of moves from the very beginning.
    pub(super) fn shortest(&self) -> BTreeMap<VertexId, (u32, Option<VertexId>)> {
        let mut found: BTreeMap<VertexId, (u32, Option<VertexId>)> = BTreeMap::new();
        let mut open: BTreeSet<(u32, VertexId, Option<VertexId>)> =
            self.roots.iter().map(|root| (root.moves_before, root.vertex, None)).collect();
        while let Some((moves, id, from)) = open.pop_first() {
            if found.contains_key(&id) {
                continue;
            }
            found.insert(id, (moves, from));
            let next = self.get(id).map_or(&[][..], |vertex| &vertex.next);
            open.extend(
                next.iter()
                    .filter(|next| !found.contains_key(next))
                    .map(|next| (moves.saturating_add(1), *next, Some(id))),
            );
        }
        found
    }

    /// From each state, the outcomes that can still happen.
    pub(super) fn possible(&self) -> Vec<BTreeSet<StepOutcome>> {
        let mut before: Vec<Vec<VertexId>> = vec![Vec::new(); self.vertices.len()];
        for id in self.ids() {
            for next in self.get(id).map_or(&[][..], |vertex| &vertex.next) {
                if let Some(list) = before.get_mut(next.0 as usize) {
                    list.push(id);
                }
            }
        }
        let mut possible: Vec<BTreeSet<StepOutcome>> = vec![BTreeSet::new(); self.vertices.len()];
        let ends = self.ids().filter_map(|id| Some((id, self.get(id)?.end?.outcome)));
        let mut open: VecDeque<(VertexId, StepOutcome)> = ends.collect();
        while let Some((id, outcome)) = open.pop_front() {
            let index = id.0 as usize;
            if possible.get_mut(index).is_some_and(|outcomes| outcomes.insert(outcome)) {
                open.extend(before.get(index).into_iter().flatten().map(|id| (*id, outcome)));
            }
        }
        possible
    }

    /// The outcomes that can still happen from `id`.
    pub(super) fn possible_from(possible: &[BTreeSet<StepOutcome>], id: VertexId) -> Option<&BTreeSet<StepOutcome>> {
        possible.get(id.0 as usize)
    }

    fn ready(&self, id: VertexId, workload: usize) -> Option<i32> {
        self.get(id)?.ready.get(workload).copied()
    }

    /// The lowest readiness of a workload in any state.
    pub(super) fn worst(&self, workload: usize) -> Option<i32> {
        self.ids().filter_map(|id| self.ready(id, workload)).min()
    }

    /// The lowest readiness of a workload on the way on which it is highest.
    pub(super) fn best(&self, workload: usize) -> Option<i32> {
        let mut best: Vec<Option<i32>> = vec![None; self.vertices.len()];
        loop {
            let mut changed = false;
            // What is found later is mostly further on.
            for id in self.ids().rev() {
                let Some(vertex) = self.get(id) else { continue };
                let onward = vertex.next.iter().filter_map(|next| best.get(next.0 as usize).copied().flatten()).max();
                let onward = if vertex.end.is_some() { Some(i32::MAX) } else { onward };
                let lowest = onward.and_then(|onward| Some(onward.min(self.ready(id, workload)?)));
                if let Some(known) = best.get_mut(id.0 as usize)
                    && lowest > *known
                {
                    *known = lowest;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        self.roots.iter().filter_map(|root| best.get(root.vertex.0 as usize).copied().flatten()).max()
    }

    /// Sets of states that are never left again and lead round in a circle: the step does not come to rest there. Those from which
    /// the search did not go on are not among them.
    pub(super) fn circles(&self) -> Vec<Vec<VertexId>> {
        let components = self.strongly_connected();
        let mut of: BTreeMap<VertexId, usize> = BTreeMap::new();
        for (index, component) in components.iter().enumerate() {
            of.extend(component.iter().map(|id| (*id, index)));
        }
        let leads_out = |component: &[VertexId]| {
            component.iter().any(|id| {
                let vertex = self.get(*id);
                vertex.is_none_or(|vertex| {
                    !vertex.expanded
                        || vertex.end.is_some()
                        || vertex.next.iter().any(|next| of.get(next) != of.get(id))
                })
            })
        };
        components.into_iter().filter(|component| component.len() > 1 && !leads_out(component)).collect()
    }

    /// Tarjan's algorithm, without recursion.
    fn strongly_connected(&self) -> Vec<Vec<VertexId>> {
        let mut search = Tarjan { place: vec![None; self.vertices.len()], ..Tarjan::default() };
        for root in self.ids() {
            search.from(self, root);
        }
        search.components
    }
}

#[derive(Default)]
struct Tarjan {
    /// Of each state seen: when it was seen, the earliest state it leads back to, and whether it is still on the stack.
    place: Vec<Option<(u32, u32, bool)>>,
    stack: Vec<VertexId>,
    seen: u32,
    components: Vec<Vec<VertexId>>,
}

impl Tarjan {
    fn from(&mut self, graph: &Graph, root: VertexId) {
        let mut path: Vec<(VertexId, usize)> = Vec::new();
        if self.see(root) {
            path.push((root, 0));
        }
        while let Some((id, position)) = path.last_mut() {
            let id = *id;
            let next = graph.get(id).and_then(|vertex| vertex.next.get(*position)).copied();
            *position = position.saturating_add(1);
            if let Some(next) = next {
                if self.see(next) {
                    path.push((next, 0));
                } else if let Some((seen, _, true)) = self.at(next) {
                    self.leads_back(id, seen);
                }
                continue;
            }
            path.pop();
            let Some((seen, back, _)) = self.at(id) else { continue };
            if let Some((parent, _)) = path.last() {
                self.leads_back(*parent, back);
            }
            if seen == back {
                self.close(id);
            }
        }
    }

    fn at(&self, id: VertexId) -> Option<(u32, u32, bool)> {
        self.place.get(id.0 as usize).copied().flatten()
    }

    fn see(&mut self, id: VertexId) -> bool {
        if self.at(id).is_some() {
            return false;
        }
        if let Some(place) = self.place.get_mut(id.0 as usize) {
            *place = Some((self.seen, self.seen, true));
        }
        self.seen = self.seen.saturating_add(1);
        self.stack.push(id);
        true
    }

    fn leads_back(&mut self, id: VertexId, to: u32) {
        if let Some(Some((_, back, _))) = self.place.get_mut(id.0 as usize) {
            *back = (*back).min(to);
        }
    }

    fn close(&mut self, id: VertexId) {
        let mut component = Vec::new();
        while let Some(last) = self.stack.pop() {
            if let Some(Some((_, _, on_stack))) = self.place.get_mut(last.0 as usize) {
                *on_stack = false;
            }
            component.push(last);
            if last == id {
                break;
            }
        }
        self.components.push(component);
    }
}
