//! The whole state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::autoscaler::{AutoscalerId, HorizontalPodAutoscaler};
use super::budget::{BudgetId, PodDisruptionBudget};
use super::cron_job::{CronJob, CronJobId, WallClock};
use super::descheduler::DeschedulerPolicy;
use super::job::{Job, JobId};
use super::labels::{LabelSelector, Labels};
use super::name::{Names, Symbol};
use super::node::{Node, NodeId};
use super::node_pool::NodePool;
use super::pod::{Pod, PodId};
use super::pods::Pods;
use super::quota::ResourceQuota;
use super::refusal::Refusal;
use super::table::{Placed, SelectorPlace, Table};
use super::time::Time;
use super::volume::Storage;
use super::webhook::AdmissionWebhook;
use super::workload::{
    DaemonSet, DaemonSetId, Deployment, DeploymentId, ReplicaSet, ReplicaSetId, StatefulSet, StatefulSetId,
    WorkloadName,
};
use crate::controller::WorkloadId;
use crate::scheduler::SchedulerConfiguration;

/// A cluster at one moment. Every transition is a function from one state to the next.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    /// The interned names.
    pub names: Arc<Names>,
    /// Now.
    pub now: Time,
    /// Namespaces by name.
    pub namespaces: BTreeMap<Symbol, Namespace>,
    /// Nodes, in the order in which they were added.
    pub nodes: Table<NodeId, Node>,
    /// Pools that a cluster autoscaler makes larger and smaller; none: there is no such autoscaler.
    pub node_pools: Vec<NodePool>,
    /// What the descheduler does; `None`: there is none.
    pub descheduler: Option<Arc<DeschedulerPolicy>>,
    /// Pods, in the order of creation.
    pub pods: Pods,
    /// How many pods were ever created: the next pod's id.
    pub pods_created: u32,
    /// Deployments.
    pub deployments: Table<DeploymentId, Deployment>,
    /// ReplicaSets, in the order of creation.
    pub replica_sets: Table<ReplicaSetId, ReplicaSet>,
    /// StatefulSets.
    pub stateful_sets: Table<StatefulSetId, StatefulSet>,
    /// DaemonSets.
    pub daemon_sets: BTreeMap<DaemonSetId, DaemonSet>,
    /// Jobs, in the order of creation.
    pub jobs: BTreeMap<JobId, Job>,
    /// CronJobs.
    pub cron_jobs: BTreeMap<CronJobId, CronJob>,
    /// What the wall clock shows when virtual time begins, where that is given.
    pub wall_clock: Option<WallClock>,
    /// HorizontalPodAutoscalers.
    pub autoscalers: BTreeMap<AutoscalerId, HorizontalPodAutoscaler>,
    /// `spec.replicas` where a manifest writes it: what is applied again and again sets it back to that.
    pub declared_replicas: Arc<BTreeMap<WorkloadName, i64>>,
    /// PodDisruptionBudgets.
    pub budgets: Table<BudgetId, PodDisruptionBudget>,
    /// Services (their selectors give the default spread constraints).
    pub services: Table<ServiceId, Service>,
    /// What the API server holds requests to.
    pub admission: Arc<AdmissionObjects>,
    /// Controllers that may not create what they want to.
    pub refusals: BTreeMap<WorkloadId, Refusal>,
    /// Claims, volumes, classes and drivers.
    pub storage: Arc<Storage>,
    /// How kube-scheduler is configured.
    pub scheduler: Arc<SchedulerConfiguration>,
}

/// 2026-01-05T00:00:00Z.
const A_MONDAY: i64 = 1_767_571_200_000;

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its labels.
    pub labels: Labels,
}

/// What the API server holds requests to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdmissionObjects {
    /// ResourceQuotas that are about pods, by namespace and name.
    pub quotas: Vec<ResourceQuota>,
    /// Webhooks that fail closed, in the order in which they are asked.
    pub webhooks: Vec<AdmissionWebhook>,
}

/// Names a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// A Service: which pods answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// Its selector; `None` or empty selects nothing.
    pub selector: Option<LabelSelector>,
    /// `spec.publishNotReadyAddresses`.
    pub publish_not_ready_addresses: bool,
}

impl Placed for Service {
    type Place = SelectorPlace;

    fn places(&self) -> Vec<SelectorPlace> {
        // An empty selector selects nothing.
        let selector = self.selector.iter().filter(|selector| !selector.is_empty());
        selector.map(|selector| SelectorPlace::of(self.namespace, selector)).collect()
    }
}

impl ClusterState {
    /// Adds a Service.
    pub fn add_service(&mut self, service: Service) -> ServiceId {
        let next = self.services.last_key_value().map_or(0, |(id, _)| id.0.saturating_add(1));
        self.services.insert(ServiceId(next), service);
        ServiceId(next)
    }

    /// The Services that select a pod of `namespace` with `labels`, in the order of their ids.
    #[must_use]
    pub fn services_of(&self, namespace: Symbol, labels: &Labels) -> BTreeMap<ServiceId, &Service> {
        let is_selected =
            |service: &Service| service.selector.as_ref().is_some_and(|selector| selector.matches(labels));
        let places = SelectorPlace::of_pod(namespace, labels);
        places.flat_map(|place| self.services.at(place)).filter(|(_, service)| is_selected(service)).collect()
    }

    /// Adds a pod and gives its id.
    pub fn add_pod(&mut self, pod: Pod) -> PodId {
        let id = PodId(self.pods_created);
        self.pods_created = self.pods_created.saturating_add(1);
        self.pods.insert(id, pod);
        id
    }

    /// What the wall clock shows when virtual time begins: a Monday's midnight in UTC unless it is given.
    #[must_use]
    pub fn begins_at(&self) -> WallClock {
        self.wall_clock.unwrap_or(WallClock(A_MONDAY))
    }

    /// The wall clock shows `moment` now.
    pub fn show_at_now(&mut self, moment: WallClock) {
        let now = i64::try_from(self.now.milliseconds()).unwrap_or(i64::MAX);
        self.wall_clock = Some(WallClock(moment.0.saturating_sub(now)));
    }

    /// Interns `text`.
    pub fn intern(&mut self, text: &str) -> Symbol {
        match self.names.find(text) {
            Some(symbol) => symbol,
            None => Arc::make_mut(&mut self.names).intern(text),
        }
    }

    /// The node named `name`.
    #[must_use]
    pub fn node_named(&self, name: Symbol) -> Option<NodeId> {
        self.nodes.at(name).next().map(|(id, _)| id)
    }

    /// `metadata.name` of a pod.
    #[must_use]
    pub fn pod_name(&self, pod: &Pod) -> String {
        pod.name.text(&self.names)
    }
}
