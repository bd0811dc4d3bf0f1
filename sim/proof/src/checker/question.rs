//! What a claim is about: whose pods, how many, and what fails.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::existing::Existing;
use super::index::Index;
use super::node_set::list;
use super::selection::Selection;
use super::topology::{Topology, sum_of_largest};
use crate::claim::{Claim, Domain, Phase, Placement, Subject};
use crate::cluster::{Asks, Budget, Kind};
use crate::rejection::Rejection;
use crate::rules::{asks_own, asks_revision, selects};

/// A claim by numbers.
pub(crate) struct Question<'a> {
    pub(crate) claim: &'a Claim,
    /// The workloads of the subject, fixed ones included, sorted.
    pub(crate) subject: Vec<usize>,
    /// The failure domains.
    pub(crate) domains: Cow<'a, Topology>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(
        index: &'a Index<'_>,
        existing: &Existing<'_>,
        selection: &Selection<'_>,
        claim: &'a Claim,
    ) -> Result<Question<'a>, Rejection> {
        let domains = match &claim.failures.domain {
            Domain::Node => Cow::Borrowed(index.each_node()),
            Domain::Label(key) => match index.known_topology(key) {
                Some(topology) => Cow::Borrowed(topology),
                None => Cow::Owned(Topology::of_label(&index.nodes, key)),
            },
        };
        if claim.at_least < 0 {
            return Err(Rejection::Claim(format!("{} pods are less than none", claim.at_least)));
        }
        let subject = match &claim.subject {
            Subject::Workload(name) => vec![of_name(index, name)?],
            Subject::Workloads(names) => of_names(index, names)?,
            Subject::Budget(name) => {
                let budget = index.cluster.budgets.get(name);
                let budget = budget.ok_or_else(|| Rejection::Claim(format!("budget {name} is not in the cluster")))?;
                of_budget((index, existing, selection), claim, name, budget)?
            }
        };
        Ok(Question { claim, subject, domains })
    }

    /// Another claim about the same pods and failures.
    pub(crate) fn of_same<'b>(&'b self, claim: &'b Claim) -> Question<'b> {
        Question { claim, subject: self.subject.clone(), domains: Cow::Borrowed(&self.domains) }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.claim.phase
    }

    pub(crate) fn placement(&self) -> Placement {
        self.claim.placement
    }

    pub(crate) fn count(&self) -> usize {
        self.claim.failures.count
    }

    pub(crate) fn is_subject(&self, workload: usize) -> bool {
        self.subject.binary_search(&workload).is_ok()
    }

    /// The failure domains that hold these nodes; `None` when a node is in none.
    pub(crate) fn failure_domains(&self, nodes: &[usize]) -> Option<BTreeSet<usize>> {
        nodes.iter().map(|node| self.domains.domain(*node)).collect()
    }

    /// How many of these domains (their nodes are given) the failure can take wholly at most. A domain that lies in n failure domains
    /// counts 1/n for each of them: it is taken when all of them fail.
    pub(crate) fn most_taken<'n>(&self, domains: impl Iterator<Item = &'n [usize]>) -> i128 {
        const WHOLE: i128 = 720_720;
        let mut parts = vec![0_i128; self.domains.len()];
        for nodes in domains {
            let Some(holders) = self.failure_domains(nodes).filter(|holders| holders.len() <= self.count()) else {
                continue;
            };
            let holding = i128::try_from(holders.len()).unwrap_or(1).max(1);
            let part = WHOLE.saturating_add(holding).saturating_sub(1).checked_div(holding).unwrap_or(WHOLE);
            for holder in holders {
                if let Some(sum) = parts.get_mut(holder) {
                    *sum = sum.saturating_add(part);
                }
            }
        }
        sum_of_largest(parts, self.count()).checked_div(WHOLE).unwrap_or(i128::MAX)
    }

    /// Checks that so many are enough for the claim.
    pub(crate) fn enough(&self, found: i128) -> Result<(), Rejection> {
        let at_least = self.claim.at_least;
        if found >= i128::from(at_least) { Ok(()) } else { Err(Rejection::TooFew { found, at_least }) }
    }
}

fn of_name(index: &Index<'_>, name: &str) -> Result<usize, Rejection> {
    let workload = index.workload_number(name);
    workload.ok_or_else(|| Rejection::Claim(format!("workload {name} is not in the cluster")))
}

/// Several workloads: a claim about them is written in one way only, or their pods would be counted twice.
fn of_names(index: &Index<'_>, names: &[String]) -> Result<Vec<usize>, Rejection> {
    if names.len() < 2 || !names.iter().zip(names.iter().skip(1)).all(|(name, next)| name < next) {
        return Err(Rejection::Claim("several workloads are two or more, sorted, each once".to_owned()));
    }
    let mut subject = names.iter().map(|name| of_name(index, name)).collect::<Result<Vec<usize>, Rejection>>()?;
    subject.sort_unstable();
    Ok(subject)
}

/// The workloads of a budget, after a check that the claim is for what the budget asks.
fn of_budget(
    (index, existing, selection): (&Index<'_>, &Existing<'_>, &Selection<'_>),
    claim: &Claim,
    name: &str,
    budget: &Budget,
) -> Result<Vec<usize>, Rejection> {
    let refuse = |why: &str| Err(Rejection::Claim(format!("budget {name} {why}")));
    let Some(selector) = &budget.selector else { return refuse("selects nothing") };
    let needs_present = matches!(claim.placement, Placement::Current | Placement::Reachable);
    if asks_own(selector) || (needs_present && asks_revision(selector)) {
        return refuse("asks for a label in which pods of one workload differ");
    }
    let matches = |shape: usize| {
        let pod = index.shape(shape);
        pod.namespace == budget.namespace && selects(selector, &pod.labels)
    };
    let shapes = selection.candidates(selector).into_iter().filter(|shape| matches(*shape));
    let mut subject: Vec<usize> = shapes.flat_map(|shape| list(&index.of_shape, shape).iter().copied()).collect();
    subject.sort_unstable();
    if claim.placement == Placement::Current {
        let differs = |(workload, shape): &(usize, usize)| matches(index.shape_of(*workload)) != matches(*shape);
        if existing.earlier.iter().any(differs) {
            return refuse("selects some pods of a workload and not others: a rollout is on its way");
        }
    }
    let scale = subject.iter().filter_map(|number| index.workloads.get(*number)).try_fold(0_i128, |sum, workload| {
        let is_scaled = matches!(workload.kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet);
        is_scaled.then(|| sum.saturating_add(i128::from(workload.replicas)))
    });
    let asked = match (budget.asks, scale) {
        (Asks::Nothing, _) => return refuse("asks for nothing"),
        (Asks::MinAvailablePercent(_) | Asks::MaxUnavailable(_) | Asks::MaxUnavailablePercent(_), None) => {
            return refuse("selects pods without a scale and promises nothing");
        }
        (Asks::MinAvailable(number), None) => i128::from(number),
        (asks, Some(scale)) => asked_for(asks, scale),
    };
    if asked != i128::from(claim.at_least) {
        let what = format!("what budget {name} asks for");
        return Err(Rejection::Number { what, said: claim.at_least, found: asked });
    }
    Ok(subject)
}

/// How many of `scale` pods a budget wants healthy.
pub(super) fn asked_for(asks: Asks, scale: i128) -> i128 {
    let of_hundred = |percent: i64| {
        let parts = scale.saturating_mul(i128::from(percent));
        parts.saturating_add(99).checked_div(100).unwrap_or(i128::MAX)
    };
    match asks {
        Asks::Nothing => 0,
        Asks::MinAvailable(number) => i128::from(number),
        Asks::MinAvailablePercent(percent) => of_hundred(percent),
        Asks::MaxUnavailable(number) => scale.saturating_sub(i128::from(number)).max(0),
        Asks::MaxUnavailablePercent(percent) => scale.saturating_sub(of_hundred(percent)).max(0),
    }
}
