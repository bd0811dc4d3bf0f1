//! kube-scheduler 1.36.3 itself, asked in process, against the scheduler of this crate: code, plugin and reasons of every node,
//! every weighted score, the totals and the best nodes of every recorded case.
//!
//! The recordings stand in `fixtures/oracle/1.36.3/schedule*.jsonl`: `{id, objects, pod, preFilter, nodes, scores, total,
//! best}`. They hold scores also where only one node is feasible, which kube-scheduler would take unscored.
//! `preempt*.jsonl` hold pods that fit nowhere: `{id, objects, pod, candidates, chosen, statuses, message}`. `sequence*.jsonl` hold
//! what happens to a cluster step by step: `{id, objects, steps, outcomes}`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod affinity;
mod cache;
mod cluster;
mod configuration;
mod fresh;
#[path = "../fresh_cases/mod.rs"]
mod fresh_cases;
mod pod;
mod preempt;
mod resources;
mod sequence;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use quorate_sim::cluster::{ClusterState, NodeId};
use quorate_sim::scheduler::{Candidate, SchedulingResult, Snapshot, Verdict, schedule_candidate, scores};
use serde_json::{Value, json};

/// What is compared of a decision.
const FIELDS: [&str; 5] = ["preFilter", "nodes", "scores", "total", "best"];

fn recordings(prefix: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/oracle/1.36.3");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(prefix) && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"))
        })
        .collect();
    files.sort();
    files
}

fn cases(file: &Path) -> Vec<Value> {
    let opened = std::fs::File::open(file).unwrap();
    let mut text = String::new();
    if file.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(opened).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(opened).read_to_string(&mut text).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What this crate answers, in the shape of the recording.
fn answer(state: &ClusterState, pod: &quorate_sim::cluster::Pod) -> Value {
    let snapshot = Snapshot::new(state);
    let candidate = Candidate { id: None, ..Candidate::of_pod(quorate_sim::cluster::PodId(u32::MAX), pod) };
    let result = schedule_candidate(&snapshot, &candidate);
    let name = |id: &NodeId| state.names.text(state.nodes[id].name).to_owned();
    let feasible: Vec<NodeId> = result.feasible().collect();
    let scores = scores(&snapshot, &candidate, &feasible);
    assert!(result.scores.is_empty() || result.scores == scores, "scores differ from those of the cycle");
    let totals: BTreeMap<String, i64> = scores.iter().map(|(id, of_node)| (name(id), of_node.values().sum())).collect();
    let best: BTreeSet<String> = result.best.iter().map(name).collect();
    let scores: BTreeMap<String, BTreeMap<&str, i64>> = scores
        .iter()
        .map(|(id, of_node)| (name(id), of_node.iter().map(|(plugin, score)| (plugin.as_str(), *score)).collect()))
        .collect();
    json!({
        "preFilter": pre_filter(&result),
        "nodes": result.verdicts.iter().map(|(id, verdict)| (name(id), verdict_json(verdict))).collect::<BTreeMap<_, _>>(),
        "scores": scores,
        "total": totals,
        "best": best,
    })
}

fn pre_filter(result: &SchedulingResult) -> Value {
    result.pre_filter.as_ref().map_or(Value::Null, |rejection| {
        json!({
            "code": rejection.code.as_str(),
            "plugin": rejection.plugin.as_str(),
            "reasons": [rejection.reason.to_string()],
        })
    })
}

fn verdict_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Fits => json!({"code": "Success"}),
        Verdict::Rejected { code, plugin, reasons } => {
            let mut reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            reasons.sort();
            json!({"code": code.as_str(), "plugin": plugin.as_str(), "reasons": reasons})
        }
    }
}

#[test]
fn every_recorded_case_is_answered_as_by_kube_scheduler() {
    let mut failures = Vec::new();
    let mut count = 0_usize;
    for file in recordings("schedule") {
        for case in cases(&file) {
            let (state, pod) = cluster::convert(&case);
            count += 1;
            let actual = answer(&state, &pod);
            for field in FIELDS {
                if actual[field] != case[field] {
                    failures.push(format!(
                        "{} {field}\n  recorded {}\n  answered {}",
                        case["id"], case[field], actual[field]
                    ));
                }
            }
        }
    }
    eprintln!("{count} cases compared");
    assert!(count >= 4300, "only {count} cases were compared");
    let shown = failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} differences in {count} cases\n{shown}", failures.len());
}
