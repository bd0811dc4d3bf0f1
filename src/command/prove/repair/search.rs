//! Candidates are tried, single ones first, then pairs; what holds is kept.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{ClusterState, Resources, WorkloadName};
use quorate_sim::controller::{all_workloads, template_of, workload_name};
use rayon::prelude::*;

use super::attempt::{Outcome, Repaired, attempt};
use super::base::Base;
use super::candidate::Candidate;
use super::workload_changes::{self, Editable};
use super::{budget_changes, new_nodes, patch, request_changes};
use crate::command::prove::deciding::{At, counts};
use crate::command::prove::guarantees::Asked;
use crate::command::prove::progress::is_drain;
use crate::command::prove::verdicts::phase_word;
use crate::environment::{Phase, Placement};
use crate::report::{AtPlacement, GuaranteeSubject, PhaseWord, Repair, Repairs, VerdictWord, WitnessReport};

/// So many repairs of one guarantee are kept.
const MOST_KEPT: usize = 6;

/// Which guarantees are repaired, and with how much effort.
#[derive(Clone, Copy, Debug)]
pub(in crate::command::prove) struct Effort {
    /// Whether those are repaired too that do not count for the exit status.
    pub(in crate::command::prove) all: bool,
    /// So many changes are tried for one guarantee.
    pub(in crate::command::prove) tries: usize,
}

/// A repair that was proved, with what it writes.
pub(in crate::command::prove) struct Proved {
    pub(in crate::command::prove) repair: Repair,
    pub(in crate::command::prove) patch: patch::Patch,
}

/// The repairs of one guarantee.
#[derive(Default)]
pub(in crate::command::prove) struct Found {
    pub(in crate::command::prove) repairs: Repairs,
    pub(in crate::command::prove) patches: Vec<patch::Patch>,
}

/// Repairs of `asked`, for those of its `verdicts` that are violated and count.
pub(in crate::command::prove) fn search(
    base: &Base<'_>,
    asked: &Asked,
    verdicts: &[&AtPlacement],
    effort: Effort,
) -> Found {
    let is_wanted =
        |verdict: &&AtPlacement| verdict.verdict == VerdictWord::Violated && (effort.all || counts(asked, verdict));
    let violated: Vec<&AtPlacement> = verdicts.iter().copied().filter(is_wanted).collect();
    if violated.is_empty() {
        return Found::default();
    }
    let wanted: Vec<At> = violated.iter().filter_map(|own| at(own)).collect();
    let mut singles = candidates(base, asked, &violated);
    singles.sort_by_key(|own| own.rank(own.parts()));
    singles.truncate(effort.tries);
    let mut tried = singles.len();
    let outcomes = try_all(base, asked, &wanted, &singles);
    let mut proved = kept(base, &singles, outcomes.iter());
    if proved.is_empty() {
        let pairs = pairs(&singles, &outcomes, effort.tries.saturating_sub(tried));
        tried += pairs.len();
        let outcomes = try_all(base, asked, &wanted, &pairs);
        proved = kept(base, &pairs, outcomes.iter());
    }
    proved.truncate(MOST_KEPT);
    let sought = violated.iter().map(|own| (own.placement, own.phase)).collect();
    let mut found = Found { repairs: Repairs { tried, sought, found: Vec::new() }, patches: Vec::new() };
    for Proved { repair, patch } in proved {
        found.repairs.found.push(repair);
        found.patches.push(patch);
    }
    found
}

/// The claim of a verdict.
fn at(verdict: &AtPlacement) -> Option<At> {
    use quorate_proof::claim::Placement as Proof;
    let placement = match verdict.placement {
        Proof::Current => Placement::Current,
        Proof::Scheduled => Placement::Scheduled,
        Proof::Fresh => Placement::Fresh,
        Proof::Reachable => Placement::Reachable,
    };
    let phases = [Phase::Instant, Phase::Recovered, Phase::Removed, Phase::Progress];
    phases.into_iter().find(|phase| phase_word(*phase) == verdict.phase).map(|phase| (placement, phase))
}

fn candidates(base: &Base<'_>, asked: &Asked, violated: &[&AtPlacement]) -> Vec<Candidate> {
    let label = workload_changes::failing_label(&asked.failures);
    let state = &base.model.state;
    let key = state.names.find(&label);
    let values = state.nodes.values().filter_map(|node| node.labels.get(key?));
    let domains = values.collect::<BTreeSet<_>>().len();
    let mut all = Vec::new();
    for (name, id) in &base.model.workloads {
        let text = |symbol| state.names.text(symbol);
        let full = format!("{}/{}/{}", name.kind.as_str(), text(name.namespace), text(name.name));
        if !asked.workloads().contains(&full.as_str()) {
            continue;
        }
        let Some(editable) = Editable::new(base, *id) else { continue };
        let is_autoscaled = base.model.autoscaled.contains_key(name);
        let mut own = workload_changes::changes(&editable, &asked.failures, domains, is_autoscaled);
        if let Some(requests) = requests(state, *name).filter(|_| room_may_matter(asked, violated)) {
            own.extend(request_changes::smaller_requests(&editable, requests, state));
        }
        if asked.workloads().len() > 1 {
            own.iter_mut().for_each(|candidate| candidate.change = format!("{full}: {}", candidate.change));
        }
        all.extend(own);
    }
    if let (GuaranteeSubject::Budget { name, .. }, None) = (&asked.subject, &asked.declared) {
        let left = violated.iter().filter_map(|own| own.bound).min().unwrap_or(0);
        let budget = base.model.budgets.iter().find(|(id, _)| {
            let budget = state.budgets.get(id);
            budget.is_some_and(|own| {
                *name == format!("{}/{}", state.names.text(own.namespace), state.names.text(own.name))
            })
        });
        let editable = budget.and_then(|(_, id)| Editable::new(base, *id));
        all.extend(editable.and_then(|own| budget_changes::smaller_promise(&own, left, asked.of)));
    }
    if violated.iter().any(|own| is_drain(own)) {
        all.extend(budget_changes::more_disruptions(base, &asked.workloads()));
    }
    all.extend(new_nodes::nodes(base, &asked.failures));
    all
}

/// Whether more pods might be there if they asked for less: not where all are placed, and one failure takes them.
fn room_may_matter(asked: &Asked, violated: &[&AtPlacement]) -> bool {
    let placed = |own: &WitnessReport| own.subject.values().flat_map(BTreeMap::values).sum::<i64>();
    let lacks_some = |own: &WitnessReport| placed(own) < asked.of;
    violated.iter().any(|own| own.phase != PhaseWord::Instant || own.witness.as_ref().is_none_or(lacks_some))
}

/// What a pod of a workload asks for.
fn requests(state: &ClusterState, name: WorkloadName) -> Option<&Resources> {
    let id = all_workloads(state).into_iter().find(|id| workload_name(state, *id) == Some(name))?;
    template_of(state, id).map(|template| &template.spec.requests)
}

fn try_all(base: &Base<'_>, asked: &Asked, wanted: &[At], candidates: &[Candidate]) -> Vec<Outcome> {
    candidates.par_iter().map(|candidate| attempt(base, candidate, asked, wanted)).collect()
}

/// Pairs: first those with a change that repairs the guarantee and breaks something else, for the other may mend that.
fn pairs(singles: &[Candidate], outcomes: &[Outcome], most: usize) -> Vec<Candidate> {
    let mut pairs: Vec<(bool, Candidate)> = Vec::new();
    for (index, (one, outcome)) in singles.iter().zip(outcomes).enumerate() {
        for (other, other_outcome) in singles.iter().zip(outcomes).skip(index + 1) {
            let promising = |own: &Outcome| matches!(own, Outcome::BreaksOther);
            let is_made = |own: &Outcome| !matches!(own, Outcome::NotMade);
            if is_made(outcome)
                && is_made(other_outcome)
                && let Some(pair) = one.and(other)
            {
                pairs.push((!promising(outcome) && !promising(other_outcome), pair));
            }
        }
    }
    pairs.sort_by_key(|(is_unlikely, pair)| (*is_unlikely, pair.rank(pair.parts())));
    pairs.into_iter().map(|(_, pair)| pair).take(most).collect()
}

/// What holds, cheapest first, then by what is promised, then by size.
fn kept<'o>(base: &Base<'_>, candidates: &[Candidate], outcomes: impl Iterator<Item = &'o Outcome>) -> Vec<Proved> {
    let mut proved: Vec<((u64, bool, usize), Proved)> = Vec::new();
    for (candidate, outcome) in candidates.iter().zip(outcomes) {
        let Outcome::Holds(Repaired { texts, reproved }) = outcome else { continue };
        let patch = patch::of(base, candidate, texts);
        let size = patch.changed_lines() + candidate.nodes.len();
        let repair = Repair {
            number: 0,
            change: candidate.change.clone(),
            patch: (!patch.text().is_empty()).then(|| patch.text().to_owned()),
            not_written: patch.not_written().to_vec(),
            monthly_cost: candidate.monthly().map(|own| own.to_string()),
            price: patch::price(base, candidate),
            reproved: reproved.clone(),
        };
        proved.push((candidate.rank(size), Proved { repair, patch }));
    }
    proved.sort_by_key(|(rank, _)| *rank);
    proved.into_iter().map(|(_, own)| own).collect()
}
