//! `quorate simulate --explore` and `--upgrade` as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};
use serde_json::{Value, json};

const QAWAVE: &str = "fixtures/qawave";

/// Three nodes, two pods that are ready at once, a budget that lets one go at a time.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-3, labels: {kubernetes.io/hostname: worker-3}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"#;

const EVICT_BOTH: &str = r#"
apiVersion: quorate.dev/v1alpha1
kind: Scenario
metadata: {name: evict-both}
spec:
  steps:
    - evict: {podSelector: {namespace: default, labels: {app: web}}}
  settings:
    pods: {startupSeconds: 0, shutdownSeconds: 0}
"#;

fn evict_both(arguments: &[&str]) -> Run {
    let files = directory(&[("cluster.yaml", CLUSTER), ("scenario.yaml", EVICT_BOTH)]);
    let (cluster, scenario) = (files.path().join("cluster.yaml"), files.path().join("scenario.yaml"));
    let asked = ["simulate", text(&cluster), "--scenario", text(&scenario), "--explore", "--color", "never"];
    quorate(&[&asked[..], arguments].concat())
}

#[test]
fn a_race_is_told_with_what_decides_it() {
    let run = evict_both(&[]).with_status(1);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn every_outcome_has_its_way_in_json() {
    let answer = evict_both(&["-o", "json"]).with_status(1).json("simulate");
    let step = &answer["steps"][0];
    assert_eq!(
        step["outcomes"],
        json!({"allowed": "sometimes", "denied-429": "sometimes", "denied-500": "never", "livelock": "never"})
    );
    assert_eq!(step["complete"], true);
    assert_eq!(step["lowestReady"]["deployment/default/web"]["worst"], 1);
    for outcome in ["allowed", "denied-429"] {
        let trace = &step["traces"][outcome];
        assert!(!trace["events"].as_array().unwrap().is_empty(), "{outcome}: {trace}");
        assert!(trace["decidedBy"]["event"].is_string(), "{outcome}: {trace}");
    }
    assert!(step["traces"]["denied-500"].is_null());
}

#[test]
fn a_search_that_ends_early_decides_nothing() {
    let files = directory(&[("cluster.yaml", CLUSTER)]);
    let cluster = files.path().join("cluster.yaml");
    let asked = ["simulate", text(&cluster), "--rollout", "deployment/default/web", "--explore"];
    let limited = [&asked[..], &["--max-states", "5", "-o", "json"]].concat();
    let answer = quorate(&limited).with_status(3).json("simulate");
    let step = &answer["steps"][0];
    assert_eq!(step["complete"], false);
    let said: Vec<&Value> = step["outcomes"].as_object().unwrap().values().collect();
    assert!(said.iter().all(|likelihood| **likelihood == "sometimes"), "{said:?}");
    let whole = quorate(&[&asked[..], &["-o", "json"]].concat()).with_status(0).json("simulate");
    assert_eq!(whole["steps"][0]["outcomes"]["completed"], "always");
    let run = quorate(&["simulate", text(&cluster), "--drain", "worker-1", "--max-states", "5"]);
    assert_eq!(run.status, 2, "a limit of nothing: {}", run.stderr);
    let none = quorate(&[&asked[..], &["--max-states", "0"]].concat()).with_status(2);
    assert!(none.stderr.contains("--max-states"), "{}", none.stderr);
    let one = quorate(&[&asked[..], &["--max-states", "1"]].concat()).with_status(3);
    assert!(one.stdout.contains("can be  no end was found; 1 state, 0 ways to end"), "{}", one.stdout);
}

#[test]
fn the_second_drain_of_the_backend_blocks_in_every_order() {
    let cluster = "fixtures/recordings/1.36.3/04-qawave-drain-two/cluster.yaml";
    let run =
        quorate(&["simulate", cluster, "--drain", "worker-1", "--drain", "worker-2", "--explore", "--color", "never"]);
    insta::assert_snapshot!(run.with_status(1).stdout);
}

#[test]
fn the_loss_of_a_worker_ends_the_same_in_every_order() {
    let asked = ["simulate", QAWAVE, "--fail", "node/worker-2", "--explore", "-o", "json"];
    let answer = quorate(&asked).with_status(0).json("simulate");
    let step = &answer["steps"][0];
    assert_eq!(step["outcomes"], json!({"completed": "always", "livelock": "never"}));
    assert_eq!(step["lowestReady"]["deployment/default/backend"], json!({"worst": 2, "best": 2}));
}

#[test]
fn an_upgrade_finds_an_order_that_works() {
    for flags in [&[][..], &["--max-surge", "0", "--max-unavailable", "1"]] {
        let asked = [&["simulate", QAWAVE, "--upgrade", "worker", "-o", "json"], flags].concat();
        let answer = quorate(&asked).with_status(0).json("simulate");
        let steps = answer["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["outcome"] == "completed"), "{flags:?}");
        let after = &steps.last().unwrap()["after"]["workloads"]["deployment/default/backend"];
        assert_eq!(after, &json!({"desired": 3, "replicas": 3, "updated": 3, "ready": 3, "available": 3}));
        let drains: Vec<&str> =
            steps.iter().filter_map(|step| step["action"].as_str()?.strip_prefix("drain ")).collect();
        assert_eq!(drains.len(), 3, "{drains:?}");
    }
    // By label, and two at a time, which the backend's budget never allows.
    let label = "node-role.kubernetes.io/worker=";
    let asked = ["simulate", QAWAVE, "--upgrade", label, "--max-unavailable", "2", "-o", "json"];
    let answer = quorate(&asked).with_status(1).json("simulate");
    assert!(answer["scenario"].as_str().unwrap().ends_with("no order works, this one is as good as any"));
}

#[test]
fn an_upgrade_of_nothing_is_refused() {
    let run = quorate(&["simulate", QAWAVE, "--upgrade", "gpu"]).with_status(2);
    assert!(run.stderr.contains("there is no pool gpu"), "{}", run.stderr);
    assert!(run.stderr.contains("worker-1"), "{}", run.stderr);
    let run = quorate(&["simulate", QAWAVE, "--upgrade", "worker", "--max-surge", "0"]).with_status(2);
    assert!(run.stderr.contains("no node can be replaced"), "{}", run.stderr);
}
