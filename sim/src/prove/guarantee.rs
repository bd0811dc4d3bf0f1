//! What is promised: declared, asked for by budgets, or taken for granted of replicated workloads.

use quorate_proof::claim::{Claim, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::{Asks, Budget, Cluster, Kind, Workload};

use super::matching::selects;

/// A promise, at some placements and phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Whose pods.
    pub subject: Subject,
    /// How many of them are available at least.
    pub at_least: i64,
    /// What may fail.
    pub failures: Failures,
    /// The placements for which it is asked.
    pub placements: Vec<Placement>,
    /// The phases for which it is asked.
    pub phases: Vec<Phase>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a guarantee comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Someone has declared it.
    Declared,
    /// A PodDisruptionBudget asks for it.
    Budget,
    /// A workload has several replicas and no budget: one of them should outlast a failure.
    Replicas,
}

/// Why a budget promises nothing under failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPromise {
    /// `NAMESPACE/NAME`.
    pub budget: String,
    /// Why.
    pub reason: &'static str,
}

/// What can be asked of every cluster: each budget, and each replicated workload without one.
#[must_use]
pub fn derived(cluster: &Cluster, failures: &Failures) -> (Vec<Guarantee>, Vec<NoPromise>) {
    let mut found = Vec::new();
    let mut nothing = Vec::new();
    let mut covered: Vec<&str> = Vec::new();
    for (name, budget) in &cluster.budgets {
        let selected = selected(cluster, budget);
        match asked(cluster, budget, &selected) {
            Ok(at_least) => {
                covered.extend(&selected);
                found.push(derived_guarantee(Subject::Budget(name.clone()), at_least, failures, Origin::Budget));
            }
            Err(reason) => nothing.push(NoPromise { budget: name.clone(), reason }),
        }
    }
    for (name, workload) in &cluster.workloads {
        let is_replicated = match workload.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => workload.replicas > 1,
            Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => false,
        };
        if is_replicated && !covered.contains(&name.as_str()) {
            found.push(derived_guarantee(Subject::Workload(name.clone()), 1, failures, Origin::Replicas));
        }
    }
    (found, nothing)
}

fn derived_guarantee(subject: Subject, at_least: i64, failures: &Failures, origin: Origin) -> Guarantee {
    Guarantee {
        subject,
        at_least,
        failures: failures.clone(),
        placements: vec![Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable],
        phases: vec![Phase::Instant, Phase::Recovered, Phase::Removed],
        origin,
    }
}

impl Guarantee {
    /// The claim for one placement and phase.
    #[must_use]
    pub fn claim(&self, placement: Placement, phase: Phase) -> Claim {
        Claim {
            subject: self.subject.clone(),
            at_least: self.at_least,
            failures: self.failures.clone(),
            placement,
            phase,
        }
    }
}

/// The workloads of a subject, by name; none for a budget that is not there.
#[must_use]
pub fn workloads_of<'a>(cluster: &'a Cluster, subject: &'a Subject) -> Vec<&'a str> {
    match subject {
        Subject::Workload(name) => vec![name],
        Subject::Workloads(names) => names.iter().map(String::as_str).collect(),
        Subject::Budget(name) => cluster.budgets.get(name).map_or_else(Vec::new, |budget| selected(cluster, budget)),
    }
}

/// The workloads that a budget selects.
#[must_use]
pub fn selected<'a>(cluster: &'a Cluster, budget: &Budget) -> Vec<&'a str> {
    let Some(selector) = &budget.selector else { return Vec::new() };
    let is_selected = |workload: &Workload| {
        let shape = cluster.shapes.get(workload.shape);
        shape.is_some_and(|shape| shape.namespace == budget.namespace && selects(selector, &shape.labels))
    };
    let all = cluster.workloads.iter().filter(|(_, workload)| is_selected(workload));
    all.map(|(name, _)| name.as_str()).collect()
}

/// How many pods a budget wants healthy.
fn asked(cluster: &Cluster, budget: &Budget, selected: &[&str]) -> Result<i64, &'static str> {
    let own: Vec<&Workload> = selected.iter().filter_map(|name| cluster.workloads.get(*name)).collect();
    if own.is_empty() {
        return Err("it selects no pods of the input");
    }
    let expected: i64 = own.iter().map(|workload| workload.replicas).fold(0, i64::saturating_add);
    let scales = own.iter().all(|workload| match workload.kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => true,
        Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => false,
    });
    let percent = |percent: i64| percent.saturating_mul(expected).saturating_add(99).div_euclid(100);
    let healthy = match budget.asks {
        Asks::MinAvailable(number) => number,
        _ if !scales => return Err("it counts the pods of something that has no replicas, so that its sync fails"),
        Asks::MinAvailablePercent(share) => percent(share),
        Asks::MaxUnavailable(number) => expected.saturating_sub(number).max(0),
        Asks::MaxUnavailablePercent(share) => expected.saturating_sub(percent(share)).max(0),
        Asks::Nothing => return Err("it asks for nothing"),
    };
    if scales && healthy >= expected {
        return Err("it allows no disruption at all (rule pdb-allows-nothing), which no failure can keep to");
    }
    if healthy <= 0 { Err("it asks for no pod") } else { Ok(healthy) }
}
