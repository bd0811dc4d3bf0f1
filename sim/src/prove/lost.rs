//! How many pods of one workload a failure takes at most. See docs/proofs.md, *How many one failure takes*.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::Placement;

use super::matching::{is_of_revision, term_matches};
use super::placed::is_counted;
use super::problem::{Group, Over, Problem};

/// What bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// So many.
    pub(super) pods: i64,
    /// The spread constraint that says so; `None`: what nodes and domains hold.
    pub(super) spread: Option<usize>,
}

/// The smallest bound on how many pods of `number` lie on `count` domains of `over`.
pub(super) fn lost(
    problem: &Problem<'_>,
    number: usize,
    placement: Placement,
    (over, count): (Over<'_>, usize),
) -> Lost {
    let Some(group) = problem.groups.get(number) else { return Lost { pods: 0, spread: None } };
    let most = problem.most(number, placement);
    let nodes = node_caps(problem, group, placement);
    let caps = domain_caps(problem, group, placement, over, &nodes);
    let by_room = sum_of_largest(caps.clone(), count).min(i128::from(most));
    let mut best = Lost { pods: i64::try_from(by_room).unwrap_or(most), spread: None };
    if matches!(placement, Placement::Fresh | Placement::Scheduled) {
        for (position, _) in group.shape.spread.iter().enumerate() {
            let bound = by_spread(problem, (number, group), position, (over, count), &nodes);
            if let Some(pods) = bound.filter(|pods| *pods < best.pods) {
                best = Lost { pods, spread: Some(position) };
            }
        }
    }
    best
}

/// The nodes that pods of `group` may be on.
fn homes<'p>(
    problem: &'p Problem<'_>,
    group: &Group<'_>,
    placement: Placement,
) -> impl Iterator<Item = usize> + use<'p> {
    let homes = problem.homes(group, placement).iter().enumerate();
    homes.filter(|(_, is_home)| **is_home).map(|(node, _)| node)
}

/// How many pods each node holds at most.
pub(super) fn node_caps(problem: &Problem<'_>, group: &Group<'_>, placement: Placement) -> Vec<i128> {
    let free = match placement {
        Placement::Reachable | Placement::Current => &problem.free_of_static,
        Placement::Fresh | Placement::Scheduled => &problem.free_beside_safe,
    };
    let mut caps = vec![0_i128; problem.nodes.len()];
    for node in homes(problem, group, placement) {
        let Some(free) = free.get(node) else { continue };
        let amounts = free.iter().zip(&group.request).filter(|(_, asked)| **asked > 0);
        let room = amounts.map(|(free, asked)| free.checked_div(*asked).unwrap_or(0).max(0)).min().unwrap_or(0);
        // A node without the key of a term is in no domain of it, so that the term does not bound it.
        let once_here = !group.shape.host_ports.is_empty() || repels_on(problem, group, node, placement);
        if let Some(cap) = caps.get_mut(node) {
            *cap = i128::from(if once_here { room.min(1) } else { room });
        }
    }
    caps
}

/// Whether a term of `group` keeps its own pods apart.
fn repels(problem: &Problem<'_>, group: &Group<'_>, term: usize, placement: Placement) -> bool {
    let Some(term) = group.shape.anti_affinity.get(term) else { return false };
    let of_revision = term.selector.iter().flatten().any(is_of_revision);
    let all_revisions = matches!(placement, Placement::Fresh | Placement::Scheduled) || !of_revision;
    all_revisions && term_matches(term, group.shape, &problem.cluster.namespaces)
}

fn repels_on(problem: &Problem<'_>, group: &Group<'_>, node: usize, placement: Placement) -> bool {
    group.shape.anti_affinity.iter().enumerate().any(|(position, term)| {
        repels(problem, group, position, placement) && problem.domain(Over::Key(&term.topology_key), node).is_some()
    })
}

/// How many pods each domain holds at most.
fn domain_caps(
    problem: &Problem<'_>,
    group: &Group<'_>,
    placement: Placement,
    over: Over<'_>,
    nodes: &[i128],
) -> Vec<i128> {
    let mut caps = vec![0_i128; problem.domain_count(over)];
    for (node, cap) in nodes.iter().enumerate() {
        if let Some(own) = problem.domain(over, node).and_then(|domain| caps.get_mut(domain)) {
            *own = own.saturating_add(*cap);
        }
    }
    for (position, term) in group.shape.anti_affinity.iter().enumerate() {
        let key = Over::Key(&term.topology_key);
        let all_carry = homes(problem, group, placement).all(|node| problem.domain(key, node).is_some());
        if !all_carry || !repels(problem, group, position, placement) {
            continue;
        }
        let mut values: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for node in homes(problem, group, placement) {
            if let (Some(domain), Some(value)) = (problem.domain(over, node), problem.domain(key, node)) {
                values.entry(domain).or_default().insert(value);
            }
        }
        for (domain, cap) in caps.iter_mut().enumerate() {
            let values = values.get(&domain).map_or(0, BTreeSet::len);
            *cap = (*cap).min(i128::try_from(values).unwrap_or(i128::MAX));
        }
    }
    caps
}

fn sum_of_largest(mut caps: Vec<i128>, count: usize) -> i128 {
    caps.sort_unstable_by(|one, other| other.cmp(one));
    caps.iter().take(count).sum()
}

/// The bound of a hard spread constraint over the failing domains.
fn by_spread(
    problem: &Problem<'_>,
    (number, group): (usize, &Group<'_>),
    position: usize,
    (over, count): (Over<'_>, usize),
    nodes: &[i128],
) -> Option<i64> {
    let spread = group.shape.spread.get(position)?;
    let key = Over::Key(&spread.topology_key);
    let of_nodes = over == Over::Node
        && problem.is_single(key)
        && (0..problem.nodes.len()).all(|node| problem.domain(key, node).is_some());
    let counts_only_itself = group.counted.get(position).is_some_and(|counted| counted.iter().eq([&number]));
    let preempted = problem
        .groups
        .iter()
        .any(|other| other.is_movable() && other.shape.preempts && other.shape.priority > group.shape.priority);
    if !(over == key || of_nodes) || !counts_only_itself || preempted || !selects_itself(group, position) {
        return None;
    }
    let counted = problem.nodes.iter().enumerate().filter(|(_, (name, node))| is_counted(spread, group, name, node));
    let domains: BTreeSet<usize> = counted.filter_map(|(node, _)| problem.domain(key, node)).collect();
    let caps: Vec<i128> = {
        let mut sums: BTreeMap<usize, i128> = domains.iter().map(|domain| (*domain, 0)).collect();
        for (node, cap) in nodes.iter().enumerate() {
            if let Some(sum) = problem.domain(key, node).and_then(|domain| sums.get_mut(&domain)) {
                *sum = sum.saturating_add(*cap);
            }
        }
        sums.into_values().collect()
    };
    let replicas = i128::from(group.workload.replicas);
    let skew = i128::from(spread.max_skew);
    let many = i128::try_from(caps.len()).ok().filter(|many| *many > 0)?;
    let within = |limit: i128| sum_of_largest(caps.iter().map(|cap| (*cap).min(limit)).collect(), count);
    if many < i128::from(spread.min_domains) {
        return i64::try_from(within(skew).min(replicas)).ok();
    }
    let others = many.checked_sub(i128::try_from(count).ok()?).filter(|others| *others > 0);
    let bound = |least: i128| {
        let full = within(least.saturating_add(skew));
        others.map_or(full, |others| full.min(replicas.saturating_sub(others.saturating_mul(least))))
    };
    let most = (0..=replicas.checked_div(many)?).map(bound).max()?;
    i64::try_from(most.min(replicas)).ok()
}

fn selects_itself(group: &Group<'_>, position: usize) -> bool {
    let selector = group.shape.spread.get(position).and_then(|spread| spread.selector.as_ref());
    selector.is_some_and(|selector| super::matching::selects(selector, &group.shape.labels))
}
