//! Evidence `counting`: the available pods, less those of the fullest domains.

use super::existing::Existing;
use super::index::Index;
use super::question::Question;
use super::topology::sum_of_largest;
use crate::claim::{Phase, Placement};
use crate::cluster::ExistingPod;
use crate::rejection::Rejection;

/// Checks that `remain` available pods are left in the worst case, and that they are enough.
pub(crate) fn check(
    index: &Index<'_>,
    existing: &Existing<'_>,
    question: &Question<'_>,
    remain: i64,
) -> Result<(), Rejection> {
    if question.placement() != Placement::Current || question.phase() != Phase::Instant {
        return Err(Rejection::Claim("counting is for pods where they are, right after the loss".to_owned()));
    }
    let mut lost = vec![0_i128; question.domains.len()];
    let mut available = 0_i128;
    for node in available_on(index, existing, question) {
        available = available.saturating_add(1);
        let domain = question.domains.domain(node).and_then(|domain| lost.get_mut(domain));
        if let Some(sum) = domain {
            *sum = sum.saturating_add(1);
        }
    }
    let found = available.saturating_sub(sum_of_largest(lost, question.count()));
    if found != i128::from(remain) {
        return Err(Rejection::Number { what: "pods that remain".to_owned(), said: remain, found });
    }
    question.enough(found)
}

/// The node of each available pod of the subject.
pub(crate) fn available_on<'s>(
    index: &'s Index<'_>,
    existing: &'s Existing<'_>,
    question: &'s Question<'_>,
) -> impl Iterator<Item = usize> + 's {
    let pods = question.subject.iter().flat_map(|workload| existing.of_workload(*workload));
    let is_available = |pod: &&&ExistingPod| pod.ready && !pod.terminating;
    pods.filter(is_available).filter_map(|pod| index.node_number(pod.node.as_deref()?))
}
