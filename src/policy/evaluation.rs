//! All rules on all objects.

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use super::configuration::Choice;
use super::engine::{self, Evaluator, Failure, Fixed, InventoryData, Prepared, RegoRule, Reviewed, Surroundings};
use super::registry::{Rule, RuleEngine};
use super::set::PolicySet;
use crate::finding::{Finding, NotEvaluated, Severity};
use crate::manifest::{Existence, FieldPath, Inventory, Node, Object, Place, SourceId, Value as Tree};

/// The rule of findings about rules that fail.
const POLICY_ERROR: &str = "policy-error";

/// What the rules say.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// What was found, by object in reading order, then by rule; what is about no object comes last.
    pub findings: Vec<Finding>,
    /// The rules that miss a fact, in the rules' order.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// The facts of quorate.yaml.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `spec`, in the form in which it is written (keys in camelCase); `Null` when there is none.
    pub spec: &'a Value,
    /// The files it was read from, so that a finding about a fact has a place.
    pub documents: &'a [FactDocument<'a>],
}

/// A quorate.yaml as it is written.
#[derive(Clone, Copy, Debug)]
pub struct FactDocument<'a> {
    /// The whole document.
    pub root: &'a Node,
    /// The source it stands in.
    pub source: SourceId,
}

impl Facts<'_> {
    /// Where `path` (it begins with `spec`) stands: in the first file that has it, else near where it would stand.
    pub(super) fn locate(&self, path: &FieldPath) -> Option<Place> {
        let mut nearest = None;
        for document in self.documents {
            let located = document.root.locate(path);
            let place = Place { source: document.source, span: located.span };
            match located.exists {
                Existence::Present => return Some(place),
                Existence::Missing => nearest = nearest.or(Some(place)),
            }
        }
        nearest
    }
}

/// A rule that runs, with its data.
struct Active<'a> {
    rule: &'a Rule,
    rego: &'a RegoRule,
    choice: &'a Choice,
    controlled: Controlled,
    program: Result<Prepared, Failure>,
}

/// What a rule does with an object that a controller made: a Pod of a ReplicaSet, a ReplicaSet of a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controlled {
    /// It looks at it like at any other, as a user's rules do.
    Reviewed,
    /// It leaves it to the controller, which carries the same template: the mend is there, and so is the finding.
    LeftToController,
}

/// The kinds of controllers whose objects need no finding of their own.
const CONTROLLERS: [&str; 7] =
    ["ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"];

fn is_controlled(object: &Object) -> bool {
    let owners = object.root.get("metadata").and_then(|metadata| metadata.get("ownerReferences"));
    owners.is_some_and(|owners| {
        owners.items().iter().any(|owner| {
            let kind = owner.get("kind").and_then(Node::as_str);
            let controls = owner.get("controller").is_some_and(|controls| controls.value == Tree::Boolean(true));
            controls && kind.is_some_and(|kind| CONTROLLERS.contains(&kind))
        })
    })
}

/// Evaluates the rules of `set`.
pub(super) fn evaluate(set: &PolicySet, inventory: &Inventory, facts: &Facts<'_>) -> Evaluation {
    let inventory = InventoryData::new(inventory);
    let (runnable, not_evaluated) = select(set, facts.spec);
    let empty = Value::Object(serde_json::Map::new());
    let environment = engine::from_json(if facts.spec.is_null() { &empty } else { facts.spec });
    let active: Vec<Active<'_>> = runnable
        .into_par_iter()
        .map(|(rule, rego, choice)| {
            let parameters = engine::from_json(&Value::Object(choice.parameters.clone()));
            let data = data(inventory.tree(), &environment, &parameters, &regorus::Value::new_object());
            Active { rule, rego, choice, controlled: set.controlled(rego), program: set.prepare(rule, rego, data) }
        })
        .collect();

    let mut findings: Vec<Finding> = inventory
        .objects()
        .par_iter()
        .map_init(
            // An evaluator keeps the state of one evaluation, so each thread makes its own of those it needs.
            || active.iter().map(|_| None).collect(),
            |evaluators: &mut Vec<Option<Evaluator>>, (object, input)| {
                let mut found = Vec::new();
                let controlled = is_controlled(object);
                for (active, evaluator) in active.iter().zip(evaluators) {
                    let skipped = controlled && active.controlled == Controlled::LeftToController;
                    if !skipped && active.looks_at(object) {
                        found.extend(active.review(evaluator, Reviewed::Object(object), input, &inventory, facts));
                    }
                }
                found
            },
        )
        .collect::<Vec<_>>()
        .into_iter()
        .flatten()
        .collect();

    let input = environment_object(environment);
    for active in &active {
        if let Err(failure) = &active.program {
            findings.push(policy_error(active.rule, Reviewed::Environment, failure));
        } else if active.rule.looks_at_environment() {
            findings.extend(active.review(&mut None, Reviewed::Environment, &input, &inventory, facts));
        }
    }
    Evaluation { findings, not_evaluated }
}

/// The rules that run and the ones that miss a fact.
fn select<'a>(set: &'a PolicySet, spec: &Value) -> (Vec<(&'a Rule, &'a RegoRule, &'a Choice)>, Vec<NotEvaluated>) {
    let mut runnable = Vec::new();
    let mut not_evaluated = Vec::new();
    for (rule, choice) in set.rules_with_choices() {
        let rego = match &rule.engine {
            RuleEngine::Rego(rego) => rego,
            RuleEngine::Simulation | RuleEngine::Loader | RuleEngine::Policy => continue,
        };
        if !choice.runs() {
            continue;
        }
        match rule.needs.iter().find(|need| !need.is_met(spec)) {
            Some(need) => not_evaluated.push(NotEvaluated { rule: Arc::clone(&rule.id), needs: need.to_string() }),
            None => runnable.push((rule, rego, choice)),
        }
    }
    (runnable, not_evaluated)
}

/// `data` as every policy sees it.
pub(super) fn data(
    inventory: &regorus::Value,
    environment: &regorus::Value,
    parameters: &regorus::Value,
    verdicts: &regorus::Value,
) -> regorus::Value {
    let parts =
        [("inventory", inventory), ("environment", environment), ("parameters", parameters), ("quorate", verdicts)];
    let entries = parts.into_iter().map(|(name, value)| (regorus::Value::from(name), value.clone()));
    regorus::Value::from(entries.collect::<std::collections::BTreeMap<_, _>>())
}

fn environment_object(spec: regorus::Value) -> regorus::Value {
    let entries = [
        ("apiVersion", regorus::Value::from("quorate.dev/v1alpha1")),
        ("kind", regorus::Value::from("Environment")),
        ("spec", spec),
    ];
    let entries = entries.into_iter().map(|(name, value)| (regorus::Value::from(name), value));
    regorus::Value::from(entries.collect::<std::collections::BTreeMap<_, _>>())
}

impl Active<'_> {
    fn looks_at(&self, object: &Object) -> bool {
        let reference = &object.reference;
        let exempt = &self.choice.exempt_namespaces;
        let namespace = match (&reference.namespace, &*reference.kind) {
            (Some(namespace), _) => Some(namespace),
            (None, "Namespace") => Some(&reference.name),
            (None, _) => None,
        };
        self.rule.looks_at(&reference.api_version, &reference.kind)
            && (exempt.is_empty() || namespace.is_none_or(|namespace| !exempt.contains(&**namespace)))
    }

    fn review(
        &self,
        evaluator: &mut Option<Evaluator>,
        reviewed: Reviewed<'_>,
        input: &regorus::Value,
        inventory: &InventoryData<'_>,
        facts: &Facts<'_>,
    ) -> Vec<Finding> {
        // A program that could not be prepared is reported once, not for each object.
        let Ok(program) = &self.program else { return Vec::new() };
        if evaluator.is_none() {
            match program.evaluator() {
                Ok(made) => *evaluator = Some(made),
                Err(failure) => return vec![policy_error(self.rule, reviewed, &failure)],
            }
        }
        let Some(evaluator) = evaluator else { return Vec::new() };
        let configured = self.choice.severity.and_then(super::SeverityChoice::severity);
        let surroundings = Surroundings {
            inventory,
            facts,
            severity: configured.unwrap_or(self.rule.severity),
            severity_is_fixed: if configured.is_some() { Fixed::Yes } else { Fixed::No },
        };
        match evaluator.evaluate(self.rego, input) {
            Ok(violations) => violations
                .into_iter()
                .map(|violation| violation.into_finding(self.rule, reviewed, surroundings))
                .collect(),
            Err(failure) => vec![policy_error(self.rule, reviewed, &failure)],
        }
    }
}

fn policy_error(rule: &Rule, reviewed: Reviewed<'_>, failure: &Failure) -> Finding {
    let on = match reviewed {
        Reviewed::Object(object) => format!(" on {}", object.reference),
        Reviewed::Environment => String::new(),
    };
    let message = format!("rule `{}` could not be evaluated{on}: {failure}", rule.id);
    let mut finding = Finding::new(POLICY_ERROR, Severity::Error, message);
    if let Reviewed::Object(object) = reviewed {
        finding.object = Some(object.reference.clone());
        finding.place = Some(object.locate(&FieldPath::root()).0);
    }
    finding.evidence = serde_json::json!({ "failedRule": &*rule.id });
    finding
}
