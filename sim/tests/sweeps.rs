//! What-ifs from one state at rest: failures, drains, rollouts.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use cluster_builder::{Builder, PodWishes, ints, qawave_backend};
use quorate_sim::cluster::{BudgetTarget, IntOrPercent, PodManagementPolicy, StatefulSetStrategy, Symbol};
use quorate_sim::failure::{
    BlockReason, DrainSearchLimits, FailureScope, find_exhausting_drains, sweep, sweep_drains, sweep_rollouts,
};
use quorate_sim::simulation::{Settings, Simulation, StepOutcome};

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

#[test]
fn a_lost_node_leaves_a_pod_pending_and_the_budget_whole() {
    let simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let sweep = sweep(&simulation, FailureScope::Nodes, 1);
    assert_eq!(sweep.impacts.len(), 4);
    assert!(sweep.before.pending.is_empty());
    for impact in &sweep.impacts[..3] {
        assert!(impact.instant.budgets_below.is_empty());
        assert!(impact.instant.pending.is_empty());
        assert_eq!(impact.recovered.pending.len(), 1);
        assert!(impact.recovered.pending[0].reason.starts_with("0/4 nodes are available"));
        assert_eq!(impact.min_ready["deployment/default/backend"], 2);
    }
    assert!(sweep.impacts[3].recovered.pending.is_empty(), "the control plane carries no backend");
}

#[test]
fn two_lost_nodes_break_the_budget() {
    let simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let sweep = sweep(&simulation, FailureScope::Nodes, 2);
    assert_eq!(sweep.impacts.len(), 6);
    let broken = sweep.impacts.iter().filter(|impact| !impact.instant.budgets_below.is_empty()).count();
    assert_eq!(broken, 3, "every pair of workers");
    let first = &sweep.impacts[0].instant.budgets_below[0];
    assert_eq!((first.current_healthy, first.desired_healthy), (1, 2));
}

#[test]
fn a_zone_fails_as_a_whole() {
    let mut builder = Builder::new();
    for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")] {
        builder.node(name, 4, 8, Some(zone));
    }
    let wishes = PodWishes { cpu_milli: 500, ..PodWishes::default() };
    builder.deployment("web", 4, ints(1, 0), &wishes);
    let simulation = settled(builder);
    let sweep = sweep(&simulation, FailureScope::Domains(Symbol::ZONE), 1);
    assert_eq!(sweep.impacts.len(), 2);
    for impact in &sweep.impacts {
        assert_eq!(impact.nodes.len(), 2);
        assert_eq!(impact.min_ready["deployment/default/web"], 2);
        assert!(impact.recovered.pending.is_empty(), "the other zone has room");
    }
}

#[test]
fn each_drain_completes_and_the_second_in_a_row_blocks() {
    let simulation = settled(qawave_backend(3, ints(1, 0), 300));
    let drains = sweep_drains(&simulation);
    assert!(drains.iter().all(|drain| drain.outcome == StepOutcome::Completed));
    let found = find_exhausting_drains(&simulation, &DrainSearchLimits::default());
    let sequence = found.drains.unwrap();
    assert_eq!(sequence.len(), 2);
    assert_eq!(sequence[0].outcome, StepOutcome::Completed);
    assert_eq!(sequence[1].outcome, StepOutcome::Blocked);
    let BlockReason::Budget(budget) = &sequence[1].blocked[0].reason else { panic!("a budget blocks") };
    assert_eq!(budget.name, "default/backend");
    assert_eq!((budget.current_healthy, budget.desired_healthy, budget.disruptions_allowed), (2, 2, 0));
    assert!(!sequence[1].events.is_empty() || !sequence[0].events.is_empty());
}

#[test]
fn with_a_spare_worker_no_two_drains_block() {
    let simulation = settled(qawave_backend(4, ints(1, 0), 300));
    let two = find_exhausting_drains(&simulation, &DrainSearchLimits::default());
    assert!(two.drains.is_none() && two.complete);
    let limits = DrainSearchLimits { longest: 3, ..DrainSearchLimits::default() };
    let three = find_exhausting_drains(&simulation, &limits);
    assert_eq!(three.drains.map(|drains| drains.len()), Some(3));
}

#[test]
fn a_budget_that_allows_nothing_blocks_the_first_drain() {
    let mut builder = qawave_backend(3, ints(1, 0), 300);
    builder.state.budgets.for_each_mut(|_, own| own.target = BudgetTarget::MaxUnavailable(IntOrPercent::Int(0)));
    let drains = sweep_drains(&settled(builder));
    let blocked: Vec<bool> = drains.iter().map(|drain| drain.outcome == StepOutcome::Blocked).collect();
    assert_eq!(blocked, [true, true, true, false]);
    assert_eq!(drains[0].evicted, 0);
}

#[test]
fn rollouts_that_deadlock_are_named_with_their_pending_pod() {
    let stuck = sweep_rollouts(&settled(qawave_backend(3, ints(1, 0), 300)));
    assert_eq!(stuck.len(), 1);
    assert_eq!(stuck[0].outcome, StepOutcome::Stuck);
    assert_eq!(stuck[0].pending.len(), 1);
    assert_eq!(stuck[0].min_ready["deployment/default/backend"], 3);
    let reported = stuck[0].events.iter().any(|(_, text)| text.contains("ProgressDeadlineExceeded"));
    assert!(reported, "{:#?}", stuck[0].events);
    let mended = sweep_rollouts(&settled(qawave_backend(3, ints(0, 1), 300)));
    assert_eq!(mended[0].outcome, StepOutcome::Completed);
    assert_eq!(mended[0].min_ready["deployment/default/backend"], 2);
}

/// 30 nodes, 60 workloads: the size that must stay quick.
fn large() -> Builder {
    let mut builder = Builder::new();
    for number in 0..30 {
        builder.node(&format!("node-{number}"), 8, 32, Some(["a", "b", "c"][number % 3]));
    }
    let small = PodWishes { cpu_milli: 250, memory_mebibytes: 512, startup_seconds: 5, ..PodWishes::default() };
    for number in 0..45 {
        let apart_on = (number % 3 == 0).then_some(Symbol::HOSTNAME);
        let name = format!("app-{number}");
        let wishes = PodWishes { apart_on, ..small.clone() };
        builder.deployment(&name, 2 + number % 5, ints(1, 0), &wishes);
        builder.budget(&name, BudgetTarget::MaxUnavailable(IntOrPercent::Int(1)));
    }
    for number in 0..10 {
        let name = format!("store-{number}");
        let strategy = StatefulSetStrategy::RollingUpdate { partition: 0 };
        let wishes = PodWishes { apart_on: Some(Symbol::HOSTNAME), ..small.clone() };
        builder.stateful_set(&name, 3, PodManagementPolicy::OrderedReady, strategy, &wishes);
        builder.budget(&name, BudgetTarget::MinAvailable(IntOrPercent::Int(2)));
    }
    for number in 0..5 {
        builder.daemon_set(&format!("agent-{number}"), ints(0, 1), &PodWishes { cpu_milli: 100, ..small.clone() });
    }
    builder
}

#[test]
fn a_large_cluster_is_swept() {
    let simulation = settled(large());
    let failures = sweep(&simulation, FailureScope::Nodes, 1);
    assert_eq!(failures.impacts.len(), 30);
    let drains = sweep_drains(&simulation);
    assert!(drains.iter().all(|drain| drain.outcome == StepOutcome::Completed));
    let rollouts = sweep_rollouts(&simulation);
    assert_eq!(rollouts.len(), 60);
    assert!(rollouts.iter().all(|rollout| rollout.outcome == StepOutcome::Completed));
    let sequence = find_exhausting_drains(&simulation, &DrainSearchLimits::default());
    assert!(sequence.complete);
}
