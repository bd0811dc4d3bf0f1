//! The command: read, decide, check, write.

use std::path::Path;
use std::time::Instant;

use quorate_proof::Checker;
use quorate_proof::claim::Placement as ProofPlacement;
use quorate_proof::cluster::Cluster;
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{Problem, cluster, run as play};
use quorate_sim::simulation::{Settings, Simulation};
use rayon::prelude::*;

use super::guarantees::{Asked, asked, nearest, proof_failures, proof_placement};
use super::verdicts::{Broken, Decided, Prover, Runs, phase_word};
use super::{files, scenario};
use crate::command::arguments::{InputArguments, ProveArguments};
use crate::command::check::MODELLED_VERSION;
use crate::command::error::CommandError;
use crate::command::exit_status::ExitStatus;
use crate::command::input::shown;
use crate::command::progress::{Progress, Show};
use crate::command::{input, one_cluster, output};
use crate::environment::{Failures, Phase, Placement};
use crate::manifest::collect::EmptyInput;
use crate::model;
use crate::report::{AtPlacement, GuaranteeReport, ProofDocument, Replayable, VerdictWord, write_proof};

const PLACEMENTS: [Placement; 4] = [Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable];
const PHASES: [Phase; 3] = [Phase::Instant, Phase::Recovered, Phase::Removed];

/// With more pods than this the scheduler is run once only.
const MANY_PODS: i64 = 2_000;

/// Runs the command.
///
/// # Errors
/// When there is nothing to prove, or a file cannot be written.
pub(in crate::command) fn run(arguments: &ProveArguments) -> Result<ExitStatus, CommandError> {
    let started = Instant::now();
    let progress = Progress::new(if arguments.output.quiet { Show::Never } else { Show::OnTerminal });
    progress.say("reading manifests");
    let input = input::read(&arguments.input, EmptyInput::Refused)?;
    if one_cluster::is_broken(&arguments.output, &input)? {
        return Ok(ExitStatus::Usage);
    }
    let configuration = one_cluster::only(&input, "a proof")?;
    let mut model = model::build(&configuration.inventory, &configuration.other_nodes);
    if model.state.nodes.is_empty() {
        return Err(one_cluster::no_nodes("a proof", &configuration.inventory, &model));
    }
    input::add_pools(&mut model.state, &input);
    let canonical = cluster(&model.state);
    let failures: Vec<Failures> =
        if arguments.failures.is_empty() { vec![Failures::Nodes(1)] } else { arguments.failures.clone() };
    let declared = input.environment.spec().guarantees;
    let (mut all, no_promises) = asked(&canonical, &declared, &failures)?;
    keep_wanted(&mut all, &canonical, arguments)?;
    progress.say("playing the scheduler");
    let settings = Settings { seed: arguments.seed, ..Settings::default() };
    let runs = runs(&model.state, &canonical, &settings, &all);
    progress.say("proving");
    let decided = decide_all(&model.state, &canonical, &all, &runs, arguments.max_states as usize)?;
    progress.say("writing proof files");
    let directory = (!arguments.no_proofs).then_some(arguments.proofs.as_path());
    let scenarios = Scenarios { state: &model.state, input: &arguments.input };
    let reports = keep(&all, decided, directory, &scenarios)?;
    drop(progress);
    let mut assumptions = general_assumptions(&canonical, &model.state);
    assumptions.extend(without_domain(&canonical, &all));
    assumptions.extend(Simulation::new(model.state.clone(), &settings).assumptions());
    assumptions.extend(input.stray_schedulers());
    let shown_directory = directory.map(shown);
    let document = ProofDocument {
        kubernetes: MODELLED_VERSION,
        guarantees: &reports.guarantees,
        no_promises: &no_promises,
        assumptions: &assumptions,
        has_current: has_current(&canonical),
        proofs: shown_directory.as_deref().filter(|_| reports.files > 0),
        elapsed: Some(started.elapsed()),
    };
    let style = output::style(&arguments.output);
    output::write_all(&arguments.output, &style, |format, style, out| write_proof(&document, format, style, out))?;
    Ok(all
        .iter()
        .zip(&reports.guarantees)
        .map(|(asked, report)| status(asked, report))
        .fold(ExitStatus::Holds, ExitStatus::worst))
}

/// Only guarantees about the workloads that were named.
fn keep_wanted(all: &mut Vec<Asked>, cluster: &Cluster, arguments: &ProveArguments) -> Result<(), CommandError> {
    let full = |name: &String| match name.split('/').count() {
        2 => name.replacen('/', &format!("/{}/", arguments.input.namespace), 1),
        _ => name.clone(),
    };
    let wanted: Vec<String> = arguments.workload.iter().map(full).collect();
    if let Some(missing) = wanted.iter().find(|name| !cluster.workloads.contains_key(*name)) {
        let nearest = nearest(cluster, missing);
        return Err(CommandError::Usage(format!("the input has no {missing}; it has {nearest}")));
    }
    all.retain(|asked| wanted.is_empty() || asked.workloads().iter().any(|name| wanted.iter().any(|own| own == name)));
    Ok(())
}

/// Whether a pod that the scheduler places is on a node.
fn has_current(cluster: &Cluster) -> bool {
    Problem::new(cluster, &[]).has_bound_pods()
}

/// The scheduler's own placements, with what failures do then.
fn runs(state: &ClusterState, cluster: &Cluster, settings: &Settings, all: &[Asked]) -> Vec<Runs> {
    let pods: i64 = cluster.workloads.values().map(|workload| workload.replicas).sum();
    let number = if pods > MANY_PODS { 1 } else { 8 };
    let mut kinds: Vec<Failures> = Vec::new();
    for asked in all {
        if !kinds.contains(&asked.failures) {
            kinds.push(asked.failures.clone());
        }
    }
    let one = |failures: &Failures| {
        let seeds: Vec<u64> = (0..number).map(|offset| settings.seed.wrapping_add(offset)).collect();
        let runs = seeds
            .par_iter()
            .map(|seed| play(state, &Settings { seed: *seed, ..*settings }, &proof_failures(failures)))
            .collect();
        Runs { failures: failures.clone(), runs }
    };
    kinds.iter().map(one).collect()
}

fn decide_all(
    state: &ClusterState,
    cluster: &Cluster,
    all: &[Asked],
    runs: &[Runs],
    states: usize,
) -> Result<Vec<Vec<Decided>>, CommandError> {
    let defect = |error: &dyn std::fmt::Display| CommandError::Defect(format!("the canonical cluster: {error}"));
    let digest = cluster.digest().map_err(|error| defect(&error))?;
    let checker = Checker::new(cluster).map_err(|error| defect(&error))?;
    let labels: Vec<String> = all
        .iter()
        .filter_map(|asked| match proof_failures(&asked.failures).domain {
            quorate_proof::claim::Domain::Node => None,
            quorate_proof::claim::Domain::Label(label) => Some(label),
        })
        .collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let problem = Problem::new(cluster, &labels);
    let prover = Prover { state, cluster, problem: &problem, checker: &checker, digest: &digest, runs, states };
    let has_current = problem.has_bound_pods();
    let decide = |asked: &Asked| -> Vec<Decided> {
        let mut decided = Vec::new();
        for placement in PLACEMENTS {
            if placement == Placement::Current && !has_current {
                continue;
            }
            decided.extend(PHASES.into_iter().map(|phase| prover.decide(asked, placement, phase)));
        }
        if let Some((placement, _)) = asked.declared.as_ref().filter(|(_, phases)| phases.contains(&Phase::Progress)) {
            decided.push(prover.decide(asked, *placement, Phase::Progress));
        }
        decided
    };
    Ok(all.par_iter().map(decide).collect())
}

/// What is reported, once the proof files are kept.
struct Kept {
    guarantees: Vec<GuaranteeReport>,
    files: usize,
}

/// What scenario files of witnesses are written with.
struct Scenarios<'a> {
    state: &'a ClusterState,
    input: &'a InputArguments,
}

impl Scenarios<'_> {
    /// Writes the scenario of what breaks a claim; gives its path.
    fn write(&self, directory: &Path, asked: &Asked, broken: &Broken) -> Result<Option<Replayable>, CommandError> {
        let path = files::scenario_path(directory, &broken.claim);
        let command = format!("quorate simulate {} --scenario {path}", self.input.as_written());
        let name = asked.broken_text(&broken.claim);
        let comment = format!("{name}.\nPlay it: {command}");
        let Some(text) = scenario::written(self.state, &broken.replay, &comment, &name) else { return Ok(None) };
        files::write_scenario(&path, &text)?;
        Ok(Some(Replayable { scenario: path, command }))
    }
}

fn keep(
    all: &[Asked],
    decided: Vec<Vec<Decided>>,
    directory: Option<&Path>,
    scenarios: &Scenarios<'_>,
) -> Result<Kept, CommandError> {
    let mut kept = Kept { guarantees: Vec::new(), files: 0 };
    if let Some(directory) = directory {
        files::prepare(directory)?;
    }
    for (asked, decided) in all.iter().zip(decided) {
        let mut verdicts = Vec::new();
        for Decided { mut verdict, proof, replay } in decided {
            if let (Some(directory), Some(broken), Some(witness)) = (directory, &replay, &mut verdict.witness) {
                witness.scenario = scenarios.write(directory, asked, broken)?;
            }
            if let (Some(directory), Some(proof)) = (directory, proof) {
                verdict.proof = Some(files::write(directory, &proof)?);
                kept.files += 1;
            }
            verdicts.push(verdict);
        }
        kept.guarantees.push(GuaranteeReport {
            subject: asked.subject.clone(),
            declared: asked.declared.is_some(),
            at_least: asked.at_least,
            of: asked.of,
            failures: proof_failures(&asked.failures),
            verdicts,
        });
    }
    Ok(kept)
}

/// A declared guarantee counts at its placement and phases; a derived one where it is violated now or as the scheduler scores.
fn status(asked: &Asked, report: &GuaranteeReport) -> ExitStatus {
    let counts = |verdict: &AtPlacement| match &asked.declared {
        Some((placement, phases)) => {
            proof_placement(*placement) == verdict.placement
                && phases.iter().any(|phase| phase_word(*phase) == verdict.phase)
        }
        None => {
            let shown = matches!(verdict.placement, ProofPlacement::Current | ProofPlacement::Scheduled);
            shown && verdict.verdict == VerdictWord::Violated
        }
    };
    let of = |verdict: &AtPlacement| match verdict.verdict {
        VerdictWord::Proved => ExitStatus::Holds,
        VerdictWord::Violated => ExitStatus::Violated,
        VerdictWord::Undecided => ExitStatus::Undecided,
    };
    report.verdicts.iter().filter(|verdict| counts(verdict)).map(of).fold(ExitStatus::Holds, ExitStatus::worst)
}

/// Nodes that no failure of a label takes, for they do not have it.
fn without_domain(cluster: &Cluster, all: &[Asked]) -> Vec<String> {
    let labels: std::collections::BTreeSet<String> = all
        .iter()
        .filter_map(|asked| match proof_failures(&asked.failures).domain {
            quorate_proof::claim::Domain::Node => None,
            quorate_proof::claim::Domain::Label(label) => Some(label),
        })
        .collect();
    let missing = |label: &String| {
        let without = cluster.nodes.values().filter(|node| !node.labels.contains_key(label)).count();
        (0 < without && without < cluster.nodes.len())
            .then(|| format!("{without} of {} nodes have no label {label} and do not fail", cluster.nodes.len()))
    };
    labels.iter().filter_map(missing).collect()
}

/// What every verdict takes for granted.
fn general_assumptions(cluster: &Cluster, state: &ClusterState) -> Vec<String> {
    let mut assumptions = vec![
        "pods that are placed become ready, and those that run stay so unless their node fails".to_owned(),
        "kube-scheduler is the only scheduler; nodes keep their labels, taints and capacity, and none joins anew"
            .to_owned(),
        "a node that fails takes nothing with it but its pods: a store's quorum or data is another question".to_owned(),
    ];
    if !state.cron_jobs.is_empty() {
        assumptions.push("pods of CronJobs are not running".to_owned());
    }
    let spreads = cluster.workloads.values().filter_map(|workload| cluster.shapes.get(workload.shape));
    let counts_existing_domains = spreads.flat_map(|shape| &shape.spread).any(|spread| spread.min_domains <= 1);
    if counts_existing_domains {
        assumptions.push(
            "spread constraints without minDomains count the domains that have nodes: where a zone's nodes may be deleted and \
             join again, they promise nothing"
                .to_owned(),
        );
    }
    assumptions
}
