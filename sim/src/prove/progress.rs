//! "Rollouts end, and drains do not wait for ever": docs/proofs.md, *Progress*.

use std::collections::BTreeMap;

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::cluster::{Asks, Kind};
use quorate_proof::evidence::{Evidence, Weights};
use quorate_proof::input::Taint;

use super::guarantee::selected;
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
    if group.workload.kind != Kind::Deployment {
        return Err(format!(
            "what a rollout of {} does depends on its update strategy, which is not modelled here",
            group.name
        ));
    }
    let (most, surge) = (group.workload.replicas.max(group.workload.max_replicas), group.workload.max_surge);
    let before = Case { placement: Placement::Reachable, after: None };
    let bound = if group.workload.max_unavailable > 0 { most } else { most.saturating_add(surge) };
    let rollout = placed(problem, number, before, bound).map_err(|why| format!("a rollout may hang: {why}"))?;
    let drain = drained(problem, number).map_err(|why| format!("a drain may wait for ever: {why}"))?;
    Ok(Evidence::Progress { rollout, drain })
}

/// Weights for the workload, and for all whose pods its budget counts.
fn drained(problem: &Problem<'_>, number: usize) -> Result<BTreeMap<String, Weights>, String> {
    let name = problem.groups.get(number).map_or("", |group| group.name);
    let budgets = problem.cluster.budgets.values().map(|budget| (budget, selected(problem.cluster, budget)));
    let mut own = budgets.filter(|(_, names)| names.contains(&name));
    let concerned = match (own.next(), own.next()) {
        (None, _) => vec![name],
        (Some((budget, names)), None) => {
            allows_one(problem, budget.asks, &names)?;
            names
        }
        (Some(_), Some(_)) => return Err(format!("more than one PodDisruptionBudget selects pods of {name}")),
    };
    let after = Case {
        placement: Placement::Reachable,
        after: Some(Loss { over: Over::Node, count: 1, phase: Phase::Recovered }),
    };
    let weights = |name: &str| {
        let number = problem.group(name).ok_or("it is not there")?;
        let group = problem.groups.get(number).ok_or("it is not there")?;
        let cordon = Taint { key: CORDON.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
        if tolerates(&group.shape.tolerations, &cordon) {
            return Err(format!("pods of {name} tolerate a cordon and may be placed on the drained node again"));
        }
        let most = group.workload.replicas.max(group.workload.max_replicas);
        Ok((name.to_owned(), placed(problem, number, after, most)?))
    };
    concerned.into_iter().map(weights).collect()
}

/// Whether a budget allows a disruption whenever all its pods are healthy, however many an autoscaler makes.
fn allows_one(problem: &Problem<'_>, asks: Asks, names: &[&str]) -> Result<(), String> {
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
    match (least..=most).find(|pods| *pods > 0 && wanted(*pods) >= *pods) {
        None => Ok(()),
        Some(pods) => {
            Err(format!("the PodDisruptionBudget allows no disruption of {pods} pods, even if all are healthy"))
        }
    }
}
