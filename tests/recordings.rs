//! Conformance of the whole binary: what it says of the scenarios that a real 1.36.3 control plane has played. The same
//! recordings are played against the core alone in `sim/tests/recordings.rs`; here manifests, defaults, the scenario file
//! and the JSON output are part of the answer.
#![allow(clippy::unwrap_used)]

mod binary;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use binary::{quorate, read, root, text};
use serde_json::{Value, json};

const RECORDINGS: &str = "fixtures/recordings/1.36.3";

/// The flags of the recorded control plane that differ from Kubernetes' defaults, as a scenario's settings.
fn settings(recording: &Value) -> BTreeMap<String, String> {
    let flags = ["apiserverArgs", "controllerManagerArgs"].map(|key| recording["settings"][key].as_array().unwrap());
    let flag = |flag: &Value| {
        let (name, value) = flag.as_str().unwrap().trim_start_matches('-').split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    flags.into_iter().flatten().map(flag).collect()
}

/// What the binary says, played with the settings of `recording`.
fn simulated(folder: &str, recording: &Value) -> Value {
    let mut scenario = read(&format!("{folder}/scenario.yaml"));
    let settings = settings(recording);
    if !settings.is_empty() {
        scenario.push_str("  settings:\n");
        settings.iter().for_each(|(name, value)| writeln!(scenario, "    {name}: {value}").unwrap());
    }
    let directory = binary::directory(&[("scenario.yaml", &scenario)]);
    let file = directory.path().join("scenario.yaml");
    let cluster = format!("{folder}/cluster.yaml");
    let run = quorate(&["simulate", &cluster, "--scenario", text(&file), "-o", "json"]);
    let answer = run.json("simulate");
    let held = answer["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "completed");
    assert_eq!(run.status, i32::from(!held), "{folder}");
    answer
}

/// What a recorded and a simulated state both tell, with the workers renamed: pods are a multiset.
fn comparable(state: &Value, names: &BTreeMap<String, String>) -> Value {
    let mut pods = state["pods"].as_array().unwrap().clone();
    for pod in &mut pods {
        if let Some(name) = pod["node"].as_str() {
            pod["node"] = json!(names.get(name).map_or(name, String::as_str));
        }
    }
    pods.sort_by_key(ToString::to_string);
    json!({"workloads": state["workloads"], "pods": pods, "pdbs": state["pdbs"]})
}

/// Every renaming of the workers, the identity first.
fn renamings(workers: &[String]) -> Vec<BTreeMap<String, String>> {
    fn orders(items: &[String]) -> Vec<Vec<String>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut rest = items.to_vec();
            rest.remove(index);
            all.extend(orders(&rest).into_iter().map(|tail| [vec![item.clone()], tail].concat()));
        }
        all
    }
    orders(workers).into_iter().map(|order| workers.iter().cloned().zip(order).collect()).collect()
}

/// One run: each state in the order of the recording, with the names of its workers replaced.
fn whole(run: &Value, names: &BTreeMap<String, String>) -> Value {
    let steps = run["steps"].as_array().unwrap().iter().map(|step| {
        let outcome = &step["outcome"];
        json!({"outcome": outcome, "minReady": step["minReady"], "after": comparable(&step["after"], names)})
    });
    json!({"initial": comparable(&run["initial"], names), "steps": steps.collect::<Vec<_>>()})
}

/// Which of the workers that are alike gets a pod is left open in the recordings of four workers, of which the pods need
/// three: there, and only there, a renaming of the workers, the same one in every step, is allowed.
fn conforms(name: &str, alike: &[String]) {
    let folder = format!("{RECORDINGS}/{name}");
    for run in 1..=3 {
        let recording: Value = serde_json::from_str(&read(&format!("{folder}/real-{run}.json"))).unwrap();
        let answer = simulated(&folder, &recording);
        let wanted = whole(&recording, &BTreeMap::new());
        let exact = whole(&answer, &BTreeMap::new());
        let same = renamings(alike).iter().any(|names| whole(&answer, names) == wanted);
        assert!(same, "{name}, run {run}\nsimulated {exact:#}\nrecorded {wanted:#}");
        for (answer, recorded) in answer["steps"].as_array().unwrap().iter().zip(recording["steps"].as_array().unwrap())
        {
            // The texts of drains and failures hold generated names and wall-clock times.
            if recorded["action"].as_str().unwrap().starts_with("setImage") {
                assert_eq!(answer["detail"], recorded["detail"], "{name}, run {run}");
            }
        }
    }
}

#[test]
fn every_recording_is_played_exactly() {
    let mut played = 0;
    let mut folders: Vec<_> = fs::read_dir(root(RECORDINGS)).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let alike = if name.contains("4-workers") { 4 } else { 0 };
        conforms(name, &(1..=alike).map(|number| format!("worker-{number}")).collect::<Vec<_>>());
        played += 1;
    }
    assert!(played >= 6, "{played} recordings");
}

/// The twin: the comparison can fail, and a renaming does not hide everything.
#[test]
fn another_cluster_does_not_conform() {
    let folder = format!("{RECORDINGS}/03-qawave-4-workers");
    let recording: Value =
        serde_json::from_str(&read(&format!("{RECORDINGS}/01-qawave-rollout-deadlock/real-1.json"))).unwrap();
    let answer = simulated(&folder, &recording);
    let workers: Vec<String> = (1..=4).map(|number| format!("worker-{number}")).collect();
    let wanted = whole(&recording, &BTreeMap::new());
    assert!(renamings(&workers).iter().all(|names| whole(&answer, names) != wanted));
}

/// The settings of the recordings are heard: without them the same crash takes longer.
#[test]
fn the_recorded_settings_matter() {
    let folder = format!("{RECORDINGS}/05-qawave-crash-recover");
    let recording: Value = serde_json::from_str(&read(&format!("{folder}/real-1.json"))).unwrap();
    let with = simulated(&folder, &recording);
    let without = simulated(&folder, &json!({"settings": {"apiserverArgs": [], "controllerManagerArgs": []}}));
    let seconds = |answer: &Value| answer["steps"][0]["endedAt"].as_f64().unwrap();
    assert!(seconds(&with) < 20.0 && seconds(&without) > 300.0, "{} {}", seconds(&with), seconds(&without));
    assert_eq!(with["settings"]["node-monitor-grace-period"], "6s");
    assert_eq!(without["settings"]["node-monitor-grace-period"], "50s");
}
