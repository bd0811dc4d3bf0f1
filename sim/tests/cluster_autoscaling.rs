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
    assert_eq!(decided, [10], "all pods are new: it waits for more, one interval");
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

/// Two nodes, one of them hardly used by pods that `edit` changes, and what happens in so many seconds.
fn played(replicas: i64, seconds: u64, edit: impl Fn(&mut Builder, &mut PodSpec)) -> (Simulation, StepReport) {
    let mut builder = cluster();
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.deployment("web", replicas, ints(1, 0), &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    let mut template = builder.state.deployments[&DeploymentId(0)].template.clone();
    let spec = &mut Arc::make_mut(&mut template).spec;
    edit(&mut builder, spec);
    // A bare pod keeps the first, and the others want to be on the second.
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 500, ..PodWishes::default() });
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
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    let report = simulation.play(&step(StepAction::Wait { seconds }));
    (simulation, report)
}

fn is_removed_within(seconds: u64, edit: impl Fn(&mut Builder, &mut PodSpec)) -> bool {
    !nodes(&played(1, seconds, edit).0).contains(&"small-2")
}

fn is_removed(edit: impl Fn(&mut Builder, &mut PodSpec)) -> bool {
    is_removed_within(2000, edit)
}

fn budget(count: i64) -> impl Fn(&mut Builder, &mut PodSpec) {
    move |builder, _| {
        builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(count)));
    }
}

#[test]
fn what_keeps_a_node() {
    assert!(is_removed(|_, _| {}), "its pod fits elsewhere");
    assert!(is_removed(|_, spec| spec.requests.cpu_milli = 2000), "it is half used");
    assert!(!is_removed(|_, spec| spec.requests.cpu_milli = 2001), "it is more than half used");
    assert!(!is_removed(|_, spec| spec.has_local_storage = true), "local storage");
    assert!(
        is_removed(|_, spec| (spec.has_local_storage, spec.safe_to_evict) = (true, Some(true))),
        "which is said not to matter"
    );
    assert!(!is_removed(|_, spec| spec.safe_to_evict = Some(false)), "it is said to stay");
    assert!(!is_removed(budget(1)), "a budget keeps it");
    assert!(is_removed(budget(0)), "another does not");
    assert!(!is_removed(|builder, _| builder.state.node_pools[0].least = 2), "the pool is at its least");
}

#[test]
fn a_system_pod_without_budget_keeps_its_node_for_an_hour() {
    let system = |builder: &mut Builder, _: &mut PodSpec| {
        let namespace = builder.state.intern("kube-system");
        builder.state.namespaces.insert(namespace, Namespace::default());
        builder.state.deployments.get_mut(&DeploymentId(0)).unwrap().namespace = namespace;
    };
    assert!(!is_removed_within(3700, system), "from then on it is not needed");
    assert!(is_removed_within(4400, system), "and ten minutes later it goes");
}

#[test]
fn a_budget_that_lets_one_of_two_go_delays_the_second() {
    let (simulation, report) = played(2, 700, budget(1));
    assert_eq!(nodes(&simulation), ["small-1"]);
    let begun = seconds(&report, "removes node small-2")[0];
    assert_eq!(seconds(&report, "node small-2 is deleted"), [begun + 20], "{:#?}", report.events);
}

#[test]
fn a_pod_that_is_safe_to_evict_is_asked_for_until_two_minutes_are_over() {
    let (simulation, report) = played(1, 1000, |builder, spec| {
        spec.safe_to_evict = Some(true);
        budget(1)(builder, spec);
    });
    assert_eq!(nodes(&simulation), ["small-1", "small-2"]);
    let (begun, over) = (seconds(&report, "removes node small-2"), seconds(&report, "keeps node small-2"));
    assert_eq!((begun.len(), over), (1, vec![begun[0] + 125]));
    assert!(!simulation.state.nodes.values().any(|node| node.unschedulable));
}

#[test]
fn empty_nodes_go_together_and_others_one_after_the_other() {
    let removals = |is_used: bool| {
        let mut builder = cluster();
        for number in 2..=4 {
            let node = builder.node(&format!("small-{number}"), 4, 8, None);
            builder.state.node_pools[0].members.insert(node);
        }
        if is_used {
            let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
            builder.deployment("web", 4, ints(1, 0), &PodWishes { apart_on: None, ..wishes.clone() });
            builder.deployment("apart", 2, ints(1, 0), &wishes);
        }
        let mut simulation = Simulation::new(builder.state, &Settings::default());
        let report = simulation.play(&step(StepAction::Wait { seconds: 700 }));
        seconds(&report, "removes node")
    };
    let empty = removals(false);
    assert_eq!((empty.len(), empty.iter().min()), (3, empty.iter().max()), "the fourth is the pool's least");
    let used = removals(true);
    assert_eq!(used.len(), 2, "two pods stay apart: {used:?}");
    assert_eq!(used[1] - used[0], 10, "{used:?}");
}

#[test]
fn a_dead_node_goes_after_twenty_minutes() {
    let mut builder = cluster();
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.state.node_pools[0].least = 1;
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    simulation.play(&step(StepAction::FailNode { nodes: vec![second] }));
    let report = simulation.play(&step(StepAction::Wait { seconds: 1300 }));
    assert_eq!(nodes(&simulation), ["small-1"], "{:#?}", report.events);
}

#[test]
fn pods_are_packed_largest_first() {
    let mut builder = cluster();
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 3900, ..PodWishes::default() });
    builder.state.node_pools.pop();
    for (app, cpu_milli) in [("minor", 1500), ("prime", 2500)] {
        builder.deployment(app, 2, ints(1, 0), &PodWishes { cpu_milli, ..PodWishes::default() });
    }
    assert_eq!(
        nodes(&settled(builder)),
        ["small-1", "small-2", "small-3"],
        "in the order of their names it takes three"
    );
}

#[test]
fn what_is_expendable_counts_for_nothing() {
    let mut builder = cluster();
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 3900, ..PodWishes::default() });
    let wishes = PodWishes { cpu_milli: 1000, priority: -11, ..PodWishes::default() };
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.bare_pod("spare", Some(second), &PodWishes { cpu_milli: 3000, ..wishes.clone() });
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    simulation.play(&step(StepAction::Wait { seconds: 700 }));
    assert_eq!(nodes(&simulation), ["small-1"]);
}

#[test]
fn a_pod_that_nobody_known_replaces_keeps_its_node() {
    for owner in [Owner::None, Owner::Other { kind: Symbol::EMPTY, name: Symbol::EMPTY }] {
        keeps_its_node(owner);
    }
}

fn keeps_its_node(owner: Owner) {
    let mut builder = cluster();
    let second = builder.node("small-2", 4, 8, None);
    builder.state.node_pools[0].members.insert(second);
    builder.bare_pod("rest", Some(NodeId(0)), &PodWishes { cpu_milli: 2500, ..PodWishes::default() });
    let alone = builder.bare_pod("alone", Some(second), &PodWishes { cpu_milli: 100, ..PodWishes::default() });
    builder.state.pods.get_mut(&alone).unwrap().owner = owner;
    let mut simulation = settled(builder);
    simulation.play(&step(StepAction::Wait { seconds: 2000 }));
    assert_eq!(nodes(&simulation), ["small-1", "small-2"]);
}
