//! `quorate check` on clusters: which nodes there are, and which workload a finding is about.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};
use serde_json::Value;

/// Two replicas on nodes of their own.
const SPREAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: 'example.com/web:1.0.0', resources: {requests: {cpu: 500m, memory: 64Mi}}}]
";

/// What `check` says of these files, with these further arguments.
fn check(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    let folder = directory(files);
    let run = quorate(&[&["check", text(folder.path()), "-o", "json", "--fail-on", "never"], arguments].concat());
    run.with_status(0).json("check")
}

/// `RULE NAME` of every finding of the simulation.
fn simulated(report: &Value) -> Vec<String> {
    let of_nodes = [
        "pods-stay-pending",
        "rollout-deadlock",
        "pdb-blocks-drain",
        "pdb-allows-nothing",
        "drains-exhaust-pdb",
        "node-loss-leaves-pods-pending",
        "replicas-share-a-node",
    ];
    let findings = report["findings"].as_array().unwrap().iter();
    let named = findings.filter(|own| of_nodes.iter().any(|rule| own["rule"] == *rule));
    named.map(|own| format!("{} {}", own["rule"].as_str().unwrap(), own["object"]["name"].as_str().unwrap())).collect()
}

/// What `rule` needs, as the report says it.
fn needs(report: &Value, rule: &str) -> Vec<String> {
    let all = report["notEvaluated"].as_array().unwrap().iter();
    all.filter(|own| own["rule"] == rule).map(|own| own["needs"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_node_that_does_not_say_its_room_is_no_node() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1, labels: {disk: ssd}}\n";
    let files = [("web.yaml", SPREAD), ("node.yaml", node)];
    let report = check(&files, &[]);
    assert_eq!(simulated(&report), Vec::<String>::new());
    assert_eq!(report["summary"]["nodes"], Value::Null);
    let needs_of_rollout = needs(&report, "rollout-deadlock");
    assert!(needs_of_rollout[0].starts_with("nodes: status.allocatable of worker-1 ("), "{needs_of_rollout:?}");

    // Beside one that says it, it is still none, and the report says so.
    let sized = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-2}\n\
                 status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}\n";
    let report = check(&[&files[..], &[("sized.yaml", sized)]].concat(), &[]);
    assert_eq!(report["summary"]["nodes"], 1);
    assert_eq!(simulated(&report), Vec::<String>::new());
    let left_out = needs(&report, "pods-stay-pending");
    assert!(left_out[0].contains("nodes that are left out: status.allocatable of worker-1 "), "{left_out:?}");
}

#[test]
fn a_pool_gives_the_room_of_the_nodes_that_bear_its_names() {
    let node =
        "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1, labels: {disk: ssd}}\nspec: {unschedulable: true}\n";
    let pool = "apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  nodes:\n    \
                - {name: worker, count: 2, allocatable: {cpu: 600m, memory: 1Gi}}\n";
    let files = [("web.yaml", SPREAD), ("node.yaml", node), ("quorate.yaml", pool)];
    let report = check(&files, &[]);
    // The pool's second node is there as well, and the first is cordoned as its manifest says.
    assert_eq!(report["summary"]["nodes"], 2);
    assert_eq!(simulated(&report)[0], "pods-stay-pending web");
    let why = report["findings"].as_array().unwrap().iter().find(|own| own["rule"] == "pods-stay-pending").unwrap();
    assert_eq!(why["why"], "worker-1 (cordoned), worker-2 (insufficient cpu)");
    assert_eq!(needs(&report, "pods-stay-pending"), Vec::<String>::new());
    // So do nodes of the command line.
    let named = node.replace("worker-1", "node-1");
    let report = check(&[("web.yaml", SPREAD), ("node.yaml", &named)], &["--nodes", "2x600mcpu,1Gi"]);
    assert_eq!((&report["summary"]["nodes"], &*simulated(&report)[0]), (&Value::from(2), "pods-stay-pending web"));
}

#[test]
fn a_simulation_names_the_nodes_whose_room_is_unknown() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1}\n";
    let folder = directory(&[("web.yaml", SPREAD), ("node.yaml", node)]);
    let simulate = |arguments: &[&str]| {
        quorate(&[&["simulate", text(folder.path()), "--rollout", "deployment/web"], arguments].concat())
    };
    let refused = simulate(&[]).with_status(2).stderr;
    assert!(refused.contains("node worker-1 of the input gives no status.allocatable"), "{refused}");
    let played = simulate(&["--nodes", "2x4cpu,8Gi", "-o", "json"]).with_status(0).json("simulate");
    let assumptions = played["assumptions"].as_array().unwrap();
    assert!(assumptions.iter().any(|own| own.as_str().unwrap().starts_with("node worker-1 is left out")), "{played}");
}
