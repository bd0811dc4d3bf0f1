//! The cluster autoscaler: which pool grows, when a node goes, and what keeps it.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome, StepReport};

/// One node of pool `small` with 4 CPUs, of which there may be four, and none of pool `large` with 16, of which there may be two.
fn cluster() -> Builder {
    let mut builder = Builder::new();
    builder.node("small-1", 4, 8, None);
    let template = builder.state.nodes[&NodeId(0)].clone();
    for (name, cpu, members, most) in [("small", 4, vec![NodeId(0)], 4), ("large", 16, vec![], 2)] {
        let mut template = Node { name: Symbol::EMPTY, ..template.clone() };
        template.allocatable.cpu_milli = cpu * 1000;
        template.allocatable.memory_bytes = cpu << 31;
        let least = members.len();
        let name = builder.state.intern(name);
        let next_number = u32::try_from(least).unwrap() + 1;
        builder.state.node_pools.push(NodePool {
            name,
            least,
            most,
            template,
            members: members.into_iter().collect(),
            next_number,
        });
    }
    builder
}

fn web(builder: &mut Builder, replicas: i64, cpu_milli: i64) -> WorkloadName {
    builder.deployment(
        "web",
        replicas,
        ints(1, 0),
        &PodWishes { cpu_milli, memory_mebibytes: cpu_milli, ..PodWishes::default() },
    );
    builder.name(WorkloadKind::Deployment, "web")
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

fn scale(simulation: &mut Simulation, workload: WorkloadName, replicas: i64) -> StepReport {
    simulation.play(&step(StepAction::Scale { workload, replicas }))
}

fn nodes(simulation: &Simulation) -> Vec<&str> {
    simulation.state.nodes.values().map(|node| simulation.state.names.text(node.name)).collect()
}

fn seconds(report: &StepReport, word: &str) -> Vec<u64> {
    let told = report.events.iter().filter(|(_, text)| text.contains(word));
    told.map(|(at, _)| at.since(report.started_at).milliseconds() / 1000).collect()
}

#[test]
fn the_pool_grows_that_wastes_least_and_its_nodes_come_later() {
    let mut builder = cluster();
    let workload = web(&mut builder, 1, 1000);
    let mut simulation = settled(builder);
    let report = scale(&mut simulation, workload, 6);
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(nodes(&simulation), ["small-1", "small-2"]);
    let (decided, arrived) =
        (seconds(&report, "grows pool small by 1 node(s)"), seconds(&report, "node small-2 is added"));
    assert!(decided[0] <= 10, "{decided:?}");
    assert_eq!(arrived[0] - decided[0], 120);
    let hostname = simulation.state.nodes.values().nth(1).unwrap().labels.get(Symbol::HOSTNAME).unwrap();
    assert_eq!(simulation.state.names.text(hostname), "small-2");
    // A pod that only a large node takes.
    let mut builder = cluster();
    web(&mut builder, 1, 9000);
    let simulation = settled(builder);
    assert_eq!(nodes(&simulation), ["small-1", "large-1"]);
    assert_eq!(simulation.summary().workloads["deployment/default/web"].ready, 1);
}

#[test]
fn no_pool_grows_beyond_its_most_or_for_a_pod_that_it_does_not_help() {
    let mut builder = cluster();
    builder.state.node_pools.pop();
    let workload = web(&mut builder, 1, 3000);
    let mut simulation = settled(builder);
    let report = scale(&mut simulation, workload, 9);
    assert_eq!((report.outcome, nodes(&simulation).len()), (StepOutcome::Stuck, 4));
    let mut builder = cluster();
    web(&mut builder, 1, 20_000);
    let simulation = settled(builder);
    assert_eq!(nodes(&simulation), ["small-1"], "no node would take it");
}

#[test]
fn a_node_goes_that_is_not_needed_for_ten_minutes() {
    let mut builder = cluster();
    let workload = web(&mut builder, 1, 1000);
    let mut simulation = settled(builder);
    scale(&mut simulation, workload, 6);
    assert_eq!(nodes(&simulation).len(), 2);
    let report = scale(&mut simulation, workload, 1);
    assert_eq!(nodes(&simulation).len(), 1, "{:#?}", report.events);
    let removed = seconds(&report, "the cluster autoscaler removes node")[0];
    assert!((590..=620).contains(&removed), "{removed}");
    assert_eq!(simulation.summary().workloads["deployment/default/web"].ready, 1);
    // The next one has another name.
    scale(&mut simulation, workload, 6);
    assert_eq!(nodes(&simulation)[1], "small-3");
}

/// Two nodes, one of them hardly used by a pod that `edit` changes; whether it is gone in the end.
fn is_removed(edit: impl Fn(&mut Builder, &mut PodSpec)) -> bool {
    let mut builder = cluster();
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.deployment("web", 1, ints(1, 0), &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    let mut template = builder.state.deployments[&DeploymentId(0)].template.clone();
    let spec = &mut Arc::make_mut(&mut template).spec;
    edit(&mut builder, spec);
    // The first is more than half used, and the pod wants to be on the second.
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 2500, ..PodWishes::default() });
    spec.preferred_node_terms = vec![PreferredNodeTerm {
        weight: 100,
        term: NodeSelectorTerm {
            expressions: vec![NodeRequirement {
                key: Symbol::HOSTNAME,
                operator: NodeRequirementOperator::In(vec![builder.state.nodes[&second].name]),
            }],
            fields: Vec::new(),
        },
    }];
    builder.state.deployments.get_mut(&DeploymentId(0)).unwrap().template = template;
    let mut simulation = settled(builder);
    simulation.play(&step(StepAction::Wait { seconds: 2000 }));
    !nodes(&simulation).contains(&"small-2")
}

#[test]
fn what_keeps_a_node() {
    assert!(is_removed(|_, _| {}), "its pod fits elsewhere");
    assert!(!is_removed(|_, spec| spec.requests.cpu_milli = 2100), "it is more than half used");
    assert!(!is_removed(|_, spec| spec.has_empty_dir = true), "local storage");
    assert!(
        is_removed(|_, spec| (spec.has_empty_dir, spec.safe_to_evict) = (true, Some(true))),
        "which is said not to matter"
    );
    assert!(!is_removed(|_, spec| spec.safe_to_evict = Some(false)), "it is said to stay");
    let budget = |count| {
        move |builder: &mut Builder, _: &mut PodSpec| {
            builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(count)));
        }
    };
    assert!(!is_removed(budget(1)), "a budget keeps it");
    assert!(is_removed(budget(0)), "another does not");
    assert!(!is_removed(|builder, _| builder.state.node_pools[0].least = 2), "the pool is at its least");
}

#[test]
fn a_bare_pod_keeps_its_node() {
    let mut builder = cluster();
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 2500, ..PodWishes::default() });
    builder.bare_pod("alone", Some(second), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    let mut simulation = settled(builder);
    simulation.play(&step(StepAction::Wait { seconds: 2000 }));
    assert_eq!(nodes(&simulation), ["small-1", "small-2"]);
}
