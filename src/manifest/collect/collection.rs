//! Everything that a run reads.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::super::source::{Origin, Place, SourceId, SourceMap};
use super::super::span::Span;
use super::super::yaml::{self, Consequence, Document, Likeness, Problem, ProblemKind};
use super::document;
use super::kustomization;
use super::options::{CollectError, CollectOptions, EmptyInput};
use super::render::{self, ChartType, RenderError, UNRENDERED_SOURCE};
use super::walk::{self, CHART_FILE_NAME, Unit};
use crate::finding::{Finding, Severity};

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Collection {
    /// The texts.
    pub sources: SourceMap,
    /// What is checked, each for itself: all plain files together, each chart, each overlay.
    pub configurations: Vec<Configuration>,
    /// What could not be read.
    pub findings: Vec<Finding>,
    /// How much was read.
    pub counts: Counts,
}

/// Objects that are meant to be in a cluster together.
#[derive(Debug, Default)]
pub struct Configuration {
    /// The chart or overlay (`chart charts/app`, `kustomization overlays/production`); `None`: the plain files.
    pub name: Option<String>,
    /// Its objects in reading order. Each has `apiVersion` and `kind`; lists are replaced by their items.
    pub documents: Vec<Document>,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sources: files, standard input, rendered charts and kustomizations.
    pub files: usize,
    /// Objects.
    pub documents: usize,
    /// Documents that are not Kubernetes', among them those that cannot be read and do not look like manifests.
    pub skipped: usize,
}

/// Reads `paths` (files, directories, `-` for `stdin`), many at once; the result is in the order of the paths and of
/// the names inside directories.
///
/// # Errors
/// When a path cannot be read, and when there is no object at all and nothing that explains it.
pub fn collect(paths: &[PathBuf], stdin: &mut dyn Read, options: &CollectOptions) -> Result<Collection, CollectError> {
    if paths.is_empty() {
        return Err(CollectError::NoPath);
    }
    let units = without_used_kustomizations(walk::walk(paths)?);
    let stdin_bytes = if units.contains(&Unit::StandardInput) { read_stdin(stdin, options)? } else { Vec::new() };
    let loaded: Vec<Loaded> = units
        .par_iter()
        .enumerate()
        .map(|(index, unit)| {
            let source = SourceId(u32::try_from(index).unwrap_or(u32::MAX));
            load(source, unit, Expectation::of(unit, paths), &stdin_bytes, options)
        })
        .collect::<Result<_, _>>()?;
    let collection = assemble(loaded);
    let is_explained = collection.findings.iter().any(|finding| finding.severity == Severity::Error);
    let nothing = collection.counts.documents == 0 && !is_explained;
    if nothing && options.empty == EmptyInput::Refused {
        let Counts { files, skipped, documents: _ } = collection.counts;
        return Err(CollectError::NoObject { files, skipped });
    }
    Ok(collection)
}

/// A kustomization that another one in the input uses is checked where it is used.
fn without_used_kustomizations(units: Vec<Unit>) -> Vec<Unit> {
    let files: Vec<&Path> = units
        .iter()
        .filter_map(|unit| match unit {
            Unit::Kustomization { file, .. } => Some(file.as_path()),
            Unit::StandardInput | Unit::File(_) | Unit::Template { .. } | Unit::Chart(_) => None,
        })
        .collect();
    let used: HashSet<PathBuf> = kustomization::used(&files);
    units
        .into_iter()
        .filter(|unit| match unit {
            Unit::Kustomization { directory, .. } => {
                !fs::canonicalize(directory).is_ok_and(|directory| used.contains(&directory))
            }
            Unit::Chart(directory) => render::chart_type(directory) == ChartType::Application,
            Unit::StandardInput | Unit::File(_) | Unit::Template { .. } => true,
        })
        .collect()
}

fn read_stdin(stdin: &mut dyn Read, options: &CollectOptions) -> Result<Vec<u8>, CollectError> {
    read_limited(stdin, options).map_err(|source| walk::read_error(Path::new("-"), source))
}

/// At most one byte more than the limit, which is enough to see that it is exceeded.
fn read_limited(reader: &mut dyn Read, options: &CollectOptions) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(options.limits.source_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_file(path: &Path, options: &CollectOptions) -> Result<Vec<u8>, CollectError> {
    let read = || {
        let mut file = fs::File::open(path)?;
        read_limited(&mut file, options)
    };
    read().map_err(|source| walk::read_error(path, source))
}

/// One source with all that was found in it.
struct Loaded {
    name: String,
    text: String,
    origin: Origin,
    /// The configuration it makes; `None`: it belongs to the plain files.
    configuration: Option<String>,
    objects: Vec<Document>,
    findings: Vec<Finding>,
    skipped: usize,
}

/// What a source is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expectation {
    /// Manifests: it was given by its name, or rendered.
    Manifests,
    /// Anything that is YAML or JSON: it stands in a directory that was given.
    Anything,
}

impl Expectation {
    fn of(unit: &Unit, paths: &[PathBuf]) -> Self {
        match unit {
            Unit::File(path) if !paths.contains(path) => Self::Anything,
            Unit::File(_)
            | Unit::StandardInput
            | Unit::Template { .. }
            | Unit::Chart(_)
            | Unit::Kustomization { .. } => Self::Manifests,
        }
    }
}

fn load(
    source: SourceId,
    unit: &Unit,
    expectation: Expectation,
    stdin: &[u8],
    options: &CollectOptions,
) -> Result<Loaded, CollectError> {
    match unit {
        Unit::StandardInput => Ok(read_source(source, "-".to_owned(), stdin, expectation, options)),
        Unit::File(path) => {
            let bytes = read_file(path, options)?;
            Ok(read_source(source, path.display().to_string(), &bytes, expectation, options))
        }
        Unit::Template { path, chart } => Ok(template(source, path, chart)),
        Unit::Chart(directory) => {
            let file = directory.join(CHART_FILE_NAME);
            let rendered = render::chart(directory, options);
            load_rendered(source, "chart", directory, &file, rendered, options)
        }
        Unit::Kustomization { directory, file } => {
            let text = String::from_utf8_lossy(&read_file(file, options)?).into_owned();
            let rendered = render::kustomization(directory, &text, options);
            load_rendered(source, "kustomization", directory, file, rendered, options)
        }
    }
}

fn load_rendered(
    source: SourceId,
    what: &str,
    directory: &Path,
    file: &Path,
    rendered: Result<Vec<u8>, RenderError>,
    options: &CollectOptions,
) -> Result<Loaded, CollectError> {
    let name = directory.display().to_string();
    let configuration = Some(format!("{what} {name}"));
    match rendered {
        Ok(bytes) => {
            let loaded = read_source(source, name, &bytes, Expectation::Manifests, options);
            Ok(Loaded { origin: Origin::Rendered, configuration, ..loaded })
        }
        Err(error) => {
            let text = String::from_utf8_lossy(&read_file(file, options)?).into_owned();
            let finding = error.finding(source, first_line(&text));
            let mut loaded = Loaded::empty(file.display().to_string(), text);
            loaded.findings.push(finding);
            Ok(Loaded { configuration, ..loaded })
        }
    }
}

/// The first line that says something.
fn first_line(text: &str) -> Span {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') && content != "---" {
            let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            return Span::new(offset(start), offset(start + line.trim_end().len()));
        }
        start += line.len();
    }
    Span::new(0, 0)
}

/// A template by itself is no manifest.
fn template(source: SourceId, path: &Path, chart: &Path) -> Loaded {
    let message = format!("this is a template of a Helm chart; give the chart's directory {}", chart.display());
    let mut finding = Finding::new(UNRENDERED_SOURCE, Severity::Error, message);
    finding.place = Some(Place { source, span: Span::new(0, 0) });
    let mut loaded = Loaded::empty(path.display().to_string(), String::new());
    loaded.findings.push(finding);
    loaded
}

impl Loaded {
    const fn empty(name: String, text: String) -> Self {
        Self {
            name,
            text,
            origin: Origin::Written,
            configuration: None,
            objects: Vec::new(),
            findings: Vec::new(),
            skipped: 0,
        }
    }
}

fn read_source(
    source: SourceId,
    name: String,
    bytes: &[u8],
    expectation: Expectation,
    options: &CollectOptions,
) -> Loaded {
    let decoded = yaml::decode(bytes);
    let parsed = if bytes.len() > options.limits.source_bytes {
        let kind = ProblemKind::SourceBytes { limit: options.limits.source_bytes };
        yaml::Parsed { documents: Vec::new(), problems: vec![Problem::new(kind, source, Span::new(0, 0))] }
    } else {
        yaml::parse_decoded(source, &decoded, &options.limits)
    };
    let sorted = document::sort(parsed.documents);
    let mut skipped = sorted.skipped.len();
    let mut findings = sorted.findings;
    for problem in &parsed.problems {
        match problem.kind.consequence() {
            // What is odd in a text that is nothing of Kubernetes is nobody's business here.
            Consequence::DocumentKept if is_inside(problem.span, &sorted.skipped) => {}
            Consequence::DocumentLost if expectation == Expectation::Anything && is_foreign(problem) => {
                skipped += 1;
                findings.push(passed_over(problem));
            }
            Consequence::DocumentKept | Consequence::DocumentLost => findings.push(problem.finding()),
        }
    }
    findings.sort_by_key(|finding| finding.place.map(|place| place.span.start));
    let mut loaded = Loaded::empty(name, decoded.text.into_owned());
    (loaded.objects, loaded.findings, loaded.skipped) = (sorted.objects, findings, skipped);
    loaded
}

fn is_inside(span: Span, documents: &[Span]) -> bool {
    let after = documents.partition_point(|document| document.start <= span.start);
    documents[..after].last().is_some_and(|document| span.start <= document.end)
}

fn is_foreign(problem: &Problem) -> bool {
    problem.likeness == Likeness::Foreign && problem.kind.is_of_grammar()
}

/// A text that cannot be read and looks like no manifest: the broken test data of a repository is no reason to fail.
fn passed_over(problem: &Problem) -> Finding {
    let mut finding = problem.finding();
    finding.severity = Severity::Info;
    finding.message = format!("passed over, since it does not look like a manifest; as YAML or JSON: {}", problem.kind);
    finding
}

fn assemble(loaded: Vec<Loaded>) -> Collection {
    let mut collection = Collection::default();
    let mut plain = Configuration::default();
    let mut named = Vec::new();
    for source in loaded {
        collection.sources.add(source.name, source.text, source.origin);
        collection.counts.files += 1;
        collection.counts.documents += source.objects.len();
        collection.counts.skipped += source.skipped;
        collection.findings.extend(source.findings);
        match source.configuration {
            None => plain.documents.extend(source.objects),
            name => named.push(Configuration { name, documents: source.objects }),
        }
    }
    if !plain.documents.is_empty() {
        collection.configurations.push(plain);
    }
    collection.configurations.extend(named);
    collection
}
