//! How many states an exploration looks at in a second, and how many a step of a small cluster has.
//!
//! ```sh
//! cargo run --release -p quorate-sim --example exploration_speed -- drain --nodes 4 --workloads 8
//! ```
//!
//! `drain` drains the first node, `crash` loses it, `rollout` restarts the first workload.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made should stop"
)]

#[path = "../tests/cluster_builder/mod.rs"]
mod cluster_builder;

use std::time::Instant;

use cluster_builder::{Builder, PodWishes, step};
use quorate_sim::cluster::{BudgetTarget, IntOrPercent, NodeId, Symbol, WorkloadKind};
use quorate_sim::explore::{SearchLimits, explore};
use quorate_sim::simulation::{Settings, Simulation, StepAction};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = arguments.first().expect("drain, crash or rollout").clone();
    let (mut nodes, mut workloads, mut states) = (4, 8, 100_000);
    for pair in arguments[1..].chunks(2) {
        let value = pair.get(1).expect("each flag has a value").parse().unwrap();
        match pair[0].as_str() {
            "--nodes" => nodes = value,
            "--workloads" => workloads = value,
            "--max-states" => states = value,
            other => panic!("no flag {other}"),
        }
    }
    let mut builder = Builder::new();
    for number in 0..nodes {
        builder.node(&format!("node-{number}"), 8, 16, None);
    }
    for number in 0..workloads {
        let app = format!("app-{number}");
        let count = i64::try_from(number).unwrap();
        let wishes = PodWishes {
            cpu_milli: 100 + 50 * count,
            memory_mebibytes: 128 + 64 * count,
            apart_on: (number % 3 == 0).then_some(Symbol::HOSTNAME),
            startup_seconds: 10,
            ..PodWishes::default()
        };
        let strategy = (IntOrPercent::Int(1), IntOrPercent::Int(0));
        builder.deployment(&app, 1 + count % 3, strategy, &wishes);
        if number % 2 == 0 {
            builder.budget(&app, BudgetTarget::MaxUnavailable(IntOrPercent::Int(1)));
        }
    }
    let action = match what.as_str() {
        "drain" => StepAction::Drain { nodes: vec![NodeId(0)] },
        "crash" => StepAction::FailNode { nodes: vec![NodeId(0)] },
        "rollout" => StepAction::Restart { workload: builder.name(WorkloadKind::Deployment, "app-0") },
        other => panic!("no step {other}"),
    };
    let mut simulation = Simulation::new(builder.state.clone(), &Settings::default());
    simulation.settle();
    let held = simulation.state.pods.on_node(Some(NodeId(0))).count();
    let start = Instant::now();
    let exploration = explore(&simulation, &[step(action)], &SearchLimits { states, ..SearchLimits::default() });
    let seconds = start.elapsed().as_secs_f64();
    let step = exploration.steps.first().expect("one step was explored");
    let found = step.states;
    println!(
        "{what}: {held} pods on the node; {found} states, {} ends, complete {}, {seconds:.2} s, {:.0} states/s",
        step.ends,
        step.complete,
        found as f64 / seconds
    );
}
