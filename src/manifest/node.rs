//! A document as a tree in which every node knows where it stands.

use std::sync::Arc;

use super::field_path::{FieldPath, Segment};
use super::span::Span;

/// A value with its place in the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// The bytes of the value, without the key before it.
    pub span: Span,
}

/// A value as Kubernetes reads it: what `sigs.k8s.io/yaml` makes of a YAML document before it becomes JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing.
    Null,
    /// A boolean; in YAML also `yes`, `no`, `on`, `off`.
    Boolean(bool),
    /// A whole number; `u64::MAX` fits.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    Sequence(Vec<Node>),
    /// Key and value pairs in the order in which they were written; keys are unique.
    Mapping(Vec<Entry>),
}

/// A key and its value in a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key; a number or boolean as its text.
    pub key: Arc<str>,
    /// The bytes of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// What [`Node::locate`] found for a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// The value's bytes when the path exists (of a whole mapping or sequence: of its key), else those of the nearest
    /// existing parent's key.
    pub span: Span,
    /// Whether the path exists.
    pub exists: Existence,
}

/// Whether a path leads to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It does.
    Present,
    /// It ends in a mapping or sequence that has no such entry.
    Missing,
}

impl Node {
    /// The value of `key`, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, when this is a mapping that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| &*entry.key == key),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Sequence(_) => None,
        }
    }

    /// The text, when this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => None,
        }
    }

    /// The items, when this is a sequence; else nothing.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Mapping(_) => &[],
        }
    }

    /// The value at `path`, if it exists.
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Self> {
        path.segments().iter().try_fold(self, |node, segment| match segment {
            Segment::Key(key) => node.get(key),
            Segment::Index(index) => node.items().get(*index),
        })
    }

    /// Where a finding on `path` is shown: exactly the value when it is a scalar, the key of a mapping or sequence, and for
    /// a missing field the key of its nearest existing parent. At the root (and where no key stands above) it is the
    /// value of `kind`, else the first key of the document.
    #[must_use]
    pub fn locate(&self, path: &FieldPath) -> Located {
        let mut node = self;
        let mut nearest_key = self.heading();
        for segment in path.segments() {
            let next = match segment {
                Segment::Key(key) => node.entry(key).map(|entry| (Some(entry.key_span), &entry.value)),
                Segment::Index(index) => node.items().get(*index).map(|item| (item.first_key(), item)),
            };
            let Some((key_span, value)) = next else {
                return Located { span: nearest_key, exists: Existence::Missing };
            };
            nearest_key = key_span.unwrap_or(value.span);
            node = value;
        }
        let span = match node.value {
            Value::Mapping(_) | Value::Sequence(_) => nearest_key,
            Value::Null if node.span.is_empty() => nearest_key,
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => node.span,
        };
        Located { span, exists: Existence::Present }
    }

    fn first_key(&self) -> Option<Span> {
        match &self.value {
            Value::Mapping(entries) => entries.first().map(|entry| entry.key_span),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Sequence(_) => None,
        }
    }

    fn heading(&self) -> Span {
        self.get("kind").map(|kind| kind.span).or_else(|| self.first_key()).unwrap_or(self.span)
    }

    /// This value as JSON, without places. A float that JSON cannot carry (infinity, not a number) becomes null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Boolean(boolean) => Json::Bool(*boolean),
            Value::Integer(integer) => i64::try_from(*integer)
                .map(Json::from)
                .or_else(|_| u64::try_from(*integer).map(Json::from))
                .unwrap_or(Json::Null),
            Value::Float(float) => serde_json::Number::from_f64(*float).map_or(Json::Null, Json::Number),
            Value::String(text) => Json::String(text.to_string()),
            Value::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json())).collect())
            }
        }
    }
}
