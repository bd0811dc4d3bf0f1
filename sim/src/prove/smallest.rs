//! A witness made smaller: the fewest failures, then the fewest pods elsewhere than they are now, then the fewest placings. Whatever is
//! tried, the checker decides.

use std::collections::BTreeMap;

use quorate_proof::claim::{Domain, Phase, Placement};
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::evidence::{Event, Evidence, Placing, Proof, Witness};
use quorate_proof::{Checker, Rejection};

use super::guarantee::workloads_of;

/// At most so often the checker is asked, in a small cluster.
const MOST_CHECKS: usize = 300;
/// In a large cluster so often that it looks at about as many nodes and placings.
const MOST_LOOKED_AT: usize = 20_000;

/// How many pods are on a node, by workload and node.
type Counts = BTreeMap<(String, String), i64>;

/// The smallest witness that is found for what `proof` says: `proof` itself, or one that the checker accepts as well.
#[must_use]
pub fn smallest(cluster: &Cluster, checker: &Checker<'_>, proof: Box<Proof>) -> Box<Proof> {
    let Evidence::Witness(witness) = &proof.evidence else { return proof };
    let size = cluster.nodes.len().saturating_add(witness.before.len()).max(1);
    let checks = MOST_LOOKED_AT.checked_div(size).unwrap_or(0).min(MOST_CHECKS);
    let current = if proof.claim.placement == Placement::Current { Counts::new() } else { current(cluster) };
    let best = witness.clone();
    let mut search = Smaller { cluster, checker, checks, current, best, proof };
    search.losses_first();
    search.fewer_failures();
    search.nearer();
    search.fewer_placings();
    let Smaller { mut proof, best, .. } = search;
    proof.evidence = Evidence::Witness(best);
    proof
}

/// How many pods of a witness are on nodes where the workload has fewer now; `None`: no pod that could be elsewhere is on a node now.
#[must_use]
pub fn moved(cluster: &Cluster, witness: &Witness) -> Option<i64> {
    let current = current(cluster);
    (!current.is_empty()).then(|| elsewhere(&placed(&witness.before), &current))
}

/// Where the pods are now that could be elsewhere.
fn current(cluster: &Cluster) -> Counts {
    let mut counts = Counts::new();
    for pod in cluster.pods.values().filter(|pod| !pod.terminating) {
        let is_movable = cluster.workloads.get(&pod.workload).is_some_and(|workload| match workload.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => true,
            Kind::DaemonSet | Kind::Static(_) => false,
        });
        if let Some(node) = pod.node.as_ref().filter(|_| is_movable) {
            add(&mut counts, &pod.workload, node, 1);
        }
    }
    counts
}

fn placed(before: &[Placing]) -> Counts {
    let mut counts = Counts::new();
    for placing in before {
        for (victim, count) in &placing.evicted {
            add(&mut counts, victim, &placing.node, count.saturating_neg());
        }
        add(&mut counts, &placing.workload, &placing.node, 1);
    }
    counts
}

fn add(counts: &mut Counts, workload: &str, node: &str, count: i64) {
    let own = counts.entry((workload.to_owned(), node.to_owned())).or_insert(0);
    *own = own.saturating_add(count);
}

/// How many pods are where there are fewer in `current`.
fn elsewhere(placed: &Counts, current: &Counts) -> i64 {
    let more = placed.iter().map(|(at, count)| count.saturating_sub(current.get(at).copied().unwrap_or(0)).max(0));
    more.sum()
}

struct Smaller<'a, 'c> {
    cluster: &'a Cluster,
    checker: &'a Checker<'c>,
    /// How often the checker may still be asked.
    checks: usize,
    current: Counts,
    best: Witness,
    proof: Box<Proof>,
}

impl Smaller<'_, '_> {
    /// Failures, pods that are elsewhere now, placings.
    fn size(&self, witness: &Witness) -> (usize, i64, usize) {
        let moved = if self.current.is_empty() { 0 } else { elsewhere(&placed(&witness.before), &self.current) };
        (witness.failed.len(), moved, witness.before.len().saturating_add(witness.after.len()))
    }

    /// After the failure everything is lost that will be, before anything is placed: easier to follow, where it comes to the same.
    fn losses_first(&mut self) {
        let is_placed = |event: &Event| matches!(event, Event::Placed(_));
        let mut after = self.best.after.clone();
        after.sort_by_key(is_placed);
        if after != self.best.after {
            self.accept(Witness { after, ..self.best.clone() });
        }
    }

    /// What is lost of a placement when domains fail.
    fn losses(&self, before: &[Placing], failed: &[String]) -> Vec<Event> {
        let is_lost = |node: &String| self.domain(node).is_some_and(|domain| failed.iter().any(|own| own == domain));
        match self.proof.claim.phase {
            Phase::Instant | Phase::Progress => Vec::new(),
            Phase::Recovered => {
                let lost = placed(before).into_iter().filter(|((_, node), pods)| is_lost(node) && *pods > 0);
                lost.map(|((workload, node), pods)| Event::Evicted { workload, node, pods }).collect()
            }
            Phase::Removed => {
                let gone = self.cluster.nodes.keys().filter(|node| is_lost(node));
                gone.map(|node| Event::Removed { node: node.clone() }).collect()
            }
        }
    }

    /// The failure domain of a node.
    fn domain<'n>(&'n self, node: &'n String) -> Option<&'n str> {
        match &self.proof.claim.failures.domain {
            Domain::Node => Some(node.as_str()),
            Domain::Label(key) => self.cluster.nodes.get(node).and_then(|own| own.labels.get(key)).map(String::as_str),
        }
    }

    /// Takes `witness` if it is smaller than the best one and breaks the claim, with as many available pods as it comes to.
    fn take(&mut self, witness: Witness) -> bool {
        self.size(&witness) < self.size(&self.best) && self.accept(witness)
    }

    /// Takes `witness` if it breaks the claim.
    fn accept(&mut self, mut witness: Witness) -> bool {
        for _ in 0..2 {
            let Some(left) = self.checks.checked_sub(1) else { return false };
            self.checks = left;
            self.proof.evidence = Evidence::Witness(witness.clone());
            match self.checker.check(&self.proof) {
                Ok(()) => {
                    self.best = witness;
                    return true;
                }
                Err(Rejection::Number { found, .. }) => match i64::try_from(found) {
                    Ok(found) if found < self.proof.claim.at_least => witness.available = found,
                    Ok(_) | Err(_) => return false,
                },
                Err(_) => return false,
            }
        }
        false
    }

    fn fewer_failures(&mut self) {
        for domain in self.best.failed.clone() {
            let failed: Vec<String> = self.best.failed.iter().filter(|own| **own != domain).cloned().collect();
            let fewer = Witness { failed, ..self.best.clone() };
            if !self.take(fewer.clone()) {
                let after = self.losses(&fewer.before, &fewer.failed);
                self.take(Witness { after, ..fewer });
            }
        }
    }

    /// Pods go back to where they are now: nodes change their parts, then all pods, workload by workload, one by one.
    fn nearer(&mut self) {
        if self.current.is_empty() {
            return;
        }
        let mut nodes: Vec<String> = self.current.keys().map(|(_, node)| node.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let mut used: Vec<String> = self.best.before.iter().map(|placing| placing.node.clone()).collect();
        used.sort_unstable();
        used.dedup();
        for (one, other) in used.iter().flat_map(|one| nodes.iter().map(move |other| (one, other))) {
            self.take(self.exchanged(one, other));
        }
        self.take_with_failures(placings(&self.current, |_| true));
        let mut workloads: Vec<String> = self.current.keys().map(|(workload, _)| workload.clone()).collect();
        workloads.dedup();
        for name in workloads {
            let others = self.best.before.iter().filter(|placing| placing.workload != name);
            let own = placings(&self.current, |workload| workload == name);
            let before: Vec<Placing> = own.into_iter().chain(others.cloned()).collect();
            self.take_with_failures(before);
        }
        for index in 0..self.best.before.len() {
            self.bring_back(index);
        }
    }

    /// The best witness with two nodes in each other's part.
    fn exchanged(&self, one: &str, other: &str) -> Witness {
        let change = |name: &String| match name {
            name if name == one => other.to_owned(),
            name if name == other => one.to_owned(),
            name => name.clone(),
        };
        let placed = |placings: &[Placing]| {
            let each = placings.iter().map(|placing| Placing { node: change(&placing.node), ..placing.clone() });
            each.collect::<Vec<Placing>>()
        };
        let mut failed: Vec<String> = match self.proof.claim.failures.domain {
            Domain::Node => self.best.failed.iter().map(change).collect(),
            Domain::Label(_) => self.best.failed.clone(),
        };
        failed.sort_unstable();
        let happens = |event: &Event| match event {
            Event::Placed(placing) => Event::Placed(Placing { node: change(&placing.node), ..placing.clone() }),
            Event::Evicted { workload, node, pods } => {
                Event::Evicted { workload: workload.clone(), node: change(node), pods: *pods }
            }
            Event::Removed { node } => Event::Removed { node: change(node) },
        };
        let Witness { before, after, available, .. } = &self.best;
        let after = after.iter().map(happens).collect();
        Witness { before: placed(before), failed, after, available: *available }
    }

    /// Takes the best witness with other placings before the failure: as it is, or where as many other domains fail.
    fn take_with_failures(&mut self, before: Vec<Placing>) {
        let with = Witness { before, ..self.best.clone() };
        let failed = self.fullest(&with.before);
        if !self.take(with.clone()) {
            let after = self.losses(&with.before, &failed);
            self.take(Witness { failed, after, ..with });
        }
    }

    /// As many domains as fail, those with the most pods of the subject.
    fn fullest(&self, before: &[Placing]) -> Vec<String> {
        let subject = workloads_of(self.cluster, &self.proof.claim.subject);
        let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
        for placing in before.iter().filter(|placing| subject.contains(&placing.workload.as_str())) {
            let domain = self.domain(&placing.node);
            if let Some(domain) = domain {
                let own = pods.entry(domain).or_insert(0);
                *own = own.saturating_add(1);
            }
        }
        let mut fullest: Vec<(&str, usize)> = pods.into_iter().collect();
        fullest.sort_by_key(|(domain, pods)| (std::cmp::Reverse(*pods), *domain));
        let mut failed: Vec<String> =
            fullest.into_iter().take(self.best.failed.len()).map(|(domain, _)| domain.to_owned()).collect();
        failed.sort_unstable();
        failed
    }

    /// One pod goes to a node that lacks one of its workload.
    fn bring_back(&mut self, index: usize) {
        let Some(placing) = self.best.before.get(index).cloned() else { return };
        let counts = placed(&self.best.before);
        let missing = |at: &(String, String)| {
            self.current.get(at).copied().unwrap_or(0).saturating_sub(counts.get(at).copied().unwrap_or(0))
        };
        if missing(&(placing.workload.clone(), placing.node.clone())) >= 0 {
            return;
        }
        let lacking = self.current.keys().filter(|at| at.0 == placing.workload && missing(at) > 0);
        for (_, node) in lacking.cloned().collect::<Vec<_>>() {
            let mut before = self.best.before.clone();
            if let Some(own) = before.get_mut(index) {
                own.node = node;
            }
            if self.take(Witness { before, ..self.best.clone() }) {
                return;
            }
        }
    }

    /// What makes no difference is not placed.
    fn fewer_placings(&mut self) {
        let is_placed = |event: Option<&Event>| matches!(event, Some(Event::Placed(_)));
        for index in (0..self.best.after.len()).rev() {
            if !is_placed(self.best.after.get(index)) {
                continue;
            }
            let mut fewer = self.best.clone();
            fewer.after.remove(index);
            self.take(fewer);
        }
        for index in (0..self.best.before.len()).rev() {
            let mut fewer = self.best.clone();
            fewer.before.remove(index);
            self.take(fewer);
        }
    }
}

/// The pods of the workloads that are `wanted`, where they are.
fn placings(current: &Counts, wanted: impl Fn(&str) -> bool) -> Vec<Placing> {
    let of_workload = current.iter().filter(|((workload, _), _)| wanted(workload));
    let each = of_workload.flat_map(|((workload, node), count)| {
        let placing = Placing { workload: workload.clone(), node: node.clone(), evicted: BTreeMap::new() };
        std::iter::repeat_n(placing, usize::try_from(*count).unwrap_or(0))
    });
    each.collect()
}
