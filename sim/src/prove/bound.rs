//! Bounds that say how many pods of a subject remain in every case.

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Domain, Phase, Placement};
use quorate_proof::cluster::Kind;
use quorate_proof::evidence::{Evidence, Share, Weights};

use super::lost::lost;
use super::matching::{tolerates_for_ever, unreachable};
use super::placed::{Case, Loss, is_replaced, placed};
use super::problem::{Group, Over, Problem};

/// What bounds say about a claim.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    /// So many remain in every case.
    pub(super) remain: i64,
    /// The share of each workload.
    pub(super) shares: BTreeMap<String, Share>,
    /// Why not more, workload by workload.
    pub(super) obstacles: Vec<String>,
}

impl Bounded {
    /// The evidence for the proof file.
    pub(super) fn evidence(self) -> Evidence {
        Evidence::Bound { workloads: self.shares }
    }
}

/// What fails, in the numbers of the problem.
pub(super) fn failing(claim: &Claim) -> (Over<'_>, usize) {
    let over = match &claim.failures.domain {
        Domain::Node => Over::Node,
        Domain::Label(key) => Over::Key(key),
    };
    (over, claim.failures.count)
}

/// How many pods of `subject` remain.
pub(super) fn bounded(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Bounded {
    let mut bounded = Bounded { remain: 0, shares: BTreeMap::new(), obstacles: Vec::new() };
    for number in subject {
        let Some(group) = problem.groups.get(*number) else { continue };
        let shares = [survives(problem, claim, *number, group), replaced(problem, claim, *number, group)];
        let mut best: Option<(i64, Share)> = None;
        for share in shares {
            match share {
                Ok(share) => {
                    let remain = remaining(&share);
                    if best.as_ref().is_none_or(|(most, _)| remain > *most) {
                        best = Some((remain, share));
                    }
                }
                Err(obstacle) if !obstacle.is_empty() && !bounded.obstacles.contains(&obstacle) => {
                    bounded.obstacles.push(obstacle);
                }
                Err(_) => {}
            }
        }
        if let Some((remain, share)) = best {
            bounded.remain = bounded.remain.saturating_add(remain);
            bounded.shares.insert(group.name.to_owned(), share);
        }
    }
    bounded
}

const fn remaining(share: &Share) -> i64 {
    match share {
        Share::Survives { remain, .. } | Share::Replaced { remain, .. } => *remain,
    }
}

/// All pods are placed, and the failure takes some of them.
fn survives(problem: &Problem<'_>, claim: &Claim, number: usize, group: &Group<'_>) -> Result<Share, String> {
    if claim.placement == Placement::Current {
        return Err(String::new());
    }
    let is_kept = matches!(group.workload.kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet);
    let is_outranked = problem.outranks(group);
    if !group.is_movable() {
        return Err(format!("where pods of {} run is not for the scheduler to say", group.name));
    }
    if !is_kept && (claim.placement == Placement::Reachable || group.workload.kind == Kind::Pod && is_outranked) {
        return Err(format!("nobody creates pods of {} again", group.name));
    }
    if claim.phase != Phase::Instant {
        stays_after(problem, claim, group)?;
    }
    let lost = lost(problem, number, claim.placement, failing(claim));
    let replicas = at_least_wanted(claim, group);
    let case = Case { placement: claim.placement, after: None };
    let (bound, weights) = most_bound(problem, number, case, (replicas, claim.at_least.saturating_add(lost.pods)))?;
    let remain = bound.saturating_sub(lost.pods);
    if remain <= 0 {
        return Err(format!("one failure may take all {replicas} pods of {}", group.name));
    }
    Ok(Share::Survives { bound, placed: weights, lost: lost.pods, spread: lost.spread, remain })
}

/// Whether pods on nodes that have not failed stay while others are placed again.
pub(super) fn stays_after(problem: &Problem<'_>, claim: &Claim, group: &Group<'_>) -> Result<(), String> {
    if problem.has_unready {
        return Err("not all nodes are ready to begin with".to_owned());
    }
    match group.workload.kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => {}
        Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => {
            return Err(format!("nobody replaces {}", group.name));
        }
    }
    let is_above =
        |own: &&Group<'_>| own.is_movable() && own.shape.preempts && own.shape.priority > group.shape.priority;
    let above = if problem.outranks(group) { problem.groups.iter().find(is_above) } else { None };
    if claim.placement == Placement::Reachable {
        let may_be_let_in = problem.fixed.iter().filter_map(|(fixed, _)| problem.groups.get(*fixed)).find(|own| {
            let waits = own.conflicts.keys().any(|over| !problem.is_single(*over));
            own.shape.preempts && own.shape.priority > group.shape.priority && waits
        });
        if let Some(daemon) = may_be_let_in {
            return Err(format!("the failure may let in a pod of {} that evicts pods of {}", daemon.name, group.name));
        }
    }
    match above {
        Some(other) => Err(format!("{} may preempt pods of {} when it is placed again", other.name, group.name)),
        None => Ok(()),
    }
}

/// Lost pods are replaced, and none stays pending.
fn replaced(problem: &Problem<'_>, claim: &Claim, number: usize, group: &Group<'_>) -> Result<Share, String> {
    if claim.phase == Phase::Instant {
        return Err(String::new());
    }
    if problem.has_unready {
        return Err("not all nodes are ready to begin with".to_owned());
    }
    if !is_replaced(&group.workload.kind, claim.phase) {
        return Err(format!("pods of {} are not replaced while the lost node's object is there", group.name));
    }
    let (over, count) = failing(claim);
    let loss = Loss { over, count, phase: claim.phase };
    if claim.phase == Phase::Recovered {
        if tolerates_for_ever(&group.shape.tolerations, &unreachable("NoExecute")) {
            return Err(format!("pods of {} tolerate unreachable nodes for ever and are never replaced", group.name));
        }
        if problem.may_stop_evictions(&loss) {
            return Err("Kubernetes evicts nothing while most of a small zone is lost".to_owned());
        }
    }
    if claim.placement == Placement::Current {
        if problem.has_terminating_on(group) {
            return Err(format!("pods are terminating on nodes that take pods of {}", group.name));
        }
        if let Some(pod) = problem.earlier_pod {
            return Err(format!("pod {pod} is of an earlier revision: a rollout is under way"));
        }
    }
    let case = Case { placement: claim.placement, after: Some(loss) };
    let (remain, weights) = most_bound(problem, number, case, (at_least_wanted(claim, group), claim.at_least))?;
    Ok(Share::Replaced { placed: weights, remain })
}

/// How many pods a workload has at least.
const fn at_least_wanted(claim: &Claim, group: &Group<'_>) -> i64 {
    match claim.placement {
        Placement::Reachable => group.workload.min_replicas,
        Placement::Current | Placement::Scheduled | Placement::Fresh => group.workload.replicas,
    }
}

/// That all `wanted` pods are bound, else that `enough` of them are.
fn most_bound(
    problem: &Problem<'_>,
    number: usize,
    case: Case<'_>,
    (wanted, enough): (i64, i64),
) -> Result<(i64, Weights), String> {
    if wanted < 1 {
        return Err("it has no pod".to_owned());
    }
    let all = placed(problem, number, case, wanted).map(|weights| (wanted, weights));
    match all {
        Err(_) if (1..wanted).contains(&enough) => {
            placed(problem, number, case, enough).map(|weights| (enough, weights))
        }
        other => other,
    }
}

impl Problem<'_> {
    /// Whether a pod is terminating on a node that is eligible for `group`.
    fn has_terminating_on(&self, group: &Group<'_>) -> bool {
        self.terminating_on.iter().any(|node| self.is_eligible(group, *node))
    }
}
