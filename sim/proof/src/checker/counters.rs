//! Counts that inter-pod affinity and topology spread need, kept while pods come and go; built when first asked for.

use std::collections::BTreeMap;

use super::index::Index;
use super::node_set::NodeSet;
use super::selection::Selection;
use crate::input::Spread;
use crate::rules::selects;

/// Failed nodes, and what has become of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage {
    pub(crate) failed: NodeSet,
    /// Those of them whose objects are gone; the others are unreachable.
    pub(crate) gone: NodeSet,
}

/// Pods by domain.
type ByDomain = BTreeMap<usize, i128>;

/// How many pods each domain of a spread constraint has.
#[derive(Default)]
pub(crate) struct Spreading {
    /// Nodes that count.
    counted: NodeSet,
    counts: ByDomain,
    /// How many domains have so many pods.
    histogram: BTreeMap<i128, usize>,
}

impl Spreading {
    fn new(index: &Index<'_>, outage: &Outage, shape: usize, spread: &Spread) -> Spreading {
        let (pod, class) = (index.shape(shape), index.class(shape));
        let counts = |node: &usize| {
            let has_keys = pod.spread.iter().all(|own| index.topology(&own.topology_key).domain(*node).is_some());
            let is_lost = outage.failed.contains(*node);
            let bears = class.taints.contains(*node) && (!is_lost || class.tolerates_unreachable);
            has_keys
                && !outage.gone.contains(*node)
                && (!spread.honors_affinity || class.affinity.contains(*node))
                && (!spread.honors_taints || bears)
        };
        let counted: NodeSet = (0..index.nodes.len()).filter(counts).collect();
        let topology = index.topology(&spread.topology_key);
        let counts: ByDomain = counted.iter().filter_map(|node| Some((topology.domain(node)?, 0))).collect();
        let histogram = BTreeMap::from([(0, counts.len())]);
        Spreading { counted, counts, histogram }
    }

    fn bump(&mut self, domain: usize, node: usize, by: i128) {
        if !self.counted.contains(node) {
            return;
        }
        let Some(count) = self.counts.get_mut(&domain) else { return };
        let old = *count;
        *count = old.saturating_add(by);
        if let Some(domains) = self.histogram.get_mut(&old) {
            *domains = domains.saturating_sub(1);
            if *domains == 0 {
                self.histogram.remove(&old);
            }
        }
        let domains = self.histogram.entry(*count).or_default();
        *domains = domains.saturating_add(1);
    }

    /// Whether one more pod in a domain keeps the constraint.
    fn allows(&self, spread: &Spread, domain: usize, matches_itself: bool) -> bool {
        let enough = i64::try_from(self.counts.len()).unwrap_or(i64::MAX) >= spread.min_domains;
        let least = if enough { self.histogram.keys().next().copied().unwrap_or(0) } else { 0 };
        let here = self.counts.get(&domain).copied().unwrap_or(0);
        here.saturating_add(i128::from(matches_itself)).saturating_sub(least) <= i128::from(spread.max_skew)
    }
}

/// Counts by domain.
#[derive(Default)]
pub(crate) struct Counters {
    /// Pods that an anti-affinity term matches.
    matching: BTreeMap<usize, ByDomain>,
    /// Pods that have an anti-affinity term.
    bearing: BTreeMap<usize, ByDomain>,
    /// Pods that match all affinity terms of a shape, by the place of the term.
    groups: BTreeMap<usize, BTreeMap<(usize, usize), i128>>,
    spreads: BTreeMap<(usize, usize), Spreading>,
}

/// Where pods of one shape are: the node, whether they are dying, how many.
pub(crate) type Places = Vec<(usize, bool, i128)>;

impl Counters {
    /// Builds what is needed to place a pod of a shape.
    pub(crate) fn prepare(
        &mut self,
        index: &Index<'_>,
        selection: &Selection<'_>,
        outage: &Outage,
        shape: usize,
        places: &dyn Fn(usize) -> Places,
    ) {
        let by_domain = |key: &str, shapes: &[usize]| {
            let topology = index.topology(key);
            let mut counts = ByDomain::new();
            for (node, _, count) in shapes.iter().flat_map(|shape| places(*shape)) {
                if let Some(domain) = topology.domain(node) {
                    bump(&mut counts, domain, count);
                }
            }
            counts
        };
        for (id, term) in selection.own_terms(shape).iter().filter_map(|id| Some((*id, selection.term(*id)?))) {
            self.matching.entry(id).or_insert_with(|| by_domain(term.topology_key, &term.incoming));
        }
        for (id, term) in selection.hit_existing(shape).iter().filter_map(|id| Some((*id, selection.term(*id)?))) {
            self.bearing.entry(id).or_insert_with(|| by_domain(term.topology_key, &term.bearers));
        }
        if let Some(group) = selection.group(shape)
            && !self.groups.contains_key(&shape)
        {
            let counts = self.groups.entry(shape).or_default();
            for (node, _, count) in group.members.iter().flat_map(|member| places(*member)) {
                for (position, term) in group.terms.iter().enumerate() {
                    if let Some(domain) = index.topology(&term.topology_key).domain(node) {
                        bump(counts, (position, domain), count);
                    }
                }
            }
        }
        for (position, spread) in index.shape(shape).spread.iter().enumerate() {
            if self.spreads.contains_key(&(shape, position)) {
                continue;
            }
            let mut spreading = Spreading::new(index, outage, shape, spread);
            let topology = index.topology(&spread.topology_key);
            let counted = selection.counted(shape, position).map_or(&[][..], |counted| &counted.exact);
            for (node, is_dying, count) in counted.iter().flat_map(|shape| places(*shape)) {
                if let Some(domain) = topology.domain(node).filter(|_| !is_dying) {
                    spreading.bump(domain, node, count);
                }
            }
            self.spreads.insert((shape, position), spreading);
        }
    }

    /// So many pods of a shape come to a node, or leave it.
    pub(crate) fn change(
        &mut self,
        index: &Index<'_>,
        selection: &Selection<'_>,
        (shape, node, is_dying): (usize, usize, bool),
        by: i128,
    ) {
        let domain_of = |id: &usize| index.topology(selection.term(*id)?.topology_key).domain(node);
        for id in selection.hit_incoming(shape) {
            if let (Some(counts), Some(domain)) = (self.matching.get_mut(id), domain_of(id)) {
                bump(counts, domain, by);
            }
        }
        for id in selection.own_terms(shape) {
            if let (Some(counts), Some(domain)) = (self.bearing.get_mut(id), domain_of(id)) {
                bump(counts, domain, by);
            }
        }
        for bearer in selection.hit_groups(shape) {
            let (Some(counts), Some(group)) = (self.groups.get_mut(bearer), selection.group(*bearer)) else { continue };
            for (position, term) in group.terms.iter().enumerate() {
                if let Some(domain) = index.topology(&term.topology_key).domain(node) {
                    bump(counts, (position, domain), by);
                }
            }
        }
        for key in selection.hit_spreads(shape).iter().filter(|_| !is_dying) {
            let spread = index.shape(key.0).spread.get(key.1);
            let domain = spread.and_then(|spread| index.topology(&spread.topology_key).domain(node));
            if let (Some(spreading), Some(domain)) = (self.spreads.get_mut(key), domain) {
                spreading.bump(domain, node, by);
            }
        }
    }

    /// Whether affinity, anti-affinity and spread constraints let a pod of a prepared shape onto a node.
    pub(crate) fn allow(&self, index: &Index<'_>, selection: &Selection<'_>, shape: usize, node: usize) -> bool {
        let has_any = |counts: Option<&ByDomain>, id: &usize| {
            let domain = selection.term(*id).and_then(|term| index.topology(term.topology_key).domain(node));
            // What has not been prepared keeps the pod off.
            counts.is_none_or(|counts| domain.is_some_and(|domain| counts.contains_key(&domain)))
        };
        !selection.own_terms(shape).iter().any(|id| has_any(self.matching.get(id), id))
            && !selection.hit_existing(shape).iter().any(|id| has_any(self.bearing.get(id), id))
            && self.meets_affinity(index, selection, shape, node)
            && self.spread_allows(index, shape, node)
    }

    fn meets_affinity(&self, index: &Index<'_>, selection: &Selection<'_>, shape: usize, node: usize) -> bool {
        let Some(group) = selection.group(shape) else { return index.shape(shape).affinity.is_empty() };
        let Some(counts) = self.groups.get(&shape) else { return false };
        let domain = |term: &crate::input::PodTerm| index.topology(&term.topology_key).domain(node);
        let mut domains = group.terms.iter().map(domain).enumerate();
        if group.terms.iter().any(|term| domain(term).is_none()) {
            return false;
        }
        let is_met =
            domains.all(|(position, domain)| domain.is_some_and(|domain| counts.contains_key(&(position, domain))));
        // The first pod of a group that wants to be together.
        is_met || (counts.is_empty() && group.members.contains(&shape))
    }

    fn spread_allows(&self, index: &Index<'_>, shape: usize, node: usize) -> bool {
        let pod = index.shape(shape);
        pod.spread.iter().enumerate().all(|(position, spread)| {
            let domain = index.topology(&spread.topology_key).domain(node);
            let matches = spread.selector.as_ref().is_some_and(|selector| selects(selector, &pod.labels));
            let spreading = self.spreads.get(&(shape, position));
            spreading.zip(domain).is_some_and(|(spreading, domain)| spreading.allows(spread, domain, matches))
        })
    }
}

/// Adds to a count, and forgets it when it is 0.
fn bump<K: Ord + Copy>(counts: &mut BTreeMap<K, i128>, key: K, by: i128) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(by);
    if *count == 0 {
        counts.remove(&key);
    }
}
