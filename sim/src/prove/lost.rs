//! How many pods of one workload a failure takes at most. See docs/proofs.md, *How many one failure takes*.

use quorate_proof::claim::Placement;

use super::classes::{Room, Split};
use super::matching::{is_of_revision, term_matches};
use super::problem::{Group, Over, Problem};

/// What bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// So many.
    pub(super) pods: i64,
    /// The spread constraint that says so; `None`: what nodes and domains hold.
    pub(super) spread: Option<usize>,
}

/// What is asked: the group, whether in an empty cluster, what fails (an empty name: nodes), and how many of these.
pub(super) type AskedLoss = (usize, bool, String, usize);

/// The smallest bound on how many pods of `number` lie on `count` domains of `over`; asked once.
pub(super) fn lost(
    problem: &Problem<'_>,
    number: usize,
    placement: Placement,
    (over, count): (Over<'_>, usize),
) -> Lost {
    let is_fresh = matches!(placement, Placement::Fresh | Placement::Scheduled);
    let name = match over {
        Over::Node => String::new(),
        Over::Key(key) => key.to_owned(),
    };
    let number = problem.twin(number);
    let asked: AskedLoss = (number, is_fresh, name, count);
    if let Some(known) = problem.losses.lock().ok().and_then(|losses| losses.get(&asked).copied()) {
        return known;
    }
    let found = find_lost(problem, number, placement, (over, count));
    if let Ok(mut losses) = problem.losses.lock() {
        losses.insert(asked, found);
    }
    found
}

fn find_lost(problem: &Problem<'_>, number: usize, placement: Placement, (over, count): (Over<'_>, usize)) -> Lost {
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
    let homes = problem.homes(group.class, placement).iter().enumerate();
    homes.filter(|(_, is_home)| **is_home).map(|(node, _)| node)
}

/// How many pods each node holds at most.
fn node_caps(problem: &Problem<'_>, group: &Group<'_>, placement: Placement) -> Vec<i128> {
    let (free, by_room) = by_room(problem, group, placement);
    let keys = own_keys(problem, group, placement);
    let mut caps = vec![0_i128; problem.nodes.len()];
    for node in homes(problem, group, placement) {
        let room = by_room.get(free.class(node)).copied().unwrap_or(0);
        // A node without the key of a term is in no domain of it, so that the term does not bound it.
        let once = !group.shape.host_ports.is_empty() || keys.iter().any(|key| key.of(node).is_some());
        if let Some(cap) = caps.get_mut(node) {
            *cap = if once { room.min(1) } else { room };
        }
    }
    caps
}

/// The most pods that one node holds.
pub(super) fn most_on_a_node(problem: &Problem<'_>, group: &Group<'_>, placement: Placement) -> i128 {
    let (free, by_room) = by_room(problem, group, placement);
    let keys = own_keys(problem, group, placement);
    let mut most = 0;
    for node in homes(problem, group, placement) {
        let room = by_room.get(free.class(node)).copied().unwrap_or(0);
        let once = !group.shape.host_ports.is_empty() || keys.iter().any(|key| key.of(node).is_some());
        most = most.max(if once { room.min(1) } else { room });
    }
    most
}

/// For each class of nodes how many pods fit by what they ask for.
fn by_room<'p>(problem: &'p Problem<'_>, group: &Group<'_>, placement: Placement) -> (&'p Room, Vec<i128>) {
    let free = match placement {
        Placement::Reachable | Placement::Current => &problem.free_of_static,
        Placement::Fresh | Placement::Scheduled => &problem.free_beside_safe,
    };
    let holds = |free: &Vec<i64>| {
        let amounts = free.iter().zip(&group.request).filter(|(_, asked)| **asked > 0);
        amounts.map(|(free, asked)| i128::from(free.checked_div(*asked).unwrap_or(0).max(0))).min().unwrap_or(0)
    };
    (free, free.classes().iter().map(holds).collect())
}

/// The domains over which a term of `group` keeps its own pods apart.
fn own_keys<'p>(problem: &'p Problem<'_>, group: &Group<'_>, placement: Placement) -> Vec<Split<'p>> {
    let terms = group.shape.anti_affinity.iter().enumerate();
    let own = terms.filter(|(position, _)| repels(problem, group, *position, placement));
    own.map(|(_, term)| problem.split(Over::Key(&term.topology_key))).collect()
}

/// Whether a term of `group` keeps its own pods apart.
fn repels(problem: &Problem<'_>, group: &Group<'_>, term: usize, placement: Placement) -> bool {
    let Some(term) = group.shape.anti_affinity.get(term) else { return false };
    let of_revision = term.selector.iter().flatten().any(is_of_revision);
    let all_revisions = matches!(placement, Placement::Fresh | Placement::Scheduled) || !of_revision;
    all_revisions && term_matches(term, group.shape, &problem.cluster.namespaces)
}

/// How many pods each domain holds at most.
fn domain_caps(
    problem: &Problem<'_>,
    group: &Group<'_>,
    placement: Placement,
    over: Over<'_>,
    nodes: &[i128],
) -> Vec<i128> {
    let over = problem.split(over);
    let mut caps = vec![0_i128; over.count()];
    for (node, cap) in nodes.iter().enumerate() {
        if let Some(own) = over.of(node).and_then(|domain| caps.get_mut(domain)) {
            *own = own.saturating_add(*cap);
        }
    }
    for key in own_keys(problem, group, placement) {
        if !homes(problem, group, placement).all(|node| key.of(node).is_some()) {
            continue;
        }
        let mut pairs: Vec<(usize, usize)> =
            homes(problem, group, placement).filter_map(|node| Some((over.of(node)?, key.of(node)?))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut values = vec![0_i128; over.count()];
        for (domain, _) in pairs {
            if let Some(values) = values.get_mut(domain) {
                *values = values.saturating_add(1);
            }
        }
        for (cap, values) in caps.iter_mut().zip(values) {
            *cap = (*cap).min(values);
        }
    }
    caps
}

fn sum_of_largest(mut caps: Vec<i128>, count: usize) -> i128 {
    if count < caps.len() {
        caps.select_nth_unstable_by(count, |one, other| other.cmp(one));
    }
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
    let counted = problem.counted.get(&(number, position))?;
    let split = problem.split(key);
    let mut sums: Vec<Option<i128>> = vec![None; split.count()];
    for (node, _) in counted.nodes.iter().enumerate().filter(|(_, is_counted)| **is_counted) {
        if let Some(sum) = split.of(node).and_then(|domain| sums.get_mut(domain)) {
            *sum = Some(0);
        }
    }
    for (node, cap) in nodes.iter().enumerate() {
        if let Some(Some(sum)) = split.of(node).and_then(|domain| sums.get_mut(domain)) {
            *sum = sum.saturating_add(*cap);
        }
    }
    let caps: Vec<i128> = sums.into_iter().flatten().collect();
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
