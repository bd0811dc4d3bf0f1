//! Rollouts and scaling of Deployments, StatefulSets and DaemonSets.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::{
    DeploymentId, DeploymentStrategy, Duration, IntOrPercent, NodeId, PodManagementPolicy, PodName,
    StatefulSetStrategy, Symbol, WorkloadKind, WorkloadName,
};
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome, StepReport, WorkloadSummary};

const ROLLING: StatefulSetStrategy = StatefulSetStrategy::RollingUpdate { partition: 0 };

fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

fn numbers(desired: i64, replicas: i64, updated: i64, ready: i64, available: i64) -> WorkloadSummary {
    WorkloadSummary { desired, replicas, updated, ready, available }
}

/// A Deployment `web` on three nodes whose pods take `startup_seconds` to become ready.
fn web(replicas: i64, strategy: (IntOrPercent, IntOrPercent), startup_seconds: u64) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(3);
    let wishes = PodWishes { cpu_milli: 100, startup_seconds, ..PodWishes::default() };
    builder.deployment("web", replicas, strategy, &wishes);
    let name = builder.name(WorkloadKind::Deployment, "web");
    (builder, name)
}

#[test]
fn a_rolling_update_stays_within_its_percentages() {
    // 25 % of 10: surge rounds up to 3, unavailable down to 2.
    let (builder, workload) = web(10, (IntOrPercent::Percent(25), IntOrPercent::Percent(25)), 10);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.min_ready["deployment/default/web"], 8);
    assert_eq!(report.after.workloads["deployment/default/web"], numbers(10, 10, 10, 10, 10));
    let sizes: Vec<&String> =
        report.events.iter().map(|(_, text)| text).filter(|text| text.contains("scaled")).collect();
    assert!(report.events.iter().any(|(_, text)| text.contains("with 3 replica(s)")), "{:#?}", report.events);
    assert!(sizes[0].ends_with("scaled from 10 to 8"), "{sizes:#?}");
}

#[test]
fn min_ready_seconds_hold_a_rollout_back() {
    let (mut builder, workload) = web(2, ints(1, 0), 0);
    builder.state.deployments.get_mut(&DeploymentId(0)).unwrap().min_ready_seconds = 30;
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed);
    let took = report.ended_at.since(report.started_at);
    assert_eq!(took, Duration::from_seconds(60), "{:#?}", report.events);
}

#[test]
fn recreate_stops_every_old_pod_first() {
    let (mut builder, workload) = web(3, ints(1, 0), 5);
    builder.state.deployments.change(&DeploymentId(0), |own| own.strategy = DeploymentStrategy::Recreate);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.min_ready["deployment/default/web"], 0);
}

#[test]
fn recreate_waits_for_a_pod_that_terminates_on_a_dead_node() {
    let (mut builder, workload) = web(3, ints(1, 0), 0);
    builder.state.deployments.get_mut(&DeploymentId(0)).unwrap().strategy = DeploymentStrategy::Recreate;
    let mut simulation = settled(builder);
    play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0)] });
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    assert_eq!(report.after.workloads["deployment/default/web"].replicas, 0);
}

#[test]
fn scaling_in_a_stuck_rollout_is_shared_out_in_proportion() {
    // 10 replicas, surge 3, unavailable 2, new pods never ready: 8 old and 5 new. Documented example of Kubernetes:
    // scaled to 15, the five more go 3 to the old and 2 to the new ReplicaSet.
    let (builder, workload) = web(10, ints(3, 2), 0);
    let mut simulation = settled(builder);
    simulation.state.nodes.for_each_mut(|_, node| node.allocatable_pods = 0);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    assert_eq!(report.after.workloads["deployment/default/web"], numbers(10, 13, 5, 8, 8));
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 15 });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    let after = report.after.workloads["deployment/default/web"];
    assert_eq!((after.replicas, after.updated), (18, 7), "{:#?}", report.events);
}

#[test]
fn a_rollout_back_uses_the_old_replica_set_again() {
    let (mut builder, workload) = web(2, ints(1, 0), 0);
    let (container, first, second) =
        (builder.state.intern("a"), builder.state.intern("x:1"), builder.state.intern("x:2"));
    let mut simulation = settled(builder);
    for image in [first, second, first] {
        let report = play(&mut simulation, StepAction::SetImage { workload, container, image });
        assert_eq!(report.outcome, StepOutcome::Completed);
    }
    assert_eq!(simulation.state.replica_sets.len(), 3);
}

#[test]
fn scaling_down_deletes_pending_pods_first_and_spreads_the_rest() {
    let (builder, workload) = web(6, ints(1, 0), 0);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert_eq!(report.outcome, StepOutcome::Completed);
    let mut nodes: Vec<_> = report.after.pods.iter().map(|pod| pod.node.clone()).collect();
    nodes.dedup();
    assert_eq!(nodes.len(), 3, "one pod is left on each node");
}

fn stateful(
    replicas: i64,
    policy: PodManagementPolicy,
    strategy: StatefulSetStrategy,
    startup_seconds: u64,
) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(3);
    let wishes = PodWishes { cpu_milli: 100, startup_seconds, shutdown_seconds: 2, ..PodWishes::default() };
    builder.stateful_set("db", replicas, policy, strategy, &wishes);
    let name = builder.name(WorkloadKind::StatefulSet, "db");
    (builder, name)
}

/// The moments at which pods of the set were created or deleted by its controller, with their names.
fn of_controller(report: &StepReport, words: &str) -> Vec<(u64, String)> {
    let events = report.events.iter().filter(|(_, text)| text.contains(words));
    events
        .map(|(time, text)| {
            let pod = text.split_whitespace().find(|word| word.starts_with("default/")).unwrap();
            (time.milliseconds() / 1000, pod.trim_start_matches("default/").to_owned())
        })
        .collect()
}

#[test]
fn ordered_ready_sets_start_one_after_the_other_and_update_backwards() {
    let (builder, workload) = stateful(3, PodManagementPolicy::OrderedReady, ROLLING, 10);
    let mut simulation = settled(builder);
    let created: Vec<u64> = simulation.state.pods.values().map(|pod| pod.created_at.milliseconds() / 1000).collect();
    assert_eq!(created, [0, 10, 20]);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.min_ready["statefulset/default/db"], 2);
    let deleted: Vec<String> =
        of_controller(&report, "is deleted by its controller").into_iter().map(|(_, pod)| pod).collect();
    assert_eq!(deleted, ["db-2", "db-1", "db-0"]);
    let set = simulation.state.stateful_sets.values().next().unwrap();
    assert_eq!(set.template, set.current_template);
}

#[test]
fn parallel_sets_start_at_once_but_update_one_by_one() {
    let (builder, workload) = stateful(3, PodManagementPolicy::Parallel, ROLLING, 10);
    let mut simulation = settled(builder);
    assert!(simulation.state.pods.values().all(|pod| pod.created_at.milliseconds() == 0));
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.min_ready["statefulset/default/db"], 2);
    assert_eq!(report.outcome, StepOutcome::Completed);
}

#[test]
fn a_partition_and_on_delete_keep_the_old_revision() {
    let strategy = StatefulSetStrategy::RollingUpdate { partition: 2 };
    let (builder, workload) = stateful(3, PodManagementPolicy::OrderedReady, strategy, 0);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.after.workloads["statefulset/default/db"].updated, 1);
    // A pod below the partition comes back with the current revision.
    let report = play(&mut simulation, StepAction::DeletePod { namespace: Symbol::DEFAULT, name: "db-0".to_owned() });
    assert_eq!(report.after.workloads["statefulset/default/db"], numbers(3, 3, 1, 3, 3));

    let (builder, workload) = stateful(2, PodManagementPolicy::OrderedReady, StatefulSetStrategy::OnDelete, 0);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.after.workloads["statefulset/default/db"].updated, 0);
    let report = play(&mut simulation, StepAction::DeletePod { namespace: Symbol::DEFAULT, name: "db-0".to_owned() });
    assert_eq!(report.after.workloads["statefulset/default/db"].updated, 1);
}

/// The known stuck rollout: a broken revision of an OrderedReady set stays even when the template is reverted.
#[test]
fn reverting_a_broken_revision_helps_parallel_sets_only() {
    for (policy, outcome) in [
        (PodManagementPolicy::OrderedReady, StepOutcome::Stuck),
        (PodManagementPolicy::Parallel, StepOutcome::Completed),
    ] {
        let (mut builder, workload) = stateful(3, policy, ROLLING, 0);
        let (container, good, broken) =
            (builder.state.intern("a"), builder.state.intern("db:1"), builder.state.intern("db:broken"));
        let mut simulation = settled(builder);
        let image = |image| StepAction::SetImage { workload, container, image };
        assert_eq!(play(&mut simulation, image(good)).outcome, StepOutcome::Completed);
        // The broken revision never becomes ready: first it finds no node, then it is held unready.
        simulation.state.nodes.for_each_mut(|_, node| node.allocatable_pods = 0);
        assert_eq!(play(&mut simulation, image(broken)).outcome, StepOutcome::Stuck);
        simulation.state.nodes.for_each_mut(|_, node| node.allocatable_pods = 110);
        simulation.state.pods.for_each_mut(|_, pod| pod.held_unready |= pod.node.is_none());
        let report = play(&mut simulation, image(good));
        assert_eq!(report.outcome, outcome, "{policy:?} {:#?}", report.events);
    }
}

#[test]
fn a_stateful_set_does_not_replace_a_pod_of_a_dead_node() {
    let (builder, _) = stateful(3, PodManagementPolicy::Parallel, ROLLING, 0);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0)] });
    let after = report.after.workloads["statefulset/default/db"];
    // `status.replicas` counts the terminating pod.
    assert_eq!((after.replicas, after.ready), (3, 2));
    // Deleting the Node object lets pod garbage collection remove the pod, and the set makes it anew.
    let report = play(&mut simulation, StepAction::DeleteNode { nodes: vec![NodeId(0)] });
    let took = report.ended_at.since(report.started_at).milliseconds();
    assert!((40_000..=60_000).contains(&took), "{took} ms");
    assert_eq!(report.after.workloads["statefulset/default/db"], numbers(3, 3, 3, 3, 3));
    let names = simulation.state.pods.values().map(|pod| simulation.state.pod_name(pod));
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    assert!(simulation.state.pods.values().all(|pod| matches!(pod.name, PodName::Given(_))));
}

#[test]
fn scaling_a_stateful_set_down_deletes_the_highest_ordinals() {
    let (builder, workload) = stateful(4, PodManagementPolicy::OrderedReady, ROLLING, 0);
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 2 });
    assert_eq!(report.outcome, StepOutcome::Completed);
    let deleted = of_controller(&report, "is deleted by its controller");
    let start = report.started_at.milliseconds() / 1000;
    assert_eq!(deleted, [(start, "db-3".to_owned()), (start + 2, "db-2".to_owned())]);
}

fn agents(strategy: (IntOrPercent, IntOrPercent)) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(4);
    builder.control_plane();
    let wishes = PodWishes { cpu_milli: 100, startup_seconds: 10, ..PodWishes::default() };
    builder.daemon_set("agent", strategy, &wishes);
    let name = builder.name(WorkloadKind::DaemonSet, "agent");
    (builder, name)
}

#[test]
fn a_daemon_set_runs_on_eligible_nodes_and_updates_within_its_bounds() {
    for (strategy, lowest, seconds) in [(ints(0, 1), 3, 40), (ints(0, 2), 2, 20), (ints(1, 0), 4, 40)] {
        let (builder, workload) = agents(strategy);
        let mut simulation = settled(builder);
        assert_eq!(simulation.state.pods.len(), 4, "none on the tainted control plane");
        let report = play(&mut simulation, StepAction::Restart { workload });
        assert_eq!(report.outcome, StepOutcome::Completed);
        assert_eq!(report.min_ready["daemonset/default/agent"], lowest, "{strategy:?} {:#?}", report.events);
        let took = report.ended_at.since(report.started_at);
        assert_eq!(took, Duration::from_seconds(seconds), "{strategy:?}");
    }
}

#[test]
fn a_dead_node_uses_up_what_may_be_unavailable() {
    let (builder, workload) = agents(ints(0, 1));
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![NodeId(0)] });
    let after = report.after.workloads["daemonset/default/agent"];
    assert_eq!(
        (after.desired, after.replicas, after.ready),
        (3, 3, 3),
        "currentNumberScheduled leaves the dead node out"
    );
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck, "{:#?}", report.events);
}

#[test]
fn a_cordoned_node_keeps_its_daemon_pod() {
    let (builder, _) = agents(ints(0, 1));
    let mut simulation = settled(builder);
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![NodeId(0)] });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.after.workloads["daemonset/default/agent"], numbers(4, 4, 4, 4, 4));
}
