//! Jobs in `quorate simulate`, as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};
use serde_json::json;

/// Two nodes, and a Job whose pods run until something ends them.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: report, namespace: default}
spec:
  completions: 3
  parallelism: 2
  backoffLimit: 4
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

/// A Job of which every pod fails after a minute.
const FAILING: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: nightly, namespace: default}
spec:
  completions: 2
  parallelism: 2
  backoffLimit: 2
  template:
    metadata: {annotations: {quorate.dev/run-seconds: "60", quorate.dev/exit-code: "1"}}
    spec:
      restartPolicy: Never
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

/// The first Job with another image.
const CHANGED: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: report, namespace: default}
spec:
  completions: 3
  parallelism: 2
  backoffLimit: 4
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a, image: "x:2", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

fn scenario(steps: &str) -> String {
    format!("apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: jobs}}\nspec:\n  steps:\n{steps}\n")
}

#[test]
fn a_drain_moves_a_job_another_fails_and_a_template_does_not_change() {
    let steps = scenario(
        "    - drain: {nodes: [worker-1]}\n    - apply: {path: failing.yaml}\n    - apply: {path: changed.yaml}\n    - delete: {object: job/default/report}",
    );
    let files = [
        ("cluster/cluster.yaml", CLUSTER),
        ("failing.yaml", FAILING),
        ("changed.yaml", CHANGED),
        ("scenario.yaml", &steps),
    ];
    let directory = directory(&files);
    let path = |name: &str| directory.path().join(name);
    let arguments = |format| {
        let (cluster, scenario) = (path("cluster"), path("scenario.yaml"));
        let all = ["simulate", text(&cluster), "--scenario", text(&scenario), "-o", format, "--color", "never"];
        quorate(&all).with_status(1)
    };
    let answer = arguments("json").json("simulate");
    let outcomes: Vec<_> = answer["steps"].as_array().unwrap().iter().map(|step| step["outcome"].clone()).collect();
    assert_eq!(outcomes, ["completed", "stuck", "failed", "completed"]);
    let of = |step: usize, job: &str| answer["steps"][step]["after"]["jobs"][job].clone();
    assert_eq!(
        of(0, "default/report"),
        json!({"active": 2, "succeeded": 0, "failed": 1, "terminating": 0, "condition": "Active"})
    );
    assert_eq!(
        of(1, "default/nightly"),
        json!({"active": 0, "succeeded": 0, "failed": 4, "terminating": 0, "condition": "Failed",
            "reason": "BackoffLimitExceeded"})
    );
    assert_eq!(
        answer["initial"]["workloads"]["job/default/report"],
        json!({"desired": 2, "replicas": 2, "updated": 2, "ready": 2, "available": 2})
    );
    assert!(answer["steps"][2]["detail"].as_str().unwrap().ends_with("spec.template cannot be changed"));
    assert_eq!(of(3, "default/report"), json!(null));
    insta::assert_snapshot!("jobs", arguments("human").stdout);
}

#[test]
fn what_cannot_be_done_with_a_job_is_said_with_its_place() {
    let steps = scenario(
        "    - scale: {workload: job/default/report, replicas: 2}\n    - restart: {workload: job/default/report}\n    - setImage: {workload: job/default/report, container: a, image: \"x:2\"}",
    );
    let directory = directory(&[("cluster/cluster.yaml", CLUSTER), ("scenario.yaml", &steps)]);
    let path = |name: &str| directory.path().join(name);
    let (cluster, scenario) = (path("cluster"), path("scenario.yaml"));
    let run = quorate(&["simulate", text(&cluster), "--scenario", text(&scenario), "-o", "json"]).with_status(2);
    let said = format!("{}{}", run.stdout, run.stderr);
    let rollout = quorate(&["simulate", text(&cluster), "--rollout", "job/default/report"]).with_status(2);
    assert!(rollout.stderr.contains("job/default/report has no rollout"), "{}", rollout.stderr);
    for part in ["a Job has no scale", "a Job's template cannot be changed", "scenario.yaml"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_declared_time_that_is_no_number_is_an_error() {
    let wrong = FAILING.replace("\"60\"", "\"a minute\"").replace("exit-code: \"1\"", "exit-code: \"999\"");
    let directory = directory(&[("job.yaml", &wrong)]);
    let run = quorate(&["check", text(&directory.path().join("job.yaml")), "-o", "json"]).with_status(1);
    for part in ["must be a number of seconds", "must be an exit code from 0 to 255"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}
