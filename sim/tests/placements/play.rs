//! The same cluster played by the simulation.

use quorate_sim::cluster::{ClusterState, NodeId, WorkloadName};
use quorate_sim::controller::{all_workloads, workload_name};
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome};
use quorate_sim::transition::{Change, WorkloadChange, apply};

use super::enumerate::Placed;
use super::generate::Random;
use super::ground::{Ground, NodeSet};

/// The simulation never comes to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restless;

/// Plays `state` from the empty cluster to rest: all pods are made at once, or one at a time in an order drawn from `seed`.
pub(crate) fn settled(ground: &Ground, state: &ClusterState, seed: u64) -> Result<Simulation, Restless> {
    let settings = Settings { seed, ..Settings::default() };
    if seed.is_multiple_of(3) {
        let mut simulation = Simulation::new(state.clone(), &settings);
        return at_rest(simulation.settle()).map(|()| simulation);
    }
    let mut empty = state.clone();
    for workload in all_workloads(state) {
        apply(&mut empty, &Change::Workload(workload, WorkloadChange::SetReplicas(0)));
    }
    let mut simulation = Simulation::new(empty, &settings);
    at_rest(simulation.settle())?;
    let names: Vec<WorkloadName> = all_workloads(state).into_iter().filter_map(|id| workload_name(state, id)).collect();
    let wanted = |name: &WorkloadName| {
        let classes = ground.classes.iter().filter(|class| class.workload == *name && class.node.is_none());
        classes.map(|class| i64::from(class.replicas)).sum::<i64>()
    };
    let mut left: Vec<(WorkloadName, i64)> =
        names.iter().flat_map(|name| (1..=wanted(name)).map(|replicas| (*name, replicas))).collect();
    let mut random = Random::new(seed);
    while !left.is_empty() {
        let (name, _) = left[random.below(left.len())];
        let next = left.iter().position(|(own, _)| *own == name).unwrap_or(0);
        let (workload, replicas) = left.remove(next);
        let end = simulation.perform(&StepAction::Scale { workload, replicas });
        at_rest(end.outcome)?;
    }
    Ok(simulation)
}

/// Nodes crash, and the cluster comes to rest.
pub(crate) fn fail(simulation: &mut Simulation, ground: &Ground, failed: &NodeSet) -> Result<(), Restless> {
    let end = simulation.perform(&StepAction::FailNode { nodes: ids(ground, failed) });
    at_rest(end.outcome)
}

/// The objects of nodes are deleted, and the cluster comes to rest.
pub(crate) fn remove(simulation: &mut Simulation, ground: &Ground, failed: &NodeSet) -> Result<(), Restless> {
    let end = simulation.perform(&StepAction::DeleteNode { nodes: ids(ground, failed) });
    at_rest(end.outcome)
}

fn at_rest(outcome: StepOutcome) -> Result<(), Restless> {
    if outcome == StepOutcome::Livelock { Err(Restless) } else { Ok(()) }
}

fn ids(ground: &Ground, nodes: &NodeSet) -> Vec<NodeId> {
    nodes.iter().map(|node| ground.nodes[*node]).collect()
}

/// Where the pods of a simulation are.
pub(crate) fn placed(simulation: &Simulation, ground: &Ground) -> Placed {
    let alive = ground.counts(&simulation.state, |pod| pod.deletion.is_none());
    Placed::new(alive, ground.counts(&simulation.state, |pod| pod.deletion.is_some()))
}
