//! Resources and the number of pods. Source: `plugins/noderesources/{fit,least_allocated,most_allocated,
//! requested_to_capacity_ratio}.go`, `plugins/helper/shape_score.go`.

use super::resource_score::{amount, is_skipped};
use crate::cluster::{Names, Node, NonZeroRequests, PodSpec, Resources, Symbol};
use crate::scheduler::configuration::{FitArguments, ScoredName, ScoringStrategy, ShapePoint};
use crate::scheduler::framework::{Code, MAX_NODE_SCORE, Rejection};
use crate::scheduler::reasons::{Reason, ResourceName};
use crate::scheduler::scheduling_cycle::{CycleState, ScoreInput};
use crate::scheduler::snapshot::NodeInfo;

/// What a score of 1 in a shape, of at most 10, is worth.
const SHAPE_SCORE_UNIT: i64 = 10;

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
    let (arguments, names) = (&cycle.profile.arguments.fit, &cycle.snapshot.state.names);
    for (name, wanted) in wanted.scalar.iter().filter(|(name, _)| !arguments.ignores(names, **name)) {
        let text = || ResourceName::Scalar(names.text(*name).to_owned());
        check(*wanted, amount(&used.scalar, name), amount(&whole.scalar, name), &text);
    }
    (!rejection.reasons.is_empty()).then_some(rejection)
}

/// How well the use of the node's resources suits the scoring strategy: by default the mean of the shares of CPU and memory
/// that would stay free, in hundredths. A resource that the node does not have does not count.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let (spec, arguments) = (input.pod.spec, &input.profile.arguments.fit);
    let score =
        |node: &&NodeInfo<'_>| allocation(arguments, spec, node.node, (&node.requested, node.non_zero_requested));
    Some(input.nodes.iter().map(score).collect())
}

/// The score of `node` for a pod of `spec`, where the pods that it holds request, and count, `used`.
pub(crate) fn allocation(
    arguments: &FitArguments,
    spec: &PodSpec,
    node: &Node,
    (used, counted): (&Resources, NonZeroRequests),
) -> i64 {
    let wanted = spec.non_zero_requests_while_placed.unwrap_or(spec.non_zero_requests);
    let (mut sum, mut weights) = (0_i64, 0_i64);
    for resource in &arguments.resources {
        let (own, used) = match resource.name {
            ScoredName::Cpu => (wanted.cpu_milli, counted.cpu_milli),
            ScoredName::Memory => (wanted.memory_bytes, counted.memory_bytes),
            name @ (ScoredName::EphemeralStorage | ScoredName::Scalar(_)) => {
                (amount(&spec.requests, name), amount(used, name))
            }
        };
        let whole = amount(&node.allocatable, resource.name);
        if whole == 0 || is_skipped(resource.name, own) {
            continue;
        }
        if let Some(score) = resource_score(&arguments.strategy, used.saturating_add(own), whole) {
            sum = sum.saturating_add(score.saturating_mul(resource.weight));
            weights = weights.saturating_add(resource.weight);
        }
    }
    match arguments.strategy {
        ScoringStrategy::LeastAllocated | ScoringStrategy::MostAllocated => sum.checked_div(weights).unwrap_or(0),
        ScoringStrategy::RequestedToCapacityRatio(_) if weights == 0 => 0,
        ScoringStrategy::RequestedToCapacityRatio(_) => (sum as f64 / weights as f64).round() as i64,
    }
}

/// The score of one resource; `None`: it does not count.
fn resource_score(strategy: &ScoringStrategy, used: i64, whole: i64) -> Option<i64> {
    let share = |amount: i64| amount.saturating_mul(MAX_NODE_SCORE).checked_div(whole).unwrap_or(0);
    match strategy {
        ScoringStrategy::LeastAllocated if used > whole => Some(0),
        ScoringStrategy::LeastAllocated => Some(share(whole.saturating_sub(used))),
        ScoringStrategy::MostAllocated => Some(share(used.min(whole))),
        ScoringStrategy::RequestedToCapacityRatio(shape) => {
            let utilization = if used > whole { 100 } else { share(used) };
            Some(on_line(shape, utilization)).filter(|score| *score > 0)
        }
    }
}

/// What the line through `shape` gives for `utilization`, in hundredths.
fn on_line(shape: &[ShapePoint], utilization: i64) -> i64 {
    let mut before: Option<ShapePoint> = None;
    for point in shape {
        let score = point.score.saturating_mul(SHAPE_SCORE_UNIT);
        if utilization <= point.utilization {
            let Some(before) = before else { return score };
            let base = before.score.saturating_mul(SHAPE_SCORE_UNIT);
            let rise = score.saturating_sub(base).saturating_mul(utilization.saturating_sub(before.utilization));
            let step = rise.checked_div(point.utilization.saturating_sub(before.utilization)).unwrap_or(0);
            return base.saturating_add(step);
        }
        before = Some(*point);
    }
    before.map_or(0, |last| last.score.saturating_mul(SHAPE_SCORE_UNIT))
}

/// Whether a pod of `spec` fits on `node`, which holds `pod_count` pods that request `used`: what [`filter`] decides,
/// without reasons.
pub(crate) fn fits(
    (arguments, names): (&FitArguments, &Names),
    spec: &PodSpec,
    node: &Node,
    (used, pod_count): (&Resources, i64),
) -> bool {
    let (wanted, whole) = (&spec.requests, &node.allocatable);
    let enough = |wanted: i64, used: i64, whole: i64| wanted <= 0 || wanted <= whole.saturating_sub(used);
    let amount = |of: &std::collections::BTreeMap<Symbol, i64>, name| of.get(name).copied().unwrap_or(0);
    pod_count < node.allocatable_pods
        && enough(wanted.cpu_milli, used.cpu_milli, whole.cpu_milli)
        && enough(wanted.memory_bytes, used.memory_bytes, whole.memory_bytes)
        && enough(wanted.ephemeral_storage_bytes, used.ephemeral_storage_bytes, whole.ephemeral_storage_bytes)
        && wanted.scalar.iter().all(|(name, wanted)| {
            enough(*wanted, amount(&used.scalar, name), amount(&whole.scalar, name)) || arguments.ignores(names, *name)
        })
}
