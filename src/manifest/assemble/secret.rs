//! The places of Secret values. Findings may be shown with the text around them; these parts of it must not be.

use crate::manifest::{Node, Place, SourceId, Value};

/// The annotation in which kubectl keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A value that is not the text it was meant to be: `{a: b}`, `[a]`. What looks like a key in it is part of it.
fn nested(source: SourceId, value: &Node, into: &mut Vec<Place>) {
    let mut add = |span| into.push(Place { source, span });
    match &value.value {
        Value::Mapping(entries) => {
            for entry in entries {
                add(entry.key_span);
                add(entry.value.span);
            }
            entries.iter().for_each(|entry| nested(source, &entry.value, into));
        }
        Value::Sequence(items) => {
            items.iter().for_each(|item| add(item.span));
            items.iter().for_each(|item| nested(source, item, into));
        }
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {}
    }
}

/// Adds the places of the values in `root` when it is a Secret.
pub(super) fn places(source: SourceId, root: &Node, into: &mut Vec<Place>) {
    if root.get("kind").and_then(Node::as_str) != Some("Secret") {
        return;
    }
    for field in ["data", "stringData"] {
        match root.get(field).map(|node| (&node.value, node.span)) {
            Some((Value::Mapping(entries), _)) => {
                for entry in entries {
                    into.push(Place { source, span: entry.value.span });
                    nested(source, &entry.value, into);
                }
            }
            Some((_, span)) => into.push(Place { source, span }),
            None => {}
        }
    }
    let annotations = root.get("metadata").and_then(|metadata| metadata.get("annotations"));
    if let Some(copy) = annotations.and_then(|annotations| annotations.get(LAST_APPLIED)) {
        into.push(Place { source, span: copy.span });
    }
}
