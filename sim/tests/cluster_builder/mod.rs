//! Builds clusters for tests: short words for what tests vary, Kubernetes' defaults for the rest.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_sim::cluster::*;
use quorate_sim::simulation::{Step, StepAction};

/// A cluster under construction.
pub(crate) struct Builder {
    pub(crate) state: ClusterState,
    /// Seconds for which not-ready and unreachable NoExecute taints are tolerated.
    pub(crate) toleration_seconds: i64,
}

/// A pod's wishes.
#[derive(Clone, Default)]
pub(crate) struct PodWishes {
    pub(crate) cpu_milli: i64,
    pub(crate) memory_mebibytes: i64,
    /// No two of them on one value of this label.
    pub(crate) apart_on: Option<Symbol>,
    pub(crate) startup_seconds: u64,
    pub(crate) shutdown_seconds: u64,
    pub(crate) priority: i32,
}

pub(crate) fn exists(key: Symbol, effect: Effect, seconds: Option<i64>) -> Toleration {
    Toleration {
        key: Some(key),
        operator: TolerationOperator::Exists,
        effect: Some(effect),
        toleration_seconds: seconds,
    }
}

pub(crate) fn equals(key: Symbol, value: Symbol) -> LabelSelector {
    LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![value]) }] }
}

impl Builder {
    pub(crate) fn new() -> Self {
        let mut state = ClusterState::default();
        state.namespaces.insert(Symbol::DEFAULT, Namespace::default());
        Self { state, toleration_seconds: 300 }
    }

    pub(crate) fn node(&mut self, name: &str, cpu: i64, gibibytes: i64, zone: Option<&str>) -> NodeId {
        let name = self.state.intern(name);
        let mut labels = Labels::from_iter([(Symbol::HOSTNAME, name)]);
        if let Some(zone) = zone {
            let zone = self.state.intern(zone);
            labels.insert(Symbol::ZONE, zone);
        }
        let id = NodeId(self.state.nodes.len() as u32);
        let node = Node {
            name,
            labels,
            taints: Vec::new(),
            unschedulable: false,
            allocatable: Resources { cpu_milli: cpu * 1000, memory_bytes: gibibytes << 30, ..Resources::default() },
            allocatable_pods: 110,
            images: BTreeMap::new(),
            ready: NodeReady::True,
            crashed_at: None,
            declared_features: std::collections::BTreeSet::new(),
        };
        self.state.nodes.insert(id, node);
        id
    }

    pub(crate) fn workers(&mut self, count: usize) -> Vec<NodeId> {
        (1..=count).map(|number| self.node(&format!("worker-{number}"), 4, 8, None)).collect()
    }

    pub(crate) fn control_plane(&mut self) -> NodeId {
        let id = self.node("control-plane-1", 2, 4, None);
        let mut node = self.state.nodes.get_mut(&id).unwrap();
        node.labels.insert(Symbol::CONTROL_PLANE_ROLE, Symbol::EMPTY);
        node.taints.push(Taint {
            key: Symbol::CONTROL_PLANE_ROLE,
            value: Symbol::EMPTY,
            effect: Effect::NoSchedule,
            added_at: None,
        });
        id
    }

    pub(crate) fn template(&mut self, app: &str, wishes: &PodWishes) -> Arc<PodTemplate> {
        let key = self.state.intern("app");
        let value = self.state.intern(app);
        let content = self.state.intern(&format!("{app}:1"));
        let memory_bytes = wishes.memory_mebibytes << 20;
        let anti = wishes.apart_on.map(|topology_key| PodAffinityTerm {
            topology_key,
            selector: Some(equals(key, value)),
            namespaces: vec![Symbol::DEFAULT],
            namespace_selector: None,
            match_label_keys: Vec::new(),
            mismatch_label_keys: Vec::new(),
        });
        let spec = PodSpec {
            requests: Resources { cpu_milli: wishes.cpu_milli, memory_bytes, ..Resources::default() },
            container_requests: ContainerRequests {
                cpu_milli: Some(wishes.cpu_milli),
                memory_bytes: Some(memory_bytes),
            },
            non_zero_requests: NonZeroRequests { cpu_milli: wishes.cpu_milli.max(100), memory_bytes },
            tolerations: vec![
                exists(Symbol::NOT_READY_TAINT, Effect::NoExecute, Some(self.toleration_seconds)),
                exists(Symbol::UNREACHABLE_TAINT, Effect::NoExecute, Some(self.toleration_seconds)),
            ],
            required_anti_affinity: anti.into_iter().collect(),
            container_count: 1,
            grace_period_seconds: 30,
            startup: Duration::from_seconds(wishes.startup_seconds),
            shutdown: Duration::from_seconds(wishes.shutdown_seconds),
            priority: wishes.priority,
            ..PodSpec::default()
        };
        Arc::new(PodTemplate { labels: Labels::from_iter([(key, value)]), spec, content })
    }

    pub(crate) fn selector(&mut self, app: &str) -> LabelSelector {
        let key = self.state.intern("app");
        let value = self.state.intern(app);
        equals(key, value)
    }

    pub(crate) fn deployment(
        &mut self,
        app: &str,
        replicas: i64,
        (max_surge, max_unavailable): (IntOrPercent, IntOrPercent),
        wishes: &PodWishes,
    ) -> DeploymentId {
        let template = self.template(app, wishes);
        let deployment = Deployment {
            namespace: Symbol::DEFAULT,
            name: self.state.intern(app),
            replicas,
            selector: self.selector(app),
            template,
            strategy: DeploymentStrategy::RollingUpdate { max_surge, max_unavailable },
            min_ready_seconds: 0,
            progress_deadline_seconds: 600,
            paused: false,
        };
        let id = DeploymentId(self.state.deployments.len() as u32);
        self.state.deployments.insert(id, deployment);
        id
    }

    pub(crate) fn stateful_set(
        &mut self,
        app: &str,
        replicas: i64,
        pod_management_policy: PodManagementPolicy,
        strategy: StatefulSetStrategy,
        wishes: &PodWishes,
    ) -> StatefulSetId {
        let template = self.template(app, wishes);
        let set = StatefulSet {
            namespace: Symbol::DEFAULT,
            name: self.state.intern(app),
            replicas,
            first_ordinal: 0,
            selector: self.selector(app),
            current_template: Arc::clone(&template),
            template,
            pod_management_policy,
            strategy,
            min_ready_seconds: 0,
        };
        let id = StatefulSetId(self.state.stateful_sets.len() as u32);
        self.state.stateful_sets.insert(id, set);
        id
    }

    pub(crate) fn daemon_set(
        &mut self,
        app: &str,
        (max_surge, max_unavailable): (IntOrPercent, IntOrPercent),
        wishes: &PodWishes,
    ) -> DaemonSetId {
        let template = self.template(app, wishes);
        let set = DaemonSet {
            namespace: Symbol::DEFAULT,
            name: self.state.intern(app),
            selector: self.selector(app),
            template,
            strategy: DaemonSetStrategy::RollingUpdate { max_surge, max_unavailable },
            min_ready_seconds: 0,
            observed_nodes: None,
        };
        let id = DaemonSetId(self.state.daemon_sets.len() as u32);
        self.state.daemon_sets.insert(id, set);
        id
    }

    /// A Job of one pod that runs for so long, and succeeds unless `edit` says otherwise.
    pub(crate) fn job(&mut self, app: &str, run_seconds: u64, edit: impl FnOnce(&mut JobSpec)) -> JobId {
        let mut template = self.template(app, &PodWishes { cpu_milli: 100, ..PodWishes::default() });
        let pod = &mut Arc::make_mut(&mut template).spec;
        (pod.restart_policy, pod.run) = (RestartPolicy::Never, Some(Duration::from_seconds(run_seconds)));
        let mut spec = JobSpec {
            template,
            parallelism: 1,
            completions: Some(1),
            completion_mode: CompletionMode::NonIndexed,
            backoff_limit: 6,
            backoff_limit_per_index: None,
            max_failed_indexes: None,
            pod_failure_policy: None,
            success_policy: Vec::new(),
            pod_replacement_policy: PodReplacementPolicy::TerminatingOrFailed,
            suspend: false,
            active_deadline_seconds: None,
            ttl_seconds_after_finished: None,
            managed_elsewhere: false,
        };
        edit(&mut spec);
        let name = self.state.intern(app);
        let id = JobId(self.state.jobs.len() as u32);
        self.state
            .jobs
            .insert(id, Job { namespace: Symbol::DEFAULT, name, cron_job: None, spec, status: JobStatus::default() });
        id
    }

    /// An autoscaler of a Deployment, on the use of CPU in percent.
    pub(crate) fn autoscaler(&mut self, app: &str, (least, most): (i64, i64), percent: i64) -> AutoscalerId {
        let target = self.name(WorkloadKind::Deployment, app);
        let id = AutoscalerId(self.state.autoscalers.len() as u32);
        let cpu = self.state.intern("cpu");
        let metric =
            AutoscalerMetric { name: cpu, target: MetricTarget::Utilization(PodResource::Cpu, percent), load: None };
        let autoscaler = HorizontalPodAutoscaler {
            namespace: Symbol::DEFAULT,
            name: target.name,
            target,
            min_replicas: least,
            max_replicas: most,
            metrics: vec![metric],
            behavior: None,
            memory: AutoscalerMemory::default(),
        };
        self.state.autoscalers.insert(id, autoscaler);
        id
    }

    pub(crate) fn budget(&mut self, app: &str, target: BudgetTarget) -> BudgetId {
        let id = BudgetId(self.state.budgets.len() as u32);
        let budget = PodDisruptionBudget {
            namespace: Symbol::DEFAULT,
            name: self.state.intern(app),
            selector: Some(self.selector(app)),
            target,
            unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy::IfHealthyBudget,
            status: BudgetStatus::default(),
        };
        self.state.budgets.insert(id, budget);
        id
    }

    /// A bare pod, running on `node`.
    pub(crate) fn bare_pod(&mut self, name: &str, node: Option<NodeId>, wishes: &PodWishes) -> PodId {
        let template = self.template(name, wishes);
        let name = PodName::Given(self.state.intern(name));
        self.state.add_pod(Pod {
            namespace: Symbol::DEFAULT,
            name,
            labels: template.labels.clone(),
            template,
            volumes: std::sync::Arc::default(),
            owner: Owner::None,
            node,
            nominated_node: None,
            phase: if node.is_some() { Phase::Running } else { Phase::Pending },
            ready: node.is_some(),
            ready_changed_at: None,
            held_unready: false,
            created_at: Time::ZERO,
            started_at: node.map(|_| Time::ZERO),
            deletion_order: Default::default(),
            deletion: None,
            unschedulable: None,
        })
    }

    pub(crate) fn name(&mut self, kind: WorkloadKind, name: &str) -> WorkloadName {
        WorkloadName { kind, namespace: Symbol::DEFAULT, name: self.state.intern(name) }
    }
}

pub(crate) fn step(action: StepAction) -> Step {
    Step {
        name: None,
        description: format!("{action:?}"),
        action,
        expected_outcome: None,
        expected_min_ready: BTreeMap::new(),
        expected_available: BTreeMap::new(),
    }
}

pub(crate) const fn ints(max_surge: i64, max_unavailable: i64) -> (IntOrPercent, IntOrPercent) {
    (IntOrPercent::Int(max_surge), IntOrPercent::Int(max_unavailable))
}

/// The documented production environment's backend: 3 replicas, apart on hosts, budget of 2.
pub(crate) fn qawave_backend(
    workers: usize,
    strategy: (IntOrPercent, IntOrPercent),
    toleration_seconds: i64,
) -> Builder {
    let mut builder = Builder::new();
    builder.toleration_seconds = toleration_seconds;
    builder.workers(workers);
    builder.control_plane();
    let wishes =
        PodWishes { cpu_milli: 500, memory_mebibytes: 512, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    builder.deployment("backend", 3, strategy, &wishes);
    builder.budget("backend", BudgetTarget::MinAvailable(IntOrPercent::Int(2)));
    builder
}
