//! `quorate schedule` as a whole: what can be asked, what is answered, and what is said of a question that has no answer.
#![allow(clippy::unwrap_used)]

mod binary;

use assert_cmd::Command;
use binary::{Run, assert_valid, directory, finish, validator};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Two workers and a control plane.
const NODES: &str = r#"apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: cp, labels: {kubernetes.io/hostname: cp}}, spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: w1, labels: {kubernetes.io/hostname: w1, disk: ssd}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: w2, labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
"#;

/// A pod that runs on w1.
const BOUND: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: low, namespace: default, uid: a, labels: {app: low}}
spec:
  nodeName: w1
  priority: 0
  containers: [{name: a, image: "x:1", resources: {requests: {cpu: "3", memory: 1Gi}}}]
status: {phase: Running}
"#;

/// Two replicas that keep away from each other.
const WEB: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - labelSelector: {matchLabels: {app: web}}
              topologyKey: kubernetes.io/hostname
      containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

fn pod(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  {}\n", spec.replace('\n', "\n  "))
}

fn asks(cpu: &str) -> String {
    format!(
        "containers:\n  - name: a\n    image: \"x:1\"\n    resources:\n      requests: {{cpu: {cpu}, memory: 256Mi}}"
    )
}

/// A cluster in a directory of its own, and a question beside it.
struct Question {
    directory: TempDir,
}

impl Question {
    /// The files of the cluster, and the pod.
    fn new(cluster: &[&str], pod: &str) -> Self {
        let names: Vec<String> = (0..cluster.len()).map(|index| format!("cluster/{index}.yaml")).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(cluster.iter().copied()).collect();
        files.push(("pod.yaml", pod));
        Self { directory: directory(&files) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary::binary();
        command.current_dir(self.directory.path()).args(["schedule", "cluster", "--color", "never"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        finish(&mut self.command(arguments))
    }

    /// The answer as JSON.
    fn json(&self, status: i32) -> Value {
        self.run(&["--pod", "pod.yaml", "-o", "json"]).with_status(status).json("schedule")
    }

    /// The answer for people.
    fn human(&self, status: i32) -> String {
        self.run(&["--pod", "pod.yaml"]).with_status(status).stdout
    }
}

#[test]
fn the_answer_is_kube_schedulers_in_the_published_form() {
    let question = Question::new(&[NODES, BOUND], &pod("x", &asks("500m")));
    let answer = question.json(0);
    assert_eq!(answer["pod"], "pod/default/x");
    assert_eq!(answer["preFilter"], Value::Null);
    assert_eq!(
        answer["nodes"]["cp"],
        json!({
            "code": "UnschedulableAndUnresolvable", "plugin": "TaintToleration",
            "reasons": ["node(s) had untolerated taint(s)"],
        })
    );
    assert_eq!(answer["nodes"]["w2"], json!({"code": "Success", "plugin": null, "reasons": []}));
    // (4000 - 500) / 4000 and (8192 - 256) / 8192 are 87 and 96: 91; w1 has 3 CPU and 1 GiB less.
    assert_eq!(answer["scores"]["w2"]["NodeResourcesFit"], 91);
    assert_eq!(answer["scores"]["w1"]["NodeResourcesFit"], 48);
    assert_eq!(answer["scores"]["w2"]["TaintToleration"], 300);
    assert_eq!(answer["best"], json!(["w2"]));
    let sum = |node: &str| {
        answer["scores"][node].as_object().unwrap().values().map(|score| score.as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(answer["total"], json!({"w1": sum("w1"), "w2": sum("w2")}));
    assert_eq!(answer["placement"], json!({"kind": "current", "bound": 1, "pending": 0, "absent": []}));
    insta::assert_snapshot!("fits", question.human(0));
}

#[test]
fn a_single_feasible_node_is_scored_too() {
    let answer = Question::new(&[NODES], &pod("x", &format!("nodeSelector: {{disk: ssd}}\n{}", asks("500m")))).json(0);
    assert_eq!(answer["best"], json!(["w1"]));
    assert_eq!(answer["scores"].as_object().unwrap().len(), 1);
    assert_eq!(answer["scores"]["w1"]["NodeResourcesFit"], 91);
}

#[test]
fn without_a_bound_pod_the_workloads_are_placed_first() {
    let question = Question::new(&[NODES, WEB], &pod("x", &asks("500m")));
    let answer = question.json(0);
    assert_eq!(answer["placement"], json!({"kind": "scheduled", "bound": 2, "pending": 0, "absent": []}));
    assert_eq!(answer["scores"]["w1"], answer["scores"]["w2"]);
    // As it is: nothing runs.
    let current = question.run(&["--pod", "pod.yaml", "-o", "json", "--placement", "current"]).json("schedule");
    assert_eq!(current["placement"]["absent"], json!(["deployment/default/web"]));
    assert_eq!(current["scores"]["w1"]["NodeResourcesFit"], 91);
    // One bound pod and it is a recording: what is missing is said.
    let mixed = Question::new(&[NODES, WEB, BOUND], &pod("x", &asks("500m")));
    let answer = mixed.json(0);
    assert_eq!(
        answer["placement"],
        json!({"kind": "current", "bound": 1, "pending": 0, "absent": ["deployment/default/web"]})
    );
    let human = mixed.human(0);
    assert!(human.contains("deployment/default/web has no pods in the input and take"), "{human}");
}

#[test]
fn one_more_pod_of_a_workload_is_asked_by_its_name() {
    let question = Question::new(&[NODES, WEB], "kind: None\n");
    let run = question.run(&["--pod", "deploy/web", "-o", "json"]).with_status(1);
    let answer = run.json("schedule");
    assert_eq!(answer["pod"], "deployment/default/web");
    assert_eq!(answer["nodes"]["w1"]["plugin"], "InterPodAffinity");
    assert_eq!(answer["preemption"]["outcome"], "no-candidate");
    insta::assert_snapshot!("fits_nowhere", question.run(&["--pod", "deployment/default/web"]).with_status(1).stdout);
    // A new version of it from a file: its pods are told apart by their hash, its anti-affinity is not.
    let next = Question::new(&[NODES, WEB], &WEB.replace("x:1", "x:2"));
    assert_eq!(next.json(1)["nodes"], answer["nodes"]);
}

#[test]
fn every_kind_that_makes_pods_can_be_asked_about() {
    let template = "template:\n    metadata: {labels: {app: other}}\n    spec:\n      restartPolicy: Never\n      containers: [{name: a, image: 'x:1', resources: {requests: {cpu: 500m, memory: 256Mi}}}]";
    let always = template.replace("restartPolicy: Never", "restartPolicy: Always");
    let selector = "selector: {matchLabels: {app: other}}";
    let head = |api: &str, kind: &str| format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: other}}\nspec:\n");
    let objects = [
        ("deployment", format!("{}  {selector}\n  {always}\n", head("apps/v1", "Deployment"))),
        ("replicaset", format!("{}  {selector}\n  {always}\n", head("apps/v1", "ReplicaSet"))),
        ("statefulset", format!("{}  serviceName: other\n  {selector}\n  {always}\n", head("apps/v1", "StatefulSet"))),
        ("daemonset", format!("{}  {selector}\n  {always}\n", head("apps/v1", "DaemonSet"))),
        ("job", format!("{}  {template}\n", head("batch/v1", "Job"))),
        (
            "cronjob",
            format!(
                "{}  schedule: '0 * * * *'\n  jobTemplate:\n    spec:\n      {}\n",
                head("batch/v1", "CronJob"),
                template.replace('\n', "\n    ")
            ),
        ),
    ];
    for (kind, object) in objects {
        let answer = Question::new(&[NODES], &object).json(0);
        assert_eq!(answer["pod"], format!("{kind}/default/other"));
        assert_eq!(answer["best"], json!(["w1", "w2"]), "{kind}");
        assert_eq!(answer["scores"]["w1"]["NodeResourcesFit"], 91, "{kind}");
    }
}

#[test]
fn where_preemption_makes_room_the_victims_are_named() {
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 1000\n";
    let wanted = format!("nodeSelector: {{disk: ssd}}\npriorityClassName: high\n{}", asks("2"));
    let question = Question::new(&[NODES, BOUND, class], &pod("x", &wanted));
    let answer = question.json(1);
    assert_eq!(
        answer["preemption"],
        json!({"outcome": "possible", "victims": {"w1": {"pods": ["default/low"], "budgetViolations": 0}}, "best": ["w1"]})
    );
    assert_eq!(
        answer["message"],
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s)."
    );
    insta::assert_snapshot!("preemption", question.human(1));
}

#[test]
fn a_pod_that_admission_refuses_goes_nowhere() {
    let range = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: small, namespace: default}\nspec:\n  limits:\n    - type: Container\n      max: {cpu: \"1\"}\n      defaultRequest: {cpu: 100m}\n";
    let wanted = "containers:\n  - name: a\n    image: \"x:1\"\n    resources:\n      limits: {cpu: \"2\"}";
    let question = Question::new(&[NODES, range], &pod("x", wanted));
    let answer = question.json(1);
    assert_eq!(
        answer["admission"],
        json!({
            "plugin": "LimitRanger", "code": 403,
            "reason": "pods \"x\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "reasons": ["maximum cpu usage per Container is 1, but limit is 2"],
        })
    );
    assert_eq!((&answer["nodes"], &answer["best"]), (&json!({}), &json!([])));
    insta::assert_snapshot!("refused", question.human(1));

    let unknown = Question::new(&[NODES], &pod("x", &format!("priorityClassName: nope\n{}", asks("1"))));
    assert_eq!(unknown.json(1)["admission"]["reasons"], json!(["no PriorityClass with name nope was found"]));
    let unknown = Question::new(&[NODES], &pod("x", &format!("runtimeClassName: nope\n{}", asks("1"))));
    assert_eq!(unknown.json(1)["admission"]["reasons"], json!(["pod rejected: RuntimeClass \"nope\" not found"]));
}

#[test]
fn admission_changes_where_a_pod_can_go() {
    let class = "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: sandbox}\nhandler: sandbox\noverhead:\n  podFixed: {cpu: \"1\"}\nscheduling:\n  nodeSelector: {disk: ssd}\n";
    let answer =
        Question::new(&[NODES, class], &pod("x", &format!("runtimeClassName: sandbox\n{}", asks("1")))).json(0);
    assert_eq!(answer["best"], json!(["w1"]));
    assert_eq!(answer["nodes"]["w2"]["plugin"], "NodeAffinity");
    // 2 of 4 CPU, 256 MiB of 8 GiB.
    assert_eq!(answer["scores"]["w1"]["NodeResourcesFit"], 73);

    let range = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: small, namespace: default}\nspec:\n  limits:\n    - type: Container\n      default: {cpu: \"3\", memory: 1Gi}\n      defaultRequest: {cpu: \"2\"}\n";
    let answer = Question::new(&[NODES, range], &pod("x", "containers: [{name: a, image: \"x:1\"}]")).json(0);
    // 2 of 4 CPU, 1 of 8 GiB: (50 + 87) / 2.
    assert_eq!(answer["scores"]["w1"]["NodeResourcesFit"], 68);
}

#[test]
fn features_of_the_kubelet_decide_where_a_pod_can_go() {
    let spec = "containers:\n  - name: a\n    image: \"x:1\"\n    restartPolicy: Never\n    restartPolicyRules:\n      - action: RestartAllContainers\n        exitCodes: {operator: In, values: [3]}";
    let declares = r#"apiVersion: v1
kind: Node
metadata: {name: w3, labels: {kubernetes.io/hostname: w3}}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, declaredFeatures: [RestartAllContainersOnContainerExits]}
"#;
    let question = Question::new(&[NODES, declares], &pod("x", spec));
    let answer = question.json(0);
    assert_eq!(answer["best"], json!(["w3"]));
    assert_eq!(answer["nodes"]["w1"]["plugin"], "NodeDeclaredFeatures");
    insta::assert_snapshot!("declared-features", question.human(0));
}

#[test]
fn what_devices_decide_is_an_assumption_by_name() {
    let class = "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\nspec: {extendedResourceName: example.com/gpu}\n";
    let spec = "resourceClaims: [{name: card, resourceClaimTemplateName: card}]\ncontainers:\n  - name: a\n    image: \"x:1\"\n    resources: {claims: [{name: card}], requests: {example.com/gpu: 1}, limits: {example.com/gpu: 1}}";
    let answer = Question::new(&[NODES, class], &pod("x", spec)).json(1);
    assert_eq!(
        answer["assumptions"],
        json!([
            "the devices that pod/default/x claims (card; dynamic resource allocation) are taken to be free on every node",
            "example.com/gpu is counted where nodes list it as allocatable; devices of DeviceClass gpu, which give it on \
             other nodes, are not modelled",
        ])
    );
    assert_eq!(answer["nodes"]["w1"]["reasons"], json!(["Insufficient example.com/gpu"]));
}

#[test]
fn many_pods_are_answered_each_for_itself() {
    let one = |name: &str, cpu: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "a", "image": "x:1", "resources": {"requests": {"cpu": cpu}}}]},
        })
    };
    let pods = [one("a", "3"), one("b", "3"), one("c", "9")];
    let lines = pods.iter().map(|pod| format!("{pod}\n")).collect::<String>();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
    let documents = pods.iter().map(|pod| format!("---\n{pod}\n")).collect::<String>();
    let schema = validator("schedule");
    let mut answers = Vec::new();
    for (name, text) in [("pods.jsonl", &lines), ("pods.json", &list), ("pods.yaml", &documents)] {
        let question = Question::new(&[NODES], "");
        std::fs::write(question.directory.path().join(name), text).unwrap();
        let run = question.run(&["--pods", name]).with_status(1);
        let read: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        read.iter().for_each(|answer| assert_valid(&schema, answer));
        let best: Vec<&Value> = read.iter().map(|answer| &answer["best"]).collect();
        assert_eq!(best, [&json!(["w1", "w2"]), &json!(["w1", "w2"]), &json!([])]);
        let refused = question.run(&["--pods", name, "-o", "human"]).with_status(2);
        assert!(refused.stderr.contains("a line of JSON for each pod"), "{}", refused.stderr);
        answers.push(run.stdout);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_question_without_an_answer_says_what_is_missing() {
    let question = Question::new(&[NODES, WEB], &pod("x", &asks("1")));
    let error = |arguments: &[&str]| question.run(arguments).with_status(2).stderr;
    assert_eq!(
        error(&["--pod", "deployment/default/wep"]),
        "error: there is no file deployment/default/wep and no deployment/default/wep in PATH; did you mean deployment/default/web?\n"
    );
    assert_eq!(
        error(&["--pod", "nothing.yaml"]),
        "error: there is no file nothing.yaml; give a file, or a workload of PATH: kind/namespace/name\n"
    );
    let config = Question::new(&[NODES], "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    let run = config.run(&["--pod", "pod.yaml"]).with_status(2);
    assert!(
        run.stderr.contains("pod.yaml holds nothing that makes pods; give one of Pod, Deployment"),
        "{}",
        run.stderr
    );
    let two = Question::new(&[NODES], &format!("{}---\n{}", pod("x", &asks("1")), pod("other", &asks("1"))));
    let run = two.run(&["--pod", "pod.yaml"]).with_status(2);
    assert!(run.stderr.contains("pod.yaml:13: pod.yaml holds 2 objects that make pods"), "{}", run.stderr);
    let broken = Question::new(&[NODES], "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {contaners: []}\n");
    let run = broken.run(&["--pod", "pod.yaml"]).with_status(2);
    assert!(run.stdout.contains("pod.yaml:4:8") && run.stdout.contains("containers"), "{}", run.stdout);
    let without = Question::new(&[WEB], &pod("x", &asks("1")));
    let run = without.run(&["--pod", "pod.yaml"]).with_status(2);
    assert_eq!(
        run.stderr,
        "error: the question where a pod can go needs nodes, and the input has none; add Node manifests (kubectl get nodes -o yaml), spec.nodes in quorate.yaml, or --nodes 3x4cpu,8Gi\n"
    );
    let neither = question.run(&[]).with_status(2);
    assert!(neither.stderr.contains("--pod <POD>|--pods <FILE>"), "{}", neither.stderr);
}

#[test]
fn three_thousand_nodes_fit_on_a_screen() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";
    let question = Question::new(&[namespace], &pod("x", &asks("500m")));
    let sizes = ["--nodes", "2000x4cpu,8Gi", "--nodes", "900x8cpu,16Gi", "--nodes", "100x250mcpu,1Gi"];
    let run = question.run(&[&["--pod", "pod.yaml"], sizes.as_slice()].concat()).with_status(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 120), "{}", run.stdout);
    insta::assert_snapshot!("three_thousand_nodes", run.stdout);
}

#[test]
fn a_pod_is_taken_with_the_tolerations_that_it_has() {
    let lost = NODES.replace(
        "disk: ssd}}, ",
        "disk: ssd}}, spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoExecute}]}, ",
    );
    // As it is: at rest the node controller has taken the taint from a node that is ready.
    let current = |asked: &str| {
        let question = Question::new(&[&lost], asked);
        let run = question.run(&["--pod", "pod.yaml", "-o", "json", "--placement", "current"]);
        run.with_status(0).json("schedule")
    };
    let answer = current(&pod("x", &asks("500m")));
    assert_eq!((&answer["nodes"]["w1"]["plugin"], &answer["best"]), (&json!("TaintToleration"), &json!(["w2"])));
    let assumption = answer["assumptions"][0].as_str().unwrap();
    assert!(assumption.starts_with("the pod is taken with the tolerations that it has"), "{assumption}");
    // The controller's pods are created, and admission adds to them.
    let answer = current(WEB);
    assert_eq!(answer["nodes"]["w1"]["code"], "Success");
}
