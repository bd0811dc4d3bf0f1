//! Claims, failures and witnesses as sentences.

use crate::environment::{Failures, Phase, Placement};
use crate::report::printable::count;

use super::document::{GuaranteeReport, GuaranteeSubject, WitnessReport};

/// `whatever node fails`.
pub(super) fn failures(failures: &Failures) -> String {
    let (number, one, several) = match failures {
        Failures::Nodes(number) => (*number, "node".to_owned(), "nodes".to_owned()),
        Failures::Zones(number) => (*number, "zone".to_owned(), "zones".to_owned()),
        Failures::Domains { label, count } => {
            let label = label.as_str();
            (*count, format!("value of {label}"), format!("values of {label}"))
        }
    };
    match number {
        0 => "while nothing fails".to_owned(),
        1 => format!("whatever {one} fails"),
        _ => format!("whatever {number} {several} fail"),
    }
}

/// `at least 2 of 3 pods of deployment/default/backend are available, whatever node fails`.
pub(super) fn claim(guarantee: &GuaranteeReport) -> String {
    let whose = match &guarantee.subject {
        GuaranteeSubject::Workload(name) => name.clone(),
        GuaranteeSubject::Budget { workloads, .. } => workloads.join(" and "),
    };
    let verb = if guarantee.of == 1 { "pod" } else { "pods" };
    format!(
        "at least {} of {} {verb} of {whose} available, {}",
        guarantee.at_least,
        guarantee.of,
        failures(&guarantee.failures)
    )
}

/// The word over a column.
pub(super) const fn placement(placement: Placement) -> &'static str {
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
pub(super) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Instant => "instant",
        Phase::Recovered => "recovered",
        Phase::Removed => "removed",
        Phase::Progress => "progress",
    }
}

/// What a row means.
pub(super) const fn phase_meaning(phase: Phase) -> &'static str {
    match phase {
        Phase::Instant => "right after the loss, nothing is replaced yet",
        Phase::Recovered => "at rest again; the lost nodes' objects are still there",
        Phase::Removed => "at rest after these objects are deleted too",
        Phase::Progress => "drains and rollouts come to an end",
    }
}

/// `backend on worker-1 (2) and worker-2; worker-1 fails; 1 of 3 left`.
pub(super) fn witness(witness: &WitnessReport, of: i64) -> String {
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
