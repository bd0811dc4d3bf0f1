//! Changes of a workload: what keeps its pods apart, how it is rolled out, how many there are.

use serde_json::{Value, json};

use super::base::Base;
use super::candidate::{Candidate, TextEdit};
use crate::environment::Failures;
use crate::manifest::edit::{Change, Edit, Position, position};
use crate::manifest::{FieldPath, Object, ObjectId};

pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// An object whose text is changed.
pub(super) struct Editable<'a> {
    id: ObjectId,
    object: &'a Object,
    position: Position,
    json: Value,
}

impl<'a> Editable<'a> {
    pub(super) fn new(base: &'a Base<'_>, id: ObjectId) -> Option<Self> {
        let object = base.configuration.inventory.get(id);
        let text = &base.input.sources.get(object.source).text;
        let position = position(object.source, text, object.root.span)?;
        Some(Self { id, object, position, json: object.root.to_json() })
    }

    pub(super) fn edit(&self, path: FieldPath, change: Change) -> TextEdit {
        let edit = Edit { position: self.position.clone(), path, change };
        TextEdit { source: self.object.source, object: Some(self.id), edit }
    }

    pub(super) fn set(&self, path: &str, value: Value) -> TextEdit {
        self.edit(FieldPath::parse(path), Change::Set(value))
    }

    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        self.json.pointer(pointer)
    }

    fn is_deployment(&self) -> bool {
        &*self.object.reference.kind == "Deployment"
    }
}

/// The label whose values fail.
pub(super) fn failing_label(failures: &Failures) -> String {
    match failures {
        Failures::Nodes(_) => HOSTNAME.to_owned(),
        Failures::Zones(_) => ZONE.to_owned(),
        Failures::Domains { label, .. } => label.as_str().to_owned(),
    }
}

/// All changes of a workload that may help against these failures, the plainest first. `domains` is how many values the label
/// has; `is_autoscaled` where a fixed number of replicas would not stay.
pub(super) fn changes(own: &Editable<'_>, failures: &Failures, domains: usize, is_autoscaled: bool) -> Vec<Candidate> {
    if own.at("/spec/template/spec").is_none() {
        return Vec::new();
    }
    let label = failing_label(failures);
    let mut all = Vec::new();
    all.extend(required_anti_affinity(own, &label));
    all.extend(spread(own, &label, domains));
    all.extend(other_strategy(own));
    if !is_autoscaled {
        all.extend(other_replicas(own));
    }
    all
}

fn selector(own: &Editable<'_>) -> Option<Value> {
    own.at("/spec/selector").filter(|own| own.as_object().is_some_and(|own| !own.is_empty())).cloned()
}

/// Anti-affinity that holds always: in the place of a preferred one, else beside what is there.
fn required_anti_affinity(own: &Editable<'_>, label: &str) -> Option<Candidate> {
    let pod = FieldPath::parse("spec.template.spec.affinity.podAntiAffinity");
    let terms = |kind: &str| {
        let pointer = format!("/spec/template/spec/affinity/podAntiAffinity/{kind}");
        own.at(&pointer).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let required = terms(REQUIRED);
    if required.iter().any(|term| term["topologyKey"] == label) {
        return None;
    }
    let domain = match label {
        HOSTNAME => "node",
        ZONE => "zone",
        other => other,
    };
    let words = format!("required anti-affinity, one pod a {domain}");
    let preferred = terms(PREFERRED);
    let wished = preferred.iter().map(|own| &own["podAffinityTerm"]).find(|term| term["topologyKey"] == label);
    let edit = match (wished, preferred.len(), required.len()) {
        (Some(term), 1, 0) => {
            own.edit(pod.key(PREFERRED), Change::Rename { key: REQUIRED.to_owned(), value: json!([term]) })
        }
        (wished, _, number) => {
            let term = match wished {
                Some(term) => term.clone(),
                None => json!({"topologyKey": label, "labelSelector": selector(own)?}),
            };
            match number {
                0 => own.edit(pod.key(REQUIRED), Change::Set(json!([term]))),
                _ => own.edit(pod.key(REQUIRED), Change::Append(term)),
            }
        }
    };
    Some(Candidate::of_edits(words, vec![edit]))
}

/// Spread constraints over the label: made hard, tightened, added.
fn spread(own: &Editable<'_>, label: &str, domains: usize) -> Vec<Candidate> {
    let list = FieldPath::parse("spec.template.spec.topologySpreadConstraints");
    let constraints = own.at("/spec/template/spec/topologySpreadConstraints").and_then(Value::as_array);
    let constraints = constraints.cloned().unwrap_or_default();
    let mut all = Vec::new();
    let mut is_spread = false;
    for (index, constraint) in constraints.iter().enumerate().filter(|(_, own)| own["topologyKey"] == label) {
        is_spread = true;
        let field = |name: &str, value: Value| own.edit(list.index(index).key(name), Change::Set(value));
        let hard = constraint["whenUnsatisfiable"] != "ScheduleAnyway";
        if !hard {
            let words = format!("whenUnsatisfiable: DoNotSchedule over {}", label);
            all.push(Candidate::of_edits(words, vec![field("whenUnsatisfiable", json!("DoNotSchedule"))]));
        }
        let mut tighter = Vec::new();
        if constraint["maxSkew"].as_i64() > Some(1) {
            tighter.push(("maxSkew: 1", field("maxSkew", json!(1))));
        }
        if constraint["nodeTaintsPolicy"] != "Honor" {
            tighter.push(("nodeTaintsPolicy: Honor", field("nodeTaintsPolicy", json!("Honor"))));
        }
        if own.is_deployment() && constraint["matchLabelKeys"].is_null() {
            let edit = field("matchLabelKeys", json!(["pod-template-hash"]));
            tighter.push(("matchLabelKeys: [pod-template-hash]", edit));
        }
        if constraint["minDomains"].is_null() && domains > 1 && hard {
            tighter.push(("minDomains", field("minDomains", json!(domains))));
        }
        for (words, edit) in tighter {
            let words = if words == "minDomains" { format!("minDomains: {domains}") } else { words.to_owned() };
            all.push(Candidate::of_edits(format!("{words} over {}", label), vec![edit]));
        }
    }
    if !is_spread {
        all.extend(added_spread(own, label, &list, !constraints.is_empty()));
    }
    all
}

fn added_spread(own: &Editable<'_>, label: &str, list: &FieldPath, has_others: bool) -> Option<Candidate> {
    let mut constraint = json!({
        "maxSkew": 1,
        "topologyKey": label,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": selector(own)?,
    });
    if own.is_deployment() {
        constraint["matchLabelKeys"] = json!(["pod-template-hash"]);
    }
    let change = if has_others { Change::Append(constraint) } else { Change::Set(json!([constraint])) };
    let words = format!("a DoNotSchedule spread constraint over {}", label);
    Some(Candidate::of_edits(words, vec![own.edit(list.clone(), change)]))
}

/// An old pod goes before a new one comes.
fn other_strategy(own: &Editable<'_>) -> Option<Candidate> {
    let strategy = own.at("/spec/strategy/type").and_then(Value::as_str).unwrap_or("RollingUpdate");
    let rolling = |name: &str| own.at(&format!("/spec/strategy/rollingUpdate/{name}"));
    let is_so = rolling("maxSurge") == Some(&json!(0)) && rolling("maxUnavailable") == Some(&json!(1));
    if !own.is_deployment() || strategy != "RollingUpdate" || is_so {
        return None;
    }
    let mut edits = Vec::new();
    if rolling("maxSurge").is_none() && rolling("maxUnavailable").is_none() {
        edits.push(own.set("spec.strategy.rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1})));
    } else {
        for (name, value) in [("maxSurge", 0), ("maxUnavailable", 1)] {
            if rolling(name) != Some(&json!(value)) {
                edits.push(own.set(&format!("spec.strategy.rollingUpdate.{name}"), json!(value)));
            }
        }
    }
    Some(Candidate::of_edits("maxSurge: 0, maxUnavailable: 1", edits))
}

/// One or two replicas more, or one fewer.
fn other_replicas(own: &Editable<'_>) -> Vec<Candidate> {
    let now = own.at("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let numbers = [now + 1, now + 2, now - 1].into_iter().filter(|number| *number > 0);
    let candidate =
        |number: i64| Candidate::of_edits(format!("replicas: {number}"), vec![own.set("spec.replicas", json!(number))]);
    numbers.map(candidate).collect()
}
