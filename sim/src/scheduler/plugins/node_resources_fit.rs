//! Resources and the number of pods. Source: `plugins/noderesources/{fit,least_allocated}.go`.

use crate::cluster::{Node, NonZeroRequests, PodSpec, Resources, Symbol};
use crate::scheduler::framework::{Code, MAX_NODE_SCORE, Rejection};
use crate::scheduler::reasons::{Reason, ResourceName};
use crate::scheduler::scheduling_cycle::{CycleState, ScoreInput};
use crate::scheduler::snapshot::NodeInfo;

/// All resources that are short are reported. Preemption cannot help where one of them is more than the node has in all.
pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let mut rejection = Rejection { code: Code::Unschedulable, reasons: Vec::new() };
    let pod_count = i64::try_from(node.pods.len()).unwrap_or(i64::MAX);
    if pod_count.saturating_add(1) > node.node.allocatable_pods {
        rejection.reasons.push(Reason::TooManyPods);
    }
    let (wanted, used, whole) = (&cycle.pod.spec.requests, &node.requested, &node.node.allocatable);
    let mut check = |wanted: i64, used: i64, whole: i64, name: &dyn Fn() -> ResourceName| {
        if wanted > 0 && wanted > whole.saturating_sub(used) {
            rejection.reasons.push(Reason::Insufficient(name()));
            if wanted > whole {
                rejection.code = Code::UnschedulableAndUnresolvable;
            }
        }
    };
    check(wanted.cpu_milli, used.cpu_milli, whole.cpu_milli, &|| ResourceName::Cpu);
    check(wanted.memory_bytes, used.memory_bytes, whole.memory_bytes, &|| ResourceName::Memory);
    check(wanted.ephemeral_storage_bytes, used.ephemeral_storage_bytes, whole.ephemeral_storage_bytes, &|| {
        ResourceName::EphemeralStorage
    });
    let amount = |of: &std::collections::BTreeMap<Symbol, i64>, name| of.get(name).copied().unwrap_or(0);
    for (name, wanted) in &wanted.scalar {
        let text = || ResourceName::Scalar(cycle.snapshot.state.names.text(*name).to_owned());
        check(*wanted, amount(&used.scalar, name), amount(&whole.scalar, name), &text);
    }
    (!rejection.reasons.is_empty()).then_some(rejection)
}

/// The mean of the shares of CPU and memory that would stay free, in hundredths; a resource that the node does not have does
/// not count.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let spec = input.pod.spec;
    Some(input.nodes.iter().map(|node| free_share(spec, node.node, node.non_zero_requested)).collect())
}

/// The score of `node` for a pod of `spec`, where the pods that it holds count `used`.
pub(crate) fn free_share(spec: &PodSpec, node: &Node, used: NonZeroRequests) -> i64 {
    let wanted = spec.non_zero_requests_while_placed.unwrap_or(spec.non_zero_requests);
    let whole = &node.allocatable;
    let shares = [
        share(used.cpu_milli.saturating_add(wanted.cpu_milli), whole.cpu_milli),
        share(used.memory_bytes.saturating_add(wanted.memory_bytes), whole.memory_bytes),
    ];
    let count = i64::try_from(shares.iter().flatten().count()).unwrap_or(i64::MAX);
    shares.iter().flatten().fold(0_i64, |sum, share| sum.saturating_add(*share)).checked_div(count).unwrap_or(0)
}

/// Whether a pod of `spec` fits on `node`, which holds `pod_count` pods that request `used`: what [`filter`] decides,
/// without reasons.
pub(crate) fn fits(spec: &PodSpec, node: &Node, used: &Resources, pod_count: i64) -> bool {
    let (wanted, whole) = (&spec.requests, &node.allocatable);
    let enough = |wanted: i64, used: i64, whole: i64| wanted <= 0 || wanted <= whole.saturating_sub(used);
    let amount = |of: &std::collections::BTreeMap<Symbol, i64>, name| of.get(name).copied().unwrap_or(0);
    pod_count < node.allocatable_pods
        && enough(wanted.cpu_milli, used.cpu_milli, whole.cpu_milli)
        && enough(wanted.memory_bytes, used.memory_bytes, whole.memory_bytes)
        && enough(wanted.ephemeral_storage_bytes, used.ephemeral_storage_bytes, whole.ephemeral_storage_bytes)
        && wanted
            .scalar
            .iter()
            .all(|(name, wanted)| enough(*wanted, amount(&used.scalar, name), amount(&whole.scalar, name)))
}

fn share(used: i64, whole: i64) -> Option<i64> {
    if whole == 0 {
        return None;
    }
    if used > whole {
        return Some(0);
    }
    whole.saturating_sub(used).saturating_mul(MAX_NODE_SCORE).checked_div(whole)
}
