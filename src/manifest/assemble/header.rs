//! `apiVersion`, `kind` and `metadata`: what an object is called.

use std::sync::Arc;

use crate::manifest::api::{KubernetesVersion, Scope, group_of};
use crate::manifest::decode::nearest;
use crate::manifest::{FieldPath, Node, ObjectReference, Value};

use super::name::NameRule;
use super::report::{Report, mend};

/// What a document says it is.
pub(super) enum Header {
    /// An object of this version and kind.
    Object {
        /// `apps/v1`.
        api_version: Arc<str>,
        /// `Deployment`.
        kind: Arc<str>,
    },
    /// One of the two is missing or is not text; that was reported.
    Broken,
    /// Not a Kubernetes object.
    Foreign,
}

/// Reads `apiVersion` and `kind`.
pub(super) fn header(report: &mut Report<'_>) -> Header {
    let root = report.root();
    let Value::Mapping(_) = root.value else { return Header::Foreign };
    match (text(root, "apiVersion"), text(root, "kind")) {
        (Text::There(api_version), Text::There(kind)) => {
            Header::Object { api_version: api_version.clone(), kind: kind.clone() }
        }
        (Text::Absent, Text::Absent) => Header::Foreign,
        // Charts, workflows and others have one of the two, and no metadata.
        (Text::Absent, Text::There(_)) | (Text::There(_), Text::Absent) if root.get("metadata").is_none() => {
            Header::Foreign
        }
        (api_version, kind) => {
            for (field, found) in [("apiVersion", api_version), ("kind", kind)] {
                complain(field, &found, report);
            }
            Header::Broken
        }
    }
}

enum Text<'a> {
    There(&'a Arc<str>),
    Absent,
    Otherwise,
}

fn text<'a>(root: &'a Node, field: &str) -> Text<'a> {
    match root.get(field).map(|node| &node.value) {
        Some(Value::String(text)) if !text.is_empty() => Text::There(text),
        None | Some(Value::Null | Value::String(_)) => Text::Absent,
        Some(Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Sequence(_) | Value::Mapping(_)) => {
            Text::Otherwise
        }
    }
}

fn complain(field: &str, found: &Text<'_>, report: &mut Report<'_>) {
    let path = FieldPath::root().key(field);
    match found {
        Text::There(_) => {}
        Text::Otherwise => {
            report.error("wrong-type", path, format!("`{field}`: expected a string")).label =
                "a string is wanted here".to_owned();
        }
        Text::Absent => {
            let misspelt = match &report.root().value {
                Value::Mapping(entries) => entries.iter().find(|entry| nearest(&entry.key, [field]).is_some()),
                Value::Null
                | Value::Boolean(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::String(_)
                | Value::Sequence(_) => None,
            };
            let key = misspelt.map(|entry| entry.key.clone());
            let finding = report.error("missing-field", path, format!("missing field `{field}`"));
            finding.label = format!("`{field}` is missing here");
            finding.mends.extend(key.map(|key| mend(format!("write `{field}` in place of `{key}`"))));
        }
    }
}

/// What an object is called, for a kind of `scope` (`None`: not known). Without a name it is called nothing, and that is
/// reported where an object of its kind needs one.
pub(super) fn reference(
    api_version: &Arc<str>,
    kind: &Arc<str>,
    scope: Option<Scope>,
    version: KubernetesVersion,
    report: &mut Report<'_>,
) -> ObjectReference {
    let rule = NameRule::of(group_of(api_version), kind, version);
    let name = name(rule, report);
    let written = report.root().get("metadata").and_then(|metadata| metadata.get("namespace"));
    let written = written.and_then(Node::as_str).filter(|namespace| !namespace.is_empty()).map(Arc::<str>::from);
    let namespace = match scope {
        Some(Scope::Namespaced) => Some(written.unwrap_or_else(|| Arc::from("default"))),
        Some(Scope::Cluster) => None,
        None => written,
    };
    let reference = ObjectReference { api_version: api_version.clone(), kind: kind.clone(), namespace, name };
    report.name(&reference);
    if let Some(namespace) = &reference.namespace
        && let Some(problem) = NameRule::Label.problem(namespace)
    {
        let path = FieldPath::root().key("metadata").key("namespace");
        report.error("invalid-name", path, format!("namespace {namespace:?} is not a name: {problem}"));
    }
    reference
}

/// Whether an object has what the API server could call it by.
pub(super) fn is_named(root: &Node) -> bool {
    let given = |field| root.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Node::as_str);
    ["name", "generateName"].into_iter().any(|field| given(field).is_some_and(|text| !text.is_empty()))
}

fn name(rule: NameRule, report: &mut Report<'_>) -> Arc<str> {
    let metadata = FieldPath::root().key("metadata");
    let given = |field: &str| report.root().get("metadata").and_then(|node| node.get(field));
    let text = |field: &str| given(field).and_then(Node::as_str).filter(|text| !text.is_empty());
    if let Some(name) = text("name") {
        if let Some(problem) = rule.problem(name) {
            report.error("invalid-name", metadata.key("name"), format!("{name:?} is not a name: {problem}"));
        }
        return Arc::from(name);
    }
    if let Some(prefix) = text("generateName") {
        if let Some(problem) = rule.problem_of_prefix(prefix) {
            let path = metadata.key("generateName");
            report.error("invalid-name", path, format!("{prefix:?} does not start a name: {problem}"));
        }
        return Arc::from(format!("{prefix}*"));
    }
    let is_wrong_type = given("name").is_some_and(|node| !matches!(node.value, Value::Null | Value::String(_)));
    // A name of another type is reported as such.
    if rule != NameRule::Free && !is_wrong_type {
        report.error("missing-field", metadata.key("name"), "missing field `metadata.name`").label =
            "the object has no name".to_owned();
    }
    Arc::from("")
}
