//! Every placement that moves lead to, and the worst of them: the words of `docs/proofs.md`, taken one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quorate_sim::cluster::{ClusterState, Symbol, WorkloadName};

use super::ground::{Counts, Ground, Loss, NodeSet, Upkeep};
use super::moves::{Move, Scene};

/// Where the pods are before the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Placement {
    /// As they are; those that are pending are placed before anything is looked at again.
    Current,
    /// Anywhere that pods can come to from an empty cluster, in any order.
    Fresh,
}

/// When pods are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Right after the loss.
    Instant,
    /// At rest while the objects of lost nodes are there.
    Recovered,
    /// At rest after they are gone.
    Removed,
}

impl Phase {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Instant, Self::Recovered, Self::Removed];
}

/// What fails at the same time: at most `count` of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failures {
    /// What.
    pub(crate) domain: FailureDomain,
    /// How many.
    pub(crate) count: usize,
}

/// What fails as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureDomain {
    /// A node.
    Nodes,
    /// All nodes that have one value of this label.
    Label(Symbol),
}

/// Which pods make room for one that preempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victims {
    /// On any node any set without which it fits, and would not if any of them stayed. DaemonSets' pods stay.
    Fewest,
    /// The same, but DaemonSets' pods may go too, and it has to fit once all pods of lower priority are gone: pods of lower priority
    /// that it needs there by required affinity make that impossible.
    FewestOfAll,
    /// Those that the scheduler would choose on that node, whichever node it is.
    SchedulersAnywhere,
    /// Those that the scheduler would choose, on a node that it would choose.
    Schedulers,
}

/// How Kubernetes is read where there is more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Who makes room.
    pub(crate) victims: Victims,
    /// Whether a pod that preempts is only nominated to its node first: others that may take the place are placed between, or its
    /// node is no longer fit for it, or it waits for ever for a pod that terminates on a lost node; else it is placed at once.
    pub(crate) nominates: bool,
    /// Whether the pods of lost nodes begin to terminate one after the other, in any order, and the objects of lost nodes go one
    /// after the other, at any time, with others placed between; else all at once.
    pub(crate) lost_one_by_one: bool,
}

impl Reading {
    /// What `docs/proofs.md` says.
    pub(crate) const DOCUMENTED: Self = Self { victims: Victims::Fewest, nominates: false, lost_one_by_one: true };
    /// As close to Kubernetes as the enumeration comes, on [`Ground::in_order`].
    pub(crate) const KUBERNETES: Self = Self { victims: Victims::FewestOfAll, nominates: true, lost_one_by_one: true };
}

/// A placement: the pods that run or are about to, and those that terminate on lost nodes. All others are pending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placed {
    /// Bound, and not terminating.
    pub(crate) alive: Counts,
    /// Terminating.
    pub(crate) dying: Counts,
    /// The lost nodes whose objects are gone.
    pub(crate) gone: NodeSet,
    /// Pending pods that are nominated: a class and a node each, sorted.
    pub(crate) nominated: Vec<(usize, usize)>,
    /// The classes with an ordinal whose pod is there, pending.
    pub(crate) made: BTreeSet<usize>,
}

impl Placed {
    /// Nobody is nominated, and no pod with an ordinal is pending.
    pub(crate) const fn new(alive: Counts, dying: Counts) -> Self {
        Self { alive, dying, gone: NodeSet::new(), nominated: Vec::new(), made: BTreeSet::new() }
    }

    /// Whether bound pods are where those of `other` are.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (&self.alive, &self.dying) == (&other.alive, &other.dying)
    }
}

/// There are more placements than are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// So many placements are looked at for one loss.
const MOST_PLACEMENTS: usize = 15_000;

/// Everything that moves lead to from some placements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closure {
    /// Each placement, with one from which a move leads to it; none for those at the beginning.
    pub(crate) from: BTreeMap<Placed, Option<(Placed, Move)>>,
    /// Those at rest.
    pub(crate) rests: BTreeSet<Placed>,
    /// The placement before the loss of each of those at the beginning.
    origins: BTreeMap<Placed, Placed>,
}

/// The fewest pods, and how that came about.
#[derive(Clone, Debug)]
pub(crate) struct Worst {
    /// How many are available.
    pub(crate) available: i64,
    /// The names of the nodes that failed.
    pub(crate) failed: Vec<String>,
    /// How pods came to be placed before the failure, a sentence each.
    pub(crate) before: Vec<String>,
    /// What happened after it.
    pub(crate) after: Vec<String>,
    /// How many placements were looked at for all answers so far.
    pub(crate) states: usize,
}

impl fmt::Display for Worst {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} available after {:?} failed", self.available, self.failed)?;
        writeln!(formatter, "before: {}", self.before.join("; "))?;
        write!(formatter, "after: {}", self.after.join("; "))
    }
}

/// The fewest pods of `subject` that are available, as `docs/proofs.md` says it, over every placement and every set of
/// failures, none included.
pub(crate) fn worst(
    state: &ClusterState,
    subject: WorkloadName,
    failures: Failures,
    placement: Placement,
    phase: Phase,
) -> Result<Worst, TooMany> {
    let ground = Ground::new(state);
    Enumeration::new(&ground, Reading::DOCUMENTED).worst(subject, failures, placement, phase)
}

/// Answers about one cluster; what one answer needed is kept for the next.
pub(crate) struct Enumeration<'g> {
    pub(crate) ground: &'g Ground,
    reading: Reading,
    before: BTreeMap<Placement, Closure>,
    after: BTreeMap<(Placement, Loss), Closure>,
}

impl<'g> Enumeration<'g> {
    /// Begins.
    pub(crate) const fn new(ground: &'g Ground, reading: Reading) -> Self {
        Self { ground, reading, before: BTreeMap::new(), after: BTreeMap::new() }
    }

    /// The sets of nodes that can fail: none first, then those of one domain and more.
    pub(crate) fn failed_sets(&self, failures: Failures) -> Vec<NodeSet> {
        let mut domains: Vec<NodeSet> = Vec::new();
        match failures.domain {
            FailureDomain::Nodes => domains.extend((0..self.ground.nodes.len()).map(|node| NodeSet::from([node]))),
            FailureDomain::Label(key) => {
                let mut by_value: BTreeMap<Symbol, NodeSet> = BTreeMap::new();
                for node in 0..self.ground.nodes.len() {
                    if let Some(value) = self.ground.node(node).labels.get(key) {
                        by_value.entry(value).or_default().insert(node);
                    }
                }
                domains.extend(by_value.into_values());
            }
        }
        let mut sets = BTreeSet::from([NodeSet::new()]);
        for _ in 0..failures.count {
            let larger: Vec<NodeSet> =
                sets.iter().flat_map(|set| domains.iter().map(move |domain| set | domain)).collect();
            sets.extend(larger);
        }
        sets.into_iter().collect()
    }

    /// See [`worst`].
    pub(crate) fn worst(
        &mut self,
        subject: WorkloadName,
        failures: Failures,
        placement: Placement,
        phase: Phase,
    ) -> Result<Worst, TooMany> {
        let mut worst: Option<(i64, NodeSet, Placed)> = None;
        for failed in self.failed_sets(failures) {
            for placed in self.outcomes(&failed, placement, phase)? {
                let available = self.available(subject, &placed, &failed);
                if worst.as_ref().is_none_or(|(least, _, _)| available < *least) {
                    worst = Some((available, failed.clone(), placed));
                }
            }
        }
        let (available, failed, placed) = worst.unwrap();
        let (before, after) = self.history(&failed, placement, phase, &placed);
        let failed = failed.iter().map(|node| self.ground.node_name(*node).to_owned()).collect();
        let closures = self.before.values().chain(self.after.values());
        Ok(Worst { available, failed, before, after, states: closures.map(|closure| closure.from.len()).sum() })
    }

    /// How many pods of `subject` are available once `failed` have failed.
    pub(crate) fn available(&self, subject: WorkloadName, placed: &Placed, failed: &NodeSet) -> i64 {
        let mut available = 0;
        for (class, _) in self.ground.classes.iter().enumerate().filter(|(_, own)| own.workload == subject) {
            let living = (0..self.ground.nodes.len()).filter(|node| !failed.contains(node));
            available += living.map(|node| i64::from(placed.alive[self.ground.at(class, node)])).sum::<i64>();
        }
        available
    }

    /// The placements that are looked at in a phase.
    pub(crate) fn outcomes(
        &mut self,
        failed: &NodeSet,
        placement: Placement,
        phase: Phase,
    ) -> Result<Vec<Placed>, TooMany> {
        let as_it_is = (placement, phase) == (Placement::Current, Phase::Instant);
        if as_it_is {
            return Ok(vec![self.at_the_beginning(placement)]);
        }
        if failed.is_empty() || phase == Phase::Instant {
            return Ok(self.before(placement)?.rests.iter().cloned().collect());
        }
        let loss = Loss { failed: failed.clone(), removed: phase == Phase::Removed };
        Ok(self.after(placement, &loss)?.rests.iter().cloned().collect())
    }

    fn at_the_beginning(&self, placement: Placement) -> Placed {
        let alive = match placement {
            Placement::Current => self.ground.current.clone(),
            Placement::Fresh => self.ground.fixed(),
        };
        let mut placed = Placed::new(alive, self.ground.nothing());
        self.ground.make(&NodeSet::new(), &mut placed);
        placed
    }

    /// Everything that can happen before the failure.
    pub(crate) fn before(&mut self, placement: Placement) -> Result<&Closure, TooMany> {
        if !self.before.contains_key(&placement) {
            let beginning = self.at_the_beginning(placement);
            let origins = BTreeMap::from([(beginning.clone(), beginning)]);
            let closure = self.close(&Loss::default(), origins)?;
            self.before.insert(placement, closure);
        }
        Ok(&self.before[&placement])
    }

    /// Everything that can happen after a failure.
    pub(crate) fn after(&mut self, placement: Placement, loss: &Loss) -> Result<&Closure, TooMany> {
        let key = (placement, loss.clone());
        if !self.after.contains_key(&key) {
            let rests: Vec<Placed> = self.before(placement)?.rests.iter().cloned().collect();
            let mut origins = BTreeMap::new();
            for rest in rests {
                for beginning in self.right_after(loss, &rest) {
                    origins.entry(beginning).or_insert_with(|| rest.clone());
                }
            }
            let closure = self.close(loss, origins)?;
            self.after.insert(key.clone(), closure);
        }
        Ok(&self.after[&key])
    }

    /// What a placement is right after a loss, before anything is placed: it differs where Kubernetes may evict from some of
    /// the lost nodes.
    pub(crate) fn right_after(&self, loss: &Loss, rest: &Placed) -> Vec<Placed> {
        let ground = self.ground;
        if self.reading.lost_one_by_one {
            return vec![rest.clone()];
        }
        if loss.removed {
            let mut placed = rest.clone();
            for node in &loss.failed {
                Move::Remove { node: *node }.apply(ground, &mut placed);
            }
            ground.make(&loss.failed, &mut placed);
            return vec![placed];
        }
        let lost = |evicted: &NodeSet| {
            let mut placed = rest.clone();
            for (class, node) in pairs(ground, evicted).filter(|(class, _)| !ground.classes[*class].stays) {
                let at = ground.at(class, node);
                placed.dying[at] = std::mem::take(&mut placed.alive[at]);
            }
            placed
        };
        ground.evicted_sets(&loss.failed).iter().map(lost).collect()
    }

    /// How many pods of each class there have to be.
    fn totals(&self, gone: &NodeSet, dying: &Counts) -> Vec<u8> {
        let total = |class: usize| {
            let own = &self.ground.classes[class];
            let gone_with_node = own.node.is_some_and(|node| gone.contains(&node));
            match own.upkeep {
                Upkeep::Replaced => own.replicas,
                Upkeep::Kept => own.replicas - self.ground.sum(dying, class),
                Upkeep::Fixed => own.replicas - u8::from(gone_with_node),
            }
        };
        (0..self.ground.classes.len()).map(total).collect()
    }

    fn close(&self, loss: &Loss, origins: BTreeMap<Placed, Placed>) -> Result<Closure, TooMany> {
        let ground = self.ground;
        let mut closure = Closure { origins, ..Closure::default() };
        let mut open: Vec<Placed> = closure.origins.keys().cloned().collect();
        closure.from.extend(open.iter().map(|placed| (placed.clone(), None)));
        let mut states: BTreeMap<(NodeSet, Counts), (ClusterState, Vec<u8>)> = BTreeMap::new();
        while let Some(placed) = open.pop() {
            if closure.from.len() > MOST_PLACEMENTS {
                return Err(TooMany);
            }
            let scene = states
                .entry((placed.gone.clone(), placed.dying.clone()))
                .or_insert_with(|| (ground.after(loss, &placed), self.totals(&placed.gone, &placed.dying)));
            let mut state = scene.0.clone();
            let nominated = ground.add_nominated(&mut state, &placed);
            let scene = Scene { ground, state: &state, totals: &scene.1, nominated };
            let (mut moves, may_rest) = scene.placings(&placed, self.reading);
            let (losses, must_lose) = self.losses(loss, &placed);
            if may_rest && !must_lose {
                closure.rests.insert(placed.clone());
            }
            moves.extend(losses);
            for taken in moves {
                let mut next = placed.clone();
                taken.apply(ground, &mut next);
                ground.make(&loss.failed, &mut next);
                if !closure.from.contains_key(&next) {
                    closure.from.insert(next.clone(), Some((placed.clone(), taken)));
                    open.push(next);
                }
            }
        }
        Ok(closure)
    }

    /// The pods on lost nodes that can begin to terminate, where they do so one by one, and whether one of them has to.
    fn losses(&self, loss: &Loss, placed: &Placed) -> (Vec<Move>, bool) {
        if !self.reading.lost_one_by_one {
            return (Vec::new(), false);
        }
        let sets = self.ground.evicted_sets(&loss.failed);
        let there: NodeSet = loss.failed.difference(&placed.gone).copied().collect();
        let may = |node: usize| sets.iter().any(|set| set.contains(&node));
        let must = |node: usize| sets.iter().all(|set| set.contains(&node));
        let pods = pairs(self.ground, &there).filter(|(class, node)| {
            !self.ground.classes[*class].stays && placed.alive[self.ground.at(*class, *node)] > 0
        });
        let (mut moves, mut must_lose) = (Vec::new(), loss.removed && !there.is_empty());
        if loss.removed {
            moves.extend(there.iter().map(|node| Move::Remove { node: *node }));
        }
        for (class, node) in pods.filter(|(_, node)| may(*node)) {
            moves.push(Move::Lose { class, node });
            must_lose = must_lose || (must(node) && !self.ground.classes[class].returns);
        }
        (moves, must_lose)
    }

    /// How `placed` came about: what was placed before the failure, what after it.
    fn history(
        &self,
        failed: &NodeSet,
        placement: Placement,
        phase: Phase,
        placed: &Placed,
    ) -> (Vec<String>, Vec<String>) {
        let before = self.before.get(&placement);
        let trail = |closure: &Closure, end: &Placed| {
            let (mut sentences, mut at) = (Vec::new(), end.clone());
            while let Some(Some((earlier, taken))) = closure.from.get(&at) {
                sentences.push(taken.sentence(self.ground));
                at = earlier.clone();
            }
            sentences.reverse();
            (at, sentences)
        };
        let loss = Loss { failed: failed.clone(), removed: phase == Phase::Removed };
        let Some(before) = before else { return (Vec::new(), Vec::new()) };
        let Some(after) = self.after.get(&(placement, loss.clone())).filter(|_| phase != Phase::Instant) else {
            return (trail(before, placed).1, Vec::new());
        };
        let (beginning, last) = trail(after, placed);
        (trail(before, &after.origins[&beginning]).1, last)
    }
}

/// Every class on every node of `nodes`.
fn pairs(ground: &Ground, nodes: &NodeSet) -> impl Iterator<Item = (usize, usize)> {
    let nodes: Vec<usize> = nodes.iter().copied().collect();
    (0..ground.classes.len()).flat_map(move |class| nodes.clone().into_iter().map(move |node| (class, node)))
}
