//! "Rollouts end, and drains do not wait for ever": docs/proofs.md, *Progress*.

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::{Asks, Kind};
use quorate_proof::evidence::{Drain, Evidence, Weights};
use quorate_proof::input::Taint;

use super::bound::stays_after;
use super::guarantee::selected;
use super::lost::lost;
use super::matching::tolerates;
use super::placed::{Case, Loss, placed};
use super::problem::{Over, Problem};

/// The taint of a cordoned node.
const CORDON: &str = "node.kubernetes.io/unschedulable";

/// Why rollouts of `number` end, and drains do not wait for its pods.
///
/// # Errors
/// What may hold one up.
pub(super) fn progressing(problem: &Problem<'_>, number: usize) -> Result<Evidence, String> {
    let group = problem.groups.get(number).ok_or("it is not there")?;
    if !matches!(group.workload.kind, Kind::Deployment | Kind::StatefulSet) {
        return Err(format!("{} is neither a Deployment nor a StatefulSet: it does not roll out so", group.name));
    }
    if group.workload.max_unavailable < 1 && group.workload.max_surge < 1 {
        return Err(format!("{} is updated by hand: updateStrategy is OnDelete", group.name));
    }
    let (most, surge) = (group.workload.replicas.max(group.workload.max_replicas), group.workload.max_surge);
    let before = Case { placement: Placement::Reachable, after: None };
    let bound = if group.workload.max_unavailable > 0 { most } else { most.saturating_add(surge) };
    let rollout = placed(problem, number, before, bound).map_err(|why| format!("a rollout may hang: {why}"))?;
    let drain = drained(problem, number).map_err(|why| format!("a drain may wait for ever: {why}"))?;
    Ok(Evidence::Progress { rollout, drain })
}

/// Why a drain does not wait for its pods: nothing refuses evictions, the budget allows all of one node at once, or one after the other.
fn drained(problem: &Problem<'_>, number: usize) -> Result<Drain, String> {
    let name = problem.groups.get(number).map_or("", |group| group.name);
    let budgets = problem.cluster.budgets.values().map(|budget| (budget, selected(problem.cluster, budget)));
    let mut own = budgets.filter(|(_, names)| names.contains(&name));
    let (budget, names) = match (own.next(), own.next()) {
        (None, _) => {
            leaves(problem, name)?;
            return Ok(Drain::NoBudget);
        }
        (Some(only), None) => only,
        (Some(_), Some(_)) => return Err(format!("more than one PodDisruptionBudget selects pods of {name}")),
    };
    at_once(problem, budget.asks, &names).or_else(|_| {
        allows(problem, budget.asks, &names, 1)?;
        let loss = Loss { over: Over::Node, count: 1, phase: Phase::Recovered };
        let placed = all_placed(problem, &names, Some(loss))?;
        Ok(Drain::Replaced { placed })
    })
}

/// All pods on a node are evicted at once.
fn at_once(problem: &Problem<'_>, asks: Asks, names: &[&str]) -> Result<Drain, String> {
    let drained = Claim {
        subject: Subject::Workload(String::new()),
        at_least: 0,
        failures: Failures { domain: Domain::Node, count: 1 },
        placement: Placement::Reachable,
        phase: Phase::Recovered,
    };
    let mut on_one_node = 0_i64;
    for number in names.iter().filter_map(|name| problem.group(name)) {
        let group = problem.groups.get(number).ok_or("it is not there")?;
        stays_after(problem, &drained, group)?;
        on_one_node = on_one_node.saturating_add(lost(problem, number, Placement::Reachable, (Over::Node, 1)).pods);
    }
    allows(problem, asks, names, on_one_node)?;
    Ok(Drain::AtOnce { placed: all_placed(problem, names, None)?, on_one_node })
}

/// Weights with which no pod of these workloads stays pending, before a drain or beside the node.
fn all_placed(
    problem: &Problem<'_>,
    names: &[&str],
    after: Option<Loss<'_>>,
) -> Result<BTreeMap<String, Weights>, String> {
    let case = Case { placement: Placement::Reachable, after };
    let weights = |name: &&str| {
        leaves(problem, name)?;
        let number = problem.group(name).ok_or("it is not there")?;
        let group = problem.groups.get(number).ok_or("it is not there")?;
        let most = group.workload.replicas.max(group.workload.max_replicas);
        Ok(((*name).to_owned(), placed(problem, number, case, most)?))
    };
    names.iter().map(weights).collect()
}

/// Pods that tolerate a cordon may be placed on the drained node again.
fn leaves(problem: &Problem<'_>, name: &str) -> Result<(), String> {
    let group = problem.group(name).and_then(|number| problem.groups.get(number)).ok_or("it is not there")?;
    let cordon = Taint { key: CORDON.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
    if tolerates(&group.shape.tolerations, &cordon) {
        return Err(format!("pods of {name} tolerate a cordon and may be placed on the drained node again"));
    }
    Ok(())
}

/// Whether a budget allows so many disruptions whenever all its pods are healthy, or that of all where there are fewer, however many
/// an autoscaler makes.
fn allows(problem: &Problem<'_>, asks: Asks, names: &[&str], disruptions: i64) -> Result<(), String> {
    let (mut least, mut most) = (0_i64, 0_i64);
    for group in names.iter().filter_map(|name| problem.groups.get(problem.group(name)?)) {
        if !matches!(group.workload.kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet) {
            return Err(format!("nobody creates pods of {} elsewhere", group.name));
        }
        least = least.saturating_add(group.workload.replicas.min(group.workload.min_replicas));
        most = most.saturating_add(group.workload.replicas.max(group.workload.max_replicas));
    }
    let of_hundred = |percent: i64, pods: i64| pods.saturating_mul(percent).saturating_add(99).div_euclid(100);
    let wanted = |pods: i64| match asks {
        Asks::Nothing => 0,
        Asks::MinAvailable(number) => number,
        Asks::MinAvailablePercent(percent) => of_hundred(percent, pods),
        Asks::MaxUnavailable(number) => pods.saturating_sub(number),
        Asks::MaxUnavailablePercent(percent) => pods.saturating_sub(of_hundred(percent, pods)),
    };
    let blocks = |pods: &i64| *pods > 0 && wanted(*pods) > pods.saturating_sub(disruptions.min(*pods));
    match (least..=most).find(blocks) {
        None => Ok(()),
        Some(pods) => Err(format!(
            "the PodDisruptionBudget does not allow {disruptions} disruptions of {pods} pods, even if all are healthy"
        )),
    }
}
