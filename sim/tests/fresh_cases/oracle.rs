//! Asks the oracle.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running oracle.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(arguments: &[&str], input: Stdio) -> Self {
        let oracle = std::env::var_os("QUORATE_ORACLE").unwrap();
        let mut child = Command::new(oracle).args(arguments).stdin(input).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Option<Value> {
        self.lines.next().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a run that ended early; one that has ended cannot be ended again.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a generator writes. It goes on making cases while those it has made are compared.
pub(super) struct Answers(Running);

impl Answers {
    pub(super) fn to(arguments: &[&str]) -> Self {
        Self(Running::start(arguments, Stdio::null()))
    }
}

impl Iterator for Answers {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let answer = self.0.next();
        if answer.is_none() {
            assert!(self.0.child.wait().unwrap().success(), "the oracle failed");
        }
        answer
    }
}

/// An oracle that is asked one case after the other.
pub(super) struct Oracle {
    stdin: ChildStdin,
    running: Running,
}

impl Oracle {
    pub(super) fn new(arguments: &[&str]) -> Self {
        let mut running = Running::start(arguments, Stdio::piped());
        Self { stdin: running.child.stdin.take().unwrap(), running }
    }

    pub(super) fn ask(&mut self, case: &Value) -> Value {
        writeln!(self.stdin, "{case}").unwrap();
        self.running.next().unwrap_or_else(|| panic!("the oracle does not answer {case}"))
    }
}
