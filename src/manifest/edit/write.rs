//! Values as lines, in the file's own layout.

use serde_json::Value;

use crate::manifest::{Node, Value as Tree};

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Columns by which a mapping in a mapping is moved in.
    pub(super) step: usize,
    /// Columns by which the dashes of a list are.
    pub(super) dash: usize,
}

impl Layout {
    /// The layout of the first collections in `root`.
    pub(super) fn of(text: &str, root: &Node) -> Self {
        let mut layout = (None, None);
        look(text, root, &mut layout);
        Self { step: layout.0.unwrap_or(2), dash: layout.1.unwrap_or(2) }
    }
}

fn look(text: &str, node: &Node, found: &mut (Option<usize>, Option<usize>)) {
    match &node.value {
        Tree::Mapping(entries) => {
            for entry in entries {
                let key = column(text, entry.key_span.start as usize);
                let start = entry.value.span.start as usize;
                let moved = column(text, start).checked_sub(key);
                let is_below = line_start(text, start) != line_start(text, entry.key_span.start as usize);
                let is_block = |first: char| !text.get(start..).is_some_and(|rest| rest.starts_with(first));
                match &entry.value.value {
                    Tree::Mapping(_) if is_below && is_block('{') => found.0 = found.0.or(moved.filter(|own| *own > 0)),
                    Tree::Sequence(_) if is_below && is_block('[') => found.1 = found.1.or(moved),
                    _ => {}
                }
                look(text, &entry.value, found);
            }
        }
        Tree::Sequence(items) => items.iter().for_each(|item| look(text, item, found)),
        Tree::Null | Tree::Boolean(_) | Tree::Integer(_) | Tree::Float(_) | Tree::String(_) => {}
    }
}

/// The column of a byte, from 0.
pub(super) fn column(text: &str, offset: usize) -> usize {
    text.get(line_start(text, offset)..offset).map_or(0, |before| before.chars().count())
}

/// The first byte of the line of a byte.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
}

/// `key: value` as lines without their ends, moved in by `indent` columns.
pub(super) fn entry_lines(key: &str, value: &Value, indent: usize, layout: Layout) -> Vec<String> {
    let head = format!("{}{}:", " ".repeat(indent), text_of(key));
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let inner = entries.iter().flat_map(|(key, value)| entry_lines(key, value, indent + layout.step, layout));
            std::iter::once(head).chain(inner).collect()
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            let inner = items.iter().flat_map(|item| item_lines(item, indent + layout.dash, layout));
            std::iter::once(head).chain(inner).collect()
        }
        other => vec![format!("{head} {}", flow(other, Quotes::WhereNeeded))],
    }
}

/// `- item` as lines, the dash moved in by `indent` columns.
pub(super) fn item_lines(item: &Value, indent: usize, layout: Layout) -> Vec<String> {
    let dash = format!("{}- ", " ".repeat(indent));
    let mut lines: Vec<String> = match item {
        Value::Object(entries) if !entries.is_empty() => {
            entries.iter().flat_map(|(key, value)| entry_lines(key, value, indent + 2, layout)).collect()
        }
        other => return vec![format!("{dash}{}", flow(other, Quotes::WhereNeeded))],
    };
    if let Some(first) = lines.first_mut() {
        *first = format!("{dash}{}", first.trim_start());
    }
    lines
}

/// Which texts are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    WhereNeeded,
    /// As JSON has it.
    Always,
}

/// A value on one line.
pub(super) fn flow(value: &Value, quotes: Quotes) -> String {
    let text = |text: &str| match quotes {
        Quotes::WhereNeeded => text_of(text),
        Quotes::Always => Value::from(text).to_string(),
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(own) => text(own),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, quotes)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", text(key), flow(value, quotes))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A text as YAML: plain where that cannot be taken for anything else.
fn text_of(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|own| own.is_ascii_alphanumeric() || matches!(own, '-' | '_' | '.' | '/'));
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if is_quantity(text) || is_plain && !words.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Whether a text is a whole number with a unit, as people write `500m` and `64Mi`: no reader takes that for a number.
fn is_quantity(text: &str) -> bool {
    const UNITS: [&str; 9] = ["m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    let number = text.trim_end_matches(|own: char| own.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    !number.is_empty() && number.chars().all(|own| own.is_ascii_digit()) && UNITS.contains(&unit)
}
