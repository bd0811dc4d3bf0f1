//! Everything that can happen: what the search finds, and that what it leaves out changes no answer.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::collections::BTreeMap;

use cluster_builder::{Builder, PodWishes, ints, step};
use proptest::prelude::*;
use quorate_sim::cluster::{
    BudgetTarget, Effect, IntOrPercent, Labels, NodeId, PodManagementPolicy, StatefulSetStrategy, Symbol, Taint,
    WorkloadKind, WorkloadName,
};
use quorate_sim::explore::{Exploration, Likelihood, SearchLimits, explore};
use quorate_sim::simulation::{
    EvictionTarget, PodSelection, Settings, Simulation, Step, StepAction, StepOutcome, simulate,
};

const WEB: &str = "deployment/default/web";

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

fn outcomes(exploration: &Exploration, step: usize) -> BTreeMap<StepOutcome, Option<Likelihood>> {
    let outcomes = exploration.steps[step].outcomes.iter();
    outcomes.map(|(outcome, explored)| (*outcome, explored.likelihood)).collect()
}

/// A Deployment on as many nodes, all of it covered by a budget.
fn web(nodes: usize, replicas: i64, min_available: i64, wishes: &PodWishes) -> (Builder, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(nodes);
    builder.deployment("web", replicas, ints(1, 0), wishes);
    builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(min_available)));
    let name = builder.name(WorkloadKind::Deployment, "web");
    (builder, name)
}

fn evict_all(builder: &mut Builder) -> StepAction {
    let selector = builder.selector("web");
    let selection = PodSelection { namespace: Symbol::DEFAULT, selector, node: None, limit: None };
    StepAction::Evict { target: EvictionTarget::Pods(selection) }
}

#[test]
fn evictions_race_with_the_pods_that_replace_them() {
    // Pods are ready at once: the second eviction finds a new pod ready, or not yet.
    let (mut builder, _) = web(3, 2, 1, &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    let evict = evict_all(&mut builder);
    let exploration = explore(&settled(builder), &[step(evict)], &SearchLimits::default());
    let found = outcomes(&exploration, 0);
    assert_eq!(found[&StepOutcome::Allowed], Some(Likelihood::Sometimes));
    assert_eq!(found[&StepOutcome::Denied429], Some(Likelihood::Sometimes));
    assert_eq!(found[&StepOutcome::Denied500], Some(Likelihood::Never));
    let explored = &exploration.steps[0];
    assert!(explored.complete);
    assert_eq!(explored.min_ready[WEB].worst, 1);
    for outcome in [StepOutcome::Allowed, StepOutcome::Denied429] {
        let way = &explored.outcomes[&outcome];
        assert!(way.decision.is_some(), "something decides between the two");
        assert!(!way.trace.is_empty());
    }
    // To be allowed takes a whole replacement between the two calls.
    let events = &explored.outcomes[&StepOutcome::Allowed].trace;
    let position = |text: &str| events.iter().position(|event| event.event.contains(text)).unwrap();
    assert!(position("is ready") < events.iter().rposition(|event| event.event.contains("evict")).unwrap());
}

#[test]
fn what_cannot_race_is_always_so() {
    let slow = PodWishes { cpu_milli: 100, startup_seconds: 10, ..PodWishes::default() };
    let (mut builder, _) = web(3, 2, 1, &slow);
    let evict = evict_all(&mut builder);
    let exploration = explore(&settled(builder), &[step(evict)], &SearchLimits::default());
    assert_eq!(outcomes(&exploration, 0)[&StepOutcome::Denied429], Some(Likelihood::Always));
    assert_eq!(outcomes(&exploration, 0)[&StepOutcome::Allowed], Some(Likelihood::Never));
}

#[test]
fn a_search_that_ends_early_calls_nothing_never_or_always() {
    let (builder, workload) = web(4, 3, 2, &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    let steps = [step(StepAction::Restart { workload })];
    let exploration = explore(&settled(builder), &steps, &SearchLimits { states: 4, ..SearchLimits::default() });
    assert!(!exploration.steps[0].complete);
    for explored in exploration.steps[0].outcomes.values() {
        assert!(matches!(explored.likelihood, None | Some(Likelihood::Sometimes)));
    }
}

#[test]
fn a_tie_of_the_scheduler_decides_what_a_later_step_meets() {
    // Two pods on three nodes; the node that is drained later holds one of them, or none.
    let mut builder = Builder::new();
    builder.workers(3);
    builder.deployment("web", 1, ints(1, 0), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(1)));
    let workload = builder.name(WorkloadKind::Deployment, "web");
    let simulation = settled(builder);
    let held = simulation.state.pods.values().next().unwrap().node.unwrap();
    let other = NodeId(if held == NodeId(0) { 1 } else { 0 });
    let steps = [step(StepAction::Restart { workload }), step(StepAction::Drain { nodes: vec![other] })];
    let exploration = explore(&simulation, &steps, &SearchLimits::default());
    assert_eq!(outcomes(&exploration, 0)[&StepOutcome::Completed], Some(Likelihood::Always));
    let drained = outcomes(&exploration, 1);
    assert_eq!(drained[&StepOutcome::Completed], Some(Likelihood::Sometimes), "it holds no pod");
    assert_eq!(drained[&StepOutcome::Blocked], Some(Likelihood::Sometimes), "it holds the only one");
    // The way there goes through both steps.
    let trace = &exploration.steps[1].outcomes[&StepOutcome::Blocked].trace;
    assert_eq!(trace.iter().map(|event| event.step).max(), Some(1));
    assert_eq!(trace.iter().map(|event| event.step).min(), Some(0));
    assert!(trace.iter().any(|event| event.ways > 1));
}

#[test]
fn a_pod_that_is_made_and_evicted_for_ever_is_a_livelock() {
    let mut builder = Builder::new();
    let nodes = builder.workers(2);
    builder.deployment("web", 1, ints(1, 0), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    builder.state.deployments.for_each_mut(|_, own| {
        std::sync::Arc::make_mut(&mut own.template).spec.node_name = Some(nodes[0]);
    });
    let key = builder.state.intern("dedicated");
    let simulation = settled(builder);
    let taint = Taint { key, value: Symbol::EMPTY, effect: Effect::NoExecute, added_at: None };
    let node = nodes[0];
    let change = quorate_sim::simulation::ObjectChange(std::sync::Arc::new(move |state| {
        state.nodes.get_mut(&node).unwrap().taints.push(taint);
        Vec::new()
    }));
    let exploration = explore(&simulation, &[step(StepAction::Apply { change })], &SearchLimits::default());
    assert_eq!(outcomes(&exploration, 0)[&StepOutcome::Livelock], Some(Likelihood::Always));
    assert!(!exploration.steps[0].outcomes[&StepOutcome::Livelock].trace.is_empty());
}

#[test]
fn equal_nodes_are_not_told_apart() {
    let count = |named: bool| {
        let mut builder = Builder::new();
        builder.workers(6);
        builder.deployment("web", 2, ints(1, 0), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
        if named {
            // A label of its own makes each node another one.
            builder.state.nodes.for_each_mut(|id, node| {
                let mut labels = node.labels.iter().collect::<Vec<_>>();
                labels.push((Symbol::ZONE, [Symbol::EMPTY, Symbol::DEFAULT, Symbol::REGION][id.0 as usize % 3]));
                node.labels = Labels::from_iter(labels);
            });
        }
        let workload = builder.name(WorkloadKind::Deployment, "web");
        let exploration =
            explore(&settled(builder), &[step(StepAction::Restart { workload })], &SearchLimits::default());
        assert!(exploration.steps[0].complete);
        exploration.steps[0].states
    };
    assert!(count(false) < count(true), "{} {}", count(false), count(true));
}

/// A small cluster and what is done with it.
#[derive(Clone, Debug)]
struct Case {
    nodes: usize,
    workloads: Vec<(i64, i64, bool, u64, i64)>,
    stateful: Option<(i64, bool)>,
    actions: Vec<(u8, u8)>,
}

fn case() -> impl Strategy<Value = Case> {
    let workload = (1..3_i64, 100..2500_i64, any::<bool>(), prop::sample::select(vec![0_u64, 7]), 0..3_i64);
    let stateful = prop::option::of((1..3_i64, any::<bool>()));
    let actions = prop::collection::vec((0..7_u8, any::<u8>()), 1..3);
    (2..4_usize, prop::collection::vec(workload, 1..3), stateful, actions)
        .prop_map(|(nodes, workloads, stateful, actions)| Case { nodes, workloads, stateful, actions })
}

fn build(case: &Case) -> (Builder, Vec<Step>) {
    let mut builder = Builder::new();
    builder.workers(case.nodes);
    let mut names = Vec::new();
    for (number, (replicas, cpu_milli, apart, seconds, min_available)) in case.workloads.iter().enumerate() {
        let app = format!("app-{number}");
        let wishes = PodWishes {
            cpu_milli: *cpu_milli,
            apart_on: apart.then_some(Symbol::HOSTNAME),
            startup_seconds: *seconds,
            shutdown_seconds: seconds / 2,
            priority: (number % 2) as i32,
            ..PodWishes::default()
        };
        builder.deployment(&app, *replicas, ints(1, 0), &wishes);
        builder.budget(&app, BudgetTarget::MinAvailable(IntOrPercent::Int(*min_available)));
        names.push(builder.name(WorkloadKind::Deployment, &app));
    }
    if let Some((replicas, parallel)) = case.stateful {
        let policy = if parallel { PodManagementPolicy::Parallel } else { PodManagementPolicy::OrderedReady };
        let strategy = StatefulSetStrategy::RollingUpdate { partition: 0 };
        builder.stateful_set("db", replicas, policy, strategy, &PodWishes { cpu_milli: 300, ..PodWishes::default() });
        names.push(builder.name(WorkloadKind::StatefulSet, "db"));
    }
    let actions = case.actions.iter().map(|(kind, which)| {
        let node = NodeId(u32::from(*which) % case.nodes as u32);
        let workload = names[usize::from(*which) % names.len()];
        step(match kind {
            0 => StepAction::Restart { workload },
            1 => StepAction::Scale { workload, replicas: i64::from(which % 4) },
            2 | 3 => StepAction::Drain { nodes: vec![node] },
            4 => StepAction::Uncordon { node },
            5 => StepAction::FailNode { nodes: vec![node] },
            _ => StepAction::RecoverNode { nodes: vec![node] },
        })
    });
    let steps = actions.collect();
    (builder, steps)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// What the search leaves out as making no difference makes none.
    #[test]
    fn orders_that_are_left_out_change_no_answer(case in case()) {
        let (builder, steps) = build(&case);
        let mut simulation = Simulation::new(builder.state, &Settings::default());
        prop_assume!(simulation.settle() == StepOutcome::Completed);
        let every = SearchLimits { states: 4000, every_order: true };
        let all = explore(&simulation, &steps, &every);
        prop_assume!(all.steps.iter().all(|step| step.complete));
        let few = explore(&simulation, &steps, &SearchLimits { states: 4000, every_order: false });
        for (index, (few, all)) in few.steps.iter().zip(&all.steps).enumerate() {
            prop_assert!(few.complete);
            prop_assert!(few.states <= all.states);
            prop_assert_eq!(few.ends, all.ends, "step {}", index);
            for (outcome, explored) in &all.outcomes {
                prop_assert_eq!(few.outcomes[outcome].likelihood, explored.likelihood, "step {} {:?}", index, outcome);
            }
            prop_assert_eq!(&few.min_ready, &all.min_ready, "step {}", index);
        }
    }

    /// Whatever a single run does, the search has found.
    #[test]
    fn every_run_is_among_what_was_found(case in case(), seed in 0..1000_u64) {
        let (builder, steps) = build(&case);
        let mut simulation = Simulation::new(builder.state.clone(), &Settings::default());
        prop_assume!(simulation.settle() == StepOutcome::Completed);
        let found = explore(&simulation, &steps, &SearchLimits { states: 4000, ..SearchLimits::default() });
        let mut run = Simulation::new(simulation.state, &Settings { seed, ..Settings::default() });
        run.settle();
        for (index, (step, found)) in steps.iter().zip(&found.steps).enumerate() {
            if !found.complete {
                break;
            }
            let report = run.play(step);
            let explored = &found.outcomes[&report.outcome];
            let can_happen = matches!(explored.likelihood, Some(Likelihood::Always | Likelihood::Sometimes));
            prop_assert!(can_happen, "step {} {:?}: {:?}", index, step.action, report.outcome);
            prop_assert!(!explored.trace.is_empty() || report.events.is_empty(), "no way is told");
            for (workload, lowest) in &report.min_ready {
                let range = found.min_ready[workload];
                prop_assert!(range.worst <= *lowest && *lowest <= range.best, "{} {:?} {}", workload, range, lowest);
            }
        }
    }
}

#[test]
fn the_first_way_is_that_of_the_plain_run() {
    let (builder, workload) = web(4, 3, 2, &PodWishes { cpu_milli: 100, startup_seconds: 5, ..PodWishes::default() });
    let steps = [step(StepAction::Restart { workload })];
    let report = simulate(builder.state.clone(), &steps, &Settings::default());
    let exploration = explore(&settled(builder), &steps, &SearchLimits::default());
    assert_eq!(report.steps[0].outcome, StepOutcome::Completed);
    assert_eq!(outcomes(&exploration, 0)[&StepOutcome::Completed], Some(Likelihood::Always));
    assert_eq!(exploration.steps[0].min_ready[WEB].worst, report.steps[0].min_ready[WEB]);
}
