//! Places as programs name them.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use crate::manifest::{Origin, Place, Source, SourceMap};

/// A place in a source. Lines and columns count from 1, columns in Unicode scalar values; the end is exclusive:
/// `endColumn` is one past the last character, and an empty place ends where it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    /// The path as given, `-` for standard input, the chart or overlay for rendered text.
    pub(super) file: String,
    pub(super) start_line: u32,
    pub(super) start_column: u32,
    pub(super) end_line: u32,
    pub(super) end_column: u32,
    /// Whether the positions are positions in the output of a renderer, not in `file`.
    pub(super) rendered: bool,
    /// The chart's template that gave the rendered text, where that is known: `file`, and the path below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<String>,
}

impl Location {
    /// The file to open: the template, where it is known.
    pub(super) fn nearest_file(&self) -> &str {
        self.template.as_deref().unwrap_or(&self.file)
    }

    pub(super) fn of(place: Place, sources: &SourceMap) -> Self {
        let source = sources.get(place.source);
        let start = source.line_column(place.span.start);
        let end = source.line_column(place.span.end.max(place.span.start));
        Self {
            file: source.name.to_string(),
            start_line: start.line,
            start_column: start.column,
            end_line: end.line,
            end_column: end.column,
            rendered: match source.origin {
                Origin::Written => false,
                Origin::Rendered => true,
            },
            template: template(source, place.span.start),
        }
    }
}

/// The template that gave what stands at `offset`: `charts/web/templates/service.yaml`.
pub(super) fn template(source: &Source, offset: u32) -> Option<String> {
    let path = source.template(offset)?;
    Some(if &*source.name == "." { path.to_owned() } else { format!("{}/{path}", source.name.trim_end_matches('/')) })
}

/// What a path segment may carry as it is (RFC 3986).
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\\');

/// A file's name as a relative URI reference; an absolute path becomes a `file:` URI. A colon in the first segment
/// would look like a scheme and is escaped too.
pub(super) fn uri(file: &str) -> String {
    let path = if cfg!(windows) { file.replace('\\', "/") } else { file.to_owned() };
    let path = path.strip_prefix("./").unwrap_or(&path);
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            uri.push('/');
        }
        let escaped = utf8_percent_encode(segment, ESCAPED).to_string();
        if index == 0 {
            uri.push_str(&escaped.replace(':', "%3A"));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "{escaped}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_uri_references() {
        assert_eq!(uri("./a b/ü#1.yaml"), "a%20b/%C3%BC%231.yaml");
        assert_eq!(uri("c:x/y:z.yaml"), "c%3Ax/y:z.yaml");
        assert_eq!(uri("/srv/a.yaml"), "file:///srv/a.yaml");
        assert_eq!(uri("../a[1]%.yaml"), "../a%5B1%5D%25.yaml");
    }
}
