//! Autoscalers: how many pods a workload runs with, and between which numbers that moves.

use quorate_sim::cluster::{ClusterState, WorkloadKind, WorkloadName};

use super::build::{Assumption, Context, Model};
use crate::manifest::{Inventory, Node, Object, Typed, Value};

/// Numbers of pods between which an autoscaler moves a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaRange {
    /// The fewest.
    pub least: i64,
    /// The most; never below the fewest.
    pub most: i64,
}

/// What an autoscaler asks for.
struct Wish {
    kind: String,
    name: String,
    range: ReplicaRange,
}

/// Workloads with an autoscaler run with at least its minimum and at most its maximum. One with `replicas: 0` is left alone:
/// that switches a HorizontalPodAutoscaler off (`pkg/controller/podautoscaler/horizontal.go`, `reconcileAutoscaler`).
pub(super) fn apply(model: &mut Model, inventory: &Inventory, context: &Context<'_>) {
    for (_, object) in inventory.applied() {
        let Some(wish) = of_horizontal(object).or_else(|| of_keda(object)) else { continue };
        let namespace = object.reference.namespace.as_deref().unwrap_or("default");
        let names = &model.state.names;
        let (Some(namespace_symbol), Some(name)) = (names.find(namespace), names.find(&wish.name)) else { continue };
        let kind = match wish.kind.as_str() {
            "Deployment" => WorkloadKind::Deployment,
            "StatefulSet" => WorkloadKind::StatefulSet,
            "ReplicaSet" => WorkloadKind::ReplicaSet,
            _ => continue,
        };
        let workload = WorkloadName { kind, namespace: namespace_symbol, name };
        let Some(replicas) = replicas(&model.state, workload).filter(|replicas| *replicas > 0) else { continue };
        set_replicas(&mut model.state, workload, replicas.clamp(wish.range.least, wish.range.most));
        model.autoscaled.insert(workload, wish.range);
        let kind = wish.kind.to_lowercase();
        context.assume(Assumption::Autoscaled(format!("{kind}/{namespace}/{}", wish.name)));
    }
}

fn of_horizontal(object: &Object) -> Option<Wish> {
    let Typed::HorizontalPodAutoscaler(api) = &object.typed else { return None };
    let target = &api.spec.scale_target_ref;
    let range = range(api.spec.min_replicas.unwrap_or(1).into(), api.spec.max_replicas.into());
    Some(Wish { kind: target.kind.clone(), name: target.name.clone(), range })
}

/// KEDA's ScaledObject, which makes a HorizontalPodAutoscaler. While it scales to nothing, nothing runs that could be asked
/// about.
fn of_keda(object: &Object) -> Option<Wish> {
    let reference = &object.reference;
    if &*reference.kind != "ScaledObject" || !reference.api_version.starts_with("keda.sh/") {
        return None;
    }
    let spec = object.root.get("spec")?;
    let target = spec.get("scaleTargetRef")?;
    let number = |key: &str, default: i64| match spec.get(key).map(|node| &node.value) {
        Some(Value::Integer(number)) => i64::try_from(*number).unwrap_or(default),
        Some(_) | None => default,
    };
    Some(Wish {
        kind: target.get("kind").and_then(Node::as_str).unwrap_or("Deployment").to_owned(),
        name: target.get("name").and_then(Node::as_str)?.to_owned(),
        range: range(number("minReplicaCount", 0), number("maxReplicaCount", 100)),
    })
}

fn range(least: i64, most: i64) -> ReplicaRange {
    let least = least.max(1);
    ReplicaRange { least, most: most.max(least) }
}

/// `spec.replicas` of a workload.
pub(super) fn replicas(state: &ClusterState, workload: WorkloadName) -> Option<i64> {
    let place = (workload.namespace, workload.name);
    match workload.kind {
        WorkloadKind::Deployment => state.deployments.at(place).map(|(_, own)| own.replicas).next(),
        WorkloadKind::StatefulSet => state.stateful_sets.at(place).map(|(_, own)| own.replicas).next(),
        WorkloadKind::ReplicaSet => {
            state.replica_sets.values().find(|own| (own.namespace, own.name) == place).map(|own| own.replicas)
        }
        WorkloadKind::DaemonSet | WorkloadKind::Job => None,
    }
}

/// Sets `spec.replicas` of a workload.
pub(super) fn set_replicas(state: &mut ClusterState, workload: WorkloadName, number: i64) {
    let is_named = |namespace, name| (namespace, name) == (workload.namespace, workload.name);
    match workload.kind {
        WorkloadKind::Deployment => {
            if let Some(mut own) = state.deployments.find_mut(|own| is_named(own.namespace, own.name)) {
                own.replicas = number;
            }
        }
        WorkloadKind::StatefulSet => {
            if let Some(mut own) = state.stateful_sets.find_mut(|own| is_named(own.namespace, own.name)) {
                own.replicas = number;
            }
        }
        WorkloadKind::ReplicaSet => {
            if let Some(mut own) = state.replica_sets.find_mut(|own| is_named(own.namespace, own.name)) {
                own.replicas = number;
            }
        }
        WorkloadKind::DaemonSet | WorkloadKind::Job => {}
    }
}

/// The cluster with so many replicas of one workload.
#[must_use]
pub fn with_replicas(state: &ClusterState, workload: WorkloadName, number: i64) -> ClusterState {
    let mut changed = state.clone();
    set_replicas(&mut changed, workload, number);
    changed
}
