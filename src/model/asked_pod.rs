//! A pod that does not exist and is asked about: where would it go?

use std::sync::Arc;

use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::{Pod as ApiPod, PodSpec as ApiPodSpec, PodTemplateSpec};
use quorate_sim::cluster::{
    ClusterState, DeploymentId, Effect, Node, NodeId, Owner, Phase, Pod, PodId, PodName, PodTemplate, ReplicaSetId,
    StatefulSetId, Symbol,
};
use quorate_sim::controller::daemon_set;
use quorate_sim::controller::deployment::Revisions;
use quorate_sim::transition::{Change, Created, apply, of_new_pod};
use thiserror::Error;

use super::admission::{Creation, Refusal, add_default_tolerations};
use super::build::{Assumption, Context, context};
use super::change::apply_one;
use super::pod_template::{AdmittedPod, pod_spec, pod_template};
use super::{labels, pods};
use crate::manifest::{FieldPath, Inventory, Object, Typed, default};

/// A node that no cluster has: the one that `spec.nodeName` names when it does not exist.
const NOWHERE: NodeId = NodeId(u32::MAX);

/// A pod that is asked about, as a pending pod of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPod {
    /// Its id in the state.
    pub id: PodId,
    /// `pod/default/x`, or the workload that it would be one more pod of.
    pub name: String,
    /// Where its specification stands in its object: `spec`, `spec.template.spec`.
    pub spec_path: FieldPath,
    /// What is taken for granted, sorted.
    pub assumptions: Vec<Assumption>,
}

/// Where a workload comes from that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedWorkload {
    /// It is one of the cluster: the pod is one more of it.
    OfCluster,
    /// It is brought along: it takes the place of the one of its name, if the cluster has one.
    Brought,
}

/// Why a pod cannot be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// An object that makes no pods.
    #[error("a {0} makes no pods; ask about a Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or CronJob")]
    NoPods(String),
    /// A specification that could not be read.
    #[error("it has no pod specification that could be read")]
    Unreadable,
    /// Admission refuses it.
    #[error("{}", .0.text())]
    Refused(Box<Refusal>),
}

/// Adds the pod that `object` is or makes to `state`, unbound. `inventory` holds what admission reads.
///
/// # Errors
/// When the object makes no pod, or the API server would not create it.
pub fn ask(
    state: &mut ClusterState,
    inventory: &Inventory,
    object: &Object,
    workload: AskedWorkload,
) -> Result<AskedPod, AskError> {
    let mut context = context(inventory);
    context.begin(&object.reference);
    let (spec_path, spec) = specification(object)?;
    let creation = match &object.typed {
        Typed::Pod(pod) => pods::creation(pod),
        _ => Creation::New,
    };
    let namespace = object.reference.namespace.as_deref().unwrap_or("default");
    if let Some(refusal) = context.admission.admit(namespace, &spec, creation).refusal {
        return Err(AskError::Refused(refusal));
    }
    let namespace_symbol = state.intern(namespace);
    if !state.namespaces.contains_key(&namespace_symbol) {
        let own = labels::namespace(state, namespace_symbol, None);
        state.namespaces.insert(namespace_symbol, own);
    }
    match workload {
        AskedWorkload::OfCluster => {}
        AskedWorkload::Brought => apply_workload(state, &mut context, object),
    }
    let id = match &object.typed {
        Typed::Pod(pod) => bare(state, &context, pod),
        Typed::Job(job) => job.spec.as_ref().map(|spec| of_job(state, &mut context, object, spec)),
        Typed::CronJob(cron_job) => {
            cron_job.spec.job_template.spec.as_ref().map(|spec| of_job(state, &mut context, object, spec))
        }
        _ => of_workload(state, object),
    };
    let id = id.ok_or(AskError::Unreadable)?;
    unbind(state, id, spec.node_name.as_deref());
    Ok(AskedPod { id, name: object.reference.to_string(), spec_path, assumptions: context.into_assumptions() })
}

/// The pod's specification with the API server's defaults, and where it stands.
fn specification(object: &Object) -> Result<(FieldPath, ApiPodSpec), AskError> {
    let of_template = |path: &str, template: &PodTemplateSpec| {
        let mut pod = ApiPod { spec: template.spec.clone(), ..ApiPod::default() };
        default::pod(&mut pod);
        Some((FieldPath::parse(path), pod.spec?))
    };
    let plain = "spec.template.spec";
    let found = match &object.typed {
        Typed::Pod(pod) => pod.spec.clone().map(|spec| (FieldPath::parse("spec"), spec)),
        Typed::Deployment(api) => api.spec.as_ref().and_then(|spec| of_template(plain, &spec.template)),
        Typed::ReplicaSet(api) => {
            api.spec.as_ref().and_then(|spec| spec.template.as_ref()).and_then(|own| of_template(plain, own))
        }
        Typed::StatefulSet(api) => api.spec.as_ref().and_then(|spec| of_template(plain, &spec.template)),
        Typed::DaemonSet(api) => api.spec.as_ref().and_then(|spec| of_template(plain, &spec.template)),
        Typed::Job(api) => api.spec.as_ref().and_then(|spec| of_template(plain, &spec.template)),
        Typed::CronJob(api) => {
            let job = api.spec.job_template.spec.as_ref();
            job.and_then(|job| of_template("spec.jobTemplate.spec.template.spec", &job.template))
        }
        Typed::Dynamic if makes_pods(object) => None,
        _ => return Err(AskError::NoPods(object.reference.kind.to_string())),
    };
    found.filter(|(_, spec)| !spec.containers.is_empty()).ok_or(AskError::Unreadable)
}

/// Where the specification of the pods of `object` stands in it.
#[must_use]
pub fn spec_path(object: &Object) -> Option<FieldPath> {
    specification(object).ok().map(|(path, _)| path)
}

/// Whether an object is a pod or makes pods.
#[must_use]
pub fn makes_pods(object: &Object) -> bool {
    matches!(
        &*object.reference.kind,
        "Pod" | "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob"
    )
}

fn apply_workload(state: &mut ClusterState, context: &mut Context<'_>, object: &Object) {
    match &object.typed {
        Typed::Deployment(_) | Typed::StatefulSet(_) | Typed::DaemonSet(_) => {
            apply_one(state, context, object);
        }
        Typed::ReplicaSet(api) => {
            let (namespace, name) = names(state, object);
            state.replica_sets.retain(|_, set| (set.namespace, set.name) != (namespace, name));
            super::workloads::add_replica_set(state, context, api);
        }
        _ => {}
    }
}

fn names(state: &mut ClusterState, object: &Object) -> (Symbol, Symbol) {
    let namespace = state.intern(object.reference.namespace.as_deref().unwrap_or("default"));
    (namespace, state.intern(&object.reference.name))
}

fn bare(state: &mut ClusterState, context: &Context<'_>, api: &ApiPod) -> Option<PodId> {
    let namespace = api.metadata.namespace.as_deref().unwrap_or("default");
    let id = pods::add_one(state, context, api)?;
    // A pod among others shares its controller's template; this one is taken at its own word.
    let written = api.spec.as_ref()?;
    let mut admitted = context.admission.admit(namespace, written, pods::creation(api)).spec;
    keep_own_tolerations(state, context, written, &mut admitted);
    let source = AdmittedPod { spec: &admitted, status: None, own_claims: &[] };
    let spec = pod_spec(state, context, namespace, &source);
    let mut pod = state.pods.get_mut(&id)?;
    let labels = pod.labels.clone();
    pod.template = Arc::new(PodTemplate { labels, spec, content: Symbol::EMPTY });
    Some(id)
}

/// Takes the tolerations for 300 s away that admission adds. Where a node is not ready it makes no difference, because such a
/// node has a NoSchedule taint too; where one has the NoExecute taint alone, the answer is that of kube-scheduler for the pod as
/// it is written, and that is said.
fn keep_own_tolerations(state: &ClusterState, context: &Context<'_>, written: &ApiPodSpec, admitted: &mut ApiPodSpec) {
    let mut completed = written.clone();
    add_default_tolerations(&mut completed);
    let own = written.tolerations.iter().flatten().count();
    let added = completed.tolerations.unwrap_or_default().split_off(own);
    let tolerations = admitted.tolerations.get_or_insert_default();
    let all = tolerations.len();
    tolerations.retain(|toleration| !added.contains(toleration));
    let has_alone = |node: &Node| {
        [Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT].into_iter().any(|key| {
            let has = |effect: Effect| node.taints.iter().any(|taint| (taint.key, taint.effect) == (key, effect));
            has(Effect::NoExecute) && !has(Effect::NoSchedule)
        })
    };
    if tolerations.len() < all && state.nodes.values().any(has_alone) {
        context.assume(Assumption::TolerationsAsWritten);
    }
}

/// The pod that the controller of a workload would create next.
fn of_workload(state: &mut ClusterState, object: &Object) -> Option<PodId> {
    let is_own = {
        let own = names(state, object);
        move |namespace: Symbol, name: Symbol| (namespace, name) == own
    };
    let (owner, template) = match &object.typed {
        Typed::Deployment(_) => {
            let (id, deployment) = state.deployments.iter().find(|(_, own)| is_own(own.namespace, own.name))?;
            let (id, template) = (*id, Arc::clone(&deployment.template));
            (Owner::ReplicaSet(newest(state, id)?), template)
        }
        Typed::ReplicaSet(_) => {
            let (id, set) = state.replica_sets.iter().find(|(_, own)| is_own(own.namespace, own.name))?;
            (Owner::ReplicaSet(*id), Arc::clone(&set.template))
        }
        Typed::StatefulSet(_) => {
            let (id, set) = state.stateful_sets.iter().find(|(_, own)| is_own(own.namespace, own.name))?;
            let ordinal = next_ordinal(state, *id).unwrap_or(set.first_ordinal);
            (Owner::StatefulSet { set: *id, ordinal }, Arc::clone(&set.template))
        }
        Typed::DaemonSet(_) => {
            let (id, set) = state.daemon_sets.iter().find(|(_, own)| is_own(own.namespace, own.name))?;
            // The controller pins each pod to a node; the question is where one of them could run.
            let mut template = PodTemplate::clone(&daemon_set::pod_template(set, Symbol::EMPTY));
            template.spec.required_node_terms.clone_from(&set.template.spec.required_node_terms);
            (Owner::DaemonSet(*id), Arc::new(template))
        }
        _ => return None,
    };
    match apply(state, &Change::CreatePod { owner, template }) {
        Created::Pod(id) => Some(id),
        Created::Nothing | Created::ReplicaSet(_) | Created::Job(_) | Created::Node(_) => None,
    }
}

/// The ReplicaSet of a Deployment's present template; an empty one is made where there is none.
fn newest(state: &mut ClusterState, id: DeploymentId) -> Option<ReplicaSetId> {
    let deployment = state.deployments.get(&id)?;
    let known = Revisions::of(state, id, deployment).new.map(|set| set.id);
    known.or_else(|| match apply(state, &Change::CreateReplicaSet { deployment: id, replicas: 0 }) {
        Created::ReplicaSet(id) => Some(id),
        Created::Nothing | Created::Pod(_) | Created::Job(_) | Created::Node(_) => None,
    })
}

fn next_ordinal(state: &ClusterState, id: StatefulSetId) -> Option<u32> {
    let ordinals = state.pods.values().filter_map(|pod| match pod.owner {
        Owner::StatefulSet { set, ordinal } if set == id => Some(ordinal),
        Owner::StatefulSet { .. }
        | Owner::None
        | Owner::Node
        | Owner::ReplicaSet(_)
        | Owner::DaemonSet(_)
        | Owner::Job(_)
        | Owner::Other { .. } => None,
    });
    ordinals.max().map(|last| last.saturating_add(1))
}

fn of_job(state: &mut ClusterState, context: &mut Context<'_>, object: &Object, spec: &JobSpec) -> PodId {
    let namespace_text = object.reference.namespace.as_deref().unwrap_or("default");
    let mut template = pod_template(state, context, namespace_text, &spec.template, &[]);
    let (namespace, name) = names(state, object);
    // The name of a CronJob's Job ends in the time at which it is due.
    if matches!(object.typed, Typed::Job(_)) {
        for key in ["job-name", "batch.kubernetes.io/job-name"] {
            let key = state.intern(key);
            template.labels.insert(key, name);
        }
    }
    let owner = Owner::Other { kind: state.intern("Job"), name };
    let number = state.pods_created;
    let pod_name = format!("{}-{number}", object.reference.name);
    let volumes = of_new_pod(state, namespace, &pod_name, owner, &template.spec.volumes);
    state.add_pod(Pod {
        namespace,
        name: PodName::Generated { prefix: name, number },
        labels: template.labels.clone(),
        template: Arc::new(template),
        volumes,
        owner,
        node: None,
        nominated_node: None,
        phase: Phase::Pending,
        ready: false,
        ready_changed_at: None,
        held_unready: false,
        created_at: state.now,
        started_at: None,
        deletion_order: Default::default(),
        deletion: None,
        unschedulable: None,
    })
}

/// Makes it a pod that waits for the scheduler, whatever its `nodeName` and status say; the node that it names is a wish.
fn unbind(state: &mut ClusterState, id: PodId, node_name: Option<&str>) {
    let named = node_name
        .filter(|name| !name.is_empty())
        .map(|name| state.names.find(name).and_then(|name| state.node_named(name)).unwrap_or(NOWHERE));
    let Some(mut pod) = state.pods.get_mut(&id) else { return };
    pod.node = None;
    pod.phase = Phase::Pending;
    pod.ready = false;
    pod.started_at = None;
    pod.deletion = None;
    if pod.template.spec.node_name != named {
        Arc::make_mut(&mut pod.template).spec.node_name = named;
    }
}
