//! The whole: an inventory becomes a cluster state.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::{Node as ApiNode, Pod as ApiPod, PodSpec as ApiPodSpec};
use quorate_sim::cluster::{BudgetId, ClusterState, Namespace, NodeId, Service, Symbol, WorkloadName};

use super::admission::{Admission, Creation, Refusal, RefusalCause, add_default_tolerations};
use super::volumes::Volumes;
use super::{labels, nodes, pods, workloads};
use crate::manifest::{Inventory, ObjectId, Typed};

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
    /// What the model takes for granted, sorted.
    pub assumptions: Vec<Assumption>,
}

/// Something that could change an answer and that the model does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assumption {
    /// A claim that no manifest holds.
    ClaimNotInInput(String),
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
    /// A quota whose use is not counted.
    QuotaNotCounted(String),
    /// An overhead that no RuntimeClass explains.
    UnexplainedOverhead(String),
    /// A node has the NoExecute taint of one that is not ready and not the NoSchedule taint that goes with it.
    TolerationsAsWritten,
    /// Dynamic resource allocation.
    ResourceClaims,
    /// Scheduling gates.
    SchedulingGates,
    /// Another scheduler.
    OtherScheduler(String),
    /// An autoscaler changes the number of replicas.
    Autoscaled(String),
}

impl fmt::Display for Assumption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimNotInInput(claim) => {
                write!(formatter, "PersistentVolumeClaim {claim} is not in the input: taken to be usable on every node")
            }
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
            Self::QuotaNotCounted(quota) => {
                write!(formatter, "resourcequota/{quota} is taken to have room: its use is not counted")
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
            Self::ResourceClaims => {
                formatter.write_str("resource claims (dynamic resource allocation) are not modelled")
            }
            Self::SchedulingGates => formatter.write_str("pods with scheduling gates stay pending"),
            Self::OtherScheduler(name) => {
                write!(formatter, "scheduler {name} is taken to decide as the default scheduler does")
            }
            Self::Autoscaled(workload) => {
                write!(formatter, "{workload} is autoscaled: its replicas are taken as written, at least the minimum")
            }
        }
    }
}

/// What the conversion of one object may look up.
pub(super) struct Context<'a> {
    pub(super) admission: Admission<'a>,
    pub(super) volumes: Volumes<'a>,
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

    /// What is converted from now on; assumptions name it.
    pub(super) fn begin(&self, subject: impl fmt::Display) {
        *self.subject.borrow_mut() = subject.to_string();
    }

    /// What admission makes of a pod's specification. A refusal is an assumption: that the pod is created nevertheless.
    pub(super) fn admitted(&self, namespace: &str, spec: &ApiPodSpec, creation: Creation) -> ApiPodSpec {
        let mut admitted = self.admission.admit(namespace, spec, creation);
        let subject = self.subject.borrow().clone();
        for quota in &admitted.quotas {
            self.assume(Assumption::QuotaNotCounted(format!("{namespace}/{quota}")));
        }
        if admitted.unexplained_overhead {
            self.assume(Assumption::UnexplainedOverhead(subject.clone()));
        }
        if let Some(refusal) = &admitted.refusal {
            self.assume(self.despite(refusal, subject));
            add_default_tolerations(&mut admitted.spec);
        }
        admitted.spec
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

/// Builds the state of `inventory`. `other_nodes` are nodes of another source (quorate.yaml, `--nodes`); they are used only
/// when no manifest of kind Node is there.
#[must_use]
pub fn build(inventory: &Inventory, other_nodes: &[ApiNode]) -> Model {
    let mut model = Model::default();
    let mut context = context(inventory);
    add_cluster_parts(&mut model, inventory, other_nodes);
    add_workloads(&mut model, inventory, &mut context);
    apply_autoscalers(&mut model, inventory, &context);
    let existing: Vec<&ApiPod> = inventory
        .applied()
        .filter_map(|(_, object)| match &object.typed {
            Typed::Pod(pod) => Some(&**pod),
            _ => None,
        })
        .collect();
    pods::add_all(&mut model.state, &context, &existing);
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
    for (id, object) in inventory.applied() {
        let name = &*object.reference.name;
        let namespace = object.reference.namespace.as_deref().unwrap_or("default");
        admission.read(id, namespace, name, &object.typed);
        match &object.typed {
            Typed::PersistentVolumeClaim(claim) => {
                volumes.claims.insert((namespace, name), claim);
            }
            Typed::PersistentVolume(volume) => {
                volumes.volumes.insert(name, volume);
            }
            _ => {}
        }
    }
    Context { admission, volumes, assumptions: RefCell::default(), subject: RefCell::default() }
}

/// Namespaces, nodes and Services.
fn add_cluster_parts(model: &mut Model, inventory: &Inventory, other_nodes: &[ApiNode]) {
    let state = &mut model.state;
    for (id, object) in inventory.applied() {
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
            }
            Typed::Node(api) => {
                let node = nodes::add(state, api);
                model.nodes.insert(node, id);
            }
            Typed::Service(api) => {
                let selector = api.spec.as_ref().and_then(|spec| spec.selector.as_ref());
                let service = Service {
                    namespace: state.intern(object.reference.namespace.as_deref().unwrap_or("default")),
                    name: state.intern(&object.reference.name),
                    selector: labels::map_selector(state, selector),
                };
                state.services.push(service);
            }
            _ => {}
        }
    }
    if model.nodes.is_empty() {
        for node in other_nodes {
            nodes::add(state, node);
        }
    }
}

fn add_workloads(model: &mut Model, inventory: &Inventory, context: &mut Context<'_>) {
    let state = &mut model.state;
    for (id, object) in inventory.applied() {
        context.begin(&object.reference);
        let workload = match &object.typed {
            Typed::Deployment(api) => workloads::add_deployment(state, context, api),
            Typed::StatefulSet(api) => workloads::add_stateful_set(state, context, api),
            Typed::DaemonSet(api) => workloads::add_daemon_set(state, context, api),
            Typed::PodDisruptionBudget(api) => {
                model.budgets.extend(workloads::add_budget(state, api).map(|budget| (budget, id)));
                None
            }
            _ => None,
        };
        model.workloads.extend(workload.map(|workload| (workload, id)));
    }
    // Behind all Deployments, so that each finds its owner.
    for (id, object) in inventory.applied() {
        if let Typed::ReplicaSet(api) = &object.typed {
            context.begin(&object.reference);
            let workload = workloads::add_replica_set(state, context, api);
            model.workloads.extend(workload.map(|workload| (workload, id)));
        }
    }
}

/// A workload that an autoscaler owns runs with at least its minimum.
fn apply_autoscalers(model: &mut Model, inventory: &Inventory, context: &Context<'_>) {
    for (_, object) in inventory.applied() {
        let Typed::HorizontalPodAutoscaler(api) = &object.typed else { continue };
        let spec = &api.spec;
        let namespace = object.reference.namespace.as_deref().unwrap_or("default");
        let (Some(namespace_symbol), Some(name)) =
            (model.state.names.find(namespace), model.state.names.find(&spec.scale_target_ref.name))
        else {
            continue;
        };
        let minimum = i64::from(spec.min_replicas.unwrap_or(1));
        let maximum = i64::from(spec.max_replicas);
        let clamp = |replicas: &mut i64| *replicas = (*replicas).max(minimum).min(maximum.max(minimum));
        match spec.scale_target_ref.kind.as_str() {
            "Deployment" => model
                .state
                .deployments
                .values_mut()
                .filter(|own| own.namespace == namespace_symbol && own.name == name)
                .for_each(|own| clamp(&mut own.replicas)),
            "StatefulSet" => model
                .state
                .stateful_sets
                .values_mut()
                .filter(|own| own.namespace == namespace_symbol && own.name == name)
                .for_each(|own| clamp(&mut own.replicas)),
            _ => {}
        }
        let kind = spec.scale_target_ref.kind.to_lowercase();
        context.assume(Assumption::Autoscaled(format!("{kind}/{namespace}/{}", spec.scale_target_ref.name)));
    }
}
