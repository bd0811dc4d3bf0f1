//! Where in a text a value goes.

use std::ops::Range;

use serde_json::{Map, Value};

use super::apply::{Change, EditError};
use super::write::{Layout, Quotes, column, entry_lines, flow, item_lines, line_start};
use crate::manifest::{Entry, FieldPath, Node, Segment, Span, Value as Tree};

/// `text` with `change` made at `path` of the document `root`.
pub(super) fn splice(text: &str, root: &Node, path: &FieldPath, change: &Change) -> Result<String, EditError> {
    let place = Place { text, layout: Layout::of(text, root), path };
    let found = Found::at(root, path);
    let (range, new) = match (change, found.rest) {
        (Change::Set(value), []) => place.replaced(&found, value)?,
        (Change::Set(value), [key, below @ ..]) => place.inserted(&found, key, &nested(below, value))?,
        (Change::Append(item), []) => place.appended(found.node, item)?,
        (Change::Rename { key, value }, []) => place.renamed(&found, key, value)?,
        (Change::Append(_) | Change::Rename { .. }, _) => return Err(place.refused("it is not there")),
    };
    let (Some(before), Some(after)) = (text.get(..range.start), text.get(range.end..)) else {
        return Err(EditError::NoObject);
    };
    Ok(format!("{before}{new}{after}"))
}

/// `value` below these keys.
fn nested(keys: &[Segment], value: &Value) -> Value {
    keys.iter().rev().fold(value.clone(), |inner, segment| match segment {
        Segment::Key(key) => Value::Object(Map::from_iter([(key.to_string(), inner)])),
        Segment::Index(_) => Value::Array(vec![inner]),
    })
}

/// The deepest value of a path that is there.
struct Found<'a> {
    node: &'a Node,
    /// The key before it.
    entry: Option<&'a Entry>,
    /// What of the path is not there.
    rest: &'a [Segment],
}

impl<'a> Found<'a> {
    fn at(root: &'a Node, path: &'a FieldPath) -> Self {
        let mut found = Self { node: root, entry: None, rest: path.segments() };
        while let [segment, rest @ ..] = found.rest {
            let (entry, node) = match segment {
                Segment::Key(key) => match found.node.entry(key) {
                    Some(entry) => (Some(entry), &entry.value),
                    None => break,
                },
                Segment::Index(index) => match found.node.items().get(*index) {
                    Some(item) => (None, item),
                    None => break,
                },
            };
            found = Found { node, entry, rest };
        }
        found
    }
}

struct Place<'a> {
    text: &'a str,
    layout: Layout,
    path: &'a FieldPath,
}

/// What to put in place of which bytes.
type Spliced = Result<(Range<usize>, String), EditError>;

impl Place<'_> {
    fn refused(&self, why: &'static str) -> EditError {
        EditError::NotWritable { path: self.path.to_string(), why }
    }

    fn starts_with(&self, span: Span, first: char) -> bool {
        self.text.get(span.start as usize..).is_some_and(|rest| rest.starts_with(first))
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.starts_with(node.span, '{') || self.starts_with(node.span, '[')
    }

    fn quotes(&self, node: &Node) -> Quotes {
        match &node.value {
            Tree::Mapping(entries) if entries.first().is_some_and(|entry| self.starts_with(entry.key_span, '"')) => {
                Quotes::Always
            }
            Tree::Sequence(items) if items.first().is_some_and(|item| self.starts_with(item.span, '"')) => {
                Quotes::Always
            }
            _ => Quotes::WhereNeeded,
        }
    }

    fn end_of_lines(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// A value in place of the one that is there.
    fn replaced(&self, found: &Found<'_>, value: &Value) -> Spliced {
        let span = found.node.span;
        let is_collection = matches!(found.node.value, Tree::Mapping(_) | Tree::Sequence(_));
        if span.is_empty() || (is_collection && !self.is_flow(found.node)) || value.is_object() {
            return Err(self.refused("what stands there is no single value"));
        }
        Ok((span.start as usize..span.end as usize, flow(value, self.quotes(found.node))))
    }

    /// An entry that is not there yet.
    fn inserted(&self, found: &Found<'_>, key: &Segment, value: &Value) -> Spliced {
        let Segment::Key(key) = key else { return Err(self.refused("the list has no such item")) };
        let Tree::Mapping(entries) = &found.node.value else {
            return Err(self.refused("what is above it is no mapping"));
        };
        if self.is_flow(found.node) {
            let quotes = self.quotes(found.node);
            let entry = flow(&Value::Object(Map::from_iter([(key.to_string(), value.clone())])), quotes);
            let inner = entry.get(1..entry.len().saturating_sub(1)).unwrap_or_default();
            return Ok(self.between_brackets(
                found.node,
                entries.last().map(|last| end_of(&last.value, last.key_span)),
                inner,
            ));
        }
        let Some(first) = entries.first() else { return Err(self.refused("what is above it is no mapping")) };
        let start = first.key_span.start as usize;
        let lines = entry_lines(key, value, column(self.text, start), self.layout);
        let own_line =
            self.text.get(line_start(self.text, start)..start).is_some_and(|before| before.trim().is_empty());
        let below_key =
            found.entry.filter(|entry| own_line && (entry.key_span.end as usize) < line_start(self.text, start));
        let at = below_key.map_or(found.node.span.end, |entry| entry.key_span.end);
        Ok(self.as_lines(at as usize, &lines))
    }

    /// One more item of a list.
    fn appended(&self, node: &Node, item: &Value) -> Spliced {
        let Tree::Sequence(items) = &node.value else { return Err(self.refused("it is no list")) };
        if self.is_flow(node) {
            let text = flow(item, self.quotes(node));
            return Ok(self.between_brackets(node, items.last().map(|last| last.span.end), &text));
        }
        let lines = item_lines(item, column(self.text, node.span.start as usize), self.layout);
        Ok(self.as_lines(node.span.end as usize, &lines))
    }

    /// Another key and value in place of an entry.
    fn renamed(&self, found: &Found<'_>, key: &str, value: &Value) -> Spliced {
        let Some(entry) = found.entry else { return Err(self.refused("it has no key")) };
        let range = entry.key_span.start as usize..end_of(&entry.value, entry.key_span) as usize;
        if self.text.get(range.clone()).is_none_or(|own| own.contains('#')) {
            return Err(self.refused("a comment stands in it"));
        }
        let start = range.start;
        let own_line =
            self.text.get(line_start(self.text, start)..start).is_some_and(|before| before.trim().is_empty());
        if !own_line || self.is_flow(&entry.value) {
            let quotes = if self.starts_with(entry.key_span, '"') { Quotes::Always } else { Quotes::WhereNeeded };
            let entry = flow(&Value::Object(Map::from_iter([(key.to_owned(), value.clone())])), quotes);
            return Ok((range, entry.get(1..entry.len().saturating_sub(1)).unwrap_or_default().to_owned()));
        }
        let lines = entry_lines(key, value, column(self.text, start), self.layout);
        Ok((range, lines.join(self.end_of_lines()).trim_start().to_owned()))
    }

    /// Into a collection between brackets, behind its last element.
    fn between_brackets(&self, node: &Node, last: Option<u32>, new: &str) -> (Range<usize>, String) {
        match last {
            Some(end) => (end as usize..end as usize, format!(", {new}")),
            None => {
                let inside = node.span.start as usize + 1;
                (inside..inside, new.to_owned())
            }
        }
    }

    /// As lines of their own, below the line with the byte before `offset`.
    fn as_lines(&self, offset: usize, lines: &[String]) -> (Range<usize>, String) {
        let line_end = self.end_of_lines();
        let text = lines.join(line_end);
        if self.text.get(..offset).is_some_and(|before| before.ends_with('\n')) {
            return (offset..offset, format!("{text}{line_end}"));
        }
        match self.text.get(offset..).and_then(|rest| rest.find('\n')) {
            Some(more) => {
                let below = offset + more + 1;
                (below..below, format!("{text}{line_end}"))
            }
            None => (self.text.len()..self.text.len(), format!("{line_end}{text}")),
        }
    }
}

/// The end of an entry.
const fn end_of(value: &Node, key: Span) -> u32 {
    if value.span.end > key.end { value.span.end } else { key.end }
}
