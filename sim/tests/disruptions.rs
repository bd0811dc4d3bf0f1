//! Evictions, budgets, drains, node failures, taints.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, exists, ints, qawave_backend, step};
use quorate_sim::cluster::{
    BudgetId, BudgetTarget, ClusterState, Duration, Effect, IntOrPercent, NodeId, Owner, PodId, SpreadConstraint,
    SpreadPolicy, Symbol, Taint, Time, UnhealthyPodEvictionPolicy, WhenUnsatisfiable, WorkloadKind, WorkloadName,
};
use quorate_sim::eviction::{EvictionDecision, GrantReason, decide};
use quorate_sim::simulation::{
    EvictionTarget, ObjectChange, PodSelection, RolloutFate, Settings, Simulation, StepAction, StepOutcome, StepReport,
};

fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

fn evict_all(builder: &mut Builder, app: &str) -> StepAction {
    let selector = builder.selector(app);
    let pods = PodSelection { namespace: Symbol::DEFAULT, selector, node: None, limit: None };
    StepAction::Evict { target: EvictionTarget::Pods(pods) }
}

fn set_ready(builder: &mut Builder, app: &str, ready: bool, limit: usize) -> StepAction {
    let selector = builder.selector(app);
    let pods = PodSelection { namespace: Symbol::DEFAULT, selector, node: None, limit: Some(limit) };
    StepAction::SetReady { pods, ready }
}

/// Three pods `web` on three nodes under a budget.
fn budgeted(target: BudgetTarget) -> Builder {
    let mut builder = Builder::new();
    builder.workers(3);
    let wishes = PodWishes { cpu_milli: 100, startup_seconds: 10, ..PodWishes::default() };
    builder.deployment("web", 3, ints(1, 0), &wishes);
    builder.budget("web", target);
    builder
}

fn min_available(number: i64) -> BudgetTarget {
    BudgetTarget::MinAvailable(IntOrPercent::Int(number))
}

#[test]
fn a_budget_grants_until_it_is_used_up() {
    let mut builder = budgeted(min_available(2));
    let evict = evict_all(&mut builder, "web");
    let report = play(&mut settled(builder), evict);
    assert_eq!(report.outcome, StepOutcome::Denied429);
    let outcomes: Vec<StepOutcome> = report.targets.iter().map(|target| target.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Allowed, StepOutcome::Denied429, StepOutcome::Denied429]);
    assert!(report.targets[1].detail.contains("needs 2 healthy pods and has 3 currently"), "{:?}", report.targets);
    assert_eq!(report.min_ready["deployment/default/web"], 2);
    assert_eq!(report.after.workloads["deployment/default/web"].ready, 3);
}

#[test]
fn budgets_round_percentages_up() {
    // (target, expected, desired)
    let cases = [
        (BudgetTarget::MaxUnavailable(IntOrPercent::Percent(50)), 3, 1),
        (BudgetTarget::MinAvailable(IntOrPercent::Percent(50)), 3, 2),
        (BudgetTarget::MaxUnavailable(IntOrPercent::Int(5)), 3, 0),
        (min_available(7), 3, 7),
        (BudgetTarget::None, 0, 0),
    ];
    for (target, expected, desired) in cases {
        let simulation = settled(budgeted(target));
        let status = &simulation.state.budgets[&BudgetId(0)].status;
        assert_eq!((status.expected_pods, status.desired_healthy), (expected, desired), "{target:?}");
        let allowed = if expected == 0 { 0 } else { (3 - desired).max(0) };
        assert_eq!(status.disruptions_allowed, allowed, "{target:?}");
    }
}

#[test]
fn two_budgets_on_a_pod_fail_every_eviction() {
    let mut builder = budgeted(min_available(1));
    builder.budget("web", min_available(0));
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![NodeId(0)] });
    assert_eq!(report.outcome, StepOutcome::Failed);
    assert_eq!(report.after.workloads["deployment/default/web"].ready, 3);
    let pod = *simulation.state.pods.keys().next().unwrap();
    assert_eq!(decide(&simulation.state, pod), EvictionDecision::SeveralBudgets(vec![BudgetId(0), BudgetId(1)]));
    let said = simulation.assumptions();
    assert!(
        said.iter().any(|said| said.starts_with("budgets default/web and default/web cover the same pods")),
        "{said:?}"
    );
}

#[test]
fn the_policy_for_unhealthy_pods_decides_whether_they_may_go() {
    for (policy, number, granted) in [
        (UnhealthyPodEvictionPolicy::IfHealthyBudget, 2, true),
        (UnhealthyPodEvictionPolicy::IfHealthyBudget, 3, false),
        (UnhealthyPodEvictionPolicy::AlwaysAllow, 3, true),
    ] {
        let mut builder = budgeted(min_available(number));
        builder.state.budgets.get_mut(&BudgetId(0)).unwrap().unhealthy_pod_eviction_policy = policy;
        let hold = set_ready(&mut builder, "web", false, 1);
        let mut simulation = settled(builder);
        play(&mut simulation, hold);
        let unready = *simulation.state.pods.iter().find(|(_, pod)| !pod.ready).unwrap().0;
        let decision = decide(&simulation.state, unready);
        let wanted = EvictionDecision::Granted(GrantReason::Unhealthy(BudgetId(0)));
        assert_eq!(decision == wanted, granted, "{policy:?} {number}: {decision:?}");
    }
}

#[test]
fn pods_without_scale_fail_the_sync_of_a_percentage() {
    let mut builder = Builder::new();
    builder.workers(2);
    builder.daemon_set("web", ints(0, 1), &PodWishes::default());
    builder.budget("web", BudgetTarget::MaxUnavailable(IntOrPercent::Int(1)));
    let simulation = settled(builder);
    let status = &simulation.state.budgets[&BudgetId(0)].status;
    assert!(status.sync_failed);
    assert_eq!(status.disruptions_allowed, 0);
}

#[test]
fn a_drain_goes_on_every_five_seconds() {
    // Two pods on the node, one disruption allowed; replacements take 10 s.
    let mut builder = Builder::new();
    builder.workers(2);
    let wishes = PodWishes { cpu_milli: 100, startup_seconds: 12, ..PodWishes::default() };
    builder.deployment("web", 4, ints(1, 0), &wishes);
    builder.budget("web", min_available(3));
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![NodeId(0)] });
    assert_eq!(report.outcome, StepOutcome::Completed, "{:#?}", report.events);
    assert_eq!(report.min_ready["deployment/default/web"], 3);
    let evictions = report.events.iter().filter(|(_, text)| text.contains("is evicted"));
    let times: Vec<u64> = evictions.map(|(time, _)| time.since(report.started_at).milliseconds() / 1000).collect();
    assert_eq!(times, [0, 15], "the retry after the replacement is ready");
    assert_eq!(report.targets[0].detail, "completed, evicted 2");
}

#[test]
fn a_drain_refuses_unmanaged_pods_before_it_evicts_anything() {
    let mut builder = budgeted(min_available(2));
    builder.bare_pod("lonely", Some(NodeId(0)), &PodWishes::default());
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![NodeId(0)] });
    assert_eq!(report.outcome, StepOutcome::Refused);
    assert!(report.detail.contains("default/lonely"), "{}", report.detail);
    assert_eq!(report.min_ready["deployment/default/web"], 3);
    assert!(simulation.state.nodes[&NodeId(0)].unschedulable, "the cordon stays");
    // A mirror pod is skipped, and a pod of a foreign controller is evicted and not replaced.
    let kind = simulation.state.intern("Job");
    let name = simulation.state.intern("backup");
    for owner in [Owner::Node, Owner::Other { kind, name }] {
        let mut branch = simulation.branch();
        branch.state.pods.for_each_mut(|_, pod| {
            if pod.owner == Owner::None {
                pod.owner = owner;
            }
        });
        let report = play(&mut branch, StepAction::Drain { nodes: vec![NodeId(0)] });
        assert_eq!(report.outcome, StepOutcome::Completed);
        let stays = branch.state.pods.values().any(|pod| pod.owner == owner);
        assert_eq!(stays, owner == Owner::Node);
    }
}

#[test]
fn several_nodes_drain_at_the_same_time_and_each_reports() {
    let mut simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![NodeId(0), NodeId(1)] });
    assert_eq!(report.outcome, StepOutcome::Blocked);
    let outcomes: Vec<StepOutcome> = report.targets.iter().map(|target| target.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Completed, StepOutcome::Blocked]);
    // Given up: uncordoning lets the pending pod run, and nothing is evicted any more.
    let report = play(&mut simulation, StepAction::Uncordon { node: NodeId(0) });
    assert_eq!(report.after.workloads["deployment/default/backend"].ready, 3);
    assert!(report.after.pods.iter().any(|pod| pod.node.as_deref() == Some("worker-2")));
}

#[test]
fn detection_and_eviction_of_a_dead_node_take_their_time() {
    let mut simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0)] });
    let at = |words: &str| {
        let (time, _) = report.events.iter().find(|(_, text)| text.contains(words)).unwrap();
        time.since(report.started_at).milliseconds() / 1000
    };
    assert_eq!(at("is unreachable"), 55, "the first look more than 50 s after the last heartbeat");
    assert_eq!(at("is not ready"), 55);
    assert_eq!(at("is deleted by taint eviction"), 355);
}

#[test]
fn a_short_outage_goes_unnoticed_but_restarts_containers() {
    let simulation = settled(budgeted(min_available(2)));
    let mut branch = simulation.branch();
    let report = play(&mut branch, StepAction::Wait { seconds: 1 });
    assert_eq!(report.ended_at.since(report.started_at), Duration::from_seconds(1));
    // A step runs until rest, so that a crash step would be noticed: the crash is put in by hand.
    branch.state.nodes.get_mut(&NodeId(0)).unwrap().crashed_at = Some(branch.state.now);
    let report = play(&mut branch, StepAction::RecoverNode { nodes: vec![NodeId(0)] });
    assert_eq!(report.min_ready["deployment/default/web"], 2);
    assert_eq!(report.after.workloads["deployment/default/web"].ready, 3);
    assert_eq!(report.ended_at.since(report.started_at), Duration::from_seconds(10), "containers start again");
}

/// Six nodes of one zone with one pod each.
fn six_nodes() -> Builder {
    let mut builder = Builder::new();
    builder.toleration_seconds = 5;
    builder.workers(6);
    let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    builder.deployment("web", 6, ints(0, 1), &wishes);
    builder
}

fn terminating(report: &StepReport) -> usize {
    report.after.pods.iter().filter(|pod| pod.terminating).count()
}

/// Four of six nodes die at once. The pass that taints runs beside the one that looks at nodes: real runs evicted the pods of
/// one node, of none, of none.
#[test]
fn one_node_may_be_tainted_before_its_zone_counts_as_disrupted() {
    let evicted_with = |seed: u64| {
        let settings = Settings { seed, ..Settings::default() };
        let mut simulation = Simulation::new(six_nodes().state, &settings);
        simulation.settle();
        let report = play(&mut simulation, StepAction::FailNode { nodes: (0..4).map(NodeId).collect() });
        let again = play(&mut simulation, StepAction::Wait { seconds: 600 });
        assert_eq!(terminating(&again), terminating(&report), "no other follows");
        terminating(&report)
    };
    let evicted: Vec<usize> = (0..16).map(evicted_with).collect();
    assert_eq!(evicted[0], 0, "seed 0 is the usual way");
    assert!(evicted.iter().all(|pods| *pods <= 1), "the limiter lets one through: {evicted:?}");
    assert!(evicted.contains(&1), "{evicted:?}");
    assert_eq!(evicted, (0..16).map(evicted_with).collect::<Vec<_>>(), "drawn from the seed alone");
}

#[test]
fn a_partially_disrupted_zone_evicts_nothing() {
    let nodes = |count: u32| (0..count).map(NodeId).collect::<Vec<_>>();
    // 2 of 6 are too few, 3 of 6 are under 55 %, 4 of 6 are a partial disruption, 6 of 6 are all zones down.
    for (count, evicted) in [(2, 2), (3, 3), (4, 0), (6, 0)] {
        let mut simulation = settled(six_nodes());
        let report = play(&mut simulation, StepAction::FailNode { nodes: nodes(count) });
        assert_eq!(terminating(&report), evicted, "{count} nodes");
        assert_eq!(report.after.workloads["deployment/default/web"].ready, 6 - i64::from(count));
        let tainted = simulation
            .state
            .nodes
            .values()
            .filter(|node| node.taints.iter().any(|taint| taint.effect == Effect::NoExecute));
        assert_eq!(tainted.count(), evicted, "{count} nodes");
        let report = play(&mut simulation, StepAction::RecoverNode { nodes: nodes(count) });
        assert_eq!(report.after.workloads["deployment/default/web"].ready, 6, "{count} nodes");
        assert!(simulation.state.nodes.values().all(|node| node.taints.is_empty()), "{count} nodes");
    }
}

#[test]
fn nodes_of_a_zone_are_tainted_ten_seconds_apart() {
    let mut simulation = settled(six_nodes());
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0), NodeId(1), NodeId(2)] });
    let tainted = report.events.iter().filter(|(_, text)| text.contains(":NoExecute"));
    let times: Vec<u64> = tainted.map(|(time, _)| time.since(report.started_at).milliseconds() / 1000).collect();
    assert_eq!(times, [55, 65, 75]);
}

#[test]
fn one_of_two_zones_down_is_evicted_at_the_normal_rate() {
    let mut builder = Builder::new();
    builder.toleration_seconds = 5;
    for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")] {
        builder.node(name, 4, 8, Some(zone));
    }
    builder.deployment("web", 4, ints(0, 1), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0), NodeId(1)] });
    assert_eq!(terminating(&report), 2);
    assert_eq!(report.after.workloads["deployment/default/web"].ready, 4);
}

#[test]
fn a_taint_that_is_not_tolerated_evicts_at_once() {
    let mut builder = budgeted(min_available(3));
    let key = builder.state.intern("broken");
    let mut simulation = settled(builder);
    let change = ObjectChange(Arc::new(move |state| {
        let taint = Taint { key, value: Symbol::EMPTY, effect: Effect::NoExecute, added_at: Some(state.now) };
        state.nodes.get_mut(&NodeId(0)).unwrap().taints.push(taint);
        Vec::new()
    }));
    let report = play(&mut simulation, StepAction::Apply { change });
    assert_eq!(report.min_ready["deployment/default/web"], 2, "no budget is asked");
    assert!(report.after.pods.iter().all(|pod| pod.node.as_deref() != Some("worker-1")));
}

/// A pod that names its node and does not tolerate the node's taint is made and evicted for ever.
#[test]
fn a_pod_made_for_a_node_that_evicts_it_is_a_livelock() {
    let mut builder = budgeted(min_available(0));
    let key = builder.state.intern("broken");
    let taint = Taint { key, value: Symbol::EMPTY, effect: Effect::NoExecute, added_at: None };
    builder.state.nodes.get_mut(&NodeId(0)).unwrap().taints.push(taint);
    builder.state.deployments.for_each_mut(|_, own| Arc::make_mut(&mut own.template).spec.node_name = Some(NodeId(0)));
    let mut tolerant = builder.state.clone();
    let toleration = exists(key, Effect::NoExecute, None);
    tolerant
        .deployments
        .for_each_mut(|_, own| Arc::make_mut(&mut own.template).spec.tolerations.push(toleration.clone()));
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Livelock);
    assert!(simulation.events().len() < 20_000, "the circle is found, not the limit");
    assert_eq!(Simulation::new(tolerant, &Settings::default()).settle(), StepOutcome::Completed);
}

/// The same where each pod takes its time to stop: time stands still, and no two states are equal.
#[test]
fn pods_that_are_made_without_end_at_one_moment_are_a_livelock() {
    let mut builder = Builder::new();
    builder.workers(2);
    let slow = PodWishes { shutdown_seconds: 30, startup_seconds: 5, ..PodWishes::default() };
    builder.deployment("restless", 1, ints(0, 1), &slow);
    builder.deployment("calm", 2, ints(1, 0), &slow);
    let (restless, calm) =
        (builder.name(WorkloadKind::Deployment, "restless"), builder.name(WorkloadKind::Deployment, "calm"));
    let key = builder.state.intern("broken");
    let taint = Taint { key, value: Symbol::EMPTY, effect: Effect::NoExecute, added_at: None };
    builder.state.nodes.get_mut(&NodeId(0)).unwrap().taints.push(taint);
    let rest = Simulation::new(without_deployment(&builder.state, restless), &Settings::default());
    let mut own = builder.state.deployments.find_mut(|own| own.name == restless.name).unwrap();
    Arc::make_mut(&mut own.template).spec.node_name = Some(NodeId(0));
    drop(own);
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Livelock);
    assert!(simulation.events().len() < 20_000, "{}", simulation.events().len());
    assert!(simulation.restless_workloads().contains(&restless));
    // Whose doing it is: time stands still for the other one, so that nothing can be said of it.
    assert_eq!(simulation.branch().rollout_fate(calm), RolloutFate::Undecided);
    assert_eq!(simulation.branch().rollout_fate(restless), RolloutFate::Never);
    let mut alone = rest;
    assert_eq!(alone.settle(), StepOutcome::Completed);
    assert_eq!(alone.rollout_fate(calm), RolloutFate::Completes);
}

fn without_deployment(state: &ClusterState, name: WorkloadName) -> ClusterState {
    let mut rest = state.clone();
    rest.deployments.retain(|_, own| own.name != name.name);
    rest
}

#[test]
fn a_pod_of_higher_priority_preempts() {
    let mut builder = Builder::new();
    builder.workers(1);
    let wishes = |priority, cpu_milli| PodWishes { cpu_milli, priority, shutdown_seconds: 3, ..PodWishes::default() };
    builder.deployment("low", 3, ints(0, 1), &wishes(0, 1000));
    builder.deployment("high", 0, ints(0, 1), &wishes(10, 2000));
    let workload = builder.name(WorkloadKind::Deployment, "high");
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 1 });
    assert_eq!(report.outcome, StepOutcome::Completed, "{:#?}", report.events);
    assert_eq!(report.after.workloads["deployment/default/low"].ready, 2);
    assert_eq!(report.ended_at.since(report.started_at), Duration::from_seconds(3), "the victim terminates first");
}

/// A pod preempts another, and then a pod that it is spread with begins to terminate too, so that it fits no longer: with its
/// nomination the place is free for others.
#[test]
fn a_nomination_that_ends_lets_others_in() {
    let mut builder = Builder::new();
    for (node, zone) in [("a", "zone-a"), ("b", "zone-b")] {
        builder.node(node, 2, 8, Some(zone));
    }
    let wishes = |priority, cpu_milli| PodWishes { cpu_milli, priority, shutdown_seconds: 1, ..PodWishes::default() };
    let web = builder.deployment("web", 4, ints(1, 0), &wishes(100, 500));
    builder.deployment("db", 1, ints(1, 0), &wishes(0, 1000));
    builder.deployment("cache", 1, ints(1, 0), &wishes(0, 1000));
    let constraint = SpreadConstraint {
        max_skew: 2,
        topology_key: Symbol::ZONE,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector: Some(builder.selector("web")),
        min_domains: None,
        node_affinity_policy: SpreadPolicy::Honor,
        node_taints_policy: SpreadPolicy::Ignore,
        match_label_keys: Vec::new(),
    };
    let mut own = builder.state.deployments.get_mut(&web).unwrap();
    Arc::make_mut(&mut own.template).spec.spread_constraints.push(constraint);
    drop(own);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(1)] });
    let preempted = |event: &(Time, String)| event.1.ends_with("is preempted");
    assert!(report.events.iter().any(preempted), "{:#?}", report.events);
    let ready = ["web", "db", "cache"].map(|app| report.after.workloads[&format!("deployment/default/{app}")].ready);
    assert_eq!((ready[0], ready[1] + ready[2]), (2, 1), "{:#?}", report.events);
}

#[test]
fn pods_of_the_input_stay_where_they_are() {
    let mut builder = qawave_backend(3, ints(1, 0), 300);
    let bare = builder.bare_pod("lonely", Some(NodeId(2)), &PodWishes::default());
    let simulation = settled(builder);
    let pod = &simulation.state.pods[&bare];
    assert_eq!((pod.node, pod.ready, bare), (Some(NodeId(2)), true, PodId(0)));
    assert_eq!(simulation.state.now, Time::ZERO);
    let again = settled(Builder { state: simulation.state.clone(), toleration_seconds: 300 });
    assert_eq!(again.summary(), simulation.summary());
    assert!(again.events().is_empty(), "what is at rest stays at rest: {:#?}", again.events());
}

#[test]
fn expectations_that_are_not_met_are_named() {
    let simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let mut builder = qawave_backend(3, ints(1, 0), 300);
    let workload = builder.name(WorkloadKind::Deployment, "backend");
    let mut wanted = step(StepAction::Drain { nodes: vec![NodeId(0)] });
    wanted.expected_outcome = Some(StepOutcome::Completed);
    wanted.expected_min_ready.insert(workload, 2);
    assert!(simulation.branch().play(&wanted).unexpected.is_empty());
    wanted.expected_outcome = Some(StepOutcome::Blocked);
    wanted.expected_min_ready.insert(workload, 3);
    assert_eq!(simulation.branch().play(&wanted).unexpected.len(), 2);
}
