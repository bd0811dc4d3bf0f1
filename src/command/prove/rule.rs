//! Rules `guarantee-violated` and `guarantee-undecided` of `quorate check`: guarantees decided as `quorate prove` does it,
//! with less effort.

use std::sync::Arc;

use quorate_sim::prove::cluster;
use quorate_sim::simulation::Settings;

use super::deciding::{self, At, Given, decide_all};
use super::guarantees::{Asked, Declarations, asked};
use super::rule_finding;
use super::verdicts::Decided;
use crate::command::input::{self, Input};
use crate::environment::{Failures, Guarantee, Phase, Placement};
use crate::finding::NotEvaluated;
use crate::policy::Evaluation;
use crate::policy::simulation::{Context, GUARANTEE_UNDECIDED, GUARANTEE_VIOLATED};
use crate::report::{NoPromise, Promiser, VerdictWord};

/// A search looks at so many states at most: a check is to be fast, and `quorate prove` goes further.
const STATES: usize = 500;

/// The scheduler is run so often.
const RUNS: u64 = 2;

/// With more pods than this only declared guarantees are decided.
const MANY_PODS: i64 = 2_000;

/// Evaluates the rules for which `runs` is true. Without nodes there is nothing to decide.
pub(in crate::command) fn evaluate(context: &Context<'_>, input: &Input, runs: &dyn Fn(&str) -> bool) -> Evaluation {
    let mut evaluation = Evaluation::default();
    let wanted = runs(GUARANTEE_VIOLATED) || runs(GUARANTEE_UNDECIDED);
    if !wanted || context.model.state.nodes.is_empty() || context.model.workloads.is_empty() {
        return evaluation;
    }
    let pods = context.model.state.pods.len();
    if context.environment.guarantees.is_empty() && pods > usize::try_from(MANY_PODS).unwrap_or(usize::MAX) {
        evaluation.not_evaluated.push(too_large());
        return evaluation;
    }
    let mut state = context.model.state.clone();
    input::add_pools(&mut state, input);
    let canonical = cluster(&state);
    let is_there = |own: &&Guarantee| canonical.workloads.contains_key(&String::from(own.workload.clone()));
    let (declared, absent): (Vec<&Guarantee>, Vec<&Guarantee>) =
        context.environment.guarantees.iter().partition(is_there);
    // Of several charts or overlays another one may have it.
    if input.configurations.len() == 1 {
        evaluation.not_evaluated.extend(absent.into_iter().map(not_there));
    }
    let declared: Vec<Guarantee> = declared.into_iter().cloned().collect();
    let is_large = canonical.workloads.values().map(|own| own.replicas).sum::<i64>() > MANY_PODS;
    let failures = if is_large { Vec::new() } else { vec![Failures::Nodes(1)] };
    if is_large {
        evaluation.not_evaluated.push(too_large());
    }
    let declarations = Declarations { guarantees: &declared, data_stores: &context.environment.data_stores };
    let Ok((mut all, no_promises)) = asked(&canonical, declarations, &failures) else { return evaluation };
    evaluation.not_evaluated.extend(no_promises.iter().filter_map(not_declared));
    leave_out_what_is_declared(&mut all);
    if all.is_empty() {
        return evaluation;
    }
    let settings = Settings { seed: context.seed, ..Settings::default() };
    let scheduled = deciding::runs(&state, &canonical, &settings, &all, RUNS);
    let played = super::progress::play(context, &canonical, &all);
    let given = Given {
        state: &state,
        shows: true,
        runs: &scheduled,
        played: &played,
        states: STATES,
        states_by_score: STATES,
    };
    // A cluster that the checker refuses is a defect that `quorate prove` reports.
    let Ok(decided) = decide_all(&canonical, &all, &given, &claims) else { return evaluation };
    for (asked, decided) in all.iter().zip(decided) {
        findings_of(context, asked, &decided, runs, &mut evaluation);
    }
    evaluation
}

fn findings_of(
    context: &Context<'_>,
    asked: &Asked,
    decided: &[Decided],
    runs: &dyn Fn(&str) -> bool,
    evaluation: &mut Evaluation,
) {
    let of = |word: VerdictWord| {
        let verdicts = decided.iter().map(|own| &own.verdict);
        verdicts.filter(move |verdict| verdict.verdict == word).collect::<Vec<_>>()
    };
    let violated = of(VerdictWord::Violated);
    if !violated.is_empty() && runs(GUARANTEE_VIOLATED) {
        evaluation.findings.push(rule_finding::violated(context, asked, &violated));
    }
    let mut undecided = of(VerdictWord::Undecided);
    // That a rollout or a drain is not proved to end is no finding: the rules about rollouts and drains play them.
    undecided.retain(|verdict| verdict.phase != crate::report::PhaseWord::Progress);
    if asked.declared.is_some() && !undecided.is_empty() && runs(GUARANTEE_UNDECIDED) {
        evaluation.findings.push(rule_finding::undecided(context, asked, &undecided));
    }
}

/// Declared guarantees at their placement and phases, others wherever a violation is told.
fn claims(asked: &Asked, has_current: bool) -> Vec<At> {
    let phases = [Phase::Instant, Phase::Recovered, Phase::Removed];
    match &asked.declared {
        Some((placement, _)) if *placement == Placement::Current && !has_current => Vec::new(),
        Some((placement, phases)) => phases.iter().map(|phase| (*placement, *phase)).collect(),
        None => {
            let placements = [Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable];
            let known = placements.into_iter().filter(|placement| has_current || *placement != Placement::Current);
            known.flat_map(|placement| phases.map(|phase| (placement, phase))).collect()
        }
    }
}

/// What someone declares need not be derived as well.
fn leave_out_what_is_declared(all: &mut Vec<Asked>) {
    let declared: Vec<Asked> = all.iter().filter(|asked| asked.declared.is_some()).cloned().collect();
    let covers = |own: &Asked, other: &Asked| {
        own.failures == other.failures && own.at_least >= other.at_least && own.workloads() == other.workloads()
    };
    all.retain(|asked| asked.declared.is_some() || !declared.iter().any(|own| covers(own, asked)));
}

fn too_large() -> NotEvaluated {
    let needs = format!("at most {MANY_PODS} pods for what nobody declares: quorate prove decides it");
    NotEvaluated { rule: Arc::from(GUARANTEE_VIOLATED), needs }
}

fn not_there(guarantee: &Guarantee) -> NotEvaluated {
    let name = String::from(guarantee.workload.clone());
    let needs = format!("{name} in the input: quorate.yaml guarantees {} of its pods", guarantee.min_available);
    NotEvaluated { rule: Arc::from(GUARANTEE_VIOLATED), needs }
}

/// What quorate.yaml does not say of a data store, without which nobody knows what its writes need.
fn not_declared(own: &NoPromise) -> Option<NotEvaluated> {
    let field = own.undeclared?;
    let (Promiser::DataStore(name) | Promiser::Budget(name)) = &own.whose;
    Some(NotEvaluated { rule: Arc::from(GUARANTEE_VIOLATED), needs: format!("of {name} in quorate.yaml {field}") })
}
