//! `quorate prove` and `quorate verify-proof` as a whole: what is said to people and programs, and what of proof files that do not fit.
#![allow(clippy::unwrap_used)]

mod binary;
#[path = "prove/stores.rs"]
mod stores;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use binary::{Run, finish};
use serde_json::Value;
use tempfile::TempDir;

const QAWAVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/qawave");
/// The same with a fourth worker.
const LARGER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/1.36.3/03-qawave-4-workers/cluster.yaml");

/// A live cluster: both pods of a Deployment are on one of two nodes.
const LIVE: &str = r#"apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: w1, labels: {kubernetes.io/hostname: w1}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: w2, labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default, uid: d}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}}}}
  - {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-a, namespace: default, uid: r, labels: {app: web, pod-template-hash: a}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}]}, spec: {replicas: 2, selector: {matchLabels: {app: web, pod-template-hash: a}}, template: {metadata: {labels: {app: web, pod-template-hash: a}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}}}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web-a-1, namespace: default, uid: p1, labels: {app: web, pod-template-hash: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-a, uid: r, controller: true}]}, spec: {nodeName: w1, containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web-a-2, namespace: default, uid: p2, labels: {app: web, pod-template-hash: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-a, uid: r, controller: true}]}, spec: {nodeName: w1, containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}
"#;

fn quorate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::cargo_bin("quorate").unwrap();
    command.current_dir(directory).args(arguments).arg("--color").arg("never");
    finish(&mut command)
}

fn prove(arguments: &[&str]) -> (TempDir, Run) {
    let directory = TempDir::new().unwrap();
    let mut all = vec!["prove"];
    all.extend(arguments);
    let run = quorate(directory.path(), &all);
    (directory, run)
}

/// The last line says how long it took.
fn without_time(text: &str) -> String {
    let time = text.rfind(" (").filter(|_| text.trim_end().ends_with("s)"));
    time.map_or_else(|| text.to_owned(), |at| format!("{}\n", &text[..at]))
}

#[test]
fn a_person_reads_it() {
    let (_directory, run) = prove(&[QAWAVE, "--failures", "nodes=1", "--workload", "deployment/frontend"]);
    assert_eq!(run.status, 1);
    let shown = without_time(&run.stdout).replace(env!("CARGO_MANIFEST_DIR"), "ROOT");
    insta::assert_snapshot!("qawave_frontend", shown);
}

#[test]
fn every_verdict_follows_the_schema_and_its_proof_is_accepted_again() {
    for input in [QAWAVE, LARGER] {
        let failures = ["--failures", "nodes=1", "--failures", "nodes=2"];
        let (directory, run) = prove(&[&[input, "--repairs", "none", "-o", "json"], &failures[..]].concat());
        let report = run.json("prove");
        let entries = report["guarantees"].as_array().unwrap();
        assert!(!entries.is_empty());
        let mut checked = 0;
        for entry in entries {
            let verdict = entry["verdict"].as_str().unwrap();
            // What a run of the scheduler shows needs its scores; everything else has a proof file.
            if verdict == "undecided" || entry["method"] == "run" {
                assert_eq!(entry["proof"], Value::Null);
                continue;
            }
            let file = entry["proof"].as_str().unwrap();
            if checked % 7 == 0 {
                let again = quorate(directory.path(), &["verify-proof", file, input]);
                assert_eq!(again.status, 0, "{file}: {}", again.stdout);
                assert!(again.stdout.starts_with("accepted: "), "{}", again.stdout);
            }
            checked += 1;
        }
        assert!(checked > 10, "{checked} proofs of {input}");
    }
}

#[test]
fn the_present_placement_is_told_beside_all_others() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("live.yaml"), LIVE).unwrap();
    let run = quorate(directory.path(), &["prove", "live.yaml", "-o", "json"]);
    let report = run.json("prove");
    assert_eq!(run.status, 1, "{}", run.stdout);
    let entries = report["guarantees"].as_array().unwrap();
    let verdicts: Vec<String> = entries
        .iter()
        .map(|entry| {
            let word = |key: &str| entry[key].as_str().unwrap().to_owned();
            format!("{} {} {}", word("placement"), word("phase"), word("verdict"))
        })
        .collect();
    insta::assert_snapshot!("live", verdicts.join("\n"));
    let now = &entries[0]["witness"];
    assert_eq!(now["failed"], serde_json::json!(["node/w1"]));
    assert_eq!(now["available"], 0);
    let file = entries[0]["proof"].as_str().unwrap();
    assert_eq!(quorate(directory.path(), &["verify-proof", file, "live.yaml"]).status, 0);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let one = prove(&[QAWAVE, "-o", "json"]).1.stdout;
    assert_eq!(one, prove(&[QAWAVE, "-o", "json"]).1.stdout);
}

#[test]
fn proof_files_of_another_cluster_and_changed_ones_are_rejected() {
    let (directory, _) = prove(&[QAWAVE, "--workload", "deployment/backend"]);
    let files = directory.path().join(".quorate/proofs");
    let paths = fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path());
    let file = paths.filter(|path| path.extension().is_some_and(|own| own == "json")).min().unwrap();
    let verify = |file: &Path, input: &str| quorate(directory.path(), &["verify-proof", file.to_str().unwrap(), input]);
    assert_eq!(verify(&file, QAWAVE).status, 0);
    let other = verify(&file, &QAWAVE.replace("qawave", "qawave-repaired"));
    assert_eq!(other.status, 1);
    assert!(other.stdout.contains("is about the cluster"), "{}", other.stdout);
    let text = fs::read_to_string(&file).unwrap();
    for (changed, said) in [
        (text.replace("\"remain\":2", "\"remain\":3"), "rejected"),
        (text.replace("\"atLeast\":2", "\"atLeast\":3"), "rejected"),
        (format!(" {text}"), "canonical"),
        ("{}".to_owned(), "rejected"),
    ] {
        assert_ne!(changed, text);
        let path = directory.path().join("changed.json");
        fs::write(&path, changed).unwrap();
        let run = verify(&path, QAWAVE);
        assert_eq!(run.status, 1, "{}", run.stdout);
        assert!(run.stdout.contains(said), "{}", run.stdout);
    }
    let missing = quorate(directory.path(), &["verify-proof", "nowhere.json", QAWAVE]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("nowhere.json"), "{}", missing.stderr);
}

/// Three pods apart and a budget of two, in a namespace with a quota.
fn with_quota(hard: &str) -> String {
    let apart = "{podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}";
    format!(
        r#"apiVersion: v1
kind: ResourceQuota
metadata: {{name: q, namespace: default}}
spec: {{hard: {hard}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec: {{replicas: 3, selector: {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{affinity: {apart}, containers: [{{name: a, image: "x:1", resources: {{requests: {{cpu: 500m}}}}}}]}}}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: 2, selector: {{matchLabels: {{app: web}}}}}}
"#
    )
}

/// A quota that refuses the third pod leaves one of two after a failure; one that is large enough does not matter.
#[test]
fn a_quota_that_may_refuse_pods_is_no_proof() {
    for (hard, word) in [
        ("{pods: \"2\"}", "undecided"),
        ("{requests.cpu: \"1\"}", "undecided"),
        ("{requests.memory: 8Gi}", "undecided"),
        ("{count/pods: \"6\"}", "undecided"),
        ("{pods: \"4\", requests.cpu: \"2\"}", "proved"),
        ("{count/pods: \"8\"}", "proved"),
    ] {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("web.yaml"), with_quota(hard)).unwrap();
        let run = quorate(directory.path(), &["prove", "web.yaml", "--nodes", "4x4cpu,8Gi", "-o", "json"]);
        let report = run.json("prove");
        let fresh = report["guarantees"].as_array().unwrap().iter().filter(|own| own["placement"] == "fresh");
        let words: Vec<&str> = fresh.map(|own| own["verdict"].as_str().unwrap()).collect();
        assert_eq!(words, [word; 3], "{hard}: {}", run.stdout);
    }
}

/// A webhook that pods of the cluster answer for may refuse what pods need, when a failure takes those pods first.
#[test]
fn a_webhook_that_may_not_answer_is_no_proof() {
    let hook = |resource: &str, operation: &str| {
        format!(
            r#"---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: gate}}
webhooks:
- name: gate.example.com
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {{service: {{namespace: default, name: gate}}}}
  rules: [{{apiGroups: [""], apiVersions: [v1], operations: [{operation}], resources: [{resource}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: gate}}
spec: {{selector: {{app: gate}}, ports: [{{port: 443}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: gate}}
spec: {{replicas: 1, selector: {{matchLabels: {{app: gate}}}}, template: {{metadata: {{labels: {{app: gate}}}}, spec: {{containers: [{{name: a, image: "x:1"}}]}}}}}}
"#
        )
    };
    for (resource, operation, word) in [
        ("pods", "CREATE", "undecided"),
        ("pods/binding", "CREATE", "undecided"),
        ("pods/eviction", "CREATE", "undecided"),
        ("services", "CREATE", "proved"),
    ] {
        let directory = TempDir::new().unwrap();
        let text = with_quota("{pods: \"40\"}") + &hook(resource, operation);
        fs::write(directory.path().join("web.yaml"), text).unwrap();
        let run = quorate(directory.path(), &["prove", "web.yaml", "--nodes", "4x4cpu,8Gi", "-o", "json"]);
        let report = run.json("prove");
        let fresh = report["guarantees"].as_array().unwrap().iter().filter(|own| own["placement"] == "fresh");
        let words: Vec<&str> = fresh.map(|own| own["verdict"].as_str().unwrap()).collect();
        assert_eq!(words, [word; 3], "{resource}: {}", run.stdout);
    }
}

/// The manifests of a directory, the last first.
fn backwards(directory: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut documents = Vec::new();
    for path in files.iter().rev() {
        if path.is_dir() {
            documents.push(backwards(path));
        } else if path.extension().is_some_and(|end| end == "yaml") && !path.ends_with("quorate.yaml") {
            let text = fs::read_to_string(path).unwrap();
            documents
                .push(text.split("\n---\n").collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n---\n"));
        }
    }
    documents.join("\n---\n")
}

#[test]
fn a_proof_stays_accepted_when_the_input_has_another_order() {
    let (directory, _) = prove(&[QAWAVE, "--repairs", "none"]);
    let other = directory.path().join("other.yaml");
    fs::write(&other, backwards(Path::new(QAWAVE))).unwrap();
    let files = fs::read_dir(directory.path().join(".quorate/proofs")).unwrap().map(|entry| entry.unwrap().path());
    let proofs: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert!(proofs.len() > 50, "{} proofs", proofs.len());
    for proof in proofs {
        let arguments = ["verify-proof", proof.to_str().unwrap(), other.to_str().unwrap()];
        let environment = format!("{QAWAVE}/quorate.yaml");
        let run = quorate(directory.path(), &[&arguments[..], &["--environment", &environment]].concat());
        assert_eq!(run.status, 0, "{}: {}{}", proof.display(), run.stdout, run.stderr);
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    let without_nodes = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/without-nodes");
    for (arguments, said) in [
        (vec![without_nodes], "a proof needs nodes"),
        (vec![QAWAVE, "--failures", "nodes"], "write nodes=1"),
        (vec![QAWAVE, "--failures", "nodes=99"], "up to 16"),
        (vec![QAWAVE, "--failures", "a label=1"], "is no label key"),
        (vec![QAWAVE, "--workload", "deployment/default/backed"], "it has deployment/default/backend"),
    ] {
        let (_directory, run) = prove(&arguments);
        assert_eq!(run.status, 2, "{arguments:?}: {}", run.stdout);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_label_that_no_node_has_says_nothing() {
    let (_directory, run) =
        prove(&[QAWAVE, "--failures", "zones=1", "--workload", "statefulset/data/kafka", "-o", "json"]);
    let report = run.json("prove");
    let entries = report["guarantees"].as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        assert_eq!(entry["verdict"], "undecided");
        assert!(entry["reason"].as_str().unwrap().contains("no node has the label"), "{entry}");
    }
}

#[test]
fn no_file_is_kept_where_none_is_wanted() {
    let (directory, run) = prove(&[QAWAVE, "--no-proofs", "--repairs", "none", "-o", "json"]);
    assert!(fs::read_dir(directory.path()).unwrap().next().is_none());
    let report = run.json("prove");
    assert!(report["guarantees"].as_array().unwrap().iter().all(|entry| entry["proof"].is_null()));
}

#[test]
fn a_rollout_that_cannot_end_breaks_progress() {
    let (_directory, run) = prove(&[QAWAVE, "--workload", "deployment/backend", "--no-proofs", "-o", "json"]);
    assert_eq!(run.status, 1);
    let report = run.json("prove");
    let entries = report["guarantees"].as_array().unwrap();
    let progress: Vec<&Value> = entries.iter().filter(|entry| entry["phase"] == "progress").collect();
    let [entry] = progress.as_slice() else { panic!("{entries:#?}") };
    assert_eq!((&entry["verdict"], &entry["method"]), (&Value::from("violated"), &Value::from("run")));
    assert_eq!(entry["witness"]["placement"].as_object().unwrap().len(), 3);
    // Every node is refuted, by the checker.
    assert_eq!(entry["evidence"]["checked"], true);
    // With a fourth worker it ends, which is no proof.
    let (_directory, run) = prove(&[LARGER, "--no-proofs", "-o", "json"]);
    let report = run.json("prove");
    assert!(report["guarantees"].as_array().unwrap().iter().all(|entry| entry["phase"] != "progress"));
}

/// That verdict of a recorded cluster that is about progress.
fn progress_of(recorded: &str) -> Value {
    let input = format!("{}/fixtures/recordings/1.36.3/{recorded}", env!("CARGO_MANIFEST_DIR"));
    let (_directory, run) = prove(&[&input, "--no-proofs", "--repairs", "none", "-o", "json"]);
    assert_eq!(run.status, 1);
    let report = run.json("prove");
    let mut entries = report["guarantees"].as_array().unwrap().iter();
    entries.find(|entry| entry["phase"] == "progress").unwrap().clone()
}

#[test]
fn a_drain_that_waits_for_ever_breaks_progress() {
    let entry = progress_of("witness-drain-waits");
    assert_eq!((&entry["verdict"], &entry["method"]), (&Value::from("violated"), &Value::from("run")));
    let reason = entry["reason"].as_str().unwrap();
    assert!(reason.starts_with("a drain of n-1 waits for a pod of deployment/default/web for ever: "), "{reason}");
    assert!(reason.ends_with("3 of 3 pods are healthy and 3 must stay so"), "{reason}");
}

#[test]
fn a_proof_by_scores_says_so_and_is_checked_with_them() {
    // Somebody may put both pods onto one node; kube-scheduler does not.
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("cluster.yaml"), LIVE).unwrap();
    let run = quorate(directory.path(), &["prove", ".", "--repairs", "none", "-v"]);
    assert!(run.stdout.contains("kube-scheduler scores nodes as computed here"), "{}", run.stdout);
    let proofs = directory.path().join(".quorate/proofs");
    let name = "deployment.default.web-at-least-1-nodes-1-scheduled-instant.json";
    let proof = fs::read_to_string(proofs.join(name)).unwrap();
    let verified = quorate(directory.path(), &["verify-proof", &format!(".quorate/proofs/{name}"), "."]);
    assert!(verified.stdout.ends_with("; kube-scheduler's scores were computed anew\n"), "{}", verified.stdout);
    assert_eq!(verified.status, 0);
    // Without the scores more can happen than the file says.
    let everywhere = proof.replace(r#""byScore":true,"#, "");
    assert_ne!(everywhere, proof);
    fs::write(proofs.join("everywhere.json"), everywhere).unwrap();
    let rejected = quorate(directory.path(), &["verify-proof", ".quorate/proofs/everywhere.json", "."]);
    assert!(rejected.stdout.contains("it leads to a state that is not in the set"), "{}", rejected.stdout);
    assert_eq!(rejected.status, 1);
}

#[test]
fn drains_are_played_one_after_the_other() {
    // Each node alone can be drained. What one drain moves takes the room that another needs.
    let entry = progress_of("witness-second-drain-waits");
    let steps: Vec<&str> = entry["witness"]["steps"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let [first, second] = steps.as_slice() else { panic!("{entry:#}") };
    assert_eq!(*first, "n-1 is drained and uncordoned");
    assert!(second.starts_with("the drain of n-3 never ends: "), "{second}");
    assert!(second.contains("the replacement fits none: n-3 (cordoned), n-2 (insufficient cpu)"), "{second}");
    assert!(second.ends_with("; drained in turn in the order n-1, n-2, n-3 all end"), "{second}");
    assert_eq!(entry["witness"]["available"], 3);
}

#[test]
fn drains_are_played_from_crowded_placements_too() {
    // As the scheduler places them both pods are apart, and drains end.
    let entry = progress_of("witness-crowded-drain-waits");
    let reason = entry["reason"].as_str().unwrap();
    let beginning =
        "where pods are placed so, as hard constraints allow, a drain of n-3 waits for a pod of deployment/default/web";
    assert!(reason.starts_with(beginning), "{reason}");
    let nodes: Vec<&Value> = entry["witness"]["placement"].as_object().unwrap().values().collect();
    assert_eq!(nodes, ["n-3", "n-3"]);
}

#[test]
fn progress_in_the_current_placement_is_played_from_there() {
    // Wherever the scheduler puts both pods anew, they are on two nodes, and drains end. Now both are on w1, and w2 is too small for one.
    let directory = TempDir::new().unwrap();
    let small = LIVE.replacen(
        r#"labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "4""#,
        r#"labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "300m""#,
        1,
    );
    assert_ne!(small, LIVE);
    let budget = "  - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: default}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}\n";
    fs::write(directory.path().join("cluster.yaml"), format!("{small}{budget}")).unwrap();
    let guarantee = "{workload: deployment/default/web, minAvailable: 0, failures: {nodes: 1}, placement: current, phase: [progress]}";
    let environment =
        format!("apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  guarantees:\n    - {guarantee}\n");
    fs::write(directory.path().join("quorate.yaml"), environment).unwrap();
    let run = quorate(directory.path(), &["prove", ".", "-o", "json"]);
    let report = run.json("prove");
    let entries = report["guarantees"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["phase"] == "progress").unwrap();
    assert_eq!(entry["verdict"], "violated", "{entry:#}");
    assert!(entry["reason"].as_str().unwrap().starts_with("a drain of w1 waits"), "{entry:#}");
    // It is played from there again.
    let scenario = entry["witness"]["scenario"].as_str().unwrap();
    let played = quorate(directory.path(), &["simulate", ".", "--scenario", scenario]);
    assert_eq!(played.status, 0, "{}", played.stdout);
    assert!(played.stdout.contains("blocked"), "{}", played.stdout);
}
