//! Proof files.

use std::fs;
use std::path::Path;

use quorate_proof::evidence::Proof;

use crate::command::error::CommandError;
use crate::command::input::shown;

/// Writes `proof` into `directory` and gives the file's path.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(directory: &Path, proof: &Proof) -> Result<String, CommandError> {
    let path = directory.join(format!("{}.json", name(proof)));
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

/// A name that says what is claimed: `deployment.default.backend-at-least-2-nodes-1-fresh-instant`.
fn name(proof: &Proof) -> String {
    use quorate_proof::claim::{Domain, Subject};
    let claim = &proof.claim;
    let subject = match &claim.subject {
        Subject::Workload(name) => name.clone(),
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
