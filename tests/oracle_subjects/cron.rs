//! Schedules of CronJobs: what the API server refuses, what the controller reads, and its times.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use quorate::finding::Severity;
use quorate::manifest::{Schedule, time_zone};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::fresh_cases::{Counts, Subject, compare, differing};
use super::{assembled, cases, report};

const FIELDS: [&str; 3] = ["refused", "parsed", "times"];

/// The fields of the spec that the API server would refuse.
fn refused(case: &Value) -> BTreeSet<String> {
    let template = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}}});
    let mut spec = json!({"schedule": case["schedule"], "jobTemplate": template});
    if !case["timeZone"].is_null() {
        spec["timeZone"] = case["timeZone"].clone();
    }
    let object = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": spec});
    let findings = assembled(&[&object]).findings;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.path.to_string()).collect()
}

fn answer(case: &Value) -> Value {
    let text = case["schedule"].as_str().unwrap();
    // A zone that there is not is passed over.
    let given = case["timeZone"].as_str().filter(|_| !text.contains("TZ"));
    let zone = given.and_then(time_zone);
    // The controller writes the zone before the schedule, and passes over blanks after it.
    let schedule = Schedule::parse(if zone.is_some() { text.trim() } else { text });
    let mut times = Vec::new();
    let mut at = case["after"].as_i64().unwrap();
    while let Some(schedule) = schedule.as_ref().filter(|_| times.len() < 8) {
        let Some(next) = schedule.next(zone.as_ref().unwrap_or(&TimeZone::UTC), at) else { break };
        times.push(next);
        at = next;
    }
    json!({"refused": refused(case), "parsed": schedule.is_some(), "times": times})
}

fn differences(case: &Value) -> Vec<String> {
    differing(case, &answer(case), &FIELDS)
}

#[test]
fn schedules_are_read_as_by_kubernetes() {
    let cases = cases("cron.jsonl.gz");
    let of_case = |case: &Value| -> Vec<String> {
        let question = json!([case["schedule"], case["timeZone"], case["after"]]);
        differences(case).iter().map(|found| format!("{question} {found}")).collect()
    };
    let failures: Vec<String> = cases.par_iter().flat_map_iter(of_case).collect();
    report(cases.len(), 6000, &failures);
}

fn count(case: &Value, counts: &mut Counts) {
    let mut count = |name: &str| *counts.entry(name.to_owned()).or_insert(0) += 1;
    match (case["parsed"] == true, case["times"] == json!([])) {
        (false, _) => count("schedules: none"),
        (true, true) => count("schedules: without a time"),
        (true, false) => count("schedules: with times"),
    }
}

#[test]
fn fresh_schedules_are_read_as_by_kubernetes() {
    compare(&Subject {
        name: "schedules",
        generate: &["generate-cron", "--answer"],
        answer: &["cron"],
        question: &["schedule", "timeZone", "after"],
        cases: 1000,
        differences,
        count,
    });
}
