//! How many pods of a workload one domain holds at most, because each was placed under a hard spread constraint of its own.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::crowd::Member;
use super::node_set::NodeSet;
use super::placed::Moment;
use super::question::Question;
use super::verify::Checker;
use crate::claim::{Domain, Phase, Placement};
use crate::cluster::Kind;
use crate::input::Spread;
use crate::rules::{Reading, selects_pod};

/// Which numbers of domains and pods count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    placement: Placement,
    /// What may have failed, how many of these, and what has happened since.
    after: Option<(Domain, usize, Phase)>,
}

impl When {
    pub(crate) fn new(question: &Question<'_>, moment: Moment) -> When {
        let failures = &question.claim.failures;
        let placement = match question.placement() {
            Placement::Scheduled | Placement::Fresh => Placement::Fresh,
            other @ (Placement::Current | Placement::Reachable) => other,
        };
        let after = match moment {
            Moment::Before => None,
            Moment::After => Some((failures.domain.clone(), failures.count, question.phase())),
        };
        When { placement, after }
    }
}

/// No domain of one kind holds more than so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The label whose values are the domains: its place among the keys.
    pub(crate) key: usize,
    pub(crate) most: i128,
}

/// For each member of a crowd how many of its pods a domain holds.
pub(crate) struct Limits<'a> {
    /// The labels whose values are domains.
    pub(crate) keys: Vec<&'a str>,
    of_member: Vec<Vec<Limit>>,
}

impl<'a> Limits<'a> {
    pub(crate) fn new(checker: &Checker<'a>, question: &Question<'_>, moment: Moment) -> Limits<'a> {
        let mut finder = Finder { checker, question, moment, counted: BTreeMap::new(), keys: Vec::new() };
        let members = &checker.crowd(question.placement()).members;
        let of_member = members.iter().map(|member| finder.of_member(member)).collect();
        Limits { keys: finder.keys, of_member }
    }

    pub(crate) fn of(&self, member: usize) -> &[Limit] {
        self.of_member.get(member).map_or(&[], Vec::as_slice)
    }
}

/// The class of a shape, the labels of all its constraints, and the constraint without what it selects.
type Counting<'a> = (usize, Vec<&'a str>, &'a str, bool, bool);

struct Finder<'c, 'q, 'a> {
    checker: &'c Checker<'a>,
    question: &'q Question<'q>,
    moment: Moment,
    /// The nodes that such a constraint surely counts, and how many domains count at least.
    counted: BTreeMap<Counting<'a>, Rc<(NodeSet, i128)>>,
    keys: Vec<&'a str>,
}

impl<'a> Finder<'_, '_, 'a> {
    fn of_member(&mut self, member: &Member) -> Vec<Limit> {
        let pod = self.checker.index.shape(member.shape);
        // Pods that are not what their workload makes now were placed in another way.
        let Some(workload) = member.workload.filter(|_| pod.not_carried.is_empty()) else { return Vec::new() };
        let mut limits = Vec::new();
        for (position, spread) in pod.spread.iter().enumerate() {
            let Some(most) = self.most(member, workload, (position, spread)) else { continue };
            let known = self.keys.iter().position(|key| *key == spread.topology_key);
            let key = known.unwrap_or_else(|| {
                self.keys.push(&spread.topology_key);
                self.keys.len().saturating_sub(1)
            });
            limits.push(Limit { key, most });
        }
        limits
    }

    /// How many pods a constraint leaves in a domain; nothing where it is not known.
    fn most(&mut self, member: &Member, workload: usize, (position, spread): (usize, &'a Spread)) -> Option<i128> {
        let pod = self.checker.index.shape(member.shape);
        let is_fresh = matches!(self.question.placement(), Placement::Fresh | Placement::Scheduled);
        let reading = if is_fresh { Reading::MustNow } else { Reading::Must };
        let selector = spread.selector.as_deref().unwrap_or_default();
        let counts_own = !selector.is_empty() && selects_pod(selector, &pod.labels, reading);
        // In a history taints come and go.
        if !counts_own || spread.max_skew < 1 || (spread.honors_taints && !is_fresh) {
            return None;
        }
        let counted = self.counted(member.shape, spread);
        let (nodes, domains) = &*counted;
        let fewest = self.selected(member.shape, position).saturating_sub(1).checked_div(*domains)?;
        let placed = fewest.max(0).saturating_add(i128::from(spread.max_skew));
        match self.question.placement() {
            Placement::Current => Some(placed.max(self.most_now(workload, spread, nodes)?)),
            Placement::Scheduled | Placement::Fresh | Placement::Reachable => Some(placed),
        }
    }

    /// The nodes that a constraint surely counts, and in how many domains they are at least; 0 where none may be left.
    fn counted(&mut self, shape: usize, spread: &'a Spread) -> Rc<(NodeSet, i128)> {
        let index = &self.checker.index;
        let (pod, class) = (index.shape(shape), index.class(shape));
        let keys: Vec<&str> = pod.spread.iter().map(|own| own.topology_key.as_str()).collect();
        let counting: Counting<'a> =
            (index.class_number(shape), keys, &spread.topology_key, spread.honors_affinity, spread.honors_taints);
        if let Some(known) = self.counted.get(&counting) {
            return Rc::clone(known);
        }
        let counts = |node: &usize| {
            (!spread.honors_affinity || class.affinity.contains(*node))
                && (!spread.honors_taints || class.eligible.contains(*node))
                && pod.spread.iter().all(|own| index.topology(&own.topology_key).domain(*node).is_some())
        };
        let nodes: NodeSet = (0..index.nodes.len()).filter(counts).collect();
        let topology = index.topology(&spread.topology_key);
        let mut domains: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in nodes.iter() {
            if let Some(domain) = topology.domain(node) {
                domains.entry(domain).or_default().push(node);
            }
        }
        let are_left_out = self.moment == Moment::After
            && (self.question.phase() == Phase::Removed || (spread.honors_taints && !class.tolerates_unreachable));
        let all = i128::try_from(domains.len()).unwrap_or(0);
        let lost = if are_left_out { self.question.most_taken(domains.values().map(Vec::as_slice)) } else { 0 };
        let found = Rc::new((nodes, all.saturating_sub(lost).max(0)));
        self.counted.insert(counting, Rc::clone(&found));
        found
    }

    /// How many pods a constraint may count.
    fn selected(&self, shape: usize, position: usize) -> i128 {
        let Checker { index, fixed, selection, .. } = self.checker;
        let crowd = self.checker.crowd(self.question.placement());
        // While a DaemonSet is rolled out two of its pods may be on a node.
        let is_fresh = matches!(self.question.placement(), Placement::Fresh | Placement::Scheduled);
        let pods = |workload: &usize| {
            let surges =
                index.workloads.get(*workload).is_some_and(|own| own.kind == Kind::DaemonSet && own.max_surge > 0);
            let nodes = i128::try_from(fixed.nodes_of(*workload).len()).unwrap_or(i128::MAX);
            nodes.saturating_mul(if surges && !is_fresh { 2 } else { 1 })
        };
        let of_shape = |shape: &usize| {
            let members = crowd.of_shape.get(shape).into_iter().flatten();
            let counts = members.filter_map(|number| crowd.members.get(*number)).map(|member| member.count.max(0));
            let fixed = index.of_shape.get(*shape).into_iter().flatten().map(pods);
            counts.chain(fixed).fold(0, i128::saturating_add)
        };
        let shapes = selection.counted(shape, position).map_or(&[][..], |counted| &counted.may);
        shapes.iter().map(of_shape).fold(0, i128::saturating_add)
    }

    /// The most pods of a workload that one domain has now; nothing where some are on nodes that the constraint does not count.
    fn most_now(&self, workload: usize, spread: &Spread, counted: &NodeSet) -> Option<i128> {
        let index = &self.checker.index;
        let shape = index.shape_of(workload);
        let topology = index.topology(&spread.topology_key);
        let present = self.checker.existing.of_workload(workload).iter();
        let present = present.filter(|pod| pod.shape == shape && !pod.terminating);
        let mut domains: BTreeMap<usize, i128> = BTreeMap::new();
        for node in present.filter_map(|pod| index.node_number(pod.node.as_ref()?)) {
            let domain = topology.domain(node).filter(|_| counted.contains(node))?;
            let pods = domains.entry(domain).or_default();
            *pods = pods.saturating_add(1);
        }
        Some(domains.into_values().max().unwrap_or(0))
    }
}
