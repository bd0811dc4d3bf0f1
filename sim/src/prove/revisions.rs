//! Names of revisions in proof files.

use quorate_proof::input::{Operator, Pod};

/// The present revision of each workload has a name of its own where Kubernetes has a hash.
pub(super) fn name_revision(shape: &mut Pod, workload: &str) {
    for key in ["pod-template-hash", "controller-revision-hash"] {
        let rename = |value: &mut String| {
            if value == key {
                workload.clone_into(value);
            }
        };
        if let Some(value) = shape.labels.get_mut(key) {
            rename(value);
        }
        let terms = shape.affinity.iter_mut().chain(&mut shape.anti_affinity).map(|term| &mut term.selector);
        let selectors = terms.chain(shape.spread.iter_mut().map(|spread| &mut spread.selector));
        for requirement in selectors.flatten().flatten().filter(|requirement| requirement.key == key) {
            match &mut requirement.operator {
                Operator::In(values) | Operator::NotIn(values) => values.iter_mut().for_each(rename),
                Operator::Exists
                | Operator::DoesNotExist
                | Operator::GreaterThan(_)
                | Operator::LessThan(_)
                | Operator::Never => {}
            }
        }
    }
}
