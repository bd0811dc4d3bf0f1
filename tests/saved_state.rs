//! `quorate simulate --save` and `--resume`: going on is as if nobody had stopped.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate};
use serde_json::Value;
use tempfile::TempDir;

const CLUSTER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: default}
stringData: {token: do-not-tell}
"#;
const NODES: &str = "--nodes=3x4cpu,8Gi,zone=a";

const OTHER: &str = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: late, labels: {kubernetes.io/hostname: late}}, status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}}
";

const SETTINGS: &str = "  settings: {node-monitor-grace-period: 20s, default-unreachable-toleration-seconds: 30, pods: {startupSeconds: 7}}\n";

fn scenario(steps: &[&str], settings: &str) -> String {
    let steps: String = steps.iter().map(|step| format!("    - {step}\n")).collect();
    format!("apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nspec:\n  steps:\n{steps}{settings}")
}

const FIRST: [&str; 3] = ["failNode: {nodes: [node-1]}", "apply: {path: other.yaml}", "wait: {seconds: 10}"];
const SECOND: [&str; 2] = ["drain: {nodes: [late]}", "wait: {seconds: 100}"];
const THIRD: [&str; 2] = ["recoverNode: {nodes: [node-1]}", "scale: {workload: deployment/default/web, replicas: 5}"];

struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        let all: Vec<&str> = FIRST.into_iter().chain(SECOND).chain(THIRD).collect();
        Self(directory(&[
            ("cluster/web.yaml", CLUSTER),
            ("other.yaml", OTHER),
            ("first.yaml", &scenario(&["wait: {seconds: 5}", FIRST[0], FIRST[1], FIRST[2]], SETTINGS)),
            ("second.yaml", &scenario(&SECOND, "")),
            ("third.yaml", &scenario(&THIRD, SETTINGS)),
            ("all.yaml", &scenario(&[&["wait: {seconds: 5}"], &*all].concat(), SETTINGS)),
            ("other-settings.yaml", &scenario(&SECOND, "  settings: {node-monitor-grace-period: 30s}\n")),
        ]))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.strip_prefix('@').map_or_else(|| (*argument).to_owned(), |name| self.path(name)))
            .collect();
        let all: Vec<&str> = ["simulate"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        quorate(&all)
    }

    fn steps(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.run(&[arguments, &["-o", "json"]].concat());
        run.json("simulate")["steps"].as_array().unwrap().clone()
    }
}

#[test]
fn to_save_and_go_on_is_to_go_on() {
    let kept = Kept::new();
    let whole = kept.steps(&["@cluster", NODES, "--seed", "4", "--scenario", "@all.yaml"]);
    let mut parts = kept.steps(&["@cluster", NODES, "--seed", "4", "--scenario", "@first.yaml", "--save", "@one.json"]);
    parts.extend(kept.steps(&["--resume", "@one.json", "--scenario", "@second.yaml", "--save", "@two.json"]));
    parts.extend(kept.steps(&["--resume", "@two.json", "--scenario", "@third.yaml"]));
    for (whole, part) in whole.iter().zip(&parts) {
        assert_eq!(whole, part);
    }
    assert_eq!((whole.len(), parts.len()), (8, 8));
}

#[test]
fn what_is_saved_can_be_explored_and_asked_with_flags() {
    let kept = Kept::new();
    let first = kept.steps(&["@cluster", NODES, "--drain", "node-1", "--save", "@one.json"]);
    assert_eq!(first[0]["outcome"], "completed");
    let explored = kept.steps(&["--resume", "@one.json", "--drain", "node-2", "--explore"]);
    let whole = kept.steps(&["@cluster", NODES, "--drain", "node-1", "--drain", "node-2", "--explore"]);
    assert_eq!(explored[0]["outcomes"], whole[1]["outcomes"]);
    let alone = kept.steps(&["--resume", "@one.json", "--failures", "nodes=1"]);
    assert_eq!(alone.len(), 3);
    let upgraded = kept.steps(&["--resume", "@one.json", "--upgrade", "node"]);
    assert!(upgraded.iter().all(|step| step["outcome"] == "completed"), "{upgraded:#?}");
}

/// Each run has a namespace of its own for what is named without one.
#[test]
fn names_mean_what_they_meant() {
    let kept = Kept::new();
    let restart = "restart: {workload: deployment/web}";
    std::fs::write(kept.path("restart.yaml"), scenario(&[restart], "")).unwrap();
    kept.steps(&["@cluster", NODES, "--scenario", "@restart.yaml", "--save", "@one.json"]);
    kept.steps(&["--resume", "@one.json", "-n", "other", "--drain", "node-1", "--save", "@two.json"]);
    assert_eq!(kept.steps(&["--resume", "@two.json", "--drain", "node-2"]).len(), 1);
}

#[test]
fn no_value_of_a_secret_is_saved() {
    let kept = Kept::new();
    kept.steps(&["@cluster", NODES, "--drain", "node-1", "--save", "@one.json"]);
    let saved = std::fs::read_to_string(kept.path("one.json")).unwrap();
    assert!(!saved.contains("do-not-tell") && saved.contains("\"kind\": \"Deployment\""));
}

#[test]
fn what_cannot_be_resumed_says_why() {
    let kept = Kept::new();
    kept.steps(&["@cluster", NODES, "--scenario", "@first.yaml", "--save", "@one.json"]);
    let refused = |arguments: &[&str], says: &str| {
        let run = kept.run(arguments);
        let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(run.status, 2, "{said}");
        assert!(said.contains(says), "{said}");
    };
    let saved = std::fs::read_to_string(kept.path("one.json")).unwrap();
    let write = |name: &str, saved: &str| std::fs::write(kept.path(name), saved).unwrap();
    write("went-elsewhere.json", &saved.replacen("\"replicas\": 3", "\"replicas\": 4", 1));
    write("cut.json", saved.get(..saved.len() / 2).unwrap());
    write("newer.json", &saved.replacen("\"seed\"", "\"seedling\": 1, \"seed\"", 1));
    write("no-steps.json", &saved.replacen("\"failNode\"", "\"failNodes\"", 1));
    let go_on = |file: &'static str| ["--resume", file, "--drain", "node-2"];
    refused(&go_on("@went-elsewhere.json"), "does not lead to the state that was saved");
    refused(&go_on("@cut.json"), "cannot be read");
    refused(&go_on("@newer.json"), "is damaged: ");
    refused(&go_on("@no-steps.json"), "is damaged: ");
    refused(&go_on("@first.yaml"), "is no saved state; --resume takes what --save has written");
    refused(&go_on("@nowhere.json"), "nowhere.json");
    refused(&["--resume", "@one.json", "--scenario", "@other-settings.yaml"], "keeps those that it began with");
    refused(&["@cluster", "--resume", "@one.json", "--drain", "node-2"], "cannot be used with");
    refused(&["@cluster", NODES, "--failures", "nodes=1", "--save", "@two.json"], "cannot be used with");
}
