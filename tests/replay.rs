//! What `quorate prove` finds, `quorate simulate` shows: the scenario of every witness is played on the very input.
#![allow(clippy::unwrap_used)]

mod binary;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use binary::{Run, finish, root};
use rayon::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

fn quorate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::cargo_bin("quorate").unwrap();
    command.current_dir(directory).args(arguments).arg("--color").arg("never");
    finish(&mut command)
}

/// How many pods the last step says to be available as was expected; nothing but that was expected.
fn shown(report: &Value) -> i64 {
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["unexpected"] == serde_json::json!([])), "{steps:#?}");
    let met = steps.last().unwrap()["met"].as_array().unwrap();
    let count = |text: &Value| text.as_str().unwrap().split(' ').nth(1).unwrap().parse::<i64>().unwrap();
    met.iter().map(count).sum()
}

/// Plays the scenario of every violated verdict about `input`; gives `placement/phase/method` of each.
fn replayed(input: &[&str], failures: &[&str]) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let arguments: Vec<&str> = ["prove"].iter().chain(input).chain(failures).chain(&["-o", "json"]).copied().collect();
    let report = quorate(directory.path(), &arguments).json("prove");
    let violated: Vec<Value> = report["guarantees"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["verdict"] == "violated")
        .cloned()
        .collect();
    let play = |entry: &Value| {
        let word = |key: &str| entry[key].as_str().unwrap();
        let at = format!("{}/{}/{}", word("placement"), word("phase"), word("method"));
        let file = entry["witness"]["scenario"].as_str().unwrap_or_else(|| panic!("{input:?} {at} has no scenario"));
        let scenario = ["--scenario", file, "-o", "json"];
        let arguments: Vec<&str> = ["simulate"].iter().chain(input).chain(&scenario).copied().collect();
        let run = quorate(directory.path(), &arguments);
        assert_eq!(run.status, 0, "{input:?} {at} {file}\n{}\n{}", run.stdout, run.stderr);
        assert_eq!(shown(&run.json("simulate")), entry["witness"]["available"], "{input:?} {at} {file}");
        at
    };
    violated.par_iter().map(play).collect()
}

#[test]
fn the_witnesses_of_qawave_are_shown() {
    let qawave = root("fixtures/qawave");
    let played = replayed(&[qawave.to_str().unwrap()], &["--failures", "nodes=1", "--failures", "nodes=2"]);
    for kind in [
        "fresh/instant/witness",
        "fresh/recovered/witness",
        "reachable/removed/witness",
        "scheduled/instant/run",
        "reachable/progress/run",
    ] {
        assert!(played.iter().any(|own| own == kind), "no {kind} among {played:?}");
    }
}

#[test]
fn the_witnesses_of_small_clusters_are_shown() {
    let recordings = fs::read_dir(root("fixtures/recordings/1.36.3")).unwrap().map(|entry| entry.unwrap().path());
    let clusters: Vec<PathBuf> =
        recordings.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("witness-")).collect();
    assert!(clusters.len() >= 26, "{clusters:?}");
    let failures = ["--failures", "nodes=1", "--failures", "nodes=2", "--failures", "zones=1"];
    let played = clusters.par_iter().map(|path| replayed(&[path.join("cluster.yaml").to_str().unwrap()], &failures));
    let played: Vec<String> = played.flatten().collect();
    for kind in [
        "fresh/instant/witness",
        "fresh/recovered/witness",
        "fresh/removed/witness",
        "scheduled/removed/run",
        "current/instant/witness",
        "current/recovered/witness",
        "current/removed/witness",
    ] {
        assert!(played.iter().any(|own| own == kind), "no {kind} among {played:?}");
    }
}

/// Nodes from the command line, and names that YAML would read as numbers.
#[test]
fn nodes_may_come_from_elsewhere() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("web.yaml");
    let web = r#"{apiVersion: apps/v1, kind: Deployment, metadata: {name: "7"}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: "1"}}}]}}}}"#;
    fs::write(&file, web).unwrap();
    let played = replayed(&[file.to_str().unwrap(), "--nodes", "2x4cpu,8Gi,zone=a"], &["--failures", "nodes=1"]);
    assert!(played.contains(&"fresh/instant/witness".to_owned()), "{played:?}");
}

/// Both pods are on w1; elsewhere they would outlast a failure. The witness of other placements leaves them there.
const LIVE: &str = r#"apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: w1, labels: {kubernetes.io/hostname: w1}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: w2, labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: w3, labels: {kubernetes.io/hostname: w3}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web, namespace: default, uid: r}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}}}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: default, uid: p1, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}]}, spec: {nodeName: w3, containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web-2, namespace: default, uid: p2, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}]}, spec: {nodeName: NODE, containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}
"#;

#[test]
fn a_witness_keeps_pods_where_they_are() {
    for (node, moved) in [("w3", 0), ("w2", 1)] {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("live.yaml");
        fs::write(&file, LIVE.replace("NODE", node)).unwrap();
        let report = quorate(directory.path(), &["prove", "live.yaml", "-o", "json"]).json("prove");
        let entries = report["guarantees"].as_array().unwrap();
        let fresh = entries.iter().find(|entry| entry["placement"] == "fresh" && entry["phase"] == "instant").unwrap();
        assert_eq!(fresh["witness"]["moved"], moved, "{fresh:#}");
        let current =
            entries.iter().find(|entry| entry["placement"] == "current" && entry["phase"] == "instant").unwrap();
        assert_eq!(current["verdict"], if moved == 0 { "violated" } else { "proved" });
        assert!(!replayed(&[file.to_str().unwrap()], &[]).is_empty());
    }
}

const WEB: &str = r#"apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n-1}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: "1"}}}]}}}}
  - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: a, image: "x:1"}]}}}}
"#;

#[test]
fn what_cannot_be_bound_is_said() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("web.yaml"), WEB).unwrap();
    let play = |pods: &str, settings: &str| {
        let head = "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nspec:\n  steps:\n    - bind:\n        pods:\n";
        let text = format!("{head}          - {pods}\n  settings: {settings}\n");
        fs::write(directory.path().join("bind.yaml"), text).unwrap();
        quorate(directory.path(), &["simulate", "web.yaml", "--scenario", "bind.yaml"])
    };
    let (stopped, held) = ("{kube-scheduler: after-bind}", "{kube-scheduler: after-bind, taint-eviction: in-bind}");
    for (pods, settings, said) in [
        ("{workload: deployment/default/web, node: n-2}", stopped, "there is no node n-2; the nodes are n-1"),
        ("{workload: deployment/default/wep, node: n-1}", stopped, "did you mean deployment/default/web?"),
        ("{workload: deployment/default/web}", stopped, "names no node"),
        ("{workload: daemonset/default/agent, node: n-1}", stopped, "the nodes that they were made for"),
        ("{node: n-1}", stopped, "takes either workload"),
        ("{pod: default/web, workload: deployment/default/web, node: n-1}", stopped, "takes either workload"),
        ("{workload: deployment/default/web, node: n-1, evicted: {deployment/default/web: 0}}", stopped, "at least 1"),
        ("{workload: deployment/default/web, node: n-1}", "{kube-scheduler: never}", "write always, or after-bind"),
        ("{workload: deployment/default/web, node: n-1}", "{taint-eviction: never}", "write always, or in-bind"),
        ("{workload: deployment/default/web, evictedFrom: n-1}", stopped, "write taint-eviction: in-bind"),
        ("{workload: deployment/default/web, evictedFrom: n-1, count: 0}", held, "at least 1"),
        ("{workload: deployment/default/web, evictedFrom: n-1, node: n-1}", held, "takes either node"),
        ("{workload: deployment/default/web, evictedFrom: n-9}", held, "there is no node n-9"),
        ("{workload: deployment/default/web, node: n-1, count: 2}", held, "beside evictedFrom alone"),
        ("{deletedNode: n-1, workload: deployment/default/web}", held, "takes either deletedNode"),
        ("{deletedNode: n-9}", held, "there is no node n-9"),
        ("{workload: deployment/default/web, node: n-1}", "{placement: empty}", "write current, or fresh"),
    ] {
        let run = play(pods, settings);
        assert_eq!(run.status, 2, "{pods}: {}", run.stdout);
        assert!(run.stdout.contains(said) && run.stdout.contains("bind.yaml:"), "{pods}: {}", run.stdout);
    }
    // The scheduler was first.
    let run = play("{workload: deployment/default/web, node: n-1}", "{}");
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("no pod of deployment/default/web is pending"), "{}", run.stdout);
    // The node has not failed.
    let run = play("{workload: deployment/default/web, evictedFrom: n-1}", held);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("n-1 holds 0 pods of deployment/default/web that can be evicted, not 1"),
        "{}",
        run.stdout
    );
    let run = play("{workload: deployment/default/web, node: n-1}", stopped);
    assert_eq!(run.status, 0, "{}", run.stdout);
}
