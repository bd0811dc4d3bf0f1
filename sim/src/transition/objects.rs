//! How pods and ReplicaSets come into being, and what users change of workloads.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::{
    ClusterState, DeletionOrder, DeploymentId, Labels, Names, NodeId, Operator, Owner, Phase, Pod, PodId, PodName,
    PodTemplate, ReplicaSet, ReplicaSetId, Requirement, Symbol,
};
use crate::controller::WorkloadId;
use crate::controller::deployment;

use super::volumes::of_new_pod;

/// The letters of generated names. Source: `staging:apimachinery/pkg/util/rand`.
const SAFE_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether two templates are the same revision of a Deployment: equal but for the label `pod-template-hash`.
#[must_use]
pub fn same_revision(one: &Arc<PodTemplate>, other: &Arc<PodTemplate>) -> bool {
    if Arc::ptr_eq(one, other) {
        return true;
    }
    let labels = |template: &PodTemplate| -> Vec<(Symbol, Symbol)> {
        template.labels.iter().filter(|(key, _)| *key != Symbol::POD_TEMPLATE_HASH).collect()
    };
    one.content == other.content && one.spec == other.spec && labels(one) == labels(other)
}

/// Adds the pod that `owner` makes of `template`.
pub(super) fn create_pod(state: &mut ClusterState, owner: Owner, template: &Arc<PodTemplate>) -> PodId {
    let identity = identity(state, owner, template);
    create_named_pod(state, owner, template, identity)
}

/// Adds a pod of this namespace, name and labels.
pub(super) fn create_named_pod(
    state: &mut ClusterState,
    owner: Owner,
    template: &Arc<PodTemplate>,
    (namespace, name, labels): (Symbol, PodName, Labels),
) -> PodId {
    let name_text = name.text(&state.names);
    let volumes = of_new_pod(state, namespace, &name_text, owner, &template.spec.volumes);
    let pod = Pod {
        namespace,
        name,
        labels,
        template: Arc::clone(template),
        volumes,
        owner,
        node: template.spec.node_name,
        nominated_node: None,
        phase: Phase::Pending,
        ready: false,
        ready_changed_at: None,
        held_unready: false,
        created_at: state.now,
        started_at: None,
        deletion_order: DeletionOrder { cost: template.spec.deletion_cost, ..DeletionOrder::default() },
        deletion: None,
        unschedulable: None,
    };
    state.add_pod(pod)
}

fn identity(state: &mut ClusterState, owner: Owner, template: &Arc<PodTemplate>) -> (Symbol, PodName, Labels) {
    let number = state.pods_created;
    let mut labels = template.labels.clone();
    let generated = |prefix: Symbol| PodName::Generated { prefix, number };
    match owner {
        Owner::ReplicaSet(id) => {
            let Some(set) = state.replica_sets.get(&id) else { return nameless(number, labels) };
            if let Some(hash) = set.template_hash {
                labels.insert(Symbol::POD_TEMPLATE_HASH, hash);
            }
            (set.namespace, generated(set.name), labels)
        }
        Owner::StatefulSet { set: id, ordinal } => {
            let Some(set) = state.stateful_sets.get(&id) else { return nameless(number, labels) };
            let (namespace, set_name) = (set.namespace, set.name);
            let name = state.intern(&format!("{}-{ordinal}", state.names.text(set_name)));
            let index = state.intern(&ordinal.to_string());
            let hash = revision_hash(&state.names, template);
            let hash = state.intern(&hash);
            labels.insert(Symbol::STATEFUL_SET_POD_NAME, name);
            labels.insert(Symbol::POD_INDEX, index);
            labels.insert(Symbol::CONTROLLER_REVISION_HASH, hash);
            (namespace, PodName::Given(name), labels)
        }
        Owner::DaemonSet(id) => {
            let Some(set) = state.daemon_sets.get(&id) else { return nameless(number, labels) };
            let (namespace, name) = (set.namespace, set.name);
            let hash = revision_hash(&state.names, &set.template);
            let hash = state.intern(&hash);
            labels.insert(Symbol::CONTROLLER_REVISION_HASH, hash);
            (namespace, generated(name), labels)
        }
        Owner::Job(id) => {
            let Some(job) = state.jobs.get(&id) else { return nameless(number, labels) };
            (job.namespace, generated(job.name), labels)
        }
        Owner::None | Owner::Node | Owner::Other { .. } => nameless(number, labels),
    }
}

/// For an owner that does not exist: no controller asks for that.
const fn nameless(number: u32, labels: Labels) -> (Symbol, PodName, Labels) {
    (Symbol::DEFAULT, PodName::Generated { prefix: Symbol::EMPTY, number }, labels)
}

/// Adds the ReplicaSet that a Deployment makes of its template; `None` if the Deployment does not exist.
pub(super) fn create_replica_set(
    state: &mut ClusterState,
    deployment: DeploymentId,
    replicas: i64,
) -> Option<ReplicaSetId> {
    let owner = state.deployments.get(&deployment)?;
    let hash_text = unused_hash(state, deployment, &revision_hash(&state.names, &owner.template));
    let name_text = format!("{}-{hash_text}", state.names.text(owner.name));
    let max_replicas = owner.replicas.saturating_add(deployment::max_surge(owner));
    let mut set = ReplicaSet {
        namespace: owner.namespace,
        name: Symbol::EMPTY,
        owner: Some(deployment),
        replicas,
        selector: owner.selector.clone(),
        template: Arc::clone(&owner.template),
        template_hash: None,
        min_ready_seconds: owner.min_ready_seconds,
        desired_replicas: Some(owner.replicas),
        max_replicas: Some(max_replicas),
        created_at: state.now,
    };
    let hash = state.intern(&hash_text);
    set.name = state.intern(&name_text);
    set.template_hash = Some(hash);
    set.selector.requirements.push(hash_requirement(hash));
    let next = state.replica_sets.last_key_value().map_or(0, |(id, _)| id.0.saturating_add(1));
    let id = ReplicaSetId(next);
    state.replica_sets.insert(id, set);
    Some(id)
}

fn hash_requirement(hash: Symbol) -> Requirement {
    Requirement { key: Symbol::POD_TEMPLATE_HASH, operator: Operator::In(vec![hash]) }
}

/// `hash`, or `hash` with letters appended until no ReplicaSet of the Deployment has it.
fn unused_hash(state: &ClusterState, deployment: DeploymentId, hash: &str) -> String {
    let mut text = hash.to_owned();
    let taken = |text: &str| {
        let own = state.replica_sets.at(deployment).map(|(_, set)| set);
        own.filter_map(|set| set.template_hash).any(|used| state.names.text(used) == text)
    };
    while taken(&text) {
        text.push('x');
    }
    text
}

/// A template's hash as names carry it: FNV-1a in letters that form no words, over what tells its content apart and its labels.
/// (Kubernetes' own hash covers fields that the model does not have; only equality matters.)
fn revision_hash(names: &Names, template: &PodTemplate) -> String {
    let labels = template.labels.iter().flat_map(|(key, value)| [key, value]);
    let mut hash: u32 = 0x811c_9dc5;
    for text in std::iter::once(template.content).chain(labels).map(|symbol| names.text(symbol)) {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    let letters = SAFE_LETTERS.len();
    let safe = |byte: u8| SAFE_LETTERS.get(usize::from(byte).checked_rem(letters).unwrap_or(0)).copied();
    hash.to_string().bytes().filter_map(safe).map(char::from).collect()
}

/// Sets a workload's template.
pub(super) fn set_template(state: &mut ClusterState, workload: WorkloadId, template: &Arc<PodTemplate>) {
    let template = Arc::clone(template);
    match workload {
        WorkloadId::Deployment(id) => state.deployments.change(&id, |item| item.template = template),
        WorkloadId::ReplicaSet(id) => state.replica_sets.change(&id, |item| item.template = template),
        WorkloadId::StatefulSet(id) => state.stateful_sets.change(&id, |item| item.template = template),
        WorkloadId::DaemonSet(id) => {
            if let Some(item) = state.daemon_sets.get_mut(&id) {
                item.template = template;
            }
        }
        // A Job's template never changes.
        WorkloadId::Job(_) => {}
    }
}

/// Sets the nodes that a DaemonSet's status counts.
pub(super) fn observe(state: &mut ClusterState, workload: WorkloadId, nodes: &BTreeSet<NodeId>) {
    match workload {
        WorkloadId::DaemonSet(id) => {
            if let Some(set) = state.daemon_sets.get_mut(&id) {
                set.observed_nodes = Some(nodes.clone());
            }
        }
        WorkloadId::Deployment(_) | WorkloadId::ReplicaSet(_) | WorkloadId::StatefulSet(_) | WorkloadId::Job(_) => {}
    }
}

/// Sets a workload's `spec.replicas`; a DaemonSet and a Job have none.
pub(super) fn set_replicas(state: &mut ClusterState, workload: WorkloadId, replicas: i64) {
    match workload {
        WorkloadId::Deployment(id) => state.deployments.change(&id, |item| item.replicas = replicas),
        WorkloadId::ReplicaSet(id) => state.replica_sets.change(&id, |item| item.replicas = replicas),
        WorkloadId::StatefulSet(id) => state.stateful_sets.change(&id, |item| item.replicas = replicas),
        WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => {}
    }
}

/// Makes a StatefulSet's update revision its current one.
pub(super) fn complete_revision(state: &mut ClusterState, workload: WorkloadId) {
    if let WorkloadId::StatefulSet(id) = workload {
        state.stateful_sets.change(&id, |set| set.current_template = Arc::clone(&set.template));
    }
}

/// Deletes a workload's object and its ReplicaSets; pods stay with their owner's id until they are deleted.
pub(super) fn delete_workload(state: &mut ClusterState, workload: WorkloadId) {
    match workload {
        WorkloadId::Deployment(id) => {
            state.deployments.remove(&id);
            state.replica_sets.retain(|_, set| set.owner != Some(id));
        }
        WorkloadId::ReplicaSet(id) => {
            state.replica_sets.remove(&id);
        }
        WorkloadId::StatefulSet(id) => {
            state.stateful_sets.remove(&id);
        }
        WorkloadId::DaemonSet(id) => {
            state.daemon_sets.remove(&id);
        }
        WorkloadId::Job(id) => {
            state.jobs.remove(&id);
        }
    }
    let sets = &state.replica_sets;
    state.refusals.retain(|refused, _| match refused {
        WorkloadId::ReplicaSet(id) => sets.contains_key(id),
        WorkloadId::Deployment(_) | WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => {
            *refused != workload
        }
    });
}
