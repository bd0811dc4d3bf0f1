//! Proof files.

use std::fs;
use std::path::Path;

use quorate_proof::claim::Claim;
use quorate_proof::evidence::Proof;

use crate::command::error::CommandError;
use crate::command::input::shown;

/// Writes `proof` into `directory` and gives the file's path.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(directory: &Path, proof: &Proof) -> Result<String, CommandError> {
    let path = directory.join(format!("{}.json", name(&proof.claim)));
    let in_file = |source| CommandError::File { path: shown(&path), source };
    let bytes = proof.to_bytes().map_err(|error| CommandError::Usage(error.to_string()))?;
    fs::write(&path, bytes).map_err(in_file)?;
    Ok(shown(&path))
}

/// Makes the directory.
///
/// # Errors
/// When that is not possible.
pub(super) fn prepare(directory: &Path) -> Result<(), CommandError> {
    fs::create_dir_all(directory).map_err(|source| {
        let path = shown(directory);
        CommandError::Usage(format!(
            "{path}: {source}; proof files go there: name another directory with --proofs, or keep none with --no-proofs"
        ))
    })
}

/// Where the scenario of a witness that breaks `claim` goes: beside the proof file.
pub(super) fn scenario_path(directory: &Path, claim: &Claim) -> String {
    shown(&directory.join(format!("{}.scenario.yaml", name(claim))))
}

/// Writes the scenario of a witness.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_scenario(path: &str, text: &str) -> Result<(), CommandError> {
    fs::write(path, text).map_err(|source| CommandError::File { path: path.to_owned(), source })
}

/// A name that says what is claimed: `deployment.default.backend-at-least-2-nodes-1-fresh-instant`.
fn name(claim: &Claim) -> String {
    use quorate_proof::claim::{Domain, Subject};
    let subject = match &claim.subject {
        Subject::Workload(name) => name.clone(),
        Subject::Workloads(names) => names.join("-and-"),
        Subject::Budget(name) => format!("poddisruptionbudget/{name}"),
    };
    let domain = match &claim.failures.domain {
        Domain::Node => "nodes".to_owned(),
        Domain::Label(label) => label.clone(),
    };
    let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let text = format!(
        "{subject}-at-least-{}-{domain}-{}-{}-{}",
        claim.at_least,
        claim.failures.count,
        word(&claim.placement),
        word(&claim.phase)
    );
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '.' }).collect()
}
