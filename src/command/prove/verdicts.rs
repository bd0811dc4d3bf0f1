//! A claim becomes a verdict; whatever is proved or violated by a proof file has been accepted by the checker.

use std::collections::BTreeMap;

use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Placement as ProofPlacement};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::{Event, Evidence, Placing, Proof, Witness};
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{Problem, Replay, Run, Verdict, decide, moved, replay, smallest};

use super::guarantees::{Asked, proof_placement};
use super::progress::{self, Played};
use super::scheduled::{self, ByScore};
use crate::environment::{Phase, Placement};
use crate::report::{AtPlacement, PhaseWord, VerdictWord, WitnessReport};

/// Everything that claims are decided with.
pub(super) struct Prover<'a> {
    pub(super) state: &'a ClusterState,
    /// Whether witnesses are shown: only then they are made small.
    pub(super) shows: bool,
    pub(super) cluster: &'a Cluster,
    pub(super) problem: &'a Problem<'a>,
    pub(super) checker: &'a Checker<'a>,
    pub(super) digest: &'a str,
    /// Runs of the scheduler, for each kind of failures.
    pub(super) runs: &'a [Runs],
    /// Which rollouts and drains end.
    pub(super) played: &'a Played,
    /// How many states a search looks at.
    pub(super) states: usize,
    /// The scheduler's scores, where searches follow them.
    pub(super) by_score: ByScore<'a>,
}

/// Runs of the scheduler, and the failures that were played after them.
pub(super) struct Runs {
    pub(super) failures: crate::environment::Failures,
    pub(super) runs: Vec<Run>,
}

/// A verdict and its proof.
pub(super) struct Decided {
    pub(super) verdict: AtPlacement,
    pub(super) proof: Option<Box<Proof>>,
    /// What breaks it, as steps.
    pub(super) replay: Option<Broken>,
}

/// What breaks a claim, as steps.
pub(super) struct Broken {
    pub(super) claim: Claim,
    pub(super) replay: Replay,
}

impl Prover<'_> {
    /// Decides one claim.
    pub(super) fn decide(&self, asked: &Asked, placement: Placement, phase: Phase) -> Decided {
        let mut verdict = AtPlacement {
            placement: proof_placement(placement),
            phase: phase_word(phase),
            verdict: VerdictWord::Undecided,
            bound: None,
            reason: String::new(),
            witness: None,
            proof: None,
            method: None,
            evidence: None,
        };
        let claim = asked.claim(placement, phase);
        // Where nothing is seen to hold it up, whether it always ends is for a proof.
        if phase == Phase::Progress
            && let Some(decided) = progress::decide(self, asked, (placement, &claim), &verdict)
        {
            return decided;
        }
        if let Domain::Label(label) = &claim.failures.domain
            && !self.cluster.nodes.values().any(|node| node.labels.contains_key(label))
        {
            verdict.reason = format!("no node has the label {label}, so that it does not say what fails together");
            return Decided { verdict, proof: None, replay: None };
        }
        match decide(self.problem, self.digest, &claim, self.states) {
            Verdict::Proved(proof) => self.proved(verdict, proof),
            Verdict::Violated(_) if claim.placement == ProofPlacement::Scheduled => {
                scheduled::decide(self, asked, &claim, verdict, "some legal placement breaks it")
            }
            Verdict::Violated(proof) => self.violated(asked, verdict, proof),
            Verdict::Undecided { reason, bound } if claim.placement == ProofPlacement::Scheduled => {
                verdict.bound = (bound > 0).then_some(bound);
                scheduled::decide(self, asked, &claim, verdict, &reason)
            }
            Verdict::Undecided { reason, bound } => {
                verdict.bound = (bound > 0).then_some(bound);
                verdict.reason = reason;
                Decided { verdict, proof: None, replay: None }
            }
        }
    }

    fn proved(&self, verdict: AtPlacement, proof: Box<Proof>) -> Decided {
        match self.checker.check(&proof) {
            Ok(()) => accepted(verdict, proof),
            Err(rejection) => rejected(verdict, &rejection.to_string()),
        }
    }

    fn violated(&self, asked: &Asked, mut verdict: AtPlacement, proof: Box<Proof>) -> Decided {
        if let Err(rejection) = self.checker.check(&proof) {
            return rejected(verdict, &rejection.to_string());
        }
        let proof = if self.shows { smallest(self.cluster, self.checker, proof) } else { proof };
        let Evidence::Witness(witness) = &proof.evidence else {
            return rejected(verdict, "a violation without a witness");
        };
        verdict.verdict = VerdictWord::Violated;
        verdict.method = Some("witness");
        verdict.bound = Some(witness.available);
        verdict.witness = Some(self.witness(asked, &proof.claim, witness));
        let replay = replay(self.state, self.cluster, &proof.claim, witness);
        let replay = replay.map(|replay| Broken { claim: proof.claim.clone(), replay });
        Decided { verdict, proof: Some(proof), replay }
    }

    fn witness(&self, asked: &Asked, claim: &Claim, witness: &Witness) -> WitnessReport {
        let placed = self.placed(claim, witness);
        let mut placement = BTreeMap::new();
        let mut subject: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let of_subject = asked.workloads();
        for workload in &of_subject {
            subject.entry((*workload).to_owned()).or_default();
        }
        for (workload, nodes) in &placed {
            let mut number = 0;
            for (node, pods) in nodes {
                for _ in 0..*pods {
                    number += 1;
                    placement.insert(pod_name(workload, number), node.clone());
                }
            }
            if of_subject.contains(&workload.as_str()) {
                subject.insert(workload.clone(), nodes.clone());
            }
        }
        WitnessReport {
            placement,
            subject,
            failed: witness.failed.iter().map(|name| domain_text(claim, name)).collect(),
            steps: steps(witness),
            available: witness.available,
            moved: moved(self.cluster, witness).filter(|_| claim.placement != ProofPlacement::Current),
            scenario: None,
        }
    }

    /// Where the pods are before the failure, workload by workload.
    fn placed(&self, claim: &Claim, witness: &Witness) -> BTreeMap<String, BTreeMap<String, i64>> {
        let mut placed: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        if claim.placement == ProofPlacement::Current {
            for pod in self.cluster.pods.values().filter(|pod| !pod.terminating) {
                if let Some(node) = &pod.node {
                    *placed.entry(pod.workload.clone()).or_default().entry(node.clone()).or_default() += 1;
                }
            }
        }
        for Placing { workload, node, evicted } in &witness.before {
            for (victim, pods) in evicted {
                let nodes = placed.entry(victim.clone()).or_default();
                *nodes.entry(node.clone()).or_default() -= pods;
                nodes.retain(|_, pods| *pods > 0);
            }
            *placed.entry(workload.clone()).or_default().entry(node.clone()).or_default() += 1;
        }
        placed
    }
}

/// What is placed after the failure, in words; evictions are shown only where their order matters.
fn steps(witness: &Witness) -> Vec<String> {
    let is_placed = |event: &Event| matches!(event, Event::Placed(_));
    let first = witness.after.iter().position(is_placed).unwrap_or(witness.after.len());
    let is_mixed = witness.after.iter().skip(first).any(|event| !is_placed(event));
    let in_words = |event: &Event| match event {
        Event::Placed(placing) => Some(format!("{} takes {}", short(&placing.workload), placing.node)),
        Event::Evicted { workload, node, pods } => {
            is_mixed.then(|| format!("{} ({pods}) is evicted from {node}", short(workload)))
        }
        Event::Removed { node } => is_mixed.then(|| format!("{node} is deleted")),
    };
    witness.after.iter().filter_map(in_words).collect()
}

pub(super) const fn phase_word(phase: Phase) -> PhaseWord {
    match phase {
        Phase::Instant => PhaseWord::Instant,
        Phase::Recovered => PhaseWord::Recovered,
        Phase::Removed => PhaseWord::Removed,
        Phase::Progress => PhaseWord::Progress,
    }
}

const fn remaining(share: &quorate_proof::evidence::Share) -> i64 {
    use quorate_proof::evidence::Share;
    match share {
        Share::Survives { remain, .. } | Share::Replaced { remain, .. } => *remain,
    }
}

const fn method(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Counting { .. } => "counting",
        Evidence::Bound { .. } | Evidence::Progress { .. } => "bound",
        Evidence::Search(_) => "search",
        Evidence::Witness(_) => "witness",
    }
}

/// What the checker has accepted.
pub(super) fn accepted(mut verdict: AtPlacement, proof: Box<Proof>) -> Decided {
    verdict.verdict = VerdictWord::Proved;
    verdict.method = Some(method(&proof.evidence));
    verdict.bound = match &proof.evidence {
        Evidence::Counting { remain } => Some(*remain),
        Evidence::Bound { workloads } => Some(workloads.values().map(remaining).sum()),
        Evidence::Search(_) | Evidence::Witness(_) | Evidence::Progress { .. } => None,
    };
    Decided { verdict, proof: Some(proof), replay: None }
}

/// The checker is stricter than the prover: what it does not accept is not known.
pub(super) fn rejected(mut verdict: AtPlacement, rejection: &str) -> Decided {
    verdict.reason = format!("the checker does not accept what the prover found: {rejection}");
    Decided { verdict, proof: None, replay: None }
}

/// `node/worker-1`, `zone/fsn1`, `rack/r1`.
pub(super) fn domain_text(claim: &Claim, name: &str) -> String {
    match &claim.failures.domain {
        Domain::Node => format!("node/{name}"),
        Domain::Label(key) if key == "topology.kubernetes.io/zone" => format!("zone/{name}"),
        Domain::Label(key) => format!("{key}/{name}"),
    }
}

/// `default/backend-1` for the first pod of `deployment/default/backend`.
fn pod_name(workload: &str, number: usize) -> String {
    let mut parts = workload.splitn(3, '/');
    let (kind, namespace, name) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    match kind {
        Some("pod") => format!("{namespace}/{name}"),
        Some("statefulset") => format!("{namespace}/{name}-{}", number.saturating_sub(1)),
        _ => format!("{namespace}/{name}-{number}"),
    }
}

fn short(workload: &str) -> &str {
    workload.rsplit('/').next().unwrap_or(workload)
}
