//! `test_…` rules: the policies' own tests.

use regorus::Value;

use super::program::{Program, TestRule};
use crate::policy::PolicyError;

/// What the policies' tests gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Every test, in order.
    pub results: Vec<TestResult>,
    /// The ids of rules whose package no test package belongs to.
    pub untested: Vec<String>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Its package, with dots: `quorate.security.privileged_container_test`.
    pub package: String,
    /// The file.
    pub path: String,
    /// Its name: `test_denies_privileged`.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// It is true.
    Passed,
    /// It is false, undefined, or something that is not true.
    Failed,
    /// It could not be evaluated; why.
    Error(String),
}

impl TestReport {
    /// Whether every test passed; a rule without tests does not change that.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.results.iter().all(|result| result.outcome == TestOutcome::Passed)
    }
}

/// Runs the tests of a program.
pub(in crate::policy) fn run(program: &mut Program) -> Result<Vec<TestResult>, PolicyError> {
    let tests = program.tests()?;
    Ok(tests
        .into_iter()
        .map(|TestRule { package, path, name, rule }| {
            let outcome = match program.value(&rule) {
                Ok(Value::Bool(true)) => TestOutcome::Passed,
                Ok(_) => TestOutcome::Failed,
                Err(failure) => TestOutcome::Error(failure.to_string()),
            };
            TestResult { package: package.join("."), path, name, outcome }
        })
        .collect())
}
