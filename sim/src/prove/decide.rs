//! Decides claims: bounds, then an adversary, then exact search; what is left is undecided.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Claim, Phase, Placement, Subject};
use quorate_proof::evidence::{Evidence, FORMAT, Proof, Witness};
use quorate_proof::scores::Scores;

use super::adversary::{attack, attack_present};
use super::bound::{bounded, failing};
use super::complete::completed;
use super::guarantee::selected;
use super::problem::Problem;
use super::progress::progressing;
use super::search::{Broken, Found, domain_name, search, search_by_score};

/// How many states an exact search looks at.
pub const DEFAULT_STATES: usize = 20_000;

/// What is decided about a claim.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds, and this shows it.
    Proved(Box<Proof>),
    /// It does not hold, and this shows it.
    Violated(Box<Proof>),
    /// Nobody knows.
    Undecided {
        /// Why not.
        reason: String,
        /// So many pods remain in every case, as far as bounds say.
        bound: i64,
    },
}

/// Decides `claim`.
#[must_use]
pub fn decide(problem: &Problem<'_>, digest: &str, claim: &Claim, states: usize) -> Verdict {
    let subject = subject(problem, &claim.subject);
    let proof =
        |evidence| Box::new(Proof { format: FORMAT, cluster: digest.to_owned(), claim: claim.clone(), evidence });
    if claim.phase == Phase::Progress {
        let shown = match (&claim.subject, subject.as_slice()) {
            (Subject::Workload(_), [workload]) if claim.placement != Placement::Current => {
                progressing(problem, *workload)
            }
            _ => Err("progress is shown of one workload, from rest".to_owned()),
        };
        return match shown {
            Ok(evidence) => Verdict::Proved(proof(evidence)),
            Err(reason) => Verdict::Undecided { reason, bound: 0 },
        };
    }
    if claim.placement == Placement::Current && claim.phase == Phase::Instant {
        return match counted(problem, claim, &subject) {
            (remain, _) if remain >= claim.at_least => Verdict::Proved(proof(Evidence::Counting { remain })),
            (available, failed) => Verdict::Violated(proof(Evidence::Witness(Witness {
                before: Vec::new(),
                failed,
                after: Vec::new(),
                available,
            }))),
        };
    }
    let bounded = bounded(problem, claim, &subject);
    let (bound, obstacles) = (bounded.remain, bounded.obstacles.clone());
    if bound >= claim.at_least {
        return Verdict::Proved(proof(bounded.evidence()));
    }
    let attacked = match claim.placement {
        Placement::Current => attack_present(problem, claim, &subject),
        Placement::Scheduled | Placement::Fresh | Placement::Reachable => attack(problem, claim, &subject),
    };
    if let Some(broken) = attacked {
        return Verdict::Violated(proof(Evidence::Witness(witness(problem, claim, &broken))));
    }
    // Every state of a fresh cluster can be reached by some history: what is broken there is broken for histories too.
    let searched = match claim.placement {
        Placement::Reachable => Claim { placement: Placement::Fresh, ..claim.clone() },
        Placement::Current | Placement::Scheduled | Placement::Fresh => claim.clone(),
    };
    let mut reason = match search(problem, &searched, &subject, states) {
        Ok(Found::Broken(broken)) => {
            let broken = completed(problem, &searched, broken);
            return Verdict::Violated(proof(Evidence::Witness(witness(problem, claim, &broken))));
        }
        Ok(Found::Closed(closed)) if claim.placement != Placement::Reachable => {
            return Verdict::Proved(proof(Evidence::Search(closed)));
        }
        Ok(Found::Closed(_)) => {
            "it holds wherever pods are placed from an empty cluster; histories are not searched".to_owned()
        }
        Err(reason) => format!("the search stopped: {reason}"),
    };
    if let Some(obstacle) = obstacles.first() {
        reason = if reason.ends_with(obstacle) { obstacle.clone() } else { format!("{obstacle}; {reason}") };
    }
    Verdict::Undecided { reason, bound }
}

/// Decides a claim about placement `scheduled` by every state that the scheduler's scores lead to. A violation is what a scheduler may do; the
/// checker, which knows no scores, says of it that it holds for `fresh`.
#[must_use]
pub fn decide_by_score(
    problem: &Problem<'_>,
    digest: &str,
    claim: &Claim,
    states: usize,
    scores: &dyn Scores,
) -> Verdict {
    let subject = subject(problem, &claim.subject);
    let proof =
        |evidence| Box::new(Proof { format: FORMAT, cluster: digest.to_owned(), claim: claim.clone(), evidence });
    if claim.placement != Placement::Scheduled || claim.phase == Phase::Progress {
        let reason = "scores say where a scheduler puts pods from an empty cluster, and nothing else".to_owned();
        return Verdict::Undecided { reason, bound: 0 };
    }
    match search_by_score(problem, claim, &subject, states, scores) {
        Ok(Found::Closed(closed)) => Verdict::Proved(proof(Evidence::Search(closed))),
        Ok(Found::Broken(broken)) => Verdict::Violated(proof(Evidence::Witness(witness(problem, claim, &broken)))),
        Err(reason) => Verdict::Undecided { reason, bound: 0 },
    }
}

/// The groups of a subject.
pub(super) fn subject(problem: &Problem<'_>, subject: &Subject) -> Vec<usize> {
    match subject {
        Subject::Workload(name) => problem.group(name).into_iter().collect(),
        Subject::Workloads(names) => names.iter().filter_map(|name| problem.group(name)).collect(),
        Subject::Budget(name) => {
            if let Some(known) = problem.subjects.lock().ok().and_then(|known| known.get(name).cloned()) {
                return known;
            }
            let budget = problem.cluster.budgets.get(name);
            let names = budget.map_or_else(Vec::new, |budget| selected(problem.cluster, budget));
            let found: Vec<usize> = names.into_iter().filter_map(|name| problem.group(name)).collect();
            if let Ok(mut known) = problem.subjects.lock() {
                known.insert(name.clone(), found.clone());
            }
            found
        }
    }
}

/// The pods that are available now less those of the fullest domains, and these domains.
fn counted(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> (i64, Vec<String>) {
    let (over, count) = failing(claim);
    let mut total = 0_i64;
    let mut by_domain: BTreeMap<usize, i64> = BTreeMap::new();
    for pod in problem.pods_of(subject) {
        if !pod.1 {
            continue;
        }
        total = total.saturating_add(1);
        if let Some(domain) = problem.domain(over, pod.0) {
            let own = by_domain.entry(domain).or_insert(0);
            *own = own.saturating_add(1);
        }
    }
    let mut fullest: Vec<(i64, usize)> = by_domain.into_iter().map(|(domain, pods)| (pods, domain)).collect();
    fullest.sort_by_key(|(pods, domain)| (std::cmp::Reverse(*pods), *domain));
    let mut remain = total;
    let mut failed = Vec::new();
    for (pods, domain) in fullest.iter().take(count) {
        // The fewest failures that break it are enough.
        if remain < claim.at_least {
            break;
        }
        remain = remain.saturating_sub(*pods);
        failed.push(domain_name(problem, claim, *domain));
    }
    failed.sort_unstable();
    (remain, failed)
}

fn witness(problem: &Problem<'_>, claim: &Claim, broken: &Broken) -> Witness {
    let mut failed: Vec<String> = broken
        .failed
        .iter()
        .map(|domain| domain_name(problem, claim, *domain))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    failed.sort_unstable();
    let before = broken.before.iter().map(|step| step.written(problem)).collect();
    let after = broken.after.iter().map(|event| event.written(problem)).collect();
    Witness { before, failed, after, available: broken.available }
}

impl Problem<'_> {
    /// For each pod of `subject` that is on a node: which, and whether it is available.
    fn pods_of(&self, subject: &[usize]) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        for group in subject {
            for (node, available) in self.bound.get(*group).into_iter().flatten() {
                found.push((*node, *available));
            }
        }
        found
    }

    /// Whether pods are on nodes now.
    #[must_use]
    pub fn has_bound_pods(&self) -> bool {
        self.bound.iter().enumerate().any(|(group, bound)| {
            !bound.is_empty() && self.groups.get(group).is_some_and(super::problem::Group::is_movable)
        })
    }
}
