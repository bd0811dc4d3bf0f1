//! SARIF 2.1.0 (OASIS, errata 01), for code scanning.
//!
//! Written as JSON values: of the format's three hundred types a dozen are needed, and the crate that has them all
//! generates them from the schema at build time with an unmaintained generator.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Map, Value, json};

use crate::finding::{Finding, Related, Severity, Waived, fingerprint};
use crate::manifest::{ObjectReference, Place, SourceMap};

use super::check_report::{CheckReport, ReportError, RuleDocumentation};
use super::json::write_json;
use super::location::{Location, uri};
use super::prose;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of our fingerprint; it ends with the version of the way in which it is made.
const FINGERPRINT: &str = "quorateFinding/v1";

/// Writes one run.
pub(super) fn write(
    report: &CheckReport<'_>,
    findings: &[Finding],
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    let rules = rules(report.rules, findings);
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &index, report.sources)).collect();
    let descriptors: Vec<Value> = rules.into_iter().map(|(_, descriptor)| descriptor).collect();
    let unevaluated: Vec<Value> = report
        .not_evaluated
        .iter()
        .map(|rule| {
            let text = format!("{} was not evaluated: it needs {}", rule.rule, rule.needs);
            let mut notification = json!({"level": "note", "message": {"text": text}});
            if let Some(rule_index) = index.get(&*rule.rule) {
                notification["associatedRule"] = json!({"id": rule.rule, "index": rule_index});
            }
            notification
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "quorate",
                "fullName": "Quorate: policy verifier and failure simulation for Kubernetes",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "properties": {"kubernetes": report.summary.kubernetes},
                "rules": descriptors,
            }},
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": unevaluated,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    write_json(&log, out)
}

/// Every documented rule, and a bare entry for every other that found something; by id.
fn rules<'a>(documented: &'a [RuleDocumentation], findings: &'a [Finding]) -> Vec<(&'a str, Value)> {
    let mut rules: BTreeMap<&str, Value> = documented.iter().map(|rule| (&*rule.id, descriptor(rule))).collect();
    for finding in findings {
        rules.entry(&finding.rule).or_insert_with(|| {
            json!({
                "id": &*finding.rule,
                "shortDescription": {"text": &*finding.rule},
                "defaultConfiguration": {"level": level(finding.severity)},
            })
        });
    }
    rules.into_iter().collect()
}

fn descriptor(rule: &RuleDocumentation) -> Value {
    // An empty text is not allowed where a text may stand.
    let or_title = |text: &str| if text.is_empty() { rule.title.clone() } else { text.to_owned() };
    let mut descriptor = json!({
        "id": &*rule.id,
        "shortDescription": {"text": or_title(&rule.title)},
        "fullDescription": {"text": or_title(&rule.description)},
        "help": {"text": or_title(&rule.help)},
        "defaultConfiguration": {"level": level(rule.severity)},
    });
    if let Some(help_uri) = &rule.help_uri {
        descriptor["helpUri"] = json!(help_uri);
    }
    descriptor
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(finding: &Finding, rules: &BTreeMap<&str, usize>, sources: &SourceMap) -> Value {
    let location = finding.place.map(|place| Location::of(place, sources));
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(&*finding.rule));
    if let Some(index) = rules.get(&*finding.rule) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result.insert("level".to_owned(), json!(level(finding.severity)));
    result.insert("message".to_owned(), json!({"text": prose::message(finding, location.as_ref())}));
    let label = Some(finding.label.as_str()).filter(|label| !label.is_empty());
    let path = finding.path.to_string();
    let place = sarif_location(finding.place, finding.object.as_ref(), &path, label, sources);
    result.insert("locations".to_owned(), place.into_iter().collect());
    result.insert("partialFingerprints".to_owned(), json!({FINGERPRINT: fingerprint(finding, sources).as_str()}));
    let related: Vec<Value> =
        finding.related.iter().enumerate().filter_map(|(id, related)| related_location(id, related, sources)).collect();
    if !related.is_empty() {
        result.insert("relatedLocations".to_owned(), Value::Array(related));
    }
    // With any suppression in the run, a result without one says so by an empty list.
    let suppressions: Vec<Value> = finding.waived.iter().map(suppression).collect();
    result.insert("suppressions".to_owned(), Value::Array(suppressions));
    if !finding.evidence.is_null() {
        result.insert("properties".to_owned(), json!({"evidence": finding.evidence}));
    }
    Value::Object(result)
}

fn related_location(id: usize, related: &Related, sources: &SourceMap) -> Option<Value> {
    let label = Some(related.message.as_str()).filter(|message| !message.is_empty());
    let path = related.path.to_string();
    let mut location = sarif_location(related.place, related.object.as_ref(), &path, label, sources)?;
    location["id"] = json!(id);
    Some(location)
}

fn suppression(waived: &Waived) -> Value {
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": format!("{} ({}, until {})", waived.reason, waived.owner, waived.expires),
        "properties": {"owner": waived.owner, "expires": waived.expires.to_string()},
    })
}

/// A place and the object and field there; `None` when neither is known.
fn sarif_location(
    place: Option<Place>,
    object: Option<&ObjectReference>,
    path: &str,
    message: Option<&str>,
    sources: &SourceMap,
) -> Option<Value> {
    let mut location = Map::new();
    if let Some(place) = place {
        location.insert("physicalLocation".to_owned(), physical(&Location::of(place, sources)));
    }
    if let Some(object) = object {
        let names: BTreeSet<String> = [object.to_string(), qualified(object, path)].into();
        let logical: Vec<Value> = names
            .into_iter()
            .map(|name| {
                let is_object = name == object.to_string();
                let kind = if is_object { "resource" } else { "member" };
                json!({"name": if is_object { &*object.name } else { path }, "fullyQualifiedName": name, "kind": kind})
            })
            .collect();
        location.insert("logicalLocations".to_owned(), Value::Array(logical));
    }
    if location.is_empty() {
        return None;
    }
    if let Some(message) = message {
        location.insert("message".to_owned(), json!({"text": message}));
    }
    Some(Value::Object(location))
}

fn qualified(object: &ObjectReference, path: &str) -> String {
    if path.is_empty() { object.to_string() } else { format!("{object}/{path}") }
}

/// The file and the region in it. Of rendered text only what it was rendered from, the template where it is known: its
/// lines are not lines of that file.
fn physical(location: &Location) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(location.nearest_file())}});
    let region = json!({
        "startLine": location.start_line,
        "startColumn": location.start_column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    });
    if location.rendered {
        physical["properties"] = json!({"rendered": true, "renderedRegion": region});
    } else {
        physical["region"] = region;
    }
    physical
}
