//! The whole: an inventory becomes a cluster state.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::batch::v1::Job as ApiJob;
use k8s_openapi::api::core::v1::{
    Namespace as ApiNamespace, Node as ApiNode, Pod as ApiPod, PodSpec as ApiPodSpec, Service as ApiService,
};
use quorate_sim::cluster::{BudgetId, ClusterState, Namespace, NodeId, Service, Symbol, WorkloadName};

use super::admission::{Admission, Creation, Refusal, RefusalCause, add_default_tolerations};
use super::autoscalers::{self, ReplicaRange};
use super::volumes::Volumes;
use super::{
    admission, change, cron_jobs, horizontal_autoscalers, jobs, labels, nodes, pods, scheduler, volumes, workloads,
};
use crate::manifest::{FieldPath, Inventory, Node, Object, ObjectId, Typed};

/// A cluster state, and which object each of its parts comes from.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The state: nodes, workloads, budgets, and the pods that exist already.
    pub state: ClusterState,
    /// The object of each workload.
    pub workloads: BTreeMap<WorkloadName, ObjectId>,
    /// The object of each budget.
    pub budgets: BTreeMap<BudgetId, ObjectId>,
    /// The object of each node that a manifest gives.
    pub nodes: BTreeMap<NodeId, ObjectId>,
    /// Between which numbers of pods an autoscaler moves a workload.
    pub autoscaled: BTreeMap<WorkloadName, ReplicaRange>,
    /// Nodes that are left out, because nothing says how much room they have.
    pub nodes_without_room: Vec<ObjectId>,
    /// What the model takes for granted, sorted.
    pub assumptions: Vec<Assumption>,
}

/// Something that could change an answer and that the model does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assumption {
    /// Something about volumes that the input does not say, as a sentence.
    Volumes(String),
    /// A priority class that no manifest holds; its pods are taken to have priority 0.
    UnknownPriorityClass(String),
    /// A runtime class that no manifest holds.
    UnknownRuntimeClass(String),
    /// Admission refuses the pods of an object.
    RefusedByAdmission {
        /// `deployment/default/backend`.
        object: String,
        /// What the API server says.
        reason: String,
    },
    /// Something else, as a sentence.
    Sentence(String),
    /// An overhead that no RuntimeClass explains.
    UnexplainedOverhead(String),
    /// A node has the NoExecute taint of one that is not ready and not the NoSchedule taint that goes with it.
    TolerationsAsWritten,
    /// Devices that are claimed (dynamic resource allocation).
    ResourceClaims {
        /// `deployment/default/backend`.
        object: String,
        /// The names of the claims in the pod.
        claims: Vec<String>,
    },
    /// A resource that, beside the nodes, devices of a class give (dynamic resource allocation).
    ResourceOfDevices {
        /// The resource.
        resource: String,
        /// The DeviceClass.
        class: String,
    },
    /// Scheduling gates.
    SchedulingGates,
    /// Another scheduler.
    OtherScheduler(String),
    /// A scheduler that no profile of the configuration is.
    NoProfile(String),
    /// Something about the scheduler's configuration, as a sentence.
    Scheduler(String),
    /// CronJobs without a time zone.
    TimesOfCronJobs,
    /// An autoscaler changes the number of replicas.
    Autoscaled(String),
    /// A node that does not say how much room it has.
    NodeWithoutRoom(String),
}

impl fmt::Display for Assumption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volumes(sentence) | Self::Sentence(sentence) => formatter.write_str(sentence),
            Self::UnknownPriorityClass(class) => {
                write!(formatter, "PriorityClass {class} is not in the input: its pods are taken to have priority 0")
            }
            Self::UnknownRuntimeClass(class) => {
                write!(formatter, "RuntimeClass {class} is not in the input: its pods are taken to need nothing for it")
            }
            Self::RefusedByAdmission { object, reason } => {
                write!(
                    formatter,
                    "the API server would refuse the pods of {object} ({reason}): they are taken to be created"
                )
            }
            Self::UnexplainedOverhead(object) => {
                write!(
                    formatter,
                    "the overhead of {object} is counted as written; the API server accepts it only from a RuntimeClass"
                )
            }
            Self::TolerationsAsWritten => formatter.write_str(
                "the pod is taken with the tolerations that it has; admission adds those of NoExecute taints of nodes that \
                 are not ready or unreachable, for 300 s",
            ),
            Self::ResourceClaims { object, claims } => write!(
                formatter,
                "the devices that {object} claims ({}; dynamic resource allocation) are taken to be free on every node",
                claims.join(", ")
            ),
            Self::ResourceOfDevices { resource, class } => write!(
                formatter,
                "{resource} is counted where nodes list it as allocatable; devices of DeviceClass {class}, which give it on \
                 other nodes, are not modelled"
            ),
            Self::SchedulingGates => formatter.write_str("pods with scheduling gates stay pending"),
            Self::OtherScheduler(name) => {
                write!(formatter, "scheduler {name} is taken to decide as the default scheduler does")
            }
            Self::NoProfile(name) => {
                write!(
                    formatter,
                    "no profile of the scheduler's configuration is named {name}: its pods stay pending, unless another \
                     scheduler places them"
                )
            }
            Self::Scheduler(sentence) => formatter.write_str(sentence),
            Self::TimesOfCronJobs => formatter
                .write_str("schedules of CronJobs without timeZone are read in UTC, as kube-controller-manager's own zone"),
            Self::Autoscaled(workload) => {
                write!(formatter, "{workload} is autoscaled: its replicas are taken as written, at least the minimum")
            }
            Self::NodeWithoutRoom(node) => {
                write!(
                    formatter,
                    "node {node} is left out, because it does not say how much room it has: give status.allocatable, as \
                     kubectl get nodes -o yaml does, or a pool of quorate.yaml with a node of this name"
                )
            }
        }
    }
}

/// What the conversion of one object may look up.
pub(super) struct Context<'a> {
    pub(super) admission: Admission<'a>,
    pub(super) volumes: Volumes<'a>,
    /// DeviceClasses by the extended resources that they give.
    device_resources: BTreeMap<String, String>,
    assumptions: RefCell<BTreeSet<Assumption>>,
    /// The object that is converted.
    subject: RefCell<String>,
}

impl Context<'_> {
    pub(super) fn assume(&self, assumption: Assumption) {
        self.assumptions.borrow_mut().insert(assumption);
    }

    /// What was taken for granted, sorted.
    pub(super) fn into_assumptions(self) -> Vec<Assumption> {
        self.assumptions.into_inner().into_iter().collect()
    }

    /// What dynamic resource allocation decides about `pod`.
    pub(super) fn note_devices(&self, pod: &ApiPodSpec) {
        let claims: Vec<String> = pod.resource_claims.iter().flatten().map(|claim| claim.name.clone()).collect();
        if !claims.is_empty() {
            self.assume(Assumption::ResourceClaims { object: self.subject.borrow().clone(), claims });
        }
        if self.device_resources.is_empty() {
            return;
        }
        for container in pod.init_containers.iter().flatten().chain(&pod.containers) {
            let requests = container.resources.iter().filter_map(|resources| resources.requests.as_ref()).flatten();
            for (resource, _) in requests {
                if let Some(class) = self.device_resources.get(resource) {
                    let (resource, class) = (resource.clone(), class.clone());
                    self.assume(Assumption::ResourceOfDevices { resource, class });
                }
            }
        }
    }

    /// What is converted from now on; assumptions name it.
    pub(super) fn begin(&self, subject: impl fmt::Display) {
        *self.subject.borrow_mut() = subject.to_string();
    }

    /// What admission makes of a pod's specification. A refusal is an assumption: that the pod is created nevertheless.
    pub(super) fn admitted(&self, namespace: &str, spec: &ApiPodSpec, creation: Creation) -> ApiPodSpec {
        let (admitted, refusal) = self.admit(namespace, spec, creation);
        if let Some(refusal) = refusal {
            self.assume(self.despite(&refusal, self.subject.borrow().clone()));
        }
        admitted
    }

    /// What admission makes of the specification of a template's pods, and why none of them is ever created. What the input
    /// cannot show is an assumption; quotas are asked when a pod is created.
    pub(super) fn admitted_template(&self, namespace: &str, spec: &ApiPodSpec) -> (ApiPodSpec, Option<String>) {
        let (admitted, refusal) = self.admit(namespace, spec, Creation::New);
        let Some(refusal) = refusal.filter(|refusal| !refusal.is_of_quota()) else { return (admitted, None) };
        match self.despite(&refusal, self.subject.borrow().clone()) {
            Assumption::RefusedByAdmission { reason, .. } => (admitted, Some(reason)),
            unknown => {
                self.assume(unknown);
                (admitted, None)
            }
        }
    }

    fn admit(&self, namespace: &str, spec: &ApiPodSpec, creation: Creation) -> (ApiPodSpec, Option<Box<Refusal>>) {
        let mut admitted = self.admission.admit(namespace, spec, creation);
        if admitted.unexplained_overhead {
            self.assume(Assumption::UnexplainedOverhead(self.subject.borrow().clone()));
        }
        if admitted.refusal.is_some() {
            add_default_tolerations(&mut admitted.spec);
        }
        (admitted.spec, admitted.refusal)
    }

    fn despite(&self, refusal: &Refusal, object: String) -> Assumption {
        match &refusal.cause {
            RefusalCause::PriorityClassNotInInput(class) if !self.admission.knows_priority_classes() => {
                Assumption::UnknownPriorityClass(class.clone())
            }
            RefusalCause::RuntimeClassNotInInput(class) if !self.admission.knows_runtime_classes() => {
                Assumption::UnknownRuntimeClass(class.clone())
            }
            RefusalCause::Contradiction
            | RefusalCause::PriorityClassNotInInput(_)
            | RefusalCause::RuntimeClassNotInInput(_) => {
                Assumption::RefusedByAdmission { object, reason: refusal.text() }
            }
        }
    }
}

/// Builds the state of `inventory`. `other_nodes` are nodes of another source (quorate.yaml, `--nodes`). They are used only
/// when no manifest of kind Node says how much room its node has; a manifest that does not takes that from the one of the
/// same name among them, and without one is left out.
#[must_use]
pub fn build(inventory: &Inventory, other_nodes: &[ApiNode]) -> Model {
    let mut model = Model::default();
    let mut context = context(inventory);
    scheduler::configure(&mut model.state, &context, inventory);
    add_cluster_parts(&mut model, inventory, &context);
    add_nodes(&mut model, inventory, other_nodes, &context);
    volumes::add_all(&mut model.state, &context.volumes, inventory);
    add_workloads(&mut model, inventory, &mut context);
    autoscalers::apply(&mut model, inventory, &context);
    let existing: Vec<&ApiPod> = inventory
        .applied()
        .filter_map(|(_, object)| match &object.typed {
            Typed::Pod(pod) => Some(&**pod),
            _ => None,
        })
        .collect();
    let recorded: Vec<&ApiJob> = inventory
        .applied()
        .filter_map(|(_, object)| match &object.typed {
            Typed::Job(job) => Some(&**job),
            _ => None,
        })
        .collect();
    pods::add_all(&mut model.state, &context, &existing, &recorded);
    let budgets: Vec<(BudgetId, ObjectId)> = model.budgets.iter().map(|(budget, object)| (*budget, *object)).collect();
    for (budget, object) in budgets {
        if let Typed::PodDisruptionBudget(api) = &inventory.get(object).typed {
            workloads::note_disrupted_pods(&mut model.state, budget, api);
        }
    }
    model.assumptions = context.into_assumptions();
    model
}

/// What the objects of `inventory` say to admission, and of volumes.
pub(super) fn context(inventory: &Inventory) -> Context<'_> {
    let mut admission = Admission::default();
    let mut volumes = Volumes::default();
    let mut device_resources = BTreeMap::new();
    for (id, object) in inventory.applied() {
        volumes.note(object);
        let name = &*object.reference.name;
        let namespace = object.reference.namespace.as_deref().unwrap_or("default");
        admission.read(id, namespace, name, &object.typed);
        if &*object.reference.kind == "ServiceAccount" && &*object.reference.api_version == "v1" {
            admission.read_service_account(namespace, name);
        }
        if &*object.reference.kind == "DeviceClass" {
            let written = object.root.at(&FieldPath::parse("spec.extendedResourceName")).and_then(Node::as_str);
            device_resources.extend(written.map(|resource| (resource.to_owned(), name.to_owned())));
            // Every class also gives a resource of its own name.
            device_resources.insert(format!("deviceclass.resource.kubernetes.io/{name}"), name.to_owned());
        }
    }
    Context { admission, volumes, device_resources, assumptions: RefCell::default(), subject: RefCell::default() }
}

/// Namespaces and Services.
fn add_cluster_parts(model: &mut Model, inventory: &Inventory, context: &Context<'_>) {
    let state = &mut model.state;
    for (_, object) in inventory.applied() {
        if let Some(namespace) = &object.reference.namespace {
            let symbol = state.intern(namespace);
            state.namespaces.entry(symbol).or_insert_with(|| Namespace {
                labels: [(Symbol::NAMESPACE_NAME_LABEL, symbol)].into_iter().collect(),
            });
        }
        match &object.typed {
            Typed::Namespace(api) => {
                let symbol = state.intern(&object.reference.name);
                let own = labels::namespace(state, symbol, api.metadata.labels.as_ref());
                state.namespaces.insert(symbol, own);
                note_pod_security(context, &object.reference.name, api);
            }
            Typed::Service(api) => {
                let service = service(state, object, api);
                state.add_service(service);
            }
            _ => admission::add_object(state, context, object),
        }
    }
}

/// A Service.
pub(super) fn service(state: &mut ClusterState, object: &Object, api: &ApiService) -> Service {
    let selector = api.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    Service {
        namespace: state.intern(object.reference.namespace.as_deref().unwrap_or("default")),
        name: state.intern(&object.reference.name),
        selector: labels::map_selector(state, selector),
        publish_not_ready_addresses: api.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true),
    }
}

fn note_pod_security(context: &Context<'_>, name: &str, api: &ApiNamespace) {
    let level = api.metadata.labels.as_ref().and_then(|labels| labels.get("pod-security.kubernetes.io/enforce"));
    if let Some(level) = level.filter(|level| *level != "privileged") {
        context.assume(Assumption::Sentence(format!(
            "namespace {name} enforces the Pod Security level {level}: its pods are taken to satisfy it"
        )));
    }
}

/// The nodes of the manifests, and those of another source where these say nothing.
fn add_nodes(model: &mut Model, inventory: &Inventory, other_nodes: &[ApiNode], context: &Context<'_>) {
    let state = &mut model.state;
    let mut others: Vec<&ApiNode> = other_nodes.iter().collect();
    let mut are_sized = false;
    for (id, object) in inventory.applied() {
        let Typed::Node(api) = &object.typed else { continue };
        let sized = others.iter().position(|other| other.metadata.name == api.metadata.name);
        let node = if nodes::says_its_room(api) {
            are_sized = true;
            nodes::add(state, api)
        } else if let Some(sized) = sized {
            nodes::add(state, &nodes::with_room_of(api, others.remove(sized)))
        } else {
            model.nodes_without_room.push(id);
            context.assume(Assumption::NodeWithoutRoom(object.reference.name.to_string()));
            continue;
        };
        model.nodes.insert(node, id);
    }
    if !are_sized {
        for node in others {
            nodes::add(state, node);
        }
    }
}

fn add_workloads(model: &mut Model, inventory: &Inventory, context: &mut Context<'_>) {
    let state = &mut model.state;
    // Before the Jobs that they own.
    for (_, object) in inventory.applied() {
        if let Typed::CronJob(api) = &object.typed {
            context.begin(&object.reference);
            cron_jobs::add(state, context, api);
        }
    }
    for (id, object) in inventory.applied() {
        context.begin(&object.reference);
        let workload = match &object.typed {
            Typed::Deployment(api) => workloads::add_deployment(state, context, api),
            Typed::StatefulSet(api) => workloads::add_stateful_set(state, context, api),
            Typed::DaemonSet(api) => workloads::add_daemon_set(state, context, api),
            Typed::Job(api) => jobs::add_job(state, context, api),
            Typed::HorizontalPodAutoscaler(api) => {
                horizontal_autoscalers::add(state, api);
                None
            }
            Typed::PodDisruptionBudget(api) => {
                model.budgets.extend(workloads::add_budget(state, api).map(|budget| (budget, id)));
                None
            }
            _ => None,
        };
        change::declare_replicas(state, object, workload);
        model.workloads.extend(workload.map(|workload| (workload, id)));
    }
    // Behind all Deployments, so that each finds its owner.
    for (id, object) in inventory.applied() {
        if let Typed::ReplicaSet(api) = &object.typed {
            context.begin(&object.reference);
            let workload = workloads::add_replica_set(state, context, api);
            change::declare_replicas(state, object, workload);
            model.workloads.extend(workload.map(|workload| (workload, id)));
        }
    }
}
