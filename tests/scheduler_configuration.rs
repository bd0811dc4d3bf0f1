//! KubeSchedulerConfiguration: what kube-scheduler 1.36.3 itself makes of a file (`fixtures/oracle/1.36.3/configurations.jsonl.gz`),
//! against what is read here: whether it is accepted, and the profiles with everything filled in.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use quorate::finding::Severity;
use quorate::manifest::decode::decode_kubernetes;
use quorate::manifest::scheduler_configuration::{ExtensionPoint, Reading, SchedulerProfile, read};
use quorate::manifest::yaml::{self, Limits, parse_decoded};
use quorate::manifest::{Node, Origin, SourceMap};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/1.36.3/configurations.jsonl.gz");
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reading(text: &str) -> Reading {
    let mut sources = SourceMap::default();
    let decoded = yaml::decode(text.as_bytes());
    let source = sources.add("scheduler.yaml".to_owned(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    let mut findings = parsed.problems.iter().map(yaml::Problem::finding).collect::<Vec<_>>();
    let Some(document) = parsed.documents.first() else { return Reading { file: None, findings } };
    let mut reading = read(source, &document.root);
    if !findings.is_empty() {
        reading.file = None;
    }
    findings.append(&mut reading.findings);
    Reading { file: reading.file, findings }
}

fn node(value: &Value) -> Node {
    let text = value.to_string();
    let mut sources = SourceMap::default();
    let source = sources.add("arguments.json".to_owned(), text.as_str(), Origin::Written);
    parse_decoded(source, &yaml::decode(text.as_bytes()), &Limits::default()).documents.remove(0).root
}

fn same<T: DeserializeOwned + PartialEq + 'static>(recorded: &Value, own: &T) -> bool {
    recorded.is_null() || decode_kubernetes::<T>(&node(recorded)).0.unwrap() == *own
}

/// What differs in one profile.
fn profile_differences(recorded: &Value, own: &SchedulerProfile) -> Vec<String> {
    let mut differing = Vec::new();
    let mut compare = |what: &str, recorded: &Value, own: Value| {
        if *recorded != own {
            differing.push(format!("{what}: recorded {recorded}, read {own}"));
        }
    };
    compare("schedulerName", &recorded["schedulerName"], json!(own.scheduler_name));
    compare("percentage", &recorded["percentageOfNodesToScore"], json!(own.percentage_of_nodes_to_score));
    compare("weights", &recorded["weights"], json!(own.weights));
    let of_groups = [ExtensionPoint::PlacementGenerate, ExtensionPoint::PlacementScore];
    let points = own.plugins.iter().filter(|(point, _)| !of_groups.contains(point));
    let plugins: BTreeMap<&str, &Vec<String>> = points.map(|(point, names)| (point.as_str(), names)).collect();
    compare("plugins", &recorded["plugins"], json!(plugins));
    let (arguments, of) = (&own.arguments, |name: &str| &recorded["arguments"][name]);
    for (name, same) in [
        ("DefaultPreemption", same(of("DefaultPreemption"), &arguments.preemption)),
        ("InterPodAffinity", same(of("InterPodAffinity"), &arguments.inter_pod_affinity)),
        ("NodeResourcesFit", same(of("NodeResourcesFit"), &arguments.fit)),
        ("PodTopologySpread", same(of("PodTopologySpread"), &arguments.spread)),
        ("NodeResourcesBalancedAllocation", same(of("NodeResourcesBalancedAllocation"), &arguments.balanced)),
        ("VolumeBinding", same(of("VolumeBinding"), &arguments.volume_binding)),
        ("NodeAffinity", same(of("NodeAffinity"), &arguments.node_affinity)),
        ("DynamicResources", same(of("DynamicResources"), &arguments.dynamic_resources)),
    ] {
        if !same {
            differing.push(format!("{name}: recorded {}, read {arguments:?}", of(name)));
        }
    }
    differing
}

/// What differs in a case.
fn differences(case: &Value) -> Vec<String> {
    let reading = reading(case["text"].as_str().unwrap());
    let errors = || -> Vec<&str> {
        let errors = reading.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.message.as_str()).collect()
    };
    let refusal = case["errors"][0].as_str();
    let profiles = case["profiles"].as_array().cloned().unwrap_or_default();
    let unusable = profiles.iter().find_map(|profile| profile["unusable"].as_str());
    match (&reading.file, refusal, unusable) {
        // A scheduler that somebody has built may have this plugin: it is accepted, and named.
        (Some(file), Some(refusal), _) if refusal.ends_with("does not exist") => {
            let name = refusal.split('"').nth(1).unwrap();
            let named = file.notes.iter().any(|note| note.text.contains(&format!("plugin {name} is not one of")));
            if named { Vec::new() } else { vec![format!("{name} is not named: {:?}", file.notes)] }
        }
        (None, Some(_), _) => Vec::new(),
        (None, None, Some(_)) if errors().iter().any(|text| text.contains("fails every pod")) => Vec::new(),
        (None, None, _) => vec![format!("refused: {:?}", errors())],
        (Some(_), Some(refusal), _) => vec![format!("accepted, and kube-scheduler says {refusal}")],
        (Some(_), None, Some(unusable)) => vec![format!("accepted, and every pod fails: {unusable}")],
        (Some(file), None, None) => {
            let mut differing = Vec::new();
            if profiles.len() != file.profiles.len() {
                differing.push(format!("{} profiles, and {} are read", profiles.len(), file.profiles.len()));
            }
            if case["podInitialBackoffSeconds"] != file.pod_initial_backoff_seconds
                || case["podMaxBackoffSeconds"] != file.pod_max_backoff_seconds
            {
                differing.push("other times".to_owned());
            }
            let pairs = profiles.iter().zip(&file.profiles);
            differing.extend(pairs.flat_map(|(recorded, own)| profile_differences(recorded, own)));
            differing
        }
    }
}

#[test]
fn configurations_are_read_as_kube_scheduler_reads_them() {
    let cases = cases();
    let failures: Vec<String> = cases
        .iter()
        .flat_map(|case| {
            differences(case).into_iter().map(|text| format!("{}\n{}\n  {text}", case["id"], case["text"]))
        })
        .collect();
    let accepted = cases.iter().filter(|case| case["stage"].is_null()).count();
    assert!(cases.len() >= 2000 && accepted >= 800, "{} cases, {accepted} accepted", cases.len());
    let shown = failures.iter().take(8).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {} cases differ\n{shown}", failures.len(), cases.len());
}
