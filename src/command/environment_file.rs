//! `quorate.yaml`: found, read, joined.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::CommandError;
use super::input::shown;
use crate::environment::{self, Environment, EnvironmentSpec};
use crate::finding::Finding;
use crate::manifest::collect::find_environment_files;
use crate::manifest::decode::decode;
use crate::manifest::yaml::{self, Document, Limits, parse_decoded};
use crate::manifest::{FieldPath, Origin, Place, SourceMap};
use crate::policy::{Waiver, WaiverTarget};

/// The environment, and the documents it was read from.
#[derive(Debug, Default)]
pub(super) struct EnvironmentFiles {
    pub(super) environment: Option<Environment>,
    pub(super) documents: Vec<Document>,
    pub(super) waivers: Vec<Waiver>,
    pub(super) findings: Vec<Finding>,
    pub(super) state: EnvironmentState,
    /// The file with the scheduler's configuration; of several the last one that is named.
    pub(super) scheduler: Option<NamedFile>,
}

/// A file that a `quorate.yaml` names.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    pub(super) path: PathBuf,
    /// Where it is named.
    pub(super) place: Place,
}

/// Whether every file could be understood, if only in parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum EnvironmentState {
    /// Each gave facts.
    #[default]
    Readable,
    /// At least one gave none.
    Unreadable,
}

impl EnvironmentFiles {
    /// The facts; none when there is no file.
    pub(super) fn spec(&self) -> EnvironmentSpec {
        self.environment.as_ref().map(|environment| environment.spec.clone()).unwrap_or_default()
    }
}

/// Reads the files that are named, or else those that lie beside or above the paths.
///
/// # Errors
/// When a file cannot be read at all. What is wrong inside is a finding.
pub(super) fn read(
    paths: &[PathBuf],
    named: &[PathBuf],
    sources: &mut SourceMap,
) -> Result<EnvironmentFiles, CommandError> {
    let found = if named.is_empty() { nearest(paths) } else { named.to_vec() };
    let mut files = EnvironmentFiles::default();
    for path in found {
        read_one(&path, sources, &mut files)?;
    }
    Ok(files)
}

/// The nearest file of each path, each once.
fn nearest(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut nearest: Vec<PathBuf> = Vec::new();
    for path in paths.iter().filter(|path| *path != Path::new("-")) {
        let found = find_environment_files(std::slice::from_ref(path)).into_iter().next();
        nearest.extend(found.filter(|found| !nearest.contains(found)));
    }
    nearest
}

fn read_one(path: &PathBuf, sources: &mut SourceMap, files: &mut EnvironmentFiles) -> Result<(), CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::File { path: shown(path), source })?;
    let decoded = yaml::decode(&bytes);
    let source = sources.add(shown(path), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    files.findings.extend(parsed.problems.iter().map(yaml::Problem::finding));
    if parsed.documents.is_empty() && !parsed.problems.is_empty() {
        files.state = EnvironmentState::Unreadable;
    }
    for document in parsed.documents {
        let (environment, problems) = decode::<Environment>(&document.root);
        files.findings.extend(problems.into_iter().map(|problem| problem.into_finding(source, None)));
        if environment.is_none() {
            files.state = EnvironmentState::Unreadable;
        }
        files.scheduler =
            environment.as_ref().and_then(|own| scheduler(own, path, &document)).or(files.scheduler.take());
        files.waivers.extend(environment.iter().flat_map(|own| waivers(own, &document)));
        files.environment = match (files.environment.take(), environment) {
            (Some(earlier), Some(later)) => Some(earlier.merged_with(later)),
            (earlier, later) => later.or(earlier),
        };
        files.documents.push(document);
    }
    Ok(())
}

/// The file with the scheduler's configuration, which is named relative to `file`.
fn scheduler(environment: &Environment, file: &Path, document: &Document) -> Option<NamedFile> {
    let named = environment.spec.scheduler.as_ref()?.configuration.as_ref()?;
    let span = document.root.locate(&FieldPath::parse("spec.scheduler.configuration")).span;
    let path = file.parent().map_or_else(|| PathBuf::from(named), |directory| directory.join(named));
    Some(NamedFile { path, place: Place { source: document.source, span } })
}

/// The waivers of one document, each with its place.
fn waivers(environment: &Environment, document: &Document) -> Vec<Waiver> {
    let list = FieldPath::parse("spec.waivers");
    let waiver = |(index, own): (usize, &environment::Waiver)| {
        let span = document.root.locate(&list.index(index).key("rule")).span;
        Waiver {
            rule: own.rule.as_str().into(),
            target: target(&own.target),
            reason: own.reason.clone(),
            owner: own.owner.clone(),
            expires: own.expiry,
            place: Some(Place { source: document.source, span }),
        }
    };
    environment.spec.waivers.iter().enumerate().map(waiver).collect()
}

fn target(target: &environment::WaiverTarget) -> WaiverTarget {
    match target {
        environment::WaiverTarget::Object(object) => WaiverTarget::Object(object.to_string()),
        environment::WaiverTarget::Selector(selector) => WaiverTarget::Selector {
            kinds: selector.kinds.clone(),
            namespace: selector.namespace.clone(),
            match_labels: selector.match_labels.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        },
    }
}
