//! Charts and kustomizations to text.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::node::Node;
use super::super::source::{Place, SourceId};
use super::super::span::Span;
use super::super::yaml;
use super::kustomization;
use super::options::CollectOptions;
use super::program::{self, ProgramError};
use super::walk::CHART_FILE_NAME;
use crate::finding::{Finding, Severity};

/// The rule of a chart or kustomization that cannot be rendered.
pub const UNRENDERED_SOURCE: &str = "unrendered-source";

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenderError {
    /// No program can do it.
    #[error(
        "{what} cannot be rendered: {programs} is not on PATH; install it, or \
         give the rendered output (`{command} | quorate check -`)"
    )]
    NoProgram {
        /// `a Helm chart`.
        what: &'static str,
        /// Those that could.
        programs: &'static str,
        /// How a user renders it.
        command: String,
    },
    /// The kustomization names something in a network.
    #[error("this resource is remote and nothing is fetched; keep a copy beside the kustomization")]
    Remote(Span),
    /// The program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl RenderError {
    /// The finding, shown in the chart's or kustomization's file.
    pub(super) fn finding(&self, source: SourceId, first_line: Span) -> Finding {
        let mut finding = Finding::new(UNRENDERED_SOURCE, Severity::Error, self.to_string());
        let span = match self {
            Self::Remote(span) => *span,
            Self::NoProgram { .. } | Self::Program(_) => first_line,
        };
        finding.place = Some(Place { source, span });
        finding
    }
}

/// Whether a chart renders to anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChartType {
    /// It does.
    Application,
    /// It only serves other charts.
    Library,
}

/// The type of the chart in `directory`.
pub(super) fn chart_type(directory: &Path) -> ChartType {
    let bytes = fs::read(directory.join(CHART_FILE_NAME)).unwrap_or_default();
    let parsed = yaml::parse_decoded(SourceId(0), &yaml::decode(&bytes), &yaml::Limits::default());
    let root = parsed.documents.first().map(|document| &document.root);
    match root.and_then(|root| root.get("type")).and_then(Node::as_str) {
        Some("library") => ChartType::Library,
        Some(_) | None => ChartType::Application,
    }
}

/// Renders the chart in `directory` with its own values.
pub(super) fn chart(directory: &Path, options: &CollectOptions) -> Result<Vec<u8>, RenderError> {
    let Some(helm) = program::find("helm", options.search_path.as_deref()) else {
        return Err(RenderError::NoProgram {
            what: "a Helm chart",
            programs: "helm",
            command: format!("helm template {}", directory.display()),
        });
    };
    let mut arguments: Vec<OsString> = vec!["template".into(), release_name(directory).into(), directory.into()];
    arguments.extend(["--include-crds".into(), "--skip-tests".into()]);
    if let Some(version) = &options.kubernetes_version {
        arguments.extend(["--kube-version".into(), version.into()]);
    }
    Ok(program::run(&helm, &arguments, options.render_time, options.limits.source_bytes)?)
}

/// The directory's name as a release's name: lower-case letters, digits and dashes.
fn release_name(directory: &Path) -> String {
    let canonical = fs::canonicalize(directory).unwrap_or_else(|_| PathBuf::from(directory));
    let name = canonical.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect();
    // Helm refuses names of more than 53 characters.
    let name: String = name.trim_matches('-').chars().take(53).collect();
    if name.is_empty() { "release".to_owned() } else { name }
}

/// Renders the kustomization in `directory`, whose file holds `text`.
pub(super) fn kustomization(directory: &Path, text: &str, options: &CollectOptions) -> Result<Vec<u8>, RenderError> {
    let parsed = yaml::parse(SourceId(0), text, &options.limits);
    let root = parsed.documents.first().map(|document| &document.root);
    if let Some(remote) = root.map(kustomization::remote_resources).unwrap_or_default().first() {
        return Err(RenderError::Remote(remote.span));
    }
    let search_path = options.search_path.as_deref();
    let (program, verb) = if let Some(kustomize) = program::find("kustomize", search_path) {
        (kustomize, "build")
    } else if let Some(kubectl) = program::find("kubectl", search_path) {
        (kubectl, "kustomize")
    } else {
        return Err(RenderError::NoProgram {
            what: "a kustomization",
            programs: "neither kustomize nor kubectl",
            command: format!("kubectl kustomize {}", directory.display()),
        });
    };
    let arguments = [verb.into(), directory.as_os_str().to_owned()];
    Ok(program::run(&program, &arguments, options.render_time, options.limits.source_bytes)?)
}
