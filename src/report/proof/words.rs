//! Claims, failures and witnesses as sentences.

use quorate_proof::claim::{Domain, Failures, Placement};

use crate::report::printable::count;

use super::document::{GuaranteeReport, GuaranteeSubject, NoPromise, PhaseWord, Promiser, WitnessReport};

/// The label of zones.
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";

/// `whatever node fails`.
#[must_use]
pub fn failures(failures: &Failures) -> String {
    let (one, several) = match &failures.domain {
        Domain::Node => ("node".to_owned(), "nodes".to_owned()),
        Domain::Label(label) if label == ZONE => ("zone".to_owned(), "zones".to_owned()),
        Domain::Label(label) => (format!("value of {label}"), format!("values of {label}")),
    };
    let number = failures.count;
    match number {
        0 => "while nothing fails".to_owned(),
        1 => format!("whatever {one} fails"),
        _ => format!("whatever {number} {several} fail"),
    }
}

/// `at least 2 of 3 pods of deployment/default/backend are available, whatever node fails`.
#[must_use]
pub fn claim(guarantee: &GuaranteeReport) -> String {
    let whose = match &guarantee.subject {
        GuaranteeSubject::Workload(name) => name.clone(),
        GuaranteeSubject::Budget { workloads, .. } | GuaranteeSubject::DataStore { workloads, .. } => {
            workloads.join(" and ")
        }
    };
    let verb = if guarantee.of == 1 { "pod" } else { "pods" };
    format!(
        "at least {} of {} {verb} of {whose} available, {}",
        guarantee.at_least,
        guarantee.of,
        failures(&guarantee.failures)
    )
}

/// `data store data/etcd` of `store/data/etcd`.
#[must_use]
pub fn data_store(name: &str) -> String {
    format!("data store {}", name.strip_prefix("store/").unwrap_or(name))
}

/// Why nobody knows.
#[must_use]
pub(super) fn no_promise(own: &NoPromise) -> String {
    match &own.whose {
        Promiser::Budget(name) => format!("PodDisruptionBudget {name} promises nothing here: {}", own.reason),
        Promiser::DataStore(name) => {
            format!("nobody knows all that {} needs to take writes: {}", data_store(name), own.reason)
        }
    }
}

/// The word over a column.
#[must_use]
pub const fn placement(placement: Placement) -> &'static str {
    match placement {
        Placement::Current => "current",
        Placement::Scheduled => "scheduled",
        Placement::Fresh => "fresh",
        Placement::Reachable => "reachable",
    }
}

/// What a column means.
pub(super) const fn placement_meaning(placement: Placement) -> &'static str {
    match placement {
        Placement::Current => "the pods where they are now",
        Placement::Scheduled => "wherever kube-scheduler's scores put them in an empty cluster",
        Placement::Fresh => "wherever hard constraints allow, in any order, in an empty cluster",
        Placement::Reachable => "wherever rollouts, scaling, evictions, drains, failures and recoveries can leave them",
    }
}

/// The word before a row.
#[must_use]
pub const fn phase(phase: PhaseWord) -> &'static str {
    match phase {
        PhaseWord::Instant => "instant",
        PhaseWord::Recovered => "recovered",
        PhaseWord::Removed => "removed",
        PhaseWord::Progress => "progress",
    }
}

/// What a row means.
pub(super) const fn phase_meaning(phase: PhaseWord) -> &'static str {
    match phase {
        PhaseWord::Instant => "right after the loss, nothing is replaced yet",
        PhaseWord::Recovered => "at rest again; the lost nodes' objects are still there",
        PhaseWord::Removed => "at rest after these objects are deleted too",
        PhaseWord::Progress => "drains and rollouts come to an end",
    }
}

/// `backend on worker-1 (2) and worker-2; worker-1 fails; 1 of 3 left`.
#[must_use]
pub fn witness(witness: &WitnessReport, of: i64) -> String {
    let mut parts = Vec::new();
    for (workload, nodes) in &witness.subject {
        let short = workload.rsplit('/').next().unwrap_or(workload);
        if nodes.is_empty() {
            parts.push(format!("no pod of {short} finds a node"));
            continue;
        }
        let nodes: Vec<String> = nodes
            .iter()
            .map(|(node, pods)| if *pods == 1 { node.clone() } else { format!("{node} ({pods})") })
            .collect();
        parts.push(format!("{short} on {}", list(&nodes)));
    }
    match witness.failed.as_slice() {
        [] => {}
        [one] => parts.push(format!("{} fails", short_domain(one))),
        several => {
            let names: Vec<String> = several.iter().map(|name| short_domain(name).to_owned()).collect();
            parts.push(format!("{} fail", list(&names)));
        }
    }
    parts.extend(witness.steps.iter().cloned());
    parts.push(format!("{} of {of} available", witness.available));
    match witness.moved {
        None => {}
        Some(0) => parts.push("every pod is where it is now".to_owned()),
        Some(1) => parts.push("1 pod is elsewhere now".to_owned()),
        Some(moved) => parts.push(format!("{moved} pods are elsewhere now")),
    }
    parts.join("; ")
}

fn short_domain(domain: &str) -> &str {
    domain.strip_prefix("node/").unwrap_or(domain)
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 6;
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => {
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} and {} more", shown.join(", "), count(names.len() - SHOWN, "node", "nodes"))
        }
    }
}
