//! A verdict as a finding: at the guarantee in quorate.yaml, or at what promises it, with what would have kept the pods apart.

use std::sync::Arc;

use serde_json::{Value, json};

use super::guarantees::Asked;
use super::progress;
use crate::environment::{Failures, Guarantee, Phase};
use crate::finding::{Finding, Mend, Related, Severity};
use crate::manifest::{FieldPath, Node, Object, ObjectReference, Place};
use crate::policy::simulation::{Context, GUARANTEE_UNDECIDED, GUARANTEE_VIOLATED};
use crate::report::{AtPlacement, GuaranteeSubject, PhaseWord, proof_words};

/// A guarantee that does not hold; `verdicts` are those that are violated, at least one.
pub(super) fn violated(context: &Context<'_>, asked: &Asked, verdicts: &[&AtPlacement]) -> Finding {
    let rests = |verdict: &&AtPlacement| verdict.phase == PhaseWord::Progress;
    let of_failures: Vec<&AtPlacement> = verdicts.iter().filter(|own| !rests(own)).copied().collect();
    let is_shown = |own: &&AtPlacement| {
        use quorate_proof::claim::Placement;
        matches!(own.placement, Placement::Current | Placement::Scheduled)
    };
    let severity =
        if asked.declared.is_some() || verdicts.iter().any(is_shown) { Severity::Error } else { Severity::Info };
    let whose = asked.workloads().join(" and ");
    let message = match of_failures.first() {
        None => {
            let what = verdicts.first().and_then(|own| own.reason.split_once(": ")).map(|(what, _)| what.to_owned());
            let what = what.unwrap_or_else(|| format!("not every rollout of {whose}, or drain of its nodes, ends"));
            format!("{what}, though quorate.yaml guarantees that rollouts and drains end")
        }
        Some(first) => {
            let promise = match (&asked.subject, &asked.declared) {
                (_, Some(_)) => "fewer than quorate.yaml guarantees".to_owned(),
                (GuaranteeSubject::Budget { name, .. }, None) => {
                    format!("fewer than poddisruptionbudget {name} promises")
                }
                (GuaranteeSubject::DataStore { name, .. }, None) => {
                    format!("fewer than {} needs to take writes", proof_words::data_store(name))
                }
                (GuaranteeSubject::Workload(_), None) => "though it has several replicas".to_owned(),
            };
            let left = of_failures.iter().filter_map(|own| own.bound).min().or(first.bound).unwrap_or(0);
            let pods = if asked.of == 1 { "pod" } else { "pods" };
            format!("{left} of {} {pods} of {whose} may be left when {}: {promise}", asked.of, strikes(&asked.failures))
        }
    };
    let mut finding = at_its_place(context, asked, GUARANTEE_VIOLATED, severity, message);
    let told = of_failures.first().or(verdicts.first());
    finding.why = told.and_then(|own| why(own, asked.of));
    for outcome in verdicts.iter().filter_map(|own| outcome(own, asked.of)) {
        if !finding.then.contains(&outcome) {
            finding.then.push(outcome);
        }
    }
    finding.related = asked.workloads().iter().flat_map(|name| causes(context, name, verdicts)).collect();
    finding.mends = vec![Mend { change: mend(asked).to_owned(), price: None }];
    finding.evidence = json!({
        "minAvailable": asked.at_least,
        "violated": verdicts.iter().map(|own| evidence(own)).collect::<Vec<Value>>(),
    });
    finding
}

fn mend(asked: &Asked) -> &'static str {
    match asked.subject {
        // Whatever keeps members apart, each loss is too many.
        GuaranteeSubject::DataStore { .. } if asked.at_least >= asked.of => {
            "members on several nodes, one of which takes over by itself"
        }
        GuaranteeSubject::DataStore { .. } | GuaranteeSubject::Budget { .. } | GuaranteeSubject::Workload(_) => {
            "quorate prove lists changes with which it is proved to hold"
        }
    }
}

/// A declared guarantee of which nothing is known; `verdicts` are those that are undecided, at least one.
pub(super) fn undecided(context: &Context<'_>, asked: &Asked, verdicts: &[&AtPlacement]) -> Finding {
    let whose = asked.workloads().join(" and ");
    let message = format!(
        "nobody knows whether {} of {} pods of {whose} are left when {}, as quorate.yaml guarantees",
        asked.at_least,
        asked.of,
        strikes(&asked.failures)
    );
    let mut finding = at_its_place(context, asked, GUARANTEE_UNDECIDED, Severity::Warning, message);
    finding.why = verdicts.first().map(|own| own.reason.clone());
    finding.mends = vec![Mend { change: "quorate prove searches further (--max-states)".to_owned(), price: None }];
    let places = verdicts
        .iter()
        .map(|own| json!({"placement": proof_words::placement(own.placement), "phase": proof_words::phase(own.phase)}));
    finding.evidence = json!({"minAvailable": asked.at_least, "undecided": places.collect::<Vec<Value>>()});
    finding
}

fn strikes(failures: &Failures) -> String {
    let (number, one, several) = match failures {
        Failures::Nodes(count) => (*count, "node".to_owned(), "nodes".to_owned()),
        Failures::Zones(count) => (*count, "zone".to_owned(), "zones".to_owned()),
        Failures::Domains { label, count } => {
            (*count, format!("value of {}", label.as_str()), format!("values of {}", label.as_str()))
        }
    };
    match number {
        0 => "nothing fails".to_owned(),
        1 => format!("a {one} fails"),
        _ => format!("{number} {several} fail"),
    }
}

/// Which pods are where, what fails, and how many are left; of a rollout or a drain why it does not end.
fn why(verdict: &AtPlacement, of: i64) -> Option<String> {
    let witness = verdict.witness.as_ref()?;
    Some(match verdict.phase {
        PhaseWord::Progress => witness.steps.join("; "),
        PhaseWord::Instant | PhaseWord::Recovered | PhaseWord::Removed => proof_words::witness(witness, of),
    })
}

/// `right after the loss: 0 of 3 available (fresh)`.
fn outcome(verdict: &AtPlacement, of: i64) -> Option<String> {
    let available = verdict.witness.as_ref()?.available;
    let when = match verdict.phase {
        PhaseWord::Instant => "right after the loss",
        PhaseWord::Recovered => "once what can be replaced is replaced",
        PhaseWord::Removed => "once the lost nodes are deleted",
        PhaseWord::Progress => {
            return Some(format!("{available} of {of} keep serving, and what was begun never ends"));
        }
    };
    Some(format!("{when}: {available} of {of} available"))
}

fn evidence(verdict: &AtPlacement) -> Value {
    let witness = verdict.witness.as_ref();
    json!({
        "placement": proof_words::placement(verdict.placement),
        "phase": proof_words::phase(verdict.phase),
        "on": witness.map(|own| &own.subject),
        "failed": witness.map(|own| &own.failed),
        "available": witness.map(|own| own.available),
    })
}

fn at_its_place(context: &Context<'_>, asked: &Asked, rule: &str, severity: Severity, message: String) -> Finding {
    let mut finding = Finding::new(rule, severity, message);
    finding.label = format!("{} of {} must stay available", asked.at_least, asked.of);
    let workload = asked.workloads().first().and_then(|name| object_of(context, name));
    match (&asked.declared, &asked.subject) {
        (Some(_), _) => {
            finding.object = workload.map(|object| object.reference.clone());
            finding.place = declared_place(context, asked);
        }
        (None, GuaranteeSubject::Budget { name, .. }) => {
            let budget = context
                .inventory
                .applied()
                .map(|(_, object)| object)
                .find(|object| &*object.reference.kind == "PodDisruptionBudget" && is_named(object, name));
            let fields = ["spec.minAvailable", "spec.maxUnavailable"].map(FieldPath::parse);
            if let Some(object) = budget {
                let path = fields.into_iter().find(|path| object.root.at(path).is_some()).unwrap_or_default();
                at_object(&mut finding, object, path);
            }
        }
        (None, GuaranteeSubject::DataStore { name, needs, .. }) => {
            finding.label = format!("it takes writes with {needs}");
            at_store(context, &mut finding, name);
        }
        (None, GuaranteeSubject::Workload(_)) => {
            if let Some(object) = workload {
                at_object(&mut finding, object, FieldPath::parse("spec.replicas"));
            }
        }
    }
    finding
}

fn at_object(finding: &mut Finding, object: &Object, path: FieldPath) {
    finding.object = Some(object.reference.clone());
    finding.place = Some(object.locate(&path).0);
    finding.path = path;
}

/// Where quorate.yaml says how the store `store/NAMESPACE/NAME` replicates.
fn at_store(context: &Context<'_>, finding: &mut Finding, name: &str) {
    let (namespace, name) = name.trim_start_matches("store/").split_once('/').unwrap_or_default();
    finding.object = Some(ObjectReference {
        api_version: Arc::from("quorate.dev/v1alpha1"),
        kind: Arc::from("Store"),
        namespace: Some(Arc::from(namespace)),
        name: Arc::from(name),
    });
    let list = FieldPath::parse("spec.dataStores");
    // Of two files that declare it the later one counts.
    for document in context.facts.documents.iter().rev() {
        let is_text = |item: &Node, key: &str, text: &str| item.get(key).and_then(Node::as_str) == Some(text);
        let is_it = |item: &Node| is_text(item, "namespace", namespace) && is_text(item, "name", name);
        let items = document.root.at(&list).map_or(&[][..], Node::items);
        if let Some(index) = items.iter().position(is_it) {
            finding.path = list.index(index).key("replication");
            let span = document.root.locate(&finding.path).span;
            finding.place = Some(Place { source: document.source, span });
            return;
        }
    }
}

/// Whether an object is `NAMESPACE/NAME`.
fn is_named(object: &Object, name: &str) -> bool {
    let namespace = object.reference.namespace.as_deref().unwrap_or("default");
    name.split_once('/').is_some_and(|own| own == (namespace, &*object.reference.name))
}

/// The object of `deployment/default/backend`.
pub(super) fn object_of<'a>(context: &Context<'a>, name: &str) -> Option<&'a Object> {
    let (kind, name) = name.split_once('/')?;
    let mut objects = context.inventory.applied().map(|(_, object)| object);
    objects.find(|object| object.reference.kind.eq_ignore_ascii_case(kind) && is_named(object, name))
}

/// Where quorate.yaml declares it.
fn declared_place(context: &Context<'_>, asked: &Asked) -> Option<Place> {
    let list = FieldPath::parse("spec.guarantees");
    for document in context.facts.documents {
        let items = document.root.at(&list).map_or(&[][..], Node::items);
        let found = items.iter().position(|item| {
            let own: Option<Guarantee> = serde_json::from_value(item.to_json()).ok();
            own.is_some_and(|own| is_the_one(&own, asked))
        });
        if let Some(index) = found {
            let span = document.root.locate(&list.index(index).key("minAvailable")).span;
            return Some(Place { source: document.source, span });
        }
    }
    None
}

fn is_the_one(guarantee: &Guarantee, asked: &Asked) -> bool {
    let declared: Option<(_, Vec<Phase>)> = asked.declared.clone();
    asked.workloads() == [String::from(guarantee.workload.clone()).as_str()]
        && i64::from(guarantee.min_available) == asked.at_least
        && guarantee.failures == asked.failures
        && declared.is_some_and(|(placement, phase)| placement == guarantee.placement && phase == guarantee.phase)
}

/// The lines that would have kept the pods apart, and do not; for rollouts the line that lets nothing old go first.
fn causes(context: &Context<'_>, workload: &str, verdicts: &[&AtPlacement]) -> Vec<Related> {
    let Some(object) = object_of(context, workload) else { return Vec::new() };
    let related = |path: &FieldPath, message: &str| Related {
        message: message.to_owned(),
        object: Some(object.reference.clone()),
        place: Some(object.locate(path).0),
        path: path.clone(),
    };
    let mut causes = Vec::new();
    if verdicts.iter().any(|own| progress::is_rollout(own)) {
        let path = FieldPath::parse("spec.strategy.rollingUpdate.maxUnavailable");
        if object.root.at(&path).is_some() {
            causes.push(related(&path, "no old pod stops before a new one is ready, and none fits"));
        }
    }
    if verdicts.iter().all(|own| own.phase == PhaseWord::Progress) {
        return causes;
    }
    let spec = FieldPath::parse("spec.template.spec");
    let spreads = spec.key("topologySpreadConstraints");
    let mut keeps_apart = false;
    for (index, item) in object.root.at(&spreads).map_or(&[][..], Node::items).iter().enumerate() {
        let path = spreads.index(index).key("whenUnsatisfiable");
        match item.get("whenUnsatisfiable").and_then(Node::as_str) {
            Some("ScheduleAnyway") => {
                causes.push(related(&path, "only a wish: the scheduler may put its pods together"))
            }
            _ => keeps_apart = true,
        }
    }
    let repels = spec.key("affinity").key("podAntiAffinity");
    let preferred = repels.key("preferredDuringSchedulingIgnoredDuringExecution");
    if object.root.at(&preferred).is_some() {
        causes.push(related(&preferred, "only a preference: the scheduler may put its pods together"));
    }
    keeps_apart |= object.root.at(&repels.key("requiredDuringSchedulingIgnoredDuringExecution")).is_some();
    let replicas = FieldPath::parse("spec.replicas");
    if causes.is_empty() && !keeps_apart && object.root.at(&replicas).is_some() {
        causes.push(related(&replicas, "nothing keeps its pods apart"));
    }
    causes
}
