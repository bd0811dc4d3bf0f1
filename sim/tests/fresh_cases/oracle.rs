//! Asks the oracle.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn start(arguments: &[&str], input: Stdio) -> Child {
    let oracle = std::env::var_os("QUORATE_ORACLE").unwrap();
    Command::new(oracle).args(arguments).stdin(input).stdout(Stdio::piped()).spawn().unwrap()
}

/// What the oracle makes of `cases`, one answer for each.
pub(super) fn ask(arguments: &[&str], cases: &[Value]) -> Vec<Value> {
    let mut child = start(arguments, Stdio::piped());
    let mut stdin = child.stdin.take().unwrap();
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "the oracle failed: {arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

/// What a generator writes. It goes on making cases while those it has made are compared.
pub(super) struct Answers {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Answers {
    pub(super) fn to(arguments: &[&str]) -> Self {
        let mut child = start(arguments, Stdio::null());
        let lines = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }
}

impl Iterator for Answers {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        if let Some(line) = self.lines.next() {
            return Some(serde_json::from_str(&line.unwrap()).unwrap());
        }
        assert!(self.child.wait().unwrap().success(), "the oracle failed");
        None
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // Of a run that ended early; one that has ended cannot be ended again.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
