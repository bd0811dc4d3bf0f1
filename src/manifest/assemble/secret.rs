//! The places of Secret values. Findings may be shown with the text around them; these parts of it must not be.

use crate::manifest::{Node, Place, SourceId, Value};

/// The annotation in which kubectl keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Adds the places of the values in `root` when it is a Secret.
pub(super) fn places(source: SourceId, root: &Node, into: &mut Vec<Place>) {
    if root.get("kind").and_then(Node::as_str) != Some("Secret") {
        return;
    }
    for field in ["data", "stringData"] {
        match root.get(field).map(|node| (&node.value, node.span)) {
            Some((Value::Mapping(entries), _)) => {
                into.extend(entries.iter().map(|entry| Place { source, span: entry.value.span }));
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
