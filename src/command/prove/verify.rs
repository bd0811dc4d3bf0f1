//! `quorate verify-proof`.

use std::fs;
use std::path::Path;

use quorate_proof::evidence::{Evidence, Proof};
use quorate_proof::{Checker, Rejection};
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{SchedulerScores, cluster};

use crate::command::arguments::VerifyProofArguments;
use crate::command::error::CommandError;
use crate::command::exit_status::ExitStatus;
use crate::command::input::shown;
use crate::command::{input, one_cluster, output};
use crate::manifest::collect::EmptyInput;
use crate::model;

/// Runs the command.
///
/// # Errors
/// When a file or the manifests cannot be read.
pub(in crate::command) fn run(arguments: &VerifyProofArguments) -> Result<ExitStatus, CommandError> {
    let bytes =
        fs::read(&arguments.proof).map_err(|source| CommandError::File { path: shown(&arguments.proof), source })?;
    let input = input::read(&arguments.input, EmptyInput::Refused)?;
    if one_cluster::is_broken(&arguments.output, &input)? {
        return Ok(ExitStatus::Usage);
    }
    let configuration = one_cluster::only(&input, "a proof")?;
    let mut model = model::build(&configuration.inventory, &configuration.other_nodes);
    input::add_pools(&mut model.state, &input);
    let cluster = cluster(&model.state);
    let checked = Proof::parse(&bytes).and_then(|proof| {
        let checker = Checker::new(&cluster)?;
        check(&checker, &proof, &model.state)?;
        Ok((proof, checker))
    });
    let path = shown(&arguments.proof);
    let (text, status) = match checked {
        Ok((proof, checker)) => {
            let scores = if rests_on_scores(&proof) { "; kube-scheduler's scores were computed anew" } else { "" };
            let accepted = format!("accepted: {path} shows that {}{scores}", sentence(&proof));
            let Some(directory) = &arguments.opb else { return said(&accepted, ExitStatus::Holds) };
            let (exported, status) = export(directory, &arguments.proof, &checker, &proof)?;
            (format!("{accepted}\n{exported}"), status)
        }
        Err(rejection) => (format!("rejected: {path}: {rejection}"), ExitStatus::Violated),
    };
    said(&text, status)
}

/// Scores of the scheduler, where a proof rests on them, are computed anew.
fn check(checker: &Checker<'_>, proof: &Proof, state: &ClusterState) -> Result<(), Rejection> {
    if !rests_on_scores(proof) {
        return checker.check(proof);
    }
    let scores = SchedulerScores::new(state).map_err(|why| Rejection::Search { at: "scores".to_owned(), why })?;
    checker.check_by_score(proof, &scores)
}

/// Whether it says something of the placements that the scheduler's scores lead to, and of no others.
pub(super) fn rests_on_scores(proof: &Proof) -> bool {
    matches!(&proof.evidence, Evidence::Search(search) if search.by_score)
}

fn said(text: &str, status: ExitStatus) -> Result<ExitStatus, CommandError> {
    output::to_standard_output(|out| Ok(writeln!(out, "{text}")?))?;
    Ok(status)
}

/// Writes a counting argument for veripb into `directory`, and says what is to be done with it, or why it is not written.
fn export(
    directory: &Path,
    file: &Path,
    checker: &Checker<'_>,
    proof: &Proof,
) -> Result<(String, ExitStatus), CommandError> {
    let export = match checker.export(proof) {
        Ok(export) => export,
        Err(reason) => return Ok((format!("not written for veripb: {reason}"), ExitStatus::Usage)),
    };
    let in_directory = |source| CommandError::File { path: shown(directory), source };
    fs::create_dir_all(directory).map_err(in_directory)?;
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    let write = |ending: &str, text: &str| {
        let path = directory.join(format!("{name}.{ending}"));
        fs::write(&path, text).map_err(|source| CommandError::File { path: shown(&path), source })?;
        Ok::<String, CommandError>(shown(&path))
    };
    let formula = write("opb", &export.formula)?;
    let refutation = write("pbp", &export.refutation)?;
    Ok((
        format!(
            "written: what a violation would be, and why there is none; check it with\n  veripb {formula} {refutation}"
        ),
        ExitStatus::Holds,
    ))
}

/// What a proof shows.
fn sentence(proof: &Proof) -> String {
    use quorate_proof::claim::Failures;
    let claim = &proof.claim;
    let (subject, Failures { domain, count }) = (&claim.subject, &claim.failures);
    let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let holds = match &proof.evidence {
        Evidence::Counting { .. } | Evidence::Bound { .. } | Evidence::Search(_) => "stay available",
        Evidence::Progress { .. } => {
            return format!("rollouts of {subject} end, and no drain of a node waits for its pods for ever");
        }
        Evidence::Witness(_) => "do not always stay available",
    };
    format!(
        "at least {} pods of {subject} {holds} (placement {}, phase {}, up to {count} {domain} lost)",
        claim.at_least,
        word(&claim.placement),
        word(&claim.phase)
    )
}
