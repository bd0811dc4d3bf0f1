//! Smaller requests, so that one more pod fits on a node.

use std::collections::BTreeSet;

use quorate_sim::cluster::{ClusterState, Resources};
use serde_json::{Value, json};

use super::candidate::Candidate;
use super::workload_changes::Editable;
use crate::environment::Quantity;
use crate::manifest::FieldPath;

/// So many amounts of each resource are tried.
const AMOUNTS: usize = 2;

const MEBIBYTE: i64 = 1 << 20;

/// A resource of which pods may ask for less.
#[derive(Clone, Copy)]
enum Resource {
    Cpu,
    Memory,
}

impl Resource {
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// CPU in thousandths of a core, memory in bytes.
    const fn of(self, amounts: &Resources) -> i64 {
        match self {
            Self::Cpu => amounts.cpu_milli,
            Self::Memory => amounts.memory_bytes,
        }
    }

    fn read(self, text: &Value) -> Option<i64> {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        let quantity = Quantity::try_from(text.as_str()).ok()?;
        let amount = match self {
            Self::Cpu => quantity.milli_value(),
            Self::Memory => quantity.value(),
        };
        i64::try_from(amount).ok()
    }

    /// In the largest unit that people write; memory is rounded down to whole mebibytes.
    fn write(self, amount: i64) -> String {
        match self {
            Self::Cpu => format!("{amount}m"),
            Self::Memory => format!("{}Mi", amount / MEBIBYTE),
        }
    }
}

/// Smaller requests of the container that asks for most, with which one more pod fits on nodes of some size: the largest such amounts,
/// and none below half of what it asks for now. `pod` is what a whole pod asks for.
pub(super) fn smaller_requests(own: &Editable<'_>, pod: &Resources, state: &ClusterState) -> Vec<Candidate> {
    let mut all = Vec::new();
    for resource in [Resource::Cpu, Resource::Memory] {
        let Some((index, name, asked)) = largest(own, resource) else { continue };
        let amounts: BTreeSet<i64> = sizes(state, resource)
            .into_iter()
            .filter_map(|free| one_more(free, resource.of(pod)))
            .map(|whole| asked - (resource.of(pod) - whole))
            .map(|amount| if matches!(resource, Resource::Memory) { amount / MEBIBYTE * MEBIBYTE } else { amount })
            .filter(|amount| *amount > 0 && *amount * 2 >= asked && *amount < asked)
            .collect();
        for amount in amounts.into_iter().rev().take(AMOUNTS) {
            let path = FieldPath::parse("spec.template.spec.containers").index(index);
            let path = path.key("resources").key("requests").key(resource.name());
            let written = resource.write(amount);
            let edit = own.edit(path, crate::manifest::edit::Change::Set(json!(written)));
            let was = resource.write(asked);
            let change = format!("requests.{}: {written} instead of {was} for container {name}", resource.name());
            all.push(Candidate::of_edits(change, vec![edit]));
        }
    }
    all
}

/// The container that asks for most: its place, its name, how much.
fn largest(own: &Editable<'_>, resource: Resource) -> Option<(usize, String, i64)> {
    let containers = own.at("/spec/template/spec/containers")?.as_array()?.iter().enumerate();
    let asks = containers.filter_map(|(index, container)| {
        let amount = resource.read(container.pointer("/resources/requests")?.get(resource.name())?)?;
        Some((index, container["name"].as_str()?.to_owned(), amount))
    });
    asks.max_by_key(|(index, _, amount)| (*amount, std::cmp::Reverse(*index)))
}

/// What nodes have beside the pods of DaemonSets, each amount once.
fn sizes(state: &ClusterState, resource: Resource) -> BTreeSet<i64> {
    let daemons: i64 = state.daemon_sets.values().map(|own| resource.of(&own.template.spec.requests)).sum();
    state.nodes.values().map(|node| resource.of(&node.allocatable) - daemons).collect()
}

/// The most that a pod may ask for if one more of them is to fit into `free`.
fn one_more(free: i64, asked: i64) -> Option<i64> {
    let fits = free.checked_div(asked).filter(|fits| *fits >= 0)?;
    (free > 0).then(|| free / (fits + 1))
}
