//! The findings of a pod that is refused or fits nowhere: what is to blame, and where it is written.

use super::cluster::Cluster;
use super::question::Asked;
use crate::finding::{Finding, Mend, Related, Severity};
use crate::manifest::{FieldPath, Place};
use crate::model::{AskedPod, Cause, CausePlace, PlaceOf, Refusal, RefusalCause, spec_path};
use crate::report::{Decision, PreemptionSummary, RefusedPod};

/// The rule of a pod that the API server does not create.
const REFUSED: &str = "refused-by-admission";
/// The rule of a pod that no node takes.
const FITS_NOWHERE: &str = "no-feasible-node";
/// Victims that are named.
const MOST_VICTIMS: usize = 3;
/// Nodes that are named for a cause.
const MOST_NODES: usize = 3;

/// Where a part of a cause stands.
pub(super) fn place_of(cluster: &Cluster, asked: &Asked, place: &CausePlace) -> Place {
    let object = match place.object {
        PlaceOf::Asked => &asked.object,
        PlaceOf::Input(id) => cluster.inventory.get(id),
    };
    object.locate(&place.path).0
}

/// A pod that admission refuses.
pub(super) fn refused(cluster: &Cluster, asked: &Asked, refusal: &Refusal) -> RefusedPod {
    let reference = &asked.object.reference;
    // A controller's pods get a name of their own behind its name.
    let generated = if *reference.kind == *"Pod" { "" } else { "-" };
    let message = format!("pods \"{}{generated}\" is forbidden: {}", reference.name, refusal.text());
    let mut finding = Finding::new(REFUSED, Severity::Error, format!("{reference} is not created"));
    finding.object = Some(reference.clone());
    let base = spec_path(&asked.object).unwrap_or_else(FieldPath::root);
    let below =
        |field: &FieldPath| field.segments().iter().fold(base.clone(), |path, segment| path.child(segment.clone()));
    let mut fields = refusal.fields.iter().map(below);
    finding.path = fields.next().unwrap_or(base.clone());
    finding.place = Some(asked.object.locate(&finding.path).0);
    finding.related = fields
        .map(|path| Related {
            message: String::new(),
            object: Some(reference.clone()),
            place: Some(asked.object.locate(&path).0),
            path,
        })
        .collect();
    if let Some((id, path)) = &refusal.against {
        let against = cluster.inventory.get(*id);
        finding.related.push(Related {
            message: String::new(),
            object: Some(against.reference.clone()),
            path: path.clone(),
            place: Some(against.locate(path).0),
        });
    }
    finding.why = Some(message.clone());
    let add =
        |kind: &str, name: &str| Mend { change: format!("add the manifest of {kind} {name} to PATH"), price: None };
    match &refusal.cause {
        RefusalCause::Contradiction => {}
        RefusalCause::PriorityClassNotInInput(name) => finding.mends.push(add("PriorityClass", name)),
        RefusalCause::RuntimeClassNotInInput(name) => finding.mends.push(add("RuntimeClass", name)),
    }
    RefusedPod { plugin: refusal.plugin, reasons: refusal.reasons.clone(), message, finding }
}

/// A pod that fits on no node.
pub(super) fn fits_nowhere(
    cluster: &Cluster,
    asked: &Asked,
    pod: &AskedPod,
    causes: &[Cause],
    decision: &Decision,
    preemption: &PreemptionSummary,
) -> Finding {
    let all = decision.nodes.len();
    let nodes = if all == 1 { "the only node".to_owned() } else { format!("any of {all} nodes") };
    let is_pod = *asked.object.reference.kind == *"Pod";
    let subject = if is_pod { pod.name.clone() } else { format!("one more pod of {}", pod.name) };
    let message = format!("{subject} does not fit on {nodes}");
    let mut finding = Finding::new(FITS_NOWHERE, Severity::Error, message);
    finding.object = Some(asked.object.reference.clone());
    finding.path = pod.spec_path.clone();
    finding.place = Some(asked.object.locate(&pod.spec_path).0);
    // The most frequent cause first; a place that belongs to several is marked once.
    let mut places: Vec<(&CausePlace, Place)> = Vec::new();
    for place in causes.iter().flat_map(|cause| &cause.places) {
        let at = place_of(cluster, asked, place);
        if !places.iter().any(|(_, known)| *known == at) {
            places.push((place, at));
        }
    }
    let primary = places.iter().position(|(place, _)| place.object == PlaceOf::Asked);
    if let Some((place, at)) = primary.map(|index| places.remove(index)) {
        finding.path = place.path.clone();
        finding.place = Some(at);
        finding.label.clone_from(&place.message);
    }
    for (place, at) in places {
        let object = match place.object {
            PlaceOf::Asked => asked.object.reference.clone(),
            PlaceOf::Input(id) => cluster.inventory.get(id).reference.clone(),
        };
        let (message, path) = (place.message.clone(), place.path.clone());
        finding.related.push(Related { message, object: Some(object), path, place: Some(at) });
    }
    let lines: Vec<String> = decision.excluded.iter().map(|group| cause_line(group, all)).collect();
    finding.why = Some(lines.join("\n"));
    // What preemption says stands on a line of its own.
    let first_sentence =
        |message: &String| message.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
    finding
        .then
        .extend(decision.message.iter().map(|message| format!("it stays Pending: {}", first_sentence(message))));
    finding.then.push(preemption_line(preemption));
    finding
}

/// `2 of 4: Insufficient cpu (worker-1, worker-2): asks cpu 500m; most is free on worker-2: 300m of 4`.
fn cause_line(group: &crate::report::ExcludedNodes, all: usize) -> String {
    let short = |reason: &String| reason.strip_prefix("node(s) ").unwrap_or(reason).to_owned();
    let reasons: Vec<String> = group.reasons.iter().map(short).collect();
    let mut names: Vec<&str> = group.nodes.iter().map(String::as_str).take(MOST_NODES).collect();
    let more = group.nodes.len().saturating_sub(names.len());
    let more = (more > 0).then(|| format!("{more} more"));
    names.extend(more.as_deref());
    let detail = if group.detail.is_empty() { String::new() } else { format!(": {}", group.detail) };
    format!("{} of {all}: {} ({}){detail}", group.nodes.len(), reasons.join(", "), names.join(", "))
}

fn preemption_line(preemption: &PreemptionSummary) -> String {
    let text = match preemption.outcome {
        "possible" => {
            let node = preemption.best.first().map(String::as_str).unwrap_or_default();
            let others = preemption.best.len().saturating_sub(1);
            let victims = preemption.victims.get(node);
            let pods = victims.map(|victims| victims.pods.as_slice()).unwrap_or_default();
            let named: Vec<&str> = pods.iter().map(String::as_str).take(MOST_VICTIMS).collect();
            let more = pods.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let or = if others > 0 { format!(" (or those of {others} other nodes)") } else { String::new() };
            let violated = victims.map_or(0, |victims| victims.budget_violations);
            let violated = if violated > 0 {
                format!(", {violated} of them against a PodDisruptionBudget")
            } else {
                String::new()
            };
            return format!("preemption evicts {}{more} on {node}{violated}{or}, and it goes there", named.join(", "));
        }
        "policy-never" => "it may not preempt: preemptionPolicy is Never",
        "victims-terminating" => "pods that were evicted for it are still terminating",
        "not-tried" => "preemption is not tried",
        _ => "preemption does not help: no pods of lower priority whose eviction would make room",
    };
    text.to_owned()
}
