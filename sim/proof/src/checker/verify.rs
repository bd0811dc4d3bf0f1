//! What a proof file has to pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::board::Base;
use super::crowd::Crowd;
use super::existing::Existing;
use super::fixed::Fixed;
use super::index::Index;
use super::limits::{Limits, When};
use super::placed::Moment;
use super::question::Question;
use super::selection::Selection;
use super::{counting, lost, progress, search, share, validate, witness};
use crate::claim::{Phase, Placement};
use crate::cluster::Cluster;
use crate::evidence::{Evidence, FORMAT, Proof};
use crate::rejection::Rejection;
use crate::scores::Scores;

/// The checker of proof files about one cluster.
///
/// ```
/// use quorate_proof::Checker;
/// use quorate_proof::cluster::Cluster;
///
/// let cluster = Cluster::default();
/// assert!(Checker::new(&cluster).is_ok());
/// ```
pub struct Checker<'a> {
    digest: String,
    pub(super) index: Index<'a>,
    pub(super) selection: Selection<'a>,
    pub(super) fixed: Fixed,
    pub(super) existing: Existing<'a>,
    fresh: Crowd,
    reachable: Crowd,
    current: Crowd,
    pub(super) fixed_base: Base,
    pub(super) existing_base: Base,
    /// The highest priority of movable pods that preempt.
    pub(super) highest_preempting: Option<i32>,
    /// For each workload the most of its pods that one node holds: in a cluster that was empty, and always.
    most_on_one_node: [OnceLock<Vec<i128>>; 2],
    /// How many pods of each member of a crowd a domain holds.
    limits: Mutex<BTreeMap<When, Arc<Limits<'a>>>>,
}

impl<'a> Checker<'a> {
    /// Makes a cluster ready: nodes and workloads by number, who selects whom, which pods are there first.
    ///
    /// # Errors
    /// When the cluster does not hold together: references to what is not there, negative numbers, shapes out of order.
    pub fn new(cluster: &'a Cluster) -> Result<Checker<'a>, Rejection> {
        validate::validate(cluster)?;
        let digest = cluster.digest().map_err(|error| Rejection::Unreadable(error.to_string()))?;
        let index = Index::new(cluster);
        let selection = Selection::new(&index);
        let fixed = Fixed::new(&index);
        let existing = Existing::new(&index, &fixed);
        let crowd = |placement| Crowd::new(&index, &existing, placement);
        let (fresh, reachable, current) =
            (crowd(Placement::Fresh), crowd(Placement::Reachable), crowd(Placement::Current));
        let (fixed_base, existing_base) = (Base::fixed(&index, &fixed), Base::existing(&index, &fixed));
        let preempting = index.movable().map(|workload| index.pod_of(workload)).filter(|pod| pod.preempts);
        let highest_preempting = preempting.map(|pod| pod.priority).max();
        let most_on_one_node = [OnceLock::new(), OnceLock::new()];
        Ok(Checker {
            fixed_base,
            existing_base,
            highest_preempting,
            digest,
            selection,
            fixed,
            fresh,
            reachable,
            current,
            existing,
            index,
            most_on_one_node,
            limits: Mutex::default(),
        })
    }

    /// [`Cluster::digest`] of the cluster.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Checks that a proof file is about this cluster and shows its claim.
    ///
    /// # Errors
    /// The first thing that does not hold. [`Rejection::NeedsScores`] for what cannot be said without the scheduler's scores: a
    /// witness for placement `scheduled` that is one for `fresh`, and a search by score ([`Checker::check_by_score`]).
    pub fn check(&self, proof: &Proof) -> Result<(), Rejection> {
        self.check_with(proof, None)
    }

    /// The same with somebody who knows the scheduler's scores: a search may then rest on them.
    ///
    /// # Errors
    /// As [`Checker::check`].
    pub fn check_by_score(&self, proof: &Proof, scores: &dyn Scores) -> Result<(), Rejection> {
        self.check_with(proof, Some(scores))
    }

    fn check_with(&self, proof: &Proof, scores: Option<&dyn Scores>) -> Result<(), Rejection> {
        if proof.format != FORMAT {
            return Err(Rejection::ProofFormat(proof.format));
        }
        if proof.cluster != self.digest {
            return Err(Rejection::OtherCluster { file: proof.cluster.clone(), cluster: self.digest.clone() });
        }
        let question = Question::new(&self.index, &self.existing, &self.selection, &proof.claim)?;
        let is_progress = matches!(proof.evidence, Evidence::Progress { .. });
        if is_progress != (question.phase() == Phase::Progress) {
            return Err(Rejection::Claim("progress is shown by evidence of its own".to_owned()));
        }
        match &proof.evidence {
            Evidence::Progress { rollout, drain } => progress::check(self, &question, rollout, drain),
            Evidence::Counting { remain } => counting::check(&self.index, &self.existing, &question, *remain),
            Evidence::Bound { workloads } => share::check(self, &question, workloads),
            Evidence::Search(search) => search::check(self, &question, search, scores),
            Evidence::Witness(witness) => witness::check(self, &question, witness),
        }
    }

    /// How many pods there can be.
    pub(super) fn crowd(&self, placement: Placement) -> &Crowd {
        match placement {
            Placement::Current => &self.current,
            Placement::Scheduled | Placement::Fresh => &self.fresh,
            Placement::Reachable => &self.reachable,
        }
    }

    /// The most pods of a workload that one node holds.
    pub(super) fn most_on_one_node(&self, placement: Placement, workload: usize) -> i128 {
        let [fresh, always] = &self.most_on_one_node;
        let known = match placement {
            Placement::Scheduled | Placement::Fresh => fresh,
            Placement::Current | Placement::Reachable => always,
        };
        let all = known.get_or_init(|| lost::most_on_one_node(self, placement));
        all.get(workload).copied().unwrap_or(i128::MAX)
    }

    /// How many pods of each member of the crowd a domain holds.
    pub(super) fn limits(&self, question: &Question<'_>, moment: Moment) -> Arc<Limits<'a>> {
        let when = When::new(question, moment);
        let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(when).or_insert_with(|| Arc::new(Limits::new(self, question, moment))))
    }

    /// Fixed pods that do not fit together, or whose nodes are not known, leave nothing to be proved.
    pub(super) fn require_fixed(&self) -> Result<(), Rejection> {
        self.fixed.problem.as_ref().map_or(Ok(()), |problem| Err(Rejection::Claim(problem.clone())))
    }
}

impl Proof {
    /// Reads a proof file.
    ///
    /// # Errors
    /// When the bytes are no proof file, or not in the canonical form that [`Proof::to_bytes`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Proof, Rejection> {
        let proof: Proof = serde_json::from_slice(bytes).map_err(|error| Rejection::Unreadable(error.to_string()))?;
        if proof.to_bytes()? == bytes { Ok(proof) } else { Err(Rejection::NotCanonical) }
    }

    /// The canonical bytes: JSON without spaces, maps sorted, and a line feed at the end.
    ///
    /// # Errors
    /// Never for what [`Proof`] can hold; the serializer's error otherwise.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Rejection> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| Rejection::Unreadable(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
