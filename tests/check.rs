//! `quorate check` as a whole: its output in every format, its exit statuses, and what it must find.
#![allow(clippy::unwrap_used)]

mod binary;

use std::fs;
use std::sync::LazyLock;

use binary::{TODAY, assert_valid, binary, directory, finish, quorate, read, text, validator, without_times};
use serde_json::{Value, json};

const QAWAVE: &str = "fixtures/qawave";
const REPAIRED: &str = "fixtures/qawave-repaired";

/// One run's report in every format.
#[derive(Clone, Debug, PartialEq)]
struct Reports {
    status: i32,
    human: String,
    json: String,
    sarif: String,
    github: String,
}

/// All formats of one run: one goes to standard output, the others to files.
fn reports(folder: &str, threads: &str) -> Reports {
    let directory = directory(&[]);
    let file = |format: &str| directory.path().join(format);
    let output = |format: &str| format!("--output={format}={}", text(&file(format)));
    let mut command = binary();
    command.args(["check", folder, "--now", TODAY, "--color", "never", "-o", "human"]);
    command.args(["json", "sarif", "github"].map(output)).env("RAYON_NUM_THREADS", threads);
    let run = finish(&mut command);
    assert_eq!(run.stderr, "");
    let read = |format: &str| fs::read_to_string(file(format)).unwrap();
    Reports {
        status: run.status,
        human: without_times(&run.stdout),
        json: read("json"),
        sarif: read("sarif"),
        github: read("github"),
    }
}

static OF_QAWAVE: LazyLock<Reports> = LazyLock::new(|| reports(QAWAVE, "2"));
static OF_REPAIRED: LazyLock<Reports> = LazyLock::new(|| reports(REPAIRED, "2"));

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A machine's report for a snapshot: without the version, with a word in place of traces and states, and of the rules
/// (whose texts are documentation) only their names.
fn abridged(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| match (key.as_str(), value) {
                ("trace", Value::Array(events)) => (key.clone(), json!(format!("{} events", events.len()))),
                ("after", Value::Object(_)) => (key.clone(), json!("a state")),
                ("rules", Value::Array(rules)) => (key.clone(), rules.iter().map(|rule| rule["id"].clone()).collect()),
                ("quorate" | "version" | "semanticVersion", Value::String(text))
                    if text == env!("CARGO_PKG_VERSION") =>
                {
                    (key.clone(), json!("VERSION"))
                }
                (_, value) => (key.clone(), abridged(value)),
            };
            Value::Object(entries.iter().map(entry).collect())
        }
        Value::Array(items) => items.iter().map(abridged).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn pretty(text: &str) -> String {
    serde_json::to_string_pretty(&abridged(&parsed(text))).unwrap()
}

#[test]
fn the_environment_as_documented_is_violated() {
    assert_eq!(OF_QAWAVE.status, 1);
    insta::assert_snapshot!("qawave_human", OF_QAWAVE.human);
    insta::assert_snapshot!("qawave_github", OF_QAWAVE.github);
    insta::assert_snapshot!("qawave_json", pretty(&OF_QAWAVE.json));
    insta::assert_snapshot!("qawave_sarif", pretty(&OF_QAWAVE.sarif));
}

#[test]
fn the_mended_environment_holds() {
    assert_eq!(OF_REPAIRED.status, 0);
    insta::assert_snapshot!("qawave_repaired_human", OF_REPAIRED.human);
    insta::assert_snapshot!("qawave_repaired_github", OF_REPAIRED.github);
    insta::assert_snapshot!("qawave_repaired_json", pretty(&OF_REPAIRED.json));
    insta::assert_snapshot!("qawave_repaired_sarif", pretty(&OF_REPAIRED.sarif));
    assert_eq!(parsed(&OF_REPAIRED.json)["summary"]["errors"], 0);
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    assert_eq!(reports(QAWAVE, "1"), *OF_QAWAVE);
    assert_eq!(reports(REPAIRED, "3"), *OF_REPAIRED);
}

/// The finding of `rule` about the object of this name.
#[track_caller]
fn finding<'a>(report: &'a Value, rule: &str, object: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|own| own["rule"] == rule && own["object"]["name"] == object);
    found.unwrap_or_else(|| panic!("{rule} of {object} is not among {:#?}", rules(report)))
}

fn rules(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|own| format!("{} {}", own["rule"], own["object"]["name"])).collect()
}

/// The text that a finding marks, and its file.
fn marked(finding: &Value) -> (String, String) {
    let location = &finding["location"];
    let number = |key: &str| usize::try_from(location[key].as_u64().unwrap()).unwrap();
    let file = location["file"].as_str().unwrap().to_owned();
    let source = read(&file);
    assert_eq!(number("startLine"), number("endLine"), "{location}");
    let line: Vec<char> = source.lines().nth(number("startLine") - 1).unwrap().chars().collect();
    (file, line[number("startColumn") - 1..number("endColumn") - 1].iter().collect())
}

#[test]
fn what_the_environment_must_be_told_is_found_where_it_stands() {
    let report = parsed(&OF_QAWAVE.json);
    let at = |rule: &str, object: &str| marked(finding(&report, rule, object));
    let text = |file: &str, text: &str| (format!("{QAWAVE}/{file}"), text.to_owned());

    let deadlock = finding(&report, "rollout-deadlock", "backend");
    assert_eq!(deadlock["severity"], "error");
    assert_eq!(deadlock["path"], "spec.strategy.rollingUpdate.maxUnavailable");
    assert_eq!(marked(deadlock), text("backend/deployment.yaml", "0"));
    let source = read(&format!("{QAWAVE}/backend/deployment.yaml"));
    let line = deadlock["location"]["startLine"].as_u64().unwrap();
    assert_eq!(source.lines().nth(usize::try_from(line).unwrap() - 1).unwrap().trim(), "maxUnavailable: 0");

    assert_eq!(at("drains-exhaust-pdb", "backend"), text("backend/pod-disruption-budget.yaml", "2"));
    assert_eq!(at("node-loss-leaves-pods-pending", "backend"), text("backend/deployment.yaml", "3"));
    assert_eq!(at("single-point-of-failure", "control-plane-1"), text("nodes.yaml", "\"\""));
    let backup = finding(&report, "data-store-without-backup", "kafka");
    assert_eq!(backup["severity"], "error");
    assert_eq!(marked(backup), text("data/kafka.yaml", "volumeClaimTemplates"));
    let placeless = report["findings"].as_array().unwrap().iter().filter(|own| own["location"].is_null()).count();
    assert_eq!(placeless, 0);
}

#[test]
fn reports_follow_their_schemas() {
    let check = validator("check");
    for report in [&OF_QAWAVE.json, &OF_REPAIRED.json] {
        let mut report = parsed(report);
        assert_valid(&check, &report);
        // The schema is no mere formality.
        report["findings"][0]["severity"] = json!("fatal");
        assert!(!check.is_valid(&report));
    }
    match std::env::var_os("QUORATE_SARIF_SCHEMA") {
        Some(path) => {
            let schema = parsed(&fs::read_to_string(path).unwrap());
            let sarif = jsonschema::validator_for(&schema).unwrap();
            for report in [&OF_QAWAVE.sarif, &OF_REPAIRED.sarif] {
                let mut report = parsed(report);
                assert_valid(&sarif, &report);
                report["runs"] = json!("none");
                assert!(!sarif.is_valid(&report));
            }
        }
        None => {
            let told = "NOT RUN: SARIF against its official schema; QUORATE_SARIF_SCHEMA names no file\n";
            // The harness keeps what is printed by macros to itself when a test passes.
            std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
        }
    }
}

#[test]
fn every_rule_that_speaks_is_listed_and_counted() {
    let list = quorate(&["policy", "list"]).with_status(0).stdout;
    let listed: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let without_nodes = quorate(&["check", &format!("{QAWAVE}/backend"), "--environment", "/dev/null", "-o", "json"]);
    for report in [parsed(&OF_QAWAVE.json), parsed(&OF_REPAIRED.json), without_nodes.json("check")] {
        let spoken = report["findings"].as_array().unwrap().iter().chain(report["notEvaluated"].as_array().unwrap());
        for rule in spoken.map(|own| own["rule"].as_str().unwrap()) {
            assert!(listed.contains(&rule), "{rule} is not in quorate policy list");
        }
        let counted = |severity: &str| {
            let counts = |own: &&Value| own["severity"] == severity && own["waived"].is_null();
            report["findings"].as_array().unwrap().iter().filter(counts).count()
        };
        let summary = &report["summary"];
        assert_eq!(summary["errors"], counted("error"));
        assert_eq!(summary["warnings"], counted("warning"));
        assert_eq!(summary["infos"], counted("info"));
    }
}

/// Without nodes: what the backend needs of them, computed.
#[test]
fn without_nodes_rules_become_requirements() {
    let backend = format!("{QAWAVE}/backend");
    let arguments = ["check", &backend, "--environment", "/dev/null", "--now", TODAY, "--color", "never"];
    let human = quorate(&arguments).with_status(0).stdout;
    insta::assert_snapshot!("backend_without_nodes", without_times(&human));
    let report = quorate(&[&arguments[..], &["-o", "json"]].concat()).json("check");
    assert_eq!(report["summary"]["nodes"], Value::Null);
    let rollout = finding(&report, "rollout-deadlock", "backend");
    assert_eq!(rollout["severity"], "info");
    let message = rollout["message"].as_str().unwrap();
    assert!(message.contains("needs at least 4 eligible nodes with 500m CPU and 512Mi free"), "{message}");
    assert!(message.contains("(3 replicas + maxSurge 1, required anti-affinity"), "{message}");
    assert!(message.ends_with("on 3 it hangs"), "{message}");
    let not_evaluated = report["notEvaluated"].as_array().unwrap();
    for rule in ["rollout-deadlock", "drains-exhaust-pdb", "single-point-of-failure", "pdb-blocks-drain"] {
        let needs = not_evaluated.iter().find(|own| own["rule"] == rule).unwrap()["needs"].as_str().unwrap();
        for way in ["Node manifests", "quorate.yaml", "--nodes"] {
            assert!(needs.contains(way), "{rule}: {needs}");
        }
    }
    // Rules that need a declared fact name it.
    let monthly = not_evaluated.iter().find(|own| own["rule"] == "monthly-cost-over-limit").unwrap();
    assert_eq!(monthly["needs"], "spec.prices.monthlyLimit in quorate.yaml");
}

/// What was computed is what happens: on three nodes the rollout hangs, on four it does not.
#[test]
fn nodes_from_the_command_line_are_simulated() {
    let backend = format!("{QAWAVE}/backend");
    let with = |nodes: &str, status: i32| {
        let arguments = ["check", &backend, "--environment", "/dev/null", "--nodes", nodes, "-o", "json"];
        quorate(&arguments).with_status(status).json("check")
    };
    let three = with("3x4cpu,8Gi", 1);
    assert_eq!(three["summary"]["nodes"], 3);
    assert_eq!(finding(&three, "rollout-deadlock", "backend")["severity"], "error");
    let four = with("4x4cpu,8Gi", 0);
    assert!(!rules(&four).iter().any(|own| own.contains("rollout-deadlock")), "{:#?}", rules(&four));
    let two = with("2x4cpu,8Gi", 1);
    assert!(rules(&two).iter().any(|own| own.contains("pods-stay-pending")), "{:#?}", rules(&two));
    let wrong = quorate(&["check", &backend, "--nodes", "3x8Gi"]).with_status(2).stderr;
    assert!(wrong.contains("say how many CPUs a node has, for example 3x4cpu,8Gi"), "{wrong}");
}

const NODE: &str =
    "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nstatus: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}\n";
/// It says that it is a manifest, and ends too early.
const BROKEN: &str = "apiVersion: v1\nkind: [\n";
/// One warning (it may run as root, among others) and no error.
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'x:1.0.0'}]}\n";

#[test]
fn exit_statuses_are_as_documented() {
    let good = directory(&[("node.yaml", NODE)]);
    let warned = directory(&[("pod.yaml", POD)]);
    let broken = directory(&[("node.yaml", NODE), ("broken.yaml", BROKEN)]);
    let empty = directory(&[]);
    let other = directory(&[("values.yaml", "a: 1\n"), ("notes.txt", "no manifest")]);
    let status = |directory: &tempfile::TempDir, arguments: &[&str]| {
        quorate(&[&["check", text(directory.path()), "-q"], arguments].concat()).status
    };
    assert_eq!(status(&good, &[]), 0);
    assert_eq!(status(&good, &["--fail-on", "warning"]), 0);
    assert_eq!(status(&warned, &[]), 0);
    assert_eq!(status(&warned, &["--fail-on", "warning"]), 1);
    assert_eq!(status(&broken, &[]), 1);
    assert_eq!(status(&broken, &["--fail-on", "never"]), 1, "what cannot be read is never hidden");
    let foreign = directory(&[("node.yaml", NODE), ("notes.yaml", "a: [\n")]);
    assert_eq!(status(&foreign, &[]), 0, "nothing says that it is a manifest");
    let named = foreign.path().join("notes.yaml");
    assert_eq!(quorate(&["check", text(&named), "-q"]).status, 1, "unless it is named");
    assert_eq!(status(&empty, &[]), 2);
    assert_eq!(status(&empty, &["--allow-empty"]), 0);
    assert_eq!(status(&other, &[]), 2, "no Kubernetes object");
    assert_eq!(status(&other, &["--allow-empty"]), 0);
    assert_eq!(quorate(&["check", QAWAVE, "--fail-on", "never", "-q"]).status, 0, "errors, none of them unreadable");
    for usage in [&["check"][..], &["check", "does/not/exist"], &["check", QAWAVE, "--no-such-flag"], &[]] {
        let run = quorate(usage).with_status(2);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{run:#?}");
    }
    let missing = quorate(&["check", "does/not/exist"]).stderr;
    assert!(missing.starts_with("error: cannot read does/not/exist: "), "{missing}");
    let nothing = quorate(&["check", text(empty.path())]).stderr;
    assert!(nothing.contains("there is no Kubernetes object") && nothing.contains("--allow-empty"), "{nothing}");
}

/// One bad document does not hide the others.
#[test]
fn the_rest_of_a_broken_input_is_checked() {
    let broken = directory(&[("a.yaml", BROKEN), ("b.yaml", &format!("{POD}---\n{BROKEN}---\n{NODE}"))]);
    let report = quorate(&["check", text(broken.path()), "-o", "json"]).with_status(1).json("check");
    let unreadable = report["findings"].as_array().unwrap().iter().filter(|own| own["rule"] == "unreadable-document");
    let places: Vec<String> = unreadable
        .map(|own| {
            let file = own["location"]["file"].as_str().unwrap();
            format!("{}:{}", file.rsplit('/').next().unwrap(), own["location"]["startLine"])
        })
        .collect();
    assert_eq!(places, ["a.yaml:2", "b.yaml:7"]);
    assert!(rules(&report).iter().any(|own| own.contains("runs-as-root")), "{:#?}", rules(&report));
    assert_eq!(report["summary"]["nodes"], 1);
}

#[test]
fn waivers_hold_until_their_day() {
    let at = |now: &str| {
        let arguments = ["check", REPAIRED, "--now", now, "-o", "json"];
        quorate(&arguments).with_status(0).json("check")
    };
    let before = parsed(&OF_REPAIRED.json);
    let after = at("2030-01-01");
    let waived = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.filter(|own| !own["waived"].is_null()).count()
    };
    assert!(waived(&before) > 0);
    assert_eq!(waived(&after), 0);
    let environment = read(&format!("{REPAIRED}/quorate.yaml"));
    let waivers = environment.matches("expiry:").count();
    let expired = after["findings"].as_array().unwrap().iter().filter(|own| own["rule"] == "waiver-expired").count();
    assert_eq!(expired, waivers, "each waiver is a finding");
    // What was waived counts again.
    let counted = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.filter(|own| own["rule"] == "single-point-of-failure" && own["waived"].is_null()).count()
    };
    assert_eq!(counted(&after), counted(&before) + waived(&before));
    // The day of the expiry is the last on which they hold.
    assert_eq!(waived(&at("2027-06-30")), waived(&before));
    assert_eq!(waived(&at("2027-07-01")), 0);
    // A time is of the day that it names where its offset holds.
    assert_eq!(waived(&at("2027-06-30T23:59:59Z")), waived(&before));
    assert_eq!(waived(&at("2027-06-30T23:59:59.5-08:00")), waived(&before));
    assert_eq!(waived(&at("2027-07-01T00:00:00+02:00")), 0);
    let refused = quorate(&["check", REPAIRED, "--now", "2027-06-30T23:59:59"]).with_status(2).stderr;
    assert!(refused.contains("no offset") && refused.contains("2026-11-23T14:00:00Z"), "{refused}");
    quorate(&["check", REPAIRED, "--now", "soon"]).with_status(2);
}

#[test]
fn rules_are_chosen_by_name_and_by_pack() {
    let found = |arguments: &[&str], status: i32| {
        let all = [&["check", QAWAVE, "--now", TODAY, "-o", "json"], arguments].concat();
        let report = quorate(&all).with_status(status).json("check");
        let findings = report["findings"].as_array().unwrap().iter();
        let mut rules: Vec<String> = findings.map(|own| own["rule"].as_str().unwrap().to_owned()).collect();
        rules.dedup();
        rules.sort();
        rules.dedup();
        rules
    };
    assert_eq!(found(&["--include", "rollout-deadlock"], 1), ["rollout-deadlock"]);
    assert_eq!(
        found(&["--include", "availability"], 1),
        ["data-store-without-backup", "no-disruption-budget", "single-replica"]
    );
    let rest = found(&["--exclude", "rollout-deadlock,data-store-without-backup,guarantee-violated"], 0);
    assert!(rest.contains(&"drains-exhaust-pdb".to_owned()), "{rest:?}");
    assert!(!rest.contains(&"rollout-deadlock".to_owned()), "{rest:?}");
    let unknown = quorate(&["check", QAWAVE, "--exclude", "rolout-deadlock"]).with_status(2).stderr;
    assert_eq!(unknown, "error: there is no rule or pack `rolout-deadlock`; did you mean `rollout-deadlock`?\n");
}

#[test]
fn standard_input_is_read() {
    let mut command = binary();
    command.args(["check", "-", "--nodes", "3x4cpu,8Gi", "-o", "json"]);
    let manifests = ["deployment", "pod-disruption-budget"].map(|name| read(&format!("{QAWAVE}/backend/{name}.yaml")));
    let report = finish(command.write_stdin(manifests.join("\n---\n"))).with_status(1).json("check");
    let deadlock = finding(&report, "rollout-deadlock", "backend");
    assert_eq!(deadlock["location"]["file"], "-");
    let broken = finish(binary().args(["check", "-"]).write_stdin("a: [\n")).with_status(1);
    assert!(broken.stdout.contains("[-:1:4]"), "{}", broken.stdout);
}

#[test]
fn outputs_go_where_they_are_sent() {
    let folder = directory(&[("node.yaml", NODE)]);
    let check = |arguments: &[&str]| quorate(&[&["check", text(folder.path())], arguments].concat());
    let (json, sarif) = (folder.path().join("out.json"), folder.path().join("out.sarif"));
    let outputs = [format!("json={}", text(&json)), format!("sarif={}", text(&sarif))];
    let run = check(&["-o", &outputs[0], "-o", &outputs[1]]).with_status(0);
    assert_eq!(run.stdout, "", "everything was sent to files");
    assert_valid(&validator("check"), &parsed(&fs::read_to_string(&json).unwrap()));
    assert_eq!(parsed(&fs::read_to_string(&sarif).unwrap())["version"], "2.1.0");
    fs::remove_file(&json).unwrap();
    fs::remove_file(&sarif).unwrap();
    let two = check(&["-o", "json", "-o", "sarif"]).with_status(2).stderr;
    assert!(two.contains("only one format can go to standard output"), "{two}");
    let unknown = check(&["-o", "jsn"]).with_status(2).stderr;
    assert!(unknown.contains("`jsn` (`json`?)"), "{unknown}");
    check(&["-o", "json=/does/not/exist/out.json"]).with_status(2);
    let quiet = check(&["-q"]).with_status(0).stdout;
    assert!(quiet.starts_with("nothing is wrong in 1 file (1 object, 1 node)"), "{quiet}");
    let coloured = quorate(&["check", QAWAVE, "--color", "always"]).stdout;
    assert!(coloured.contains("\u{1b}[") && !OF_QAWAVE.human.contains('\u{1b}'));
}

#[test]
fn an_unknown_key_of_the_environment_is_an_error_with_a_place() {
    let environment = "apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  backup:\n    - {name: a}\n";
    let folder = directory(&[("node.yaml", NODE), ("quorate.yaml", environment)]);
    let run = quorate(&["check", text(folder.path()), "-o", "json"]).with_status(1);
    let report = run.json("check");
    let unknown = report["findings"].as_array().unwrap().iter().find(|own| own["rule"] == "unknown-field").unwrap();
    let message = unknown["message"].as_str().unwrap();
    assert!(message.contains("`spec.backup`") && message.contains("`spec.backups`"), "{message}");
    let location = &unknown["location"];
    assert_eq!((&location["startLine"], &location["startColumn"]), (&json!(4), &json!(3)), "{location}");
    assert!(location["file"].as_str().unwrap().ends_with("/quorate.yaml"), "{location}");
    // It is never taken for a manifest.
    assert_eq!(report["summary"]["objects"], 1);
}
