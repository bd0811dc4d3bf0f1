//! What a cluster says about a pod that waits, whatever the weights are.

use super::{Held, Moment, Waiting};
use crate::checker::node_set::{NodeSet, at};
use crate::checker::question::Question;
use crate::checker::topology::Topology;
use crate::checker::verify::Checker;
use crate::claim::Placement;
use crate::evidence::Weights;
use crate::rejection::Rejection;

/// A pod of a workload that waits, and all that may keep it off.
pub(crate) struct Facts<'c> {
    /// The nodes that it may run on.
    pub(crate) eligible: Vec<usize>,
    /// What it asks for, `pods` last.
    pub(crate) resources: Vec<Resource>,
    /// Who may hold room, and is not in its way otherwise.
    pub(crate) others: Vec<Other<'c>>,
    /// Who may keep it out of a domain.
    pub(crate) conflicts: Vec<Conflict<'c>>,
    /// The domains of its spread constraint; all eligible nodes where it has none.
    pub(crate) groups: Vec<Group>,
}

/// Something that the pod asks for.
pub(crate) struct Resource {
    pub(crate) name: String,
    /// How much of it others have to use, by node, for the pod not to fit.
    pub(crate) thresholds: Vec<i128>,
}

/// Pods of one kind.
pub(crate) struct Other<'c> {
    /// Their workload; `None` for pods that are not what their workload makes now.
    pub(crate) workload: Option<usize>,
    /// Their shape.
    pub(crate) shape: usize,
    /// Whether they are of the workload of the pod that waits.
    pub(crate) is_own: bool,
    /// How many there are at most; of its own workload, while one is missing to `replicas`.
    pub(crate) count: i128,
    /// How many one node has at most.
    pub(crate) on_one_node: i128,
    /// What one asks for, resource by resource.
    pub(crate) amounts: Vec<i128>,
    /// How many a domain has at most.
    pub(crate) limits: Vec<OfDomain<'c>>,
    homes: &'c NodeSet,
    strays: &'c [usize],
}

/// Domains none of which has more than so many pods of one kind; nodes that are in none have no such pod.
pub(crate) struct OfDomain<'c> {
    pub(crate) key: String,
    pub(crate) topology: &'c Topology,
    pub(crate) most: i128,
}

impl Other<'_> {
    /// How many a node has at most.
    pub(crate) fn on(&self, node: usize) -> i128 {
        let is_there = self.homes.contains(node) || self.strays.contains(&node);
        let is_placed = self.limits.iter().all(|limit| limit.topology.domain(node).is_some());
        if is_there && is_placed { self.count.min(self.on_one_node).max(0) } else { 0 }
    }
}

/// Domains that others may keep the pod out of.
pub(crate) struct Conflict<'c> {
    pub(crate) key: String,
    pub(crate) topology: &'c Topology,
    /// How many of its domains pods of other workloads, and those that terminate, may keep it out of.
    pub(crate) rest: usize,
    /// Whether each pod of its own workload may keep it out of one more.
    pub(crate) by_own: bool,
}

/// Nodes one of which takes the pod.
pub(crate) struct Group {
    /// The domain; nothing where no spread constraint counts.
    pub(crate) name: Option<String>,
    pub(crate) nodes: Vec<usize>,
    /// The failure domains not all of which fail; nothing is known where there are none.
    pub(crate) holders: Vec<usize>,
    /// What the spread constraint says of the pods of its own workload here.
    pub(crate) smallest: Option<Smallest>,
}

/// The fewest of so many pods in so many domains.
#[derive(Clone, Copy)]
pub(crate) struct Smallest {
    /// In how many domains they are at least.
    pub(crate) domains: i128,
    /// How many pods of other workloads the constraint selects.
    pub(crate) rest: i128,
}

/// What weights make of that.
pub(crate) struct Weighed {
    /// The weight of each resource, in the order of [`Facts::resources`].
    pub(crate) weights: Vec<Option<i128>>,
    /// v(n), by node.
    pub(crate) value: Vec<i128>,
    /// g(x), in the order of [`Facts::others`].
    pub(crate) each: Vec<i128>,
}

/// The facts about a pod of a workload that waits while fewer than `replicas` of its pods are bound.
///
/// # Errors
/// What the argument cannot be made with.
pub(crate) fn facts<'c>(
    checker: &'c Checker<'_>,
    question: &'c Question<'c>,
    workload: usize,
    replicas: i64,
    moment: Moment,
) -> Result<Facts<'c>, Rejection> {
    let waiting = Waiting::new(checker, question, workload, replicas, moment)?;
    // With one pod bound there are no others of its own workload, with two there is one.
    let alone = Waiting::new(checker, question, workload, 1, moment)?;
    let beside_one = Waiting::new(checker, question, workload, 2, moment)?;
    let keys = checker.selection.conflicts(waiting.shape).into_keys().map(str::to_owned);
    let keys = keys.chain(["a host port".to_owned()]);
    let conflicts = waiting.conflicting().into_iter().zip(keys).map(|((topology, shapes), key)| {
        let rest = alone.keepers(topology, &shapes);
        let by_own = beside_one.keepers(topology, &shapes) > rest;
        Conflict { key, topology, rest, by_own }
    });
    Ok(Facts {
        eligible: waiting.eligible.iter().collect(),
        resources: waiting.resources(),
        others: waiting.all_others(),
        conflicts: conflicts.filter(|conflict| conflict.by_own || conflict.rest > 0).collect(),
        groups: waiting.groups(alone.selected())?,
    })
}

/// What weights make of the facts while fewer than `bound` pods of the workload are bound.
///
/// # Errors
/// What is wrong with the weights.
pub(crate) fn weighed(
    checker: &Checker<'_>,
    question: &Question<'_>,
    workload: usize,
    (weights, bound): (&Weights, i64),
    moment: Moment,
) -> Result<Weighed, Rejection> {
    let mut waiting = Waiting::new(checker, question, workload, bound, moment)?;
    waiting.weigh(weights)?;
    let mut others = waiting.others.iter().map(|held: &Held| held.each);
    let each = waiting.all_others().into_iter().map(|other| match other.is_own {
        true => waiting.own.each,
        false => others.next().unwrap_or(0),
    });
    let each = each.collect();
    let names = waiting.resources().into_iter().map(|resource| resource.name);
    let weights = names.map(|name| weights.get(&name).copied().map(i128::from)).collect();
    Ok(Weighed { weights, value: waiting.value, each })
}

impl<'c> Waiting<'c, '_> {
    fn resources(&self) -> Vec<Resource> {
        let index = &self.checker.index;
        let room = match self.question.placement() {
            Placement::Reachable => &self.checker.fixed.beside_surge,
            Placement::Current | Placement::Scheduled | Placement::Fresh => &self.checker.fixed.beside,
        };
        let thresholds = |free: &[i128], amount: i128| {
            free.iter().map(|free| free.saturating_sub(amount).saturating_add(1).max(0)).collect()
        };
        let asked = index.requests(self.shape).iter().map(|(resource, amount)| Resource {
            name: index.resources.get(*resource).copied().unwrap_or("").to_owned(),
            thresholds: thresholds(room.column(*resource), i128::from(*amount)),
        });
        let slot = Resource { name: "pods".to_owned(), thresholds: thresholds(room.slots(), 1) };
        asked.chain([slot]).collect()
    }

    /// In the order in which they are weighed.
    fn all_others(&self) -> Vec<Other<'c>> {
        let index = &self.checker.index;
        let repelled = self.repelled();
        let is_reachable = self.question.placement() == Placement::Reachable;
        let rivals = self.rivals().into_iter().filter(|(_, member)| !repelled.contains(&member.shape));
        let others = rivals.map(|(number, member)| {
            let requests = index.requests(self.shape).iter();
            let amounts = requests.map(|(resource, _)| i128::from(index.request(member.shape, *resource)));
            let is_own = member.workload == Some(self.workload);
            let limits = self.limits.of(number).iter().filter(|_| !is_own);
            let limits = limits.filter_map(|limit| {
                let key = self.limits.keys.get(limit.key)?;
                Some(OfDomain { key: (*key).to_owned(), topology: index.topology(key), most: limit.most })
            });
            let class = index.class(member.shape);
            Other {
                workload: member.workload,
                shape: member.shape,
                is_own,
                count: self.count(member),
                on_one_node: self.on_one_node((number, member)),
                amounts: amounts.chain([1]).collect(),
                limits: limits.collect(),
                homes: if is_reachable { &class.uncordoned } else { &class.eligible },
                strays: &member.strays,
            }
        });
        others.collect()
    }

    fn groups(&self, selected_alone: i128) -> Result<Vec<Group>, Rejection> {
        let Some(spread) = self.pod.spread.first() else {
            let nodes = self.eligible.iter().collect();
            return Ok(vec![Group { name: None, nodes, holders: Vec::new(), smallest: None }]);
        };
        let spreading = self.spreading(spread)?;
        let smallest = spreading.counts_own.then_some(Smallest { domains: spreading.left, rest: selected_alone });
        let groups = spreading.domains.iter().map(|(name, counted)| {
            let nodes = counted.iter().copied().filter(|node| self.eligible.contains(*node)).collect();
            let holders = self.question.failure_domains(counted).filter(|_| spreading.are_left_out);
            let holders = holders.map_or_else(Vec::new, |holders| holders.into_iter().collect());
            Group { name: Some((*name).to_owned()), nodes, holders, smallest }
        });
        Ok(groups.collect())
    }
}

impl Resource {
    /// How much of it others have to use on a node for the pod not to fit.
    pub(crate) fn threshold(&self, node: usize) -> i128 {
        at(&self.thresholds, node)
    }
}
