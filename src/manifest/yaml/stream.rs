//! A stream cut into documents as kubectl cuts it (`YAMLOrJSONDecoder` and `YAMLReader` in
//! `k8s.io/apimachinery/pkg/util/yaml`), before any of them is parsed, so that a broken one does not hide the others.

use std::ops::Range;

use serde::de::IgnoredAny;

/// What a piece of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The text of one YAML document, its own `---` with it when nothing but separators stands before it.
    Yaml(Range<usize>),
    /// The text of one JSON value.
    Json(Range<usize>),
    /// A line that starts with `---` and goes on with something other than a comment, and what follows it up to the
    /// next separator. kubectl stops there.
    BadSeparator {
        /// The line, without its end.
        line: Range<usize>,
    },
    /// What follows at least two JSON values and is no JSON. kubectl stops there.
    BadJson {
        /// Where JSON ends.
        offset: usize,
        /// What the JSON parser says.
        reason: String,
    },
}

/// How far kubectl looks into a stream for the `{` that makes it JSON.
const JSON_LOOKAHEAD_BYTES: usize = 4096;

/// Cuts `text` into its documents, in order.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let start = text.len() - text.trim_start().len();
    if start < JSON_LOOKAHEAD_BYTES && text[start..].starts_with('{') {
        match json_values(text, &mut pieces) {
            JsonEnd::End => return pieces,
            JsonEnd::Yaml(from) => cut_yaml(text, from, &mut pieces),
        }
    } else {
        cut_yaml(text, 0, &mut pieces);
    }
    pieces
}

enum JsonEnd {
    /// The stream is read.
    End,
    /// YAML begins at this offset.
    Yaml(usize),
}

/// Reads JSON values one behind another. With fewer than two the stream may still be YAML.
fn json_values(text: &str, pieces: &mut Vec<Piece>) -> JsonEnd {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut consumed = 0;
    loop {
        match values.next() {
            None => return JsonEnd::End,
            Some(Ok(_)) => {
                let end = values.byte_offset();
                let start = end - text[consumed..end].trim_start().len();
                pieces.push(Piece::Json(start..end));
                consumed = end;
            }
            Some(Err(error)) if pieces.len() > 1 => {
                let offset = offset_of(text, error.line(), error.column());
                pieces.push(Piece::BadJson { offset: offset.max(consumed), reason: reason(&error) });
                return JsonEnd::End;
            }
            Some(Err(_)) => return JsonEnd::Yaml(consumed + leading_blank_line(&text[consumed..])),
        }
    }
}

/// What is wrong with `text` as JSON, and where; `None` when it is JSON.
pub(super) fn json_fault(text: &str) -> Option<(usize, String)> {
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    Some((offset_of(text, error.line(), error.column()), reason(&error)))
}

/// `serde_json`'s text without its place, which is of no use: places are kept as spans.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or_else(|| text.clone(), |end| text[..end].to_owned())
}

/// The byte offset of `serde_json`'s line and column (both from 1, the column in bytes).
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = if line < 2 {
        0
    } else {
        text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1)
    };
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The length of the blanks up to and including the first line feed, as kubectl eats them between JSON and YAML.
fn leading_blank_line(text: &str) -> usize {
    let blank = text.len() - text.trim_start().len();
    text[..blank].find('\n').map_or(blank, |line_feed| line_feed + 1)
}

fn cut_yaml(text: &str, from: usize, pieces: &mut Vec<Piece>) {
    let mut start = from;
    let mut readable = true;
    let mut offset = from;
    for line in text[from..].split_inclusive('\n') {
        let end = offset + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if offset > start && readable {
                pieces.push(Piece::Yaml(start..offset));
            }
            let has_content_before = offset > start;
            if rest.is_empty() || rest.starts_with('#') {
                // A separator with nothing before it belongs to the document that follows, as in kubectl.
                start = if has_content_before && readable { end } else { offset };
                readable = true;
            } else {
                pieces.push(Piece::BadSeparator { line: offset..offset + line.trim_end().len() });
                start = offset;
                readable = false;
            }
        }
        offset = end;
    }
    if readable && offset > start {
        pieces.push(Piece::Yaml(start..offset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(stream: &str) -> Vec<&str> {
        cut(stream)
            .into_iter()
            .map(|piece| match piece {
                Piece::Yaml(range) | Piece::Json(range) => &stream[range],
                Piece::BadSeparator { line } => &stream[line],
                Piece::BadJson { offset, .. } => &stream[offset..],
            })
            .collect()
    }

    #[test]
    fn cuts_at_lines_that_start_with_three_dashes() {
        assert_eq!(texts("a: 1\n---\nb: [\n--- # next\nc: 3"), ["a: 1\n", "b: [\n", "c: 3"]);
        assert_eq!(texts("---\na: 1\n---\n---\nb: 2\n---"), ["---\na: 1\n", "---\nb: 2\n"]);
    }

    #[test]
    fn goes_on_after_what_stops_kubectl() {
        assert_eq!(texts("a: 1\n--- b: 2\nc: 3\n---\nd: 4\n"), ["a: 1\n", "--- b: 2", "---\nd: 4\n"]);
        assert_eq!(texts("a: |\n-----BEGIN X-----\n"), ["a: |\n", "-----BEGIN X-----"]);
    }

    #[test]
    fn json_values_need_no_separator() {
        assert_eq!(texts(" {\"a\": 1}{}\n[2]"), ["{\"a\": 1}", "{}", "[2]"]);
        assert_eq!(texts("{\"a\": 1}\n---\nb: 2\n"), ["{\"a\": 1}", "---\nb: 2\n"]);
        assert_eq!(texts("{a: 1}\n---\nb: 2\n"), ["{a: 1}\n", "b: 2\n"]);
        assert_eq!(texts("{} {}\n---\n"), ["{}", "{}", "--\n"]);
    }
}
