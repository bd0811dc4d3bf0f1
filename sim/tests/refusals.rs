//! What the API server refuses to create: quotas, templates that are never admitted, webhooks that nobody answers.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::admission::circles;
use quorate_sim::cluster::*;
use quorate_sim::controller::WorkloadId;
use quorate_sim::simulation::{EvictionTarget, Settings, Simulation, StepAction, StepOutcome, StepReport};

fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

/// Every pod of `app` counts 1 CPU.
fn counts_one_cpu(builder: &mut Builder, app: &str) {
    let (name, requests, app) =
        (builder.state.intern("cpu"), builder.state.intern("requests.cpu"), builder.state.intern(app));
    let mut deployment = builder.state.deployments.find_mut(|own| own.name == app).unwrap();
    let template = Arc::make_mut(&mut deployment.template);
    let usage = BTreeMap::from([(name, QuotaAmount::ONE), (requests, QuotaAmount::ONE)]);
    template.spec.admission = Arc::new(PodAdmission { usage, ..PodAdmission::default() });
}

fn quota(builder: &mut Builder, hard: &[(&str, i128)], scopes: Vec<QuotaScope>) {
    let hard = hard
        .iter()
        .map(|(name, milli)| (builder.state.intern(name), QuotaAmount::from_milli(*milli, Suffixes::Decimal)));
    let hard = hard.collect();
    let name = builder.state.intern("team");
    let quota = ResourceQuota { namespace: Symbol::DEFAULT, name, hard, scopes };
    Arc::make_mut(&mut builder.state.admission).quotas.push(quota);
}

/// A Deployment `web` of so many replicas with 1 CPU each on eight nodes.
fn web(replicas: i64, strategy: (IntOrPercent, IntOrPercent)) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(8);
    let wishes = PodWishes { cpu_milli: 1000, ..PodWishes::default() };
    builder.deployment("web", replicas, strategy, &wishes);
    counts_one_cpu(&mut builder, "web");
    let name = builder.name(WorkloadKind::Deployment, "web");
    (builder, name)
}

const WEB: &str = "deployment/default/web";

#[test]
fn a_scaling_beyond_the_quota_is_stuck_with_what_the_api_server_says() {
    let (mut builder, workload) = web(2, ints(1, 0));
    quota(&mut builder, &[("requests.cpu", 3000), ("pods", 10_000)], Vec::new());
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 5 });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    let says = "exceeded quota: team, requested: requests.cpu=1, used: requests.cpu=3, limited: requests.cpu=3";
    assert!(report.detail.contains(says), "{}", report.detail);
    assert_eq!(report.after.workloads[WEB].ready, 3);
    assert_eq!(report.after.refused.values().collect::<Vec<_>>(), [says]);
    let told = report.events.iter().filter(|(_, text)| text.contains(" is refused: ")).count();
    assert_eq!(told, 1, "{:#?}", report.events);
    // What is no longer wanted is no longer refused.
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert_eq!((report.outcome, report.after.refused.len()), (StepOutcome::Completed, 0));
}

#[test]
fn a_quota_that_has_no_room_for_the_surge_pod_stops_a_rollout() {
    let (mut builder, workload) = web(3, ints(1, 0));
    quota(&mut builder, &[("pods", 3000)], Vec::new());
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    assert!(report.detail.contains("exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3"));
    assert_eq!(report.min_ready[WEB], 3);
    // The other way round it has: an old pod goes first, and its ReplicaSet's backoff is over soon.
    let (mut builder, workload) = web(3, ints(0, 1));
    quota(&mut builder, &[("pods", 3000)], Vec::new());
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed, "{:#?}", report.events);
}

#[test]
fn a_controller_asks_again_only_when_its_backoff_is_over() {
    let (mut builder, workload) = web(2, ints(1, 0));
    let other = PodWishes { cpu_milli: 100, shutdown_seconds: 20, ..PodWishes::default() };
    let hog = builder.deployment("hog", 1, ints(1, 0), &other);
    counts_one_cpu(&mut builder, "hog");
    quota(&mut builder, &[("cpu", 3000)], Vec::new());
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    let refused_at = report.started_at;
    let hog = WorkloadName {
        kind: WorkloadKind::Deployment,
        namespace: Symbol::DEFAULT,
        name: simulation.state.deployments[&hog].name,
    };
    play(&mut simulation, StepAction::Wait { seconds: 100 });
    let report = play(&mut simulation, StepAction::Scale { workload: hog, replicas: 0 });
    assert_eq!(report.after.workloads[WEB].ready, 3);
    let created = report.events.iter().find(|(_, text)| text.contains("creates pod")).unwrap().0;
    // The room is there after 120 s; the retries come 5 · (2ⁿ − 1) ms after the first refusal.
    assert_eq!(created.since(refused_at).milliseconds(), 5 * ((1 << 15) - 1));
}

#[test]
fn a_pod_that_terminates_for_long_no_longer_counts() {
    let (mut builder, _) = web(2, ints(1, 0));
    quota(&mut builder, &[("cpu", 2000), ("count/pods", 9000)], Vec::new());
    let mut simulation = settled(builder);
    let node = simulation.state.pods.values().next().unwrap().node.unwrap();
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![node] });
    // Deleted by taint eviction after some 355 s, counted out 60 s later at the next full count, at 600 s.
    let created = report.events.iter().find(|(_, text)| text.contains("creates pod")).unwrap().0;
    assert!(created >= Time::from_milliseconds(600_000), "{:#?}", report.events);
    assert!(created <= Time::from_milliseconds(1_700_000));
    assert_eq!(report.after.workloads[WEB].ready, 2);
    assert_eq!(report.outcome, StepOutcome::Completed);
    // Where pods are counted as objects, it does.
    let (mut builder, _) = web(2, ints(1, 0));
    quota(&mut builder, &[("count/pods", 2000)], Vec::new());
    let mut simulation = settled(builder);
    let node = simulation.state.pods.values().next().unwrap().node.unwrap();
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![node] });
    assert_eq!(report.after.workloads[WEB].ready, 1);
    assert!(report.detail.contains("used: count/pods=2"), "{}", report.detail);
}

#[test]
fn a_quota_holds_only_pods_in_its_scope() {
    let of_scope = |scope: QuotaScope, change: &dyn Fn(&mut PodAdmission)| {
        let (mut builder, _) = web(2, ints(1, 0));
        quota(&mut builder, &[("pods", 0)], vec![scope]);
        builder.state.deployments.change(&DeploymentId(0), |own| {
            change(Arc::make_mut(&mut Arc::make_mut(&mut own.template).spec.admission));
        });
        let simulation = settled(builder);
        simulation.state.pods.is_empty()
    };
    let nothing = |_: &mut PodAdmission| {};
    assert!(!of_scope(QuotaScope::Terminating, &nothing) && of_scope(QuotaScope::NotTerminating, &nothing));
    assert!(of_scope(QuotaScope::Terminating, &|own| own.has_deadline = true));
    assert!(!of_scope(QuotaScope::BestEffort, &nothing) && of_scope(QuotaScope::NotBestEffort, &nothing));
    assert!(of_scope(QuotaScope::BestEffort, &|own| own.is_best_effort = true));
    assert!(of_scope(QuotaScope::CrossNamespacePodAffinity, &|own| own.has_cross_namespace_affinity = true));
    assert!(!of_scope(QuotaScope::CrossNamespacePodAffinity, &nothing) && !of_scope(QuotaScope::NoPod, &nothing));
    let class = |own: &mut PodAdmission| own.priority_class = Some(Symbol::ZONE);
    let of_class = |scope, has: bool| {
        let scope = QuotaScope::PriorityClass(scope);
        if has { of_scope(scope, &class) } else { of_scope(scope, &nothing) }
    };
    let named = || vec![Symbol::ZONE];
    assert!(of_class(PriorityClassScope::In(named()), true) && !of_class(PriorityClassScope::In(named()), false));
    assert!(!of_class(PriorityClassScope::NotIn(named()), true) && of_class(PriorityClassScope::NotIn(named()), false));
    assert!(of_class(PriorityClassScope::Exists, true) && !of_class(PriorityClassScope::Exists, false));
    assert!(!of_class(PriorityClassScope::DoesNotExist, true) && of_class(PriorityClassScope::DoesNotExist, false));
}

#[test]
fn what_a_quota_limits_must_be_said() {
    let (mut builder, _) = web(1, ints(1, 0));
    quota(&mut builder, &[("limits.memory", 1000), ("requests.cpu", 9000)], Vec::new());
    let names = ["limits.memory", "a", "b"].map(|name| builder.state.intern(name));
    builder.state.deployments.change(&DeploymentId(0), |own| {
        let admission = Arc::make_mut(&mut Arc::make_mut(&mut own.template).spec.admission);
        admission.unsaid.insert(names[0], vec![names[1], names[2]]);
    });
    let simulation = settled(builder);
    let refused = simulation.summary().refused;
    assert_eq!(refused.values().collect::<Vec<_>>(), ["failed quota: team: must specify limits.memory for: a,b"]);
}

#[test]
fn a_template_that_is_never_admitted_makes_no_pod() {
    let mut builder = Builder::new();
    builder.workers(2);
    let wishes = PodWishes { cpu_milli: 100, ..PodWishes::default() };
    builder.stateful_set("db", 2, PodManagementPolicy::Parallel, StatefulSetStrategy::OnDelete, &wishes);
    builder.daemon_set("agent", ints(0, 1), &wishes);
    let refusal = || Arc::new(PodAdmission { refusal: Some(Arc::from("no")), ..PodAdmission::default() });
    builder.state.stateful_sets.change(&StatefulSetId(0), |own| {
        Arc::make_mut(&mut own.template).spec.admission = refusal();
        own.current_template = Arc::clone(&own.template);
    });
    let own = builder.state.daemon_sets.get_mut(&DaemonSetId(0)).unwrap();
    Arc::make_mut(&mut own.template).spec.admission = refusal();
    let (db, agent) = (builder.name(WorkloadKind::StatefulSet, "db"), builder.name(WorkloadKind::DaemonSet, "agent"));
    let mut simulation = settled(builder);
    assert!(simulation.state.pods.is_empty());
    let refused: Vec<String> = simulation.summary().refused.into_keys().collect();
    assert_eq!(refused, ["daemonset/default/agent", "statefulset/default/db"]);
    let report = play(&mut simulation, StepAction::Scale { workload: db, replicas: 3 });
    assert_eq!((report.outcome, report.detail.ends_with("; no")), (StepOutcome::Stuck, true), "{}", report.detail);
    play(&mut simulation, StepAction::DeleteWorkload { workload: db });
    play(&mut simulation, StepAction::DeleteWorkload { workload: agent });
    assert!(simulation.state.refusals.is_empty());
}

fn rule(operations: &[&str], group: &str, resources: &[&str]) -> WebhookRule {
    let texts = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    WebhookRule {
        operations: texts(operations),
        api_groups: texts(&[group]),
        api_versions: texts(&["v1"]),
        resources: texts(resources),
        scope: WebhookScope::All,
    }
}

/// A webhook `guard` that the pods of the Deployment `guard` answer.
fn guard(builder: &mut Builder, replicas: i64, rules: Vec<WebhookRule>) {
    let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    builder.deployment("guard", replicas, ints(0, 1), &wishes);
    let name = builder.state.intern("guard");
    let selector = Some(builder.selector("guard"));
    let service = Service { namespace: Symbol::DEFAULT, name, selector, publish_not_ready_addresses: false };
    builder.state.add_service(service);
    let webhook = AdmissionWebhook {
        configuration: name,
        name: builder.state.intern("guard.example.com"),
        kind: WebhookKind::Validating,
        service_namespace: Symbol::DEFAULT,
        service_name: name,
        rules,
        namespace_selector: LabelSelector::default(),
        object_selector: LabelSelector::default(),
    };
    Arc::make_mut(&mut builder.state.admission).webhooks.push(webhook);
}

/// The guard's pods run before their webhook is there.
fn guarded(replicas: i64, rules: Vec<WebhookRule>) -> (Simulation, WorkloadName) {
    let (mut builder, workload) = web(2, ints(1, 0));
    guard(&mut builder, replicas, rules);
    let simulation = settled(builder);
    assert_eq!(simulation.summary().workloads[GUARD].ready, replicas);
    assert!(simulation.assumptions().iter().any(|text| text.ends_with("added once its pods ran")));
    (simulation, workload)
}

const GUARD: &str = "deployment/default/guard";
const SILENCE: &str = "failed calling webhook \"guard.example.com\"";

fn nodes_of(simulation: &Simulation, app: &str) -> Vec<NodeId> {
    let pods = simulation.state.pods.values().filter(|pod| simulation.state.pod_name(pod).starts_with(app));
    pods.filter_map(|pod| pod.node).collect()
}

#[test]
fn a_webhook_whose_own_pods_are_lost_lets_none_come_back() {
    let (mut simulation, workload) = guarded(1, vec![rule(&["CREATE"], "", &["pods"])]);
    assert_eq!(circles(&simulation.state).len(), 1);
    let nodes = nodes_of(&simulation, "guard");
    let report = play(&mut simulation, StepAction::FailNode { nodes: nodes.clone() });
    assert_eq!(report.outcome, StepOutcome::Stuck, "{:#?}", report.events);
    assert!(report.detail.contains(SILENCE), "{}", report.detail);
    assert_eq!(report.after.workloads[GUARD].ready, 0);
    // Nobody else's pods are created either.
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    assert!(report.detail.contains(SILENCE));
    // Not even the lost node helps: its pod was deleted, and is gone now.
    let report = play(&mut simulation, StepAction::RecoverNode { nodes });
    assert_eq!((report.after.workloads[GUARD].ready, report.after.refused.len()), (0, 2), "{:#?}", report.events);
    // It does while the pod is only unreachable.
    let (mut simulation, workload) = guarded(1, vec![rule(&["CREATE"], "", &["pods"])]);
    let nodes = nodes_of(&simulation, "guard");
    simulation.state.nodes.get_mut(&nodes[0]).unwrap().crashed_at = Some(simulation.state.now);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert!(report.detail.contains(SILENCE), "nobody has noticed the crash, and nobody answers: {}", report.detail);
    let report = play(&mut simulation, StepAction::RecoverNode { nodes });
    assert_eq!((report.after.workloads[GUARD].ready, report.after.refused.len()), (1, 0));
    assert_eq!(report.after.workloads[WEB].ready, 3);
}

#[test]
fn a_webhook_with_a_second_pod_elsewhere_survives_a_node() {
    let (mut simulation, _) = guarded(2, vec![rule(&["*"], "*", &["*/*"])]);
    let nodes = nodes_of(&simulation, "guard");
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![nodes[0]] });
    assert_eq!((report.outcome, report.after.workloads[GUARD].ready), (StepOutcome::Completed, 2));
    // Both at once it does not.
    let nodes = nodes_of(&simulation, "guard");
    let report = play(&mut simulation, StepAction::FailNode { nodes });
    assert_eq!((report.outcome, report.after.workloads[GUARD].ready), (StepOutcome::Stuck, 0));
}

#[test]
fn a_webhook_that_leaves_its_own_pods_out_comes_back() {
    let exempt = |webhook: &mut AdmissionWebhook, builder: &mut Builder| {
        let mut selector = builder.selector("guard");
        let Operator::In(values) = selector.requirements[0].operator.clone() else { unreachable!() };
        selector.requirements[0].operator = Operator::NotIn(values);
        webhook.object_selector = selector;
    };
    let (mut builder, _) = web(2, ints(1, 0));
    guard(&mut builder, 1, vec![rule(&["CREATE"], "", &["pods"])]);
    let mut admission = AdmissionObjects::clone(&builder.state.admission);
    exempt(&mut admission.webhooks[0], &mut builder);
    builder.state.admission = Arc::new(admission);
    let mut simulation = settled(builder);
    assert!(circles(&simulation.state).is_empty());
    let nodes = nodes_of(&simulation, "guard");
    let report = play(&mut simulation, StepAction::FailNode { nodes });
    assert_eq!((report.outcome, report.after.workloads[GUARD].ready), (StepOutcome::Completed, 1));
    assert_eq!(report.after.workloads[WEB].ready, 2);
}

/// The guard's last pod is held unready.
fn silenced(rules: Vec<WebhookRule>) -> (Simulation, WorkloadName) {
    let (mut simulation, workload) = guarded(1, rules);
    let selector = LabelSelector { requirements: Vec::new() };
    let pods = quorate_sim::simulation::PodSelection { namespace: Symbol::DEFAULT, selector, node: None, limit: None };
    play(&mut simulation, StepAction::SetReady { pods, ready: false });
    (simulation, workload)
}

#[test]
fn what_a_user_asks_for_is_refused_too() {
    let refused = |rules: Vec<WebhookRule>, action: &dyn Fn(&Simulation, WorkloadName) -> StepAction| {
        let (mut simulation, workload) = silenced(rules);
        let action = action(&simulation, workload);
        let report = play(&mut simulation, action);
        (report.outcome == StepOutcome::Failed && report.detail.contains(SILENCE)).then_some(()).is_some()
    };
    let deployments = |operation: &str, resource: &str| vec![rule(&[operation], "apps", &[resource])];
    let restart = |_: &Simulation, workload| StepAction::Restart { workload };
    assert!(refused(deployments("UPDATE", "deployments"), &restart));
    assert!(!refused(deployments("UPDATE", "statefulsets"), &restart));
    let scale = |_: &Simulation, workload| StepAction::Scale { workload, replicas: 1 };
    assert!(refused(deployments("UPDATE", "deployments/scale"), &scale));
    assert!(!refused(deployments("UPDATE", "deployments"), &scale));
    let delete = |_: &Simulation, workload| StepAction::DeleteWorkload { workload };
    assert!(refused(deployments("DELETE", "*"), &delete));
    let nodes = |operation: &str| vec![rule(&[operation], "", &["nodes"])];
    let node = |simulation: &Simulation| *simulation.state.nodes.keys().next().unwrap();
    assert!(refused(nodes("UPDATE"), &|simulation, _| StepAction::Cordon { node: node(simulation) }));
    assert!(refused(nodes("UPDATE"), &|simulation, _| StepAction::Drain { nodes: vec![node(simulation)] }));
    assert!(refused(nodes("DELETE"), &|simulation, _| StepAction::DeleteNode { nodes: vec![node(simulation)] }));
    let pod = |simulation: &Simulation| {
        let pod = simulation.state.pods.values().next().unwrap();
        simulation.state.pod_name(pod)
    };
    let pods = |operation: &str, resource: &str| vec![rule(&[operation], "", &[resource])];
    assert!(refused(pods("DELETE", "pods"), &|simulation, _| StepAction::DeletePod {
        namespace: Symbol::DEFAULT,
        name: pod(simulation)
    }));
    let evict = |simulation: &Simulation, _| {
        let target = EvictionTarget::Pod { namespace: Symbol::DEFAULT, name: pod(simulation) };
        StepAction::Evict { target }
    };
    assert!(refused(pods("CREATE", "pods/eviction"), &evict));
    assert!(refused(pods("CREATE", "pods/*"), &evict));
    assert!(!refused(pods("CREATE", "pods"), &evict));
    // A drain meets the same answer, pod by pod.
    let (mut simulation, _) = silenced(pods("CREATE", "pods/eviction"));
    let node = nodes_of(&simulation, "web")[0];
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![node] });
    assert_eq!(report.outcome, StepOutcome::Failed);
    assert!(report.detail.contains(SILENCE), "{}", report.detail);
}

#[test]
fn a_deployment_whose_replica_sets_are_refused_gives_up() {
    let (mut simulation, workload) = silenced(vec![rule(&["CREATE"], "apps", &["replicasets"])]);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    assert!(report.detail.contains(SILENCE) && report.after.refused.contains_key(WEB));
    play(&mut simulation, StepAction::Wait { seconds: 600 });
    let selector = LabelSelector::default();
    let pods = quorate_sim::simulation::PodSelection { namespace: Symbol::DEFAULT, selector, node: None, limit: None };
    // Fifteen retries are over after some 164 s: when the webhook answers again, only another change wakes the Deployment.
    let report = play(&mut simulation, StepAction::SetReady { pods, ready: true });
    let id = *simulation.state.deployments.keys().next().unwrap();
    let still = simulation.state.refusals.contains_key(&WorkloadId::Deployment(id));
    let woken = report.events.iter().any(|(_, text)| text.contains("creates replicaset"));
    // Its own pods became ready just then, which is such a change.
    assert!(woken && !still, "{:#?}", report.events);
}

#[test]
fn services_that_nobody_can_judge_answer() {
    for change in
        [(|builder: &mut Builder| builder.state.services.retain(|_, _| false)) as fn(&mut Builder), |builder| {
            builder.state.services.for_each_mut(|_, own| own.selector = None)
        }]
    {
        let (mut builder, _) = web(2, ints(1, 0));
        guard(&mut builder, 0, vec![rule(&["CREATE"], "", &["pods"])]);
        change(&mut builder);
        assert_eq!(settled(builder).summary().workloads[WEB].ready, 2);
    }
    // With a selector that matches no pod it does not; and one for other namespaces asks nobody here.
    let (mut builder, _) = web(2, ints(1, 0));
    guard(&mut builder, 0, vec![rule(&["CREATE"], "", &["pods"])]);
    let state = builder.state.clone();
    let workload = builder.name(WorkloadKind::Deployment, "web");
    let scaled = |builder: Builder| {
        play(&mut settled(builder), StepAction::Scale { workload, replicas: 3 }).after.workloads[WEB].ready
    };
    assert_eq!(scaled(builder), 2);
    let mut builder = Builder { state, toleration_seconds: 300 };
    let selector = builder.selector("other");
    Arc::make_mut(&mut builder.state.admission).webhooks[0].namespace_selector = selector;
    assert_eq!(scaled(builder), 3);
}
