//! What a cluster has to be: references that exist, and numbers that are not negative.

use crate::cluster::{Asks, Cluster, Kind};
use crate::input::Pod;
use crate::rejection::Rejection;

/// Checks that a cluster holds together.
///
/// # Errors
/// The first thing that does not, and why.
pub(crate) fn validate(cluster: &Cluster) -> Result<(), Rejection> {
    nodes(cluster)?;
    shapes(cluster)?;
    workloads(cluster)?;
    for (name, pod) in &cluster.pods {
        let at = || format!("pod {name}");
        require(cluster.workloads.contains_key(&pod.workload), at, "its workload is not there")?;
        require(pod.shape < cluster.shapes.len(), at, "its shape is not there")?;
        let is_somewhere = pod.node.as_ref().is_none_or(|node| cluster.nodes.contains_key(node));
        require(is_somewhere, at, "its node is not there")?;
    }
    for (name, budget) in &cluster.budgets {
        let asked = match budget.asks {
            Asks::MinAvailable(number)
            | Asks::MinAvailablePercent(number)
            | Asks::MaxUnavailable(number)
            | Asks::MaxUnavailablePercent(number) => number,
            Asks::Nothing => 0,
        };
        require(asked >= 0, || format!("budget {name}"), "it asks for a negative number")?;
    }
    Ok(())
}

fn nodes(cluster: &Cluster) -> Result<(), Rejection> {
    for (name, node) in &cluster.nodes {
        let at = || format!("node {name}");
        let is_positive = node.allocatable.values().all(|amount| *amount >= 0) && node.allocatable_pods >= 0;
        require(is_positive, at, "what is allocatable is negative")?;
        let keeps_away = |effect: &str| matches!(effect, "NoSchedule" | "NoExecute");
        let are_hard = node.taints.iter().all(|taint| keeps_away(&taint.effect));
        require(are_hard, at, "a taint has an effect other than NoSchedule and NoExecute")?;
    }
    Ok(())
}

fn shapes(cluster: &Cluster) -> Result<(), Rejection> {
    for (number, pair) in cluster.shapes.windows(2).enumerate() {
        if let [first, second] = pair {
            require(first < second, || format!("shape {number}"), "shapes are not sorted, or one is there twice")?;
        }
    }
    for (number, shape) in cluster.shapes.iter().enumerate() {
        shape_holds(number, shape)?;
    }
    Ok(())
}

fn shape_holds(number: usize, shape: &Pod) -> Result<(), Rejection> {
    let at = || format!("shape {number}");
    require(shape.requests.values().all(|amount| *amount >= 0), at, "a request is negative")?;
    require(!shape.requests.contains_key("pods"), at, "a request is for pods")?;
    let are_spread = shape.spread.iter().all(|spread| spread.max_skew >= 0 && spread.min_domains >= 0);
    require(are_spread, at, "a spread constraint has a negative number")
}

fn workloads(cluster: &Cluster) -> Result<(), Rejection> {
    for (name, workload) in &cluster.workloads {
        let at = || format!("workload {name}");
        require(workload.shape < cluster.shapes.len(), at, "its shape is not there")?;
        let numbers = [
            workload.replicas,
            workload.min_replicas,
            workload.max_replicas,
            workload.max_surge,
            workload.max_unavailable,
        ];
        require(numbers.iter().all(|number| *number >= 0), at, "a number is negative")?;
        if let Kind::Static(node) = &workload.kind {
            require(cluster.nodes.contains_key(node), at, "its node is not there")?;
        }
    }
    Ok(())
}

fn require(holds: bool, at: impl Fn() -> String, why: &'static str) -> Result<(), Rejection> {
    if holds { Ok(()) } else { Err(Rejection::Cluster { at: at(), why }) }
}
