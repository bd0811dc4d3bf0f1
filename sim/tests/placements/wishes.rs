//! Random workloads, DaemonSets and budgets.

use std::sync::Arc;

use quorate_sim::cluster::*;
use quorate_sim::controller::daemon_set;

use super::generate::Draft;

/// The most pods of all workloads together; DaemonSets' apart.
const MOST_PODS: usize = 7;

/// Adds one to four workloads; gives their names and sizes.
pub(super) fn workloads(draft: &mut Draft) -> Vec<(WorkloadName, usize)> {
    let count = draft.random.one_of(if draft.is_crowded { &[2, 2, 3] } else { &[1, 2, 2, 2, 3, 3, 4][..] });
    draft.apps = (0..count).map(|number| draft.state.intern(["web", "db", "cache", "queue"][number])).collect();
    let mut left = draft.random.one_of(&[4, 5, 6, 6, MOST_PODS]);
    if draft.is_crowded {
        // Few of the subject, many of the others.
        left = draft.random.one_of(&[6, MOST_PODS]);
    }
    let mut names = Vec::new();
    for number in 0..count {
        let most = match number {
            0 if draft.is_crowded => 2,
            _ if draft.is_crowded && number + 1 < count => (left - 1).min(4),
            _ if draft.is_crowded => left.min(5),
            _ => (left - (count - number - 1)).min(4),
        };
        // The first one is the subject more often than not.
        let least = match number {
            0 if draft.is_crowded => 1,
            0 if draft.random.percent(85) => most.min(2),
            _ if draft.is_crowded => most.min(3),
            _ => 1,
        };
        let replicas = least + draft.random.below(most - least + 1);
        left -= replicas;
        let kind = workload(draft, number, replicas as i64);
        names.push((WorkloadName { kind, namespace: Symbol::DEFAULT, name: draft.apps[number] }, replicas));
    }
    names
}

fn workload(draft: &mut Draft, number: usize, replicas: i64) -> WorkloadKind {
    let kind = draft.random.below(100);
    let is_deployment = kind < 55;
    let template = template(draft, number, is_deployment);
    let (namespace, name, selector) = (Symbol::DEFAULT, draft.apps[number], of_app(draft, number));
    if is_deployment {
        draft.note("Deployment");
        let quarter = IntOrPercent::Percent(25);
        let strategy = DeploymentStrategy::RollingUpdate { max_surge: quarter, max_unavailable: quarter };
        let own = Deployment {
            namespace,
            name,
            replicas,
            selector,
            template,
            strategy,
            min_ready_seconds: 0,
            progress_deadline_seconds: 600,
            paused: false,
        };
        draft.state.deployments.insert(DeploymentId(number as u32), own);
        return WorkloadKind::Deployment;
    }
    if kind < 83 {
        let parallel = kind < 69;
        draft.note(if parallel { "StatefulSet, Parallel" } else { "StatefulSet, OrderedReady" });
        let own = StatefulSet {
            namespace,
            name,
            replicas,
            first_ordinal: 0,
            selector,
            current_template: Arc::clone(&template),
            template,
            pod_management_policy: if parallel {
                PodManagementPolicy::Parallel
            } else {
                PodManagementPolicy::OrderedReady
            },
            strategy: StatefulSetStrategy::RollingUpdate { partition: 0 },
            min_ready_seconds: 0,
        };
        draft.state.stateful_sets.insert(StatefulSetId(number as u32), own);
        return WorkloadKind::StatefulSet;
    }
    draft.note("ReplicaSet");
    let own = ReplicaSet {
        namespace,
        name,
        owner: None,
        replicas,
        selector,
        template,
        template_hash: None,
        min_ready_seconds: 0,
        desired_replicas: None,
        max_replicas: None,
        created_at: Time::ZERO,
    };
    draft.state.replica_sets.insert(ReplicaSetId(number as u32), own);
    WorkloadKind::ReplicaSet
}

fn of_app(draft: &mut Draft, number: usize) -> LabelSelector {
    let key = draft.state.intern("app");
    LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![draft.apps[number]]) }] }
}

fn of_tier(draft: &mut Draft) -> LabelSelector {
    let (key, value) = (draft.state.intern("tier"), draft.state.intern("backend"));
    LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![value]) }] }
}

/// A selector of the workload's own pods, of another one's, or of those of some workloads.
fn selector(draft: &mut Draft, number: usize, own: usize, features: [&'static str; 2]) -> LabelSelector {
    let drawn = draft.random.below(100);
    let count = draft.apps.len();
    if drawn >= own && drawn < (own + 100) / 2 && count > 1 {
        draft.note(features[0]);
        let other = (number + 1 + draft.random.below(count - 1)) % count;
        return of_app(draft, other);
    }
    if drawn >= (own + 100) / 2 {
        draft.note(features[1]);
        return of_tier(draft);
    }
    of_app(draft, number)
}

fn key(draft: &mut Draft) -> Symbol {
    let zone = if draft.has_zones { 40 } else { 5 };
    if draft.random.percent(zone) { Symbol::ZONE } else { Symbol::HOSTNAME }
}

fn template(draft: &mut Draft, number: usize, is_deployment: bool) -> Arc<PodTemplate> {
    let app = draft.state.intern("app");
    let mut labels = Labels::from_iter([(app, draft.apps[number])]);
    if draft.random.percent(50) {
        let (key, value) = (draft.state.intern("tier"), draft.state.intern("backend"));
        labels.insert(key, value);
    }
    let cpu = if draft.tight { &[500, 1000, 1000, 1500, 2000][..] } else { &[0, 100, 500, 1000][..] };
    let cpu_milli = draft.random.one_of(cpu);
    let memory_bytes = if draft.uses_memory { draft.random.one_of(&[0, 1, 1, 2, 3_i64]) << 30 } else { 0 };
    let mut spec = PodSpec {
        requests: Resources { cpu_milli, memory_bytes, ..Resources::default() },
        container_requests: ContainerRequests { cpu_milli: Some(cpu_milli), memory_bytes: Some(memory_bytes) },
        non_zero_requests: NonZeroRequests { cpu_milli, memory_bytes },
        container_count: 1,
        grace_period_seconds: 30,
        startup: Duration::from_seconds(1),
        shutdown: Duration::from_seconds(1),
        ..PodSpec::default()
    };
    let (chance, own) = if number == 0 { (60, 85) } else { (35, 60) };
    if draft.draws(chance, "anti-affinity") {
        let term = affinity_term(draft, number, own, ["anti-affinity to another", "anti-affinity to several"]);
        spec.required_anti_affinity.push(term);
    }
    if draft.draws(6, "affinity") {
        let term = affinity_term(draft, number, 50, ["affinity to another", "affinity to several"]);
        spec.required_affinity.push(term);
    }
    spread(draft, number, is_deployment, &mut spec);
    if draft.draws(9, "host port") {
        let port = draft.random.one_of(&[8080, 8080, 9090]);
        spec.host_ports.push(HostPort { port, protocol: Protocol::Tcp, host_ip: Symbol::EMPTY });
    }
    node_affinity(draft, &mut spec);
    if draft.uses_priorities {
        spec.priority = draft.random.one_of(&[0, 0, 10, 100]);
        if spec.priority > 0 {
            draft.note("priority");
            if draft.draws(25, "preemptionPolicy Never") {
                spec.preemption_policy = PreemptionPolicy::Never;
            }
        }
    }
    tolerations(draft, &mut spec);
    if draft.is_crowded {
        crowd(draft, number, is_deployment, &mut spec);
    }
    let content = draft.state.intern(&format!("content-{number}"));
    Arc::new(PodTemplate { labels, spec, content })
}

fn affinity_term(draft: &mut Draft, number: usize, own: usize, features: [&'static str; 2]) -> PodAffinityTerm {
    PodAffinityTerm {
        topology_key: key(draft),
        selector: Some(selector(draft, number, own, features)),
        namespaces: vec![Symbol::DEFAULT],
        namespace_selector: None,
        match_label_keys: Vec::new(),
        mismatch_label_keys: Vec::new(),
    }
}

fn spread(draft: &mut Draft, number: usize, is_deployment: bool, spec: &mut PodSpec) {
    let (chance, own) = if number == 0 { (40, 75) } else { (25, 60) };
    if !draft.draws(chance, "hard spread") {
        return;
    }
    let first = key(draft);
    let mut keys = vec![first];
    if draft.draws(12, "two spread constraints") {
        keys.push(if first == Symbol::ZONE { Symbol::HOSTNAME } else { Symbol::ZONE });
    }
    for topology_key in keys {
        let constraint = constraint(draft, (number, own), is_deployment, topology_key);
        spec.spread_constraints.push(constraint);
    }
}

fn constraint(
    draft: &mut Draft,
    (number, own): (usize, usize),
    is_deployment: bool,
    topology_key: Symbol,
) -> SpreadConstraint {
    let honor = |honor: bool| if honor { SpreadPolicy::Honor } else { SpreadPolicy::Ignore };
    let selector = Some(selector(draft, number, own, ["spread over another's pods", "spread over several"]));
    let min_domains = draft.draws(20, "minDomains").then(|| draft.random.one_of(&[1, 2, 2, 3, 4]));
    SpreadConstraint {
        max_skew: draft.random.one_of(&[1, 1, 1, 2]),
        topology_key,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector,
        min_domains,
        node_affinity_policy: honor(!draft.draws(30, "nodeAffinityPolicy Ignore")),
        node_taints_policy: honor(draft.draws(40, "nodeTaintsPolicy Honor")),
        match_label_keys: if is_deployment && draft.draws(25, "matchLabelKeys") {
            vec![Symbol::POD_TEMPLATE_HASH]
        } else {
            Vec::new()
        },
    }
}

/// The first workload has a place in each zone, or in one, and others spread themselves.
fn crowd(draft: &mut Draft, number: usize, is_deployment: bool, spec: &mut PodSpec) {
    spec.spread_constraints.clear();
    if draft.random.percent(85) {
        spec.required_anti_affinity.clear();
        spec.required_affinity.clear();
    }
    if draft.random.percent(70) {
        spec.priority = 0;
    }
    let cpu_milli = draft.random.one_of(&[500, 500, 1000]);
    spec.requests.cpu_milli = cpu_milli;
    spec.non_zero_requests.cpu_milli = cpu_milli;
    spec.container_requests.cpu_milli = Some(cpu_milli);
    let zone = draft.state.intern("zone-0");
    match (number, draft.random.below(4)) {
        (0, 0) => {}
        (0, 1) => {
            let operator = NodeRequirementOperator::In(vec![zone]);
            let requirement = NodeRequirement { key: Symbol::ZONE, operator };
            let term = NodeSelectorTerm { expressions: vec![requirement], fields: Vec::new() };
            spec.required_node_terms = Some(vec![term]);
        }
        (0, _) => spec.spread_constraints.push(constraint(draft, (number, 95), is_deployment, Symbol::ZONE)),
        (_, drawn) => {
            let key = if drawn == 0 { key(draft) } else { Symbol::ZONE };
            draft.note("others spread themselves");
            spec.spread_constraints.push(constraint(draft, (number, 80), is_deployment, key));
        }
    }
}

fn node_affinity(draft: &mut Draft, spec: &mut PodSpec) {
    let (disk, ssd) = (draft.state.intern("disk"), draft.state.intern("ssd"));
    if draft.draws(10, "node selector") {
        spec.node_selector = Labels::from_iter([(disk, ssd)]);
    }
    if draft.draws(6, "node affinity") {
        let zone = draft.state.intern("zone-0");
        let requirement = draft.random.one_of(&[
            NodeRequirement { key: disk, operator: NodeRequirementOperator::DoesNotExist },
            NodeRequirement { key: Symbol::ZONE, operator: NodeRequirementOperator::NotIn(vec![zone]) },
            NodeRequirement { key: Symbol::ZONE, operator: NodeRequirementOperator::In(vec![zone]) },
        ]);
        spec.required_node_terms = Some(vec![NodeSelectorTerm { expressions: vec![requirement], fields: Vec::new() }]);
    }
}

fn tolerations(draft: &mut Draft, spec: &mut PodSpec) {
    let exists = |key, effect, toleration_seconds| Toleration {
        key,
        operator: TolerationOperator::Exists,
        effect,
        toleration_seconds,
    };
    let dedicated = draft.state.intern("dedicated");
    let infra = draft.state.intern("infra");
    if draft.draws(10, "tolerates a taint") {
        let equal = Toleration { operator: TolerationOperator::Equal(infra), ..exists(Some(dedicated), None, None) };
        let no_schedule = Some(Effect::NoSchedule);
        let any = draft.random.one_of(&[equal, exists(Some(dedicated), no_schedule, None)]);
        spec.tolerations.push(any);
    }
    if draft.draws(5, "tolerates everything") {
        spec.tolerations.push(exists(None, None, None));
    }
    if draft.draws(4, "tolerates every NoSchedule taint") {
        spec.tolerations.push(exists(None, Some(Effect::NoSchedule), None));
    }
    if draft.draws(8, "tolerates unreachable otherwise") {
        let seconds = draft.random.one_of(&[None, Some(0), Some(30)]);
        let key = draft.random.one_of(&[Some(Symbol::UNREACHABLE_TAINT), Some(Symbol::UNREACHABLE_TAINT), None]);
        spec.tolerations.push(exists(key, Some(Effect::NoExecute), seconds));
    }
    add_default_tolerations(spec);
}

/// The admission plugin DefaultTolerationSeconds. Source: `plugin/pkg/admission/defaulttolerationseconds/admission.go`.
pub(super) fn add_default_tolerations(spec: &mut PodSpec) {
    for key in [Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT] {
        let is_for = |own: &Toleration| {
            own.key.is_none_or(|own| own == key) && own.effect.is_none_or(|effect| effect == Effect::NoExecute)
        };
        if !spec.tolerations.iter().any(is_for) {
            spec.tolerations.push(Toleration {
                key: Some(key),
                operator: TolerationOperator::Exists,
                effect: Some(Effect::NoExecute),
                toleration_seconds: Some(300),
            });
        }
    }
}

/// Sometimes adds a DaemonSet; its pods fit their nodes.
pub(super) fn daemon_sets(draft: &mut Draft) {
    if !draft.random.percent(25) {
        return;
    }
    let (app, agent) = (draft.state.intern("app"), draft.state.intern("agent"));
    let labels = Labels::from_iter([(app, agent)]);
    let cpu_milli = draft.random.one_of(&[100, 250, 500]);
    let mut spec = PodSpec {
        requests: Resources { cpu_milli, ..Resources::default() },
        non_zero_requests: NonZeroRequests { cpu_milli, memory_bytes: 200 << 20 },
        container_count: 1,
        grace_period_seconds: 30,
        startup: Duration::from_seconds(1),
        shutdown: Duration::from_seconds(1),
        ..PodSpec::default()
    };
    // Of the class system-node-critical, or of none: then others may preempt its pods.
    if draft.uses_priorities && draft.random.percent(30) {
        draft.note("DaemonSet of low priority");
    } else {
        spec.priority = 2_000_001_000;
    }
    if draft.random.percent(40) {
        let every = Toleration {
            key: None,
            operator: TolerationOperator::Exists,
            effect: draft.random.one_of(&[None, Some(Effect::NoSchedule)]),
            toleration_seconds: None,
        };
        spec.tolerations.push(every);
    }
    add_default_tolerations(&mut spec);
    let content = draft.state.intern("content-agent");
    let set = DaemonSet {
        namespace: Symbol::DEFAULT,
        name: agent,
        selector: LabelSelector { requirements: vec![Requirement { key: app, operator: Operator::In(vec![agent]) }] },
        template: Arc::new(PodTemplate { labels, spec, content }),
        strategy: DaemonSetStrategy::RollingUpdate {
            max_surge: IntOrPercent::Int(0),
            max_unavailable: IntOrPercent::Int(1),
        },
        min_ready_seconds: 0,
        observed_nodes: None,
    };
    draft.note("DaemonSet");
    draft.state.daemon_sets.insert(DaemonSetId(0), set);
    let set = &draft.state.daemon_sets[&DaemonSetId(0)];
    assert!(daemon_set::eligible_nodes(&draft.state, set).iter().all(|id| {
        let node = draft.state.nodes.get(id).unwrap();
        node.allocatable.cpu_milli >= cpu_milli && node.allocatable_pods > 0
    }));
}

/// Sometimes adds a budget or two.
pub(super) fn budgets(draft: &mut Draft) {
    let count = draft.random.one_of(&[0, 0, 0, 1, 1, 2]);
    for number in 0..count {
        draft.note("budget");
        let app = draft.random.below(draft.apps.len());
        let selector = if draft.random.percent(80) { of_app(draft, app) } else { of_tier(draft) };
        let value = draft.random.one_of(&[
            IntOrPercent::Int(0),
            IntOrPercent::Int(1),
            IntOrPercent::Int(2),
            IntOrPercent::Percent(50),
        ]);
        let target = draft.random.one_of(&[BudgetTarget::MinAvailable(value), BudgetTarget::MaxUnavailable(value)]);
        let budget = PodDisruptionBudget {
            namespace: Symbol::DEFAULT,
            name: draft.state.intern(&format!("budget-{number}")),
            selector: Some(selector),
            target,
            unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy::IfHealthyBudget,
            status: BudgetStatus::default(),
        };
        draft.state.budgets.insert(BudgetId(number as u32), budget);
    }
}
