//! The rules of one run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::configuration::{Choice, Configuration};
use super::engine::{
    self, Code, Engine, Failure, InventoryData, Prepared, Program, RegoFile, RegoRule, RegoVersion, RuleSource,
    TestReport,
};
use super::evaluation::{self, Controlled, Evaluation, Facts};
use super::registry::{Rule, RuleEngine};
use super::{PolicyError, documentation, library};
use crate::finding::Finding;
use crate::manifest::Inventory;

/// The rules of one run: the built-in ones and those of the user's directories, with their configuration.
#[derive(Clone, Debug)]
pub struct PolicySet {
    rules: Vec<Rule>,
    choices: Vec<Choice>,
    programs: Vec<Sources>,
}

/// The files of a program, kept for its tests.
#[derive(Clone, Debug)]
struct Sources {
    program: Program,
    tests: Vec<RegoFile>,
    version: RegoVersion,
    author: Author,
    /// What evaluates its rules.
    engine: Engine,
    /// The code of its rule for the machine, once that was asked for: a program of the library has one rule.
    code: OnceLock<Result<Code, Failure>>,
}

/// Who wrote a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Author {
    Library,
    User,
}

/// Findings of these rules are about the run itself: no configuration hides them.
const ALWAYS_SHOWN: [&str; 2] = ["unreadable-document", "policy-error"];

impl PolicySet {
    /// The built-in rules: the Rego library, and the documentation of those that the simulation, the loader and the policy
    /// engine evaluate.
    ///
    /// # Errors
    /// When a built-in rule is broken; a test evaluates each.
    pub fn builtin() -> Result<Self, PolicyError> {
        let mut set = Self { rules: Vec::new(), choices: Vec::new(), programs: Vec::new() };
        for built_in in library::RULES {
            let mut program = library::base(Some(built_in))?;
            program.add(&built_in.rule(), RegoVersion::Detect)?;
            let sources = Sources {
                program,
                tests: vec![built_in.test()],
                version: RegoVersion::Detect,
                author: Author::Library,
                engine: Engine::Machine,
                code: OnceLock::new(),
            };
            let added = set.add_program(sources, built_in.pack)?;
            if let Some(rule) = set.rules.get_mut(added..).and_then(<[Rule]>::first_mut) {
                rule.examples = built_in.examples();
            }
        }
        for rule in documentation::rules()? {
            set.add_rule(rule)?;
        }
        Ok(set)
    }

    /// Adds the policies in `path`, a Rego file or a directory that is searched for `*.rego`. Every package with `deny`,
    /// `warn` or `violation` is a rule, and so is every `deny_NAME`; conftest's policies run as they are.
    ///
    /// # Errors
    /// When a file cannot be read, is not Rego, or has the id of a rule that exists.
    pub fn with_directory(mut self, path: &Path, version: RegoVersion) -> Result<Self, PolicyError> {
        let files = rego_files(path)?;
        let (tests, modules): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.path.ends_with("_test.rego"));
        let mut program = library::base(None)?;
        for module in &modules {
            program.add(module, version)?;
        }
        let (author, engine) = (Author::User, Engine::Interpreter);
        self.add_program(Sources { program, tests, version, author, engine, code: OnceLock::new() }, "")?;
        Ok(self)
    }

    /// Applies parameters, severities and the selection of rules; what was configured before is forgotten.
    ///
    /// # Errors
    /// When a rule, pack or parameter is unknown, or a value has the wrong type.
    pub fn configure(mut self, configuration: &Configuration) -> Result<Self, PolicyError> {
        self.choices = configuration.choices(&self.rules)?;
        Ok(self)
    }

    /// Every rule, built-in ones first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| *rule.id == *id)
    }

    /// What the Rego rules say of `inventory`; `environment` is the `spec` of quorate.yaml, or `Null`.
    #[must_use]
    pub fn evaluate(&self, inventory: &Inventory, environment: &Value) -> Evaluation {
        self.evaluate_with(inventory, &Facts { spec: environment, documents: &[] })
    }

    /// What the Rego rules say of `inventory`; findings about facts are shown in the files the facts were read from.
    #[must_use]
    pub fn evaluate_with(&self, inventory: &Inventory, facts: &Facts<'_>) -> Evaluation {
        evaluation::evaluate(self, inventory, facts)
    }

    /// Whether the rule of this id runs. A rule that is not known does.
    #[must_use]
    pub fn runs(&self, id: &str) -> bool {
        ALWAYS_SHOWN.contains(&id)
            || self.rules_with_choices().find(|(rule, _)| *rule.id == *id).is_none_or(|(_, choice)| choice.runs())
    }

    /// Applies selection and severities to findings of the rules that are not written in Rego.
    #[must_use]
    pub fn adjust(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings
            .into_iter()
            .filter_map(|mut finding| {
                let known = self.rules_with_choices().find(|(rule, _)| rule.id == finding.rule);
                let Some((_, choice)) = known.filter(|(rule, _)| !ALWAYS_SHOWN.contains(&&*rule.id)) else {
                    return Some(finding);
                };
                if let Some(severity) = choice.severity.and_then(super::SeverityChoice::severity) {
                    finding.severity = severity;
                }
                choice.runs().then_some(finding)
            })
            .collect()
    }

    /// Runs the `test_…` rules of all policies.
    ///
    /// # Errors
    /// When a test file is not Rego.
    pub fn run_tests(&self) -> Result<TestReport, PolicyError> {
        let mut report = TestReport::default();
        for (position, sources) in self.programs.iter().enumerate() {
            let mut program = sources.program.clone();
            for test in &sources.tests {
                program.add(test, sources.version)?;
            }
            let empty = InventoryData::new(&Inventory::default()).tree().clone();
            let nothing = regorus::Value::new_object();
            let parameters = engine::from_json(&self.default_parameters(position));
            program
                .add_data(evaluation::data(&empty, &nothing, &parameters, &nothing))
                .map_err(|failure| PolicyError::Compile { path: "policies".to_owned(), reason: failure.to_string() })?;
            report.results.extend(engine::run(&mut program)?);
        }
        let tested: BTreeSet<&str> = report
            .results
            .iter()
            .map(|result| result.package.strip_suffix("_test").unwrap_or(&result.package))
            .collect();
        report.untested = self
            .rules
            .iter()
            .filter(|rule| match &rule.engine {
                RuleEngine::Rego(rego) => !tested.contains(rego.package.join(".").as_str()),
                RuleEngine::Simulation | RuleEngine::Loader | RuleEngine::Policy => false,
            })
            .map(|rule| rule.id.to_string())
            .collect();
        Ok(report)
    }

    pub(super) fn rules_with_choices(&self) -> impl Iterator<Item = (&Rule, &Choice)> {
        self.rules.iter().zip(&self.choices)
    }

    /// The rule, ready to be evaluated over `data`.
    pub(super) fn prepare(&self, rule: &Rule, rego: &RegoRule, data: regorus::Value) -> Result<Prepared, Failure> {
        let Some(sources) = self.programs.get(rego.program) else {
            return Prepared::interpreted(Program::new(), rego, data);
        };
        // One that only looks at quorate.yaml is evaluated once: there is nothing to win.
        match sources.engine {
            Engine::Machine if !rule.looks_at_environment() => {
                let code = sources.code.get_or_init(|| Code::new(sources.program.clone(), rego));
                Ok(Prepared::compiled(code.clone()?, data))
            }
            Engine::Machine | Engine::Interpreter => Prepared::interpreted(sources.program.clone(), rego, data),
        }
    }

    /// The same rules, all evaluated by `engine`.
    #[cfg(test)]
    pub(super) fn on(mut self, engine: Engine) -> Self {
        self.programs.iter_mut().for_each(|sources| sources.engine = engine);
        self
    }

    pub(super) fn controlled(&self, rego: &RegoRule) -> Controlled {
        match self.programs.get(rego.program).map(|sources| sources.author) {
            Some(Author::Library) => Controlled::LeftToController,
            Some(Author::User) | None => Controlled::Reviewed,
        }
    }

    /// The defaults of the parameters of all rules of a program; a program of the library has one rule.
    fn default_parameters(&self, position: usize) -> Value {
        let rules = self.rules.iter().filter(|rule| match &rule.engine {
            RuleEngine::Rego(rego) => rego.program == position,
            RuleEngine::Simulation | RuleEngine::Loader | RuleEngine::Policy => false,
        });
        let parameters = rules.flat_map(|rule| &rule.parameters);
        Value::Object(parameters.map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect())
    }

    /// Adds a program's rules and gives the position of the first.
    fn add_program(&mut self, sources: Sources, pack: &str) -> Result<usize, PolicyError> {
        let first = self.rules.len();
        for source in sources.program.rules(self.programs.len())? {
            let id = rule_id(&source);
            let pack = if pack.is_empty() { source.package.join(".") } else { pack.to_owned() };
            let path = source.path.clone();
            // The library compiles when it is evaluated, as a test does; a user is to know at once.
            if sources.author == Author::User {
                let compiled = sources.program.clone().compile(&source.rego);
                compiled.map_err(|reason| PolicyError::Compile { path: path.clone(), reason })?;
            }
            let rule = Rule::from_metadata(&id, &pack, source.metadata, RuleEngine::Rego(source.rego))
                .map_err(|error| PolicyError::Metadata { path, line: 1, reason: error.to_string() })?;
            self.add_rule(rule)?;
        }
        self.programs.push(sources);
        Ok(first)
    }

    fn add_rule(&mut self, rule: Rule) -> Result<(), PolicyError> {
        if self.rule(&rule.id).is_some() {
            let path = rule.pack.to_string();
            return Err(PolicyError::DuplicateRule { id: rule.id.to_string(), path });
        }
        self.choices.push(Choice::default_for(&rule));
        self.rules.push(rule);
        Ok(())
    }
}

/// `custom.id`, else the package's parts and the suffix with dashes: `main-run-as-root`.
fn rule_id(source: &RuleSource) -> String {
    source.metadata.custom.id.clone().unwrap_or_else(|| {
        let suffix = (!source.suffix.is_empty()).then_some(&source.suffix);
        source.package.iter().chain(suffix).map(|part| part.replace('_', "-")).collect::<Vec<_>>().join("-")
    })
}

/// The Rego files in `path`, by name.
fn rego_files(path: &Path) -> Result<Vec<RegoFile>, PolicyError> {
    let failed = |path: &Path, error: &std::io::Error| PolicyError::Read {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut waiting = vec![path.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(next) = waiting.pop() {
        if !next.is_dir() {
            let wanted = next == path || next.extension().is_some_and(|extension| extension == "rego");
            files.extend(wanted.then_some(next));
            continue;
        }
        for entry in fs::read_dir(&next).map_err(|error| failed(&next, &error))? {
            let entry = entry.map_err(|error| failed(&next, &error))?;
            // A link could lead in circles; a directory is only followed where it really stands.
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), &error))?;
            if !kind.is_symlink() || !entry.path().is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).map_err(|error| failed(&file, &error))?;
            Ok(RegoFile { path: file.display().to_string(), text })
        })
        .collect()
}

#[cfg(test)]
mod tests;
