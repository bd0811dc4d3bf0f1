//! `quorate simulate`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quorate_sim::cluster::{ClusterState, NodeId, Symbol, WallClock, WorkloadKind};
use quorate_sim::explore::{ExploredStep, Likelihood, SearchLimits, explore};
use quorate_sim::failure::{Failure, FailureScope, Upgrade, failures_of, sets_of};
use quorate_sim::simulation::{
    ObjectChange, Settings, Simulation, SimulationReport, Step, StepAction, StepOutcome, StepReport,
};

use super::arguments::{FailureKind, FailuresArgument, SimulateArguments};
use super::check::MODELLED_VERSION;
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::input::{self, Input, shown};
use super::one_cluster;
use super::output;
use super::progress::{Progress, Show};
use crate::finding::{Finding, Severity};
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::collect::EmptyInput;
use crate::manifest::yaml::{self, Limits, parse_decoded};
use crate::manifest::{Inventory, Node, Origin, Typed};
use crate::model::{self, Model};
use crate::report::{Format, PlayOrder, SimulationDocument, write_simulation};
use crate::scenario::{
    self, AppliedObjects, WorkloadReference, drain_step, fail_step, find_node, find_workload, restart_step,
};

/// What is not varied when every order is followed.
const EXPLORED_FROM: &str = "every order is that of what comes at the same moment: how long things take is not varied, and pods that the \
     input leaves without a node are placed once, as --seed says";
/// The most sets of failures that `--failures` plays.
const MOST_FAILURE_SETS: u128 = 20_000;

/// Runs the command.
///
/// # Errors
/// When there is nothing to simulate, or what is named is not there.
pub(super) fn run(arguments: &SimulateArguments) -> Result<ExitStatus, CommandError> {
    let progress = Progress::new(if arguments.output.quiet { Show::Never } else { Show::OnTerminal });
    progress.say("reading manifests");
    let mut input = input::read(&arguments.input, EmptyInput::Refused)?;
    if one_cluster::is_broken(&arguments.output, &input)? {
        return Ok(ExitStatus::Usage);
    }
    let configuration = one_cluster::only(&input, "a simulation")?;
    let mut model = model::build(&configuration.inventory, &configuration.other_nodes);
    if model.state.nodes.is_empty() {
        return Err(one_cluster::no_nodes("a simulation", &configuration.inventory, &model));
    }
    let inventory = configuration.inventory.clone();
    input::add_pools(&mut model.state, &input);
    if let Some(now) = arguments.now {
        model.state.show_at_now(WallClock(now.moment.as_millisecond()));
    }
    let plan = plan(arguments, &mut input, &inventory, &mut model)?;
    progress.say("simulating");
    let (initial, mut report) = play(&model, &plan);
    if arguments.explore {
        report.assumptions.push(EXPLORED_FROM.to_owned());
        progress.say("exploring every order");
    }
    let explored = arguments.explore.then(|| explore_plan(&initial, &plan, arguments.max_states as usize));
    report.assumptions.extend(input.stray_schedulers());
    drop(progress);
    write(arguments, &plan, &report, explored.as_deref())?;
    Ok(status(&plan, &report, explored.as_deref()))
}

/// What is played.
struct Plan {
    name: String,
    settings: Settings,
    steps: Vec<Step>,
    order: PlayOrder,
}

fn plan(
    arguments: &SimulateArguments,
    input: &mut Input,
    inventory: &Inventory,
    model: &mut Model,
) -> Result<Plan, CommandError> {
    let settings = Settings { seed: arguments.seed, ..Settings::default() };
    if let Some(path) = &arguments.scenario {
        return from_file(arguments, path, input, inventory, model, settings);
    }
    if let Some(failures) = arguments.failures {
        let steps = failure_steps(&model.state, failures)?;
        let kind = match (failures.kind, failures.count) {
            (FailureKind::Nodes, 1) => "node",
            (FailureKind::Nodes, _) => "nodes",
            (FailureKind::Zones, 1) => "zone",
            (FailureKind::Zones, _) => "zones",
        };
        let name = format!("every loss of {} {kind}, each alone", failures.count);
        return Ok(Plan { name, settings, steps, order: PlayOrder::EachAlone });
    }
    if let Some(pool) = &arguments.upgrade {
        return upgrade(arguments, pool, &model.state, settings);
    }
    let state = &model.state;
    let mut steps = Vec::new();
    for text in &arguments.rollout {
        let usage = |message: String| CommandError::Usage(message);
        let reference: WorkloadReference =
            text.parse().map_err(|error: scenario::WorkloadReferenceError| usage(error.to_string()))?;
        let workload = find_workload(state, &reference, &arguments.input.namespace)
            .map_err(|nearest| usage(format!("there is no workload {text}; {nearest}")))?;
        if workload.kind == WorkloadKind::Job {
            return Err(usage(format!("{text} has no rollout: a Job's template cannot be changed")));
        }
        steps.push(plain_step(restart_step(state, workload)));
    }
    for name in &arguments.drain {
        steps.push(plain_step(drain_step(state, vec![node(state, name)?])));
    }
    for name in &arguments.fail {
        steps.push(plain_step(fail_step(state, failed_nodes(state, name)?)));
    }
    let name = steps.iter().map(|step| step.description.clone()).collect::<Vec<_>>().join(", then ");
    Ok(Plan { name, settings, steps, order: PlayOrder::OneAfterTheOther })
}

fn plain_step((action, description): (StepAction, String)) -> Step {
    Step {
        name: None,
        description,
        action,
        expected_outcome: None,
        expected_min_ready: std::collections::BTreeMap::new(),
    }
}

fn node(state: &ClusterState, name: &str) -> Result<NodeId, CommandError> {
    find_node(state, name).map_err(|problem| CommandError::Usage(problem.to_string()))
}

/// All nodes of a pool replaced, in an order that works if there is one.
fn upgrade(
    arguments: &SimulateArguments,
    pool: &str,
    state: &ClusterState,
    settings: Settings,
) -> Result<Plan, CommandError> {
    let (max_surge, max_unavailable) = match (arguments.max_surge, arguments.max_unavailable) {
        // As managed clusters do it unless told otherwise.
        (None, None) => (1, 0),
        (surge, unavailable) => (surge.unwrap_or(0), unavailable.unwrap_or(0)),
    };
    if max_surge == 0 && max_unavailable == 0 {
        let message = "with --max-surge 0 and --max-unavailable 0 no node can be replaced; give one of them".to_owned();
        return Err(CommandError::Usage(message));
    }
    let upgrade = Upgrade { nodes: pool_nodes(state, pool)?, max_surge, max_unavailable };
    let mut simulation = Simulation::new(state.clone(), &settings);
    simulation.settle();
    let order = upgrade.find_order(&simulation);
    let said = match (order.works, order.complete) {
        (true, _) => "in an order that works",
        (false, true) => "no order works, this one is as good as any",
        (false, false) => "no order that works was found",
    };
    let steps = upgrade.steps(&simulation.state, &order.nodes).into_iter().map(plain_step).collect();
    let name = format!("upgrade {pool}, {max_surge} more and {max_unavailable} fewer at a time: {said}");
    Ok(Plan { name, settings, steps, order: PlayOrder::OneAfterTheOther })
}

/// The nodes `NAME-1`, `NAME-2` and so on, or those with a label `KEY=VALUE`.
fn pool_nodes(state: &ClusterState, pool: &str) -> Result<Vec<NodeId>, CommandError> {
    let text = |symbol| state.names.text(symbol);
    let is_numbered = |name: &str| {
        let number = name.strip_prefix(pool).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let has_label = |node: &quorate_sim::cluster::Node| {
        pool.split_once('=').is_some_and(|(key, value)| {
            node.labels.iter().any(|(own, own_value)| text(own) == key && text(own_value) == value)
        })
    };
    let nodes = state.nodes.iter().filter(|(_, node)| is_numbered(text(node.name)) || has_label(node));
    let nodes: Vec<NodeId> = nodes.map(|(id, _)| *id).collect();
    if nodes.is_empty() {
        let known: Vec<&str> = state.nodes.values().take(5).map(|node| text(node.name)).collect();
        let more = if state.nodes.len() > known.len() { " and more" } else { "" };
        let known = known.join(", ");
        return Err(CommandError::Usage(format!(
            "there is no pool {pool}: no node is called {pool}-1 or has the label {pool}; the nodes are {known}{more}"
        )));
    }
    Ok(nodes)
}

/// `node/worker-1`, `worker-1`, `zone/fsn1`.
fn failed_nodes(state: &ClusterState, domain: &str) -> Result<Vec<NodeId>, CommandError> {
    let Some(zone) = domain.strip_prefix("zone/") else {
        return Ok(vec![node(state, domain.strip_prefix("node/").unwrap_or(domain))?]);
    };
    let zones = failures_of(state, FailureScope::Domains(Symbol::ZONE));
    let named = zones.iter().find(|failure| failure.text(state) == format!("zone/{zone}"));
    named.map(|failure| failure.nodes(state)).ok_or_else(|| {
        let name = |failure: &Failure| failure.text(state).trim_start_matches("zone/").to_owned();
        let known: Vec<String> = zones.iter().map(name).collect();
        let known = if known.is_empty() {
            "no node has a zone label".to_owned()
        } else {
            format!("the zones are {}", known.join(", "))
        };
        CommandError::Usage(format!("there is no zone {zone}; {known}"))
    })
}

/// One step for every set of so many domains.
fn failure_steps(state: &ClusterState, failures: FailuresArgument) -> Result<Vec<Step>, CommandError> {
    let domains: Vec<Failure> = match failures.kind {
        FailureKind::Nodes => failures_of(state, FailureScope::Nodes),
        FailureKind::Zones => failures_of(state, FailureScope::Domains(Symbol::ZONE)),
    };
    if domains.len() < failures.count {
        let message = format!("{} domains cannot fail together, there are {}", failures.count, domains.len());
        return Err(CommandError::Usage(message));
    }
    // Choosing k of n: exact, because k consecutive numbers are divisible by k!.
    let number =
        (0..failures.count).fold(1_u128, |sets, index| sets * (domains.len() - index) as u128 / (index as u128 + 1));
    if number > MOST_FAILURE_SETS {
        let message = format!("{number} sets of failures are too many to play; at most {MOST_FAILURE_SETS}");
        return Err(CommandError::Usage(message));
    }
    let step =
        |set: Vec<Failure>| plain_step(fail_step(state, set.iter().flat_map(|failure| failure.nodes(state)).collect()));
    Ok(sets_of(&domains, failures.count).into_iter().map(step).collect())
}

fn from_file(
    arguments: &SimulateArguments,
    path: &Path,
    input: &mut Input,
    inventory: &Inventory,
    model: &mut Model,
    settings: Settings,
) -> Result<Plan, CommandError> {
    let root = read_scenario(arguments, path, input)?;
    let source = input.sources.last();
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let decode = DecodeOptions { kubernetes_version: arguments.input.kubernetes_version };
    let mut sources = input.sources.clone();
    let names = &model.state.names;
    let mut known: BTreeSet<String> = model.state.nodes.values().map(|node| names.text(node.name).to_owned()).collect();
    let mut apply = |objects: AppliedObjects<'_>| -> Result<ObjectChange, String> {
        let documents: Vec<_> = match objects {
            AppliedObjects::Inline(node) => node.items().iter().map(|item| (source, item.clone())).collect(),
            AppliedObjects::Path(relative) => {
                let bytes = fs::read(folder.join(relative)).map_err(|error| format!("{relative}: {error}"))?;
                let decoded = yaml::decode(&bytes);
                let id = sources.add(relative.to_owned(), decoded.text.as_ref(), Origin::Written);
                let parsed = parse_decoded(id, &decoded, &Limits::default());
                parsed.documents.into_iter().map(|document| (id, document.root)).collect()
            }
        };
        let assembled = assemble(documents, &decode);
        if let Some(finding) = assembled.findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(finding.message.clone());
        }
        for (_, object) in assembled.inventory.applied() {
            let Typed::Node(node) = &object.typed else { continue };
            let name = object.reference.name.to_string();
            if !model::says_its_room(node) && !known.contains(&name) {
                return Err(format!("node {name} does not say how much room it has: give status.allocatable"));
            }
            known.insert(name);
        }
        Ok(model::apply_change(inventory, &assembled.inventory))
    };
    let mut read = |relative: &str| -> Result<Node, String> {
        let bytes = fs::read(folder.join(relative)).map_err(|error| format!("{relative}: {error}"))?;
        let parsed = parse_decoded(source, &yaml::decode(&bytes), &Limits::default());
        match (parsed.problems.first(), parsed.documents.into_iter().next()) {
            (None, Some(document)) => Ok(document.root),
            (Some(problem), _) => Err(format!("{relative}: {}", problem.finding().message)),
            (None, None) => Err(format!("{relative} is empty")),
        }
    };
    let namespace = &arguments.input.namespace;
    let resolved = scenario::resolve(&root, source, &mut model.state, namespace, settings, &mut apply, &mut read);
    match resolved {
        Ok(scenario) => Ok(Plan {
            name: scenario.name.unwrap_or_else(|| shown(path)),
            settings: scenario.settings,
            steps: scenario.steps,
            order: PlayOrder::OneAfterTheOther,
        }),
        Err(findings) => {
            one_cluster::write_findings(&arguments.output, input, &findings)?;
            Err(CommandError::Usage(format!("{} cannot be played", path.display())))
        }
    }
}

/// The scenario's tree; its text is the last of the sources.
fn read_scenario(arguments: &SimulateArguments, path: &Path, input: &mut Input) -> Result<Node, CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::File { path: path.display().to_string(), source })?;
    let decoded = yaml::decode(&bytes);
    let source = input.sources.add(path.display().to_string(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    let findings: Vec<Finding> = parsed.problems.iter().map(yaml::Problem::finding).collect();
    if !findings.is_empty() {
        one_cluster::write_findings(&arguments.output, input, &findings)?;
    }
    match parsed.documents.into_iter().next() {
        Some(document) if findings.is_empty() => Ok(document.root),
        Some(_) | None => Err(CommandError::Usage(format!("{} holds no scenario that can be read", path.display()))),
    }
}

/// Plays the plan; gives the cluster at rest before it, too.
/// Whether an autoscaler of this workload has a value of a metric to go by.
fn is_given_a_metric(state: &ClusterState, workload: &str) -> bool {
    let mut given = state.autoscalers.values().filter(|own| own.metrics.iter().any(|metric| metric.load.is_some()));
    given.any(|own| {
        let (namespace, name) = (state.names.text(own.target.namespace), state.names.text(own.target.name));
        format!("{}/{namespace}/{name}", own.target.kind.as_str()) == workload
    })
}

fn play(model: &Model, plan: &Plan) -> (Simulation, SimulationReport) {
    let mut simulation = Simulation::new(model.state.clone(), &plan.settings);
    simulation.settle();
    let at_rest = simulation.clone();
    let initial = simulation.summary();
    let before = simulation.assumptions();
    let steps: Vec<StepReport> = match plan.order {
        PlayOrder::OneAfterTheOther => plan.steps.iter().map(|step| simulation.play(step)).collect(),
        PlayOrder::EachAlone => {
            use rayon::prelude::*;
            plan.steps.par_iter().map(|step| simulation.clone().play(step)).collect()
        }
    };
    // Volumes that were provisioned on the way bring some of their own; what an autoscaler does that is given a metric on the way is
    // simulated.
    let after = simulation.assumptions();
    let is_played = |assumption: &&model::Assumption| match assumption {
        model::Assumption::Autoscaled(name) => !is_given_a_metric(&simulation.state, name),
        _ => true,
    };
    let mut assumptions: Vec<String> = model.assumptions.iter().filter(is_played).map(ToString::to_string).collect();
    let of_autoscaler = |said: &String| said.starts_with("horizontalpodautoscaler/");
    assumptions.extend(before.into_iter().filter(|said| !of_autoscaler(said) || after.contains(said)));
    assumptions.extend(after);
    let mut said = BTreeSet::new();
    assumptions.retain(|assumption| said.insert(assumption.clone()));
    (at_rest, SimulationReport { initial, steps, assumptions })
}

/// Everything that can happen in each step.
fn explore_plan(initial: &Simulation, plan: &Plan, states: usize) -> Vec<ExploredStep> {
    let limits = SearchLimits { states, ..SearchLimits::default() };
    match plan.order {
        PlayOrder::OneAfterTheOther => explore(initial, &plan.steps, &limits).steps,
        PlayOrder::EachAlone => {
            let alone = plan.steps.iter().map(|step| explore(initial, std::slice::from_ref(step), &limits));
            alone.flat_map(|exploration| exploration.steps).collect()
        }
    }
}

fn write(
    arguments: &SimulateArguments,
    plan: &Plan,
    report: &SimulationReport,
    explored: Option<&[ExploredStep]>,
) -> Result<(), CommandError> {
    let document = SimulationDocument {
        scenario: &plan.name,
        kubernetes: MODELLED_VERSION,
        settings: &plan.settings,
        report,
        explored,
        order: plan.order,
    };
    let style = output::style(&arguments.output);
    output::write_all(&arguments.output, &style, |format: Format, style, out| {
        write_simulation(&document, format, style, out)
    })
}

/// A step that is stuck or blocked violates, unless the scenario expects just that; so does one against its `expect`. Of everything
/// that can happen the worst counts; what was not looked at is undecided.
fn status(plan: &Plan, report: &SimulationReport, explored: Option<&[ExploredStep]>) -> ExitStatus {
    let violates = |(step, report): (&Step, &StepReport)| {
        (is_bad(report.outcome) && step.expected_outcome != Some(report.outcome)) || !report.unexpected.is_empty()
    };
    let can_violate = |(step, explored): (&Step, &ExploredStep)| {
        let possible = explored
            .outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome.likelihood, Some(Likelihood::Always | Likelihood::Sometimes)));
        let mut outcomes = possible.map(|(outcome, _)| *outcome);
        outcomes.any(|outcome| match step.expected_outcome {
            Some(expected) => outcome != expected,
            None => is_bad(outcome),
        })
    };
    let explored = explored.unwrap_or_default();
    if plan.steps.iter().zip(&report.steps).any(violates) || plan.steps.iter().zip(explored).any(can_violate) {
        ExitStatus::Violated
    } else if explored.iter().any(|step| !step.complete) {
        ExitStatus::Undecided
    } else {
        ExitStatus::Holds
    }
}

const fn is_bad(outcome: StepOutcome) -> bool {
    match outcome {
        StepOutcome::Completed | StepOutcome::Allowed => false,
        StepOutcome::Denied429
        | StepOutcome::Denied500
        | StepOutcome::Refused
        | StepOutcome::Failed
        | StepOutcome::Blocked
        | StepOutcome::Stuck
        | StepOutcome::Livelock => true,
    }
}
