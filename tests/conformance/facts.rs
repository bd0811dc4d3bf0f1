//! What a run of a case is compared by: what the simulator's report and a recording of the real thing both say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quorate_sim::cluster::ClusterState;
use quorate_sim::eviction::budgets_of;
use quorate_sim::simulation::{Simulation, StepReport};
use serde_json::{Value, json};

/// A run: how it began, and its steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) initial: Value,
    pub(crate) steps: Vec<StepFacts>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepFacts {
    pub(crate) action: String,
    pub(crate) outcome: String,
    /// The outcomes of its targets, sorted: pods have generated names.
    pub(crate) targets: Vec<String>,
    pub(crate) min_ready: Value,
    pub(crate) after: Value,
}

impl Run {
    /// A recording of the real thing.
    pub(crate) fn recorded(recording: &Value) -> Self {
        let steps = recording["steps"].as_array().unwrap().iter().map(|step| StepFacts {
            action: step["action"].as_str().unwrap().to_owned(),
            outcome: step["outcome"].as_str().unwrap().to_owned(),
            targets: sorted_outcomes(step["targets"].as_array().map_or(&[], Vec::as_slice)),
            min_ready: without_jobs(&step["minReady"]),
            after: state(&step["after"]),
        });
        Self { initial: state(&recording["initial"]), steps: steps.collect() }
    }

    /// Without what only a recording says of nodes.
    pub(crate) fn without_nodes(&self) -> Self {
        let mut run = self.clone();
        run.initial["nodes"] = Value::Null;
        run.steps.iter_mut().for_each(|step| step.after["nodes"] = Value::Null);
        run
    }

    /// Without the numbers of these budgets.
    pub(crate) fn without_budgets(&self, names: &[String]) -> Self {
        let mut run = self.clone();
        for state in std::iter::once(&mut run.initial).chain(run.steps.iter_mut().map(|step| &mut step.after)) {
            for name in names {
                state["pdbs"][name.as_str()] = Value::Null;
            }
        }
        run
    }

    /// Where `self`, which is real, first differs from `other`, and how: `None` if it does not.
    pub(crate) fn difference(&self, other: &Self) -> Option<Difference> {
        let initial = differing("initial", &self.initial, &other.initial);
        if !initial.is_empty() {
            return Some(Difference { step: 0, text: initial });
        }
        for (index, (real, simulated)) in self.steps.iter().zip(&other.steps).enumerate() {
            let text = real.difference(simulated);
            if !text.is_empty() {
                return Some(Difference {
                    step: index + 1,
                    text: format!("step {}, {}\n{text}", index + 1, real.action),
                });
            }
        }
        (self.steps.len() != other.steps.len())
            .then(|| Difference { step: usize::MAX, text: "the number of steps differs".to_owned() })
    }
}

impl StepFacts {
    /// What the simulator reports of a step that has brought it to `after`.
    pub(crate) fn simulated(report: &StepReport, after: &Simulation) -> Self {
        let targets = serde_json::to_value(&report.targets).unwrap();
        Self {
            action: report.action.clone(),
            outcome: report.outcome.as_str().to_owned(),
            targets: sorted_outcomes(targets.as_array().unwrap()),
            min_ready: without_jobs(&json!(report.min_ready)),
            after: summary(after),
        }
    }

    fn difference(&self, other: &Self) -> String {
        let mut text = String::new();
        if self.outcome != other.outcome {
            let _ = writeln!(text, "  outcome: real {}, simulated {}", self.outcome, other.outcome);
        }
        // A recording that names no targets was made before they were written down.
        if !self.targets.is_empty() && self.targets != other.targets {
            let _ = writeln!(text, "  targets: real {:?}, simulated {:?}", self.targets, other.targets);
        }
        text + &differing("minReady", &self.min_ready, &other.min_ready)
            + &differing("after", &self.after, &other.after)
    }
}

/// Where two runs first differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) step: usize,
    pub(crate) text: String,
}

fn sorted_outcomes(targets: &[Value]) -> Vec<String> {
    let mut outcomes: Vec<String> =
        targets.iter().map(|target| target["outcome"].as_str().unwrap().to_owned()).collect();
    outcomes.sort();
    outcomes
}

/// A state as recorded: pods are a multiset.
fn state(state: &Value) -> Value {
    let mut pods: Vec<Value> = state["pods"].as_array().unwrap().iter().map(pod).collect();
    pods.sort_by_key(ToString::to_string);
    // A recording without Jobs does not speak of them.
    let jobs = state["jobs"].as_object().filter(|jobs| !jobs.is_empty());
    json!({
        "workloads": without_jobs(&state["workloads"]), "pods": pods, "pdbs": state["pdbs"], "nodes": state["nodes"], "jobs": jobs,
    })
}

/// A simulated state.
pub(crate) fn summary(simulation: &Simulation) -> Value {
    let mut summary = serde_json::to_value(simulation.summary()).unwrap();
    summary["nodes"] = nodes(&simulation.state);
    state(&summary)
}

/// A node's taints, cordon and readiness.
fn nodes(state: &ClusterState) -> Value {
    let nodes = state.nodes.values().map(|node| {
        let mut taints: Vec<String> =
            node.taints.iter().map(|taint| format!("{}:{:?}", state.names.text(taint.key), taint.effect)).collect();
        taints.sort();
        let value =
            json!({"ready": format!("{:?}", node.ready), "unschedulable": node.unschedulable, "taints": taints});
        (state.names.text(node.name).to_owned(), value)
    });
    Value::Object(nodes.collect())
}

/// The budgets of which the numbers may lag behind: of several that match a pod only an arbitrary one hears of its changes.
/// Source: `getPdbForPod` in `pkg/controller/disruption/disruption.go`.
pub(crate) fn lagging_budgets(state: &ClusterState) -> Vec<String> {
    let mut lagging: Vec<String> = Vec::new();
    for pod in state.pods.values() {
        let own: Vec<String> = budgets_of(state, pod)
            .map(|(_, budget)| format!("{}/{}", state.names.text(budget.namespace), state.names.text(budget.name)))
            .collect();
        if own.len() > 1 {
            lagging.extend(own);
        }
    }
    lagging.sort();
    lagging.dedup();
    lagging
}

/// Jobs have numbers of their own in recordings.
fn without_jobs(by_workload: &Value) -> Value {
    let entries = by_workload.as_object().into_iter().flatten();
    let others = entries.filter(|(name, _)| !name.starts_with("job/"));
    Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// With its keys in one order.
fn pod(pod: &Value) -> Value {
    let keys: BTreeMap<&String, &Value> =
        pod.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()).collect();
    json!(keys)
}

fn differing(what: &str, real: &Value, simulated: &Value) -> String {
    let mut text = String::new();
    match (real, simulated) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let (one, other) = (one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
                text += &differing(&format!("{what}.{key}"), one, other);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut rest = other.clone();
            for item in one {
                match rest.iter().position(|candidate| candidate == item) {
                    Some(index) => drop(rest.remove(index)),
                    None => drop(writeln!(text, "  {what}: only real      {item}")),
                }
            }
            for item in rest {
                let _ = writeln!(text, "  {what}: only simulated {item}");
            }
        }
        _ if real == simulated => {}
        _ => drop(writeln!(text, "  {what}: real {real}, simulated {simulated}")),
    }
    text
}
