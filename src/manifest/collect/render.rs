//! Charts and kustomizations to text.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::node::Node;
use super::super::source::{Place, SourceId};
use super::super::span::Span;
use super::super::yaml;
use super::kustomization::{self, RemoteResource};
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
    #[error("{}", remote(.0))]
    Remote(RemoteResource),
    /// The chart needs others that are not in its `charts/`.
    #[error("{} not in charts/, and nothing is fetched", missing(names))]
    MissingDependencies {
        /// Their names.
        names: Vec<String>,
        /// Where the first of them is named in the chart's file, if it is.
        span: Option<Span>,
        /// The chart's directory.
        directory: PathBuf,
    },
    /// The program failed.
    #[error("{failure}")]
    Program {
        /// Why.
        failure: ProgramError,
        /// How a user renders it.
        command: String,
    },
}

impl RenderError {
    /// The finding, shown in the chart's or kustomization's file.
    pub(super) fn finding(&self, source: SourceId, first_line: Span) -> Finding {
        let mut finding = Finding::new(UNRENDERED_SOURCE, Severity::Error, self.to_string());
        let span = match self {
            Self::Remote(resource) => resource.span,
            Self::MissingDependencies { span, .. } => span.unwrap_or(first_line),
            Self::NoProgram { .. } | Self::Program { .. } => first_line,
        };
        finding.place = Some(Place { source, span });
        finding.help = match self {
            Self::NoProgram { .. } | Self::Remote(_) => None,
            Self::MissingDependencies { directory, .. } => {
                Some(format!("`helm dependency build {}` fetches them; run it in a step before", directory.display()))
            }
            Self::Program { command, .. } => Some(format!(
                "mend that, or render in a step before, with the values, dependencies and flags that it needs, and check \
                 the output: `{command} | quorate check -`"
            )),
        };
        finding
    }
}

fn remote(resource: &RemoteResource) -> String {
    let RemoteResource { reference, through, span: _ } = resource;
    match through {
        None => "this resource is remote and nothing is fetched; keep a copy beside the kustomization".to_owned(),
        Some(file) => format!(
            "this leads to {}, which names the remote resource \"{reference}\", and nothing is fetched; keep a copy beside it",
            file.display()
        ),
    }
}

/// `dependency "a" is`, `dependencies "a", "b" are`.
fn missing(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [only] => format!("dependency {only} is"),
        several => format!("dependencies {} are", several.join(", ")),
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
    match read_chart_file(directory).as_ref().and_then(|root| root.get("type")).and_then(Node::as_str) {
        Some("library") => ChartType::Library,
        Some(_) | None => ChartType::Application,
    }
}

fn read_chart_file(directory: &Path) -> Option<Node> {
    let bytes = fs::read(directory.join(CHART_FILE_NAME)).ok()?;
    let parsed = yaml::parse_decoded(SourceId(0), &yaml::decode(&bytes), &yaml::Limits::default());
    parsed.documents.into_iter().next().map(|document| document.root)
}

/// API groups that every cluster serves and that Helm does not know of by itself
/// (`pkg/chart/common/capabilities.go`, `DefaultVersionSet`): charts ask for them.
const SERVED_EVERYWHERE: [&str; 2] = ["apiregistration.k8s.io/v1", "apiregistration.k8s.io/v1/APIService"];

/// Renders the chart in `directory` with its own values.
pub(super) fn chart(directory: &Path, options: &CollectOptions) -> Result<Vec<u8>, RenderError> {
    let Some(helm) = program::find("helm", options.search_path.as_deref()) else {
        return Err(RenderError::NoProgram {
            what: "a Helm chart",
            programs: "helm",
            command: helm_command(directory),
        });
    };
    let mut arguments: Vec<OsString> = vec!["template".into(), release_name(directory).into(), directory.into()];
    arguments.extend(["--include-crds".into(), "--skip-tests".into()]);
    arguments.extend(["--kube-version".into(), options.kubernetes_version.to_string().into()]);
    for api_version in SERVED_EVERYWHERE {
        arguments.extend(["--api-versions".into(), api_version.into()]);
    }
    program::run(&helm, &arguments, options.render_time, options.limits.source_bytes)
        .map_err(|failure| of_chart(failure, directory))
}

/// Why a chart gave no text. What Helm says of missing dependencies is said shorter, at the place.
fn of_chart(failure: ProgramError, directory: &Path) -> RenderError {
    const MISSING: &str = "missing in charts/ directory: ";
    let said = match &failure {
        ProgramError::Failed { message, .. } => message.split_once(MISSING).map(|(_, names)| names),
        ProgramError::Run { .. } | ProgramError::TooSlow { .. } => None,
    };
    let Some(said) = said else {
        return RenderError::Program { failure, command: helm_command(directory) };
    };
    let mut names: Vec<String> = Vec::new();
    for name in said.split(';').next().unwrap_or_default().split(',').map(str::trim) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let root = read_chart_file(directory);
    let dependencies = root.as_ref().and_then(|root| root.get("dependencies")).map(Node::items).unwrap_or_default();
    let named = dependencies.iter().filter_map(|dependency| dependency.get("name"));
    let span = named.filter(|name| name.as_str() == names.first().map(String::as_str)).map(|name| name.span).next();
    RenderError::MissingDependencies { names, span, directory: directory.to_owned() }
}

fn helm_command(directory: &Path) -> String {
    format!("helm template {}", directory.display())
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
    if let Some(remote) = root.and_then(|root| kustomization::remote_resource(root, directory)) {
        return Err(RenderError::Remote(remote));
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
            command: kustomize_command("kubectl", "kustomize", directory),
        });
    };
    let arguments = [verb.into(), directory.as_os_str().to_owned()];
    program::run(&program, &arguments, options.render_time, options.limits.source_bytes).map_err(|failure| {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        RenderError::Program { failure, command: kustomize_command(&name, verb, directory) }
    })
}

fn kustomize_command(program: &str, verb: &str, directory: &Path) -> String {
    format!("{program} {verb} {}", directory.display())
}
