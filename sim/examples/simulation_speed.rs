//! How long simulations of large clusters take, each step to its end.
//!
//! ```sh
//! cargo run --release -p quorate-sim --example simulation_speed -- upgrade --nodes 1000 --pods 30000
//! cargo run --release -p quorate-sim --example simulation_speed -- crashes --nodes 5000 --pods 150000
//! ```
//!
//! `upgrade` drains and uncordons every node in turn; `crashes` loses every node in turn, each from the same cluster at rest.
//! `scenarios` plays small scenarios on small clusters, drawn by number: `--of-nodes` says how many.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made should stop"
)]

#[path = "../tests/cluster_builder/mod.rs"]
mod cluster_builder;

use std::collections::BTreeMap;
use std::time::Instant;

use cluster_builder::{Builder, PodWishes};
use quorate_sim::cluster::{BudgetTarget, IntOrPercent, NodeId, WorkloadKind};
use quorate_sim::simulation::{Settings, Simulation, StepAction};

/// Pods of one workload.
const REPLICAS: usize = 50;

struct Measured {
    what: String,
    nodes: usize,
    pods: usize,
    /// How many of the nodes are drained or lost.
    of_nodes: usize,
}

impl Measured {
    fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let what = arguments.first().expect("upgrade or crashes").clone();
        let mut measured = Self { what, nodes: 1000, pods: 30_000, of_nodes: usize::MAX };
        for pair in arguments[1..].chunks(2) {
            let value = pair.get(1).expect("each flag has a value").parse().unwrap();
            match pair[0].as_str() {
                "--nodes" => measured.nodes = value,
                "--pods" => measured.pods = value,
                "--of-nodes" => measured.of_nodes = value,
                other => panic!("no flag {other}"),
            }
        }
        measured
    }

    /// Nodes of 16 CPU in three zones; Deployments of 50 pods with a budget each, every tenth of them apart on hosts.
    fn simulation(&self) -> Simulation {
        let mut builder = Builder::new();
        for number in 0..self.nodes {
            builder.node(&format!("node-{number}"), 16, 64, Some(["a", "b", "c"][number % 3]));
        }
        for number in 0..self.pods.div_ceil(REPLICAS) {
            let app = format!("app-{number}");
            let wishes = PodWishes {
                cpu_milli: 100,
                memory_mebibytes: 200,
                apart_on: (number % 10 == 0).then_some(quorate_sim::cluster::Symbol::HOSTNAME),
                startup_seconds: 10,
                shutdown_seconds: 5,
                ..PodWishes::default()
            };
            let quarter = IntOrPercent::Percent(25);
            builder.deployment(&app, i64::try_from(REPLICAS).unwrap(), (quarter, quarter), &wishes);
            builder.budget(&app, BudgetTarget::MaxUnavailable(IntOrPercent::Percent(10)));
        }
        let mut simulation = Simulation::new(builder.state, &Settings { event_limit: u64::MAX, ..Settings::default() });
        simulation.settle();
        simulation
    }
}

fn main() {
    let measured = Measured::from_arguments();
    if measured.what == "scenarios" {
        return play_small_scenarios(measured.of_nodes);
    }
    let preparing = Instant::now();
    let mut simulation = measured.simulation();
    let prepared = preparing.elapsed().as_secs_f64();
    let nodes: Vec<NodeId> = simulation.state.nodes.keys().copied().take(measured.of_nodes).collect();
    let running = Instant::now();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &nodes {
        let report = match measured.what.as_str() {
            "upgrade" => {
                let report = simulation.perform(&StepAction::Drain { nodes: vec![*node] });
                simulation.perform(&StepAction::Uncordon { node: *node });
                report
            }
            "crashes" => simulation.branch().perform(&StepAction::FailNode { nodes: vec![*node] }),
            other => panic!("{other} is none of upgrade, crashes and scenarios"),
        };
        *outcomes.entry(report.outcome.as_str()).or_default() += 1;
    }
    println!(
        "{{\"what\":{:?},\"nodes\":{},\"pods\":{},\"of\":{},\"preparationSeconds\":{prepared:.2},\"seconds\":{:.2},\"outcomes\":{outcomes:?}}}",
        measured.what,
        measured.nodes,
        measured.pods,
        nodes.len(),
        running.elapsed().as_secs_f64(),
    );
}

/// Three to six nodes, two to four Deployments with budgets, and three steps: what each is depends on the number alone.
fn play_small_scenarios(count: usize) {
    let count = if count == usize::MAX { 10_000 } else { count };
    let running = Instant::now();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..count {
        let mut drawn = u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: u64| {
            drawn ^= drawn << 13;
            drawn ^= drawn >> 7;
            drawn ^= drawn << 17;
            (drawn >> 8) % below
        };
        let mut builder = Builder::new();
        let nodes = u32::try_from(3 + draw(4)).unwrap();
        builder.workers(usize::try_from(nodes).unwrap());
        let mut names = Vec::new();
        for workload in 0..2 + draw(3) {
            let app = format!("app-{workload}");
            let wishes = PodWishes {
                cpu_milli: i64::try_from(100 + draw(1500)).unwrap(),
                apart_on: (draw(3) == 0).then_some(quorate_sim::cluster::Symbol::HOSTNAME),
                startup_seconds: draw(20),
                shutdown_seconds: draw(10),
                ..PodWishes::default()
            };
            let bound = |value: u64| IntOrPercent::Int(i64::try_from(value).unwrap());
            builder.deployment(&app, i64::try_from(1 + draw(4)).unwrap(), (bound(1), bound(draw(2))), &wishes);
            builder.budget(&app, BudgetTarget::MinAvailable(bound(draw(3))));
            names.push(builder.name(WorkloadKind::Deployment, &app));
        }
        let mut simulation = Simulation::new(builder.state, &Settings::default());
        simulation.settle();
        for _ in 0..3 {
            let node = NodeId(u32::try_from(draw(u64::from(nodes))).unwrap());
            let workload = names[usize::try_from(draw(names.len() as u64)).unwrap()];
            let report = simulation.perform(&match draw(5) {
                0 => StepAction::Restart { workload },
                1 => StepAction::Scale { workload, replicas: i64::try_from(draw(6)).unwrap() },
                2 => StepAction::Drain { nodes: vec![node] },
                3 => StepAction::FailNode { nodes: vec![node] },
                _ => StepAction::RecoverNode { nodes: vec![node] },
            });
            *outcomes.entry(report.outcome.as_str()).or_default() += 1;
        }
    }
    let seconds = running.elapsed().as_secs_f64();
    println!("{{\"what\":\"scenarios\",\"of\":{count},\"seconds\":{seconds:.2},\"outcomes\":{outcomes:?}}}");
}
