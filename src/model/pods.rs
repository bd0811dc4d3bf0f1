//! Pods that exist already: bare pods of the manifests, and those of a recorded cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job as ApiJob;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod as ApiPod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_sim::cluster::{
    ClusterState, Deletion, DeletionCause, DeletionOrder, DeploymentId, LabelSelector, NodeId, Operator, Owner, Phase,
    Pod, PodId, PodName, PodTemplate, ReplicaSet, ReplicaSetId, Requirement, Symbol, Time, WallClock,
};

use quorate_sim::controller::daemon_set;
use quorate_sim::transition::{bind_for_pod, of_new_pod};

use super::admission::{Creation, add_default_tolerations};
use super::build::Context;
use super::pod_template::{AdmittedPod, deletion_cost, pod_spec};
use super::{jobs, labels, requests};

/// Adds all pods, and how far recorded Jobs are. Their times become virtual: the earliest is the beginning, the latest is now.
pub(super) fn add_all(state: &mut ClusterState, context: &Context<'_>, pods: &[&ApiPod], recorded: &[&ApiJob]) {
    let created = |pod: &ApiPod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0.as_millisecond());
    let started = |pod: &ApiPod| pod.status.as_ref()?.start_time.as_ref().map(|time| time.0.as_millisecond());
    let of_pods = pods.iter().flat_map(|pod| [created(pod), started(pod)]).flatten();
    let of_jobs = || recorded.iter().flat_map(|job| jobs::recorded_times(job));
    let earliest = of_pods.chain(of_jobs()).min().unwrap_or(0);
    let since = |time: Option<i64>| {
        let since = time.map_or(0, |time| time.saturating_sub(earliest));
        Time::from_milliseconds(u64::try_from(since).unwrap_or(0))
    };
    let mut ordered: Vec<&ApiPod> = pods.to_vec();
    ordered.sort_by_key(|pod| since(created(pod)));
    if earliest != 0 {
        state.wall_clock = Some(WallClock(earliest));
    }
    let latest = pods.iter().map(|pod| since(created(pod)).max(since(started(pod))));
    state.now = latest.chain(of_jobs().map(|time| since(Some(time)))).max().unwrap_or(Time::ZERO);
    let mut implied = BTreeMap::new();
    for pod in ordered {
        let created_at = since(created(pod));
        let started_at = started(pod).map_or(created_at, |time| since(Some(time)));
        add(state, context, pod, Times { created_at, started_at }, &mut implied);
    }
    for job in recorded {
        jobs::note_status(state, job, |time| since(Some(time.0.as_millisecond())));
    }
}

/// Adds a pod that is created now.
pub(super) fn add_one(state: &mut ClusterState, context: &Context<'_>, api: &ApiPod) -> Option<PodId> {
    let now = state.now;
    add(state, context, api, Times { created_at: now, started_at: now }, &mut BTreeMap::new())
}

/// When a pod was created, and when it began to run if it runs.
#[derive(Clone, Copy)]
struct Times {
    created_at: Time,
    started_at: Time,
}

/// Whether a pod comes from a cluster. The API server gives each a uid and a priority, and takes neither from a user.
pub(super) fn creation(api: &ApiPod) -> Creation {
    let has_priority = api.spec.as_ref().is_some_and(|spec| spec.priority.is_some());
    let is_recorded = api.metadata.uid.is_some() || api.metadata.creation_timestamp.is_some() || has_priority;
    if is_recorded { Creation::Admitted } else { Creation::New }
}

/// ReplicaSets that pods name and the input does not hold, by namespace and name.
type Implied = BTreeMap<(Symbol, Symbol), ReplicaSetId>;

/// The template of a pod's controller, else its own.
fn of_controller(
    state: &ClusterState,
    owner: Owner,
    node: Option<NodeId>,
    template: Arc<PodTemplate>,
) -> Arc<PodTemplate> {
    match owner {
        Owner::ReplicaSet(id) => state.replica_sets.get(&id).map_or(template, |set| Arc::clone(&set.template)),
        Owner::StatefulSet { set, .. } => {
            state.stateful_sets.get(&set).map_or(template, |set| Arc::clone(&set.template))
        }
        Owner::DaemonSet(id) => {
            let node_name = node.and_then(|node| state.nodes.get(&node)).map(|node| node.name);
            let set = state.daemon_sets.get(&id);
            // The controller makes a template of its own for each node.
            set.zip(node_name).map_or(template, |(set, name)| daemon_set::pod_template(set, name))
        }
        Owner::Job(id) => state.jobs.get(&id).map_or(template, |job| Arc::clone(&job.spec.template)),
        Owner::None | Owner::Node | Owner::Other { .. } => template,
    }
}

fn add(
    state: &mut ClusterState,
    context: &Context<'_>,
    api: &ApiPod,
    times: Times,
    implied: &mut Implied,
) -> Option<PodId> {
    let created_at = times.created_at;
    let namespace_text = api.metadata.namespace.as_deref().unwrap_or("default");
    let namespace = state.intern(namespace_text);
    context.begin(format_args!("pod/{namespace_text}/{}", api.metadata.name.as_deref().unwrap_or_default()));
    let mut admitted = context.admitted(namespace_text, api.spec.as_ref()?, creation(api));
    // Recordings are often cut down to what they are about: a pod of one is not evicted at once for want of a toleration.
    add_default_tolerations(&mut admitted);
    let source = AdmittedPod { spec: &admitted, status: api.status.as_ref(), own_claims: &[] };
    let mut spec = pod_spec(state, context, namespace_text, &source);
    jobs::declare_run(&mut spec, api.metadata.annotations.as_ref());
    let sources = spec.volumes.clone();
    // A live pod's nodeName is where the scheduler put it, not a wish of its template.
    let node = spec.node_name.take();
    let status = api.status.clone().unwrap_or_default();
    let pod_labels = labels::labels(state, api.metadata.labels.as_ref());
    let content = state.intern("");
    let template = Arc::new(PodTemplate { labels: pod_labels.clone(), spec, content });
    let owner = owner(state, api, namespace, &template, created_at, implied);
    let name_text = api.metadata.name.as_deref().unwrap_or_default();
    let name = state.intern(name_text);
    let volumes = of_new_pod(state, namespace, name_text, owner, &sources);
    let template = of_controller(state, owner, node, template);
    let phase = phase(status.phase.as_deref(), node.is_some());
    let ready = status.conditions.as_ref().map_or(phase == Phase::Running, |conditions| {
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let deletion = api
        .metadata
        .deletion_timestamp
        .is_some()
        .then(|| Deletion { requested_at: state.now, cause: deletion_cause(&status) });
    let nominated = status.nominated_node_name.as_deref().filter(|name| !name.is_empty() && node.is_none());
    let nominated_node = nominated.and_then(|name| state.names.find(name)).and_then(|name| state.node_named(name));
    let id = state.add_pod(Pod {
        namespace,
        name: PodName::Given(name),
        labels: pod_labels,
        template,
        volumes,
        owner,
        node,
        nominated_node,
        phase,
        ready: ready && phase == Phase::Running,
        ready_changed_at: None,
        held_unready: false,
        created_at,
        started_at: (phase == Phase::Running).then_some(times.started_at),
        deletion_order: deletion_order(api),
        deletion,
        unschedulable: None,
    });
    if let Owner::Job(job) = owner
        && let Some(job) = state.jobs.get_mut(&job)
    {
        job.status.pods.insert(id, jobs::known_pod(api));
    }
    if let Some(node) = node {
        // It runs there, so its volumes are there.
        bind_for_pod(state, id, node);
    }
    Some(id)
}

/// Its deletion cost, and the most restarts of its containers and of its sidecars. Source: `maxContainerRestarts` in
/// `pkg/controller/controller_utils.go`.
fn deletion_order(api: &ApiPod) -> DeletionOrder {
    let status = api.status.as_ref();
    let most = |statuses: &mut dyn Iterator<Item = &ContainerStatus>| {
        statuses.filter_map(|own| u32::try_from(own.restart_count).ok()).max().unwrap_or(0)
    };
    let init = api.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let sidecars: Vec<&str> =
        init.filter(|container| requests::is_sidecar(container)).map(|container| container.name.as_str()).collect();
    let of_containers = status.and_then(|status| status.container_statuses.as_ref());
    let of_init = status.and_then(|status| status.init_container_statuses.as_ref());
    DeletionOrder {
        cost: deletion_cost(api.metadata.annotations.as_ref()),
        container_restarts: most(&mut of_containers.into_iter().flatten()),
        sidecar_restarts: most(&mut of_init.into_iter().flatten().filter(|own| sidecars.contains(&own.name.as_str()))),
    }
}

/// Preemption marks its victims.
fn deletion_cause(status: &PodStatus) -> DeletionCause {
    let mut conditions = status.conditions.iter().flatten();
    let is_preempted = conditions.any(|condition| condition.reason.as_deref() == Some("PreemptionByScheduler"));
    if is_preempted { DeletionCause::Preemption } else { DeletionCause::Delete }
}

/// A bound pod of a manifest without status is taken as running.
fn phase(phase: Option<&str>, bound: impl Into<bool>) -> Phase {
    match phase {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some(_) => Phase::Pending,
        None if bound.into() => Phase::Running,
        None => Phase::Pending,
    }
}

fn owner(
    state: &mut ClusterState,
    api: &ApiPod,
    namespace: Symbol,
    template: &PodTemplate,
    created_at: Time,
    implied: &mut Implied,
) -> Owner {
    let owners = api.metadata.owner_references.as_deref().unwrap_or_default();
    let Some(controller) = owners.iter().find(|owner| owner.controller == Some(true)) else {
        let is_mirror = api.metadata.annotations.iter().flatten().any(|(key, _)| key == "kubernetes.io/config.mirror");
        return if is_mirror { Owner::Node } else { Owner::None };
    };
    let name = state.intern(&controller.name);
    let found = match controller.kind.as_str() {
        "ReplicaSet" => replica_set(state, namespace, name, template, created_at, implied),
        "StatefulSet" => stateful_set(state, namespace, name, api),
        "DaemonSet" => state
            .daemon_sets
            .iter()
            .find(|(_, set)| set.namespace == namespace && set.name == name)
            .map(|(id, _)| Owner::DaemonSet(*id)),
        "Job" => jobs::find(state, namespace, name).map(Owner::Job),
        "Node" => Some(Owner::Node),
        _ => None,
    };
    found.unwrap_or_else(|| other(state, controller, name))
}

fn other(state: &mut ClusterState, controller: &OwnerReference, name: Symbol) -> Owner {
    Owner::Other { kind: state.intern(&controller.kind), name }
}

fn stateful_set(state: &ClusterState, namespace: Symbol, name: Symbol, api: &ApiPod) -> Option<Owner> {
    let (set, _) = state.stateful_sets.iter().find(|(_, set)| set.namespace == namespace && set.name == name)?;
    let ordinal = api.metadata.name.as_deref()?.rsplit_once('-')?.1.parse().ok()?;
    Some(Owner::StatefulSet { set: *set, ordinal })
}

fn replica_set(
    state: &mut ClusterState,
    namespace: Symbol,
    name: Symbol,
    template: &PodTemplate,
    created_at: Time,
    implied: &mut Implied,
) -> Option<Owner> {
    let given = state.replica_sets.iter().find(|(_, set)| set.namespace == namespace && set.name == name);
    let id = given.map(|(id, _)| *id).or_else(|| implied.get(&(namespace, name)).copied());
    if let Some(id) = id {
        let is_implied = implied.get(&(namespace, name)) == Some(&id);
        if let Some(mut set) = state.replica_sets.get_mut(&id).filter(|_| is_implied) {
            set.replicas += 1;
        }
        return Some(Owner::ReplicaSet(id));
    }
    let hash = template.labels.get(Symbol::POD_TEMPLATE_HASH)?;
    let deployment = deployment_of(state, namespace, name, hash)?;
    let id = imply_replica_set(state, deployment, name, hash, template, created_at)?;
    implied.insert((namespace, name), id);
    Some(Owner::ReplicaSet(id))
}

/// The Deployment that a ReplicaSet's name and hash point to.
fn deployment_of(state: &ClusterState, namespace: Symbol, name: Symbol, hash: Symbol) -> Option<DeploymentId> {
    let prefix = state.names.text(name).strip_suffix(state.names.text(hash))?.strip_suffix('-')?;
    let matches = |id: &DeploymentId| {
        state.deployments.get(id).is_some_and(|own| own.namespace == namespace && state.names.text(own.name) == prefix)
    };
    state.deployments.keys().copied().find(matches)
}

/// A list of pods without their ReplicaSets still shows their revisions: the newest hash is taken as the current one.
fn imply_replica_set(
    state: &mut ClusterState,
    deployment: DeploymentId,
    name: Symbol,
    hash: Symbol,
    pod: &PodTemplate,
    created_at: Time,
) -> Option<ReplicaSetId> {
    let owner = state.deployments.get(&deployment)?.clone();
    let known: Vec<ReplicaSetId> = state.replica_sets.at(deployment).map(|(id, _)| id).collect();
    for id in known {
        state.replica_sets.change(&id, |set| {
            let mut older = pod.clone();
            older.content = set.template_hash.unwrap_or(hash);
            set.template = Arc::new(older);
        });
    }
    let mut selector: LabelSelector = owner.selector.clone();
    selector.requirements.push(Requirement { key: Symbol::POD_TEMPLATE_HASH, operator: Operator::In(vec![hash]) });
    let id = ReplicaSetId(u32::try_from(state.replica_sets.len()).unwrap_or(u32::MAX));
    state.replica_sets.insert(
        id,
        ReplicaSet {
            namespace: owner.namespace,
            name,
            owner: Some(deployment),
            replicas: 1,
            selector,
            template: Arc::clone(&owner.template),
            template_hash: Some(hash),
            min_ready_seconds: owner.min_ready_seconds,
            desired_replicas: Some(owner.replicas),
            max_replicas: None,
            created_at,
        },
    );
    Some(id)
}
