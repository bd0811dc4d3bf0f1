//! Evidence `counting` as a formula and its refutation.

use super::failures::Failures;
use super::formula::Formula;
use super::steps::Steps;
use super::threshold::nth_largest;
use crate::checker::counting::available_on;
use crate::checker::question::Question;
use crate::checker::verify::Checker;

/// The formula "some failure leaves fewer pods than are claimed", and why it has no solution.
pub(super) fn export(checker: &Checker<'_>, question: &Question<'_>) -> (Formula, Steps) {
    let mut formula = Formula::default();
    let failures = Failures::new(&mut formula, question);
    let mut available = 0_i128;
    let mut on = vec![0_i128; failures.domains.len()];
    for node in available_on(&checker.index, &checker.existing, question) {
        available = available.saturating_add(1);
        if let Some(pods) = failures.domains.domain(node).and_then(|domain| on.get_mut(domain)) {
            *pods = pods.saturating_add(1);
        }
    }
    let at_least = i128::from(question.claim.at_least);
    formula.remark(format!(
        "Of {available} available pods those on failed domains are lost: fewer than {at_least} are left."
    ));
    let lost = on.iter().copied().zip(failures.variables());
    let too_many = formula.require(lost, available.saturating_sub(at_least).saturating_add(1));
    let mut steps = Steps::default();
    steps.remark("Pods on the fullest domains: each failure takes so many, and those above it once more each.");
    let each = nth_largest(on, failures.count);
    steps.sum(&[(too_many, 1), (failures.at_most, each)], failures.variables());
    (formula, steps)
}
