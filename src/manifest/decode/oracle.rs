//! Agreement with the real strict decoder: `fixtures/oracle/1.36.3/strict.jsonl` holds what it answered.

use serde::Deserialize;

use crate::manifest::api::{Resolved, resolve};
use crate::manifest::built_from_json::node;
use crate::manifest::yaml::{Limits, parse};
use crate::manifest::{FieldPath, Node, Origin, Segment, SourceMap};

use super::{DecodeProblem, DecodeProblemKind};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: String,
    input: String,
    content_type: String,
    errors: Vec<String>,
    decoded: bool,
}

/// Cases in which this decoder answers something else on purpose; `fixtures/divergences.txt` says why.
const DIFFERENT: &[&str] = &["float-integral-for-integer", "exponent-for-integer", "integer-or-string-integral-float"];

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle/1.36.3/strict.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The tree of a body, if it can be read.
fn read(case: &Case) -> Option<Node> {
    if case.content_type == "application/json" {
        return serde_json::from_str(&case.input).ok().map(|json| node(&json));
    }
    let source = SourceMap::default().add("a.yaml", "", Origin::Written);
    parse(source, &case.input, &Limits::default()).documents.pop().map(|document| document.root)
}

fn keys(path: &FieldPath) -> Vec<String> {
    let key = |segment: &Segment| match segment {
        Segment::Key(key) => Some(key.to_string()),
        Segment::Index(_) => None,
    };
    path.segments().iter().filter_map(key).collect()
}

/// The path in `… Go struct field ContainerPort.spec.containers.ports.containerPort of type int32`: without indices,
/// without keys of maps, with the names of embedded structs.
fn path_in(error: &str) -> Option<Vec<String>> {
    let path = error.split("Go struct field ").nth(1)?.split(' ').next()?;
    let is_field = |key: &&str| key.starts_with(|first: char| first.is_ascii_lowercase());
    Some(path.split('.').skip(1).filter(is_field).map(str::to_owned).collect())
}

/// The path as the real decoder prints it: keys between dots, whatever is in them.
fn dotted(path: &FieldPath) -> String {
    let mut text = String::new();
    for (position, segment) in path.segments().iter().enumerate() {
        match segment {
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Key(key) if position == 0 => text.push_str(key),
            Segment::Key(key) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

fn unknown_fields(problems: &[DecodeProblem]) -> Vec<String> {
    let mut found: Vec<String> = problems
        .iter()
        .filter(|problem| matches!(problem.kind, DecodeProblemKind::UnknownField { .. }))
        .map(|problem| format!("unknown field {:?}", dotted(&problem.path)))
        .collect();
    found.sort();
    found
}

fn compare(case: &Case, problems: &[DecodeProblem]) -> Result<(), String> {
    let unknown = unknown_fields(problems);
    let others: Vec<&DecodeProblem> =
        problems.iter().filter(|problem| !matches!(problem.kind, DecodeProblemKind::UnknownField { .. })).collect();
    if case.decoded {
        let mut wanted = case.errors.clone();
        wanted.sort();
        return if wanted == unknown && others.is_empty() { Ok(()) } else { Err(format!("wanted {wanted:?}")) };
    }
    let Some(first) = others.first() else { return Err("nothing found".to_owned()) };
    match case.errors.first().and_then(|error| path_in(error)) {
        Some(path) => {
            let found = keys(&first.path);
            let agrees = found.starts_with(&path) && found.len() <= path.len() + 1;
            if agrees { Ok(()) } else { Err(format!("wanted {path:?}")) }
        }
        None if others.len() == 1 => Ok(()),
        None => Err("too much found".to_owned()),
    }
}

#[test]
fn agrees_with_the_real_strict_decoder() {
    let mut compared = 0;
    let mut disagreements = Vec::new();
    for case in cases() {
        // What does not parse, and duplicate keys, are the loader's.
        let is_duplicate =
            |error: &String| error.starts_with("duplicate field") || error.contains("already set in map");
        if case.errors.iter().any(is_duplicate) || DIFFERENT.contains(&case.id.as_str()) {
            continue;
        }
        let Some(root) = read(&case) else { continue };
        let name = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (name("apiVersion"), name("kind"));
        let known = match resolve(&api_version, &kind) {
            Resolved::BuiltIn(known) | Resolved::StandIn(known, _) => known,
            Resolved::Gone(_) | Resolved::Unknown(_) | Resolved::Custom => {
                // The real decoder still knows versions that are not served any more, internal ones, and `apiversion`.
                // Lists are taken apart before they are decoded.
                let is_known_there = ["beta", "__internal"].iter().any(|part| api_version.contains(part))
                    || kind.ends_with("List")
                    || api_version.is_empty()
                    || kind.is_empty();
                if case.decoded && !is_known_there {
                    disagreements.push(format!("{}: {api_version} {kind} is not known", case.id));
                }
                continue;
            }
        };
        if case.errors.iter().any(|error| error.starts_with("no kind")) {
            continue;
        }
        let (_, problems) = known.decode(&root);
        compared += 1;
        if let Err(why) = compare(&case, &problems) {
            let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
            disagreements.push(format!("{}: {why}, found {found:?}", case.id));
        }
    }
    assert!(disagreements.is_empty(), "{} of {compared}:\n{}", disagreements.len(), disagreements.join("\n"));
    assert!(compared > 150, "only {compared} cases were compared");
}
