//! What is claimed of a random case, in the words of proof files.

use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};

use crate::placements::enumerate::FailureDomain;
use crate::placements::generate::Case;

/// The claim of a case in one phase, for placement `fresh`.
pub(crate) fn claim_of(case: &Case, phase: Phase) -> Claim {
    let names = &case.state.names;
    let subject = case.subject;
    let name = format!("{}/{}/{}", subject.kind.as_str(), names.text(subject.namespace), names.text(subject.name));
    let domain = match case.failures.domain {
        FailureDomain::Nodes => Domain::Node,
        FailureDomain::Label(key) => Domain::Label(names.text(key).to_owned()),
    };
    Claim {
        subject: Subject::Workload(name),
        at_least: case.at_least,
        failures: Failures { domain, count: case.failures.count },
        placement: Placement::Fresh,
        phase,
    }
}

/// The label whose domains fail; nothing for nodes.
pub(crate) fn label_of(claim: &Claim) -> &str {
    match &claim.failures.domain {
        Domain::Node => "",
        Domain::Label(label) => label,
    }
}
