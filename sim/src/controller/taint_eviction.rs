//! Taint eviction: pods that do not tolerate a NoExecute taint are deleted. Source:
//! `pkg/controller/tainteviction/taint_eviction.go`.

use crate::cluster::{ClusterState, Duration, Effect, Pod, PodId, Taint, Time};
use crate::scheduler::tolerates;

/// What taint eviction does with a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintVerdict {
    /// The node has no NoExecute taint: what was scheduled is cancelled.
    Cancel,
    /// Every taint is tolerated for ever.
    Stay,
    /// Deleted now.
    DeleteNow,
    /// Deleted then, unless a deletion is already scheduled: that one is kept.
    DeleteAt(Time),
}

/// Judges a pod by its node's taints.
#[must_use]
pub fn judge(state: &ClusterState, id: PodId) -> TaintVerdict {
    let Some(pod) = state.pods.get(&id) else { return TaintVerdict::Cancel };
    let Some(node) = pod.node.and_then(|node| state.nodes.get(&node)) else { return TaintVerdict::Stay };
    let taints: Vec<&Taint> = node.taints.iter().filter(|taint| taint.effect == Effect::NoExecute).collect();
    if taints.is_empty() {
        return TaintVerdict::Cancel;
    }
    let mut shortest: Option<i64> = None;
    for taint in taints {
        match seconds_tolerated(pod, taint) {
            Tolerance::No => return TaintVerdict::DeleteNow,
            Tolerance::ForEver => {}
            Tolerance::Seconds(seconds) => shortest = Some(shortest.map_or(seconds, |least| least.min(seconds))),
        }
    }
    match shortest {
        None => TaintVerdict::Stay,
        Some(seconds) if seconds <= 0 => TaintVerdict::DeleteNow,
        Some(seconds) => {
            let seconds = Duration::from_seconds(u64::try_from(seconds).unwrap_or(0));
            TaintVerdict::DeleteAt(state.now.after(seconds))
        }
    }
}

enum Tolerance {
    No,
    ForEver,
    Seconds(i64),
}

/// The first toleration that matches decides.
fn seconds_tolerated(pod: &Pod, taint: &Taint) -> Tolerance {
    match pod.template.spec.tolerations.iter().find(|toleration| tolerates(toleration, taint)) {
        None => Tolerance::No,
        Some(toleration) => toleration.toleration_seconds.map_or(Tolerance::ForEver, Tolerance::Seconds),
    }
}
