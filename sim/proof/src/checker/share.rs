//! Evidence `bound`: how many pods each workload of the subject keeps in every case.

use std::collections::BTreeMap;

use super::disruption::can_stop_evictions;
use super::lost::{most_lost, outranked};
use super::placed::{Moment, placed};
use super::question::Question;
use super::verify::Checker;
use crate::claim::{Phase, Placement};
use crate::cluster::Kind;
use crate::evidence::Share;
use crate::rejection::Rejection;
use crate::rules::stays_when_unreachable;

/// Checks each share, and that their sum is enough.
pub(crate) fn check(
    checker: &Checker<'_>,
    question: &Question<'_>,
    shares: &BTreeMap<String, Share>,
) -> Result<(), Rejection> {
    may_have_shares(checker, question)?;
    let mut sum = 0_i128;
    for (name, share) in shares {
        let workload = with_share(checker, question, name)?;
        sum = sum.saturating_add(i128::from(remain(checker, question, workload, share)?));
    }
    question.enough(sum)
}

/// Checks that shares mean something for this cluster and claim.
pub(super) fn may_have_shares(checker: &Checker<'_>, question: &Question<'_>) -> Result<(), Rejection> {
    checker.require_fixed()?;
    if question.phase() != Phase::Instant && !checker.index.not_ready.is_empty() {
        return Err(Rejection::Claim("some nodes are not ready before the failure".to_owned()));
    }
    Ok(())
}

/// A workload of the subject that may have a share.
pub(super) fn with_share(checker: &Checker<'_>, question: &Question<'_>, name: &str) -> Result<usize, Rejection> {
    let workload = checker.index.workload_number(name).filter(|workload| question.is_subject(*workload));
    let workload = workload.ok_or_else(|| refusal(name, "it is not of the subject"))?;
    if checker.index.is_fixed(workload) {
        return Err(refusal(name, "its pods are not placed by the scheduler in the order of their creation"));
    }
    Ok(workload)
}

/// How many pods a workload has at least.
pub(super) fn wanted(checker: &Checker<'_>, question: &Question<'_>, workload: usize) -> i64 {
    checker.index.workloads.get(workload).map_or(0, |wanted| match question.placement() {
        Placement::Reachable => wanted.replicas.min(wanted.min_replicas),
        Placement::Current | Placement::Scheduled | Placement::Fresh => wanted.replicas,
    })
}

fn refusal(workload: &str, why: &str) -> Rejection {
    Rejection::Bound { workload: workload.to_owned(), why: why.to_owned() }
}

/// Checks one share.
fn remain(checker: &Checker<'_>, question: &Question<'_>, workload: usize, share: &Share) -> Result<i64, Rejection> {
    let index = &checker.index;
    let name = index.name(workload);
    let replicas = wanted(checker, question, workload);
    let (said, found) = match share {
        Share::Survives { bound, placed: weights, lost, spread, remain } => {
            survives(checker, question, workload)?;
            within(name, *bound, replicas)?;
            placed(checker, question, workload, (weights, *bound), Moment::Before)?;
            let most = most_lost(checker, question, workload, *spread)?;
            same(format!("pods of {name} that the failure takes"), *lost, most)?;
            (*remain, i128::from(*bound).saturating_sub(most))
        }
        Share::Replaced { placed: weights, remain } => {
            replaced(checker, question, workload)?;
            within(name, *remain, replicas)?;
            placed(checker, question, workload, (weights, *remain), Moment::After)?;
            return Ok(*remain);
        }
    };
    same(format!("pods of {name} that remain"), said, found)?;
    Ok(said)
}

/// At most as many pods as there are can be bound.
fn within(name: &str, bound: i64, replicas: i64) -> Result<(), Rejection> {
    if (1..=replicas).contains(&bound) { Ok(()) } else { Err(refusal(name, "it does not have so many pods, or none")) }
}

fn same(what: String, said: i64, found: i128) -> Result<(), Rejection> {
    if i128::from(said) == found { Ok(()) } else { Err(Rejection::Number { what, said, found }) }
}

/// Whether survivors stay where they are, and nothing but failures takes pods away.
pub(super) fn survives(checker: &Checker<'_>, question: &Question<'_>, workload: usize) -> Result<(), Rejection> {
    let index = &checker.index;
    let refuse = |why| Err(refusal(index.name(workload), why));
    let Some(kind) = index.workloads.get(workload).map(|workload| &workload.kind) else {
        return refuse("it is not there");
    };
    let is_kept = matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet);
    let outranked = outranked(checker, workload);
    match question.placement() {
        Placement::Current => return refuse("where its pods are now says nothing of where they survive: count them"),
        Placement::Reachable if !is_kept => return refuse("evictions and drains take its pods for good"),
        Placement::Fresh | Placement::Scheduled if *kind == Kind::Pod && outranked => {
            return refuse("pods of higher priority may evict it, and nobody creates it again");
        }
        Placement::Reachable | Placement::Fresh | Placement::Scheduled => {}
    }
    if question.phase() == Phase::Instant {
        return Ok(());
    }
    if !is_kept {
        return refuse("it is neither a Deployment nor a ReplicaSet nor a StatefulSet");
    }
    if outranked {
        return refuse("after the failure pods of higher priority may evict its pods");
    }
    if question.placement() == Placement::Reachable && may_be_let_in(checker, workload) {
        return refuse("the failure may let in a pod of a DaemonSet that evicts its pods");
    }
    Ok(())
}

/// Whether a pod of a DaemonSet that preempts and has a higher priority may have been kept off its node by an anti-affinity term:
/// the failure may take the pod with that term.
fn may_be_let_in(checker: &Checker<'_>, workload: usize) -> bool {
    let index = &checker.index;
    let priority = index.pod_of(workload).priority;
    (0..index.workloads.len()).filter(|other| index.is_fixed(*other)).any(|other| {
        let pod = index.pod_of(other);
        let may_evict = pod.preempts && pod.priority > priority;
        let conflicts = checker.selection.conflicts(index.shape_of(other));
        may_evict && conflicts.keys().any(|key| !index.topology(key).is_single())
    })
}

/// Whether lost pods are created again elsewhere.
pub(super) fn replaced(checker: &Checker<'_>, question: &Question<'_>, workload: usize) -> Result<(), Rejection> {
    let index = &checker.index;
    let refuse = |why| Err(refusal(index.name(workload), why));
    let kind = index.workloads.get(workload).map(|workload| &workload.kind);
    let is_replaced = match question.phase() {
        Phase::Instant | Phase::Progress => return refuse("right after the loss nothing is replaced"),
        Phase::Recovered => matches!(kind, Some(Kind::Deployment | Kind::ReplicaSet)),
        Phase::Removed => matches!(kind, Some(Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet)),
    };
    if !is_replaced {
        return refuse("its lost pods are not replaced");
    }
    if question.phase() == Phase::Recovered {
        if stays_when_unreachable(index.pod_of(workload)) {
            return refuse("its pods may stay on an unreachable node for ever");
        }
        if can_stop_evictions(index, &question.domains, question.count()) {
            return refuse("the failure can be so large that Kubernetes evicts no pods");
        }
    }
    Ok(())
}
