//! Evidence `witness`: pods are placed, domains fail, pods are placed, and fewer are available than the claim says.

use std::collections::BTreeMap;

use super::board::{Board, Lot};
use super::counting::available_on;
use super::disruption::disrupts_a_zone;
use super::lost::outranked;
use super::node_set::NodeSet;
use super::outcome::{Pending, evict, fail, is_evicted, remove};
use super::question::Question;
use super::rest::{at_rest, placed_nowhere};
use super::verify::Checker;
use crate::claim::{Phase, Placement};
use crate::cluster::Kind;
use crate::evidence::{Event, Placing, Witness};
use crate::input::ONCE_BOUND;
use crate::rejection::Rejection;

/// Checks that a witness breaks a claim.
pub(crate) fn check(checker: &Checker<'_>, question: &Question<'_>, witness: &Witness) -> Result<(), Rejection> {
    let failed = failed_nodes(question, witness)?;
    if question.phase() == Phase::Instant && !witness.after.is_empty() {
        return Err(refuse("after", "right after the loss nothing has been placed yet"));
    }
    let found = if question.placement() == Placement::Current && question.phase() == Phase::Instant {
        require_empty_before(witness)?;
        let nodes = available_on(&checker.index, &checker.existing, question);
        i128::try_from(nodes.filter(|node| !failed.contains(*node)).count()).unwrap_or(i128::MAX)
    } else {
        Play::new(checker, question, witness)?.available(witness, failed)?
    };
    if found != i128::from(witness.available) {
        let what = "available pods".to_owned();
        return Err(Rejection::Number { what, said: witness.available, found });
    }
    let at_least = question.claim.at_least;
    if found >= i128::from(at_least) {
        return Err(Rejection::Enough { found, at_least });
    }
    if question.placement() == Placement::Scheduled { Err(Rejection::NeedsScores) } else { Ok(()) }
}

fn refuse(at: impl Into<String>, why: impl Into<String>) -> Rejection {
    Rejection::Witness { at: at.into(), why: why.into() }
}

fn require_empty_before(witness: &Witness) -> Result<(), Rejection> {
    if witness.before.is_empty() {
        Ok(())
    } else {
        Err(refuse("before", "pods are where they are: none is placed first"))
    }
}

/// The nodes of the failed domains.
fn failed_nodes(question: &Question<'_>, witness: &Witness) -> Result<NodeSet, Rejection> {
    if witness.failed.len() > question.count() {
        return Err(refuse("failed", format!("{} domains are more than {}", witness.failed.len(), question.count())));
    }
    let is_sorted = witness.failed.windows(2).all(|pair| pair.first() < pair.last());
    if !is_sorted {
        return Err(refuse("failed", "domains are not sorted, or one is there twice"));
    }
    let mut failed = NodeSet::default();
    for name in &witness.failed {
        let domain = question.domains.names().binary_search(name);
        let domain = domain.map_err(|_| refuse("failed", format!("there is no failure domain {name}")))?;
        question.domains.members().get(domain).into_iter().flatten().for_each(|node| failed.insert(*node));
    }
    Ok(failed)
}

/// A witness that is played.
struct Play<'c, 'a> {
    checker: &'c Checker<'a>,
    question: &'c Question<'c>,
    board: Board<'c, 'a>,
    pending: Pending,
}

impl<'c, 'a> Play<'c, 'a> {
    fn new(checker: &'c Checker<'a>, question: &'c Question<'c>, witness: &Witness) -> Result<Play<'c, 'a>, Rejection> {
        checker.require_fixed()?;
        let index = &checker.index;
        if let Some(shape) = checker.selection.unclear {
            let why = "it selects pods by a label in which pods of one workload differ";
            return Err(refuse(format!("shape {shape}"), why));
        }
        if question.phase() != Phase::Instant && !index.not_ready.is_empty() {
            return Err(Rejection::Claim("some nodes are not ready before the failure".to_owned()));
        }
        if question.placement() == Placement::Reachable {
            let outside = index.workloads.iter().position(|workload| {
                workload.replicas < workload.min_replicas || workload.replicas > workload.max_replicas
            });
            if let Some(workload) = outside {
                return Err(refuse(index.name(workload), "its replicas are outside of what its autoscaler allows"));
            }
        }
        let is_current = question.placement() == Placement::Current;
        if is_current {
            require_empty_before(witness)?;
            if let Some(why) = &checker.existing.unsettled {
                return Err(refuse("before", why.as_str()));
            }
        }
        let base = if is_current { &checker.existing_base } else { &checker.fixed_base };
        let pending =
            index.movable().map(|workload| (workload, pending_at_first(checker, question, workload))).collect();
        Ok(Play { checker, question, board: Board::new(index, &checker.selection, base), pending })
    }

    /// Plays the witness, and counts the available pods of the subject at its end.
    fn available(mut self, witness: &Witness, failed: NodeSet) -> Result<i128, Rejection> {
        for (number, placing) in witness.before.iter().enumerate() {
            self.place(format!("before {number}"), placing)?;
        }
        self.rest("before")?;
        if witness.after.iter().any(|event| matches!(event, Event::Placed(_))) {
            let waiting = self.pending.iter().filter(|(_, count)| **count > 0).map(|(workload, _)| *workload);
            for workload in waiting.collect::<Vec<_>>() {
                placed_nowhere(&mut self.board, workload).map_err(|reason| self.moving("before", reason))?;
            }
        }
        self.lose(witness, failed)?;
        for (number, event) in witness.after.iter().enumerate() {
            self.happen(number, event)?;
        }
        if self.question.phase() != Phase::Instant {
            self.nothing_is_left()?;
            self.rest("after")?;
        }
        let subject = self.question.subject.iter();
        Ok(subject.fold(0, |sum, workload| sum.saturating_add(self.board.available(*workload))))
    }

    /// Domains fail. Where Kubernetes may not evict pods then, nothing may depend on whether it does.
    fn lose(&mut self, witness: &Witness, failed: NodeSet) -> Result<(), Rejection> {
        let index = &self.checker.index;
        let are_all_lost = (0..index.nodes.len()).all(|node| failed.contains(node));
        let may_not_evict = are_all_lost || disrupts_a_zone(index, &failed);
        fail(&mut self.board, failed);
        if self.question.phase() == Phase::Instant || !may_not_evict {
            return Ok(());
        }
        let depends = witness.after.iter().any(|event| match event {
            Event::Placed(_) => self.question.phase() == Phase::Recovered,
            Event::Evicted { .. } => self.question.phase() == Phase::Removed,
            Event::Removed { .. } => false,
        });
        if depends {
            return Err(refuse("after", "Kubernetes may evict no pods while so many nodes of a zone are lost"));
        }
        if self.question.phase() == Phase::Recovered { self.rest("after a loss without evictions") } else { Ok(()) }
    }

    /// What happens after the failure.
    fn happen(&mut self, number: usize, event: &Event) -> Result<(), Rejection> {
        let index = &self.checker.index;
        let at = format!("after {number}");
        let lost = |name: &String| {
            let node = index.node_number(name).ok_or_else(|| refuse(at.as_str(), "there is no such node"))?;
            let is_there = self.board.outage.failed.contains(node) && !self.board.outage.gone.contains(node);
            if is_there { Ok(node) } else { Err(refuse(at.as_str(), "the node has not failed, or is gone already")) }
        };
        match event {
            Event::Placed(placing) => self.place(at, placing),
            Event::Evicted { workload, node, pods } => {
                let node = lost(node)?;
                let Some(workload) = index.workload_number(workload) else {
                    return Err(refuse(at, "there is no such workload"));
                };
                let lot = Lot { workload, shape: index.shape_of(workload), is_dying: false };
                let there = self.board.lots(node).get(&lot).copied().unwrap_or(0);
                let pods = i128::from(*pods);
                if pods < 1 || pods > there {
                    return Err(refuse(at, format!("{pods} pods are to be evicted, and {there} are there")));
                }
                if !is_evicted(index, lot) {
                    return Err(refuse(at, "its pods stay on a node that is unreachable"));
                }
                evict(&mut self.board, &mut self.pending, node, lot, pods);
                Ok(())
            }
            Event::Removed { node } => {
                let node = lost(node)?;
                if self.question.phase() != Phase::Removed {
                    return Err(refuse(at, "the objects of failed nodes stay in this phase"));
                }
                remove(&mut self.board, &mut self.pending, node);
                Ok(())
            }
        }
    }

    /// What has to happen after a failure has happened: evictions, or the objects of failed nodes are gone.
    fn nothing_is_left(&self) -> Result<(), Rejection> {
        let index = &self.checker.index;
        let outage = &self.board.outage;
        let nodes = outage.failed.iter().filter(|node| !outage.gone.contains(*node));
        for node in nodes {
            let name = index.node_name(node);
            if self.question.phase() == Phase::Removed {
                return Err(refuse("the end of after", format!("the object of {name} is still there")));
            }
            let are_all_lost = (0..index.nodes.len()).all(|node| outage.failed.contains(node));
            let lots = self.board.lots(node);
            // Pods that are bound there again are as good as pods that are still there.
            let returns = |lot: &Lot| index.class(lot.shape).tolerates_unreachable;
            let is_left =
                |lot: &Lot| is_evicted(index, *lot) && !returns(lot) && lots.get(lot).is_some_and(|pods| *pods > 0);
            if let Some(lot) = lots.keys().find(|lot| !are_all_lost && is_left(lot)) {
                let why = format!("pods of {} are still to be evicted from {name}", index.name(lot.workload));
                return Err(refuse("the end of after", why));
            }
        }
        Ok(())
    }

    fn rest(&mut self, at: &str) -> Result<(), Rejection> {
        at_rest(&mut self.board, &self.checker.selection, self.question, &self.pending)
            .map_err(|reason| self.moving(at, reason))
    }

    fn moving(&self, at: &str, (workload, why): (usize, String)) -> Rejection {
        refuse(format!("the end of {at}"), format!("{}: {why}", self.checker.index.name(workload)))
    }

    /// One pod is placed, others perhaps evicted.
    fn place(&mut self, at: String, placing: &Placing) -> Result<(), Rejection> {
        let index = &self.checker.index;
        let refuse = |why: &str| Err(refuse(format!("{at} ({} on {})", placing.workload, placing.node), why));
        let Some(workload) = index.workload_number(&placing.workload) else {
            return refuse("there is no such workload");
        };
        let Some(node) = index.node_number(&placing.node) else { return refuse("there is no such node") };
        let shape = index.shape_of(workload);
        // Where a volume is provisioned the pod is bound; before that it may go anywhere.
        let is_first = self.board.outage.failed.is_empty()
            && self.question.placement() != Placement::Current
            && !outranked(self.checker, workload);
        let decides = |what: &String| !(is_first && what == ONCE_BOUND);
        if index.shape(shape).not_carried.iter().any(decides) {
            return refuse("something that the cluster does not carry decides where it may run");
        }
        if index.class(shape).fleeting.contains(node) {
            return refuse("it would be evicted again: it bears a taint there for some seconds only");
        }
        let waiting = self.pending.get(&workload).copied().unwrap_or(0);
        if waiting < 1 {
            return refuse("no pod of it is pending");
        }
        let is_lost = self.board.outage.failed.contains(node);
        if self.waits_for_lost(workload) {
            return refuse(
                "a pod of this StatefulSet is lost: which others are created meanwhile depends on their order",
            );
        }
        let gone = self.evicted(placing, node).map_err(|why| super::witness::refuse(at.as_str(), why))?;
        if gone.is_empty() {
            if !self.board.fits(shape, node) {
                return refuse("it does not fit");
            }
        } else {
            if is_lost {
                return refuse("pods on an unreachable node cannot be evicted");
            }
            self.eviction_is_legal(shape, node, &gone).map_err(|why| super::witness::refuse(at.as_str(), why))?;
        }
        for (lot, count) in &gone {
            self.board.change(node, *lot, count.saturating_neg());
            let evicted = self.pending.entry(lot.workload).or_default();
            *evicted = evicted.saturating_add(*count);
        }
        self.board.change(node, Lot { workload, shape, is_dying: false }, 1);
        self.pending.insert(workload, self.pending.get(&workload).copied().unwrap_or(0).saturating_sub(1));
        Ok(())
    }

    /// Whether a StatefulSet has pods on failed nodes whose objects are there.
    fn waits_for_lost(&self, workload: usize) -> bool {
        let index = &self.checker.index;
        let outage = &self.board.outage;
        let is_set = index.workloads.get(workload).is_some_and(|workload| workload.kind == Kind::StatefulSet);
        let mut nodes = outage.failed.iter().filter(|node| !outage.gone.contains(*node));
        is_set
            && nodes.any(|node| self.board.lots(node).iter().any(|(lot, pods)| lot.workload == workload && *pods > 0))
    }

    /// The evicted pods of a placing.
    fn evicted(&self, placing: &Placing, node: usize) -> Result<BTreeMap<Lot, i128>, String> {
        let index = &self.checker.index;
        let here = self.board.lots(node);
        let mut gone = BTreeMap::new();
        for (name, count) in &placing.evicted {
            let workload = index.workload_number(name).ok_or_else(|| format!("there is no workload {name}"))?;
            if index.is_fixed(workload) {
                return Err(format!("{name}: evictions of fixed pods are not followed"));
            }
            if index.workloads.get(workload).is_some_and(|workload| workload.kind == Kind::Pod) {
                return Err(format!("{name}: nobody creates it again, it does not become pending"));
            }
            let lot = Lot { workload, shape: index.shape_of(workload), is_dying: false };
            let there = here.get(&lot).copied().unwrap_or(0);
            let count = i128::from(*count);
            if count < 1 || count > there {
                return Err(format!("{count} pods of {name} are to be evicted, and {there} are there"));
            }
            gone.insert(lot, count);
        }
        Ok(gone)
    }

    /// The pod fits nowhere; it does once these pods are gone, and would not if one of them stayed.
    fn eviction_is_legal(&mut self, shape: usize, node: usize, gone: &BTreeMap<Lot, i128>) -> Result<(), String> {
        let index = &self.checker.index;
        let pod = index.shape(shape);
        if !pod.preempts {
            return Err("it evicts no pods".to_owned());
        }
        if let Some(lot) = gone.keys().find(|lot| index.shape(lot.shape).priority >= pod.priority) {
            return Err(format!("pods of {} have no lower priority", index.name(lot.workload)));
        }
        if let Some(free) = self.board.place_for(shape) {
            return Err(format!("it need evict nothing: it fits on node {}", index.node_name(free)));
        }
        let lower = self.board.lower(shape, node);
        if !self.board.fits_without(shape, node, &lower) || !self.board.fits_without(shape, node, gone) {
            return Err("it does not fit once these pods are gone".to_owned());
        }
        for lot in gone.keys() {
            let mut fewer = gone.clone();
            if let Some(count) = fewer.get_mut(lot) {
                *count = count.saturating_sub(1);
            }
            if self.board.fits_without(shape, node, &fewer) {
                return Err(format!("one pod fewer of {} is enough", index.name(lot.workload)));
            }
        }
        Ok(())
    }
}

/// How many pods of a movable workload are pending at first.
pub(crate) fn pending_at_first(checker: &Checker<'_>, question: &Question<'_>, workload: usize) -> i128 {
    let Some(wanted) = checker.index.workloads.get(workload) else { return 0 };
    let replicas = i128::from(wanted.replicas);
    if question.placement() != Placement::Current {
        return replicas;
    }
    let unbound = checker.existing.of_workload(workload).iter().filter(|pod| pod.node.is_none() && !pod.terminating);
    let unbound = i128::try_from(unbound.count()).unwrap_or(i128::MAX);
    match wanted.kind {
        Kind::Pod => unbound,
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job | Kind::Static(_) => {
            replicas.saturating_sub(checker.existing.alive(workload)).max(0).saturating_add(unbound)
        }
    }
}
