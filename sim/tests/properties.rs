//! What holds of every small cluster: no panic, rest, determinism, budgets and rollout bounds.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use cluster_builder::{Builder, PodWishes, ints, step};
use proptest::prelude::*;
use quorate_sim::cluster::{
    BudgetTarget, Duration, IntOrPercent, NodeId, PodManagementPolicy, StatefulSetStrategy, Symbol, WorkloadKind,
    WorkloadName,
};
use quorate_sim::controller::{
    WorkloadId, all_workloads, daemon_set, deployment, disruption, job, node_lifecycle, replica_set, stateful_set,
};
use quorate_sim::simulation::{Settings, Simulation, Step, StepAction, StepOutcome, Ties, simulate};

/// A Deployment to be made.
#[derive(Clone, Debug)]
struct Wish {
    replicas: i64,
    strategy: (i64, i64),
    percent: bool,
    cpu_milli: i64,
    apart: bool,
    startup_seconds: u64,
    min_available: i64,
}

#[derive(Clone, Debug)]
struct Cluster {
    nodes: usize,
    zones: usize,
    wishes: Vec<Wish>,
    stateful: Option<(i64, bool)>,
    daemon: Option<(i64, i64)>,
    /// How long a Job's pods run, if that is declared; their exit code; how many at once.
    job: Option<(Option<u64>, i32, i64)>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let numbers = (1..5_i64, (0..3_i64, 0..3_i64), any::<bool>(), 100..2500_i64);
    (numbers, any::<bool>(), 0..20_u64, 0..5_i64).prop_map(
        |((replicas, strategy, percent, cpu_milli), apart, startup_seconds, min_available)| Wish {
            replicas,
            strategy,
            percent,
            cpu_milli,
            apart,
            startup_seconds,
            min_available,
        },
    )
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let job = prop::option::of((prop::option::of(1..90_u64), 0..2_i32, 1..4_i64));
    let sets = (prop::option::of((1..4_i64, any::<bool>())), prop::option::of((0..2_i64, 0..3_i64)), job);
    (1..5_usize, 1..3_usize, prop::collection::vec(wish(), 1..4), sets).prop_map(
        |(nodes, zones, wishes, (stateful, daemon, job))| Cluster { nodes, zones, wishes, stateful, daemon, job },
    )
}

fn build(cluster: &Cluster) -> (Builder, Vec<WorkloadName>) {
    let mut builder = Builder::new();
    let zones = ["a", "b", "c"];
    for number in 0..cluster.nodes {
        builder.node(&format!("node-{number}"), 4, 8, Some(zones[number % cluster.zones]));
    }
    let mut names = Vec::new();
    for (number, wish) in cluster.wishes.iter().enumerate() {
        let app = format!("app-{number}");
        let wishes = PodWishes {
            cpu_milli: wish.cpu_milli,
            apart_on: wish.apart.then_some(Symbol::HOSTNAME),
            startup_seconds: wish.startup_seconds,
            shutdown_seconds: wish.startup_seconds / 2,
            priority: (number % 2) as i32,
            ..PodWishes::default()
        };
        let bound = |value| if wish.percent { IntOrPercent::Percent(value * 25) } else { IntOrPercent::Int(value) };
        builder.deployment(&app, wish.replicas, (bound(wish.strategy.0), bound(wish.strategy.1)), &wishes);
        builder.budget(&app, BudgetTarget::MinAvailable(IntOrPercent::Int(wish.min_available)));
        names.push(builder.name(WorkloadKind::Deployment, &app));
    }
    if let Some((replicas, parallel)) = cluster.stateful {
        let policy = if parallel { PodManagementPolicy::Parallel } else { PodManagementPolicy::OrderedReady };
        let strategy = StatefulSetStrategy::RollingUpdate { partition: 0 };
        builder.stateful_set("db", replicas, policy, strategy, &PodWishes { cpu_milli: 300, ..PodWishes::default() });
        names.push(builder.name(WorkloadKind::StatefulSet, "db"));
    }
    if let Some(strategy) = cluster.daemon {
        builder.daemon_set("agent", ints(strategy.0, strategy.1), &PodWishes { cpu_milli: 50, ..PodWishes::default() });
        names.push(builder.name(WorkloadKind::DaemonSet, "agent"));
    }
    if let Some((run_seconds, exit_code, parallelism)) = cluster.job {
        builder.job("work", run_seconds.unwrap_or(1), |spec| {
            let pod = &mut std::sync::Arc::make_mut(&mut spec.template).spec;
            pod.run = run_seconds.map(Duration::from_seconds);
            pod.exit_code = exit_code;
            (spec.completions, spec.parallelism, spec.backoff_limit) = (Some(4), parallelism, 2);
        });
        names.push(builder.name(WorkloadKind::Job, "work"));
    }
    (builder, names)
}

/// An action by number: every kind, on some node or workload.
fn action(kind: u8, which: u8, nodes: usize, names: &[WorkloadName]) -> StepAction {
    let node = NodeId(u32::from(which) % nodes as u32);
    let workload = names[usize::from(which) % names.len()];
    match kind % 8 {
        0 => StepAction::Restart { workload },
        1 => StepAction::Scale { workload, replicas: i64::from(which % 6) },
        2 => StepAction::Drain { nodes: vec![node] },
        3 => StepAction::Uncordon { node },
        4 => StepAction::FailNode { nodes: vec![node] },
        5 => StepAction::RecoverNode { nodes: vec![node] },
        6 => StepAction::DeleteNode { nodes: vec![node] },
        _ => StepAction::Wait { seconds: u64::from(which) },
    }
}

/// Changes that some controller still wants to make.
fn unfinished(simulation: &Simulation) -> usize {
    let state = &simulation.state;
    let workloads = state.replica_sets.keys().map(|id| WorkloadId::ReplicaSet(*id)).chain(all_workloads(state));
    let of_workloads = workloads.map(|workload| match workload {
        WorkloadId::ReplicaSet(id) => replica_set::sync(state, id, &mut Ties::Drawn(0)).len(),
        WorkloadId::Deployment(id) => deployment::sync(state, id).len(),
        WorkloadId::StatefulSet(id) => stateful_set::sync(state, id, &mut Ties::Drawn(0)).len(),
        WorkloadId::DaemonSet(id) => daemon_set::sync(state, id, &mut Ties::Drawn(0)).len(),
        WorkloadId::Job(id) => job::sync(state, id).changes.len(),
    });
    let of_budgets = state.budgets.keys().map(|id| disruption::sync(state, *id).len());
    let of_nodes = state.nodes.keys().map(|id| node_lifecycle::no_schedule_changes(state, *id).len());
    of_workloads.sum::<usize>() + of_budgets.sum::<usize>() + of_nodes.sum::<usize>()
}

/// Its message changes when the only node fails; its DaemonSet looks then that it wants no node any more.
#[test]
fn a_pod_of_a_daemon_set_that_fits_nowhere_wakes_its_set() {
    let wish = |cpu_milli| Wish {
        replicas: 1,
        strategy: (0, 0),
        percent: false,
        cpu_milli,
        apart: false,
        startup_seconds: 0,
        min_available: 0,
    };
    let cluster = Cluster {
        nodes: 1,
        zones: 1,
        wishes: vec![wish(1975), wish(1676)],
        stateful: Some((1, false)),
        daemon: Some((0, 0)),
        job: None,
    };
    let (builder, _) = build(&cluster);
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    simulation.settle();
    simulation.play(&step(StepAction::FailNode { nodes: vec![NodeId(0)] }));
    assert_eq!(unfinished(&simulation), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any steps on any cluster: rest is reached, nobody is forgotten, and the same input gives the same report.
    #[test]
    fn every_step_comes_to_rest_and_is_deterministic(
        cluster in cluster(),
        steps in prop::collection::vec((any::<u8>(), any::<u8>()), 1..6),
        seed in 0..3_u64,
    ) {
        let (builder, names) = build(&cluster);
        let steps: Vec<Step> =
            steps.iter().map(|(kind, which)| step(action(*kind, *which, cluster.nodes, &names))).collect();
        let settings = Settings { seed, ..Settings::default() };
        let mut simulation = Simulation::new(builder.state.clone(), &settings);
        prop_assert_eq!(simulation.settle(), StepOutcome::Completed);
        for step in &steps {
            let report = simulation.play(step);
            prop_assert_ne!(report.outcome, StepOutcome::Livelock);
            if !matches!(step.action, StepAction::Wait { .. }) {
                prop_assert_eq!(unfinished(&simulation), 0, "{} {:#?}", step.description, report.events);
            }
        }
        let once = simulate(builder.state.clone(), &steps, &settings);
        let twice = simulate(builder.state, &steps, &settings);
        prop_assert_eq!(format!("{once:?}"), format!("{twice:?}"));
    }

    /// A drain never takes a budget below what it desires: what was healthy enough before stays so.
    #[test]
    fn drains_respect_budgets(cluster in cluster(), which in prop::collection::vec(any::<u8>(), 1..4)) {
        // Preemption does not ask budgets: all priorities are equal here.
        let mut cluster = cluster;
        cluster.wishes.truncate(1);
        let (builder, _) = build(&cluster);
        let mut simulation = Simulation::new(builder.state, &Settings::default());
        simulation.settle();
        for node in which {
            let desired = cluster.wishes[0].min_available;
            let before = simulation.summary().workloads["deployment/default/app-0"].ready;
            let node = NodeId(u32::from(node) % cluster.nodes as u32);
            let report = simulation.play(&step(StepAction::Drain { nodes: vec![node] }));
            let lowest = report.min_ready["deployment/default/app-0"];
            prop_assert!(lowest >= desired.min(before), "{lowest} ready, {desired} desired: {:#?}", report.events);
        }
    }

    /// Without failures a rollout never goes below replicas − maxUnavailable.
    #[test]
    fn rollouts_respect_max_unavailable(cluster in cluster()) {
        let mut cluster = cluster;
        cluster.wishes.truncate(1);
        let (builder, names) = build(&cluster);
        let bound = builder.state.deployments.values().map(deployment::max_unavailable).next().unwrap();
        let replicas = cluster.wishes[0].replicas;
        let mut simulation = Simulation::new(builder.state, &Settings::default());
        simulation.settle();
        let before = simulation.summary().workloads["deployment/default/app-0"].available;
        let report = simulation.play(&step(StepAction::Restart { workload: names[0] }));
        let lowest = report.min_ready["deployment/default/app-0"];
        prop_assert!(lowest >= (replicas - bound).min(before), "{lowest} of {replicas}: {:#?}", report.events);
    }
}
