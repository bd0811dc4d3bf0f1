//! Failures in which Kubernetes stops to evict pods (`pkg/controller/nodelifecycle`, `ComputeZoneState`).

use std::collections::BTreeMap;

use super::index::Index;
use super::node_set::{NodeSet, at};
use super::topology::Topology;

/// Up to so many nodes no pods are evicted from a zone most of which is lost (`--large-cluster-size-threshold`).
const SMALL_CLUSTER: usize = 50;

/// Whether some set of at most `count` domains takes all nodes, or most of a zone of a small cluster.
pub(crate) fn can_stop_evictions(index: &Index<'_>, domains: &Topology, count: usize) -> bool {
    let are_covered = (0..index.nodes.len()).all(|node| domains.domain(node).is_some());
    if are_covered && domains.len() <= count {
        return true;
    }
    index.nodes.len() <= SMALL_CLUSTER && zones(index).values().any(|zone| can_disrupt(zone, domains, count))
}

/// Whether exactly these failed nodes are most of a zone of a small cluster.
pub(crate) fn disrupts_a_zone(index: &Index<'_>, failed: &NodeSet) -> bool {
    index.nodes.len() <= SMALL_CLUSTER
        && zones(index).values().any(|zone| {
            let lost = zone.iter().filter(|node| failed.contains(**node)).count();
            is_partial(lost, zone.len())
        })
}

fn is_partial(lost: usize, nodes: usize) -> bool {
    lost > 2 && lost < nodes && lost.saturating_mul(100) >= nodes.saturating_mul(55)
}

/// The nodes of each zone, as `GetZoneKey` of `k8s.io/component-helpers/node/topology` has it.
fn zones<'a>(index: &Index<'a>) -> BTreeMap<(&'a str, &'a str), Vec<usize>> {
    let mut zones: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (number, node) in index.nodes.iter().enumerate() {
        let label =
            |old: &str, new: &str| node.labels.get(old).or_else(|| node.labels.get(new)).map_or("", String::as_str);
        let region = label("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region");
        let zone = label("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone");
        zones.entry((region, zone)).or_default().push(number);
    }
    zones
}

/// Whether at most `count` domains can take most of a zone of at most [`SMALL_CLUSTER`] nodes: sums of subsets.
fn can_disrupt(zone: &[usize], domains: &Topology, count: usize) -> bool {
    let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
    for domain in zone.iter().filter_map(|node| domains.domain(*node)) {
        let part = parts.entry(domain).or_default();
        *part = part.saturating_add(1);
    }
    // Bit s of row j: j domains take s nodes of the zone.
    let mut rows = vec![0_u64; count.min(parts.len()).saturating_add(1)];
    if let Some(none) = rows.first_mut() {
        *none = 1;
    }
    for part in parts.values() {
        let shift = u32::try_from(*part).unwrap_or(u32::MAX);
        for row in (1..rows.len()).rev() {
            let fewer = at(&rows, row.saturating_sub(1)).checked_shl(shift).unwrap_or(0);
            if let Some(bits) = rows.get_mut(row) {
                *bits |= fewer;
            }
        }
    }
    let sums = rows.into_iter().fold(0_u64, |all, row| all | row);
    (0..=zone.len()).any(|lost| {
        is_partial(lost, zone.len()) && sums.checked_shr(u32::try_from(lost).unwrap_or(64)).unwrap_or(0) & 1 == 1
    })
}
