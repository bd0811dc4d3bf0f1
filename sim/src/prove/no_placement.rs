//! "This pod fits on no node": the scheduler's verdicts become facts that the checker can follow.

use std::collections::BTreeMap;

use quorate_proof::input::Input;
use quorate_proof::{NoPlacement, Refutation, Rejection};
use thiserror::Error;

use super::canonical::input;
use crate::cluster::{ClusterState, PodId};
use crate::scheduler::{Reason, SchedulingResult, Verdict, schedule};

/// Why there is no proof. The verdict may hold all the same; it is then a simulated one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unproved {
    /// The pod fits somewhere, or is not there.
    #[error("the pod is placed, or fits on a node")]
    Fits,
    /// A node is ruled out by something that the proof format does not carry.
    #[error("node {node} is ruled out by what the proof format does not carry: {reason}")]
    NotCarried {
        /// The node.
        node: String,
        /// The scheduler's reason.
        reason: String,
    },
    /// The checker did not accept it: the scheduler and the checker disagree, which is a defect.
    #[error("the checker rejected the proof: {0}")]
    Rejected(#[from] Rejection),
}

/// A checked proof that `pod`, which is pending, fits on no node of `state`.
///
/// # Errors
/// When there is none; see [`Unproved`].
pub fn no_placement(state: &ClusterState, pod: PodId) -> Result<NoPlacement, Unproved> {
    let pending = state.pods.get(&pod).filter(|pending| pending.node.is_none()).ok_or(Unproved::Fits)?;
    let result = schedule(state, pod);
    let plain = input(state, pending);
    let refutations = refutations(state, &plain, &result)?;
    let proof = NoPlacement { schema_version: quorate_proof::check::SCHEMA_VERSION, input: plain, refutations };
    quorate_proof::check(&proof)?;
    Ok(proof)
}

fn refutations(
    state: &ClusterState,
    input: &Input,
    result: &SchedulingResult,
) -> Result<BTreeMap<String, Refutation>, Unproved> {
    let mut refutations = BTreeMap::new();
    for (id, node) in state.nodes.iter() {
        let name = state.names.text(node.name).to_owned();
        let reason = match result.verdicts.get(id) {
            Some(Verdict::Rejected { reasons, .. }) => reasons.first(),
            Some(Verdict::Fits) => return Err(Unproved::Fits),
            None => None,
        };
        let not_carried = || Unproved::NotCarried {
            node: name.clone(),
            reason: reason.map_or_else(|| "rejected before the nodes were looked at".to_owned(), ToString::to_string),
        };
        let refutation = reason.and_then(|reason| fact(reason, &name, input)).ok_or_else(not_carried)?;
        refutations.insert(name, refutation);
    }
    Ok(refutations)
}

/// The fact behind a reason of the scheduler.
fn fact(reason: &Reason, name: &str, input: &Input) -> Option<Refutation> {
    match reason {
        Reason::NodeUnschedulable => Some(Refutation::Unschedulable),
        Reason::UntoleratedTaint => {
            let taints = input.nodes.get(name).map_or(0, |node| node.taints.len());
            (0..taints).map(Refutation::UntoleratedTaint).find(|refutation| holds(input, name, refutation))
        }
        Reason::NodeAffinity => Some(Refutation::NodeAffinity),
        Reason::TooManyPods => Some(Refutation::TooManyPods),
        Reason::Insufficient(resource) => Some(Refutation::Insufficient(resource.to_string())),
        Reason::HostPorts => input
            .placed
            .keys()
            .map(|pod| Refutation::HostPort { pod: pod.clone() })
            .find(|refutation| holds(input, name, refutation)),
        Reason::PodAntiAffinity => own_terms(input, name),
        Reason::ExistingPodsAntiAffinity => existing_terms(input, name),
        Reason::TopologySpreadMissingLabel => (0..input.pod.spread.len())
            .map(Refutation::MissingTopologyKey)
            .find(|refutation| holds(input, name, refutation)),
        Reason::NodeName
        | Reason::NodeAffinityEnforced
        | Reason::NodeAffinityConflict
        | Reason::Volume(_)
        | Reason::RequiredFeatures
        | Reason::TopologySpread
        | Reason::PodAffinity
        | Reason::PreFilterResult(_)
        | Reason::NoPreemptionVictims
        | Reason::PreemptionNotHelpful => None,
    }
}

fn own_terms(input: &Input, node: &str) -> Option<Refutation> {
    let terms = 0..input.pod.anti_affinity.len();
    let pairs = terms.flat_map(|term| input.placed.keys().map(move |pod| (term, pod)));
    pairs
        .map(|(term, pod)| Refutation::AntiAffinity { term, pod: pod.clone() })
        .find(|refutation| holds(input, node, refutation))
}

fn existing_terms(input: &Input, node: &str) -> Option<Refutation> {
    let of_pod = |(name, placed): (&String, &quorate_proof::input::PlacedPod)| {
        let name = name.clone();
        (0..placed.pod.anti_affinity.len())
            .map(move |term| Refutation::ExistingAntiAffinity { pod: name.clone(), term })
            .collect::<Vec<_>>()
    };
    input.placed.iter().flat_map(of_pod).find(|refutation| holds(input, node, refutation))
}

/// Whether the checker accepts `refutation` of `node` alone: the search for a witness asks the checker itself.
fn holds(input: &Input, node: &str, refutation: &Refutation) -> bool {
    quorate_proof::check::refutes(input, node, refutation).is_ok()
}
