//! Who keeps whom away, and whom spread constraints count.

use std::collections::BTreeMap;

use quorate_proof::cluster::Cluster;
use quorate_proof::input::{HostPort, Operator, Pod, PodTerm};

use super::matching::{is_of_revision, may_select, term_may_match};
use super::problem::{Group, Over};

/// Finds who keeps whom away, and whom spread constraints count.
pub(super) fn relate(cluster: &Cluster, groups: &mut [Group<'_>]) {
    let shapes: Vec<&Pod> = groups.iter().map(|group| group.shape).collect();
    let by_label = by_label(&shapes);
    let mut found: Vec<(usize, Over<'_>, usize, bool)> = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        for term in &shape.anti_affinity {
            let sure = !term.selector.iter().flatten().any(is_of_revision);
            for other in matched(term, &shapes, &by_label, cluster) {
                found.push((number, Over::Key(&term.topology_key), other, sure));
                found.push((other, Over::Key(&term.topology_key), number, sure));
            }
        }
    }
    let with_ports: Vec<usize> =
        shapes.iter().enumerate().filter(|(_, shape)| !shape.host_ports.is_empty()).map(|(number, _)| number).collect();
    for one in &with_ports {
        for other in &with_ports {
            let (Some(own), Some(theirs)) = (shapes.get(*one), shapes.get(*other)) else { continue };
            if ports_clash(&own.host_ports, &theirs.host_ports) {
                found.push((*one, Over::Node, *other, true));
            }
        }
    }
    for (group, over, other, sure) in found {
        if let Some(group) = groups.get_mut(group) {
            group.conflicts.entry(over).or_default().insert(other);
            if sure {
                group.surely.entry(over).or_default().insert(other);
            }
        }
    }
    for group in groups.iter_mut() {
        let counts = |selector: Option<&Vec<_>>| -> std::collections::BTreeSet<usize> {
            let Some(selector) = selector else { return std::collections::BTreeSet::new() };
            let same = shapes.iter().enumerate().filter(|(_, other)| other.namespace == group.shape.namespace);
            same.filter(|(_, other)| may_select(selector, &other.labels)).map(|(number, _)| number).collect()
        };
        group.counted = group.shape.spread.iter().map(|spread| counts(spread.selector.as_ref())).collect();
    }
}

type ByLabel<'a> = BTreeMap<(&'a str, &'a str), Vec<usize>>;

fn by_label<'a>(shapes: &[&'a Pod]) -> ByLabel<'a> {
    let mut found: ByLabel<'a> = BTreeMap::new();
    for (number, shape) in shapes.iter().enumerate() {
        for (key, value) in &shape.labels {
            found.entry((key, value)).or_default().push(number);
        }
    }
    found
}

/// The groups whose pods a term may mean.
fn matched(term: &PodTerm, shapes: &[&Pod], by_label: &ByLabel<'_>, cluster: &Cluster) -> Vec<usize> {
    let one_value = term.selector.iter().flatten().find_map(|requirement| match &requirement.operator {
        Operator::In(values) if !is_of_revision(requirement) => match values.as_slice() {
            [only] => Some((requirement.key.as_str(), only.as_str())),
            _ => None,
        },
        _ => None,
    });
    let candidates: Vec<usize> = match one_value {
        Some(label) => by_label.get(&label).cloned().unwrap_or_default(),
        None => (0..shapes.len()).collect(),
    };
    let matches =
        |number: &usize| shapes.get(*number).is_some_and(|shape| term_may_match(term, shape, &cluster.namespaces));
    candidates.into_iter().filter(matches).collect()
}

/// Whether two sets of host ports cannot be on one node.
pub(super) fn ports_clash(one: &[HostPort], other: &[HostPort]) -> bool {
    let everywhere = |address: &str| address.is_empty() || address == "0.0.0.0";
    let clash = |own: &HostPort, other: &HostPort| {
        let addresses = own.address == other.address || everywhere(&own.address) || everywhere(&other.address);
        addresses && own.protocol == other.protocol && own.port == other.port
    };
    one.iter().any(|own| other.iter().any(|port| clash(own, port)))
}
