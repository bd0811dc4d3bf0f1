//! The cluster that is asked about, and where its pods are.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node as ApiNode;
use quorate_sim::cluster::{ClusterState, Phase};
use quorate_sim::controller::{all_workloads, workload_of, workload_text};
use quorate_sim::simulation::{Settings, Simulation, workload_numbers};

use crate::command::arguments::PlacementArgument;
use crate::manifest::Inventory;
use crate::model::{self, Model, complete_budgets};
use crate::report::{PlacedFirst, SchedulePlacement};

/// A cluster in which pods can be asked about.
pub(super) struct Cluster {
    pub(super) inventory: Inventory,
    /// As the input says it.
    pub(super) model: Model,
    /// With the other pods where they are.
    pub(super) state: ClusterState,
    pub(super) placement: SchedulePlacement,
    /// What is taken for granted of its scheduler: of every pod that is asked about.
    pub(super) about_scheduler: Vec<String>,
    /// What is taken for granted of it.
    pub(super) assumptions: Vec<String>,
}

impl Cluster {
    /// Places the pods of `inventory` as `placement` says.
    pub(super) fn new(inventory: Inventory, other_nodes: &[ApiNode], placement: PlacementArgument, seed: u64) -> Self {
        let model = model::build(&inventory, other_nodes);
        let placed = match placement {
            PlacementArgument::Current => PlacedFirst::No,
            PlacementArgument::Scheduled => PlacedFirst::Yes,
            PlacementArgument::Auto if has_bound_pods(&model.state) => PlacedFirst::No,
            PlacementArgument::Auto => PlacedFirst::Yes,
        };
        let mut assumptions: Vec<String> = model.assumptions.iter().map(ToString::to_string).collect();
        let mut state = model.state.clone();
        match placed {
            PlacedFirst::No => complete_budgets(&mut state),
            PlacedFirst::Yes => {
                let mut simulation = Simulation::new(state, &Settings { seed, ..Settings::default() });
                simulation.settle();
                assumptions.extend(simulation.assumptions());
                state = simulation.state;
            }
        }
        let placement = summary(&state, placed);
        let notes = inventory.scheduler().into_iter().flat_map(|scheduler| &scheduler.notes);
        let about_scheduler = notes.map(|note| note.text.clone()).collect();
        Self { inventory, model, state, placement, about_scheduler, assumptions }
    }
}

fn has_bound_pods(state: &ClusterState) -> bool {
    state.pods.values().any(|pod| pod.node.is_some())
}

fn summary(state: &ClusterState, placed: PlacedFirst) -> SchedulePlacement {
    let counted = state.pods.values().filter(|pod| !matches!(pod.phase, Phase::Succeeded | Phase::Failed));
    let (bound, pending): (Vec<_>, Vec<_>) = counted.partition(|pod| pod.node.is_some());
    let absent = match placed {
        PlacedFirst::Yes => Vec::new(),
        PlacedFirst::No => {
            let present: BTreeSet<_> = state.pods.values().filter_map(|pod| workload_of(state, pod.owner)).collect();
            let wants_pods = |workload| workload_numbers(state, workload).desired > 0;
            let absent = all_workloads(state).into_iter().filter(|workload| !present.contains(workload));
            absent.filter(|workload| wants_pods(*workload)).map(|workload| workload_text(state, workload)).collect()
        }
    };
    SchedulePlacement { placed, bound: bound.len(), pending: pending.len(), absent }
}
