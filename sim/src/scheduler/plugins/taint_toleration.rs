//! Taints. Source: `plugins/tainttoleration/taint_toleration.go`, `staging:api/core/v1/toleration.go`.

use super::normalize_score::normalize_reversed;
use crate::cluster::{Effect, Node, PodSpec, Taint, Toleration, TolerationOperator};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::{CycleState, ScoreInput};
use crate::scheduler::snapshot::NodeInfo;

/// Whether `toleration` tolerates `taint`; for how long is another question.
#[must_use]
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    toleration.effect.is_none_or(|effect| effect == taint.effect)
        && toleration.key.is_none_or(|key| key == taint.key)
        && match toleration.operator {
            TolerationOperator::Equal(value) => value == taint.value,
            TolerationOperator::Exists => true,
        }
}

/// The first taint that keeps a pod of `spec` away from `node` (NoSchedule or NoExecute, not tolerated).
#[must_use]
pub fn untolerated_taint<'a>(spec: &PodSpec, node: &'a Node) -> Option<&'a Taint> {
    node.taints.iter().find(|taint| keeps_away(taint.effect) && !any_tolerates(&spec.tolerations, taint))
}

pub(crate) fn any_tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

const fn keeps_away(effect: Effect) -> bool {
    match effect {
        Effect::NoSchedule | Effect::NoExecute => true,
        Effect::PreferNoSchedule => false,
    }
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    untolerated_taint(cycle.pod.spec, node.node).map(|_| Rejection::unresolvable(Reason::UntoleratedTaint))
}

/// The fewer PreferNoSchedule taints that are not tolerated, the better.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let spec = input.pod.spec;
    Some(normalize_reversed(input.nodes.iter().map(|node| avoidance(spec, node.node)).collect()))
}

/// How many PreferNoSchedule taints of `node` a pod of `spec` does not tolerate.
pub(crate) fn avoidance(spec: &PodSpec, node: &Node) -> i64 {
    let taints = node
        .taints
        .iter()
        .filter(|taint| taint.effect == Effect::PreferNoSchedule && !any_tolerates(&spec.tolerations, taint));
    i64::try_from(taints.count()).unwrap_or(i64::MAX)
}
