//! Which documents are objects, and lists to their items.

use std::sync::Arc;

use super::super::field_path::FieldPath;
use super::super::node::{Entry, Node, Value};
use super::super::source::Place;
use super::super::span::Span;
use super::super::yaml::Document;
use crate::finding::{Finding, Severity};

/// The rule of a mapping that has only one of `apiVersion` and `kind`.
pub const INCOMPLETE_OBJECT: &str = "incomplete-object";

/// What the documents of one source come to.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// The objects; each item of a list for itself.
    pub objects: Vec<Document>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Documents that are not Kubernetes', by their texts.
    pub skipped: Vec<Span>,
}

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is a document.
    Document,
    /// It is an item of a list.
    Item,
}

/// Sorts the documents of one source.
pub(super) fn sort(documents: Vec<Document>) -> Sorted {
    let mut sorted = Sorted::default();
    for document in documents {
        sorted.take(document, Standing::Document);
    }
    sorted
}

impl Sorted {
    fn take(&mut self, document: Document, standing: Standing) {
        let api_version = name_of_type(&document.root, "apiVersion");
        let kind = name_of_type(&document.root, "kind");
        match (api_version, kind, standing) {
            (TypeName::Text(_), TypeName::Text(kind), _) => {
                if kind.ends_with("List") && items_of(&document.root).is_some() {
                    self.list(document);
                } else {
                    self.objects.push(document);
                }
            }
            (TypeName::Absent, TypeName::Absent, Standing::Document) => self.skipped.push(document.span),
            // A repository's index of charts, a data source of Grafana, a pipeline: they have one of the two, and no metadata.
            (_, _, Standing::Document) if is_foreign(&document.root) => self.skipped.push(document.span),
            (TypeName::Absent, TypeName::Absent, Standing::Item) => {
                self.incomplete(&document, "this item of a list has neither apiVersion nor kind", FieldPath::root());
            }
            (TypeName::Wrong, _, _) => {
                self.incomplete(&document, "apiVersion must be a text", FieldPath::root().key("apiVersion"));
            }
            (_, TypeName::Wrong, _) => self.incomplete(&document, "kind must be a text", FieldPath::root().key("kind")),
            (TypeName::Absent, TypeName::Text(_), _) => {
                self.incomplete(&document, "apiVersion is missing", FieldPath::root().key("apiVersion"));
            }
            (TypeName::Text(_), TypeName::Absent, _) => {
                self.incomplete(&document, "kind is missing", FieldPath::root().key("kind"));
            }
        }
    }

    fn incomplete(&mut self, document: &Document, message: &str, path: FieldPath) {
        let mut finding = Finding::new(INCOMPLETE_OBJECT, Severity::Error, message);
        finding.place = Some(Place { source: document.source, span: document.root.locate(&path).span });
        finding.path = path;
        finding.help = Some("an object needs both apiVersion and kind".to_owned());
        self.findings.push(finding);
    }

    /// Takes the items of a list. As in kubectl, an item of a `PodList` without a type of its own is a `Pod`.
    fn list(&mut self, document: Document) {
        let Document { source, index, root, span: _ } = document;
        let Value::Mapping(entries) = root.value else { return };
        let find = |key: &str| entries.iter().find(|entry| &*entry.key == key).cloned();
        let item_type = find("apiVersion").zip(find("kind").and_then(item_kind));
        let items = entries.into_iter().find(|entry| &*entry.key == "items").map(|entry| entry.value.value);
        let Some(Value::Sequence(items)) = items else { return };
        for mut item in items {
            if let Some((api_version, kind)) = &item_type {
                set_missing(&mut item, kind);
                set_missing(&mut item, api_version);
            }
            let span = item.span;
            self.take(Document { source, index, root: item, span }, Standing::Item);
        }
    }
}

/// Whether a document that lacks one of `apiVersion` and `kind` is nothing of Kubernetes: not even metadata or items.
fn is_foreign(root: &Node) -> bool {
    root.get("metadata").is_none() && root.get("items").is_none()
}

enum TypeName<'node> {
    Absent,
    Text(&'node str),
    Wrong,
}

fn name_of_type<'node>(root: &'node Node, key: &str) -> TypeName<'node> {
    match root.get(key).map(|node| &node.value) {
        None | Some(Value::Null) => TypeName::Absent,
        Some(Value::String(text)) if text.is_empty() => TypeName::Absent,
        Some(Value::String(text)) => TypeName::Text(text),
        Some(Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Sequence(_) | Value::Mapping(_)) => {
            TypeName::Wrong
        }
    }
}

fn items_of(root: &Node) -> Option<&[Node]> {
    match &root.get("items")?.value {
        Value::Sequence(items) => Some(items),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Mapping(_) => None,
    }
}

/// The entry `kind` of a typed list, changed to that of its items; `None` for `List` itself.
fn item_kind(mut kind: Entry) -> Option<Entry> {
    let item = kind.value.as_str()?.strip_suffix("List").filter(|item| !item.is_empty())?;
    kind.value.value = Value::String(Arc::from(item));
    Some(kind)
}

fn set_missing(item: &mut Node, entry: &Entry) {
    let missing = item.get(&entry.key).is_none_or(|node| matches!(node.value, Value::Null));
    if missing && let Value::Mapping(entries) = &mut item.value {
        entries.retain(|other| other.key != entry.key);
        entries.insert(0, entry.clone());
    }
}
