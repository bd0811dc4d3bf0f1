//! The command: read, decide, check, write.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use quorate_proof::cluster::Cluster;
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::cluster;
use quorate_sim::simulation::{Settings, Simulation};

use super::deciding::{self, Given, counts, decide_all, every_claim};
use super::guarantees::{Asked, asked, nearest, proof_failures};
use super::progress::Played;
use super::repair::{Base, Effort, Found, Patch, search};
use super::verdicts::{Broken, Decided};
use super::verify::rests_on_scores;
use super::{files, scenario};
use crate::command::arguments::{InputArguments, ProveArguments, RepairsArgument};
use crate::command::check::MODELLED_VERSION;
use crate::command::error::CommandError;
use crate::command::exit_status::ExitStatus;
use crate::command::input::{Configuration, shown};
use crate::command::progress::{Progress, Show};
use crate::command::{input, one_cluster, output};
use crate::environment::{EnvironmentSpec, Failures};
use crate::manifest::collect::EmptyInput;
use crate::model::{self, Model};
use crate::policy::Facts;
use crate::policy::simulation::Context;
use crate::report::{
    AtPlacement, GuaranteeReport, GuaranteeSubject, NoPromise, Promiser, ProofDocument, Repairs, Replayable,
    VerdictWord, write_proof,
};

/// To prove a repaired cluster a search looks at so many states at most, for it is done for every change.
const REPAIR_STATES: usize = 2_000;

/// What is taken for granted where a proof rests on the scheduler's scores.
const SCORES: &str =
    "kube-scheduler scores nodes as computed here: the checker of proof files takes the scores for granted";

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
    let failures = failures(arguments);
    let environment = input.environment.spec();
    let (mut all, mut no_promises) = asked(&canonical, (&environment).into(), &failures)?;
    keep_wanted(&mut all, &mut no_promises, &canonical, arguments)?;
    progress.say("playing the scheduler");
    let settings = Settings { seed: arguments.seed, ..Settings::default() };
    let runs = deciding::runs(&model.state, &canonical, &settings, &all, deciding::MOST_RUNS);
    progress.say("proving");
    let played = played(configuration, &model, &environment, arguments.seed, (&canonical, &all));
    let states = arguments.max_states as usize;
    let given =
        Given { state: &model.state, shows: true, runs: &runs, played: &played, states, states_by_score: states };
    let decided = decide_all(&canonical, &all, &given, &every_claim)?;
    progress.say("looking for repairs");
    let base = Base {
        input: &input,
        configuration,
        environment: &environment,
        model: &model,
        failures: &failures,
        seed: arguments.seed,
        subjects: violated_workloads(&all, &decided),
        states: REPAIR_STATES.min(states),
        known: OnceLock::new(),
        played: OnceLock::new(),
    };
    let found = repairs(&base, &canonical, &all, &decided, arguments);
    progress.say("writing proof files");
    let directory = (!arguments.no_proofs).then_some(arguments.proofs.as_path());
    let scenarios = Scenarios { state: &model.state, input: &arguments.input };
    let mut assumptions = assumptions(&canonical, &model.state, &settings, &all, &decided);
    assumptions.extend(input.stray_schedulers());
    let mut reports = keep(&all, decided, directory, &scenarios)?;
    let patches = number(&mut reports.guarantees, found);
    drop(progress);
    let shown_directory = directory.map(shown);
    let document = ProofDocument {
        kubernetes: MODELLED_VERSION,
        guarantees: &reports.guarantees,
        no_promises: &no_promises,
        assumptions: &assumptions,
        has_current: deciding::has_current(&canonical),
        proofs: shown_directory.as_deref().filter(|_| reports.files > 0),
        elapsed: Some(started.elapsed()),
    };
    let style = output::style(&arguments.output);
    output::write_all(&arguments.output, &style, |format, style, out| write_proof(&document, format, style, out))?;
    if let Some(number) = arguments.write {
        make(usize::from(number), &patches)?;
    }
    let statuses = all.iter().zip(&reports.guarantees).map(|(asked, report)| status(asked, report));
    Ok(statuses.fold(ExitStatus::Holds, ExitStatus::worst))
}

/// What is taken for granted, and what the model leaves out.
fn assumptions(
    cluster: &Cluster,
    state: &ClusterState,
    settings: &Settings,
    all: &[Asked],
    decided: &[Vec<Decided>],
) -> Vec<String> {
    let mut assumptions = general_assumptions(cluster, state);
    if decided.iter().flatten().any(|own| own.proof.as_deref().is_some_and(rests_on_scores)) {
        assumptions.push(SCORES.to_owned());
    }
    assumptions.extend(of_stores(all).map(str::to_owned));
    assumptions.extend(without_domain(cluster, all));
    assumptions.extend(Simulation::new(state.clone(), settings).assumptions());
    assumptions
}

/// What may fail at once, for guarantees that are derived.
fn failures(arguments: &ProveArguments) -> Vec<Failures> {
    if arguments.failures.is_empty() { vec![Failures::Nodes(1)] } else { arguments.failures.clone() }
}

/// Plays the rollouts and drains that are declared to end.
fn played(
    configuration: &Configuration,
    model: &Model,
    environment: &EnvironmentSpec,
    seed: u64,
    (cluster, all): (&Cluster, &[Asked]),
) -> Played {
    let facts = Facts { spec: &serde_json::Value::Null, documents: &[] };
    let context = Context { inventory: &configuration.inventory, model, environment, facts, seed };
    super::progress::play(&context, cluster, all)
}

/// Only guarantees, and data stores, about the workloads that were named.
fn keep_wanted(
    all: &mut Vec<Asked>,
    no_promises: &mut Vec<NoPromise>,
    cluster: &Cluster,
    arguments: &ProveArguments,
) -> Result<(), CommandError> {
    let full = |name: &String| match name.split('/').count() {
        2 => name.replacen('/', &format!("/{}/", arguments.input.namespace), 1),
        _ => name.clone(),
    };
    let wanted: Vec<String> = arguments.workload.iter().map(full).collect();
    if let Some(missing) = wanted.iter().find(|name| !cluster.workloads.contains_key(*name)) {
        let nearest = nearest(cluster, missing);
        return Err(CommandError::Usage(format!("the input has no {missing}; it has {nearest}")));
    }
    if !wanted.is_empty() {
        let is_wanted = |name: &str| wanted.iter().any(|own| own == name);
        all.retain(|asked| asked.workloads().into_iter().any(is_wanted));
        no_promises.retain(|own| match own.whose {
            Promiser::Budget(_) => true,
            Promiser::DataStore(_) => own.workloads.iter().any(|name| is_wanted(name)),
        });
    }
    Ok(())
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
            repairs: Repairs::default(),
        });
    }
    Ok(kept)
}

/// Changes with which violated guarantees are proved to hold.
fn repairs(
    base: &Base<'_>,
    cluster: &Cluster,
    all: &[Asked],
    decided: &[Vec<Decided>],
    arguments: &ProveArguments,
) -> Vec<Found> {
    let pods: i64 = cluster.workloads.values().map(|workload| workload.replicas).sum();
    let tries = usize::from(arguments.max_tries) / if pods > deciding::MANY_PODS { 10 } else { 1 };
    let effort = Effort { all: arguments.repairs == RepairsArgument::All, tries };
    let of = |(asked, decided): (&Asked, &Vec<Decided>)| match arguments.repairs {
        RepairsArgument::None => Found::default(),
        RepairsArgument::Counted | RepairsArgument::All => {
            let verdicts: Vec<&AtPlacement> = decided.iter().map(|own| &own.verdict).collect();
            search(base, asked, &verdicts, effort)
        }
    };
    all.iter().zip(decided).map(of).collect()
}

/// The workloads of guarantees that are violated.
fn violated_workloads(all: &[Asked], decided: &[Vec<Decided>]) -> BTreeSet<String> {
    let is_violated = |decided: &[Decided]| decided.iter().any(|own| own.verdict.verdict == VerdictWord::Violated);
    let violated = all.iter().zip(decided).filter(|(_, decided)| is_violated(decided));
    violated.flat_map(|(asked, _)| asked.workloads()).map(str::to_owned).collect()
}

/// Puts the repairs into the reports, numbered through, and gives what each writes.
fn number(guarantees: &mut [GuaranteeReport], found: Vec<Found>) -> Vec<Patch> {
    let mut patches = Vec::new();
    for (guarantee, mut found) in guarantees.iter_mut().zip(found) {
        for (repair, patch) in found.repairs.found.iter_mut().zip(found.patches) {
            patches.push(patch);
            repair.number = patches.len();
        }
        guarantee.repairs = found.repairs;
    }
    patches
}

/// Makes the change with this number. What was said of it goes to standard error: standard output is the report's.
fn make(number: usize, patches: &[Patch]) -> Result<(), CommandError> {
    let Some(patch) = number.checked_sub(1).and_then(|index| patches.get(index)) else {
        let there_are = match patches.len() {
            0 => "no change was proved".to_owned(),
            1 => "there is only change 1".to_owned(),
            most => format!("there are changes 1 to {most}"),
        };
        return Err(CommandError::Usage(format!("there is no change {number} to write: {there_are}")));
    };
    for path in patch.write()? {
        let _ =
            writeln!(io::stderr(), "quorate: change {number} is written to {path}; the report above is from before it");
    }
    Ok(())
}

fn status(asked: &Asked, report: &GuaranteeReport) -> ExitStatus {
    let of = |verdict: &AtPlacement| match verdict.verdict {
        VerdictWord::Proved => ExitStatus::Holds,
        VerdictWord::Violated => ExitStatus::Violated,
        VerdictWord::Undecided => ExitStatus::Undecided,
    };
    report.verdicts.iter().filter(|verdict| counts(asked, verdict)).map(of).fold(ExitStatus::Holds, ExitStatus::worst)
}

/// Nodes that no failure of a label takes, for they do not have it.
fn without_domain(cluster: &Cluster, all: &[Asked]) -> Vec<String> {
    let labels: BTreeSet<String> = all
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

/// What is taken for granted of data stores.
fn of_stores(all: &[Asked]) -> Option<&'static str> {
    let is_store = |asked: &Asked| matches!(asked.subject, GuaranteeSubject::DataStore { .. });
    all.iter().any(is_store).then_some(
        "of a data store: each pod that is ready is a member in step with the others, has its data wherever it starts again, and          may lead or hold any copy; what is lost is lost at the same time; stores that quorate.yaml does not declare are not known",
    )
}

/// What every verdict takes for granted.
fn general_assumptions(cluster: &Cluster, state: &ClusterState) -> Vec<String> {
    let mut assumptions = vec![
        "pods that are placed become ready, and those that run stay so unless their node fails".to_owned(),
        "kube-scheduler is the only scheduler; nodes keep their labels, taints and capacity; none joins anew, and none goes but by \
         the failures in question"
            .to_owned(),
        "a node that fails takes nothing with it but its pods; whether acknowledged data is lost with a disk is another question"
            .to_owned(),
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
