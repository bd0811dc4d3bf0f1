//! How many pods of a group one domain holds, because each was placed under a hard spread constraint of its own. See docs/proofs.md,
//! *Bounds*, 8.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::cluster::Kind;
use quorate_proof::input::Spread;

use super::classes::Split;
use super::matching::{is_of_revision, is_of_single_pods, matches_affinity, selects};
use super::placed::Loss;
use super::problem::{Group, Over, Problem};
use super::spread::most_taken;

/// A hard spread constraint of a group that selects its own pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Even {
    /// The number of its [`Field`].
    field: usize,
    skew: i128,
    /// How many pods it counts at most beside one that is placed: in `fresh`, in `reachable`, in `current`; `None`: it bounds nothing there.
    counts: [Option<i128>; 3],
    /// The most pods of the group that one domain has now, where that is more than would be placed there.
    now: i128,
}

/// Where constraints count: nodes of groups that may run on the same, and ask for the same labels.
#[derive(Debug)]
struct Field<'a> {
    /// The number of the key whose values are the domains.
    key: usize,
    /// The nodes that are surely counted, in their domains.
    domains: BTreeMap<usize, Vec<usize>>,
    /// Whether unreachable nodes are left out.
    honors_unreachable: bool,
    of: FieldOf<'a>,
}

/// The class of eligibility, the keys of all constraints, the key, and whether affinity and taints are honoured.
type FieldOf<'a> = (usize, Vec<&'a str>, &'a str, bool, bool);

/// The constraints of all groups.
#[derive(Debug, Default)]
pub(super) struct Evens<'a> {
    fields: Vec<Field<'a>>,
    /// The keys over which there are any.
    pub(super) keys: Vec<&'a str>,
    of_group: Vec<Vec<Even>>,
    /// What was asked: how many domains of a field count at least after a failure.
    left: Mutex<BTreeMap<(usize, String, usize), i128>>,
}

impl<'a> Evens<'a> {
    pub(super) fn find(problem: &Problem<'a>) -> Self {
        let mut evens = Self::default();
        let mut known: BTreeMap<FieldOf<'a>, usize> = BTreeMap::new();
        let is_tidy = problem.is_tidy();
        for (number, group) in problem.groups.iter().enumerate() {
            let spreads = if group.is_movable() && group.shape.not_carried.is_empty() {
                group.shape.spread.as_slice()
            } else {
                &[]
            };
            let mut own = Vec::new();
            for (position, spread) in spreads.iter().enumerate() {
                let selector = spread.selector.as_deref().unwrap_or_default();
                let is_own = !selector.is_empty() && selects(selector, &group.shape.labels);
                if !is_own || spread.max_skew < 1 || selector.iter().any(is_of_single_pods) {
                    continue;
                }
                let field = evens.field(problem, group, spread, &mut known);
                let now = evens.fields.get(field).and_then(|field| field.most_now(problem, number));
                let lasts = !spread.honors_taints && !selector.iter().any(is_of_revision);
                let counts = |placement| problem.counts(group, position, placement);
                let skew = i128::from(spread.max_skew);
                // So many there may be in any case: how many there are then does not matter.
                let domains =
                    evens.fields.get(field).map_or(0, |field| i128::try_from(field.domains.len()).unwrap_or(0));
                let allowed = counts(Placement::Current).checked_div(domains).unwrap_or(0).saturating_add(skew);
                own.push(Even {
                    field,
                    skew,
                    counts: [
                        Some(counts(Placement::Fresh)),
                        lasts.then(|| counts(Placement::Reachable)),
                        (lasts && is_tidy && now.is_some()).then(|| counts(Placement::Current)),
                    ],
                    now: now.filter(|now| *now > allowed).unwrap_or(0),
                });
            }
            own.sort_unstable();
            evens.of_group.push(own);
        }
        evens
    }

    /// The constraints of a group that bound how many of its pods a domain holds.
    pub(super) fn of_group(&self, number: usize) -> &[Even] {
        self.of_group.get(number).map_or(&[], Vec::as_slice)
    }

    fn field(
        &mut self,
        problem: &Problem<'a>,
        group: &Group<'a>,
        spread: &'a Spread,
        known: &mut BTreeMap<FieldOf<'a>, usize>,
    ) -> usize {
        let keys = group.shape.spread.iter().map(|own| own.topology_key.as_str()).collect();
        let of: FieldOf<'a> = (group.class, keys, &spread.topology_key, spread.honors_affinity, spread.honors_taints);
        if let Some(field) = known.get(&of) {
            return *field;
        }
        let split = problem.split(Over::Key(&spread.topology_key));
        let mut domains: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, (name, node)) in problem.nodes.iter().enumerate() {
            let has_keys = of.1.iter().all(|key| node.labels.contains_key(*key));
            let is_counted = has_keys
                && (!spread.honors_affinity || matches_affinity(group.shape, name, node))
                && (!spread.honors_taints || problem.is_eligible(group, number));
            if let Some(domain) = split.of(number).filter(|_| is_counted) {
                domains.entry(domain).or_default().push(number);
            }
        }
        let key = self.keys.iter().position(|key| *key == spread.topology_key).unwrap_or_else(|| {
            self.keys.push(&spread.topology_key);
            self.keys.len().saturating_sub(1)
        });
        let number = self.fields.len();
        let honors_unreachable = spread.honors_taints && !group.returns;
        self.fields.push(Field { key, domains, honors_unreachable, of: of.clone() });
        known.insert(of, number);
        number
    }

    /// How many pods one domain holds by a constraint, with the number of the key; `None`: it does not say.
    pub(super) fn limit(
        &self,
        problem: &Problem<'_>,
        even: &Even,
        (placement, after): (Placement, Option<Loss<'_>>),
    ) -> Option<(usize, i128)> {
        let [fresh, reachable, current] = even.counts;
        let (counts, now) = match placement {
            Placement::Fresh | Placement::Scheduled => (fresh?, 0),
            Placement::Reachable => (reachable?, 0),
            Placement::Current => (current?, even.now),
        };
        let field = self.fields.get(even.field)?;
        let fewest = counts.checked_div(self.left(problem, (even.field, field), after))?;
        Some((field.key, fewest.saturating_add(even.skew).max(now)))
    }

    /// How many domains count at least.
    fn left(&self, problem: &Problem<'_>, (number, field): (usize, &Field<'_>), after: Option<Loss<'_>>) -> i128 {
        let all = field.domains.len();
        let vanishing = after.filter(|loss| loss.phase == Phase::Removed || field.honors_unreachable);
        let Some(loss) = vanishing else { return i128::try_from(all).unwrap_or(0) };
        let name = match loss.over {
            Over::Node => String::new(),
            Over::Key(key) => key.to_owned(),
        };
        let asked = (number, name, loss.count);
        if let Some(known) = self.left.lock().ok().and_then(|left| left.get(&asked).copied()) {
            return known;
        }
        let failing = problem.split(loss.over);
        let parts: Vec<_> = field.domains.values().map(|nodes| parts_of(failing, nodes)).collect();
        let left = i128::try_from(all.saturating_sub(most_taken(parts.iter(), loss.count))).unwrap_or(0);
        if let Ok(mut known) = self.left.lock() {
            known.insert(asked, left);
        }
        left
    }
}

/// The failure domains of some nodes, and how many of these are in none.
pub(super) fn parts_of(failing: Split<'_>, nodes: &[usize]) -> (BTreeSet<usize>, usize) {
    let outside = nodes.iter().filter(|node| failing.of(**node).is_none()).count();
    (nodes.iter().filter_map(|node| failing.of(*node)).collect(), outside)
}

impl Field<'_> {
    /// The most pods of a group that one domain has now; `None`: some are where they are not counted.
    fn most_now(&self, problem: &Problem<'_>, group: usize) -> Option<i128> {
        let split = problem.split(Over::Key(self.of.2));
        let mut pods: BTreeMap<usize, i128> = BTreeMap::new();
        for (node, _) in problem.bound.get(group).into_iter().flatten() {
            let domain = split.of(*node)?;
            self.domains.get(&domain).filter(|nodes| nodes.binary_search(node).is_ok())?;
            let own = pods.entry(domain).or_insert(0);
            *own = own.saturating_add(1);
        }
        Some(pods.into_values().max().unwrap_or(0))
    }
}

impl Problem<'_> {
    /// How many pods a spread constraint of a group counts at most at any time, beside one that is placed.
    fn counts(&self, group: &Group<'_>, position: usize, placement: Placement) -> i128 {
        let is_fresh = matches!(placement, Placement::Fresh | Placement::Scheduled);
        let pods = |other: &usize| {
            let Some(own) = self.groups.get(*other).filter(|own| !own.is_movable()) else {
                return i128::from(self.most(*other, placement));
            };
            // While a DaemonSet is rolled out two of its pods may be on a node.
            let surges = own.workload.kind == Kind::DaemonSet && own.workload.max_surge > 0 && !is_fresh;
            let on = self.fixed.iter().find(|(fixed, _)| fixed == other).map_or(0, |(_, on)| on.len());
            i128::try_from(on).unwrap_or(i128::MAX).saturating_mul(if surges { 2 } else { 1 })
        };
        let counted = group.counted.get(position).into_iter().flatten();
        counted.map(pods).fold(-1, i128::saturating_add).max(0)
    }

    /// Whether all pods that are there now are what their workloads make, and none is terminating or out of place.
    fn is_tidy(&self) -> bool {
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        let expected: BTreeMap<usize, &Vec<usize>> = self.fixed.iter().map(|(group, on)| (*group, on)).collect();
        let numbers: BTreeMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(number, (name, _))| (*name, number)).collect();
        self.cluster.pods.values().all(|pod| {
            let Some(number) = self.group(&pod.workload) else { return false };
            let is_present = self.groups.get(number).is_some_and(|group| group.workload.shape == pod.shape);
            let node = pod.node.as_ref().and_then(|name| numbers.get(name.as_str()).copied());
            let is_in_place = match expected.get(&number) {
                None => true,
                Some(on) => node.is_some_and(|node| on.contains(&node) && seen.insert((number, node))),
            };
            is_present && !pod.terminating && is_in_place
        })
    }
}
