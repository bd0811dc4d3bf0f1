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

mod binary;

/// Two nodes, one of them half full; a pod for the scheduler `packer`.
const NODES: &str = r#"apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: w1, labels: {kubernetes.io/hostname: w1}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: w2, labels: {kubernetes.io/hostname: w2}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: old, namespace: default, uid: a}
    spec: {nodeName: w1, containers: [{name: a, image: "x:1", resources: {requests: {cpu: "2", memory: 2Gi}}}]}
    status: {phase: Running}
"#;

const POD: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: new}
spec: {schedulerName: packer, containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]}
"#;

/// It fills nodes up.
const PACKER: &str = r"apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
  - schedulerName: packer
    pluginConfig:
      - name: NodeResourcesFit
        args: {scoringStrategy: {type: MostAllocated}}
";

/// Runs the binary in a directory that holds `files`.
fn run(files: &[(&str, &str)], arguments: &[&str]) -> binary::Run {
    let directory = binary::directory(files);
    let mut command = binary::binary();
    binary::finish(command.current_dir(directory.path()).args(arguments).args(["--color", "never"]))
}

const FILES: [(&str, &str); 3] = [("cluster/nodes.yaml", NODES), ("pod.yaml", POD), ("scheduler.yaml", PACKER)];
const ASK: [&str; 4] = ["schedule", "cluster", "--pod", "pod.yaml"];

#[test]
fn a_pod_is_placed_as_its_schedulers_configuration_says() {
    let json =
        |arguments: &[&str]| run(&FILES, &[&ASK, arguments, &["-o", "json"]].concat()).with_status(0).json("schedule");
    let packed = json(&["--scheduler-config", "scheduler.yaml"]);
    assert_eq!((&packed["best"], &packed["profile"]), (&json!(["w1"]), &json!("packer")));
    assert_eq!(packed["assumptions"], json!([]));
    // (2000 + 500) / 4000 and (2 GiB + 512 MiB) / 8 GiB are 62 and 31: 46.
    assert_eq!(packed["scores"]["w1"]["NodeResourcesFit"], 46);
    let spread = json(&[]);
    assert_eq!((&spread["best"], &spread["profile"]), (&json!(["w2"]), &Value::Null));
    assert_eq!(spread["assumptions"], json!(["scheduler packer is taken to decide as the default scheduler does"]));
    let human = run(&FILES, &[&ASK[..], &["--scheduler-config", "scheduler.yaml"]].concat()).with_status(0).stdout;
    assert!(human.starts_with("pod/default/new (profile packer) goes to w1"), "{human}");
}

#[test]
fn quorate_yaml_names_the_file_relative_to_itself() {
    let environment =
        "apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  scheduler: {configuration: conf/packer.yaml}\n";
    let files = [
        ("quorate.yaml", environment),
        ("conf/packer.yaml", PACKER),
        ("cluster/nodes.yaml", NODES),
        ("pod.yaml", POD),
        ("default.yaml", "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"),
    ];
    let answer = run(&files, &[&ASK[..], &["-o", "json"]].concat()).with_status(0).json("schedule");
    assert_eq!((&answer["best"], &answer["profile"]), (&json!(["w1"]), &json!("packer")));
    // The command line is nearer.
    let nearer = [&ASK[..], &["-o", "json", "--scheduler-config", "default.yaml"]].concat();
    let answer = run(&files, &nearer).with_status(0).json("schedule");
    assert_eq!((&answer["best"], &answer["profile"]), (&json!(["w2"]), &Value::Null));
    let nobody = "no profile of the scheduler's configuration is named packer: its pods stay pending, unless another scheduler places them";
    assert_eq!(answer["assumptions"], json!([nobody]));
    let absent = [files[0], files[2], files[3]];
    let run = run(&absent, &ASK).with_status(2);
    assert!(run.stdout.contains("quorate.yaml:4:30") && run.stdout.contains("packer.yaml"), "{}", run.stdout);
}

#[test]
fn a_configuration_that_kube_scheduler_refuses_is_refused_with_its_place() {
    let broken = PACKER.replace("MostAllocated", "MostAllocate").replace("pluginConfig", "pluginConfg");
    let files = [FILES[0], FILES[1], ("scheduler.yaml", broken.as_str())];
    let asked = [&ASK[..], &["--scheduler-config", "scheduler.yaml"]].concat();
    let shown = run(&files, &asked).with_status(2).stdout;
    assert!(
        shown.contains("did you mean `profiles[0].pluginConfig`?") && shown.contains("scheduler.yaml:5:5"),
        "{shown}"
    );
    let broken = PACKER.replace("MostAllocated", "MostAllocate");
    let files = [FILES[0], FILES[1], ("scheduler.yaml", broken.as_str())];
    let shown = run(&files, &asked).with_status(2).stdout;
    assert!(shown.contains("scheduler.yaml:7:40") && shown.contains("MostAllocated"), "{shown}");
    run(&files, &["check", "cluster", "--scheduler-config", "scheduler.yaml", "--fail-on", "never"]).with_status(2);
    run(&FILES, &[&ASK[..], &["--scheduler-config", "absent.yaml"]].concat()).with_status(2);
}

#[test]
fn what_is_not_modelled_is_named() {
    let foreign = format!(
        "{PACKER}    plugins: {{multiPoint: {{enabled: [{{name: Coscheduling}}]}}}}\nextenders: [{{urlPrefix: \"http://u:secret@e\", filterVerb: f}}]\n"
    );
    let files = [FILES[0], FILES[1], ("scheduler.yaml", foreign.as_str())];
    let asked = [&ASK[..], &["--scheduler-config", "scheduler.yaml", "-o", "json"]].concat();
    let answer = run(&files, &asked).with_status(0);
    assert!(!answer.stdout.contains("secret"));
    let assumptions = answer.json("schedule")["assumptions"].to_string();
    assert!(assumptions.contains("plugin Coscheduling is not one of kube-scheduler's own"), "{assumptions}");
    assert!(assumptions.contains(r#"the extender at \"e\" is not asked"#), "{assumptions}");
    let checked =
        run(&files, &["check", "cluster", "--scheduler-config", "scheduler.yaml", "-o", "json"]).json("check");
    let findings = checked["findings"].as_array().unwrap();
    let named = findings.iter().filter(|finding| finding["rule"] == "scheduler-plugin-not-modelled");
    assert_eq!(named.map(|finding| finding["location"]["startLine"].clone()).collect::<Vec<_>>(), [8, 9]);
}

#[test]
fn a_configuration_among_the_manifests_is_not_obeyed_unasked() {
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: s}}\ndata:\n  scheduler.yaml: |\n    {}\n",
        PACKER.trim_end().replace('\n', "\n    ")
    );
    for (file, text, line) in [("cluster/s.yaml", PACKER, 2), ("cluster/map.yaml", map.as_str(), 6)] {
        let files = [FILES[0], FILES[1], (file, text), FILES[2]];
        let answer = run(&files, &[&ASK[..], &["-o", "json"]].concat()).with_status(0).json("schedule");
        assert_eq!(answer["best"], json!(["w2"]));
        let note = format!(
            "{file}:{line} configures a scheduler, and is not obeyed unasked: --scheduler-config FILE does that"
        );
        assert!(answer["assumptions"].as_array().unwrap().contains(&json!(note)), "{}", answer["assumptions"]);
        let simulated = run(&files, &["simulate", "cluster", "--drain", "w2", "-o", "json"]).json("simulate");
        assert!(simulated["assumptions"].as_array().unwrap().contains(&json!(note)), "{}", simulated["assumptions"]);
        let stray = |arguments: &[&str]| {
            let checked = run(&files, &[&["check", "cluster", "-o", "json"], arguments].concat()).json("check");
            let findings = checked["findings"].as_array().unwrap();
            findings.iter().filter(|finding| finding["rule"] == "scheduler-configuration-not-used").count()
        };
        assert_eq!((stray(&[]), stray(&["--scheduler-config", "scheduler.yaml"])), (1, 0));
    }
}

#[test]
fn a_simulation_obeys_it_and_leaves_alone_whom_no_profile_is_for() {
    let workload = |name: &str, scheduler: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{schedulerName: {scheduler}, schedulingGates: [{{name: wait}}], containers: [{{name: a, image: \"x:1\", resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}]}}\n"
        )
    };
    let (packed, other) = (workload("packed", "packer"), workload("other", "default-scheduler"));
    let ungated = format!(
        "{PACKER}    plugins: {{preEnqueue: {{disabled: [{{name: SchedulingGates}}]}}, score: {{enabled: [{{name: NodeResourcesFit, weight: 50}}]}}}}\n"
    );
    let files = [
        FILES[0],
        ("cluster/packed.yaml", packed.as_str()),
        ("cluster/other.yaml", other.as_str()),
        ("scheduler.yaml", ungated.as_str()),
    ];
    let simulated =
        run(&files, &["simulate", "cluster", "--drain", "w2", "--scheduler-config", "scheduler.yaml", "-o", "json"]);
    let report = simulated.json("simulate");
    let nodes = |owner: &str| -> Vec<Value> {
        let pods = report["initial"]["pods"].as_array().unwrap().iter();
        pods.filter(|pod| pod["owner"] == owner).map(|pod| pod["node"].clone()).collect()
    };
    assert_eq!(nodes("deployment/default/packed"), ["w1", "w1"]);
    assert_eq!(nodes("deployment/default/other"), [Value::Null, Value::Null]);
    assert!(report["assumptions"].to_string().contains("is named default-scheduler: its pods stay pending"));
}
