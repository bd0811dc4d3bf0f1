//! What a run of a case is compared by: what the simulator's report and a recording of the real thing both say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quorate_sim::cluster::ClusterState;
use quorate_sim::controller::{WorkloadId, workload_text};
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
    /// The Deployments that report that they made no progress in time, as far as the real thing is waited for.
    pub(crate) past_deadline: Vec<String>,
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
            past_deadline: texts(&step["progressDeadlineExceeded"]),
            after: state(&step["after"]),
        });
        Self { initial: state(&recording["initial"]), steps: steps.collect() }
    }

    /// Without what recordings say otherwise than reports: nodes, refusals by ReplicaSet, and deadlines without end.
    pub(crate) fn as_reported(&self) -> Self {
        let mut run = self.clone();
        let only_recorded = ["nodes", "refused"];
        only_recorded.iter().for_each(|key| run.initial[*key] = Value::Null);
        for step in &mut run.steps {
            only_recorded.iter().for_each(|key| step.after[*key] = Value::Null);
            step.past_deadline.clear();
        }
        run
    }

    /// Where `self`, which is real, first differs from `other`, and how: `None` if it does not. The numbers of budgets that share
    /// pods may lag behind.
    pub(crate) fn difference(&self, other: &Self, overlapping: &[Vec<String>]) -> Option<Difference> {
        let initial = states_differ("initial", &self.initial, &other.initial, overlapping);
        if !initial.is_empty() {
            return Some(Difference { step: 0, text: initial });
        }
        for (index, (real, simulated)) in self.steps.iter().zip(&other.steps).enumerate() {
            let text = real.difference(simulated, overlapping);
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
            past_deadline: past_deadline(after),
            after: summary(after),
        }
    }

    fn difference(&self, other: &Self, overlapping: &[Vec<String>]) -> String {
        let mut text = String::new();
        if self.outcome != other.outcome {
            let _ = writeln!(text, "  outcome: real {}, simulated {}", self.outcome, other.outcome);
        }
        // A recording that names no targets was made before they were written down.
        if !self.targets.is_empty() && self.targets != other.targets {
            let _ = writeln!(text, "  targets: real {:?}, simulated {:?}", self.targets, other.targets);
        }
        if self.past_deadline != other.past_deadline {
            let (real, simulated) = (&self.past_deadline, &other.past_deadline);
            let _ = writeln!(text, "  progressDeadlineExceeded: real {real:?}, simulated {simulated:?}");
        }
        text + &differing("minReady", &self.min_ready, &other.min_ready)
            + &states_differ("after", &self.after, &other.after, overlapping)
    }
}

/// A state without the numbers of budgets that share pods.
pub(crate) fn without_overlapping(state: &Value, overlapping: &[Vec<String>]) -> Value {
    let mut state = state.clone();
    overlapping.iter().flatten().for_each(|name| state["pdbs"][name.as_str()] = Value::Null);
    state
}

fn states_differ(what: &str, real: &Value, simulated: &Value, overlapping: &[Vec<String>]) -> String {
    let others = |state| without_overlapping(state, overlapping);
    differing(what, &others(real), &others(simulated)) + &lag(real, simulated, overlapping).unwrap_or_default()
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

/// A state as recorded: pods are a multiset, and the Jobs of a CronJob are numbered: they are named after the minute.
fn state(state: &Value) -> Value {
    let state = &numbered_jobs(state);
    let mut pods: Vec<Value> = state["pods"].as_array().unwrap().iter().map(pod).collect();
    pods.sort_by_key(ToString::to_string);
    // A recording without Jobs does not speak of them.
    let jobs = state["jobs"].as_object().filter(|jobs| !jobs.is_empty());
    json!({
        "workloads": without_jobs(&state["workloads"]), "pods": pods, "pdbs": state["pdbs"], "nodes": state["nodes"], "jobs": jobs,
        "refused": state["refused"].as_object().filter(|refused| !refused.is_empty()),
    })
}

fn numbered_jobs(state: &Value) -> Value {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut numbered = state.clone();
    // By name, and so by time: all have the same number of digits.
    let jobs = state["jobs"].as_object().into_iter().flatten();
    let sorted: BTreeMap<&String, &Value> = jobs.collect();
    for (name, job) in sorted {
        let minute = name
            .rsplit_once('-')
            .filter(|(_, minute)| minute.len() >= 8 && minute.bytes().all(|byte| byte.is_ascii_digit()));
        let Some((cron_job, _)) = minute else { continue };
        let number = numbers.entry(cron_job.to_owned()).or_default();
        *number += 1;
        let new = format!("{cron_job}-{number}");
        for pod in
            numbered["pods"].as_array_mut().unwrap().iter_mut().filter(|pod| pod["owner"] == format!("job/{name}"))
        {
            pod["owner"] = Value::from(format!("job/{new}"));
        }
        numbered["jobs"].as_object_mut().unwrap().remove(name);
        numbered["jobs"][new] = job.clone();
    }
    numbered
}

/// A simulated state.
pub(crate) fn summary(simulation: &Simulation) -> Value {
    let mut summary = serde_json::to_value(simulation.summary()).unwrap();
    summary["nodes"] = nodes(&simulation.state);
    summary["refused"] = refused(&simulation.state);
    state(&summary)
}

/// What [`Simulation::past_deadline`] says of Deployments for whose deadline the harness waits (`quietNeeded` in
/// `tests/control-plane/quiet.go`).
pub(crate) fn past_deadline(simulation: &Simulation) -> Vec<String> {
    let state = &simulation.state;
    let waited = state.deployments.iter().filter(|(_, own)| own.progress_deadline_seconds < 60);
    let waited: Vec<String> = waited.map(|(id, _)| workload_text(state, WorkloadId::Deployment(*id))).collect();
    simulation.past_deadline().into_iter().filter(|name| waited.contains(name)).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What controllers may not create, by what they work for; of a webhook only which one: what else the API server says of it depends
/// on how it was called. That a Deployment may not scale its ReplicaSets no object and no event of the real thing says.
fn refused(state: &ClusterState) -> Value {
    let of_pods = state.refusals.iter().filter(|(workload, _)| !matches!(workload, WorkloadId::Deployment(_)));
    let entries = of_pods.map(|(workload, refusal)| {
        let deployment = match workload {
            WorkloadId::ReplicaSet(id) => state.replica_sets.get(id).and_then(|set| set.owner),
            _ => None,
        };
        let of = deployment.map_or(*workload, WorkloadId::Deployment);
        let silent = refusal.reason.split_once("failed calling webhook ").and_then(|(_, rest)| rest.split_once(':'));
        let text = silent.map_or_else(|| refusal.reason.clone(), |(name, _)| format!("failed calling webhook {name}"));
        (workload_text(state, of), Value::from(text))
    });
    Value::Object(entries.collect())
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

/// Budgets that share pods, in groups. Of several that match a pod only an arbitrary one hears of a change of it: the numbers of the
/// others lag behind. Source: `getPdbForPod` in `pkg/controller/disruption/disruption.go`.
pub(crate) fn overlapping_budgets(state: &ClusterState) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for pod in state.pods.values() {
        let mut own: Vec<String> = budgets_of(state, pod)
            .map(|(_, budget)| format!("{}/{}", state.names.text(budget.namespace), state.names.text(budget.name)))
            .collect();
        if own.len() < 2 {
            continue;
        }
        let (shared, mut others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group: &Vec<String>| group.iter().any(|name| own.contains(name)));
        own.extend(shared.into_iter().flatten());
        own.sort();
        own.dedup();
        others.push(own);
        groups = others;
    }
    groups
}

/// What is wrong with the real numbers of budgets that share pods: the one that heard of the last change must be up to date, and each
/// must have computed its numbers from one another.
pub(crate) fn lag(real: &Value, simulated: &Value, groups: &[Vec<String>]) -> Option<String> {
    let number = |budget: &Value, key: &str| budget[key].as_i64().unwrap_or_default();
    for group in groups {
        let budgets: Vec<&Value> = group.iter().map(|name| &real["pdbs"][name.as_str()]).collect();
        if budgets.iter().zip(group).all(|(real, name)| **real != simulated["pdbs"][name.as_str()]) {
            return Some(format!(
                "  none of {group:?} is up to date: real {budgets:?}, simulated {}\n",
                simulated["pdbs"]
            ));
        }
        for budget in budgets.into_iter().filter(|budget| budget.is_object()) {
            let spare = number(budget, "currentHealthy") - number(budget, "desiredHealthy");
            let allowed = if number(budget, "expectedPods") > 0 { spare.max(0) } else { 0 };
            if allowed != number(budget, "disruptionsAllowed") {
                return Some(format!("  disruptionsAllowed should be {allowed}: {budget}\n"));
            }
        }
    }
    None
}

/// Jobs have numbers of their own in recordings.
fn without_jobs(by_workload: &Value) -> Value {
    let entries = by_workload.as_object().into_iter().flatten();
    let others = entries.filter(|(name, _)| !name.starts_with("job/"));
    Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// With its keys in one order. Why a pod that is bound waits not every recording says: see `waiting_reasons`.
fn pod(pod: &Value) -> Value {
    let keys: BTreeMap<&String, &Value> = pod
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, value)| !value.is_null() && key.as_str() != "waitingReason")
        .collect();
    json!(keys)
}

/// Why pods that are bound wait, without the names of pods and nodes.
pub(crate) fn waiting_reasons(state: &Value) -> Vec<String> {
    let ends = ["used by pod(s)", "can't be attached to another"];
    let shortened = |text: &str| {
        let end = ends.iter().find_map(|end| text.find(end).map(|at| at + end.len()));
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let pods = state["pods"].as_array().into_iter().flatten();
    pods.filter_map(|pod| pod["waitingReason"].as_str().map(shortened)).collect()
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
