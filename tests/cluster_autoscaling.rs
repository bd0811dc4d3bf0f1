//! The cluster autoscaler in `quorate simulate`, as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};

const CLUSTER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: "1", memory: 1Gi}}}]
"#;

const ENVIRONMENT: &str = r#"
apiVersion: quorate.dev/v1alpha1
kind: Environment
spec:
  nodes:
    - {name: worker, count: 1, min: 1, max: 3, allocatable: {cpu: "4", memory: 8Gi}}
"#;

const SCENARIO: &str = r#"
apiVersion: quorate.dev/v1alpha1
kind: Scenario
metadata: {name: growth}
spec:
  settings: {cluster-autoscaler: {provisioningSeconds: 90}}
  steps:
    - scale: {workload: deployment/default/web, replicas: 10}
    - scale: {workload: deployment/default/web, replicas: 2}
    - scale: {workload: deployment/default/web, replicas: 13}
"#;

#[test]
fn a_declared_pool_grows_and_shrinks_between_its_limits() {
    let files = [("cluster/cluster.yaml", CLUSTER), ("cluster/quorate.yaml", ENVIRONMENT), ("scenario.yaml", SCENARIO)];
    let directory = directory(&files);
    let (cluster, scenario) = (directory.path().join("cluster"), directory.path().join("scenario.yaml"));
    let run = |format| {
        let all = ["simulate", text(&cluster), "--scenario", text(&scenario), "-o", format, "--color", "never"];
        quorate(&all).with_status(1)
    };
    let answer = run("json").json("simulate");
    let outcomes: Vec<_> = answer["steps"].as_array().unwrap().iter().map(|step| step["outcome"].clone()).collect();
    assert_eq!(outcomes, ["completed", "completed", "stuck"], "three nodes take twelve");
    let events = answer["steps"][0]["events"].as_array().unwrap();
    let at = |text: &str| events.iter().find(|event| event["event"] == text).unwrap()["at"].as_f64().unwrap();
    let decided = at("the cluster autoscaler grows pool worker by 2 node(s)");
    assert!((at("node worker-2 is added") - decided - 90.0).abs() < f64::EPSILON);
    assert_eq!(answer["settings"]["cluster-autoscaler"]["provisioningSeconds"], 90);
    insta::assert_snapshot!("cluster_autoscaling", run("human").stdout);
}
