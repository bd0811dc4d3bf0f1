//! `quorate simulate`.

use std::collections::BTreeSet;

use quorate_sim::cluster::{ClusterState, WallClock};
use quorate_sim::explore::{ExploredStep, Likelihood, SearchLimits, explore};
use quorate_sim::simulation::{Settings, Simulation, SimulationReport, Step, StepOutcome, StepReport};

use super::plan::{Plan, plan};
use super::saved_state::{self, Inherited, Origins, Reading, SavedScenario, at_rest};
use crate::command::arguments::SimulateArguments;
use crate::command::check::MODELLED_VERSION;
use crate::command::error::CommandError;
use crate::command::exit_status::ExitStatus;
use crate::command::progress::{Progress, Show};
use crate::command::{input, one_cluster, output};
use crate::manifest::collect::EmptyInput;
use crate::model::{self, Model};
use crate::report::{Format, PlayOrder, SimulationDocument, write_simulation};

/// What is not varied when every order is followed.
const EXPLORED_FROM: &str = "every order is that of what comes at the same moment: how long things take is not varied, and pods that the \
     input leaves without a node are placed once, as --seed says";

/// Runs the command.
///
/// # Errors
/// When there is nothing to simulate, or what is named is not there.
pub(in crate::command) fn run(arguments: &SimulateArguments) -> Result<ExitStatus, CommandError> {
    let progress = Progress::new(if arguments.output.quiet { Show::Never } else { Show::OnTerminal });
    progress.say("reading manifests");
    let (mut input, resumed_from) = match &arguments.resume {
        Some(path) => {
            let (input, reading) = saved_state::read(path, &arguments.input)?;
            (input, Some(reading))
        }
        None => (input::read(&arguments.input, EmptyInput::Refused)?, None),
    };
    if one_cluster::is_broken(&arguments.output, &input)? {
        return Ok(ExitStatus::Usage);
    }
    let configuration = one_cluster::only(&input, "a simulation")?;
    let mut model = model::build(&configuration.inventory, &configuration.other_nodes);
    if model.state.nodes.is_empty() {
        return Err(one_cluster::no_nodes("a simulation", &configuration.inventory, &model));
    }
    let (inventory, other_nodes) = (configuration.inventory.clone(), configuration.other_nodes.clone());
    input::add_pools(&mut model.state, &input);
    let given = arguments.now.map(|now| WallClock(now.moment.as_millisecond()));
    let began_at = resumed_from.as_ref().map_or(given, Reading::began_at);
    if let Some(now) = began_at {
        model.state.show_at_now(now);
    }
    progress.say("simulating");
    let resume = |own: &Reading| own.resume(&arguments.input, (&input.sources, &inventory), &mut model);
    let resumed = resumed_from.as_ref().map(resume).transpose()?;
    let (inherited, mut scenarios) = resumed.unwrap_or_else(|| {
        let settings = Settings { seed: arguments.seed, ..Settings::default() };
        (Inherited::nothing(settings), Vec::new())
    });
    let mut left = inherited.left.clone();
    let state = left.as_mut().map_or(&mut model.state, |simulation| &mut simulation.state);
    let (plan, document) = plan(arguments, &mut input, &inventory, state, &inherited)?;
    let start = left.unwrap_or_else(|| at_rest(&model.state, &plan.settings));
    let (end, mut report) = play(&model, start.clone(), &plan);
    if arguments.explore {
        report.assumptions.push(EXPLORED_FROM.to_owned());
        progress.say("exploring every order");
    }
    let explored = arguments.explore.then(|| explore_plan(&start, &plan, arguments.max_states as usize));
    report.assumptions.extend(input.stray_schedulers());
    drop(progress);
    write(arguments, &plan, &report, explored.as_deref())?;
    if let (Some(path), Some(scenario)) = (&arguments.save, document) {
        scenarios.push(SavedScenario { namespace: arguments.input.namespace.clone(), scenario });
        let origins = Origins {
            input: &input,
            inventory: &inventory,
            other_nodes: &other_nodes,
            began_at,
            seed: plan.settings.seed,
            scenarios,
        };
        saved_state::save(path, origins, &end)?;
    }
    Ok(status(&plan, &report, explored.as_deref()))
}

/// Whether an autoscaler of this workload has a value of a metric to go by.
fn is_given_a_metric(state: &ClusterState, workload: &str) -> bool {
    let mut given = state.autoscalers.values().filter(|own| own.metrics.iter().any(|metric| metric.load.is_some()));
    given.any(|own| {
        let (namespace, name) = (state.names.text(own.target.namespace), state.names.text(own.target.name));
        format!("{}/{namespace}/{name}", own.target.kind.as_str()) == workload
    })
}

/// Plays the plan; gives the cluster at its end, too.
fn play(model: &Model, mut simulation: Simulation, plan: &Plan) -> (Simulation, SimulationReport) {
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
    (simulation, SimulationReport { initial, steps, assumptions })
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
