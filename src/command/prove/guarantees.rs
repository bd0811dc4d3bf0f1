//! What is asked: guarantees of `quorate.yaml`, and those that every cluster has.

use quorate_proof::claim::{
    Claim, Domain, Failures as ProofFailures, Phase as ProofPhase, Placement as ProofPlacement, Subject,
};
use quorate_proof::cluster::Cluster;
use quorate_sim::prove::{Guarantee, Origin, derived, workloads_of};

use super::stores::{Promise, promised};
use crate::command::error::CommandError;
use crate::environment::{DataStore, EnvironmentSpec, Failures, Guarantee as Declared, Phase, Placement};
use crate::report::{GuaranteeSubject, NoPromise, Promiser};

/// The label of zones.
const ZONE: &str = "topology.kubernetes.io/zone";

/// One guarantee with all that is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) subject: GuaranteeSubject,
    pub(super) claim_subject: Subject,
    pub(super) at_least: i64,
    pub(super) of: i64,
    pub(super) failures: Failures,
    /// The placement and the phases that someone has declared.
    pub(super) declared: Option<(Placement, Vec<Phase>)>,
}

impl Asked {
    /// The claim for one placement and phase; `None` for phases that are not about failures.
    pub(super) fn claim(&self, placement: Placement, phase: Phase) -> Claim {
        let is_progress = phase == Phase::Progress;
        let drained = ProofFailures { domain: Domain::Node, count: 1 };
        Claim {
            subject: self.claim_subject.clone(),
            at_least: if is_progress { 0 } else { self.at_least },
            failures: if is_progress { drained } else { proof_failures(&self.failures) },
            placement: proof_placement(placement),
            phase: proof_phase(phase),
        }
    }

    /// `not always 2 of 3 pods of deployment/default/backend are available (placement fresh, phase instant, up to 1 node lost)`.
    pub(super) fn broken_text(&self, claim: &Claim) -> String {
        let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
        if claim.phase == ProofPhase::Progress {
            let workloads = self.workloads().join(" and ");
            return format!(
                "not every rollout of {workloads}, or drain of its nodes, ends (placement {})",
                word(&claim.placement)
            );
        }
        let lost = match (&claim.failures.domain, claim.failures.count) {
            (Domain::Node, 1) => "1 node".to_owned(),
            (Domain::Node, count) => format!("{count} nodes"),
            (Domain::Label(label), 1) => format!("1 value of {label}"),
            (Domain::Label(label), count) => format!("{count} values of {label}"),
        };
        format!(
            "not always {} of {} pods of {} are available (placement {}, phase {}, up to {lost} lost)",
            self.at_least,
            self.of,
            self.workloads().join(" and "),
            word(&claim.placement),
            word(&claim.phase)
        )
    }

    /// The workloads whose pods it is about.
    pub(super) fn workloads(&self) -> Vec<&str> {
        match &self.subject {
            GuaranteeSubject::Workload(name) => vec![name],
            GuaranteeSubject::Budget { workloads, .. } | GuaranteeSubject::DataStore { workloads, .. } => {
                workloads.iter().map(String::as_str).collect()
            }
        }
    }
}

/// What quorate.yaml says that guarantees are made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declarations<'a> {
    pub(super) guarantees: &'a [Declared],
    pub(super) data_stores: &'a [DataStore],
}

impl<'a> From<&'a EnvironmentSpec> for Declarations<'a> {
    fn from(environment: &'a EnvironmentSpec) -> Self {
        Self { guarantees: &environment.guarantees, data_stores: &environment.data_stores }
    }
}

/// All guarantees: declared ones first, then for each kind of failures those that are derived. And what promises nothing.
///
/// # Errors
/// When a declared one is about a workload that is not there.
pub(super) fn asked(
    cluster: &Cluster,
    declarations: Declarations<'_>,
    failures: &[Failures],
) -> Result<(Vec<Asked>, Vec<NoPromise>), CommandError> {
    let mut all = Vec::new();
    for guarantee in declarations.guarantees {
        let name = String::from(guarantee.workload.clone());
        let Some(workload) = cluster.workloads.get(&name) else {
            let message = format!(
                "quorate.yaml guarantees {} pods of {name}, which the input does not have; it has {}",
                guarantee.min_available,
                nearest(cluster, &name)
            );
            return Err(CommandError::Usage(message));
        };
        all.push(Asked {
            subject: GuaranteeSubject::Workload(name.clone()),
            claim_subject: Subject::Workload(name),
            at_least: i64::from(guarantee.min_available),
            of: workload.replicas,
            failures: guarantee.failures.clone(),
            declared: Some((guarantee.placement, guarantee.phase.clone())),
        });
    }
    let (stores, unknown) = promised(cluster, declarations.data_stores);
    let mut no_promises = Vec::new();
    for (index, failures) in failures.iter().enumerate() {
        let (mut found, nothing) = derived(cluster, &proof_failures(failures));
        // That one of several replicas is left is said where nothing else is; a store says how many.
        let is_said = |own: &Guarantee| stores.iter().any(|store| store.claim_subject == own.subject);
        found.retain(|own| own.origin != Origin::Replicas || !is_said(own));
        all.extend(found.iter().map(|guarantee| of_derived(cluster, guarantee, failures)));
        all.extend(stores.iter().map(|store| of_store(cluster, store, failures)));
        if index == 0 {
            let of_budget = |own: quorate_sim::prove::NoPromise| NoPromise {
                whose: Promiser::Budget(own.budget),
                reason: own.reason.to_owned(),
                workloads: Vec::new(),
                undeclared: None,
            };
            no_promises = nothing.into_iter().map(of_budget).chain(unknown.iter().cloned()).collect();
        }
    }
    Ok((all, no_promises))
}

fn of_derived(cluster: &Cluster, guarantee: &Guarantee, failures: &Failures) -> Asked {
    let mut workloads = workloads_of(cluster, &guarantee.subject).into_iter().map(str::to_owned);
    let subject = match &guarantee.subject {
        Subject::Budget(name) => GuaranteeSubject::Budget { name: name.clone(), workloads: workloads.collect() },
        Subject::Workload(_) | Subject::Workloads(_) => {
            GuaranteeSubject::Workload(workloads.next().unwrap_or_default())
        }
    };
    derived_from(cluster, (subject, &guarantee.subject, guarantee.at_least), failures)
}

fn of_store(cluster: &Cluster, promise: &Promise, failures: &Failures) -> Asked {
    derived_from(cluster, (promise.subject.clone(), &promise.claim_subject, promise.at_least), failures)
}

fn derived_from(
    cluster: &Cluster,
    (subject, claim_subject, at_least): (GuaranteeSubject, &Subject, i64),
    failures: &Failures,
) -> Asked {
    let mut asked = Asked {
        subject,
        claim_subject: claim_subject.clone(),
        at_least,
        of: 0,
        failures: failures.clone(),
        declared: None,
    };
    let replicas = |name: &&str| cluster.workloads.get(*name).map_or(0, |workload| workload.replicas);
    asked.of = asked.workloads().iter().map(replicas).sum();
    asked
}

/// The name that is most like `name`.
pub(super) fn nearest(cluster: &Cluster, name: &str) -> String {
    let closest = cluster.workloads.keys().max_by(|one, other| {
        let likeness = |own: &str| strsim::jaro_winkler(own, name);
        likeness(one).total_cmp(&likeness(other))
    });
    closest.map_or_else(|| "no workload".to_owned(), Clone::clone)
}

/// Failures in the words of proof files.
pub(super) fn proof_failures(failures: &Failures) -> ProofFailures {
    let (domain, count) = match failures {
        Failures::Nodes(count) => (Domain::Node, *count),
        Failures::Zones(count) => (Domain::Label(ZONE.to_owned()), *count),
        Failures::Domains { label, count } => (Domain::Label(label.as_str().to_owned()), *count),
    };
    ProofFailures { domain, count: usize::try_from(count).unwrap_or(usize::MAX) }
}

pub(super) const fn proof_placement(placement: Placement) -> ProofPlacement {
    match placement {
        Placement::Current => ProofPlacement::Current,
        Placement::Scheduled => ProofPlacement::Scheduled,
        Placement::Fresh => ProofPlacement::Fresh,
        Placement::Reachable => ProofPlacement::Reachable,
    }
}

const fn proof_phase(phase: Phase) -> ProofPhase {
    match phase {
        Phase::Instant => ProofPhase::Instant,
        Phase::Recovered => ProofPhase::Recovered,
        Phase::Removed => ProofPhase::Removed,
        Phase::Progress => ProofPhase::Progress,
    }
}
