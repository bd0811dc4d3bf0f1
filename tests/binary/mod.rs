//! Runs the binary as users do, from the root of the repository, and reads what it wrote.
#![allow(clippy::unwrap_used)]
// Each test file uses its own part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jsonschema::Validator;
use serde_json::Value;

/// The day of the snapshots, on which every waiver of the fixtures holds.
pub(crate) const TODAY: &str = "2026-11-23";

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, with nothing in its environment that changes what it prints.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for variable in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs `command` to its end.
pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let run = Run {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

/// Runs the binary with these arguments.
pub(crate) fn quorate(arguments: &[&str]) -> Run {
    finish(binary().args(arguments))
}

impl Run {
    /// Demands the exit status.
    #[track_caller]
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The standard output as JSON that follows `fixtures/schemas/{schema}.schema.json`.
    #[track_caller]
    pub(crate) fn json(&self, schema: &str) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self:#?}"));
        assert_valid(&validator(schema), &value);
        value
    }
}

/// The validator of one of the published schemas.
pub(crate) fn validator(schema: &str) -> Validator {
    let schema = read(&format!("fixtures/schemas/{schema}.schema.json"));
    jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap()
}

/// Demands that `value` follows the schema.
#[track_caller]
pub(crate) fn assert_valid(validator: &Validator, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// A path below the root of the repository.
pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap()
}

/// A directory with these files.
pub(crate) fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The report without its version and without the time that it took. The closing paragraph is wrapped behind words that
/// the time is among, so it is put on one line first.
pub(crate) fn without_times(report: &str) -> String {
    let report = report.trim_end();
    let (body, closing) = report.rsplit_once("\n\n").map_or(("", report), |(body, closing)| (body, closing));
    let closing = closing.split_whitespace().collect::<Vec<_>>().join(" ");
    let (closing, elapsed) = closing.rsplit_once(" (").unwrap();
    assert!(elapsed.ends_with(" s)"), "{elapsed}");
    format!("{body}\n\n{closing} (ELAPSED)").trim_start().to_owned()
}
