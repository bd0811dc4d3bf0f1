//! Paths to units of input.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::ENVIRONMENT_FILE_NAME;
use super::kustomization;
use super::options::CollectError;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Standard input.
    StandardInput,
    /// A file.
    File(PathBuf),
    /// A file inside the `templates` of the chart in this directory.
    Template {
        /// The file or directory that was given.
        path: PathBuf,
        /// The chart's directory.
        chart: PathBuf,
    },
    /// A directory with `Chart.yaml`.
    Chart(PathBuf),
    /// A directory with a kustomization, and its file.
    Kustomization {
        /// The directory.
        directory: PathBuf,
        /// The file.
        file: PathBuf,
    },
}

/// The file that makes a directory a chart.
pub(super) const CHART_FILE_NAME: &str = "Chart.yaml";

/// Finds what is to be read under `paths`, in the order of the paths and sorted by name inside directories. Each file
/// is read once; symbolic links are followed, in circles too.
///
/// # Errors
/// When a path does not exist or may not be read.
pub(super) fn walk(paths: &[PathBuf]) -> Result<Vec<Unit>, CollectError> {
    let mut walk = Walk { units: Vec::new(), seen: HashSet::new() };
    for path in paths {
        walk.given(path)?;
    }
    Ok(walk.units)
}

/// What becomes of the plain files of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainFiles {
    /// They are read.
    Read,
    /// They belong to a kustomization above.
    Belong,
}

struct Walk {
    units: Vec<Unit>,
    /// Canonical paths of what was visited.
    seen: HashSet<PathBuf>,
}

impl Walk {
    fn given(&mut self, path: &Path) -> Result<(), CollectError> {
        if path == Path::new("-") {
            if !self.units.contains(&Unit::StandardInput) {
                self.units.push(Unit::StandardInput);
            }
            return Ok(());
        }
        let metadata = fs::metadata(path).map_err(|source| read_error(path, source))?;
        if let Some(chart) = chart_of_template(path) {
            self.units.push(Unit::Template { path: path.to_owned(), chart });
            return Ok(());
        }
        if metadata.is_dir() {
            return self.directory(path, PlainFiles::Read);
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if name == CHART_FILE_NAME {
            self.unit(Unit::Chart(directory.to_owned()), directory)
        } else if kustomization::file_in(directory).is_some_and(|file| file.file_name() == path.file_name()) {
            self.unit(Unit::Kustomization { directory: directory.to_owned(), file: path.to_owned() }, directory)
        } else if name == ENVIRONMENT_FILE_NAME {
            Ok(())
        } else {
            self.unit(Unit::File(path.to_owned()), path)
        }
    }

    /// Takes a unit unless what stands at `place` was visited before.
    fn unit(&mut self, unit: Unit, place: &Path) -> Result<(), CollectError> {
        if self.is_new(place)? {
            self.units.push(unit);
        }
        Ok(())
    }

    fn is_new(&mut self, path: &Path) -> Result<bool, CollectError> {
        let canonical = fs::canonicalize(path).map_err(|source| read_error(path, source))?;
        Ok(self.seen.insert(canonical))
    }

    fn directory(&mut self, directory: &Path, mut plain_files: PlainFiles) -> Result<(), CollectError> {
        if !self.is_new(directory)? {
            return Ok(());
        }
        if directory.join(CHART_FILE_NAME).is_file() {
            self.units.push(Unit::Chart(directory.to_owned()));
            return Ok(());
        }
        if let Some(file) = kustomization::file_in(directory) {
            self.units.push(Unit::Kustomization { directory: directory.to_owned(), file });
            plain_files = PlainFiles::Belong;
        }
        for path in sorted_entries(directory)? {
            // A link that leads nowhere is nothing to read; kubectl passes over it too.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if metadata.is_dir() {
                if !name.starts_with('.') && name != "node_modules" {
                    self.directory(&path, plain_files)?;
                }
            } else if metadata.is_file() && plain_files == PlainFiles::Read && is_manifest_name(&name) {
                self.unit(Unit::File(path.clone()), &path)?;
            }
        }
        Ok(())
    }
}

fn sorted_entries(directory: &Path) -> Result<Vec<PathBuf>, CollectError> {
    let entries = fs::read_dir(directory).map_err(|source| read_error(directory, source))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| read_error(directory, source))?;
    paths.sort();
    // A path given as `.` is shown without it.
    Ok(paths.into_iter().map(|path| path.strip_prefix("./").map_or_else(|_| path.clone(), Path::to_owned)).collect())
}

fn is_manifest_name(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    name != ENVIRONMENT_FILE_NAME && matches!(extension, Some("yaml" | "yml" | "json"))
}

/// The chart that `path` is a template of.
fn chart_of_template(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let templates = absolute.ancestors().find(|ancestor| {
        ancestor.file_name().is_some_and(|name| name == "templates")
            && ancestor.parent().is_some_and(|chart| chart.join(CHART_FILE_NAME).is_file())
    })?;
    let depth = absolute.strip_prefix(templates).ok()?.components().count();
    // As much of the path as given is kept, so that the hint can be followed.
    let given = path.ancestors().nth(depth + 1).filter(|given| !given.as_os_str().is_empty());
    given.map(Path::to_owned).or_else(|| templates.parent().map(Path::to_owned))
}

pub(super) fn read_error(path: &Path, source: std::io::Error) -> CollectError {
    CollectError::Read { path: path.to_owned(), source }
}
