//! Where real outages come from: two things at once.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{ObjectChange, Settings, Simulation, StepAction, StepOutcome, StepReport};

fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

/// Three pods, apart on so many nodes.
fn web(nodes: usize, strategy: (IntOrPercent, IntOrPercent), startup_seconds: u64) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(nodes);
    let wishes =
        PodWishes { cpu_milli: 100, startup_seconds, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    builder.deployment("web", 3, strategy, &wishes);
    let name = builder.name(WorkloadKind::Deployment, "web");
    (builder, name)
}

const WEB: &str = "deployment/default/web";

/// A new revision of `workload` and a node that crashes, both before anything else happens.
fn restart_and_crash(simulation: &mut Simulation, workload: WorkloadName, node: NodeId) -> StepReport {
    let change = ObjectChange(Arc::new(move |state: &mut ClusterState| {
        let now = state.now;
        state.nodes.get_mut(&node).unwrap().crashed_at = Some(now);
        let content = state.intern("another");
        let mut own = state.deployments.find_mut(|own| own.name == workload.name).unwrap();
        Arc::make_mut(&mut own.template).content = content;
        Vec::new()
    }));
    play(simulation, StepAction::Apply { change })
}

#[test]
fn a_node_lost_during_a_rollout_stops_it_where_no_node_is_spare() {
    // Five nodes: the lost one counts as missing, and there is one more for the surge pod.
    for (nodes, outcome) in [(5, StepOutcome::Completed), (4, StepOutcome::Stuck)] {
        let (builder, workload) = web(nodes, ints(1, 0), 5);
        let mut simulation = settled(builder);
        let node = simulation.state.pods.values().next().unwrap().node.unwrap();
        let report = restart_and_crash(&mut simulation, workload, node);
        assert_eq!(report.outcome, outcome, "{nodes} nodes: {:#?}", report.events);
        assert_eq!(report.after.workloads[WEB].ready, 3);
        // The oldest goes first, the lost one: it is replaced before anybody notices.
        assert_eq!(report.min_ready[WEB], 3, "{nodes} nodes: {:#?}", report.events);
    }
}

#[test]
fn a_node_lost_during_a_drain_ends_it_blocked() {
    let (mut builder, _) = web(4, ints(1, 0), 0);
    builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(2)));
    let mut simulation = settled(builder);
    let nodes: Vec<NodeId> = simulation.state.pods.values().map(|pod| pod.node.unwrap()).collect();
    // One node is lost, and while that costs a pod the budget allows no other.
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![nodes[0]] });
    assert_eq!(report.min_ready[WEB], 2);
    let spare = simulation.state.pods.values().filter(|pod| pod.ready).count();
    assert_eq!(spare, 3, "the fourth node took the lost pod");
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![nodes[1]] });
    assert_eq!(report.outcome, StepOutcome::Completed, "one may go");
    assert_eq!(report.after.workloads[WEB].ready, 2, "and finds no other node");
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![nodes[2]] });
    assert_eq!(report.outcome, StepOutcome::Blocked);
    // A drain of the dead node itself waits for a pod that nobody ends.
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![nodes[0]] });
    assert_eq!(report.outcome, StepOutcome::Blocked);
    assert!(report.detail.contains("cannot end on a node that is down"), "{}", report.detail);
}

#[test]
fn a_lost_ordinal_holds_up_all_later_ones_until_its_node_is_deleted() {
    let mut builder = Builder::new();
    builder.workers(4);
    let rolling = StatefulSetStrategy::RollingUpdate { partition: 0 };
    let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    builder.stateful_set("db", 3, PodManagementPolicy::OrderedReady, rolling, &wishes);
    let workload = builder.name(WorkloadKind::StatefulSet, "db");
    let mut simulation = settled(builder);
    let lost = simulation.state.pods.values().next().unwrap().node.unwrap();
    let second = simulation.state.pods.values().nth(1).unwrap().node.unwrap();
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![lost] });
    assert_eq!(report.after.workloads["statefulset/default/db"].ready, 2);
    // db-1 is evicted and does not come back before db-0.
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![second] });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.after.workloads["statefulset/default/db"].ready, 1);
    let report = play(&mut simulation, StepAction::Scale { workload, replicas: 4 });
    assert_eq!((report.outcome, report.after.workloads["statefulset/default/db"].ready), (StepOutcome::Stuck, 1));
    let report = play(&mut simulation, StepAction::DeleteNode { nodes: vec![lost] });
    // Two nodes that may be used are left for four pods that want to be apart.
    assert_eq!(report.after.workloads["statefulset/default/db"].ready, 2, "{:#?}", report.events);
}

#[test]
fn pods_that_tolerate_everything_land_on_the_dead_node() {
    let mut builder = Builder::new();
    builder.workers(2);
    let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    let id = builder.deployment("agent", 1, ints(1, 0), &wishes);
    let everything =
        Toleration { key: None, operator: TolerationOperator::Exists, effect: None, toleration_seconds: None };
    builder.state.deployments.change(&id, |own| {
        Arc::make_mut(&mut own.template).spec.tolerations = vec![everything];
    });
    let workload = builder.name(WorkloadKind::Deployment, "agent");
    let mut simulation = settled(builder);
    let used = simulation.state.pods.values().next().unwrap().node.unwrap();
    let other = simulation.state.nodes.keys().copied().find(|id| *id != used).unwrap();
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![other] });
    assert_eq!(report.after.workloads["deployment/default/agent"].ready, 1);
    // The surge pod has nowhere else to go, and is never started there.
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck);
    let waits = |pod: &Pod| pod.node == Some(other) && pod.phase == Phase::Pending && pod.deletion.is_none();
    assert!(simulation.state.pods.values().any(waits), "{:#?}", report.after.pods);
    assert_eq!(report.after.workloads["deployment/default/agent"].ready, 1, "the old one goes on");
}

#[test]
fn a_workload_of_higher_priority_displaces_others_in_a_full_cluster_budget_or_not() {
    let mut builder = Builder::new();
    builder.workers(2);
    let wishes = PodWishes { cpu_milli: 2000, ..PodWishes::default() };
    builder.deployment("low", 4, ints(1, 0), &wishes);
    builder.budget("low", BudgetTarget::MinAvailable(IntOrPercent::Int(4)));
    let mut simulation = settled(builder);
    assert_eq!(simulation.summary().workloads["deployment/default/low"].ready, 4);
    let mut other = Builder { state: simulation.state.clone(), toleration_seconds: 300 };
    let urgent = PodWishes { cpu_milli: 2000, priority: 1000, ..PodWishes::default() };
    other.deployment("high", 2, ints(1, 0), &urgent);
    let (names, new) = (Arc::clone(&other.state.names), other.state.deployments[&DeploymentId(1)].clone());
    let change = ObjectChange(Arc::new(move |state: &mut ClusterState| {
        state.names = Arc::clone(&names);
        state.deployments.insert(DeploymentId(1), new.clone());
        Vec::new()
    }));
    let report = play(&mut simulation, StepAction::Apply { change });
    assert_eq!(report.outcome, StepOutcome::Completed, "{:#?}", report.events);
    assert_eq!(report.after.workloads["deployment/default/high"].ready, 2);
    assert_eq!(report.min_ready["deployment/default/low"], 2, "preemption does not ask the budget");
    assert_eq!(report.after.pdbs["default/low"].disruptions_allowed, 0);
}
