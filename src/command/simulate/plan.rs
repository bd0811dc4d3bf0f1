//! What is played, as flags or a scenario say it.

use quorate_sim::cluster::{ClusterState, NodeId, Symbol, WorkloadKind};
use quorate_sim::failure::{Failure, FailureScope, Upgrade, failures_of, sets_of};
use quorate_sim::simulation::{Settings, Step, StepAction};
use serde_json::json;

use super::saved_state::{Inherited, at_rest};
use super::scenario_file;
use crate::command::arguments::{FailureKind, FailuresArgument, SimulateArguments};
use crate::command::error::CommandError;
use crate::command::input::Input;
use crate::manifest::Inventory;
use crate::report::PlayOrder;
use crate::scenario::{self, WorkloadReference, drain_step, fail_step, find_node, find_workload, restart_step};

/// The most sets of failures that `--failures` plays.
const MOST_FAILURE_SETS: u128 = 20_000;

/// What is played.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) steps: Vec<Step>,
    pub(super) order: PlayOrder,
}

/// What `arguments` ask for, of the cluster in `state`. Gives the scenario as it can be saved, too, where there is one.
pub(super) fn plan(
    arguments: &SimulateArguments,
    input: &mut Input,
    inventory: &Inventory,
    state: &mut ClusterState,
    inherited: &Inherited,
) -> Result<(Plan, Option<serde_json::Value>), CommandError> {
    let settings = inherited.settings;
    if let Some(path) = &arguments.scenario {
        let (plan, document) = scenario_file::read(arguments, path, input, inventory, state, inherited)?;
        return Ok((plan, Some(document)));
    }
    if let Some(failures) = arguments.failures {
        return Ok((all_failures(state, failures, settings)?, None));
    }
    if let Some(pool) = &arguments.upgrade {
        return Ok((upgrade(arguments, pool, state, inherited)?, None));
    }
    let mut steps = Vec::new();
    let mut written = Vec::new();
    for text in &arguments.rollout {
        let workload = restarted(arguments, state, text)?;
        steps.push(plain_step(restart_step(state, workload)));
        let (namespace, name) = (state.names.text(workload.namespace), state.names.text(workload.name));
        written.push(json!({"restart": {"workload": format!("{}/{namespace}/{name}", workload.kind.as_str())}}));
    }
    for name in &arguments.drain {
        steps.push(plain_step(drain_step(state, vec![node(state, name)?])));
        written.push(json!({"drain": {"nodes": [name]}}));
    }
    for name in &arguments.fail {
        let nodes = failed_nodes(state, name)?;
        let names = nodes.iter().filter_map(|id| state.nodes.get(id)).map(|node| state.names.text(node.name));
        written.push(json!({"failNode": {"nodes": names.collect::<Vec<_>>()}}));
        steps.push(plain_step(fail_step(state, nodes)));
    }
    let name = steps.iter().map(|step| step.description.clone()).collect::<Vec<_>>().join(", then ");
    let document = json!({
        "apiVersion": "quorate.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": {"name": name},
        "spec": {"steps": written, "settings": inherited.written()},
    });
    Ok((Plan { name, settings, steps, order: PlayOrder::OneAfterTheOther }, Some(document)))
}

fn restarted(
    arguments: &SimulateArguments,
    state: &ClusterState,
    text: &str,
) -> Result<quorate_sim::cluster::WorkloadName, CommandError> {
    let usage = |message: String| CommandError::Usage(message);
    let reference: WorkloadReference =
        text.parse().map_err(|error: scenario::WorkloadReferenceError| usage(error.to_string()))?;
    let workload = find_workload(state, &reference, &arguments.input.namespace)
        .map_err(|nearest| usage(format!("there is no workload {text}; {nearest}")))?;
    if workload.kind == WorkloadKind::Job {
        return Err(usage(format!("{text} has no rollout: a Job's template cannot be changed")));
    }
    Ok(workload)
}

fn all_failures(state: &ClusterState, failures: FailuresArgument, settings: Settings) -> Result<Plan, CommandError> {
    let steps = failure_steps(state, failures)?;
    let kind = match (failures.kind, failures.count) {
        (FailureKind::Nodes, 1) => "node",
        (FailureKind::Nodes, _) => "nodes",
        (FailureKind::Zones, 1) => "zone",
        (FailureKind::Zones, _) => "zones",
    };
    let name = format!("every loss of {} {kind}, each alone", failures.count);
    Ok(Plan { name, settings, steps, order: PlayOrder::EachAlone })
}

fn plain_step((action, description): (StepAction, String)) -> Step {
    Step {
        name: None,
        description,
        action,
        expected_outcome: None,
        expected_min_ready: std::collections::BTreeMap::new(),
        expected_available: std::collections::BTreeMap::new(),
    }
}

fn node(state: &ClusterState, name: &str) -> Result<NodeId, CommandError> {
    find_node(state, name).map_err(|problem| CommandError::Usage(problem.to_string()))
}

/// All nodes of a pool replaced, in an order that works if there is one.
fn upgrade(
    arguments: &SimulateArguments,
    pool: &str,
    state: &ClusterState,
    inherited: &Inherited,
) -> Result<Plan, CommandError> {
    let settings = inherited.settings;
    let (max_surge, max_unavailable) = match (arguments.max_surge, arguments.max_unavailable) {
        // As managed clusters do it unless told otherwise.
        (None, None) => (1, 0),
        (surge, unavailable) => (surge.unwrap_or(0), unavailable.unwrap_or(0)),
    };
    if max_surge == 0 && max_unavailable == 0 {
        let message = "with --max-surge 0 and --max-unavailable 0 no node can be replaced; give one of them".to_owned();
        return Err(CommandError::Usage(message));
    }
    let upgrade = Upgrade { nodes: pool_nodes(state, pool)?, max_surge, max_unavailable };
    let simulation = inherited.left.clone().unwrap_or_else(|| at_rest(state, &settings));
    let order = upgrade.find_order(&simulation);
    let said = match (order.works, order.complete) {
        (true, _) => "in an order that works",
        (false, true) => "no order works, this one is as good as any",
        (false, false) => "no order that works was found",
    };
    let steps = upgrade.steps(&simulation.state, &order.nodes).into_iter().map(plain_step).collect();
    let name = format!("upgrade {pool}, {max_surge} more and {max_unavailable} fewer at a time: {said}");
    Ok(Plan { name, settings, steps, order: PlayOrder::OneAfterTheOther })
}

/// The nodes `NAME-1`, `NAME-2` and so on, or those with a label `KEY=VALUE`.
fn pool_nodes(state: &ClusterState, pool: &str) -> Result<Vec<NodeId>, CommandError> {
    let text = |symbol| state.names.text(symbol);
    let is_numbered = |name: &str| {
        let number = name.strip_prefix(pool).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let has_label = |node: &quorate_sim::cluster::Node| {
        pool.split_once('=').is_some_and(|(key, value)| {
            node.labels.iter().any(|(own, own_value)| text(own) == key && text(own_value) == value)
        })
    };
    let nodes = state.nodes.iter().filter(|(_, node)| is_numbered(text(node.name)) || has_label(node));
    let nodes: Vec<NodeId> = nodes.map(|(id, _)| *id).collect();
    if nodes.is_empty() {
        let known: Vec<&str> = state.nodes.values().take(5).map(|node| text(node.name)).collect();
        let more = if state.nodes.len() > known.len() { " and more" } else { "" };
        let known = known.join(", ");
        return Err(CommandError::Usage(format!(
            "there is no pool {pool}: no node is called {pool}-1 or has the label {pool}; the nodes are {known}{more}"
        )));
    }
    Ok(nodes)
}

/// `node/worker-1`, `worker-1`, `zone/fsn1`.
fn failed_nodes(state: &ClusterState, domain: &str) -> Result<Vec<NodeId>, CommandError> {
    let Some(zone) = domain.strip_prefix("zone/") else {
        return Ok(vec![node(state, domain.strip_prefix("node/").unwrap_or(domain))?]);
    };
    let zones = failures_of(state, FailureScope::Domains(Symbol::ZONE));
    let named = zones.iter().find(|failure| failure.text(state) == format!("zone/{zone}"));
    named.map(|failure| failure.nodes(state)).ok_or_else(|| {
        let name = |failure: &Failure| failure.text(state).trim_start_matches("zone/").to_owned();
        let known: Vec<String> = zones.iter().map(name).collect();
        let known = if known.is_empty() {
            "no node has a zone label".to_owned()
        } else {
            format!("the zones are {}", known.join(", "))
        };
        CommandError::Usage(format!("there is no zone {zone}; {known}"))
    })
}

/// One step for every set of so many domains.
fn failure_steps(state: &ClusterState, failures: FailuresArgument) -> Result<Vec<Step>, CommandError> {
    let domains: Vec<Failure> = match failures.kind {
        FailureKind::Nodes => failures_of(state, FailureScope::Nodes),
        FailureKind::Zones => failures_of(state, FailureScope::Domains(Symbol::ZONE)),
    };
    if domains.len() < failures.count {
        let message = format!("{} domains cannot fail together, there are {}", failures.count, domains.len());
        return Err(CommandError::Usage(message));
    }
    // Choosing k of n: exact, because k consecutive numbers are divisible by k!.
    let number =
        (0..failures.count).fold(1_u128, |sets, index| sets * (domains.len() - index) as u128 / (index as u128 + 1));
    if number > MOST_FAILURE_SETS {
        let message = format!("{number} sets of failures are too many to play; at most {MOST_FAILURE_SETS}");
        return Err(CommandError::Usage(message));
    }
    let step =
        |set: Vec<Failure>| plain_step(fail_step(state, set.iter().flat_map(|failure| failure.nodes(state)).collect()));
    Ok(sets_of(&domains, failures.count).into_iter().map(step).collect())
}
