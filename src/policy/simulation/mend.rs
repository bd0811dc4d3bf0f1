//! Ways out, each tried before it is named, with its price.

use quorate_sim::cluster::{
    ClusterState, DeploymentStrategy, IntOrPercent, Node, NodeId, Symbol, WorkloadKind, WorkloadName,
};
use quorate_sim::simulation::{StepAction, StepOutcome, StepReport};

use super::context::AtRest;
use super::words;
use crate::environment::{EnvironmentSpec, Money};
use crate::finding::Mend;

/// Ways to let a rollout complete: another strategy, another node.
pub(super) fn of_rollout(at_rest: &AtRest<'_>, workload: WorkloadName) -> Vec<Mend> {
    let mut mends = Vec::new();
    if workload.kind == WorkloadKind::Deployment {
        mends.extend(other_strategy(at_rest, workload));
    }
    mends.extend(another_node(at_rest, workload, |changed| {
        let (report, _) = changed.what_if(StepAction::Restart { workload });
        (report.outcome == StepOutcome::Completed).then(|| lowest_readiness(changed, &report, workload))
    }));
    mends
}

/// `maxSurge: 0, maxUnavailable: 1`, when the rollout then completes.
fn other_strategy(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<Mend> {
    let mut state = at_rest.state().clone();
    let strategy =
        DeploymentStrategy::RollingUpdate { max_surge: IntOrPercent::Int(0), max_unavailable: IntOrPercent::Int(1) };
    let mine: Vec<_> = state.deployments.at((workload.namespace, workload.name)).map(|(id, _)| id).collect();
    for id in mine {
        state.deployments.change(&id, |own| own.strategy = strategy);
    }
    let changed = AtRest::of_state(at_rest.context, state);
    let (report, _) = changed.what_if(StepAction::Restart { workload });
    let completes = report.outcome == StepOutcome::Completed;
    completes.then(|| Mend {
        change: "maxSurge: 0, maxUnavailable: 1".to_owned(),
        price: Some(format!(
            "{}, {}",
            nothing(at_rest.context.environment),
            lowest_readiness(at_rest, &report, workload)
        )),
    })
}

/// One more node like one that already holds a pod of the workload, when `helps` then says what it brings.
pub(super) fn another_node(
    at_rest: &AtRest<'_>,
    workload: WorkloadName,
    helps: impl FnOnce(&AtRest<'_>) -> Option<String>,
) -> Option<Mend> {
    let state = at_rest.state();
    let holds = |pod: &&quorate_sim::cluster::Pod| super::context::workload_of(state, pod) == Some(workload);
    let like = state.pods.values().filter(holds).find_map(|pod| pod.node)?;
    let like = state.nodes.get(&like)?.clone();
    let mut grown = state.clone();
    let kind = node_kind(&grown, &like);
    add_like(&mut grown, &like);
    let changed = AtRest::of_state(at_rest.context, grown);
    let effect = helps(&changed)?;
    let price = monthly_price(at_rest.context.environment, state, &like);
    let change = format!("one more {kind} node");
    let currency = currency(at_rest.context.environment);
    let price = price.map_or_else(|| effect.clone(), |price| format!("{currency}{price} a month, {effect}"));
    Some(Mend { change, price: Some(price) })
}

/// `CX31`, or `like worker-1`.
fn node_kind(state: &ClusterState, node: &Node) -> String {
    let key = state.names.find("node.kubernetes.io/instance-type");
    let kind = key.and_then(|key| node.labels.get(key)).map(|value| state.names.text(value).to_owned());
    kind.unwrap_or_else(|| format!("{}-sized", state.names.text(node.name)))
}

/// Adds a node of the same size, with a name and host name of its own. Its zone is the same.
fn add_like(state: &mut ClusterState, like: &Node) -> NodeId {
    let name = state.intern("(one more node)");
    let mut node = like.clone();
    node.name = name;
    node.labels.insert(Symbol::HOSTNAME, name);
    let id = NodeId(state.nodes.keys().next_back().map_or(0, |last| last.0 + 1));
    state.nodes.insert(id, node);
    id
}

/// What `number` nodes like this one cost a month, where quorate.yaml says.
pub(super) fn price_of_node(at_rest: &AtRest<'_>, node: NodeId, number: u64) -> Option<String> {
    let (environment, state) = (at_rest.context.environment, at_rest.state());
    let price = monthly_price(environment, state, state.nodes.get(&node)?)?.saturating_mul(number);
    Some(format!("{}{price} a month", currency(environment)))
}

/// What a node like this one costs a month, where quorate.yaml says.
#[must_use]
pub fn monthly_price(environment: &EnvironmentSpec, state: &ClusterState, node: &Node) -> Option<Money> {
    let prices = environment.prices.as_ref()?;
    if let Some(own) = prices.nodes.get(state.names.text(node.name)) {
        return Some(*own);
    }
    let key = state.names.find("node.kubernetes.io/instance-type")?;
    prices.catalogue.get(state.names.text(node.labels.get(key)?)).copied()
}

/// `€0`.
fn nothing(environment: &EnvironmentSpec) -> String {
    format!("{}0", currency(environment))
}

/// The currency's sign, `€`, or its code with a blank.
#[must_use]
pub fn currency(environment: &EnvironmentSpec) -> String {
    let code = environment.prices.as_ref().and_then(|prices| prices.currency.as_deref()).unwrap_or("EUR");
    match code {
        "EUR" => "€".to_owned(),
        "USD" => "$".to_owned(),
        "GBP" => "£".to_owned(),
        other => format!("{other} "),
    }
}

fn lowest_readiness(at_rest: &AtRest<'_>, report: &StepReport, workload: WorkloadName) -> String {
    let name = words::workload(at_rest.state(), workload);
    let lowest = report.min_ready.get(&name).copied().unwrap_or(0);
    let desired = report.after.workloads.get(&name).map_or(0, |own| own.desired);
    format!("lowest readiness {lowest} of {desired}")
}
