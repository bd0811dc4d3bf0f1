//! `ReadWriteOncePod` claims. Source: `plugins/volumerestrictions/volume_restrictions.go`. Volumes given inline (disks of
//! clouds, iSCSI, RBD) are not in the state.

use std::collections::BTreeSet;

use crate::cluster::{PodSpec, Symbol, VolumeUse};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

/// What Filter needs.
#[derive(Clone, Debug)]
pub(crate) struct State {
    claims: BTreeSet<Symbol>,
    /// How many uses of these claims by placed pods stand in the way.
    conflicts: i64,
}

/// `None` (Skip) when no claim of the pod is in use.
pub(crate) fn pre_filter(snapshot: &Snapshot<'_>, pod: &Candidate<'_>) -> Option<State> {
    let claims: BTreeSet<Symbol> = exclusive_claims(pod.spec).collect();
    if claims.is_empty() {
        return None;
    }
    let used: BTreeSet<Symbol> = snapshot
        .nodes()
        .flat_map(|node| node.pods.iter())
        .flat_map(|placed| exclusive_claims(placed.pod.spec))
        .filter(|claim| claims.contains(claim))
        .collect();
    let conflicts = i64::try_from(used.len()).unwrap_or(i64::MAX);
    (conflicts > 0).then_some(State { claims, conflicts })
}

fn exclusive_claims(spec: &PodSpec) -> impl Iterator<Item = Symbol> + '_ {
    spec.volumes.iter().filter_map(|volume| match volume {
        VolumeUse::ReadWriteOncePod(claim) => *claim,
        VolumeUse::ReadWriteOnce(_) | VolumeUse::OnlyOn(_) | VolumeUse::Unknown(_) => None,
    })
}

impl State {
    pub(crate) fn pod_added(&mut self, placed: &PlacedPod<'_>) {
        self.conflicts = self.conflicts.saturating_add(self.uses(placed));
    }

    pub(crate) fn pod_removed(&mut self, placed: &PlacedPod<'_>) {
        self.conflicts = self.conflicts.saturating_sub(self.uses(placed));
    }

    fn uses(&self, placed: &PlacedPod<'_>) -> i64 {
        let uses = exclusive_claims(placed.pod.spec).filter(|claim| self.claims.contains(claim));
        i64::try_from(uses.count()).unwrap_or(i64::MAX)
    }
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, _node: &NodeInfo<'_>) -> Option<Rejection> {
    let conflict = cycle.volume_restrictions.as_ref().is_some_and(|state| state.conflicts > 0);
    conflict.then(|| Rejection::unschedulable(Reason::ReadWriteOncePodInUse))
}
