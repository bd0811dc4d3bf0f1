//! Pods that preemption has made room for and that are not bound yet: where they are to go, a pod must fit with them and without.

use std::collections::BTreeMap;

use super::class::ClassId;
use super::keeping::Step;
use crate::cluster::{ClusterState, PodId, PodSpec};
use crate::scheduler::snapshot::Candidate;

/// The nominated pods by the position of their node.
#[derive(Clone, Debug, Default)]
pub(super) struct Nominations {
    by_position: BTreeMap<usize, BTreeMap<PodId, ClassId>>,
}

impl Nominations {
    pub(super) fn change(&mut self, position: usize, pod: PodId, class: ClassId, step: Step) {
        let of_node = self.by_position.entry(position).or_default();
        match step {
            Step::Comes => drop(of_node.insert(pod, class)),
            Step::Goes => drop(of_node.remove(&pod)),
        }
        if of_node.is_empty() {
            self.by_position.remove(&position);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_position.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.by_position.clear();
    }

    /// The pods that `candidate` may not overtake on the node at `position`: those of its own priority or a higher one.
    pub(super) fn ahead_of<'a>(
        &self,
        state: &'a ClusterState,
        candidate: &Candidate<'_>,
        position: usize,
    ) -> Vec<Nominated<'a>> {
        let Some(of_node) = self.by_position.get(&position) else { return Vec::new() };
        let others = of_node.iter().filter(|(id, _)| candidate.id != Some(**id));
        let nominated = others.filter_map(|(id, class)| {
            let pod = Candidate::of_pod(*id, state.pods.get(id)?);
            Some(Nominated { pod, class: *class })
        });
        nominated.filter(|nominated| nominated.spec().priority >= candidate.spec.priority).collect()
    }
}

/// A pod that is nominated to a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nominated<'a> {
    pub(super) pod: Candidate<'a>,
    pub(super) class: ClassId,
}

impl<'a> Nominated<'a> {
    pub(super) const fn spec(&self) -> &'a PodSpec {
        self.pod.spec
    }
}
