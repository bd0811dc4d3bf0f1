//! How many pods of a workload a failure takes at most.

use std::collections::BTreeSet;

use super::node_set::{NodeSet, at};
use super::question::Question;
use super::topology::{Topology, sum_of_largest};
use super::verify::Checker;
use crate::claim::{Domain, Placement};
use crate::input::{Pod, Spread};
use crate::rejection::Rejection;
use crate::rules::{Bearer, Reading, covers, selects_pod};

/// The largest number of pods that the failure can take.
///
/// # Errors
/// When the named spread constraint bounds nothing.
pub(crate) fn most_lost(
    checker: &Checker<'_>,
    question: &Question<'_>,
    workload: usize,
    spread: Option<usize>,
) -> Result<i128, Rejection> {
    let index = &checker.index;
    let shape = index.shape_of(workload);
    let homes = Homes { checker, placement: question.placement(), shape, pod: index.shape(shape) };
    let most = checker.crowd(question.placement()).most(workload);
    let lost = match spread {
        None => sum_of_largest(homes.domains(question), question.count()),
        Some(position) => {
            let refuse =
                |why: &str| Rejection::Bound { workload: index.name(workload).to_owned(), why: why.to_owned() };
            let spread = homes.pod.spread.get(position).ok_or_else(|| refuse("it has no such spread constraint"))?;
            homes.spread_holds(question, workload, (position, spread)).map_err(refuse)?;
            homes.most_lost_by_spread(question, workload, spread)
        }
    };
    Ok(lost.min(most))
}

/// For each workload the most of its pods that one node holds.
pub(crate) fn most_on_one_node(checker: &Checker<'_>, placement: Placement) -> Vec<i128> {
    let of_workload = |workload: usize| {
        let shape = checker.index.shape_of(workload);
        let homes = Homes { checker, placement, shape, pod: checker.index.shape(shape) };
        homes.capacities(&homes.apart()).into_iter().max().unwrap_or(0)
    };
    (0..checker.index.workloads.len()).map(of_workload).collect()
}

/// The facts about where pods of a workload can be.
pub(crate) struct Abodes<'c> {
    /// How many there can be at most.
    pub(crate) most: i128,
    /// How many each node can have.
    pub(crate) capacities: Vec<i128>,
    /// Over these topologies no two share a domain, and each node that can have one is in a domain.
    pub(crate) apart: Vec<&'c Topology>,
    /// What a spread constraint says that holds at every time.
    pub(crate) spread: Option<Even>,
}

/// No domain has many more pods than another.
pub(crate) struct Even {
    /// The nodes that are counted.
    pub(crate) counted: Vec<usize>,
    /// So many more than the fewest.
    pub(crate) skew: i128,
    /// With fewer domains than this the fewest are none.
    pub(crate) min_domains: i128,
}

/// Where pods of a workload can be.
///
/// # Errors
/// When the named spread constraint bounds nothing.
pub(crate) fn abodes<'c>(
    checker: &'c Checker<'_>,
    question: &Question<'_>,
    workload: usize,
    spread: Option<usize>,
) -> Result<Abodes<'c>, Rejection> {
    let index = &checker.index;
    let shape = index.shape_of(workload);
    let homes = Homes { checker, placement: question.placement(), shape, pod: index.shape(shape) };
    let all_apart = homes.apart();
    let capacities = homes.capacities(&all_apart);
    let is_whole = |topology: &&Topology| homes.nodes().iter().all(|node| topology.domain(node).is_some());
    let apart = all_apart.into_iter().filter(|topology| !topology.is_single()).filter(is_whole).collect();
    let refuse = |why: &str| Rejection::Bound { workload: index.name(workload).to_owned(), why: why.to_owned() };
    let even = |position: usize| {
        let spread = homes.pod.spread.get(position).ok_or_else(|| refuse("it has no such spread constraint"))?;
        homes.spread_holds(question, workload, (position, spread)).map_err(refuse)?;
        let (skew, min_domains) = (i128::from(spread.max_skew), i128::from(spread.min_domains));
        Ok(Even { counted: homes.counted(spread), skew, min_domains })
    };
    let most = checker.crowd(question.placement()).most(workload);
    Ok(Abodes { most, capacities, apart, spread: spread.map(even).transpose()? })
}

/// Where pods of a shape can be.
struct Homes<'c, 'a> {
    checker: &'c Checker<'a>,
    placement: Placement,
    shape: usize,
    pod: &'a Pod,
}

impl<'c, 'a> Homes<'c, 'a> {
    /// Whether other rules hold than for pods that come to an empty cluster.
    fn is_reachable(&self) -> bool {
        matches!(self.placement, Placement::Reachable | Placement::Current)
    }

    /// Nodes that can have a pod. A node that is cordoned may not have been so, or not be so, in `reachable`.
    fn nodes(&self) -> &NodeSet {
        let class = self.checker.index.class(self.shape);
        if self.is_reachable() { &class.uncordoned } else { &class.eligible }
    }

    /// The topologies over which no two pods share a domain.
    fn apart(&self) -> Vec<&'c Topology> {
        let index = &self.checker.index;
        let reading = if self.is_reachable() { Reading::Must } else { Reading::MustNow };
        let labels = index.namespace_labels(&self.pod.namespace);
        let keeps_apart = self.pod.anti_affinity.iter().filter(|term| {
            covers(term, &self.pod.namespace, labels, Bearer::Existing)
                && term.selector.as_ref().is_some_and(|selector| selects_pod(selector, &self.pod.labels, reading))
        });
        keeps_apart.map(|term| index.topology(&term.topology_key)).collect()
    }

    /// How many pods each node can have at most.
    fn capacities(&self, apart: &[&Topology]) -> Vec<i128> {
        let index = &self.checker.index;
        let fixed = &self.checker.fixed;
        let room = if self.is_reachable() { &fixed.beside_static } else { &fixed.beside_safe };
        let mut capacities = vec![0; index.nodes.len()];
        for node in self.nodes().iter() {
            let mut most = at(room.slots(), node).max(0);
            for (resource, amount) in index.requests(self.shape) {
                let pods = room.amount(*resource, node).max(0).checked_div(i128::from(*amount));
                most = most.min(pods.unwrap_or(i128::MAX));
            }
            if !self.pod.host_ports.is_empty() || apart.iter().any(|topology| topology.domain(node).is_some()) {
                most = most.min(1);
            }
            if let Some(slot) = capacities.get_mut(node) {
                *slot = most;
            }
        }
        capacities
    }

    /// How many pods each failure domain can have at most.
    fn domains(&self, question: &Question<'_>) -> Vec<i128> {
        let apart = self.apart();
        let capacities = self.capacities(&apart);
        let failures = &question.domains;
        let nodes: Vec<usize> = self.nodes().iter().collect();
        let mut most = vec![0; failures.len()];
        for (domain, members) in failures.members().iter().enumerate() {
            let sum = members.iter().fold(0_i128, |sum, node| sum.saturating_add(at(&capacities, *node)));
            if let Some(slot) = most.get_mut(domain) {
                *slot = sum;
            }
        }
        for topology in apart.iter().filter(|topology| !topology.is_single()) {
            if nodes.iter().any(|node| topology.domain(*node).is_none()) {
                continue;
            }
            for (members, slot) in failures.members().iter().zip(&mut most) {
                let homes = members.iter().filter(|node| self.nodes().contains(**node));
                let values: BTreeSet<usize> = homes.filter_map(|node| topology.domain(*node)).collect();
                *slot = (*slot).min(i128::try_from(values.len()).unwrap_or(i128::MAX));
            }
        }
        most
    }

    /// Whether a spread constraint holds for the pods of a workload at every time, whatever comes.
    fn spread_holds(
        &self,
        question: &Question<'_>,
        workload: usize,
        (position, spread): (usize, &Spread),
    ) -> Result<(), &'static str> {
        let index = &self.checker.index;
        if !matches!(self.placement, Placement::Fresh | Placement::Scheduled) {
            return Err("a spread constraint bounds nothing once pods have been taken away");
        }
        let topology = index.topology(&spread.topology_key);
        match &question.claim.failures.domain {
            Domain::Label(key) if *key == spread.topology_key => {}
            Domain::Node if topology.is_single() => {}
            Domain::Label(_) | Domain::Node => {
                return Err("its spread constraint is over other domains than the failure");
            }
        }
        let selector = spread.selector.as_deref().unwrap_or_default();
        if selector.is_empty() || !selects_pod(selector, &self.pod.labels, Reading::MustNow) {
            return Err("its spread constraint does not select it");
        }
        let counted = self.checker.selection.counted(self.shape, position);
        let shapes = counted.ok_or("its spread constraint is not known")?.may.iter();
        let mut others =
            shapes.flat_map(|shape| index.of_shape.get(*shape)).flatten().filter(|other| **other != workload);
        if others
            .any(|other| index.is_fixed(*other) || index.workloads.get(*other).is_none_or(|other| other.replicas > 0))
        {
            return Err("its spread constraint counts pods of other workloads");
        }
        if outranked(self.checker, workload) {
            return Err("pods of higher priority may evict its pods");
        }
        Ok(())
    }

    /// The nodes that a spread constraint counts.
    fn counted(&self, spread: &Spread) -> Vec<usize> {
        let index = &self.checker.index;
        let class = index.class(self.shape);
        let counts = |node: &usize| {
            let has_keys = self.pod.spread.iter().all(|own| index.topology(&own.topology_key).domain(*node).is_some());
            has_keys
                && (!spread.honors_affinity || class.affinity.contains(*node))
                && (!spread.honors_taints || class.taints.contains(*node))
        };
        (0..index.nodes.len()).filter(counts).collect()
    }

    /// For the final smallest count μ, each domain has between μ and μ + maxSkew pods.
    fn most_lost_by_spread(&self, question: &Question<'_>, workload: usize, spread: &Spread) -> i128 {
        let index = &self.checker.index;
        let topology = index.topology(&spread.topology_key);
        let counted = self.counted(spread);
        let domains = counted.iter().filter_map(|node| topology.domain(*node)).collect::<BTreeSet<_>>().len();
        let domains = i128::try_from(domains).unwrap_or(i128::MAX);
        let count = question.count();
        let mut fullest = self.domains(question);
        fullest.sort_unstable_by(|left, right| right.cmp(left));
        fullest.truncate(count);
        let at_most = |limit: i128| fullest.iter().fold(0_i128, |sum, most| sum.saturating_add((*most).min(limit)));
        let skew = i128::from(spread.max_skew);
        if domains < i128::from(spread.min_domains) {
            return at_most(skew);
        }
        let replicas = index.workloads.get(workload).map_or(i128::MAX, |workload| i128::from(workload.replicas));
        let left = domains.saturating_sub(i128::try_from(count).unwrap_or(i128::MAX)).max(0);
        let lost = |smallest: i128| {
            let elsewhere = left.saturating_mul(smallest);
            at_most(smallest.saturating_add(skew)).min(replicas.saturating_sub(elsewhere))
        };
        (0..=replicas.checked_div(domains).unwrap_or(0)).map(lost).max().unwrap_or(replicas)
    }
}

/// Whether a movable workload that preempts has a higher priority than a workload.
pub(crate) fn outranked(checker: &Checker<'_>, workload: usize) -> bool {
    let priority = checker.index.pod_of(workload).priority;
    checker.highest_preempting.is_some_and(|highest| highest > priority)
}
