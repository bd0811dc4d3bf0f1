//! Edits one after the other, each read back and compared.

use serde_json::Value;

use super::{intended, splice};
use crate::manifest::yaml::{Document, Limits, parse};
use crate::manifest::{FieldPath, Node, Segment, SourceId, Span};

/// A change at a place in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The document and the object in it.
    pub position: Position,
    /// The field, from the object's root.
    pub path: FieldPath,
    /// What happens there.
    pub change: Change,
}

/// Where an object stands in a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of the document among those that hold something.
    pub document: usize,
    /// The way from the document's root to the object; the root, unless it is an item of a list.
    pub path: FieldPath,
}

/// What happens to a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It has this value afterwards; it and what is above it are added where they are missing.
    Set(Value),
    /// This item is added to the list that it is.
    Append(Value),
    /// It is called `key` afterwards, and has this value.
    Rename {
        /// The new key.
        key: String,
        /// The new value.
        value: Value,
    },
}

/// Why a text cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such object.
    #[error("the object is not where it was")]
    NoObject,
    /// The place has a form that is not edited.
    #[error("{path} cannot be changed in place: {why}")]
    NotWritable {
        /// The field.
        path: String,
        /// What is in the way.
        why: &'static str,
    },
    /// Read back, the text holds something else than intended: an alias or a merge that others use as well.
    #[error("to change {path} would change something else as well")]
    ChangesMore {
        /// The field.
        path: String,
    },
}

/// `text` after `edits`.
///
/// # Errors
/// When an edit is not possible, or changes anything else.
pub fn apply(source: SourceId, text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for edit in edits {
        text = apply_one(source, &text, edit)?;
    }
    Ok(text)
}

fn apply_one(source: SourceId, text: &str, edit: &Edit) -> Result<String, EditError> {
    let documents = documents(source, text);
    let document = documents.get(edit.position.document).ok_or(EditError::NoObject)?;
    let path = edit.position.path.segments().iter().chain(edit.path.segments()).cloned().collect();
    let changed = splice::splice(text, &document.root, &path, &edit.change)?;
    let mut expected: Vec<Value> = documents.iter().map(|document| document.root.to_json()).collect();
    let shown = || path.to_string();
    let mine = expected.get_mut(edit.position.document).ok_or(EditError::NoObject)?;
    intended::change(mine, path.segments(), &edit.change)
        .ok_or_else(|| EditError::NotWritable { path: shown(), why: "what stands there has another form" })?;
    let read: Vec<Value> = self::documents(source, &changed).iter().map(|document| document.root.to_json()).collect();
    if read == expected { Ok(changed) } else { Err(EditError::ChangesMore { path: shown() }) }
}

fn documents(source: SourceId, text: &str) -> Vec<Document> {
    parse(source, text, &Limits::default()).documents
}

/// Where the object with these bytes stands.
#[must_use]
pub fn position(source: SourceId, text: &str, span: Span) -> Option<Position> {
    let documents = documents(source, text);
    let number = documents.iter().position(|document| contains(document.root.span, span))?;
    let path = path_to(&documents.get(number)?.root, span, FieldPath::root())?;
    Some(Position { document: number, path })
}

/// The object at `position`.
#[must_use]
pub fn node_at(source: SourceId, text: &str, position: &Position) -> Option<Node> {
    let mut documents = documents(source, text);
    if position.document >= documents.len() {
        return None;
    }
    documents.swap_remove(position.document).root.at(&position.path).cloned()
}

const fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The way through `items` to the value with these bytes.
fn path_to(node: &Node, span: Span, path: FieldPath) -> Option<FieldPath> {
    let items = node.get("items").map_or(&[][..], Node::items);
    let inside = items.iter().enumerate().find(|(_, item)| contains(item.span, span));
    match inside {
        Some((index, item)) => path_to(item, span, path.key("items").child(Segment::Index(index))),
        None => (node.span == span).then_some(path),
    }
}
