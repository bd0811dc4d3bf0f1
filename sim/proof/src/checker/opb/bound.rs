//! Evidence `bound` as a formula and its refutation.

use std::collections::BTreeMap;

use super::export::{Limits, Unexported};
use super::failures::Failures;
use super::formula::{Formula, Id};
use super::lost::Lost;
use super::room::enough_bound;
use super::steps::Steps;
use super::waiting::{Names, Waits, size};
use crate::checker::lost::abodes;
use crate::checker::placed::{Moment, facts, weighed};
use crate::checker::question::Question;
use crate::checker::share::{may_have_shares, replaced, survives, wanted, with_share};
use crate::checker::verify::Checker;
use crate::evidence::{Share, Weights};

/// How pods of a workload stay available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Those are counted that were placed before the failure, but for those that it takes: as many as there can be, and as a hard
    /// spread constraint (by position in the shape) allows.
    Survivors(Option<usize>),
    /// Those are counted that are bound after the failure.
    Replaced,
}

impl Keeps {
    /// That of a share.
    #[must_use]
    pub fn of(share: &Share) -> Keeps {
        match share {
            Share::Survives { spread, .. } => Keeps::Survivors(*spread),
            Share::Replaced { .. } => Keeps::Replaced,
        }
    }
}

/// What a formula has about one workload.
struct Part<'c> {
    workload: usize,
    waits: Waits<'c>,
    lost: Option<Lost<'c>>,
}

/// The formula, and where its parts are.
pub(super) struct Encoded<'c> {
    pub(super) formula: Formula,
    failures: Failures<'c>,
    parts: Vec<Part<'c>>,
    /// Fewer are available than are claimed.
    too_few: Id,
}

/// The formula "a legal placement and a failure leave fewer pods than are claimed". It knows no weights and no numbers of a proof.
///
/// # Errors
/// Where it is too large, or nothing is known about a workload.
pub(super) fn encode<'c>(
    checker: &'c Checker<'_>,
    question: &'c Question<'c>,
    keeps: &BTreeMap<String, Keeps>,
    most: usize,
) -> Result<Encoded<'c>, Unexported> {
    may_have_shares(checker, question)?;
    let mut formula = Formula::default();
    let failures = Failures::new(&mut formula, question);
    let mut parts = Vec::new();
    for (name, keeps) in keeps {
        let index = &checker.index;
        let workload = with_share(checker, question, name)?;
        let replicas = wanted(checker, question, workload);
        let names = Names { index, workload: name.clone() };
        let (moment, after) = match keeps {
            Keeps::Survivors(_) => {
                survives(checker, question, workload)?;
                (Moment::Before, None)
            }
            Keeps::Replaced => {
                replaced(checker, question, workload)?;
                (Moment::After, Some(&failures))
            }
        };
        let facts = facts(checker, question, workload, replicas, moment)?;
        let variables = size(&facts).saturating_add(formula.meanings().len());
        if variables > most {
            return Err(Unexported::TooLarge { variables, most });
        }
        let waits = Waits::encode(&mut formula, &names, facts, i128::from(replicas), after);
        let lost = match keeps {
            Keeps::Survivors(spread) => {
                let abodes = abodes(checker, question, workload, *spread)?;
                Some(Lost::encode(&mut formula, &names, abodes, &failures))
            }
            Keeps::Replaced => None,
        };
        parts.push(Part { workload, waits, lost });
    }
    let at_least = i128::from(question.claim.at_least);
    formula.remark(format!(
        "Fewer than {at_least} pods are available: those that are bound, less those that are lost where they are counted before the failure."
    ));
    let bound = parts.iter().flat_map(|part| part.waits.bound.times(-1));
    let lost = parts.iter().filter_map(|part| part.lost.as_ref()).flat_map(Lost::all);
    let too_few = formula.require(bound.chain(lost).collect::<Vec<_>>(), 1_i128.saturating_sub(at_least));
    Ok(Encoded { formula, failures, parts, too_few })
}

/// The formula of a proof, and why it has no solution.
///
/// # Errors
/// As [`encode`].
pub(super) fn export(
    checker: &Checker<'_>,
    question: &Question<'_>,
    shares: &BTreeMap<String, Share>,
    limits: &Limits,
) -> Result<(Formula, Steps), Unexported> {
    let keeps = shares.iter().map(|(name, share)| (name.clone(), Keeps::of(share))).collect();
    let Encoded { formula, failures, parts, too_few } = encode(checker, question, &keeps, limits.variables)?;
    let mut steps = Steps::default();
    let mut sum = vec![(too_few, 1)];
    for (part, (name, share)) in parts.iter().zip(shares) {
        let (weights, bound, lost): (&Weights, i64, i64) = match share {
            Share::Survives { bound, placed, lost, .. } => (placed, *bound, *lost),
            Share::Replaced { placed, remain } => (placed, *remain, 0),
        };
        let (moment, after) = match share {
            Share::Survives { .. } => (Moment::Before, None),
            Share::Replaced { .. } => (Moment::After, Some(&failures)),
        };
        let weighed = weighed(checker, question, part.workload, (weights, bound), moment)?;
        steps.remark(&format!("{name}: no pod waits while fewer than {bound} are bound."));
        sum.push((enough_bound(&mut steps, &part.waits, (&weighed, i128::from(bound)), after), 1));
        if let Some(of_lost) = &part.lost {
            steps.remark(&format!("{name}: the failure takes at most {lost} of them."));
            sum.extend(of_lost.no_more(&mut steps, i128::from(lost), &failures).map(|id| (id, 1)));
        }
        if steps.len() > limits.proof_bytes {
            return Err(Unexported::TooLong { most: limits.proof_bytes });
        }
    }
    steps.remark("So many are left: not too few.");
    steps.sum(&sum, []);
    Ok((formula, steps))
}
