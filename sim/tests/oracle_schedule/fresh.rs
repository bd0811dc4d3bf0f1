//! New clusters in every run, asked of kube-scheduler's plugins and of this crate.
//!
//! Needs the oracle (`tests/oracle`, built with Go): `QUORATE_ORACLE` is the path of its binary, `QUORATE_ORACLE_CASES` how many
//! cases are compared (2,000 where it is not set), `QUORATE_ORACLE_SEED` repeats a run. A case that differs is made as small as
//! it can be and still differ, and is printed.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_sim::scheduler::{Cache, Sampling};
use serde_json::{Value, json};

use crate::{answer, cluster};

/// Cases of one call of the oracle.
const BATCH: usize = 1000;

/// Runs the oracle on `input`; gives its lines.
fn ask(arguments: &[&str], input: &str) -> Vec<Value> {
    let oracle = std::env::var_os("QUORATE_ORACLE").unwrap();
    let mut command = Command::new(oracle);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A generator does not read what it is given.
    drop(writing.join().unwrap());
    assert!(output.status.success(), "the oracle failed: {arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines<'a>(cases: impl IntoIterator<Item = &'a Value>) -> String {
    cases.into_iter().map(|case| format!("{case}\n")).collect()
}

const PANIC: &str = "a panic";

/// In which fields this crate answers something else than is recorded in `case`; a panic is a difference too.
fn differences(case: &Value) -> Vec<String> {
    let own = catch_unwind(AssertUnwindSafe(|| {
        let (state, pod) = cluster::convert(case);
        let mut own = answer(&state, &pod);
        let best = Cache::new(&state, Sampling::AllNodes).best_nodes(&state, &pod);
        let mut names: Vec<&str> = best.iter().map(|id| state.names.text(state.nodes[id].name)).collect();
        names.sort_unstable();
        own["cache"] = json!(names);
        own
    }));
    let Ok(own) = own else { return vec![PANIC.to_owned()] };
    let mut differing = Vec::new();
    for field in ["preFilter", "nodes", "scores", "total", "best"] {
        if own[field] != case[field] {
            differing.push(format!("{field}\n  recorded {}\n  answered {}", case[field], own[field]));
        }
    }
    if !own["cache"].is_null() && own["cache"] != case["best"] {
        differing.push(format!("the cache\n  recorded {}\n  answered {}", case["best"], own["cache"]));
    }
    differing
}

/// Every way to take one thing away: an object, a field, an item of a list.
fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, inner)| {
                let without = {
                    let mut fields = fields.clone();
                    fields.remove(key);
                    Value::Object(fields)
                };
                let within = smaller(inner).into_iter().map(|smaller| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), smaller);
                    Value::Object(fields)
                });
                std::iter::once(without).chain(within).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => (0..items.len())
            .flat_map(|index| {
                let without = Value::Array([&items[..index], &items[index + 1..]].concat());
                let within = smaller(&items[index]).into_iter().map(move |smaller| {
                    let mut items = items.clone();
                    items[index] = smaller;
                    Value::Array(items)
                });
                std::iter::once(without).chain(within).collect::<Vec<_>>()
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Takes away from `case` whatever can go without the difference going too.
fn shrink(case: Value) -> Value {
    // A pod that lacks what every pod has makes the test's own reading panic: another matter.
    let panics = |case: &Value| differences(case) == [PANIC];
    let is_panic = panics(&case);
    let mut smallest = case;
    loop {
        let mut question = json!({"objects": smallest["objects"], "pod": smallest["pod"]});
        if !smallest["configuration"].is_null() {
            question["configuration"] = smallest["configuration"].clone();
        }
        let variants: Vec<Value> = smaller(&question)
            .into_iter()
            .filter(|variant| variant["objects"].is_array() && variant["pod"].is_object())
            .map(|mut variant| {
                variant["id"] = json!("smaller");
                variant
            })
            .collect();
        let answered = ask(&["schedule", "--keep-going"], &lines(&variants));
        let differs =
            |case: &Value| case["error"].is_null() && !differences(case).is_empty() && panics(case) == is_panic;
        match answered.into_iter().filter(differs).min_by_key(|case| case.to_string().len()) {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// Whether kube-scheduler, asked again, also gives the answer of this crate: which of equally good PersistentVolumes the first
/// of two claims takes is a matter of Go's order of maps, and decides whether the second one finds any.
fn is_one_of_several(case: &Value) -> bool {
    let again: Vec<&Value> = std::iter::repeat_n(case, 64).collect();
    ask(&["schedule"], &lines(again)).iter().any(|answered| differences(answered).is_empty())
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[test]
fn fresh_cases_are_answered_as_by_kube_scheduler() {
    if std::env::var_os("QUORATE_ORACLE").is_none() {
        eprintln!("left out: fresh cases (QUORATE_ORACLE is not set); the recorded ones are compared all the same");
        return;
    }
    let count = usize::try_from(number_from("QUORATE_ORACLE_CASES").unwrap_or(2000)).unwrap();
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let seed = number_from("QUORATE_ORACLE_SEED").unwrap_or_else(now);
    eprintln!("{count} fresh cases, QUORATE_ORACLE_SEED={seed}");
    let (mut compared, mut several) = (0_usize, 0_usize);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for batch in 0.. {
        if compared >= count {
            break;
        }
        let of_batch = seed + batch;
        let (size, seed) = (BATCH.min(count - compared).to_string(), of_batch.to_string());
        let mut arguments = vec!["generate-schedule", "--seed", &seed, "--count", &size];
        // One batch in four is about volumes: which one hangs on its seed, so that this is all that it takes to repeat it.
        if of_batch % 4 == 3 {
            arguments.push("--volumes");
        }
        // One in eight, and all where `QUORATE_ORACLE_CONFIGURATIONS` is set, has a scheduler configuration with each case.
        if of_batch % 8 == 5 || std::env::var_os("QUORATE_ORACLE_CONFIGURATIONS").is_some() {
            arguments.push("--configurations");
        }
        let generated = ask(&arguments, "");
        let answered = ask(&["schedule"], &lines(&generated));
        assert_eq!(answered.len(), generated.len());
        for case in answered {
            compared += 1;
            for verdict in case["nodes"].as_object().unwrap().values() {
                let plugin = verdict["plugin"].as_str().unwrap_or("all filters");
                *counts.entry(format!("{plugin} {}", verdict["code"].as_str().unwrap())).or_insert(0) += 1;
            }
            if differences(&case).is_empty() {
                continue;
            }
            if is_one_of_several(&case) {
                eprintln!("case {}: kube-scheduler itself gives several answers, ours among them", case["id"]);
                several += 1;
            } else {
                let first = differences(&case).join("\n");
                eprintln!("QUORATE_ORACLE_SEED={seed}: case {} differs:\n{first}", case["id"]);
                let smallest = shrink(case);
                let shown = differences(&smallest).join("\n");
                panic!("as small as it gets:\n{smallest}\n{shown}");
            }
        }
    }
    eprintln!("{compared} cases agree, {several} of them with one of several answers; nodes by verdict: {counts:#?}");
    assert!(several * 1000 <= compared, "too many cases in which kube-scheduler gives several answers");
}
