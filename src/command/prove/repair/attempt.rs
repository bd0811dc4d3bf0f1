//! A candidate is made in the texts, read back, and proved.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::prove::cluster;

use super::base::{Base, by_key, key};
use super::candidate::{Candidate, TextEdit};
use crate::command::prove::deciding::{At, Given, decide_all};
use crate::command::prove::guarantees::Asked;
use crate::command::prove::progress::{Played, asked_for};
use crate::environment::{Phase, Placement};
use crate::finding::Severity;
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::edit::{apply, node_at};
use crate::manifest::{Inventory, Object, ObjectId, SourceId};
use crate::model::{self, Model};
use crate::report::{AtPlacement, PhaseWord, VerdictWord};

/// What became of a candidate.
pub(super) enum Outcome {
    /// It repairs the guarantee and breaks nothing else.
    Holds(Repaired),
    /// It repairs the guarantee, and something else breaks.
    BreaksOther,
    /// The guarantee is not proved to hold.
    NotProved,
    /// It cannot be made in the texts.
    NotMade,
}

/// A repaired guarantee.
pub(super) struct Repaired {
    /// The texts that change: before and after.
    pub(super) texts: BTreeMap<SourceId, (String, String)>,
    /// What was proved.
    pub(super) reproved: Vec<AtPlacement>,
}

/// The input after a change.
struct Changed {
    inventory: Inventory,
    model: Model,
    texts: BTreeMap<SourceId, (String, String)>,
}

/// Makes `candidate` and proves the claims at `wanted` of `asked`.
pub(super) fn attempt(base: &Base<'_>, candidate: &Candidate, asked: &Asked, wanted: &[At]) -> Outcome {
    let Some(changed) = make(base, candidate) else { return Outcome::NotMade };
    let mut played = Played::default();
    let Some(reproved) = prove(base, &changed, asked, (wanted, &mut played)) else { return Outcome::NotProved };
    if breaks_other(base, &changed, asked, played) {
        return Outcome::BreaksOther;
    }
    Outcome::Holds(Repaired { texts: changed.texts, reproved })
}

fn make(base: &Base<'_>, candidate: &Candidate) -> Option<Changed> {
    let mut by_source: BTreeMap<SourceId, Vec<&TextEdit>> = BTreeMap::new();
    for edit in candidate.all_edits() {
        by_source.entry(edit.source).or_default().push(edit);
    }
    let mut texts = BTreeMap::new();
    let mut objects: BTreeMap<ObjectId, Object> = BTreeMap::new();
    for (source, edits) in by_source {
        let old = &base.input.sources.get(source).text;
        let each: Vec<_> = edits.iter().map(|own| own.edit.clone()).collect();
        let new = apply(source, old, &each).ok()?;
        for own in edits {
            if let Some(object) = own.object {
                let root = node_at(source, &new, &own.edit.position)?;
                let mut assembled = assemble([(source, root)], &DecodeOptions::default());
                if assembled.findings.iter().any(|finding| finding.severity == Severity::Error) {
                    return None;
                }
                let read = std::mem::take(&mut assembled.inventory);
                objects.insert(object, read.iter().next()?.1.clone());
            }
        }
        texts.insert(source, (old.to_string(), new));
    }
    let mut inventory = Inventory::default();
    for (id, object) in base.configuration.inventory.iter() {
        inventory.add(objects.remove(&id).unwrap_or_else(|| object.clone()));
    }
    inventory.set_scheduler(base.configuration.inventory.scheduler().cloned());
    let mut model = model::build(&inventory, &base.configuration.other_nodes);
    for node in &candidate.nodes {
        model::add_node_like(&mut model.state, node.like, &node.name, node.zone.as_deref());
    }
    base.add_pools(&mut model.state);
    Some(Changed { inventory, model, texts })
}

/// The verdicts at `wanted`, when all of them hold; what is played for them is kept.
fn prove(
    base: &Base<'_>,
    changed: &Changed,
    asked: &Asked,
    (wanted, played): (&[At], &mut Played),
) -> Option<Vec<AtPlacement>> {
    let all = base.asked(&changed.model.state).ok()?;
    let same: Vec<Asked> = by_key(&all).get(&key(asked)).map(|own| (*own).clone()).into_iter().collect();
    let canonical = cluster(&changed.model.state);
    for (placement, _) in wanted.iter().filter(|(_, phase)| *phase == Phase::Progress) {
        let workloads = asked.workloads().into_iter().map(str::to_owned).collect();
        let context = base.context(&changed.inventory, &changed.model);
        played.add(&context, &canonical, &workloads, *placement);
    }
    let given = Given {
        state: &changed.model.state,
        shows: false,
        runs: &[],
        played,
        states: base.states,
        states_by_score: base.states,
    };
    // A change of manifests moves no pod that is there: what is so now is proved of where the scheduler may put them anew. What can be begun
    // now is played from here.
    let is_moved = |at: &At| at.0 == Placement::Current && at.1 != Phase::Progress;
    let anew = |at: &At| if is_moved(at) { (Placement::Scheduled, at.1) } else { *at };
    let decide = |_: &Asked, _: bool| wanted.iter().map(anew).collect::<Vec<At>>();
    let decided = decide_all(&canonical, &same, &given, &decide).ok()?;
    let verdicts: Vec<AtPlacement> = decided.into_iter().flatten().map(|own| own.verdict).collect();
    let holds = |verdict: &AtPlacement| match verdict.phase {
        // Where it is not proved that they always end, that they end when they are played is enough, and is said.
        PhaseWord::Progress => verdict.verdict != VerdictWord::Violated && played.are_whole(),
        PhaseWord::Instant | PhaseWord::Recovered | PhaseWord::Removed => verdict.verdict == VerdictWord::Proved,
    };
    (verdicts.len() == wanted.len() && verdicts.iter().all(holds)).then_some(verdicts)
}

/// Whether anything is violated that was not, a rollout stands still that did not, or pods stay pending that did not.
fn breaks_other(base: &Base<'_>, changed: &Changed, asked: &Asked, mut after: Played) -> bool {
    let mut workloads: BTreeSet<String> = asked.workloads().into_iter().map(str::to_owned).collect();
    let Ok(all) = base.asked(&changed.model.state) else { return true };
    workloads.extend(asked_for(&all, |_| true));
    after.add_anew(&base.context(&changed.inventory, &changed.model), &workloads);
    if after.anew.is_worse_than(&base.played().anew) {
        return true;
    }
    match base.whole(&changed.model.state, &Played { anew: after.anew, ..Played::default() }) {
        Ok(whole) => base.breaks(&whole),
        Err(_) => true,
    }
}
