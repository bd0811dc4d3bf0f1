//! Data stores of quorate.yaml: whether they keep taking writes.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{quorate, without_time};

/// A StatefulSet of `data`, whose pods are kept `apart`.
fn set(name: &str, replicas: u32, apart: bool) -> String {
    let term = format!("{{topologyKey: kubernetes.io/hostname, labelSelector: {{matchLabels: {{app: {name}}}}}}}");
    let required = format!("{{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{term}]}}}}");
    let affinity = if apart { required } else { "{}".to_owned() };
    let pod = format!(
        "{{affinity: {affinity}, containers: [{{name: a, image: \"x:1\", resources: {{requests: {{cpu: 500m}}}}}}]}}"
    );
    format!(
        "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {name}, namespace: data}}\nspec: {{replicas: {replicas}, \
         serviceName: {name}, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, \
         spec: {pod}}}}}\n"
    )
}

/// Manifests and a quorate.yaml with data stores of the namespace `data`, as lines of a list.
fn with_stores(manifests: &str, stores: &[&str]) -> TempDir {
    let directory = TempDir::new().unwrap();
    let lines: String = stores.iter().map(|store| format!("    - {{namespace: data, {store}}}\n")).collect();
    let environment = format!("apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  dataStores:\n{lines}");
    fs::write(directory.path().join("quorate.yaml"), environment).unwrap();
    fs::write(directory.path().join("data.yaml"), manifests).unwrap();
    directory
}

const ETCD: &str = "name: etcd, engine: etcd, replication: raft, members: [statefulset/data/etcd]";
const KAFKA: &str = "name: kafka, engine: kafka, replication: kafkaInSyncReplicas, members: [statefulset/data/kafka], \
                     replicationFactor: 3, minInSyncReplicas: 2";

/// The entries of stores, as `store: m of n, placement phase verdict`.
fn of_stores(report: &Value) -> Vec<String> {
    let entries = report["guarantees"].as_array().unwrap().iter().filter(|entry| entry.get("dataStore").is_some());
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let line = |entry: &Value| {
        let (placement, phase, verdict) = (word(entry, "placement"), word(entry, "phase"), word(entry, "verdict"));
        let (at_least, pods) = (&entry["minAvailable"], &entry["pods"]);
        format!("{}: {at_least} of {pods}, {placement} {phase} {verdict}", word(entry, "dataStore"))
    };
    entries.map(line).collect()
}

#[test]
fn a_store_keeps_its_quorum_where_its_members_are_apart() {
    let directory = with_stores(&set("etcd", 3, true), &[ETCD]);
    let arguments = ["prove", "data.yaml", "--nodes", "3x4cpu,8Gi"];
    let run = quorate(directory.path(), &arguments);
    assert_eq!(run.status, 0, "{}", run.stdout);
    insta::assert_snapshot!("store_apart", without_time(&run.stdout));
    let report = quorate(directory.path(), &[&arguments[..], &["-o", "json"]].concat()).json("prove");
    let lines = of_stores(&report);
    assert_eq!(lines.len(), 9, "{lines:?}");
    for line in &lines {
        assert!(line.starts_with("store/data/etcd: 2 of 3, ") && line.ends_with(" proved"), "{line}");
    }
    // Nothing weaker is asked of the same pods.
    let guarantees = report["guarantees"].as_array().unwrap();
    assert_eq!(guarantees.len(), lines.len());
    assert_eq!(guarantees[0]["workloads"], serde_json::json!(["statefulset/data/etcd"]));
    assert!(guarantees[0].get("workload").is_none());
    assert!(guarantees[0]["assumptions"].to_string().contains("a data store"), "{}", guarantees[0]);
    for entry in guarantees {
        let file = entry["proof"].as_str().unwrap();
        let verify = ["verify-proof", file, "data.yaml", "--nodes", "3x4cpu,8Gi"];
        assert_eq!(quorate(directory.path(), &verify).status, 0, "{file}");
    }
}

#[test]
fn a_store_whose_members_share_a_node_loses_its_quorum() {
    let directory = with_stores(&set("etcd", 3, false), &[ETCD]);
    let run = quorate(directory.path(), &["prove", "data.yaml", "--nodes", "3x4cpu,8Gi"]);
    insta::assert_snapshot!("store_together", without_time(&run.stdout));
    // Two nodes for three members: one has two of them wherever the scheduler puts them.
    let run = quorate(directory.path(), &["prove", "data.yaml", "--nodes", "2x4cpu,8Gi", "-o", "json"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    let lines = of_stores(&run.json("prove"));
    assert!(lines.contains(&"store/data/etcd: 2 of 3, scheduled instant violated".to_owned()), "{lines:?}");
    let run = quorate(
        directory.path(),
        &["check", "data.yaml", "--nodes", "2x4cpu,8Gi", "--include", "guarantee-violated", "-o", "json"],
    );
    assert_eq!(run.status, 1, "{}", run.stdout);
    let report = run.json("check");
    let [finding] = &report["findings"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["path"], "spec.dataStores[0].replication");
    assert!(finding["location"]["file"].as_str().unwrap().ends_with("quorate.yaml"), "{finding:#}");
    assert_eq!((&finding["object"]["kind"], &finding["object"]["name"]), (&"Store".into(), &"etcd".into()));
    let message = finding["message"].as_str().unwrap();
    assert!(message.ends_with("fewer than data store data/etcd needs to take writes"), "{message}");
}

/// Partitions of three copies with two in sync: any one of five brokers may be lost, and no second one.
#[test]
fn every_partition_keeps_its_in_sync_replicas() {
    let directory = with_stores(&set("kafka", 5, true), &[KAFKA]);
    for (nodes, failures, word) in [
        ("5x4cpu,8Gi", "nodes=1", "proved"),
        ("5x4cpu,8Gi", "nodes=2", "violated"),
        ("4x4cpu,8Gi", "nodes=1", "violated"),
    ] {
        let arguments = ["prove", "data.yaml", "--nodes", nodes, "--failures", failures, "--repairs", "none"];
        let lines = of_stores(&quorate(directory.path(), &[&arguments[..], &["-o", "json"]].concat()).json("prove"));
        for at in ["fresh instant", "fresh recovered", "reachable recovered"] {
            let wanted = format!("store/data/kafka: 4 of 5, {at} {word}");
            assert!(lines.contains(&wanted), "{nodes}, {failures}: {wanted} is not in {lines:#?}");
        }
    }
}

/// Voters in two workloads are one claim about both.
#[test]
fn members_of_two_workloads_are_proved_together() {
    let mongodb = "name: db, engine: mongodb, replication: mongodbMajority, members: [statefulset/data/db], \
                   arbiters: [statefulset/data/arbiter]";
    let directory = with_stores(&(set("db", 2, true) + &set("arbiter", 1, true)), &[mongodb]);
    let nodes = ["--nodes", "2x4cpu,8Gi"];
    let arguments = ["prove", "data.yaml", "--repairs", "none", "-o", "json"];
    let prove = |nodes: &[&str]| quorate(directory.path(), &[&arguments[..], nodes].concat()).json("prove");
    // On two nodes the arbiter is beside a member, and their node takes two of three votes.
    let lines = of_stores(&prove(&nodes));
    assert!(lines.contains(&"store/data/db: 2 of 3, fresh instant violated".to_owned()), "{lines:?}");
    // Kept off the members' nodes it is not.
    let off = "{podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchExpressions: [{key: app, operator: In, values: [db, arbiter]}]}}]}}";
    let text = fs::read_to_string(directory.path().join("data.yaml")).unwrap();
    let own = "{podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}}";
    let other = own.replace("app: db", "app: arbiter");
    let text = text.replace(own, off).replace(&other, off);
    fs::write(directory.path().join("data.yaml"), text).unwrap();
    let nodes = ["--nodes", "3x4cpu,8Gi"];
    let report = prove(&nodes);
    let lines = of_stores(&report);
    assert!(lines.contains(&"store/data/db: 2 of 3, fresh instant proved".to_owned()), "{lines:?}");
    let entries = report["guarantees"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["verdict"] == "proved" && entry["dataStore"].is_string()).unwrap();
    assert_eq!(entry["workloads"], serde_json::json!(["statefulset/data/arbiter", "statefulset/data/db"]));
    let file = directory.path().join(entry["proof"].as_str().unwrap());
    let verify = |path: &Path| {
        let arguments = ["verify-proof", path.to_str().unwrap(), "data.yaml"];
        quorate(directory.path(), &[&arguments[..], &nodes].concat())
    };
    let accepted = verify(&file);
    assert_eq!(accepted.status, 0, "{}", accepted.stdout);
    assert!(accepted.stdout.contains("statefulset/data/arbiter and statefulset/data/db stay available"));
    let text = fs::read_to_string(&file).unwrap();
    let (arbiter, db) = ("\"statefulset/data/arbiter\"", "\"statefulset/data/db\"");
    for (from, to) in [
        (format!("[{arbiter},{db}]"), format!("[{db},{arbiter}]")),
        (format!("[{arbiter},{db}]"), format!("[{db},{db}]")),
        (format!("[{arbiter},{db}]"), format!("[{db}]")),
        ("\"atLeast\":2".to_owned(), "\"atLeast\":3".to_owned()),
    ] {
        let changed = text.replace(&from, &to);
        assert_ne!(changed, text, "{from}");
        let path = directory.path().join("changed.json");
        fs::write(&path, changed).unwrap();
        assert_eq!(verify(&path).status, 1, "{to}");
    }
}

#[test]
fn what_is_not_known_of_a_store_is_said() {
    let kafka = "name: kafka, engine: kafka, replication: kafkaInSyncReplicas, members: [statefulset/data/kafka]";
    let etcd = "name: etcd, engine: etcd, replication: raft, members: [node/control-plane-1]";
    let directory = with_stores(&set("kafka", 3, true), &[kafka, etcd]);
    let arguments = ["data.yaml", "--nodes", "3x4cpu,8Gi"];
    let run = quorate(directory.path(), &[&["prove", "-o", "json"][..], &arguments].concat());
    let report = run.json("prove");
    assert_eq!(of_stores(&report), Vec::<String>::new());
    let reasons = serde_json::json!([
        {"dataStore": "store/data/kafka", "reason": "quorate.yaml does not say how many copies there are (replicationFactor)"},
        {"dataStore": "store/data/etcd", "reason": "its member node/control-plane-1 is no workload: only pods are counted"},
    ]);
    assert_eq!(report["noPromises"], reasons);
    // One of its replicas is asked for like of any other workload.
    assert_eq!(report["guarantees"][0]["workload"], "statefulset/data/kafka");
    let run = quorate(directory.path(), &[&["prove"][..], &arguments].concat());
    assert!(
        run.stdout.contains("nobody knows all that data store data/kafka needs to take writes: "),
        "{}",
        run.stdout
    );
    let run = quorate(directory.path(), &[&["check", "-o", "json"][..], &arguments].concat());
    let needs = "of store/data/kafka in quorate.yaml how many copies there are (replicationFactor)";
    let not_evaluated = &run.json("check")["notEvaluated"];
    let is_it = |own: &Value| own["rule"] == "guarantee-violated" && own["needs"] == needs;
    assert!(not_evaluated.as_array().unwrap().iter().any(is_it), "{not_evaluated:#}");
}
