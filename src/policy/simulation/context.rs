//! What the rules are given.

use std::collections::BTreeSet;

use quorate_sim::cluster::{BudgetId, ClusterState, NodeId, Owner, Pod, PodId, WorkloadKind, WorkloadName};
use quorate_sim::simulation::{Settings, Simulation, StateSummary, StepAction, StepOutcome, StepReport};

use crate::environment::EnvironmentSpec;
use crate::finding::{Finding, Related, Severity};
use crate::manifest::{FieldPath, Inventory, Object, ObjectId};
use crate::model::Model;
use crate::policy::Facts;

/// One configuration, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its objects.
    pub inventory: &'a Inventory,
    /// Its cluster.
    pub model: &'a Model,
    /// The facts, for prices and declared dependencies.
    pub environment: &'a EnvironmentSpec,
    /// The facts as written, for places.
    pub facts: Facts<'a>,
    /// The seed of every choice that Kubernetes leaves open.
    pub seed: u64,
}

/// The cluster at rest: everything that can run runs. Each rule asks "and what if" of a copy.
pub(super) struct AtRest<'a> {
    pub(super) context: Context<'a>,
    pub(super) simulation: Simulation,
    pub(super) summary: StateSummary,
    /// Workloads that are left out, because their pods are made and removed without end.
    pub(super) restless: BTreeSet<WorkloadName>,
}

/// How often the cluster is tried anew without those workloads that keep it from coming to rest.
const MOST_TRIES: usize = 4;

impl<'a> AtRest<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self::of_state(context, context.model.state.clone())
    }

    /// The same configuration on another cluster.
    pub(super) fn of_state(context: Context<'a>, state: ClusterState) -> Self {
        let settings = Settings { seed: context.seed, ..Settings::default() };
        let mut restless = BTreeSet::new();
        let mut simulation = Simulation::new(state.clone(), &settings);
        for _ in 0..MOST_TRIES {
            if simulation.settle() != StepOutcome::Livelock {
                break;
            }
            restless.extend(simulation.restless_workloads());
            simulation = Simulation::new(without(&state, &restless), &settings);
        }
        let summary = simulation.summary();
        Self { context, simulation, summary, restless }
    }

    /// The same configuration in a simulation that is at rest.
    pub(super) fn of_simulation(context: Context<'a>, simulation: Simulation) -> Self {
        let summary = simulation.summary();
        Self { context, simulation, summary, restless: BTreeSet::new() }
    }

    pub(super) fn state(&self) -> &ClusterState {
        &self.simulation.state
    }

    /// What happens if `action` is done now; and the cluster afterwards.
    pub(super) fn what_if(&self, action: StepAction) -> (StepReport, Simulation) {
        let mut simulation = self.simulation.branch();
        let report = simulation.play_action(&action);
        (report, simulation)
    }

    /// Whether every replica of `workload` is ready.
    pub(super) fn is_whole(&self, workload: WorkloadName) -> bool {
        let summary = self.summary.workloads.get(&super::words::workload(self.state(), workload));
        summary.is_some_and(|own| own.ready >= own.desired)
    }
}

impl<'a> Context<'a> {
    /// The object of a workload.
    pub(super) fn workload_object(&self, workload: WorkloadName) -> Option<&'a Object> {
        self.model.workloads.get(&workload).map(|id| self.inventory.get(*id))
    }

    /// The object of a budget.
    pub(super) fn budget_object(&self, budget: BudgetId) -> Option<&'a Object> {
        self.model.budgets.get(&budget).map(|id| self.inventory.get(*id))
    }

    /// The object of a node, where a manifest gives it.
    pub(super) fn node_object(&self, node: NodeId) -> Option<&'a Object> {
        self.model.nodes.get(&node).map(|id: &ObjectId| self.inventory.get(*id))
    }
}

/// The cluster without these workloads and their pods.
fn without(state: &ClusterState, workloads: &BTreeSet<WorkloadName>) -> ClusterState {
    let mut rest = state.clone();
    let stays = |kind, namespace, name| !workloads.contains(&WorkloadName { kind, namespace, name });
    rest.pods.retain(|_, pod| workload_of(state, pod).is_none_or(|owner| !workloads.contains(&owner)));
    rest.deployments.retain(|_, own| stays(WorkloadKind::Deployment, own.namespace, own.name));
    rest.stateful_sets.retain(|_, own| stays(WorkloadKind::StatefulSet, own.namespace, own.name));
    rest.daemon_sets.retain(|_, own| stays(WorkloadKind::DaemonSet, own.namespace, own.name));
    rest.jobs.retain(|_, own| stays(WorkloadKind::Job, own.namespace, own.name));
    let deployments = &rest.deployments;
    rest.replica_sets.retain(|_, own| match own.owner {
        Some(owner) => deployments.contains_key(&owner),
        None => stays(WorkloadKind::ReplicaSet, own.namespace, own.name),
    });
    rest
}

/// A finding about a field of `object`.
pub(super) fn finding_at(
    rule: &str,
    severity: Severity,
    message: String,
    object: Option<&Object>,
    path: &str,
) -> Finding {
    let mut finding = Finding::new(rule, severity, message);
    if let Some(object) = object {
        let path = FieldPath::parse(path);
        finding.object = Some(object.reference.clone());
        finding.place = Some(object.locate(&path).0);
        finding.path = path;
    }
    finding
}

/// Another place of the cause.
pub(super) fn related(object: &Object, path: &str, message: impl Into<String>) -> Related {
    let path = FieldPath::parse(path);
    Related {
        message: message.into(),
        object: Some(object.reference.clone()),
        place: Some(object.locate(&path).0),
        path,
    }
}

/// The workload that a pod belongs to, as users name it.
pub(super) fn workload_of(state: &ClusterState, pod: &Pod) -> Option<WorkloadName> {
    match pod.owner {
        Owner::ReplicaSet(id) => {
            let set = state.replica_sets.get(&id)?;
            match set.owner {
                Some(owner) => {
                    let own = state.deployments.get(&owner)?;
                    Some(WorkloadName { kind: WorkloadKind::Deployment, namespace: own.namespace, name: own.name })
                }
                None => Some(WorkloadName { kind: WorkloadKind::ReplicaSet, namespace: set.namespace, name: set.name }),
            }
        }
        Owner::StatefulSet { set, .. } => {
            let own = state.stateful_sets.get(&set)?;
            Some(WorkloadName { kind: WorkloadKind::StatefulSet, namespace: own.namespace, name: own.name })
        }
        Owner::DaemonSet(id) => {
            let own = state.daemon_sets.get(&id)?;
            Some(WorkloadName { kind: WorkloadKind::DaemonSet, namespace: own.namespace, name: own.name })
        }
        Owner::Job(id) => {
            let own = state.jobs.get(&id)?;
            Some(WorkloadName { kind: WorkloadKind::Job, namespace: own.namespace, name: own.name })
        }
        Owner::None | Owner::Node | Owner::Other { .. } => None,
    }
}

/// The pods of a workload that the scheduler found no node for.
pub(super) fn pending_pods(state: &ClusterState, workload: WorkloadName) -> Vec<PodId> {
    let is_pending = |pod: &Pod| pod.node.is_none() && pod.deletion.is_none() && pod.unschedulable.is_some();
    let mine = state.pods.iter().filter(|(_, pod)| is_pending(pod) && workload_of(state, pod) == Some(workload));
    mine.map(|(id, _)| *id).collect()
}
