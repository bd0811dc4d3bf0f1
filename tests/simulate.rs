//! `quorate simulate` as a whole: what can be asked, what is answered, and what is said of a question that has no answer.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};
use serde_json::{Value, json};
use tempfile::TempDir;

const QAWAVE: &str = "fixtures/qawave";
const DRAINS: &str = "fixtures/recordings/1.36.3/04-qawave-drain-two";

/// Two zones, three nodes, a Deployment of three with a budget, a bare pod.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1, topology.kubernetes.io/zone: a}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2, topology.kubernetes.io/zone: a}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-3, labels: {kubernetes.io/hostname: worker-3, topology.kubernetes.io/zone: b}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
---
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
kind: Pod
metadata: {name: bare, namespace: default, labels: {app: bare}}
spec:
  nodeName: worker-3
  containers: [{name: a, image: "x:1"}]
"#;

/// The Deployment again, with four replicas and another image.
const NEXT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "x:3", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

/// A cluster, and beside it a scenario with these steps.
struct Scenario {
    directory: TempDir,
}

impl Scenario {
    fn of_steps(steps: &str) -> Self {
        let scenario = format!(
            "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: a-test}}\nspec:\n  steps:\n{steps}\n"
        );
        let files = [("cluster/cluster.yaml", CLUSTER), ("next.yaml", NEXT), ("scenario.yaml", &scenario)];
        Self { directory: directory(&files) }
    }

    fn run(&self, format: &str) -> Run {
        let path = |name: &str| self.directory.path().join(name);
        let mut run = quorate(&[
            "simulate",
            text(&path("cluster")),
            "--scenario",
            text(&path("scenario.yaml")),
            "-o",
            format,
            "--color",
            "never",
        ]);
        for written in [&mut run.stdout, &mut run.stderr] {
            *written = written.replace(text(self.directory.path()), "DIRECTORY");
        }
        run
    }
}

/// The answer to a question about `fixtures/qawave`.
fn of_qawave(arguments: &[&str], status: i32) -> Value {
    quorate(&[&["simulate", QAWAVE, "-o", "json"], arguments].concat()).with_status(status).json("simulate")
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["steps"].as_array().unwrap().iter().map(|step| step["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_rollout_of_the_backend_is_stuck_with_every_old_pod_ready() {
    let answer = of_qawave(&["--rollout", "deployment/default/backend"], 1);
    assert_eq!(outcomes(&answer), ["stuck"]);
    let step = &answer["steps"][0];
    assert_eq!(step["action"], "restart deployment/default/backend");
    assert_eq!(step["minReady"]["deployment/default/backend"], 3);
    assert_eq!(
        step["after"]["workloads"]["deployment/default/backend"],
        json!({"desired": 3, "replicas": 4, "updated": 1, "ready": 3, "available": 3})
    );
    let is_waiting = |pod: &&Value| pod["owner"] == "deployment/default/backend" && pod["node"].is_null();
    let waiting: Vec<&Value> = step["after"]["pods"].as_array().unwrap().iter().filter(is_waiting).collect();
    assert_eq!(waiting.len(), 1);
    let reason = waiting[0]["unschedulableReason"].as_str().unwrap();
    assert!(reason.contains("3 node(s) didn't match pod anti-affinity rules"), "{reason}");
    // As kubectl names it, and with the namespace from elsewhere.
    let short = of_qawave(&["--rollout", "deploy/backend", "--namespace", "default"], 1);
    assert_eq!(short["steps"], answer["steps"]);
}

#[test]
fn a_rollout_of_the_frontend_completes() {
    let answer = of_qawave(&["--rollout", "deployment/default/frontend"], 0);
    assert_eq!(outcomes(&answer), ["completed"]);
}

#[test]
fn the_second_node_cannot_be_drained() {
    let answer = of_qawave(&["--drain", "worker-1", "--drain", "worker-2"], 1);
    assert_eq!(outcomes(&answer), ["completed", "blocked"]);
    assert_eq!(answer["summary"]["outcomes"], json!({"blocked": 1, "completed": 1}));
    assert_eq!(answer["summary"]["worst"], "blocked");
    let target = &answer["steps"][1]["targets"][0];
    assert_eq!((&target["target"], &target["outcome"]), (&json!("worker-2"), &json!("blocked")));
    assert!(target["detail"].as_str().unwrap().contains("budget default/backend"), "{target}");
    assert_eq!(answer["steps"][1]["after"]["pdbs"]["default/backend"]["disruptionsAllowed"], 0);
    // One drain alone completes.
    assert_eq!(outcomes(&of_qawave(&["--drain", "worker-1"], 0)), ["completed"]);
}

#[test]
fn a_crashed_node_keeps_its_pods_until_they_are_evicted() {
    let answer = of_qawave(&["--fail", "node/worker-2"], 0);
    let step = &answer["steps"][0];
    assert_eq!(step["minReady"]["deployment/default/backend"], 2);
    assert_eq!(step["after"]["workloads"]["deployment/default/backend"]["ready"], 2);
    let pods = step["after"]["pods"].as_array().unwrap();
    let on_lost = |pod: &&Value| {
        pod["owner"] == "deployment/default/backend" && pod["node"] == "worker-2" && pod["ready"] == false
    };
    assert!(pods.iter().find(on_lost).unwrap()["terminating"].as_bool().unwrap());
    // 50 s without heartbeat, 300 s of toleration, and the monitor's period on top.
    let seconds = step["endedAt"].as_f64().unwrap() - step["startedAt"].as_f64().unwrap();
    assert!((350.0..=365.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_zone_fails_as_a_whole() {
    let scenario = Scenario::of_steps("    - wait: {seconds: 1}");
    let cluster = scenario.directory.path().join("cluster");
    let run = quorate(&["simulate", text(&cluster), "--fail", "zone/a", "-o", "json"]).with_status(0);
    let answer = run.json("simulate");
    assert_eq!(answer["steps"][0]["action"], "fail worker-1, worker-2");
    let alive = |pod: &Value| pod["ready"] == true && pod["node"] != "worker-3";
    assert!(!answer["steps"][0]["after"]["pods"].as_array().unwrap().iter().any(alive), "{answer:#}");
    let run = quorate(&["simulate", text(&cluster), "--fail", "zone/c"]).with_status(2);
    assert_eq!(run.stderr, "error: there is no zone c; the zones are a, b\n");
}

#[test]
fn every_loss_of_one_node_is_played_alone() {
    let answer = of_qawave(&["--failures", "nodes=1"], 0);
    let steps = answer["steps"].as_array().unwrap();
    let actions: Vec<&str> = steps.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["fail control-plane-1", "fail worker-1", "fail worker-2", "fail worker-3"]);
    // Each begins with the whole cluster: no later one is worse for the earlier ones.
    assert!(steps.iter().all(|step| step["startedAt"] == steps[0]["startedAt"]));
    let lowest: Vec<&Value> = steps.iter().map(|step| &step["minReady"]["deployment/default/backend"]).collect();
    assert_eq!(lowest, [3, 2, 2, 2]);
    let pairs = of_qawave(&["--failures", "nodes=2"], 0);
    assert_eq!(pairs["steps"].as_array().unwrap().len(), 6);
    quorate(&["simulate", QAWAVE, "--failures", "racks=1"]).with_status(2);
}

const EVERY_STEP: &str = r#"
    - name: a new image
      setImage: {workload: deployment/default/web, container: a, image: "x:2"}
      expect: {outcome: completed, minReady: {deployment/default/web: 3}}
    - restart: {workload: deployment/web}
    - scale: {workload: deployment/default/web, replicas: 5}
    - apply: {path: next.yaml}
    - apply:
        objects:
          - apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: default}
            spec:
              replicas: 3
              selector: {matchLabels: {app: web}}
              template:
                metadata: {labels: {app: web}}
                spec:
                  containers: [{name: a, image: "x:4"}]
    - delete: {object: pod/default/bare}
    - cordon: {node: worker-1}
    - uncordon: {node: worker-1}
    - drain: {nodes: [worker-1, worker-2]}
    - uncordon: {node: worker-1}
    - uncordon: {node: worker-2}
    - setReady: {pods: {namespace: default, labels: {app: web}}, ready: false, limit: 1}
    - evict: {podSelector: {namespace: default, labels: {app: web}}}
      expect: {outcome: denied-429}
    - setReady: {pods: {namespace: default, labels: {app: web}}, ready: true}
    - failNode: {nodes: [worker-2]}
    - recoverNode: {nodes: [worker-2]}
    - deleteNode: {nodes: [worker-3]}
    - wait: {seconds: 600}
    - delete: {object: deployment/default/web}
  settings:
    node-monitor-period: 2s
    pods: {startupSeconds: 2, shutdownSeconds: 3}
"#;

#[test]
fn every_kind_of_step_is_played() {
    let scenario = Scenario::of_steps(EVERY_STEP);
    let run = scenario.run("json").with_status(0);
    let answer = run.json("simulate");
    assert_eq!(answer["scenario"], "a-test");
    assert_eq!(answer["settings"]["node-monitor-period"], "2s");
    assert_eq!(answer["settings"]["pods"], json!({"startupSeconds": 2, "shutdownSeconds": 3, "runSeconds": null}));
    let steps = answer["steps"].as_array().unwrap();
    let web = |index: usize| &steps[index]["after"]["workloads"]["deployment/default/web"];
    assert_eq!(web(2)["ready"], 5, "scaled");
    assert_eq!((&web(3)["desired"], &web(3)["updated"]), (&json!(4), &json!(4)), "applied from a file");
    assert_eq!((&web(4)["desired"], &web(4)["updated"]), (&json!(3), &json!(3)), "applied inline");
    let owners = |index: usize| {
        let pods = steps[index]["after"]["pods"].as_array().unwrap();
        pods.iter().map(|pod| pod["owner"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert!(owners(4).contains(&"pod/default/bare") && !owners(5).contains(&"pod/default/bare"), "deleted");
    let drained = steps[8]["targets"].as_array().unwrap();
    assert_eq!(drained.iter().map(|own| &own["target"]).collect::<Vec<_>>(), ["worker-1", "worker-2"]);
    assert!(steps[8]["after"]["pods"].as_array().unwrap().iter().all(|pod| pod["node"] == "worker-3"), "drained");
    assert_eq!(steps[12]["outcome"], "denied-429");
    assert_eq!(steps[12]["targets"].as_array().unwrap().len(), 3);
    let waited = steps[17]["endedAt"].as_f64().unwrap() - steps[17]["startedAt"].as_f64().unwrap();
    assert!((waited - 600.0).abs() < 1e-9, "{waited}");
    assert_eq!(steps[18]["after"]["workloads"], json!({}), "deleted");
    assert_eq!(run.stdout, scenario.run("json").stdout, "the same bytes");
    insta::assert_snapshot!("every_kind_of_step", scenario.run("human").stdout);
}

#[test]
fn what_was_expected_and_did_not_happen_is_told() {
    let steps =
        "    - drain: {nodes: [worker-1]}\n      expect: {outcome: blocked, minReady: {deployment/default/web: 3}}";
    let scenario = Scenario::of_steps(steps);
    let answer = scenario.run("json").with_status(1).json("simulate");
    assert_eq!(answer["summary"]["unexpected"], 1);
    let unexpected =
        ["expected the outcome blocked, it was completed", "expected minReady 3 of deployment/default/web, it was 2"];
    assert_eq!(answer["steps"][0]["unexpected"], json!(unexpected));
    insta::assert_snapshot!("not_as_expected", scenario.run("human").with_status(1).stdout);
    // A blocked drain that is expected to be blocked is what the scenario says.
    let all =
        ["    - drain: {nodes: [worker-1]}", "    - drain: {nodes: [worker-2]}", "    - drain: {nodes: [worker-3]}"];
    let refused = Scenario::of_steps(&all.join("\n")).run("json").with_status(1).json("simulate");
    assert_eq!(outcomes(&refused), ["completed", "completed", "refused"], "the bare pod has no controller");
    let expected = format!("{}\n      expect: {{outcome: refused}}", all.join("\n"));
    Scenario::of_steps(&expected).run("json").with_status(0);
}

#[test]
fn the_timeline_of_two_drains() {
    let cluster = format!("{DRAINS}/cluster.yaml");
    let scenario = format!("{DRAINS}/scenario.yaml");
    let arguments = ["simulate", &cluster, "--scenario", &scenario, "--color", "never"];
    insta::assert_snapshot!("second_drain", quorate(&arguments).with_status(1).stdout);
    let quiet = quorate(&[&arguments[..], &["-q"]].concat()).with_status(1).stdout;
    assert_eq!(quiet.lines().count(), 1, "{quiet}");
    let verbose = quorate(&[&arguments[..], &["-v"]].concat()).with_status(1).stdout;
    assert!(verbose.contains("no new claims to deallocate"), "{verbose}");
}

#[test]
fn questions_without_an_answer_teach() {
    let ask = |arguments: &[&str]| quorate(&[&["simulate", QAWAVE], arguments].concat()).with_status(2).stderr;
    assert_eq!(
        ask(&["--drain", "worker-9"]),
        "error: there is no node worker-9; the nodes are control-plane-1, worker-1, worker-2, worker-3\n"
    );
    assert_eq!(
        ask(&["--rollout", "deployment/default/bakend"]),
        "error: there is no workload deployment/default/bakend; did you mean deployment/default/backend?\n"
    );
    assert!(
        ask(&["--rollout", "backend"]).contains("write kind/namespace/name, for example deployment/default/backend")
    );
    assert!(
        ask(&["--rollout", "pod/default/x"]).contains("write deployment, statefulset, daemonset, replicaset or job")
    );
    assert_eq!(ask(&["--fail", "zone/fsn1"]), "error: there is no zone fsn1; no node has a zone label\n");
    assert!(ask(&["--failures", "nodes=9"]).contains("between 1 and 3 domains can fail at a time"));
    assert!(ask(&[]).contains("--rollout <WORKLOAD>"));
    assert!(
        ask(&["--drain", "worker-1", "-o", "sarif"]).contains("simulate has no sarif output; choose human or json")
    );
    assert!(ask(&["--scenario", "does-not-exist.yaml"]).contains("does-not-exist.yaml"));
}

#[test]
fn without_nodes_nothing_is_invented() {
    let arguments = ["simulate", "fixtures/qawave/backend", "--environment", "/dev/null", "--drain", "node-1"];
    let run = quorate(&arguments).with_status(2);
    assert_eq!(
        run.stderr,
        "error: a simulation needs nodes, and the input has none; add Node manifests (kubectl get nodes -o yaml), \
         spec.nodes in quorate.yaml, or --nodes 3x4cpu,8Gi\n"
    );
    let with_nodes = quorate(&[&arguments[..], &["--nodes", "3x4cpu,8Gi", "-o", "json"]].concat()).with_status(0);
    assert_eq!(outcomes(&with_nodes.json("simulate")), ["completed"]);
}

#[test]
fn mistakes_in_a_scenario_have_a_place() {
    let mistakes = [
        ("two_actions", "    - drain: {nodes: [worker-1]}\n      cordon: {node: worker-2}"),
        ("no_action", "    - name: nothing"),
        ("unknown_workload", "    - restart: {workload: deployment/default/wep}"),
        ("unknown_node", "    - drain: {nodes: [worker-1, worker-7]}"),
        ("unknown_action", "    - drian: {nodes: [worker-1]}"),
        ("unknown_outcome", "    - drain: {nodes: [worker-1]}\n      expect: {outcome: done}"),
        ("both_forms_of_apply", "    - apply: {path: next.yaml, objects: []}"),
        ("missing_file", "    - apply: {path: nowhere.yaml}"),
        ("wrong_duration", "    - wait: {seconds: 1}\n  settings: {node-monitor-period: 5}"),
    ];
    let mut told = String::new();
    for (name, steps) in mistakes {
        let run = Scenario::of_steps(steps).run("human").with_status(2);
        assert!(run.stdout.contains("DIRECTORY/scenario.yaml:"), "{name}: {}", run.stdout);
        assert!(run.stderr.contains("scenario.yaml cannot be played"), "{name}: {}", run.stderr);
        let finding = run.stdout.rsplit_once("\n\n").unwrap().0;
        told.push_str(&format!("{name}\n{finding}\n\n"));
    }
    insta::assert_snapshot!("mistakes_in_a_scenario", told);
    let not_yaml = Scenario::of_steps("    - drain: {nodes: [worker-1").run("human").with_status(2);
    assert!(not_yaml.stdout.contains("unreadable-document"), "{}", not_yaml.stdout);
}

/// What cannot be read might matter: nothing is played on the rest of it.
#[test]
fn broken_manifests_are_not_played() {
    let files = [("cluster.yaml", CLUSTER), ("broken.yaml", "apiVersion: v1\nkind: [\n")];
    let directory = directory(&files);
    let run = quorate(&["simulate", text(directory.path()), "--drain", "worker-1"]).with_status(2);
    assert!(run.stdout.contains("error[unreadable-document]"), "{}", run.stdout);
    assert!(!run.stdout.contains("drain worker-1"), "{}", run.stdout);
}

/// The stories of `fixtures/scenarios`, which say themselves what they expect.
#[test]
fn the_stories_of_the_first_environment() {
    for story in ["second-drain", "crash-at-night"] {
        let scenario = format!("fixtures/scenarios/{story}.yaml");
        let run = quorate(&["simulate", QAWAVE, "--scenario", &scenario, "--color", "never"]).with_status(0);
        insta::assert_snapshot!(format!("story_{}", story.replace('-', "_")), run.stdout);
    }
}
