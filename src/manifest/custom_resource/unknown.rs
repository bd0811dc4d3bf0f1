//! Fields that a structural schema does not have. The API server drops them, and refuses them under strict field
//! validation (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`).

use serde_json::{Map, Value as Json};

use crate::manifest::decode::{DecodeProblem, DecodeProblemKind, Suggestion, nearest};
use crate::manifest::{Entry, FieldPath, Node, Value};

use super::schema::is_set;

/// Whether a mapping is an object of its own, with `apiVersion`, `kind` and `metadata`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Object,
    Inside,
}

/// What becomes of a field that a schema does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Dropped,
    Kept,
}

/// The fields in `root` that `schema` does not have.
pub(super) fn unknown_fields(root: &Node, schema: &Json) -> Vec<DecodeProblem> {
    let mut problems = Vec::new();
    walk(root, schema, (Level::Object, Unknown::Dropped), &FieldPath::root(), &mut problems);
    problems
}

fn walk(
    node: &Node,
    schema: &Json,
    (level, unknown): (Level, Unknown),
    path: &FieldPath,
    problems: &mut Vec<DecodeProblem>,
) {
    let Json::Object(fields) = schema else { return };
    let unknown = if is_set(fields, "x-kubernetes-preserve-unknown-fields") { Unknown::Kept } else { unknown };
    match &node.value {
        Value::Sequence(items) => {
            let Some(schema) = fields.get("items") else { return };
            // A list that keeps unknown fields keeps them in its items too (`skipPrune`).
            for (index, item) in items.iter().enumerate() {
                walk(item, schema, (level_of(schema), unknown), &path.index(index), problems);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let is_head = matches!(&*entry.key, "apiVersion" | "kind" | "metadata");
                if level == Level::Inside || !is_head {
                    walk_entry(entry, fields, unknown, path, problems);
                }
            }
        }
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {}
    }
}

fn level_of(schema: &Json) -> Level {
    let is_embedded = schema.as_object().is_some_and(|fields| is_set(fields, "x-kubernetes-embedded-resource"));
    if is_embedded { Level::Object } else { Level::Inside }
}

fn walk_entry(
    entry: &Entry,
    fields: &Map<String, Json>,
    unknown: Unknown,
    path: &FieldPath,
    problems: &mut Vec<DecodeProblem>,
) {
    let properties = fields.get("properties").and_then(Json::as_object);
    let inner = path.key(&entry.key);
    if let Some(schema) = properties.and_then(|properties| properties.get(&*entry.key)) {
        walk(&entry.value, schema, (level_of(schema), Unknown::Dropped), &inner, problems);
        return;
    }
    match fields.get("additionalProperties") {
        Some(Json::Bool(true)) => return,
        Some(schema @ Json::Object(_)) => {
            walk(&entry.value, schema, (level_of(schema), Unknown::Dropped), &inner, problems);
            return;
        }
        Some(_) | None => {}
    }
    if unknown == Unknown::Kept {
        return;
    }
    let known = properties.into_iter().flat_map(Map::keys).map(String::as_str);
    let suggestion =
        nearest(&entry.key, known).map(|name| Suggestion::Misspelt { field: name.to_owned(), path: path.key(name) });
    let kind = DecodeProblemKind::UnknownField { field: entry.key.clone(), suggestion };
    problems.push(DecodeProblem { path: inner, span: entry.key_span, kind });
}
