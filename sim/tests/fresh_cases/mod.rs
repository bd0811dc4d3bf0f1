//! New cases in every run, asked of Kubernetes' own code and of this repository's.
//!
//! Needs the oracle (`tests/oracle`, built with Go): `QUORATE_ORACLE` is the path of its binary. `QUORATE_ORACLE_CASES` is how
//! many cases are compared, `QUORATE_ORACLE_SEED` repeats a run, and `QUORATE_ORACLE_COUNTS` names a file to which is added what
//! the cases reached, a count and its name a line. A case that differs is made as small as it can be and still differ, and is
//! printed.
//!
//! | file | what |
//! | --- | --- |
//! | `oracle.rs` | asks the oracle |
//! | `shrink.rs` | takes away from a case whatever is not needed |

mod oracle;
mod shrink;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use oracle::{Answers, Oracle};

/// How often something was reached.
pub(crate) type Counts = BTreeMap<String, usize>;

/// Something that both sides can be asked about.
pub(crate) struct Subject {
    /// What one case is.
    pub name: &'static str,
    /// The oracle's arguments that make cases and answer them; seed and count are added.
    pub generate: &'static [&'static str],
    /// Its arguments that answer cases and go on after one that has no answer.
    pub answer: &'static [&'static str],
    /// The fields of a case that are the question.
    pub question: &'static [&'static str],
    /// How many cases are compared where nothing else is said.
    pub cases: usize,
    /// In which fields this repository answers something else than stands in a case.
    pub differences: fn(&Value) -> Vec<String>,
    /// Counts what a case reached.
    pub count: fn(&Value, &mut Counts),
}

const PANIC: &str = "a panic";

/// The differences of a case; a panic is one too.
fn differences(subject: &Subject, case: &Value) -> Vec<String> {
    catch_unwind(AssertUnwindSafe(|| (subject.differences)(case))).unwrap_or_else(|_| vec![PANIC.to_owned()])
}

/// The differences between what is recorded in `case` and what is answered, field by field.
pub(crate) fn differing(case: &Value, own: &Value, fields: &[&str]) -> Vec<String> {
    let differs = fields.iter().filter(|field| own[**field] != case[**field]);
    differs.map(|field| format!("{field}\n  recorded {}\n  answered {}", case[*field], own[*field])).collect()
}

/// Whether Kubernetes, asked again, also gives this repository's answer: which of equally good PersistentVolumes the first of two
/// claims takes is a matter of Go's order of maps, and decides whether the second one finds any.
fn is_one_of_several(subject: &Subject, case: &Value) -> bool {
    let question = shrink::question(subject, case);
    let mut oracle = Oracle::new(subject.answer);
    (0..64).any(|_| differences(subject, &oracle.ask(&question)).is_empty())
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Compares fresh cases; without an oracle there are none.
pub(crate) fn compare(subject: &Subject) {
    if std::env::var_os("QUORATE_ORACLE").is_none() {
        eprintln!("left out: fresh cases (QUORATE_ORACLE is not set); the recorded ones are compared all the same");
        return;
    }
    let count = number_from("QUORATE_ORACLE_CASES").map_or(subject.cases, |count| usize::try_from(count).unwrap());
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let seed = number_from("QUORATE_ORACLE_SEED").unwrap_or_else(now);
    eprintln!("{count} fresh {}, QUORATE_ORACLE_SEED={seed}", subject.name);
    let (seed_text, count_text) = (seed.to_string(), count.to_string());
    let arguments = [subject.generate, &["--seed", &seed_text, "--count", &count_text]].concat();
    let mut counts = Counts::new();
    let (mut compared, mut several) = (0_usize, 0_usize);
    for case in Answers::to(&arguments) {
        compared += 1;
        (subject.count)(&case, &mut counts);
        let found = differences(subject, &case);
        if found.is_empty() {
            continue;
        }
        if is_one_of_several(subject, &case) {
            eprintln!("case {}: Kubernetes itself gives several answers, ours among them", case["id"]);
            several += 1;
            continue;
        }
        eprintln!("QUORATE_ORACLE_SEED={seed}: case {} differs:\n{}", case["id"], found.join("\n"));
        let smallest = shrink::smallest(subject, &case);
        panic!("as small as it gets:\n{smallest}\n{}", differences(subject, &smallest).join("\n"));
    }
    assert_eq!(compared, count, "cases were made");
    eprintln!("{compared} {} agree, {several} of them with one of several answers: {counts:#?}", subject.name);
    assert!(several * 1000 <= compared, "too many cases in which Kubernetes gives several answers");
    counts.insert(subject.name.to_owned(), compared);
    counts.insert(format!("{} with one of several answers", subject.name), several);
    publish(&counts);
}

/// Adds the counts to the file that is to have them.
fn publish(counts: &Counts) {
    let Some(path) = std::env::var_os("QUORATE_ORACLE_COUNTS") else { return };
    let mut lines = String::new();
    for (name, count) in counts {
        writeln!(lines, "{count} {name}").unwrap();
    }
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}
