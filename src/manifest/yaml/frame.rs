//! Collections that are open while a document is read.

use std::ops::Range;
use std::sync::Arc;

use super::super::node::{Entry, Node, Value};
use super::super::span::Span;
use super::compose::to_span;
use super::expansion::{Composed, Standing};
use super::interner::{Interner, intern};
use super::mapping::{Clash, KeyType, MappingBuilder};
use super::number;
use super::problem::{ProblemKind, Shape};
use super::scalar::Scalar;

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// By indentation.
    Block,
    /// Between brackets or braces.
    Flow,
}

/// An open collection.
#[derive(Debug)]
pub(super) struct Frame {
    start: usize,
    /// The end of the last thing in it.
    end: Option<u32>,
    writer: Writer,
    anchor: usize,
    steps: u64,
    height: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Sequence(Vec<Node>),
    Mapping(Box<MappingBuilder>, Pending),
}

/// What a mapping waits for.
#[derive(Debug)]
enum Pending {
    Key,
    Value(PendingKey),
    Merge(Span),
}

#[derive(Debug)]
struct PendingKey {
    text: Arc<str>,
    key_type: KeyType,
    span: Span,
    /// Ranges in the document's text: what stands before the key, and the key.
    before: Range<usize>,
    range: Range<usize>,
}

type Fault = (ProblemKind, Span);

impl Frame {
    pub(super) const fn sequence(start: usize, writer: Writer, anchor: usize) -> Self {
        Self { start, end: None, writer, anchor, steps: 1, height: 0, content: Content::Sequence(Vec::new()) }
    }

    pub(super) fn mapping(start: usize, writer: Writer, anchor: usize) -> Self {
        let content = Content::Mapping(Box::default(), Pending::Key);
        Self { start, end: None, writer, anchor, steps: 1, height: 0, content }
    }

    /// Where it starts in the document's text.
    pub(super) const fn start(&self) -> usize {
        self.start
    }

    pub(super) const fn writer(&self) -> Writer {
        self.writer
    }

    /// The anchor of the whole collection; 0 for none.
    pub(super) const fn anchor(&self) -> usize {
        self.anchor
    }

    /// Whether the next node is a key.
    pub(super) const fn wants_key(&self) -> bool {
        matches!(&self.content, Content::Mapping(_, Pending::Key))
    }

    /// The key that waits for its value: the range before it, and its own.
    pub(super) fn pending_key(&self) -> Option<(Range<usize>, Range<usize>)> {
        match &self.content {
            Content::Mapping(_, Pending::Value(key)) => Some((key.before.clone(), key.range.clone())),
            Content::Mapping(_, Pending::Key | Pending::Merge(_)) | Content::Sequence(_) => None,
        }
    }

    /// Takes `<<` as a key.
    pub(super) fn merge_key(&mut self, base: usize, range: Range<usize>) {
        let span = to_span(base, range);
        if let Content::Mapping(_, pending) = &mut self.content {
            *pending = Pending::Merge(span);
        }
        self.end = self.end.max(Some(span.end));
    }

    /// Puts a value into the collection: an item, a key, or the value of the last key. `range` is its place in the
    /// document's text and `gap_start` where the token before it ends.
    pub(super) fn attach(
        &mut self,
        composed: Composed,
        keys: &mut Interner,
        gap_start: usize,
        range: Range<usize>,
    ) -> Result<Vec<(Clash, Span)>, Fault> {
        self.steps += composed.steps;
        self.height = self.height.max(composed.height);
        let span = composed.node.span;
        let mut clashes = Vec::new();
        match &mut self.content {
            Content::Sequence(items) => items.push(composed.node),
            Content::Mapping(builder, pending) => match std::mem::replace(pending, Pending::Key) {
                Pending::Key => {
                    let (text, key_type) = key(&composed, keys).map_err(|kind| (kind, span))?;
                    let before = gap_start.min(range.start)..range.start;
                    *pending = Pending::Value(PendingKey { text, key_type, span, before, range });
                }
                Pending::Value(key) => {
                    let key_span = key.span;
                    let entry = Entry { key: key.text, key_span, value: composed.node };
                    clashes.extend(builder.set(entry, key.key_type).map(|clash| (clash, key_span)));
                }
                Pending::Merge(merge) => {
                    let list = matches!(composed.node.value, Value::Sequence(_));
                    if list && composed.standing == Standing::Alias {
                        return Err((ProblemKind::Merge, span));
                    }
                    let found = builder.merge(&composed.node).map_err(|kind| (kind, span))?;
                    clashes.extend(found.into_iter().map(|clash| (clash, merge)));
                }
            },
        }
        self.end = self.end.max(Some(span.end));
        Ok(clashes)
    }

    /// The finished collection. `closed_at` is behind its bracket or brace, where it has one.
    pub(super) fn finish(self, base: usize, closed_at: Option<usize>) -> Result<Composed, Fault> {
        let mut span = to_span(base, self.start..closed_at.unwrap_or(self.start));
        span.end = span.end.max(self.end.unwrap_or(0));
        let value = match self.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping(builder, Pending::Key) => Value::Mapping(builder.into_entries()),
            Content::Mapping(_, Pending::Value(_) | Pending::Merge(_)) => {
                return Err((ProblemKind::Syntax("a key has no value".to_owned()), span));
            }
        };
        let node = Node { value, span };
        Ok(Composed { node, scalar: None, steps: self.steps, height: self.height + 1, standing: Standing::Here })
    }
}

/// A key as its text in JSON (`convertToJSONableObject` in `sigs.k8s.io/yaml`).
fn key(composed: &Composed, keys: &mut Interner) -> Result<(Arc<str>, KeyType), ProblemKind> {
    let shape = match &composed.scalar {
        Some(Scalar::Boolean(true)) => return Ok((intern(keys, "true"), KeyType::Boolean)),
        Some(Scalar::Boolean(false)) => return Ok((intern(keys, "false"), KeyType::Boolean)),
        Some(Scalar::Integer(integer)) if i64::try_from(*integer).is_ok() => {
            return Ok((intern(keys, &integer.to_string()), KeyType::Integer));
        }
        Some(Scalar::Float(float)) => return Ok((intern(keys, &number::float_key(*float)), KeyType::Float)),
        Some(Scalar::Text | Scalar::Decoded(_)) => match &composed.node.value {
            Value::String(text) => return Ok((intern(keys, text), KeyType::Text)),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => Shape::Null,
        },
        Some(Scalar::Integer(_)) => Shape::LargeInteger,
        Some(Scalar::Null) => Shape::Null,
        None if matches!(composed.node.value, Value::Sequence(_)) => Shape::Sequence,
        None => Shape::Mapping,
    };
    Err(ProblemKind::Key(shape))
}
