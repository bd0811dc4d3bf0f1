//! Objects that are applied to a running cluster.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use quorate_sim::cluster::{
    AutoscalerId, BudgetId, ClusterState, CronJobId, DaemonSetId, DeploymentId, JobId, NodeId, ReplicaSetId,
    StatefulSetId, WorkloadName,
};
use quorate_sim::simulation::ObjectChange;

use super::build::{Context, context};
use super::{
    admission, autoscalers, build, cron_jobs, horizontal_autoscalers, jobs, labels, nodes, pods, volumes, workloads,
};
use crate::manifest::{FieldPath, Inventory, Object, Typed};

/// The change that `kubectl apply` of `applied` makes to a cluster of `inventory`: what is there by kind, namespace and name
/// is replaced, what is new is added. Kinds that the model does not read change nothing.
#[must_use]
pub fn apply_change(inventory: &Inventory, applied: &Inventory) -> ObjectChange {
    let mut merged = Inventory::default();
    let is_replaced = |object: &Object| applied.iter().any(|(_, new)| new.reference == object.reference);
    for (_, object) in inventory.iter().filter(|(_, object)| !is_replaced(object)) {
        merged.add(object.clone());
    }
    let first_new = merged.len();
    for (_, object) in applied.iter() {
        merged.add(object.clone());
    }
    let merged = Arc::new(merged);
    ObjectChange(Arc::new(move |state| {
        let mut context = context(&merged);
        let mut refusals = Vec::new();
        for (_, object) in merged.iter().skip(first_new) {
            context.begin(&object.reference);
            refusals.extend(apply_one(state, &mut context, object));
        }
        refusals
    }))
}

/// Moves objects from one table to another: to the place of the one with the same namespace and name, else to the end.
macro_rules! move_over {
    ($from:expr => $to:expr, $id:ident) => {
        for new in std::mem::take(&mut $from).into_values() {
            let known = $to.iter().find(|(_, own)| (own.namespace, own.name) == (new.namespace, new.name));
            let next = $to.keys().next_back().map_or(0, |last| last.0.saturating_add(1));
            let id = known.map_or($id(next), |(id, _)| *id);
            $to.insert(id, new);
        }
    };
}

/// Converts the object in an empty copy of the state, and moves what came of it over, unless the API server refuses it.
pub(super) fn apply_one(state: &mut ClusterState, context: &mut Context<'_>, object: &Object) -> Option<String> {
    let mut scratch = ClusterState {
        names: Arc::clone(&state.names),
        nodes: state.nodes.clone(),
        now: state.now,
        storage: Arc::clone(&state.storage),
        ..ClusterState::default()
    };
    match &object.typed {
        Typed::Deployment(api) => {
            let name = workloads::add_deployment(&mut scratch, context, api);
            keep_replicas(state, &mut scratch, object, name);
            move_over!(scratch.deployments => state.deployments, DeploymentId);
        }
        Typed::StatefulSet(api) => {
            let name = workloads::add_stateful_set(&mut scratch, context, api);
            keep_replicas(state, &mut scratch, object, name);
            scratch.stateful_sets.for_each_mut(|_, new| {
                let known =
                    state.stateful_sets.values().find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                if let Some(own) = known {
                    // Its pods are of the old revision until the rollout is done.
                    new.current_template = Arc::clone(&own.current_template);
                }
            });
            move_over!(scratch.stateful_sets => state.stateful_sets, StatefulSetId);
        }
        Typed::DaemonSet(api) => {
            workloads::add_daemon_set(&mut scratch, context, api);
            for new in scratch.daemon_sets.values_mut() {
                let mut known = state.daemon_sets.values();
                let known = known.find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                new.observed_nodes = known.and_then(|own| own.observed_nodes.clone());
            }
            move_over!(scratch.daemon_sets => state.daemon_sets, DaemonSetId);
        }
        Typed::Job(_) | Typed::CronJob(_) | Typed::HorizontalPodAutoscaler(_) => {
            if let Some(problem) = apply_timed(state, &mut scratch, context, object) {
                return Some(problem);
            }
        }
        // One that a Deployment made follows its Deployment.
        Typed::ReplicaSet(api) if !is_controlled(&api.metadata) => {
            workloads::add_replica_set(&mut scratch, context, api);
            scratch.replica_sets.for_each_mut(|_, new| {
                let known =
                    state.replica_sets.values().find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                new.created_at = known.map_or(state.now, |own| own.created_at);
            });
            move_over!(scratch.replica_sets => state.replica_sets, ReplicaSetId);
        }
        Typed::PodDisruptionBudget(api) => {
            workloads::add_budget(&mut scratch, api);
            move_over!(scratch.budgets => state.budgets, BudgetId);
        }
        _ => {
            apply_cluster_part(state, context, object);
            return None;
        }
    }
    state.names = scratch.names;
    state.storage = scratch.storage;
    None
}

/// Applies an object whose controller works by the clock; gives what the API server refuses.
fn apply_timed(
    state: &mut ClusterState,
    scratch: &mut ClusterState,
    context: &mut Context<'_>,
    object: &Object,
) -> Option<String> {
    match &object.typed {
        Typed::Job(api) => {
            jobs::add_job(scratch, context, api);
            for new in scratch.jobs.values_mut() {
                let known = state.jobs.values().find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                if let Some(own) = known
                    && let Err(field) = jobs::keep(own, new)
                {
                    return Some(format!("{}: {field} cannot be changed", object.reference));
                }
            }
            move_over!(scratch.jobs => state.jobs, JobId);
        }
        Typed::CronJob(api) => {
            cron_jobs::add(scratch, context, api);
            for new in scratch.cron_jobs.values_mut() {
                let known = state.cron_jobs.values().find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                if let Some(own) = known {
                    new.since = own.since;
                }
            }
            move_over!(scratch.cron_jobs => state.cron_jobs, CronJobId);
        }
        Typed::HorizontalPodAutoscaler(api) => {
            horizontal_autoscalers::add(scratch, api);
            for new in scratch.autoscalers.values_mut() {
                let known =
                    state.autoscalers.values().find(|own| (own.namespace, own.name) == (new.namespace, new.name));
                if let Some(own) = known {
                    horizontal_autoscalers::keep(own, new);
                }
            }
            move_over!(scratch.autoscalers => state.autoscalers, AutoscalerId);
        }
        _ => {}
    }
    None
}

/// Notes how many replicas the manifest of a workload writes, if it does.
pub(super) fn declare_replicas(state: &mut ClusterState, object: &Object, workload: Option<WorkloadName>) {
    let Some(workload) = workload else { return };
    let is_written = object.root.at(&FieldPath::parse("spec.replicas")).is_some();
    let written = autoscalers::replicas(state, workload).filter(|_| is_written);
    let declared = Arc::make_mut(&mut state.declared_replicas);
    match written {
        Some(replicas) => drop(declared.insert(workload, replicas)),
        None => drop(declared.remove(&workload)),
    }
}

/// What a manifest does not write and did not write before stays as it is: an autoscaler may have set it.
fn keep_replicas(state: &mut ClusterState, scratch: &mut ClusterState, object: &Object, name: Option<WorkloadName>) {
    let Some(name) = name else { return };
    let is_written = object.root.at(&FieldPath::parse("spec.replicas")).is_some();
    let was_written = state.declared_replicas.contains_key(&name);
    if !is_written
        && !was_written
        && let Some(current) = autoscalers::replicas(state, name)
    {
        autoscalers::set_replicas(scratch, name, current);
    }
    declare_replicas(scratch, object, Some(name));
    let declared = scratch.declared_replicas.get(&name).copied();
    let all = Arc::make_mut(&mut state.declared_replicas);
    match declared {
        Some(replicas) => drop(all.insert(name, replicas)),
        None => drop(all.remove(&name)),
    }
}

fn is_controlled(metadata: &ObjectMeta) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true))
}

/// Nodes, namespaces, bare pods, and everything about storage.
fn apply_cluster_part(state: &mut ClusterState, context: &mut Context<'_>, object: &Object) {
    match &object.typed {
        Typed::Node(api) => {
            let name = state.intern(&object.reference.name);
            match state.node_named(name) {
                Some(known) => {
                    let mut scratch =
                        ClusterState { names: Arc::clone(&state.names), now: state.now, ..ClusterState::default() };
                    nodes::add(&mut scratch, api);
                    state.names = scratch.names;
                    if let (Some(mut new), Some(old)) = (scratch.nodes.remove(&NodeId(0)), state.nodes.get(&known)) {
                        (new.ready, new.crashed_at) = (old.ready, old.crashed_at);
                        if !nodes::says_its_room(api) {
                            new.allocatable = old.allocatable.clone();
                            new.allocatable_pods = old.allocatable_pods;
                            new.images.clone_from(&old.images);
                        }
                        state.nodes.insert(known, new);
                    }
                }
                None => drop(nodes::add(state, api)),
            }
        }
        Typed::Namespace(api) => {
            let symbol = state.intern(&object.reference.name);
            let own = labels::namespace(state, symbol, api.metadata.labels.as_ref());
            state.namespaces.insert(symbol, own);
        }
        Typed::Pod(api) => {
            pods::add_one(state, context, api);
        }
        Typed::Service(api) => {
            let service = build::service(state, object, api);
            let is_same =
                |own: &quorate_sim::cluster::Service| (own.namespace, own.name) == (service.namespace, service.name);
            let known = state.services.iter().find(|(_, own)| is_same(own)).map(|(id, _)| *id);
            match known {
                Some(known) => state.services.insert(known, service),
                None => drop(state.add_service(service)),
            }
        }
        Typed::ResourceQuota(_) | Typed::MutatingWebhookConfiguration(_) | Typed::ValidatingWebhookConfiguration(_) => {
            admission::add_object(state, context, object)
        }
        _ => volumes::add_one(state, &context.volumes, object),
    }
}
