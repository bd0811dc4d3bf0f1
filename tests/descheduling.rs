//! The descheduler in `quorate simulate`, as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};
use serde_json::Value;
use tempfile::TempDir;

/// Three equal nodes, the third of them cordoned until a step says otherwise; six pods that no rule keeps apart.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-3, labels: {kubernetes.io/hostname: worker-3}}, spec: {unschedulable: true}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {quorate.dev/startup-seconds: "10"}}
    spec:
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"#;

const POLICY: &str = "
apiVersion: descheduler/v1alpha2
kind: DeschedulerPolicy
profiles:
  - name: default
    pluginConfig:
      - {name: DefaultEvictor, args: {nodeFit: true}}
      - {name: RemoveDuplicates, args: {}}
    plugins: {balance: {enabled: [RemoveDuplicates]}}
";

fn scenario(cluster: &str, spec: &str) -> TempDir {
    let scenario =
        format!("apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: descheduled}}\nspec:\n{spec}\n");
    directory(&[("cluster/cluster.yaml", cluster), ("scenario.yaml", &scenario), ("policy.yaml", POLICY)])
}

fn run(directory: &TempDir, more: &[&str]) -> Run {
    let (cluster, scenario) = (directory.path().join("cluster"), directory.path().join("scenario.yaml"));
    let arguments = ["simulate", text(&cluster), "--scenario", text(&scenario), "--color", "never"];
    quorate(&[arguments.as_slice(), more].concat())
}

fn nodes_of_pods(state: &Value) -> Vec<usize> {
    let pods = state["pods"].as_array().unwrap();
    let on = |node: &str| pods.iter().filter(|pod| pod["node"] == node).count();
    ["worker-1", "worker-2", "worker-3"].into_iter().map(on).collect()
}

#[test]
fn duplicates_move_to_a_node_that_comes_back_one_at_a_time() {
    let spec = "  settings: {descheduler: {path: policy.yaml, deschedulingInterval: 2m}}\n  steps:\n    - uncordon: {node: worker-3}\n      expect: {outcome: completed, minReady: {deployment/default/web: 5}}";
    let directory = scenario(CLUSTER, spec);
    let answer = run(&directory, &["-o", "json"]).with_status(0).json("simulate");
    let step = &answer["steps"][0];
    assert_eq!(nodes_of_pods(&step["after"]), [2, 2, 2]);
    assert_eq!(step["minReady"]["deployment/default/web"], 5, "the budget lets one go at a time");
    let evictions = step["events"].to_string().matches("the descheduler (RemoveDuplicates)").count();
    assert!(evictions >= 2, "{}", step["events"]);
    insta::assert_snapshot!("descheduling", run(&directory, &["-o", "human"]).stdout);
    let explored = run(&directory, &["--explore", "-o", "json"]).with_status(0).json("simulate");
    assert_eq!(explored["steps"][0]["outcomes"]["completed"], "always");
}

#[test]
fn what_is_put_back_is_evicted_for_ever() {
    // No rule of the plugin looks at memory: the pods fit nowhere else, and come back.
    let cluster = CLUSTER
        .replace("cpu: \"8\", memory: 16Gi, pods: \"110\"}}}\n---", "cpu: \"8\", memory: 1Mi, pods: \"110\"}}}\n---");
    let policy = "{apiVersion: descheduler/v1alpha2, kind: DeschedulerPolicy, profiles: [{name: p, pluginConfig: [{name: RemoveDuplicates}], plugins: {balance: {enabled: [RemoveDuplicates]}}}]}";
    let spec = format!(
        "  settings:\n    descheduler: {{policy: {policy}}}\n  steps:\n    - uncordon: {{node: worker-3}}\n      expect: {{outcome: livelock}}"
    );
    let directory = scenario(&cluster, &spec);
    let answer = run(&directory, &["-o", "json"]).with_status(0).json("simulate");
    let detail = answer["steps"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("the descheduler (RemoveDuplicates) evicts pods of deployment/default/web"), "{detail}");
}

#[test]
fn what_is_not_modelled_is_said_with_its_place() {
    let policy = "
        apiVersion: descheduler/v1alpha2
        kind: DeschedulerPolicy
        maxNoOfPodsToEvictPerNod: 3
        profiles:
          - name: default
            pluginConfig:
              - {name: PodLifeTime, args: {maxPodLifeTimeSeconds: 86400}}
              - {name: LowNodeUtilization, args: {thresholds: {cpu: 60}, targetThresholds: {cpu: 50}}}
              - {name: DefaultEvictor, args: {nodFit: true, minPodAge: soon}}
            plugins:
              deschedule: {enabled: [PodLifeTime]}
              balance: {enabled: [LowNodeUtilization, RemoveDuplicates]}";
    let spec = format!("  settings:\n    descheduler:\n      policy:{policy}\n  steps:\n    - wait: {{seconds: 1}}");
    let said = run(&scenario(CLUSTER, &spec), &[]);
    assert_eq!(said.status, 2, "{}", said.stderr);
    let all = format!("{}{}", said.stdout, said.stderr);
    for words in [
        "the plugin PodLifeTime is not modelled; RemoveDuplicates,",
        "RemoveDuplicates needs an entry in pluginConfig",
        "maxNoOfPodsToEvictPerNod",
        "nodFit",
        "\"soon\" is not a duration",
        "cpu: 60 is above targetThresholds, 50",
        "scenario.yaml:",
    ] {
        assert!(all.replace("\n  ", " ").contains(words) || all.contains(words), "{words}\n{all}");
    }
}
