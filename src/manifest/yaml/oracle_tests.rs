//! Every recorded answer of `sigs.k8s.io/yaml` and of kubectl's stream decoder, against ours.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use serde_json::Value as Json;

use super::super::source::SourceId;
use super::*;

const SOURCE: SourceId = SourceId(0);

fn lines(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/1.36.3").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(parse_line).collect()
}

/// One case. A number beyond a double's range, which kubectl passes on as it is, becomes null.
fn parse_line(line: &str) -> Json {
    serde_json::from_str(line).or_else(|_| serde_json::from_str(&line.replace(":1e400}", ":null}"))).unwrap()
}

/// The cases of `file` that are known to differ, each with its reason.
fn divergences(file: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/divergences.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let prefix = format!("{file} ");
    text.lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .map(|line| line.split_once(": ").unwrap())
        .map(|(id, reason)| (id.to_owned(), reason.to_owned()))
        .collect()
}

fn bytes(case: &Json) -> Vec<u8> {
    case["textBase64"].as_str().map_or_else(
        || case["text"].as_str().unwrap().as_bytes().to_vec(),
        |text| base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
    )
}

fn equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            left == right
                || (left.as_f64() == right.as_f64() && left.as_u64() == right.as_u64())
                || (left.as_f64() == right.as_f64() && (left.is_f64() || right.is_f64()))
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        (left, right) => left == right,
    }
}

fn json(root: Option<&super::super::node::Node>) -> Json {
    root.map_or(Json::Null, super::super::node::Node::to_json)
}

/// What differs between the recorded answer and ours for one document; `None` when nothing does.
fn difference_in_document(case: &Json) -> Option<String> {
    let bytes = bytes(case);
    let decoded = decode(&bytes);
    let limits = Limits::default();
    let (root, problems) = parse_document(SOURCE, &decoded.text, &limits);
    let lost = !decoded.unreadable.is_empty()
        || problems.iter().any(|problem| problem.kind.consequence() == Consequence::DocumentLost);
    let complaints: Vec<_> = problems.iter().filter(|problem| problem.kind != ProblemKind::IgnoredText).collect();
    let found = json(root.as_ref());
    if !case["lenientError"].is_null() {
        return (!lost).then(|| format!("is read as {found}, expected {}", case["lenientError"]));
    }
    if lost {
        return Some(format!("{problems:?}, expected {}", case["lenientJson"]));
    }
    if case["outcomeOnly"] == Json::Bool(true) {
        return (complaints.is_empty() != case["error"].is_null()).then(|| format!("{problems:?}"));
    }
    if let Some(unstable) = case["unstable"].as_array() {
        let one_of_them = unstable.iter().any(|json| equal(json, &found));
        return (!one_of_them || complaints.is_empty()).then(|| format!("{found} {problems:?}"));
    }
    if !equal(&found, &case["lenientJson"]) {
        return Some(format!("{found}, expected {}", case["lenientJson"]));
    }
    (complaints.is_empty() != case["error"].is_null()).then(|| format!("{problems:?}, expected {}", case["error"]))
}

/// What differs between kubectl's documents and ours. kubectl stops at the first error, where ours goes on.
fn difference_in_stream(case: &Json) -> Option<String> {
    let bytes = bytes(case);
    let decoded = decode(&bytes);
    let parsed = parse_decoded(SOURCE, &decoded, &Limits::default());
    let expected: Vec<&Json> = case["documents"].as_array().unwrap().iter().filter(|json| !json.is_null()).collect();
    let found: Vec<Json> = parsed.documents.iter().map(|document| document.root.to_json()).collect();
    let lost = parsed.problems.iter().any(|problem| problem.kind.consequence() == Consequence::DocumentLost);
    let begins_alike = found.len() >= expected.len() && expected.iter().zip(&found).all(|(one, two)| equal(one, two));
    let alike = if case["error"].is_null() { found.len() == expected.len() && !lost } else { lost };
    (!begins_alike || !alike)
        .then(|| format!("{found:?} {:?}, expected {expected:?} {}", parsed.problems, case["error"]))
}

fn check(file: &str, difference: fn(&Json) -> Option<String>) {
    let cases = lines(file);
    let mut known = divergences(file);
    let mut failures = Vec::new();
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        match (difference(case), known.remove(id)) {
            (Some(difference), None) => failures.push(format!("{id}: {:?}: {difference}", case["text"])),
            (None, Some(reason)) => failures.push(format!("{id} does not differ any more: {reason}")),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    failures.extend(known.into_keys().map(|id| format!("{id} is no case of {file}")));
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn reads_every_document_as_kubernetes_does() {
    check("yaml.jsonl", difference_in_document);
}

#[test]
fn reads_every_stream_as_kubectl_does() {
    check("split.jsonl", difference_in_stream);
}
