//! What is claimed of a random case, in the words of proof files.
#![allow(dead_code, clippy::unwrap_used)]

use std::ops::Range;

use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::Cluster;
use quorate_sim::cluster::{ClusterState, NodeId, Pod, WorkloadName};
use quorate_sim::controller::{workload_name, workload_of};
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

use crate::placements::enumerate::FailureDomain;
use crate::placements::generate::{Case, case, crowded};

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

/// How many pods of a workload are available once nodes have failed.
pub(crate) fn available(state: &ClusterState, subject: WorkloadName, failed: &[NodeId]) -> i64 {
    let is_own = |pod: &Pod| workload_of(state, pod.owner).and_then(|id| workload_name(state, id)) == Some(subject);
    let is_there = |pod: &Pod| {
        let node = pod.node.filter(|node| !failed.contains(node)).and_then(|node| state.nodes.get(&node));
        pod.ready && pod.deletion.is_none() && node.is_some_and(|node| node.crashed_at.is_none())
    };
    state.pods.values().filter(|pod| is_there(pod) && is_own(pod)).count() as i64
}

/// A claim about a random case, and what becomes of it without a search.
pub(crate) struct Asked<'a, 'c> {
    pub(crate) seed: u64,
    pub(crate) cluster: &'a Cluster,
    pub(crate) checker: &'a Checker<'c>,
    pub(crate) claim: &'a Claim,
    pub(crate) verdict: Verdict,
}

/// Decides claims about the cases of `seeds`, crowded ones too: each phase of failures and each of `placements`, up to one pod more than the case claims.
pub(crate) fn each_claim(seeds: Range<u64>, placements: &[Placement], mut see: impl FnMut(Asked<'_, '_>)) {
    for case in seeds.flat_map(|seed| [case(seed), crowded(seed)]) {
        let seed = case.seed;
        let label = label_of(&claim_of(&case, Phase::Instant)).to_owned();
        let canonical = cluster(&case.state);
        let problem = Problem::new(&canonical, &[&label]);
        let checker = Checker::new(&canonical).unwrap();
        for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
            let of_case = claim_of(&case, phase);
            for at_least in 1..=of_case.at_least + 1 {
                for placement in placements {
                    let claim = Claim { at_least, placement: *placement, ..of_case.clone() };
                    let verdict = decide(&problem, checker.digest(), &claim, 0);
                    see(Asked { seed, cluster: &canonical, checker: &checker, claim: &claim, verdict });
                }
            }
        }
    }
}
