//! Where `quorate.yaml` is.

use std::path::{Path, PathBuf};

/// The name of the file with the facts that manifests do not carry. It is never taken for a manifest.
pub const ENVIRONMENT_FILE_NAME: &str = "quorate.yaml";

/// The environment files for `paths`: beside each path and upwards to the root of its repository (the directory with
/// `.git`), nearest first, each once. Outside of a repository the search ends at the working directory, and for paths
/// that are not below it, at the path. `-` stands for the working directory.
#[must_use]
pub fn find_environment_files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let working_directory = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        let path = if path == Path::new("-") { Path::new(".") } else { path };
        let Ok(path) = std::fs::canonicalize(path) else { continue };
        let Some(start) = (if path.is_dir() { Some(path.as_path()) } else { path.parent() }) else { continue };
        for directory in directories(start, &working_directory) {
            let file = directory.join(ENVIRONMENT_FILE_NAME);
            let shown = file.strip_prefix(&working_directory).map_or_else(|_| file.clone(), Path::to_owned);
            if file.is_file() && !found.contains(&shown) {
                found.push(shown);
            }
        }
    }
    found
}

/// `start` and the directories above it up to where the search ends.
fn directories<'path>(start: &'path Path, working_directory: &Path) -> Vec<&'path Path> {
    let above: Vec<&Path> = start.ancestors().collect();
    let root = above.iter().position(|directory| directory.join(".git").exists());
    let end = root.or_else(|| above.iter().position(|directory| *directory == working_directory)).unwrap_or(0);
    above.into_iter().take(end + 1).collect()
}
