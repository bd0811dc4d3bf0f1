//! Modules that are compiled together, and the rules in them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{CompiledPolicy, Engine, Value};

use super::outcome::Strength;
use crate::policy::PolicyError;
use crate::policy::metadata::{self, Metadata, Subject};

/// How long one rule may take on one object. A guard against policies without end, far above what an honest one takes
/// (microseconds), so that it does not make results depend on the machine.
const TIME_LIMIT: Duration = Duration::from_secs(if cfg!(test) { 10 } else { 60 });

/// How many steps pass between two looks at the clock.
const STEPS_BETWEEN_CHECKS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// How Rego files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegoVersion {
    /// Rego v1; a file that is only valid as v0 is read as v0.
    #[default]
    Detect,
    /// Rego v0.
    V0,
}

/// A Rego file.
#[derive(Clone, Debug)]
pub(in crate::policy) struct RegoFile {
    pub(in crate::policy) path: String,
    pub(in crate::policy) text: String,
}

/// Modules that are compiled together.
#[derive(Clone)]
pub(in crate::policy) struct Program {
    engine: Engine,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Program").finish_non_exhaustive()
    }
}

/// Where a rule of a program came from, with what its METADATA says.
pub(in crate::policy) struct RuleSource {
    /// The package's parts: `["quorate", "security", "privileged_container"]`.
    pub(in crate::policy) package: Vec<String>,
    /// The part of `deny_run_as_root` behind `deny_`; empty for `deny`.
    pub(in crate::policy) suffix: String,
    /// The file of the package's first module.
    pub(in crate::policy) path: String,
    pub(in crate::policy) metadata: Metadata,
    pub(in crate::policy) rego: RegoRule,
}

/// A rule in Rego: its entry points in a program.
#[derive(Clone, Debug)]
pub struct RegoRule {
    pub(in crate::policy) program: usize,
    pub(in crate::policy) package: Vec<String>,
    entries: Vec<Entry>,
    /// conftest's `exception` of the package, and the name under which it lists this rule.
    exception: Option<(String, String)>,
}

#[derive(Clone, Debug)]
struct Entry {
    path: String,
    strength: Strength,
}

/// A `test_…` rule.
pub(super) struct TestRule {
    pub(super) package: Vec<String>,
    pub(super) path: String,
    pub(super) name: String,
    /// Its path in `data`.
    pub(super) rule: String,
}

struct Module {
    package: Vec<String>,
    path: String,
    text: String,
    /// The names of its rules, functions and defaults left out.
    rule_names: Vec<String>,
}

/// Why a rule gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::policy) enum Failure {
    #[error("it took longer than {} s; make it simpler, or look at fewer objects", TIME_LIMIT.as_secs())]
    TimeLimit,
    #[error("it took more than {0} steps; make it simpler, or look at fewer objects")]
    StepLimit(usize),
    #[error("{0}")]
    Evaluation(String),
    #[error("it yields {0}; a rule yields texts or objects with `msg`")]
    Shape(String),
}

impl Program {
    pub(in crate::policy) fn new() -> Self {
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: STEPS_BETWEEN_CHECKS,
        });
        // A `print` goes nowhere: standard error belongs to the reports.
        engine.set_gather_prints(true);
        Self { engine }
    }

    /// Adds a module.
    pub(in crate::policy) fn add(&mut self, file: &RegoFile, version: RegoVersion) -> Result<(), PolicyError> {
        let mut parse = |v0: bool| {
            self.engine.set_rego_v0(v0);
            self.engine.add_policy(file.path.clone(), file.text.clone())
        };
        let syntax = |error: &str, version| {
            let (place, reason) = split_error(error);
            let (line, column) = place.unwrap_or((1, 1));
            PolicyError::Syntax { path: file.path.clone(), line, column, version, reason }
        };
        match version {
            RegoVersion::V0 => parse(true).map(drop).map_err(|error| syntax(&error.to_string(), "v0")),
            RegoVersion::Detect => {
                let Err(error) = parse(false) else { return Ok(()) };
                if !may_be_v0(&file.text) {
                    return Err(syntax(&error.to_string(), "v1"));
                }
                parse(true).map(drop).map_err(|_| syntax(&error.to_string(), "v1"))
            }
        }
    }

    /// Adds to `data`.
    pub(in crate::policy) fn add_data(&mut self, data: Value) -> Result<(), Failure> {
        self.engine.add_data(data).map_err(|error| failure(&error.to_string()))
    }

    /// Compiles all modules, so that later clones need not.
    pub(in crate::policy) fn compile(&mut self, rule: &RegoRule) -> Result<CompiledPolicy, String> {
        // A rule is made of at least one entry point.
        let path = rule.paths().next().unwrap_or_default();
        self.engine.compile_with_entrypoint(&Arc::from(path)).map_err(|error| short(&error.to_string()))
    }

    /// The rules in the modules: every package with `deny`, `warn` or `violation`, and one more for each suffix
    /// (`deny_run_as_root`). `position` is the program's own among the programs of a set.
    pub(in crate::policy) fn rules(&self, position: usize) -> Result<Vec<RuleSource>, PolicyError> {
        let mut found: BTreeMap<(Vec<String>, String), RuleSource> = BTreeMap::new();
        let mut annotations: BTreeMap<Vec<String>, Vec<(Subject, Metadata)>> = BTreeMap::new();
        let mut exceptions = Vec::new();
        for Module { package, path, text, rule_names } in self.modules()? {
            annotations.entry(package.clone()).or_default().extend(metadata::read(&path, &text)?);
            for name in rule_names {
                if name == "exception" {
                    exceptions.push(package.clone());
                }
                let Some((strength, suffix)) = Strength::of_rule_name(&name) else { continue };
                let source = found.entry((package.clone(), suffix.to_owned())).or_insert_with(|| RuleSource {
                    package: package.clone(),
                    suffix: suffix.to_owned(),
                    path: path.clone(),
                    metadata: Metadata::default(),
                    rego: RegoRule {
                        program: position,
                        package: package.clone(),
                        entries: Vec::new(),
                        exception: None,
                    },
                });
                let entry = Entry { path: rule_path(&package, &name), strength };
                if source.rego.entries.iter().all(|known| known.path != entry.path) {
                    source.rego.entries.push(entry);
                }
            }
        }
        let mut sources: Vec<RuleSource> = found.into_values().collect();
        for source in &mut sources {
            source.metadata = metadata_of(source, annotations.get(&source.package).map_or(&[], Vec::as_slice));
            if exceptions.contains(&source.package) {
                source.rego.exception = Some((rule_path(&source.package, "exception"), source.suffix.clone()));
            }
        }
        Ok(sources)
    }

    /// The `test_…` rules.
    pub(super) fn tests(&self) -> Result<Vec<TestRule>, PolicyError> {
        let mut tests: Vec<TestRule> = Vec::new();
        for module in self.modules()? {
            for name in module.rule_names.into_iter().filter(|name| name.starts_with("test_")) {
                let rule = rule_path(&module.package, &name);
                if tests.iter().all(|known| known.rule != rule) {
                    tests.push(TestRule { package: module.package.clone(), path: module.path.clone(), name, rule });
                }
            }
        }
        Ok(tests)
    }

    /// The modules, in the order in which they were added.
    fn modules(&self) -> Result<Vec<Module>, PolicyError> {
        let mut engine = self.engine.clone();
        let packages = engine
            .get_policy_package_components()
            .map_err(|error| PolicyError::Compile { path: "policies".to_owned(), reason: short(&error.to_string()) })?;
        let modules = engine.get_modules().iter();
        Ok(packages
            .into_iter()
            .zip(modules)
            .map(|(package, module)| Module {
                package: package.components,
                path: package.source_file,
                text: module.package.span.source.contents().to_string(),
                rule_names: module.policy.iter().filter_map(|rule| head_name(rule.span().text())).collect(),
            })
            .collect())
    }

    /// The value at `path`; undefined when the rule's body does not hold.
    pub(super) fn value(&mut self, path: &str) -> Result<Value, Failure> {
        let result = self.engine.eval_rule(path.to_owned());
        // Collected lines of `print` would otherwise stay for the life of the engine.
        let _printed = self.engine.take_prints();
        result.map_err(|error| match error.downcast_ref::<regorus::LimitError>() {
            Some(regorus::LimitError::TimeLimitExceeded { .. }) => Failure::TimeLimit,
            Some(_) | None => failure(&error.to_string()),
        })
    }

    pub(super) fn set_input(&mut self, input: Value) {
        self.engine.set_input(input);
    }
}

impl RegoRule {
    /// The paths in `data` that its evaluation asks for: the package's `exception` first, where there is one.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let exception = self.exception.iter().map(|(path, _)| path.as_str());
        exception.chain(self.entries.iter().map(|entry| entry.path.as_str()))
    }

    /// The name under which conftest's `exception` of the package lists it, where there is such a rule.
    pub(super) fn exception_name(&self) -> Option<&str> {
        self.exception.as_ref().map(|(_, name)| name.as_str())
    }

    /// How strong what each of its entry points yields is.
    pub(super) fn strengths(&self) -> impl Iterator<Item = Strength> {
        self.entries.iter().map(|entry| entry.strength)
    }
}

/// Whether a file that is not valid as v1 can have been meant as v0: nothing in it is v1's own. (Read as v0, a mistaken v1
/// file gives a wrong reason, and regorus warns of keywords on standard error.)
fn may_be_v0(text: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    !code.flat_map(str::split_whitespace).any(|word| matches!(word, "rego.v1" | "if" | "contains"))
}

/// The nearest METADATA: of one of the rule's own entry points, else of the package.
fn metadata_of(source: &RuleSource, annotations: &[(Subject, Metadata)]) -> Metadata {
    let own = annotations.iter().find(|(subject, _)| match subject {
        Subject::Package => false,
        Subject::Rule(name) => Strength::of_rule_name(name).is_some_and(|(_, suffix)| suffix == source.suffix),
    });
    let package = annotations.iter().find(|(subject, _)| *subject == Subject::Package);
    let mut metadata = own.or(package).map(|(_, metadata)| metadata.clone()).unwrap_or_default();
    if own.is_none() && !source.suffix.is_empty() {
        // The package's id belongs to its plain rule.
        metadata.custom.id = None;
    }
    if metadata.custom.severity.is_none() && source.rego.entries.iter().all(|entry| entry.strength == Strength::Warn) {
        metadata.custom.severity = Some(crate::finding::Severity::Warning);
    }
    metadata
}

/// The name a rule's text begins with; `None` for a function and for a default.
fn head_name(text: &str) -> Option<String> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!rest.starts_with('(') && name != "default").then(|| name.to_owned())
}

/// `data.a.b.name`, with parts that are not identifiers in brackets.
fn rule_path(package: &[String], name: &str) -> String {
    let mut path = String::from("data");
    for part in package.iter().map(String::as_str).chain([name]) {
        let plain = part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && !part.starts_with(|letter: char| letter.is_ascii_digit());
        if plain {
            path.push('.');
            path.push_str(part);
        } else {
            path.push_str(&format!("[{}]", serde_json::Value::from(part)));
        }
    }
    path
}

fn failure(error: &str) -> Failure {
    Failure::Evaluation(short(error))
}

/// regorus quotes the source line; a finding needs the place and the sentence.
fn short(error: &str) -> String {
    let (place, reason) = split_error(error);
    let file = error.lines().find_map(|line| line.strip_prefix("--> "));
    match (place, file) {
        (Some(_), Some(file)) => format!("{reason} ({file})"),
        (Some(_) | None, _) => reason,
    }
}

/// Line and column, and the sentence, of a regorus error.
fn split_error(error: &str) -> (Option<(u32, u32)>, String) {
    let place = error.lines().find_map(|line| {
        let mut parts = line.strip_prefix("--> ")?.rsplit(':');
        let column = parts.next()?.parse().ok()?;
        Some((parts.next()?.parse().ok()?, column))
    });
    let reason = error
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("error: "))
        .or_else(|| error.lines().find(|line| !line.trim().is_empty()))
        .unwrap_or(error);
    (place, reason.trim().to_owned())
}
