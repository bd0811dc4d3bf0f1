//! A counting argument as two files for VeriPB.

use std::collections::BTreeMap;

use thiserror::Error;

use super::bound::{self, Keeps};
use super::counting;
use super::formula::Formula;
use crate::checker::question::Question;
use crate::checker::verify::Checker;
use crate::claim::{Claim, Failures};
use crate::evidence::{Evidence, Proof};
use crate::rejection::Rejection;

/// How large files for VeriPB may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A formula with more variables is not written.
    pub variables: usize,
    /// A longer proof, in bytes, is not written.
    pub proof_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { variables: 200_000, proof_bytes: 256 << 20 }
    }
}

/// A formula that says that a claim is broken, and a proof that it has no solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The text of the formula: an OPB file.
    pub formula: String,
    /// The text of the proof: VeriPB 3.0.
    pub refutation: String,
}

/// Why a proof is not written for VeriPB.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unexported {
    /// The checker does not accept it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It counts nothing.
    #[error("its evidence is {0}: only counting and bound are arguments by counting")]
    NotCounted(&'static str),
    /// The formula is too large.
    #[error("the formula would have {variables} variables or more; those with more than {most} are not written")]
    TooLarge {
        /// So many.
        variables: usize,
        /// The limit.
        most: usize,
    },
    /// The proof is too long.
    #[error("the proof would be longer than {most} bytes")]
    TooLong {
        /// The limit.
        most: usize,
    },
}

impl Checker<'_> {
    /// A counting argument that this checker accepts, for VeriPB.
    ///
    /// The formula says "a legal placement and a failure leave fewer pods than are claimed"; it is made from the cluster and the claim
    /// alone, and what each workload's share is counted by (survivors, or pods that are replaced).
    ///
    /// # Errors
    /// The checker's rejection; evidence that does not count; a formula or a proof that is too large.
    pub fn export(&self, proof: &Proof) -> Result<Export, Unexported> {
        self.export_within(proof, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// As [`Checker::export`].
    pub fn export_within(&self, proof: &Proof, limits: &Limits) -> Result<Export, Unexported> {
        // Whether one by score holds is not asked: it is not written in any case.
        if matches!(&proof.evidence, Evidence::Search(search) if search.by_score) {
            return Err(Unexported::NotCounted("a search"));
        }
        self.check(proof)?;
        let question = Question::new(&self.index, &self.existing, &self.selection, &proof.claim)?;
        let (formula, steps) = match &proof.evidence {
            Evidence::Counting { .. } => counting::export(self, &question),
            Evidence::Bound { workloads } => bound::export(self, &question, workloads, limits)?,
            Evidence::Search(_) => return Err(Unexported::NotCounted("a search")),
            Evidence::Progress { .. } => return Err(Unexported::NotCounted("about rollouts and drains")),
            Evidence::Witness(_) => return Err(Unexported::NotCounted("a witness")),
        };
        let title = self.title(&proof.claim);
        let refutation = steps.finish(&title, formula.constraints().len());
        Ok(Export { formula: formula.to_opb(&title), refutation })
    }

    /// The formula "a legal placement and a failure leave fewer pods than are claimed", whether it has a solution or not: of the subject
    /// those workloads are counted that are named, each in its way.
    ///
    /// # Errors
    /// A claim that means nothing for this cluster, a workload that nothing is known about, a formula that is too large.
    pub fn formula(&self, claim: &Claim, keeps: &BTreeMap<String, Keeps>) -> Result<Formula, Unexported> {
        let question = Question::new(&self.index, &self.existing, &self.selection, claim)?;
        Ok(bound::encode(self, &question, keeps, Limits::default().variables)?.formula)
    }

    fn title(&self, claim: &Claim) -> Vec<String> {
        let Failures { domain, count } = &claim.failures;
        vec![
            format!("Fewer than {} pods of {} are available,", claim.at_least, claim.subject),
            format!("placement {:?}, phase {:?}, up to {count} {domain} lost.", claim.placement, claim.phase),
            format!("Cluster {}", self.digest()),
            "Every violation is a solution. There is none: the claim holds.".to_owned(),
        ]
    }
}
