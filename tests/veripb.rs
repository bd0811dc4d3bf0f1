//! `quorate verify-proof --opb`: counting arguments of whole programs, as VeriPB reads them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod binary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use binary::{Run, finish};
use serde_json::Value;
use tempfile::TempDir;

fn quorate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::cargo_bin("quorate").unwrap();
    command.current_dir(directory).args(arguments).arg("--color").arg("never");
    finish(&mut command)
}

/// What VeriPB says.
fn veripb(formula: &Path, derivation: &Path) -> Result<(), String> {
    let arguments = veripb::args::Args {
        formula: formula.to_owned(),
        derivation: derivation.to_owned(),
        print_verification_result: false,
        ..veripb::args::Args::default()
    };
    veripb::run_checker(arguments).map_err(|error| format!("{error:#}"))
}

/// Proof files of an input, with the way in which each shows its claim.
fn proofs(directory: &Path, input: &str) -> Vec<(PathBuf, String)> {
    let failures = ["--failures", "nodes=1", "--failures", "nodes=2", "--failures", "zones=1"];
    quorate(directory, &[&["prove", input, "--repairs", "none", "-o", "json"], &failures[..]].concat());
    let files = fs::read_dir(directory.join(".quorate/proofs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    files.sort();
    let method = |path: &PathBuf| {
        let proof: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        proof["evidence"]["method"].as_str().unwrap().to_owned()
    };
    files.into_iter().map(|path| (path.clone(), method(&path))).collect()
}

/// Two pods on each of two nodes and one on a third.
fn live() -> String {
    let node = |name: &str| {
        format!(
            "  - {{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}}}}}, status: {{allocatable: {{cpu: \"4\", memory: 8Gi, pods: \"110\"}}, conditions: [{{type: Ready, status: \"True\"}}]}}}}\n"
        )
    };
    let template = r#"{metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m}}}]}}"#;
    let set = format!(
        "  - {{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: web, namespace: default, uid: r}}, spec: {{replicas: 5, selector: {{matchLabels: {{app: web}}}}, template: {template}}}}}\n"
    );
    let pod = |(number, node): (usize, &str)| {
        format!(
            "  - {{apiVersion: v1, kind: Pod, metadata: {{name: web-{number}, namespace: default, uid: p{number}, labels: {{app: web}}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}}]}}, spec: {{nodeName: {node}, containers: [{{name: a, image: \"x:1\", resources: {{requests: {{cpu: 500m}}}}}}]}}, status: {{phase: Running, conditions: [{{type: Ready, status: \"True\"}}]}}}}\n"
        )
    };
    let budget = "  - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: default}, spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}}\n";
    let nodes: String = ["w1", "w2", "w3"].into_iter().map(node).collect();
    let pods: String = ["w1", "w1", "w2", "w2", "w3"].into_iter().enumerate().map(pod).collect();
    format!("apiVersion: v1\nkind: List\nitems:\n{nodes}{set}{pods}{budget}")
}

#[test]
fn veripb_accepts_every_counting_argument_of_whole_programs() {
    let mut tally: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for name in ["qawave", "qawave-repaired", "live"] {
        let directory = TempDir::new().unwrap();
        let mut input = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        if name == "live" {
            input = directory.path().join("live.yaml").to_str().unwrap().to_owned();
            fs::write(&input, live()).unwrap();
        }
        for (file, method) in proofs(directory.path(), &input) {
            let run = quorate(directory.path(), &["verify-proof", file.to_str().unwrap(), &input, "--opb", "opb"]);
            assert!(run.stdout.starts_with("accepted: "), "{}", run.stdout);
            let stem = file.file_stem().unwrap().to_str().unwrap();
            let in_opb = |ending: &str| directory.path().join(format!("opb/{stem}.{ending}"));
            let (formula, derivation) = (in_opb("opb"), in_opb("pbp"));
            if method == "counting" || method == "bound" {
                assert_eq!(run.status, 0, "{stem}: {}{}", run.stdout, run.stderr);
                let command = format!("\n  veripb opb/{stem}.opb opb/{stem}.pbp\n");
                assert!(run.stdout.ends_with(&command), "{}", run.stdout);
                assert_eq!(veripb(&formula, &derivation), Ok(()), "{stem}");
            } else {
                assert_eq!(run.status, 2, "{stem}: {}", run.stdout);
                assert!(run.stdout.contains("not written for veripb: its evidence is "), "{}", run.stdout);
                assert!(!formula.exists(), "{stem}");
            }
            *tally.entry((method, name)).or_default() += 1;
        }
    }
    println!("proof files: {tally:#?}");
    for (method, name) in [("bound", "qawave"), ("bound", "qawave-repaired"), ("counting", "live")] {
        assert!(tally.get(&(method.to_owned(), name)).is_some_and(|count| *count > 0), "{method} of {name}: {tally:?}");
    }
}
