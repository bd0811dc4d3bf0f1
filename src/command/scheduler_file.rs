//! The configuration of the cluster's scheduler: found, read, checked.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::environment_file::NamedFile;
use super::error::CommandError;
use super::input::shown;
use crate::finding::{Finding, Severity};
use crate::manifest::scheduler_configuration::{self, SchedulerFile};
use crate::manifest::yaml::{self, Limits, parse_decoded};
use crate::manifest::{FieldPath, Node, Origin, SourceMap};

/// What came of it.
#[derive(Debug, Default)]
pub(super) enum Scheduler {
    /// None is given: kube-scheduler's defaults.
    #[default]
    Default,
    /// This one, with its document.
    Configured(Arc<SchedulerFile>, Node),
    /// One is given that kube-scheduler would refuse.
    Refused,
}

/// Reads the file that `--scheduler-config` names, or else the one that `quorate.yaml` does.
///
/// # Errors
/// When the first of the two cannot be read at all. What is wrong inside is a finding.
pub(super) fn read(
    argument: Option<&Path>,
    of_environment: Option<&NamedFile>,
    sources: &mut SourceMap,
    findings: &mut Vec<Finding>,
) -> Result<Scheduler, CommandError> {
    if let Some(path) = argument {
        let bytes = fs::read(path).map_err(|source| CommandError::File { path: shown(path), source })?;
        return Ok(parse(path, &bytes, sources, findings));
    }
    let Some(named) = of_environment else { return Ok(Scheduler::Default) };
    match fs::read(&named.path) {
        Ok(bytes) => Ok(parse(&named.path, &bytes, sources, findings)),
        Err(error) => {
            let message = format!("the scheduler's configuration cannot be read: {}: {error}", named.path.display());
            let mut finding = Finding::new("invalid-value", Severity::Error, message);
            finding.path = FieldPath::parse("spec.scheduler.configuration");
            finding.place = Some(named.place);
            finding.label = "relative to this file".to_owned();
            findings.push(finding);
            Ok(Scheduler::Refused)
        }
    }
}

fn parse(path: &Path, bytes: &[u8], sources: &mut SourceMap, findings: &mut Vec<Finding>) -> Scheduler {
    let decoded = yaml::decode(bytes);
    let source = sources.add(shown(path), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    findings.extend(parsed.problems.iter().map(yaml::Problem::finding));
    let [document] = parsed.documents.as_slice() else {
        if parsed.problems.is_empty() {
            let message = format!(
                "{} holds {} documents, and one KubeSchedulerConfiguration is wanted",
                path.display(),
                parsed.documents.len()
            );
            findings.push(Finding::new("invalid-value", Severity::Error, message));
        }
        return Scheduler::Refused;
    };
    let reading = scheduler_configuration::read(source, &document.root);
    findings.extend(reading.findings);
    match reading.file {
        Some(file) if parsed.problems.is_empty() => Scheduler::Configured(Arc::new(file), document.root.clone()),
        Some(_) | None => Scheduler::Refused,
    }
}
