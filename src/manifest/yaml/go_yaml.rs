//! What go-yaml v2's grammar, libyaml's YAML 1.1, refuses and the parser used here, made for YAML 1.2, accepts. A
//! manifest that kubectl cannot read must not pass.

use std::ops::Range;

use super::problem::ProblemKind;

/// What stands before a gap between two tokens in block context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// The start of a line: a key may follow.
    LineStart,
    /// A plain scalar. libyaml reads the blanks behind it as part of it, inside collections that start at this offset.
    Plain {
        /// Where the innermost block collection starts; `None` outside of any.
        collection: Option<usize>,
    },
    /// Any other token.
    Token,
}

/// The column, from 0, of the byte at `offset`.
pub(super) fn column(text: &str, offset: usize) -> usize {
    let line = text[..offset].rfind(['\n', '\r']).map_or(0, |line_break| line_break + 1);
    offset - line
}

/// The first tab in the gap where libyaml allows none: at the start of a line, and behind `-` and `?`.
pub(super) fn tab_in_gap(text: &str, gap: Range<usize>, before: Before) -> Option<usize> {
    let (from, mut key_allowed) = match before {
        Before::LineStart => (gap.start, true),
        Before::Token => (gap.start, false),
        Before::Plain { collection } => {
            let end = blanks_end(text, gap.clone());
            if let Some(tab) = tab_in_indentation(text, gap.start..end, collection) {
                return Some(tab);
            }
            (end, text[gap.start..end].contains(['\n', '\r']))
        }
    };
    let bytes = text.as_bytes();
    let mut at = from;
    let mut at_line_start = key_allowed;
    while at < gap.end {
        let rest = &text[at..gap.end];
        match bytes[at] {
            b'\t' if key_allowed => return Some(at),
            b'\n' | b'\r' => (key_allowed, at_line_start) = (true, true),
            b' ' | b'\t' => {}
            0xEF if rest.starts_with('\u{feff}') => {
                at += 3;
                continue;
            }
            b'#' => {
                at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                continue;
            }
            b'-' if rest.starts_with("---") => {
                (key_allowed, at_line_start) = (false, false);
                at += 3;
                continue;
            }
            b'-' | b'?' => (key_allowed, at_line_start) = (true, false),
            // Behind the colon of a key on its own line (`? key`) another key may follow.
            b':' => (key_allowed, at_line_start) = (at_line_start, false),
            _ => {
                (key_allowed, at_line_start) = (false, false);
                at += rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len());
                continue;
            }
        }
        at += 1;
    }
    None
}

fn blanks_end(text: &str, gap: Range<usize>) -> usize {
    let rest = &text[gap.clone()];
    gap.start + rest.find(|character| !matches!(character, ' ' | '\t' | '\n' | '\r')).unwrap_or(rest.len())
}

/// The first tab that stands in a line's indentation, left of where the content of a collection at `collection` begins.
pub(super) fn tab_in_indentation(text: &str, range: Range<usize>, collection: Option<usize>) -> Option<usize> {
    let least = collection.map_or(0, |start| column(text, start) + 1);
    let bytes = text.as_bytes();
    let mut indentation = None;
    for at in range {
        match (bytes[at], indentation) {
            (b'\n' | b'\r', _) => indentation = Some(0),
            (b'\t', Some(column)) if column < least => return Some(at),
            (b' ' | b'\t', Some(column)) => indentation = Some(column + 1),
            (_, _) => indentation = None,
        }
    }
    None
}

/// The first tab in the indentation of a block scalar's lines, and in the blanks before its first one. `gap` ends where
/// `content` starts and holds the header (`|`, `>-2`); what stands before the header is left to [`tab_in_gap`].
pub(super) fn tab_in_block_scalar(text: &str, gap: Range<usize>, content: Range<usize>) -> Option<usize> {
    let header = header(text, gap.clone());
    let line = &text[header..gap.end];
    let header_end = header + line.find(['\n', '\r', '#']).unwrap_or(line.len());
    let explicit = text[header..header_end].contains(|character: char| character.is_ascii_digit());
    let indentation = column(text, content.start);
    let bytes = text.as_bytes();
    let lines = header_end + text[header_end..gap.end].find(['\n', '\r']).unwrap_or(gap.end - header_end);
    if let Some(tab) = text[lines..gap.end].find('\t') {
        return Some(lines + tab);
    }
    if !explicit && bytes.get(content.start) == Some(&b'\t') && !content.is_empty() {
        return Some(content.start);
    }
    let mut spaces = None;
    for at in content {
        match (bytes[at], spaces) {
            (b'\n' | b'\r', _) => spaces = Some(0),
            (b'\t', Some(found)) if found < indentation => return Some(at),
            (b' ', Some(found)) => spaces = Some(found + 1),
            (_, _) => spaces = None,
        }
    }
    None
}

/// Where the header of a block scalar starts in the gap before its content; the gap's end where the parser takes the header
/// for the content, because nothing follows it.
pub(super) fn header(text: &str, gap: Range<usize>) -> usize {
    first_indicator(text, gap.clone(), |byte| matches!(byte, b'|' | b'>')).unwrap_or(gap.end)
}

/// The first dash in the gap before a list's first item.
pub(super) fn first_dash(text: &str, gap: Range<usize>) -> Option<usize> {
    first_indicator(text, gap, |byte| byte == b'-')
}

/// The first of the wanted indicators in a gap, outside of comments, anchors and tags.
fn first_indicator(text: &str, gap: Range<usize>, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = gap.start;
    while at < gap.end {
        let byte = bytes[at];
        let skipped = match byte {
            b'#' => bytes[at..gap.end].iter().position(|byte| matches!(byte, b'\n' | b'\r')),
            b'&' | b'!' => bytes[at..gap.end].iter().position(u8::is_ascii_whitespace),
            _ if wanted(byte) => return Some(at),
            _ => Some(1),
        };
        at += skipped.unwrap_or(gap.end - at);
    }
    None
}

/// The first escape in a double-quoted scalar that YAML 1.1 does not know: `\/`, and halves of surrogate pairs.
pub(super) fn unknown_escape(text: &str, range: Range<usize>) -> Option<usize> {
    let bytes = text.get(range.clone())?.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\\') {
        at += found;
        match bytes.get(at + 1..)? {
            [b'/', ..] | [b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
                return Some(range.start + at);
            }
            _ => at += 2,
        }
    }
    None
}

/// Whether `name` may name an anchor, and `after`, the text behind the name, may follow it.
pub(super) fn is_anchor(name: &str, after: &str) -> bool {
    let ends = after.chars().next().is_none_or(|next| next.is_ascii_whitespace() || "?:,]}%@`".contains(next));
    ends && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether libyaml reads the tag in `range` as this parser does: it ends at a blank only, brackets and commas or not.
pub(super) fn is_tag(text: &str, range: Range<usize>) -> bool {
    let ends = text[range.end..].chars().next().is_none_or(|next| next.is_ascii_whitespace());
    ends && !text[range].contains('#')
}

/// What is wrong with a plain scalar between brackets: `?` and a leading colon are always indicators there, and a colon
/// belongs to the text unless a blank follows.
pub(super) fn flow_indicator(text: &str, range: Range<usize>) -> Option<ProblemKind> {
    let scalar = &text[range.clone()];
    let after = text[range.end..].trim_start_matches([' ', '\t', '\n', '\r']).strip_prefix(':');
    let glued_colon = after.and_then(|after| after.chars().next()).is_some_and(|next| !next.is_whitespace());
    let refused = scalar.starts_with(':') || scalar.contains('?') || (glued_colon && !scalar.is_empty());
    refused.then_some(ProblemKind::FlowIndicator)
}

/// Whether a key between braces and its colon stand on one line. `before` ends where the key starts, `after` starts
/// where it ends and goes up to the value. A key behind `?` may stand anywhere.
pub(super) fn key_on_one_line(text: &str, before: Range<usize>, key: Range<usize>, after: Range<usize>) -> bool {
    let gap = &text[after];
    let colon = gap.find([':', '#']).filter(|at| gap[*at..].starts_with(':'));
    let gap = match (colon, gap.find('#')) {
        (Some(colon), _) => &gap[..colon],
        // The colon stands behind a comment, on another line, or nowhere.
        (None, Some(comment)) if gap[comment..].contains(['\n', '\r']) && has_colon_behind_comments(gap) => gap,
        (None, _) => return true,
    };
    let one_line = !gap.contains(['\n', '\r']) && !text[key].contains(['\n', '\r']);
    one_line || text[before].contains('?')
}

fn has_colon_behind_comments(gap: &str) -> bool {
    gap.lines().any(|line| line.split('#').next().is_some_and(|code| code.contains(':')))
}

/// The first line of a text, when it is a directive.
pub(super) fn first_directive(text: &str) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let line = text[start..].lines().next().filter(|line| line.starts_with('%'))?;
    Some(start..start + line.trim_end().len())
}

/// The first line before a document that go-yaml refuses: a directive other than `%YAML 1.1` and `%TAG`, and the end of
/// a document that has not begun.
pub(super) fn refused_line(text: &str, before: Range<usize>) -> Option<Range<usize>> {
    let mut offset = before.start;
    for line in text[before].split_inclusive(['\n', '\r']) {
        let range = offset..offset + line.trim_end().len();
        offset += line.len();
        let mut words = line.trim_start_matches('\u{feff}').split_whitespace();
        let refused = match words.next() {
            Some("%YAML") => words.next() != Some("1.1"),
            Some("%TAG") => false,
            Some(word) => word.starts_with('%') || line.starts_with("..."),
            None => false,
        };
        if refused {
            return Some(range);
        }
    }
    None
}
