//! Workloads and budgets.

use std::sync::Arc;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use quorate_sim::cluster::{
    BudgetId, BudgetStatus, BudgetTarget, ClusterState, DaemonSet, DaemonSetId, DaemonSetStrategy, Deployment,
    DeploymentId, DeploymentStrategy, IntOrPercent, LabelSelector, Pod, PodDisruptionBudget, PodId,
    PodManagementPolicy, ReplicaSet, ReplicaSetId, StatefulSet, StatefulSetId, StatefulSetStrategy, Symbol, Time,
    UnhealthyPodEvictionPolicy, WorkloadKind, WorkloadName,
};

use quorate_sim::controller::disruption;
use quorate_sim::transition::apply;

use super::build::Context;
use super::labels;
use super::pod_template::pod_template;

/// The namespace and name of an object.
pub(super) struct Named {
    pub(super) namespace: String,
    pub(super) namespace_symbol: Symbol,
    pub(super) name: Symbol,
}

pub(super) fn named(state: &mut ClusterState, metadata: &ObjectMeta) -> Named {
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let namespace_symbol = state.intern(&namespace);
    let name = state.intern(metadata.name.as_deref().unwrap_or_default());
    Named { namespace, namespace_symbol, name }
}

fn seconds(seconds: Option<i32>, default: u64) -> u64 {
    seconds.map_or(default, |seconds| u64::try_from(seconds).unwrap_or(0))
}

/// A number or percentage; a text that is neither was reported when the object was decoded and counts as 0.
pub(super) fn int_or_percent(value: &IntOrString) -> IntOrPercent {
    match value {
        IntOrString::Int(number) => IntOrPercent::Int(i64::from(*number)),
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse().ok());
            IntOrPercent::Percent(percent.unwrap_or(0))
        }
    }
}

/// Adds a Deployment.
pub(super) fn add_deployment(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    api: &apps::Deployment,
) -> Option<WorkloadName> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let template = Arc::new(pod_template(state, context, &own.namespace, &spec.template, &[]));
    let id = DeploymentId(u32::try_from(state.deployments.len()).unwrap_or(u32::MAX));
    let deployment = Deployment {
        namespace: own.namespace_symbol,
        name: own.name,
        replicas: i64::from(spec.replicas.unwrap_or(1)),
        selector: labels::selector(state, &spec.selector),
        template,
        strategy: deployment_strategy(spec.strategy.as_ref()),
        min_ready_seconds: seconds(spec.min_ready_seconds, 0),
        progress_deadline_seconds: seconds(spec.progress_deadline_seconds, 600),
        paused: spec.paused == Some(true),
    };
    state.deployments.insert(id, deployment);
    Some(WorkloadName { kind: WorkloadKind::Deployment, namespace: own.namespace_symbol, name: own.name })
}

fn deployment_strategy(strategy: Option<&apps::DeploymentStrategy>) -> DeploymentStrategy {
    if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
        return DeploymentStrategy::Recreate;
    }
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    let part = |value: Option<&IntOrString>| value.map_or(IntOrPercent::Percent(25), int_or_percent);
    DeploymentStrategy::RollingUpdate {
        max_surge: part(rolling.and_then(|rolling| rolling.max_surge.as_ref())),
        max_unavailable: part(rolling.and_then(|rolling| rolling.max_unavailable.as_ref())),
    }
}

/// Adds a ReplicaSet. One that a Deployment owns names it in its owner references.
pub(super) fn add_replica_set(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    api: &apps::ReplicaSet,
) -> Option<WorkloadName> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let owner = owning_deployment(state, own.namespace_symbol, &api.metadata);
    let template = spec.template.clone().unwrap_or_default();
    let mut template = pod_template(state, context, &own.namespace, &template, &[]);
    let template_hash = template.labels.get(Symbol::POD_TEMPLATE_HASH);
    if owner.is_some() {
        // The controller adds the hash to its pods' labels again; a Deployment's template is equal without it.
        template.labels = template.labels.iter().filter(|(key, _)| *key != Symbol::POD_TEMPLATE_HASH).collect();
    }
    let annotation = |name: &str| api.metadata.annotations.as_ref()?.get(name)?.parse().ok();
    let id = ReplicaSetId(u32::try_from(state.replica_sets.len()).unwrap_or(u32::MAX));
    let replica_set = ReplicaSet {
        namespace: own.namespace_symbol,
        name: own.name,
        owner,
        replicas: i64::from(spec.replicas.unwrap_or(1)),
        selector: labels::selector(state, &spec.selector),
        template: Arc::new(template),
        template_hash,
        min_ready_seconds: seconds(spec.min_ready_seconds, 0),
        desired_replicas: annotation("deployment.kubernetes.io/desired-replicas"),
        max_replicas: annotation("deployment.kubernetes.io/max-replicas"),
        created_at: Time::ZERO,
    };
    state.replica_sets.insert(id, replica_set);
    owner.is_none().then_some(WorkloadName {
        kind: WorkloadKind::ReplicaSet,
        namespace: own.namespace_symbol,
        name: own.name,
    })
}

fn owning_deployment(state: &mut ClusterState, namespace: Symbol, metadata: &ObjectMeta) -> Option<DeploymentId> {
    let controller = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    if controller.kind != "Deployment" {
        return None;
    }
    let name = state.intern(&controller.name);
    let matches = |deployment: &Deployment| deployment.namespace == namespace && deployment.name == name;
    state.deployments.iter().find(|(_, deployment)| matches(deployment)).map(|(id, _)| *id)
}

/// Adds a StatefulSet.
pub(super) fn add_stateful_set(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    api: &apps::StatefulSet,
) -> Option<WorkloadName> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let claims = spec.volume_claim_templates.as_deref().unwrap_or_default();
    let template = Arc::new(pod_template(state, context, &own.namespace, &spec.template, claims));
    let update = spec.update_strategy.as_ref();
    let partition = update
        .and_then(|update| update.rolling_update.as_ref())
        .and_then(|rolling| rolling.partition)
        .and_then(|partition| u32::try_from(partition).ok());
    let strategy = match update.and_then(|update| update.type_.as_deref()) {
        Some("OnDelete") => StatefulSetStrategy::OnDelete,
        Some(_) | None => StatefulSetStrategy::RollingUpdate { partition: partition.unwrap_or(0) },
    };
    let first_ordinal = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    let id = StatefulSetId(u32::try_from(state.stateful_sets.len()).unwrap_or(u32::MAX));
    let set = StatefulSet {
        namespace: own.namespace_symbol,
        name: own.name,
        replicas: i64::from(spec.replicas.unwrap_or(1)),
        first_ordinal: first_ordinal.and_then(|start| u32::try_from(start).ok()).unwrap_or(0),
        selector: labels::selector(state, &spec.selector),
        current_template: Arc::clone(&template),
        template,
        pod_management_policy: match spec.pod_management_policy.as_deref() {
            Some("Parallel") => PodManagementPolicy::Parallel,
            Some(_) | None => PodManagementPolicy::OrderedReady,
        },
        strategy,
        min_ready_seconds: seconds(spec.min_ready_seconds, 0),
    };
    state.stateful_sets.insert(id, set);
    Some(WorkloadName { kind: WorkloadKind::StatefulSet, namespace: own.namespace_symbol, name: own.name })
}

/// Adds a DaemonSet.
pub(super) fn add_daemon_set(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    api: &apps::DaemonSet,
) -> Option<WorkloadName> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let template = Arc::new(pod_template(state, context, &own.namespace, &spec.template, &[]));
    let update = spec.update_strategy.as_ref();
    let rolling = update.and_then(|update| update.rolling_update.as_ref());
    let part = |value: Option<&IntOrString>, default| value.map_or(IntOrPercent::Int(default), int_or_percent);
    let strategy = match update.and_then(|update| update.type_.as_deref()) {
        Some("OnDelete") => DaemonSetStrategy::OnDelete,
        Some(_) | None => DaemonSetStrategy::RollingUpdate {
            max_surge: part(rolling.and_then(|rolling| rolling.max_surge.as_ref()), 0),
            max_unavailable: part(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), 1),
        },
    };
    let id = DaemonSetId(u32::try_from(state.daemon_sets.len()).unwrap_or(u32::MAX));
    let set = DaemonSet {
        namespace: own.namespace_symbol,
        name: own.name,
        selector: labels::selector(state, &spec.selector),
        template,
        strategy,
        min_ready_seconds: seconds(spec.min_ready_seconds, 0),
        observed_nodes: None,
    };
    state.daemon_sets.insert(id, set);
    Some(WorkloadName { kind: WorkloadKind::DaemonSet, namespace: own.namespace_symbol, name: own.name })
}

/// Adds a PodDisruptionBudget.
pub(super) fn add_budget(state: &mut ClusterState, api: &policy::PodDisruptionBudget) -> Option<BudgetId> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let target = match (&spec.min_available, &spec.max_unavailable) {
        (_, Some(value)) => BudgetTarget::MaxUnavailable(int_or_percent(value)),
        (Some(value), None) => BudgetTarget::MinAvailable(int_or_percent(value)),
        (None, None) => BudgetTarget::None,
    };
    let selector: Option<LabelSelector> = spec.selector.as_ref().map(|selector| labels::selector(state, selector));
    let id = BudgetId(u32::try_from(state.budgets.len()).unwrap_or(u32::MAX));
    let budget = PodDisruptionBudget {
        namespace: own.namespace_symbol,
        name: own.name,
        selector,
        target,
        unhealthy_pod_eviction_policy: match spec.unhealthy_pod_eviction_policy.as_deref() {
            Some("AlwaysAllow") => UnhealthyPodEvictionPolicy::AlwaysAllow,
            Some(_) | None => UnhealthyPodEvictionPolicy::IfHealthyBudget,
        },
        status: budget_status(api),
    };
    state.budgets.insert(id, budget);
    Some(id)
}

/// The status as recorded, without the pods whose eviction was granted: those are not known yet.
fn budget_status(api: &policy::PodDisruptionBudget) -> BudgetStatus {
    let Some(status) = &api.status else { return BudgetStatus::default() };
    BudgetStatus {
        expected_pods: i64::from(status.expected_pods.unwrap_or(0)),
        current_healthy: i64::from(status.current_healthy.unwrap_or(0)),
        desired_healthy: i64::from(status.desired_healthy.unwrap_or(0)),
        disruptions_allowed: i64::from(status.disruptions_allowed.unwrap_or(0)),
        ..BudgetStatus::default()
    }
}

/// Takes note of the pods whose eviction a budget's status says was granted.
pub(super) fn note_disrupted_pods(state: &mut ClusterState, id: BudgetId, api: &policy::PodDisruptionBudget) {
    let Some(names) = api.status.as_ref().and_then(|status| status.disrupted_pods.as_ref()) else { return };
    let Some(namespace) = state.budgets.get(&id).map(|budget| budget.namespace) else { return };
    let is_named = |pod: &Pod| pod.namespace == namespace && names.contains_key(&state.pod_name(pod));
    let disrupted: Vec<PodId> = state.pods.iter().filter(|(_, pod)| is_named(pod)).map(|(id, _)| *id).collect();
    let now = state.now;
    if let Some(mut budget) = state.budgets.get_mut(&id) {
        budget.status.disrupted_pods.extend(disrupted.into_iter().map(|pod| (pod, now)));
    }
}

/// Gives every budget without a recorded status the one that the disruption controller would compute.
pub fn complete_budgets(state: &mut ClusterState) {
    let unknown =
        |(id, budget): (&BudgetId, &PodDisruptionBudget)| (budget.status == BudgetStatus::default()).then_some(*id);
    let ids: Vec<BudgetId> = state.budgets.iter().filter_map(unknown).collect();
    for id in ids {
        for change in disruption::sync(state, id) {
            apply(state, &change);
        }
    }
}
