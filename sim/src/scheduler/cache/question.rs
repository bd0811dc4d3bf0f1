//! One pod to be placed, and whether it fits on one node.

use super::keeping::{Cache, Life, Step};
use super::nominated::{Nominated, Nominations};
use super::slot::NodeSlot;
use super::view::{View, Worth, look_at};
use crate::cluster::{ClusterState, NodeId};
use crate::scheduler::configuration::Profile;
use crate::scheduler::framework::{Plugin, PreFilterRejection};
use crate::scheduler::plugins::{Filter, filter_of};
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

/// A pod to be placed.
pub(super) struct Question<'s, 'a> {
    pub(super) candidate: Candidate<'a>,
    /// `None` for a pod without volumes.
    pub(super) volumes: Option<VolumeFilters<'s, 'a>>,
    pub(super) looked_at: LookedAt,
}

/// The plugins that look at volumes. They are not counted on: few pods have volumes, and what these plugins look at beside the
/// pods on a node, the claims and volumes of the state, changes without the cache.
pub(super) struct VolumeFilters<'s, 'a> {
    cycle: CycleState<'s, 'a>,
}

/// Those of the filters that look at volumes.
fn volume_filters(profile: &Profile) -> impl Iterator<Item = Filter> {
    profile.filter.iter().filter(|plugin| plugin.looks_at_volumes()).filter_map(filter_of)
}

impl<'s, 'a> VolumeFilters<'s, 'a> {
    /// PreFilter over `snapshot`, which holds the pods with volumes. `None` without it.
    pub(super) fn new(
        snapshot: Option<&'s Snapshot<'a>>,
        pod: &Candidate<'a>,
    ) -> Result<Option<Self>, PreFilterRejection> {
        let cycle = snapshot.map(|snapshot| CycleState::of_volumes(snapshot, pod)).transpose()?;
        Ok(cycle.map(|cycle| Self { cycle }))
    }

    /// Whether they pass the node with `nominated` on it.
    fn pass(&self, id: NodeId, nominated: &[Nominated<'a>]) -> bool {
        let snapshot = self.cycle.snapshot;
        let Some(node) = snapshot.state.nodes.get(&id) else { return false };
        let holds_none;
        let held = if let Some(held) = snapshot.node(id) {
            held
        } else {
            holds_none = NodeInfo::new(id, node, []);
            &holds_none
        };
        if nominated.is_empty() {
            return volume_filters(self.cycle.profile).all(|filter| filter(&self.cycle, held).is_none());
        }
        let (mut cycle, mut with_nominated) = (self.cycle.clone(), held.clone());
        for nominated in nominated {
            let placed = PlacedPod { pod: nominated.pod, deletion: None, started_at: None };
            with_nominated.add(placed);
            cycle.pod_added(&placed, held);
        }
        volume_filters(cycle.profile).all(|filter| filter(&cycle, &with_nominated).is_none())
    }
}

/// Which plugins PreFilter has not skipped. It sees no nominated pods, and what it skips stays skipped when they are added.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookedAt {
    spread: bool,
    affinity: bool,
}

impl LookedAt {
    pub(super) fn new(state: &ClusterState, view: &View, candidate: &Candidate<'_>) -> Self {
        let profile = state.scheduler.profile(candidate.spec.profile);
        Self {
            spread: profile.counts_for(Plugin::PodTopologySpread) && view.spread.restricts(),
            affinity: profile.counts_for(Plugin::InterPodAffinity) && view.affinity.restricts(),
        }
    }
}

impl Cache {
    /// The pods that plugins for volumes look at; `None` for a pod that they say nothing about.
    pub(super) fn snapshot_for_volumes<'a>(
        &self,
        state: &'a ClusterState,
        candidate: &Candidate<'_>,
    ) -> Option<Snapshot<'a>> {
        (!candidate.volumes.is_empty()).then(|| Snapshot::holding(state, self.with_volumes.iter().copied()))
    }
}

impl Worth<'_> {
    /// Whether the node at `position` takes the pod. Where pods are nominated to the node, it has to fit with them and without.
    #[inline]
    pub(super) fn takes(
        &mut self,
        nominations: &Nominations,
        view: &mut View,
        question: &Question<'_, '_>,
        position: usize,
    ) -> bool {
        if !view.look_at(self, question.candidate.spec, position).fits || !self.passes(view, question, position, &[]) {
            return false;
        }
        if nominations.is_empty() {
            return true;
        }
        let nominated = nominations.ahead_of(self.ground.state, &question.candidate, position);
        nominated.is_empty() || self.fits_beside(&nominated, view, question, position)
    }

    /// Whether the filters that look beyond the node pass.
    #[inline]
    fn passes(&self, view: &View, question: &Question<'_, '_>, position: usize, nominated: &[Nominated<'_>]) -> bool {
        let topologies = &*self.ground.topologies;
        let looked_at = question.looked_at;
        (!looked_at.spread || view.spread.allows(topologies, position))
            && (!looked_at.affinity || view.affinity.allows(topologies, position))
            && question.volumes.as_ref().is_none_or(|volumes| {
                let slot = self.ground.slots.get(position);
                slot.is_some_and(|slot| volumes.pass(slot.id, nominated))
            })
    }

    fn fits_beside(
        &self,
        nominated: &[Nominated<'_>],
        view: &mut View,
        question: &Question<'_, '_>,
        position: usize,
    ) -> bool {
        let Some(mut slot) = self.ground.slots.get(position).map(|slot| NodeSlot::clone(slot)) else { return false };
        let Some(node) = self.ground.state.nodes.get(&slot.id) else { return false };
        let topologies = &*self.ground.topologies;
        for other in nominated {
            slot.change(other.class, other.spec(), Life::Alive, Step::Comes);
            view.imagine(topologies, other, &question.candidate, (position, Step::Comes));
        }
        let fits = look_at(self, question.candidate.spec, &slot, node).fits
            && self.passes(view, question, position, nominated);
        for other in nominated {
            view.imagine(topologies, other, &question.candidate, (position, Step::Goes));
        }
        fits
    }
}
