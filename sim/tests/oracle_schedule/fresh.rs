//! New clusters in every run, asked of kube-scheduler's plugins and of this crate: see `fresh_cases`.

use quorate_sim::cluster::{ClusterState, NodeId};
use quorate_sim::scheduler::{Cache, Sampling};
use serde_json::{Value, json};

use crate::fresh_cases::{Counts, Subject, compare, differing};
use crate::{FIELDS, answer, cluster};

/// Both ways to decide are compared: the whole cycle, and the cache where it answers.
fn decision(case: &Value) -> Vec<String> {
    let (state, pod) = cluster::convert(case);
    let mut differences = differing(case, &answer(&state, &pod), &FIELDS);
    let best = Cache::new(&state, Sampling::AllNodes).best_nodes(&state, &pod);
    differences.extend(of_cache(case, &state, &best));
    differences
}

/// What differs in the answer of the cache.
pub(crate) fn of_cache(recorded: &Value, state: &ClusterState, best: &[NodeId]) -> Vec<String> {
    let mut names: Vec<&str> = best.iter().map(|id| state.names.text(state.nodes[id].name)).collect();
    names.sort_unstable();
    let found = differing(recorded, &json!({ "best": names }), &["best"]);
    found.into_iter().map(|difference| format!("the cache: {difference}")).collect()
}

/// Nodes by plugin and code, and in how many cases each plugin's scores tell nodes apart.
fn count_decision(case: &Value, counts: &mut Counts) {
    let mut count = |name: String| *counts.entry(name).or_insert(0) += 1;
    for verdict in case["nodes"].as_object().unwrap().values() {
        let plugin = verdict["plugin"].as_str().unwrap_or("all filters");
        count(format!("nodes: {plugin} {}", verdict["code"].as_str().unwrap()));
    }
    if let Some(plugin) = case["preFilter"]["plugin"].as_str() {
        count(format!("clusters rejected by PreFilter: {plugin} {}", case["preFilter"]["code"].as_str().unwrap()));
    }
    count(match case["nodes"].as_object().unwrap().len() {
        0..=6 => "clusters of 1 to 6 nodes".to_owned(),
        7..=14 => "clusters of 7 to 14 nodes".to_owned(),
        _ => "clusters of 15 to 30 nodes".to_owned(),
    });
    let scores: Vec<&Value> = case["scores"].as_object().unwrap().values().collect();
    let Some(first) = scores.first() else { return };
    for (plugin, score) in first.as_object().unwrap() {
        if scores.iter().any(|of_node| of_node[plugin] != *score) {
            count(format!("clusters told apart by {plugin}"));
        }
    }
}

#[test]
fn fresh_cases_are_answered_as_by_kube_scheduler() {
    compare(&Subject {
        name: "scheduling decisions",
        generate: &["generate-schedule", "--draw", "any", "--answer"],
        answer: &["schedule", "--keep-going"],
        question: &["objects", "pod"],
        cases: 2000,
        differences: decision,
        count: count_decision,
    });
}

#[test]
fn fresh_configurations_decide_as_in_kube_scheduler() {
    compare(&Subject {
        name: "scheduling decisions under configurations",
        generate: &["generate-schedule", "--draw", "any", "--configurations", "--answer"],
        answer: &["schedule", "--keep-going"],
        question: &["objects", "pod", "configuration"],
        cases: 2000,
        differences: decision,
        count: count_decision,
    });
}
