//! The command: read, place, answer, write.

use rayon::prelude::*;

use super::cluster::Cluster;
use super::decision::{Answered, answer};
use super::question;
use crate::command::arguments::ScheduleArguments;
use crate::command::check::MODELLED_VERSION;
use crate::command::error::CommandError;
use crate::command::exit_status::ExitStatus;
use crate::command::input::{self, Input};
use crate::command::progress::{Progress, Show};
use crate::command::{one_cluster, output};
use crate::manifest::collect::EmptyInput;
use crate::report::{Format, ReportError, ScheduleAnswer, ScheduleDocument, write_schedule, write_schedule_line};

/// Runs the command.
///
/// # Errors
/// When there are no nodes, or there is no pod to ask about.
pub(in crate::command) fn run(arguments: &ScheduleArguments) -> Result<ExitStatus, CommandError> {
    let progress = Progress::new(if arguments.output.quiet { Show::Never } else { Show::OnTerminal });
    if arguments.pods.is_some() && arguments.output.outputs.iter().any(|output| output.format != Format::Json) {
        let message = "--pods writes a line of JSON for each pod; leave -o away or write -o json";
        return Err(CommandError::Usage(message.to_owned()));
    }
    progress.say("reading manifests");
    let mut input = input::read(&arguments.input, EmptyInput::Refused)?;
    if one_cluster::is_broken(&arguments.output, &input)? {
        return Ok(ExitStatus::Usage);
    }
    let configuration = one_cluster::only(&input, "the question where a pod can go")?;
    let (inventory, other_nodes) = (configuration.inventory.clone(), configuration.other_nodes.clone());
    let Some(question) = question::read(arguments, &mut input, &inventory)? else { return Ok(ExitStatus::Usage) };
    progress.say("placing pods");
    let mut cluster = Cluster::new(question.inventory, &other_nodes, arguments.placement, arguments.seed);
    if cluster.model.state.nodes.is_empty() {
        return Err(one_cluster::no_nodes("the question where a pod can go", &cluster.inventory, &cluster.model));
    }
    cluster.about_scheduler.extend(input.stray_schedulers());
    let answers: Vec<Answered> =
        question.asked.par_iter().map(|asked| answer(&cluster, asked, &input)).collect::<Result<_, _>>()?;
    drop(progress);
    write(arguments, &cluster, &input, &answers)?;
    Ok(answers.iter().map(status).fold(ExitStatus::Holds, ExitStatus::worst))
}

fn write(
    arguments: &ScheduleArguments,
    cluster: &Cluster,
    input: &Input,
    answers: &[Answered],
) -> Result<(), CommandError> {
    let document = |answered: &'_ Answered, write: &mut dyn FnMut(&ScheduleDocument<'_>) -> Result<(), ReportError>| {
        let of_cluster: Vec<String> =
            cluster.assumptions.iter().filter(|text| !answered.assumptions.contains(text)).cloned().collect();
        write(&ScheduleDocument {
            pod: &answered.pod,
            kubernetes: MODELLED_VERSION,
            placement: &cluster.placement,
            answer: &answered.answer,
            own_assumptions: &answered.assumptions,
            cluster_assumptions: &of_cluster,
            sources: &input.sources,
            secrets: &input.secrets,
        })
    };
    if arguments.pods.is_some() {
        let mut lines = arguments.output.clone();
        if lines.outputs.is_empty() {
            lines.outputs.push(crate::report::Output { format: Format::Json, file: None });
        }
        let style = output::style(&lines);
        return output::write_all(&lines, &style, |_, _, out| {
            answers.iter().try_for_each(|answered| document(answered, &mut |one| write_schedule_line(one, out)))
        });
    }
    let style = output::style(&arguments.output);
    output::write_all(&arguments.output, &style, |format, style, out| {
        answers.iter().try_for_each(|answered| document(answered, &mut |one| write_schedule(one, format, style, out)))
    })
}

/// A pod that fits nowhere, or is not even created, violates.
fn status(answered: &Answered) -> ExitStatus {
    match &answered.answer {
        ScheduleAnswer::Refused(_) => ExitStatus::Violated,
        ScheduleAnswer::Decided(decision) if decision.scores.is_empty() => ExitStatus::Violated,
        ScheduleAnswer::Decided(_) => ExitStatus::Holds,
    }
}
