//! Autoscalers in `quorate simulate`, as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};
use serde_json::Value;
use tempfile::TempDir;

/// Three nodes, a Deployment of two, an autoscaler of it.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
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
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
"#;

fn scenario(spec: &str) -> TempDir {
    let scenario =
        format!("apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: load}}\nspec:\n{spec}\n");
    directory(&[("cluster/cluster.yaml", CLUSTER), ("scenario.yaml", &scenario)])
}

fn run(directory: &TempDir, format: &str) -> Run {
    let (cluster, scenario) = (directory.path().join("cluster"), directory.path().join("scenario.yaml"));
    quorate(&["simulate", text(&cluster), "--scenario", text(&scenario), "-o", format, "--color", "never"])
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["steps"].as_array().unwrap().iter().map(|step| step["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_load_scales_a_workload_up_and_down_again() {
    let directory = scenario(
        "  steps:\n    - wait: {seconds: 600}\n    - setMetric: {horizontalPodAutoscaler: default/web, metric: cpu, value: 3200m}\n    - setMetric: {horizontalPodAutoscaler: web, metric: cpu, usage: 100m}",
    );
    let answer = run(&directory, "json").with_status(0).json("simulate");
    assert_eq!(outcomes(&answer), ["completed", "completed", "completed"]);
    let desired =
        |step: usize| answer["steps"][step]["after"]["workloads"]["deployment/default/web"]["desired"].clone();
    assert_eq!([desired(0), desired(1), desired(2)], [2, 8, 2]);
    insta::assert_snapshot!("autoscaling", run(&directory, "human").stdout);
}

#[test]
fn an_autoscaler_and_a_manifest_that_is_applied_again_never_come_to_rest() {
    let directory = scenario(
        "  settings: {reapply: {seconds: 60}}\n  steps:\n    - wait: {seconds: 600}\n    - setMetric: {horizontalPodAutoscaler: default/web, metric: cpu, averageUtilization: 200}\n      expect: {outcome: livelock}",
    );
    let answer = run(&directory, "json").with_status(0).json("simulate");
    assert_eq!(outcomes(&answer), ["completed", "livelock"]);
    let detail = answer["steps"][1]["detail"].as_str().unwrap();
    assert!(detail.contains("fight over deployment/default/web"), "{detail}");
    assert_eq!(answer["settings"]["reapply"]["seconds"], 60);
}

#[test]
fn what_is_wrong_with_a_metric_is_said_with_its_place() {
    for (step, part) in [
        (
            "{horizontalPodAutoscaler: default/api, metric: cpu, value: 1}",
            "there is no HorizontalPodAutoscaler default/api",
        ),
        ("{horizontalPodAutoscaler: web, metric: memory, value: 1}", "has no metric memory; its metrics are cpu"),
        ("{horizontalPodAutoscaler: web, metric: cpu}", "give one of averageUtilization, usage"),
        ("{horizontalPodAutoscaler: web, metric: cpu, usage: 1, value: 1}", "give one of averageUtilization, usage"),
        ("{horizontalPodAutoscaler: web, metric: cpu, usage: -1}", "is no amount that could be measured"),
        ("{horizontalPodAutoscaler: web, metric: cpu, value: much}", "is no amount that could be measured"),
    ] {
        for spec in [
            format!("  steps:\n    - setMetric: {step}"),
            format!("  steps: [{{wait: {{seconds: 1}}}}]\n  settings: {{metrics: [{step}]}}"),
        ] {
            let run = run(&scenario(&spec), "human").with_status(2);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains(part) && said.contains("scenario.yaml:"), "{part}: {said}");
        }
    }
}
