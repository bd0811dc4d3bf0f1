//! Which shapes the terms and spread constraints of a cluster select: each distinct selector is matched once.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::node_set::list;
use crate::input::{Operator, Pod, PodTerm, Requirement, Spread};
use crate::rules::{Bearer, Reading, asks_own, covers, is_steady, selects_pod};

/// A required anti-affinity term, and whom it concerns.
pub(crate) struct Term<'a> {
    pub(crate) topology_key: &'a str,
    /// Shapes that have it.
    pub(crate) bearers: Vec<usize>,
    /// Shapes that it matches when its bearer is to be placed.
    pub(crate) incoming: Vec<usize>,
    /// Shapes that it may match, whatever their revision.
    pub(crate) may: Vec<usize>,
    /// Whether it asks for no revision.
    is_sure: bool,
}

/// The required affinity of a shape.
pub(crate) struct Group<'a> {
    pub(crate) terms: &'a [PodTerm],
    /// Shapes that match all terms.
    pub(crate) members: Vec<usize>,
    /// Shapes that may match one of them.
    may: BTreeSet<usize>,
}

/// Whom a spread constraint counts.
#[derive(Clone, Default)]
pub(crate) struct Counted {
    pub(crate) exact: Vec<usize>,
    pub(crate) may: Vec<usize>,
}

/// Whom selectors select.
#[derive(Default)]
pub(crate) struct Selection<'a> {
    pub(crate) terms: Vec<Term<'a>>,
    /// The terms of each shape.
    own_terms: Vec<Vec<usize>>,
    /// The terms that match a shape as that of a pod that is there.
    hit_existing: Vec<Vec<usize>>,
    /// The terms that match a shape as that of a pod that is to be placed.
    hit_incoming: Vec<Vec<usize>>,
    /// The terms that may match a shape.
    hit_may: Vec<Vec<usize>>,
    groups: BTreeMap<usize, Group<'a>>,
    /// The shapes whose affinity a shape meets.
    hit_groups: Vec<Vec<usize>>,
    /// The spread constraints of each shape.
    spreads: BTreeMap<(usize, usize), Counted>,
    /// The spread constraints that count a shape.
    hit_spreads: Vec<Vec<(usize, usize)>>,
    by_label: ByLabel<'a>,
    /// A shape that has a selector over labels in which pods of one shape differ.
    pub(crate) unclear: Option<usize>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(index: &Index<'a>) -> Selection<'a> {
        let shapes: &'a [Pod] = &index.cluster.shapes;
        let by_label = ByLabel::new(shapes);
        let rows = shapes.len();
        let mut selection = Selection {
            own_terms: vec![Vec::new(); rows],
            hit_existing: vec![Vec::new(); rows],
            hit_incoming: vec![Vec::new(); rows],
            hit_may: vec![Vec::new(); rows],
            hit_groups: vec![Vec::new(); rows],
            hit_spreads: vec![Vec::new(); rows],
            unclear: shapes.iter().position(asks_unclear),
            ..Selection::default()
        };
        let mut numbers: BTreeMap<&PodTerm, usize> = BTreeMap::new();
        let mut counted: BTreeMap<(&str, &[Requirement]), Counted> = BTreeMap::new();
        for (number, shape) in shapes.iter().enumerate() {
            for term in &shape.anti_affinity {
                let next = selection.terms.len();
                let id = *numbers.entry(term).or_insert(next);
                if id == next {
                    selection.add_term(index, &by_label, id, term);
                }
                selection.bear(id, number);
            }
            if !shape.affinity.is_empty() {
                selection.add_group(index, &by_label, number, &shape.affinity);
            }
            for (position, spread) in shape.spread.iter().enumerate() {
                let key = (shape.namespace.as_str(), spread.selector.as_deref().unwrap_or_default());
                let counted = counted.entry(key).or_insert_with(|| counts(shapes, &by_label, shape, spread));
                counted.exact.iter().for_each(|hit| push(&mut selection.hit_spreads, *hit, (number, position)));
                selection.spreads.insert((number, position), counted.clone());
            }
        }
        selection.by_label = by_label;
        selection
    }

    /// All shapes that a selector can match, and perhaps more.
    pub(crate) fn candidates(&self, selector: &[Requirement]) -> Vec<usize> {
        self.by_label.candidates(selector)
    }

    fn add_term(&mut self, index: &Index<'a>, by_label: &ByLabel<'a>, id: usize, term: &'a PodTerm) {
        let found = |reading, bearer| matching(index, by_label, term, reading, bearer);
        let (existing, incoming) = (found(Reading::Exact, Bearer::Existing), found(Reading::Exact, Bearer::Incoming));
        let may = found(Reading::May, Bearer::Incoming);
        existing.iter().for_each(|shape| push(&mut self.hit_existing, *shape, id));
        incoming.iter().for_each(|shape| push(&mut self.hit_incoming, *shape, id));
        may.iter().for_each(|shape| push(&mut self.hit_may, *shape, id));
        let is_sure = term.selector.iter().flatten().all(is_steady);
        self.terms.push(Term { topology_key: &term.topology_key, bearers: Vec::new(), incoming, may, is_sure });
    }

    fn bear(&mut self, id: usize, shape: usize) {
        if list(&self.own_terms, shape).contains(&id) {
            return;
        }
        push(&mut self.own_terms, shape, id);
        if let Some(term) = self.terms.get_mut(id) {
            term.bearers.push(shape);
        }
    }

    fn add_group(&mut self, index: &Index<'a>, by_label: &ByLabel<'a>, shape: usize, terms: &'a [PodTerm]) {
        let found = |term, reading| matching(index, by_label, term, reading, Bearer::Incoming);
        let mut members: Option<BTreeSet<usize>> = None;
        let mut may = BTreeSet::new();
        for term in terms {
            let exact: BTreeSet<usize> = found(term, Reading::Exact).into_iter().collect();
            members = Some(members.map_or_else(|| exact.clone(), |all| all.intersection(&exact).copied().collect()));
            may.extend(found(term, Reading::May));
        }
        let members: Vec<usize> = members.unwrap_or_default().into_iter().collect();
        members.iter().for_each(|member| push(&mut self.hit_groups, *member, shape));
        self.groups.insert(shape, Group { terms, members, may });
    }

    pub(crate) fn own_terms(&self, shape: usize) -> &[usize] {
        list(&self.own_terms, shape)
    }

    pub(crate) fn hit_existing(&self, shape: usize) -> &[usize] {
        list(&self.hit_existing, shape)
    }

    pub(crate) fn hit_incoming(&self, shape: usize) -> &[usize] {
        list(&self.hit_incoming, shape)
    }

    pub(crate) fn hit_groups(&self, shape: usize) -> &[usize] {
        list(&self.hit_groups, shape)
    }

    pub(crate) fn hit_spreads(&self, shape: usize) -> &[(usize, usize)] {
        list(&self.hit_spreads, shape)
    }

    pub(crate) fn term(&self, id: usize) -> Option<&Term<'a>> {
        self.terms.get(id)
    }

    pub(crate) fn group(&self, shape: usize) -> Option<&Group<'a>> {
        self.groups.get(&shape)
    }

    /// Whom the spread constraint at a position of a shape counts.
    pub(crate) fn counted(&self, shape: usize, position: usize) -> Option<&Counted> {
        self.spreads.get(&(shape, position))
    }

    /// The shapes that may conflict with a shape by required anti-affinity, whose term it may be, by topology key.
    pub(crate) fn conflicts(&self, shape: usize) -> BTreeMap<&'a str, BTreeSet<usize>> {
        let mut conflicts: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for term in self.own_terms(shape).iter().filter_map(|id| self.term(*id)) {
            conflicts.entry(term.topology_key).or_default().extend(&term.may);
        }
        for term in list(&self.hit_may, shape).iter().filter_map(|id| self.term(*id)) {
            conflicts.entry(term.topology_key).or_default().extend(&term.bearers);
        }
        conflicts
    }

    /// Those of them that surely conflict, whatever revision their pods are of, by topology key.
    pub(crate) fn sure_conflicts(&self, shape: usize) -> BTreeMap<&'a str, BTreeSet<usize>> {
        let mut conflicts: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for term in self.own_terms(shape).iter().filter_map(|id| self.term(*id)).filter(|term| term.is_sure) {
            conflicts.entry(term.topology_key).or_default().extend(&term.incoming);
        }
        for term in list(&self.hit_existing, shape).iter().filter_map(|id| self.term(*id)).filter(|term| term.is_sure) {
            conflicts.entry(term.topology_key).or_default().extend(&term.bearers);
        }
        conflicts
    }

    /// The shapes whose terms or spread constraints may match a shape, and those that its own may match.
    pub(crate) fn related(&self, shape: usize) -> BTreeSet<usize> {
        let mut related: BTreeSet<usize> = self.conflicts(shape).into_values().flatten().collect();
        related.extend(self.groups.get(&shape).into_iter().flat_map(|group| &group.may));
        related.extend(self.groups.iter().filter(|(_, group)| group.may.contains(&shape)).map(|(bearer, _)| *bearer));
        for ((bearer, _), counted) in &self.spreads {
            if *bearer == shape {
                related.extend(&counted.may);
            } else if counted.may.contains(&shape) {
                related.insert(*bearer);
            }
        }
        related
    }
}

fn push<T>(lists: &mut [Vec<T>], number: usize, value: T) {
    if let Some(list) = lists.get_mut(number) {
        list.push(value);
    }
}

/// Whether some selector of a shape asks for a label in which pods of one shape differ.
fn asks_unclear(shape: &Pod) -> bool {
    let terms = shape.affinity.iter().chain(&shape.anti_affinity).filter_map(|term| term.selector.as_ref());
    let mut selectors = terms.chain(shape.spread.iter().filter_map(|spread| spread.selector.as_ref()));
    selectors.any(|selector| asks_own(selector))
}

/// Shapes by their labels.
#[derive(Default)]
struct ByLabel<'a> {
    by_label: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    all: Vec<usize>,
}

impl<'a> ByLabel<'a> {
    fn new(shapes: &'a [Pod]) -> ByLabel<'a> {
        let mut by_label: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (number, shape) in shapes.iter().enumerate() {
            for (key, value) in &shape.labels {
                by_label.entry((key, value)).or_default().push(number);
            }
        }
        ByLabel { by_label, all: (0..shapes.len()).collect() }
    }

    /// All shapes that a selector can match, and perhaps more.
    fn candidates(&self, selector: &[Requirement]) -> Vec<usize> {
        let narrow = selector.iter().filter(|requirement| is_steady(requirement)).find_map(|requirement| {
            let Operator::In(values) = &requirement.operator else { return None };
            let hits = values.iter().filter_map(|value| self.by_label.get(&(requirement.key.as_str(), value.as_str())));
            Some(hits.flatten().copied().collect::<BTreeSet<usize>>())
        });
        narrow.map_or_else(|| self.all.clone(), |shapes| shapes.into_iter().collect())
    }
}

fn matching(index: &Index<'_>, by_label: &ByLabel<'_>, term: &PodTerm, reading: Reading, bearer: Bearer) -> Vec<usize> {
    let Some(selector) = &term.selector else { return Vec::new() };
    let is_match = |shape: &usize| {
        let pod = index.shape(*shape);
        covers(term, &pod.namespace, index.namespace_labels(&pod.namespace), bearer)
            && selects_pod(selector, &pod.labels, reading)
    };
    by_label.candidates(selector).into_iter().filter(is_match).collect()
}

/// Shapes that a spread constraint counts, and those that it may count. An empty selector counts nothing
/// (`pkg/scheduler/framework/plugins/podtopologyspread`, `countPodsMatchSelector`).
fn counts(shapes: &[Pod], by_label: &ByLabel<'_>, bearer: &Pod, spread: &Spread) -> Counted {
    let Some(selector) = spread.selector.as_ref().filter(|selector| !selector.is_empty()) else {
        return Counted::default();
    };
    let candidates = by_label.candidates(selector);
    let found = |reading| {
        let is_match = |shape: &&usize| {
            shapes
                .get(**shape)
                .is_some_and(|pod| pod.namespace == bearer.namespace && selects_pod(selector, &pod.labels, reading))
        };
        candidates.iter().filter(is_match).copied().collect()
    };
    Counted { exact: found(Reading::Exact), may: found(Reading::May) }
}
