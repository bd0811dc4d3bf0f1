use std::collections::BTreeSet;

use serde_json::Value;

use super::crafted::{self, Case};
use super::places;
use crate::manifest::Origin;
use crate::report::{Format, TerminalStyle};

fn json(case: &Case, format: Format) -> Value {
    serde_json::from_str(&case.write(format, &TerminalStyle::plain(100))).unwrap()
}

/// Every case of these tests, by name.
fn cases() -> Vec<(&'static str, Case)> {
    vec![
        ("nothing found", Case::new()),
        ("rollout deadlock", crafted::rollout_deadlock()),
        ("five hundred", crafted::five_hundred()),
        ("every place", places::every_place()),
        ("secret", places::secret()),
        ("injection", places::injection()),
    ]
}

fn assert_valid(validator: &jsonschema::Validator, name: &str, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

fn published(name: &str) -> Value {
    let path = format!("{}/fixtures/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn json_follows_its_schema() {
    let schema = published("check");
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, case) in cases() {
        assert_valid(&validator, name, &json(&case, Format::Json));
    }
}

#[test]
fn the_schema_notices_what_it_does_not_know() {
    let validator = jsonschema::validator_for(&published("check")).unwrap();
    let mut unknown = json(&crafted::rollout_deadlock(), Format::Json);
    unknown["findings"][0]["surprise"] = Value::Null;
    assert!(!validator.is_valid(&unknown));
    let mut missing = json(&crafted::rollout_deadlock(), Format::Json);
    missing["findings"][0].as_object_mut().unwrap().remove("fingerprint");
    assert!(!validator.is_valid(&missing));
}

#[test]
fn json_of_one_finding() {
    insta::assert_snapshot!(without_version(
        &crafted::rollout_deadlock().write(Format::Json, &TerminalStyle::plain(80))
    ));
}

#[test]
fn sarif_of_one_finding() {
    insta::assert_snapshot!(without_version(
        &crafted::rollout_deadlock().write(Format::Sarif, &TerminalStyle::plain(80))
    ));
}

#[test]
fn sarif_of_every_kind_of_place() {
    insta::assert_snapshot!(without_version(&places::every_place().write(Format::Sarif, &TerminalStyle::plain(80))));
}

#[test]
fn github_of_every_kind_of_place() {
    let mut text = crafted::rollout_deadlock().write(Format::Github, &TerminalStyle::plain(80));
    text.push_str(&places::every_place().write(Format::Github, &TerminalStyle::plain(80)));
    text.push_str(&places::injection().write(Format::Github, &TerminalStyle::plain(80)));
    insta::assert_snapshot!(text);
}

#[test]
fn github_leaves_waived_findings_out() {
    let case = crafted::five_hundred();
    let text = case.write(Format::Github, &TerminalStyle::plain(80));
    let counted = case.findings.iter().filter(|finding| finding.waived.is_none()).count();
    assert_eq!(text.lines().count(), counted);
    assert!(
        text.lines().all(|line| line.starts_with("::error ")
            || line.starts_with("::warning ")
            || line.starts_with("::notice "))
    );
}

fn without_version(text: &str) -> String {
    text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\"")
}

/// The official schema is not part of this repository; the variable says where it is.
#[test]
#[expect(clippy::print_stderr, reason = "a check that was left out is said")]
fn sarif_follows_the_official_schema() {
    let Some(path) = std::env::var_os("QUORATE_SARIF_SCHEMA") else {
        eprintln!("QUORATE_SARIF_SCHEMA is not set: SARIF output was not checked against the official schema");
        return;
    };
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, case) in cases() {
        assert_valid(&validator, name, &json(&case, Format::Sarif));
    }
    let mut wrong = json(&crafted::rollout_deadlock(), Format::Sarif);
    wrong["runs"][0]["results"][0]["level"] = Value::from("info");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    for (name, case) in cases() {
        let log = json(&case, Format::Sarif);
        assert_eq!(log["version"], "2.1.0", "{name}");
        let run = &log["runs"][0];
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "{name}: a rule is listed once");
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), case.findings.len());
        for (result, finding) in results.iter().zip(&case.findings) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(matches!(result["level"].as_str(), Some("error" | "warning" | "note")));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert_eq!(result["partialFingerprints"]["quorateFinding/v1"].as_str().unwrap().len(), 24);
            assert_eq!(result["suppressions"].as_array().unwrap().len(), usize::from(finding.waived.is_some()));
            for location in result["locations"].as_array().unwrap() {
                assert_region(location, finding.place.map(|place| case.sources.get(place.source).origin));
            }
        }
    }
}

fn assert_region(location: &Value, origin: Option<Origin>) {
    let Some(physical) = location.get("physicalLocation") else {
        assert!(location["logicalLocations"][0]["fullyQualifiedName"].is_string());
        return;
    };
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.is_ascii() && !uri.contains(' '));
    if origin == Some(Origin::Rendered) {
        assert!(physical.get("region").is_none());
        return;
    }
    let of = |name: &str| physical["region"][name].as_u64().unwrap();
    assert!(of("startLine") >= 1 && of("startColumn") >= 1);
    assert!((of("endLine"), of("endColumn")) >= (of("startLine"), of("startColumn")));
}

#[test]
fn values_of_secrets_are_in_no_format() {
    let case = places::secret();
    assert!(case.sources.iter().any(|(_, source)| source.text.contains("correct-horse")));
    for format in Format::ALL {
        let text = case.write(format, &TerminalStyle::plain(100));
        for value in
            ["correct-horse", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ", "hunter2hunter2", "second line of the key"]
        {
            assert!(!text.contains(value), "{format}: {text}");
        }
        assert!(text.contains("<redacted>"), "{format}: {text}");
    }
}

#[test]
fn no_format_passes_control_characters_on() {
    for format in Format::ALL {
        let text = places::injection().write(format, &TerminalStyle::plain(100));
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{format}: {text:?}");
    }
}
