//! Evidence `progress`: rollouts of a workload end, and drains do not wait for its pods for ever.

use super::lost::most_lost;
use super::placed::{Moment, placed};
use super::question::{Question, asked_for};
use super::share::survives;
use super::verify::Checker;
use crate::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use crate::cluster::{Budget, Kind, Workload};
use crate::evidence::{Drain, Weights};
use crate::rejection::Rejection;
use crate::rules::{asks_own, asks_revision, cordon, selects, tolerates};

/// Numbers of replicas beyond this are not looked at one by one.
const MOST_SCALES: i64 = 100_000;

/// Checks that rollouts and drains end.
///
/// # Errors
/// What may hold one up.
pub(crate) fn check(
    checker: &Checker<'_>,
    question: &Question<'_>,
    rollout: &Weights,
    drain: &Drain,
) -> Result<(), Rejection> {
    checker.require_fixed()?;
    let claim = |why: &str| Rejection::Claim(why.to_owned());
    let one_node = Failures { domain: Domain::Node, count: 1 };
    if question.claim.at_least != 0 || question.claim.failures != one_node {
        return Err(claim("it says 0 pods and one node, the one that is drained: more means nothing here"));
    }
    if question.placement() == Placement::Current {
        return Err(claim("a rollout or a drain may be under way now"));
    }
    let (Subject::Workload(_), [workload]) = (&question.claim.subject, question.subject.as_slice()) else {
        return Err(claim("rollouts are of one workload"));
    };
    let wanted = wanted(checker, *workload)?;
    if !matches!(wanted.kind, Kind::Deployment | Kind::StatefulSet) {
        return Err(refusal(
            checker,
            *workload,
            "it is neither a Deployment nor a StatefulSet: it does not roll out so",
        ));
    }
    // Any history may lie before.
    let reached = Claim { placement: Placement::Reachable, phase: Phase::Instant, ..question.claim.clone() };
    let reached = question.of_same(&reached);
    // Either a pod may be missing while others are replaced, or there is room for all that a rollout adds.
    let most = wanted.replicas.max(wanted.max_replicas);
    let bound = if wanted.max_unavailable > 0 { most } else { most.saturating_add(wanted.max_surge) };
    if wanted.max_unavailable < 1 && wanted.max_surge < 1 {
        return Err(refusal(checker, *workload, "no pod may go before another comes, and none may come"));
    }
    placed(checker, &reached, *workload, (rollout, bound), Moment::Before)?;
    drains(checker, question, *workload, drain)
}

fn refusal(checker: &Checker<'_>, workload: usize, why: &str) -> Rejection {
    Rejection::Bound { workload: checker.index.name(workload).to_owned(), why: why.to_owned() }
}

fn wanted<'c>(checker: &'c Checker<'_>, workload: usize) -> Result<&'c Workload, Rejection> {
    let wanted = checker.index.workloads.get(workload).copied();
    wanted.ok_or_else(|| Rejection::Claim("the workload is not there".to_owned()))
}

/// A drain evicts what is on the node. What its budget does not allow at once it allows when others have come back.
fn drains(checker: &Checker<'_>, question: &Question<'_>, workload: usize, drain: &Drain) -> Result<(), Rejection> {
    let index = &checker.index;
    let budgets = budgets_of(checker, workload)?;
    let drained = |phase| Claim { placement: Placement::Reachable, phase, ..question.claim.clone() };
    let (budget, placed_as) = match (budgets.as_slice(), drain) {
        ([], Drain::NoBudget) => return returns_not(checker, workload),
        ([_], Drain::NoBudget) => return Err(refusal(checker, workload, "a PodDisruptionBudget selects its pods")),
        ([budget], Drain::AtOnce { placed, .. } | Drain::Replaced { placed }) => (budget, placed),
        ([], _) => return Err(refusal(checker, workload, "no PodDisruptionBudget selects its pods")),
        _ => {
            let why = "more than one PodDisruptionBudget selects its pods: evictions fail";
            return Err(refusal(checker, workload, why));
        }
    };
    let concerned = selected(checker, budget);
    let names: Vec<&str> = concerned.iter().map(|own| index.name(*own)).collect();
    if !placed_as.keys().map(String::as_str).eq(names.iter().copied()) {
        let why = format!("there have to be weights for {}, and for no others", names.join(", "));
        return Err(refusal(checker, workload, &why));
    }
    let (claim, moment) = match drain {
        Drain::Replaced { .. } => (drained(Phase::Recovered), Moment::After),
        Drain::AtOnce { .. } | Drain::NoBudget => (drained(Phase::Instant), Moment::Before),
    };
    let asked = Question::new(index, &checker.existing, &checker.selection, &claim)?;
    for (own, weights) in concerned.iter().zip(placed_as.values()) {
        let most = wanted(checker, *own)?;
        returns_not(checker, *own)?;
        placed(checker, &asked, *own, (weights, most.replicas.max(most.max_replicas)), moment)?;
    }
    let Drain::AtOnce { on_one_node, .. } = drain else { return allows(checker, workload, budget, (&concerned, 1)) };
    let lost = drained(Phase::Recovered);
    let lost = Question::new(index, &checker.existing, &checker.selection, &lost)?;
    let mut most = 0_i128;
    for own in &concerned {
        // What is evicted from the node may not take the place of others that the budget counts.
        survives(checker, &lost, *own)?;
        most = most.saturating_add(most_lost(checker, &lost, *own, None)?);
    }
    if i128::from(*on_one_node) != most {
        return Err(Rejection::Number { what: "pods on one node".to_owned(), said: *on_one_node, found: most });
    }
    allows(checker, workload, budget, (&concerned, *on_one_node))
}

/// Pods that tolerate a cordon may be placed on the drained node again.
fn returns_not(checker: &Checker<'_>, workload: usize) -> Result<(), Rejection> {
    if tolerates(checker.index.pod_of(workload), &cordon()) {
        let why = "its pods tolerate a cordon and may be placed on the drained node again";
        return Err(refusal(checker, workload, why));
    }
    Ok(())
}

/// The budgets that select the pods of a workload.
fn budgets_of<'c>(checker: &'c Checker<'_>, workload: usize) -> Result<Vec<&'c Budget>, Rejection> {
    let index = &checker.index;
    let pod = index.pod_of(workload);
    let mut found = Vec::new();
    for budget in index.cluster.budgets.values().filter(|budget| budget.namespace == pod.namespace) {
        let Some(selector) = &budget.selector else { continue };
        if asks_own(selector) || asks_revision(selector) {
            return Err(refusal(checker, workload, "a budget asks for a label in which pods of one workload differ"));
        }
        if selects(selector, &pod.labels) {
            found.push(budget);
        }
    }
    Ok(found)
}

/// The workloads that a budget selects, sorted.
fn selected(checker: &Checker<'_>, budget: &Budget) -> Vec<usize> {
    let index = &checker.index;
    let selector = budget.selector.as_deref().unwrap_or_default();
    let is_selected = |other: &usize| {
        let pod = index.pod_of(*other);
        pod.namespace == budget.namespace && selects(selector, &pod.labels)
    };
    (0..index.workloads.len()).filter(is_selected).collect()
}

/// Checks that a budget allows so many disruptions of the pods of these workloads whenever all are healthy, or that of all where there
/// are fewer.
fn allows(
    checker: &Checker<'_>,
    workload: usize,
    budget: &Budget,
    (selected, disruptions): (&[usize], i64),
) -> Result<(), Rejection> {
    let (mut least, mut most) = (0_i64, 0_i64);
    for own in selected {
        let wanted = wanted(checker, *own)?;
        if !matches!(wanted.kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet) {
            return Err(refusal(checker, workload, "its budget selects pods that nobody creates elsewhere"));
        }
        least = least.saturating_add(wanted.replicas.min(wanted.min_replicas));
        most = most.saturating_add(wanted.replicas.max(wanted.max_replicas));
    }
    if most.saturating_sub(least) > MOST_SCALES {
        return Err(refusal(checker, workload, "its autoscaler has too wide a range"));
    }
    let blocks = |pods: &i64| {
        let left = pods.saturating_sub(disruptions.min(*pods));
        *pods > 0 && asked_for(budget.asks, i128::from(*pods)) > i128::from(left)
    };
    match (least..=most).find(blocks) {
        None => Ok(()),
        Some(pods) => {
            let why =
                format!("its budget does not allow {disruptions} disruptions of {pods} pods, even if all are healthy");
            Err(refusal(checker, workload, &why))
        }
    }
}
