//! The set: a user's policies beside the built-in ones, configuration, failures.

use std::fs;

use serde_json::json;

use super::super::engine::tests_support::load;
use super::*;
use crate::finding::Severity;
use crate::manifest::SourceMap;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: team}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - {name: web, image: web}\n";

fn set_of(files: &[(&str, &str)], version: RegoVersion) -> Result<PolicySet, PolicyError> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let empty = PolicySet { rules: Vec::new(), choices: Vec::new(), programs: Vec::new() };
    empty.with_directory(directory.path(), version)
}

fn findings(policy: &str, manifests: &str) -> Vec<Finding> {
    let set = set_of(&[("policy.rego", policy)], RegoVersion::Detect).unwrap();
    set.evaluate(&load(&mut SourceMap::default(), "m.yaml", manifests), &Value::Null).findings
}

#[test]
fn a_conftest_policy_runs_as_it_is() {
    let policy = r#"package main

deny[msg] {
  input.kind == "Deployment"
  not input.spec.template.spec.securityContext.runAsNonRoot
  msg := "Containers must not run as root"
}

deny_no_latest[msg] {
  container := input.spec.template.spec.containers[_]
  not contains(container.image, ":")
  msg := sprintf("%s has no tag", [container.image])
}

warn[msg] { input.spec.replicas < 5; msg := "few replicas" }

violation[{"msg": msg, "details": {"n": 3}}] { input.spec.replicas == 3; msg := "three" }
"#;
    let found = findings(policy, DEPLOYMENT);
    let shown: Vec<(&str, Severity, &str)> =
        found.iter().map(|finding| (&*finding.rule, finding.severity, finding.message.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("main", Severity::Error, "Containers must not run as root"),
            ("main", Severity::Warning, "few replicas"),
            ("main", Severity::Error, "three"),
            ("main-no-latest", Severity::Error, "web has no tag"),
        ]
    );
    assert_eq!(found[2].evidence, json!({"details": {"n": 3}}));
    assert_eq!(found[0].object.as_ref().unwrap().to_string(), "deployment/team/web");
}

#[test]
fn an_exception_of_conftest_holds() {
    let policy = "package main\nimport rego.v1\ndeny_a contains \"a\" if true\ndeny_b contains \"b\" if true\nexception contains rules if { input.metadata.name == \"web\"; rules := [\"a\"] }\n";
    let found = findings(policy, DEPLOYMENT);
    assert_eq!(found.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_path_gives_the_place_and_the_inventory_is_there() {
    let policy = r#"package team.replicas
import rego.v1
deny contains {"msg": m, "path": ["spec", "replicas"], "related": [{"msg": "r", "path": "spec.template"}]} if {
    same := data.inventory.namespace.team["apps/v1"].Deployment.web
    same.spec.replicas == input.spec.replicas
    data.inventory.cluster == {}
    data.environment == {}
    m := "odd"
}
"#;
    let found = findings(policy, DEPLOYMENT);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(&*found[0].rule, "team-replicas");
    assert_eq!(found[0].path.to_string(), "spec.replicas");
    let span = found[0].place.unwrap().span;
    assert_eq!(DEPLOYMENT.get(span.start as usize..span.end as usize), Some("3"));
    assert_eq!(found[0].related[0].path.to_string(), "spec.template");
}

#[test]
fn a_rule_that_fails_is_an_error_that_names_it() {
    let broken = [
        ("deny contains msg if { msg := to_number(input.kind) }", "as number"),
        ("deny := true if input.kind", "contains msg if"),
        ("deny contains 1 if input.kind", "number"),
        ("deny contains {\"message\": \"a\"} if input.kind", "msg"),
        ("deny contains msg if { msg := unbound }", "unsafe"),
        ("x := 1 if input.kind\nx := 2 if input.kind\ndeny contains \"a\" if x == 1", "conflict"),
    ];
    for (rule, says) in broken {
        let found = findings(&format!("package broken\nimport rego.v1\n{rule}\n"), DEPLOYMENT);
        assert_eq!(found.len(), 1, "{rule}: {found:#?}");
        assert_eq!((&*found[0].rule, found[0].severity), ("policy-error", Severity::Error), "{rule}");
        let message = &found[0].message;
        assert!(message.contains("`broken`") && message.contains("deployment/team/web"), "{message}");
        assert!(message.contains(says), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_rule_without_end_is_stopped() {
    let policy = "package slow\nimport rego.v1\ndeny contains \"a\" if {\n  some a in numbers.range(1, 3000)\n  some b in numbers.range(1, 3000)\n  some c in numbers.range(1, 3000)\n  a + b + c == 0\n}\n";
    let found = findings(policy, DEPLOYMENT);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("longer than 10 s"), "{}", found[0].message);
}

#[test]
fn values_of_secrets_are_hidden_from_policies() {
    let policy = "package leak\nimport rego.v1\ndeny contains msg if { some key, value in input.data; msg := sprintf(\"%v=%v\", [key, value]) }\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: aHVudGVyMg==}\n";
    let found = findings(policy, secret);
    assert_eq!(found[0].message, "password=(redacted)");
}

#[test]
fn files_that_are_not_rego_are_errors_with_a_position() {
    let error =
        set_of(&[("a.rego", "package a\n\ndeny contains msg if {\n  msg := \n}\n")], RegoVersion::Detect).unwrap_err();
    assert!(matches!(error, PolicyError::Syntax { line: 4 | 5, version: "v1", .. }), "{error}");
    let two = [
        ("a.rego", "# METADATA\n# custom: {id: same}\npackage a\nimport rego.v1\ndeny contains \"a\" if true\n"),
        ("b.rego", "# METADATA\n# custom: {id: same}\npackage b\nimport rego.v1\ndeny contains \"a\" if true\n"),
    ];
    assert!(matches!(set_of(&two, RegoVersion::Detect), Err(PolicyError::DuplicateRule { .. })));
}

#[test]
fn v0_is_read_when_asked_for_and_when_it_is_all_that_fits() {
    let legacy = "package old\ndeny[msg] { msg := \"a\" }\n";
    for version in [RegoVersion::Detect, RegoVersion::V0] {
        assert_eq!(set_of(&[("a.rego", legacy)], version).unwrap().rules().len(), 1);
    }
}

#[test]
fn tests_of_a_users_policies_run() {
    let files = [
        ("a.rego", "package a\nimport rego.v1\ndeny contains \"a\" if input.x\n"),
        (
            "a_test.rego",
            "package a_test\nimport rego.v1\nimport data.a\ntest_good if count(a.deny) == 1 with input as {\"x\": true}\ntest_bad if count(a.deny) == 1 with input as {}\n",
        ),
        ("b.rego", "package b\nimport rego.v1\ndeny contains \"b\" if input.y\n"),
    ];
    let report = set_of(&files, RegoVersion::Detect).unwrap().run_tests().unwrap();
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.name.as_str(), result.outcome.clone())).collect();
    use crate::policy::TestOutcome::{Failed, Passed};
    assert_eq!(outcomes, [("test_good", Passed), ("test_bad", Failed)]);
    assert_eq!(report.untested, ["b"]);
    assert!(!report.passed());
}

#[test]
fn configuration_selects_sets_severities_and_parameters() {
    let policy = "# METADATA\n# title: t\n# custom:\n#   id: limited\n#   severity: warning\n#   parameters:\n#     limit: {description: most replicas, default: 5}\npackage p\nimport rego.v1\ndeny contains \"a\" if input.spec.replicas > data.parameters.limit\n";
    let set = set_of(&[("p.rego", policy)], RegoVersion::Detect).unwrap();
    let inventory = load(&mut SourceMap::default(), "m.yaml", DEPLOYMENT);
    let found = |configuration: Value| {
        let configuration: Configuration = serde_json::from_value(configuration).unwrap();
        let set = set.clone().configure(&configuration)?;
        let severities: Vec<_> =
            set.evaluate(&inventory, &Value::Null).findings.into_iter().map(|finding| finding.severity).collect();
        Ok::<_, PolicyError>(severities)
    };
    assert_eq!(found(json!({})), Ok(vec![]));
    assert_eq!(found(json!({"parameters": {"limited": {"limit": 2}}})), Ok(vec![Severity::Warning]));
    let two = json!({"limited": {"limit": 2}});
    assert_eq!(found(json!({"parameters": two, "severities": {"limited": "error"}})), Ok(vec![Severity::Error]));
    assert_eq!(found(json!({"parameters": two, "severities": {"p": "off"}})), Ok(vec![]));
    assert_eq!(found(json!({"parameters": two, "exclude": ["limited"]})), Ok(vec![]));
    let exempt = json!({"limited": {"limit": 2, "exemptNamespaces": ["team"]}});
    assert_eq!(found(json!({"parameters": exempt})), Ok(vec![]));
    let with_pack = json!({"p/limited": {"limit": 2}});
    assert_eq!(found(json!({"parameters": with_pack, "severities": {"p/limited": "info"}})), Ok(vec![Severity::Info]));
    let wrong = found(json!({"parameters": {"limited": {"limt": 2}}})).unwrap_err();
    assert!(wrong.to_string().contains("`limit`"), "{wrong}");
    assert!(found(json!({"parameters": {"limited": {"limit": "2"}}})).is_err());
    let wrong = found(json!({"include": ["limitd"]})).unwrap_err();
    assert!(wrong.to_string().contains("did you mean `limited`"), "{wrong}");
}

#[test]
fn what_needs_a_fact_is_not_evaluated_without_it() {
    let policy = "# METADATA\n# custom: {id: needy, needs: [environment.backups]}\npackage p\nimport rego.v1\ndeny contains \"a\" if count(data.environment.backups) == 1\n";
    let set = set_of(&[("p.rego", policy)], RegoVersion::Detect).unwrap();
    let inventory = load(&mut SourceMap::default(), "m.yaml", DEPLOYMENT);
    let without = set.evaluate(&inventory, &json!({"backups": []}));
    assert!(without.findings.is_empty());
    assert_eq!(without.not_evaluated[0].needs, "spec.backups in quorate.yaml");
    let with = set.evaluate(&inventory, &json!({"backups": [{}]}));
    assert_eq!((with.findings.len(), with.not_evaluated.len()), (1, 0));
}

#[test]
fn order_does_not_depend_on_threads() {
    let policy = "package p\nimport rego.v1\ndeny contains x if { some x in [\"c\", \"a\", \"b\"] }\n";
    let set = set_of(&[("p.rego", policy)], RegoVersion::Detect).unwrap();
    let many: String = (0..200).map(|n| format!("---\n{}", DEPLOYMENT.replace("web", &format!("w{n}")))).collect();
    let inventory = load(&mut SourceMap::default(), "m.yaml", &many);
    let run = || {
        let findings = set.evaluate(&inventory, &Value::Null).findings;
        findings.into_iter().map(|finding| (finding.object, finding.message)).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first.len(), 600);
    assert_eq!(first[0].1, "a");
    assert_eq!(first, run());
}

#[test]
fn packs_choose_among_the_library_only() {
    let configuration = Configuration { packs: vec!["cost".to_owned()], ..Configuration::default() };
    let set = PolicySet::builtin().unwrap().configure(&configuration).unwrap();
    assert!(set.runs("no-resource-requests") && set.runs("rollout-deadlock"));
    assert!(!set.runs("privileged-container"));
    let findings = vec![
        Finding::new("rollout-deadlock", Severity::Error, "a"),
        Finding::new("unreadable-document", Severity::Error, "b"),
    ];
    let severities = [("rollout-deadlock".to_owned(), crate::policy::SeverityChoice::Off)].into();
    let hidden = Configuration { severities, exclude: vec!["loader".to_owned()], ..Configuration::default() };
    let set = PolicySet::builtin().unwrap().configure(&hidden).unwrap();
    let left = set.adjust(findings);
    assert_eq!(left.iter().map(|finding| &*finding.rule).collect::<Vec<_>>(), ["unreadable-document"]);
}

#[test]
fn what_a_controller_made_is_left_to_it_by_the_library_only() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  ownerReferences:\n  - {kind: OWNER, name: b, controller: true}\nspec:\n  containers:\n  - {name: a, image: a, securityContext: {privileged: true}}\n";
    let only = Configuration { include: vec!["privileged-container".to_owned()], ..Configuration::default() };
    let set = PolicySet::builtin().unwrap().configure(&only).unwrap();
    for (owner, expected) in [("ReplicaSet", 0), ("DaemonSet", 0), ("Cluster", 1)] {
        let inventory = load(&mut SourceMap::default(), "m.yaml", &pod.replace("OWNER", owner));
        assert_eq!(set.evaluate(&inventory, &Value::Null).findings.len(), expected, "{owner}");
    }
    let found = findings(
        "package p\nimport rego.v1\ndeny contains \"a\" if input.kind == \"Pod\"\n",
        &pod.replace("OWNER", "ReplicaSet"),
    );
    assert_eq!(found.len(), 1);
}
