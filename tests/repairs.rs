//! Repairs of `quorate prove` as a whole: which are found, what they cost, and what `--write` changes.
#![allow(clippy::unwrap_used)]

mod binary;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use binary::{Run, directory, finish};
use serde_json::{Value, json};

const QAWAVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/qawave");

/// Comments and layout that are nobody's default.
const WEB: &str = "# The shop's front.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2 # one for each node
  strategy:
    # Never fewer than two.
    rollingUpdate: {maxSurge: 0, maxUnavailable: 1}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      topologySpreadConstraints:
      - maxSkew: 1 # even
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway   # for the night of the long drains
        labelSelector:
          matchLabels: {app: web}
      containers:
      - name: web
        image: example.com/web:1.0.0
        resources:
          requests: {cpu: 500m, memory: 64Mi}
";

/// `workers` nodes and one guarantee.
fn environment(workers: u32, guarantee: &str) -> String {
    format!(
        "# What the manifests do not say.
apiVersion: quorate.dev/v1alpha1
kind: Environment
spec:
  nodes:
    - name: worker   # bought by the piece
      count: {workers}
      instanceType: CX31
      allocatable: {{cpu: 900m, memory: 4Gi}}
  prices: {{currency: EUR, catalogue: {{CX31: \"10.00\"}}}}
  guarantees:
    - {guarantee}
"
    )
}

fn quorate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::cargo_bin("quorate").unwrap();
    command.current_dir(directory).args(arguments).arg("--color").arg("never");
    finish(&mut command)
}

fn prove(directory: &Path, arguments: &[&str]) -> (i32, Value) {
    let run = quorate(directory, &[&["prove", "--no-proofs", "-o", "json"], arguments].concat());
    (run.status, run.json("prove"))
}

/// The repairs of the first entry of a declared guarantee that has some, as `CHANGE COST`.
fn repairs(report: &Value) -> Vec<String> {
    let entries = report["guarantees"].as_array().unwrap().iter();
    let mut violated = entries.filter(|entry| entry["declared"] == true && entry["verdict"] == "violated").peekable();
    assert!(violated.peek().is_some(), "{report:#}");
    let Some(entry) = violated.find(|entry| entry["repairs"] != json!([])) else { return Vec::new() };
    let text = |repair: &Value| format!("{} {}", repair["change"].as_str().unwrap(), repair["monthlyCost"]);
    entry["repairs"].as_array().unwrap().iter().map(text).collect()
}

/// The lines of a diff that are new or gone.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(before, after);
    let lines = diff.iter_all_changes().filter(|own| own.tag() != similar::ChangeTag::Equal);
    lines.map(|own| format!("{}{}", own.tag(), own.value().trim_end())).collect()
}

#[test]
fn the_backend_s_rollout_is_mended_for_nothing_or_by_a_fourth_worker() {
    let folder = directory(&[]);
    let (status, report) = prove(folder.path(), &[QAWAVE, "--workload", "deployment/backend"]);
    assert_eq!(status, 1);
    assert_eq!(repairs(&report), ["maxSurge: 0, maxUnavailable: 1 \"0.00\"", "a fourth CX31 worker \"10.00\""]);
    let entries = report["guarantees"].as_array().unwrap();
    let progress = entries.iter().find(|entry| entry["phase"] == "progress").unwrap();
    let [strategy, worker] = progress["repairs"].as_array().unwrap().as_slice() else { panic!("{progress:#}") };
    let patch = strategy["patch"].as_str().unwrap();
    for line in
        ["-      maxSurge: 1\n", "+      maxSurge: 0\n", "-      maxUnavailable: 0\n", "+      maxUnavailable: 1\n"]
    {
        assert!(patch.contains(line), "{patch}");
    }
    assert_eq!(strategy["reprovedAs"]["phase"], "progress");
    // The nodes are manifests: a machine is added to the cluster, not to a file.
    assert_eq!(worker["patch"], Value::Null);
    assert_eq!(worker["notWritten"], json!(["node worker-4 is added to the cluster, not to a file"]));
    let refused =
        quorate(folder.path(), &["prove", QAWAVE, "--no-proofs", "--workload", "deployment/backend", "--write", "2"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("there is nothing to write"), "{}", refused.stderr);
}

#[test]
fn what_repairs_one_guarantee_and_breaks_another_is_no_repair() {
    let folder = directory(&[]);
    let (_, report) = prove(folder.path(), &[QAWAVE, "--workload", "deployment/frontend"]);
    // Anti-affinity alone would stop every rollout.
    assert_eq!(
        repairs(&report),
        [
            "required anti-affinity, one pod a node; maxSurge: 0, maxUnavailable: 1 \"0.00\"",
            "required anti-affinity, one pod a node; a fourth CX31 worker \"10.00\"",
        ]
    );
    let of_budget = report["guarantees"].as_array().unwrap().iter().filter(|entry| entry["declared"] == false);
    let mut violated = of_budget.filter(|entry| entry["verdict"] == "violated").peekable();
    assert!(violated.peek().is_some());
    assert!(violated.all(|entry| entry["repairs"] == json!([])), "they do not count");
}

#[test]
fn a_written_repair_changes_its_lines_alone_and_is_proved() {
    let guarantee = "{workload: deployment/default/web, minAvailable: 1, placement: fresh, phase: [instant]}";
    let environment = environment(2, guarantee).replace("900m", "1900m");
    let folder = directory(&[("web.yaml", WEB), ("quorate.yaml", &environment)]);
    let (status, report) = prove(folder.path(), &["."]);
    assert_eq!(status, 1);
    let found = repairs(&report);
    assert_eq!(found[0], "whenUnsatisfiable: DoNotSchedule over kubernetes.io/hostname \"0.00\"", "{found:?}");
    let missing = quorate(folder.path(), &["prove", ".", "--no-proofs", "--write", "99"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("there is no change 99 to write: there are changes 1 to"), "{}", missing.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("web.yaml")).unwrap(), WEB);

    let run = quorate(folder.path(), &["prove", ".", "--no-proofs", "--write", "1"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("change 1 is written to"), "{}", run.stderr);
    let written = fs::read_to_string(folder.path().join("web.yaml")).unwrap();
    assert_eq!(
        changed_lines(WEB, &written),
        [
            "-        whenUnsatisfiable: ScheduleAnyway   # for the night of the long drains",
            "+        whenUnsatisfiable: DoNotSchedule   # for the night of the long drains",
        ]
    );
    assert_eq!(fs::read_to_string(folder.path().join("quorate.yaml")).unwrap(), environment);
    assert_eq!(prove(folder.path(), &["."]).0, 0);
}

#[test]
fn one_more_node_is_one_more_in_its_pool() {
    // A node takes one pod: of two nodes one is left, and the second pod stays pending.
    let guarantee = "{workload: deployment/default/web, minAvailable: 2, placement: fresh, phase: [recovered]}";
    let environment = environment(2, guarantee);
    let folder = directory(&[("web.yaml", WEB), ("quorate.yaml", &environment)]);
    let (status, report) = prove(folder.path(), &["."]);
    assert_eq!(status, 1);
    let found = repairs(&report);
    let place =
        found.iter().position(|own| own == "a third CX31 worker \"10.00\"").unwrap_or_else(|| panic!("{found:?}"));
    let number = (place + 1).to_string();
    let run = quorate(folder.path(), &["prove", ".", "--no-proofs", "--write", &number]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let written = fs::read_to_string(folder.path().join("quorate.yaml")).unwrap();
    assert_eq!(changed_lines(&environment, &written), ["-      count: 2", "+      count: 3"]);
    assert_eq!(fs::read_to_string(folder.path().join("web.yaml")).unwrap(), WEB);
    assert_eq!(prove(folder.path(), &["."]).0, 0);
}

#[test]
fn a_smaller_request_lets_one_more_pod_onto_a_node() {
    let guarantee = "{workload: deployment/default/web, minAvailable: 2, placement: fresh, phase: [recovered]}";
    // One pod a node; once a node is lost, both on the other, if they fit.
    let even = "whenUnsatisfiable: DoNotSchedule\n        nodeTaintsPolicy: Honor";
    let web = WEB.replace("whenUnsatisfiable: ScheduleAnyway", even);
    let folder = directory(&[("web.yaml", &web), ("quorate.yaml", &environment(2, guarantee))]);
    let (_, report) = prove(folder.path(), &["."]);
    let found = repairs(&report);
    let is_it = |own: &String| own == "requests.cpu: 450m instead of 500m for container web \"0.00\"";
    let place = found.iter().position(is_it).unwrap_or_else(|| panic!("{found:?}"));
    let run = quorate(folder.path(), &["prove", ".", "--no-proofs", "--write", &(place + 1).to_string()]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let written = fs::read_to_string(folder.path().join("web.yaml")).unwrap();
    assert_eq!(
        changed_lines(&web, &written),
        ["-          requests: {cpu: 500m, memory: 64Mi}", "+          requests: {cpu: 450m, memory: 64Mi}"]
    );
    assert_eq!(prove(folder.path(), &["."]).0, 0);
    // Where less than half would be needed, nobody is told to ask for that.
    let folder = directory(&[("web.yaml", &web.replace("500m", "900m")), ("quorate.yaml", &environment(2, guarantee))]);
    assert!(repairs(&prove(folder.path(), &["."]).1).iter().any(|own| own.starts_with("requests.cpu: 450m")));
    let narrow = environment(2, guarantee).replace("900m", "850m");
    let folder = directory(&[("web.yaml", &web.replace("500m", "850m")), ("quorate.yaml", &narrow)]);
    assert!(repairs(&prove(folder.path(), &["."]).1).iter().any(|own| own.starts_with("requests.cpu: 425m")));
    let folder =
        directory(&[("web.yaml", &web.replace("500m", "851m")), ("quorate.yaml", &narrow.replace("850m", "851m"))]);
    assert!(!repairs(&prove(folder.path(), &["."]).1).iter().any(|own| own.starts_with("requests.cpu")));
}

#[test]
fn another_zone_is_a_pool_of_its_own() {
    let guarantee = "{workload: deployment/default/web, minAvailable: 1, placement: fresh, phase: [instant], \
                     failures: {zones: 1}}";
    let environment = environment(2, guarantee)
        .replace("900m", "1900m")
        .replace("instanceType: CX31", "instanceType: CX31\n      zone: a");
    let folder = directory(&[("web.yaml", WEB), ("quorate.yaml", &environment)]);
    let (status, report) = prove(folder.path(), &[".", "--failures", "zones=1"]);
    assert_eq!(status, 1);
    let found = repairs(&report);
    let change = "required anti-affinity, one pod a zone; one more CX31 worker in another zone \"10.00\"";
    let place = found.iter().position(|own| own == change).unwrap_or_else(|| panic!("{found:?}"));
    let number = (place + 1).to_string();
    let run = quorate(folder.path(), &["prove", ".", "--failures", "zones=1", "--no-proofs", "--write", &number]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let written = fs::read_to_string(folder.path().join("quorate.yaml")).unwrap();
    let lines = changed_lines(&environment, &written);
    assert!(lines.iter().all(|line| line.starts_with('+')), "{lines:#?}");
    for line in ["+    - name: worker-another-zone", "+      count: 1", "+      zone: another-zone"] {
        assert!(lines.iter().any(|own| own == line), "{lines:#?}");
    }
    assert_eq!(prove(folder.path(), &[".", "--failures", "zones=1"]).0, 0);
}

#[test]
fn what_came_from_standard_input_is_not_written() {
    let guarantee = "{workload: deployment/default/web, minAvailable: 1, placement: fresh, phase: [instant]}";
    let folder = directory(&[("quorate.yaml", &environment(2, guarantee).replace("900m", "1900m"))]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.current_dir(folder.path()).args([
        "prove",
        "-",
        "--no-proofs",
        "--environment",
        "quorate.yaml",
        "--write",
        "1",
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(WEB.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is nothing to write: it came from standard input"), "{said}");
}

#[test]
fn how_much_is_tried_is_the_user_s_choice() {
    let folder = directory(&[]);
    let asked = [QAWAVE, "--workload", "deployment/backend"];
    let none = prove(folder.path(), &[&asked[..], &["--repairs", "none"]].concat()).1;
    assert_eq!(repairs(&none), Vec::<String>::new());
    let one = prove(folder.path(), &[&asked[..], &["--max-tries", "1"]].concat()).1;
    assert!(repairs(&one).len() <= 1);
    let human = quorate(folder.path(), &[&["prove", "--no-proofs", "--max-tries", "1"], &asked[..]].concat());
    assert!(human.stdout.contains("tried      1 change; "), "{}", human.stdout);
}

#[test]
fn a_budget_that_refuses_every_eviction_is_changed_where_it_stands() {
    let directory = directory(&[]);
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/1.36.3/witness-drain-waits");
    for name in ["cluster.yaml", "quorate.yaml"] {
        fs::copy(Path::new(recorded).join(name), directory.path().join(name)).unwrap();
    }
    let (status, report) = prove(directory.path(), &["."]);
    assert_eq!(status, 1);
    let found = repairs(&report);
    assert_eq!(
        found,
        [
            "minAvailable: 2 in PodDisruptionBudget default/web \"0.00\"",
            "maxUnavailable: 1 in PodDisruptionBudget default/web \"0.00\""
        ]
    );
    let before = fs::read_to_string(directory.path().join("cluster.yaml")).unwrap();
    let (_, _) = prove(directory.path(), &[".", "--write", "2"]);
    let after = fs::read_to_string(directory.path().join("cluster.yaml")).unwrap();
    assert_eq!(
        changed_lines(&before, &after),
        ["-  minAvailable: 3  # all of them", "+  maxUnavailable: 1  # all of them"]
    );
    // Every claim is proved then, and what the budget now promises too.
    let (status, report) = prove(directory.path(), &["."]);
    assert_eq!(status, 0, "{report:#}");
    let entries = report["guarantees"].as_array().unwrap();
    let progress: Vec<&Value> = entries.iter().filter(|entry| entry["phase"] == "progress").collect();
    assert!(!progress.is_empty() && progress.iter().all(|entry| entry["verdict"] == "proved"), "{progress:#?}");
}
