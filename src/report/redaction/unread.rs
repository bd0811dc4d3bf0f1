//! Secrets that could not be read as objects (a syntax error, a merge conflict) have no tree, yet their lines may be
//! quoted. What looks like a value of such a document is blanked by its text.

use std::ops::Range;

/// What looks like a value of a Secret in the documents that `range` touches. Errs on the side of blanking.
pub(crate) fn secret_values_of_unread_documents(text: &str, range: &Range<u32>) -> Vec<Range<u32>> {
    let Some((start, document)) = document_around(text, range.start as usize, range.end as usize) else {
        return Vec::new();
    };
    if !says_secret(document) {
        return Vec::new();
    }
    let is_json = document.trim_start_matches('-').trim_start().starts_with('{');
    let found = if is_json { after_every_colon_in_quotes(document) } else { Vec::new() };
    let offset = |at: usize| u32::try_from(start + at).unwrap_or(u32::MAX);
    found.into_iter().chain(block_values(document)).map(|found| offset(found.start)..offset(found.end)).collect()
}

/// The text from the `---` before `from` to the one after `to`, with its offset.
fn document_around(text: &str, from: usize, to: usize) -> Option<(usize, &str)> {
    let before = text.get(..from.min(text.len()))?;
    let start = before.rfind("\n---").map_or(0, |at| at + 1);
    let after = text.get(to.min(text.len())..)?;
    let end = after.find("\n---").map_or(text.len(), |at| to + at);
    text.get(start..end.max(start)).map(|document| (start, document))
}

fn says_secret(document: &str) -> bool {
    document.match_indices("kind").any(|(at, _)| {
        let rest = document[at + 4..].trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = rest.strip_prefix(':') else { return false };
        let Some(after) = value.trim_start().trim_start_matches(['"', '\'']).strip_prefix("Secret") else {
            return false;
        };
        !after.starts_with(|next: char| next.is_ascii_alphanumeric())
    })
}

/// In block style: everything after the key on the lines below `data:` and `stringData:` that are indented deeper, and
/// whole lines without a key.
fn block_values(document: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut inside: Option<usize> = None;
    let mut offset = 0;
    for line in document.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim_end();
        let indentation = content.len() - content.trim_start().len();
        if content.is_empty() {
            continue;
        }
        if inside.is_some_and(|parent| indentation <= parent) {
            inside = None;
        }
        let key = content.find(": ").filter(|at| !content[..*at].trim_start().contains(' '));
        if inside.is_some() || content.contains("last-applied-configuration") {
            let value = key.map_or(indentation, |at| at + 2);
            let is_only_key = content.ends_with(':') && key.is_none();
            if value < content.len() && !is_only_key {
                found.push(start + value..start + content.len());
            }
        }
        let name = content.trim().trim_start_matches("- ").trim_end_matches(':').trim_matches(['"', '\'']);
        if content.ends_with(':') && matches!(name, "data" | "stringData") {
            inside = Some(indentation);
        } else if let Some(at) = key.filter(|at| matches!(content[..*at].trim(), "data" | "stringData")) {
            // Flow style, or something that is not a mapping.
            found.push(start + at + 2..start + content.len());
            inside = Some(indentation);
        }
    }
    found
}

/// In JSON, and in a document in flow style: every text in quotes that follows a colon, but for the fields that name
/// the object.
fn after_every_colon_in_quotes(document: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut last: Option<Range<usize>> = None;
    let mut after_colon = false;
    let mut characters = document.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let mut escaped = false;
                let end = characters
                    .by_ref()
                    .find(|(_, inner)| {
                        let ends = *inner == '"' && !escaped;
                        escaped = *inner == '\\' && !escaped;
                        ends
                    })
                    .map_or(document.len(), |(end, _)| end);
                let text = at + 1..end;
                if after_colon {
                    let key = last.take().map_or("", |key| &document[key]);
                    if !matches!(key, "apiVersion" | "kind" | "name" | "namespace" | "type") {
                        found.push(text.clone());
                    }
                }
                last = Some(text);
                after_colon = false;
            }
            ':' => after_colon = true,
            ',' | '{' | '}' | '[' => after_colon = false,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        let end = u32::try_from(text.len()).unwrap();
        let mut shown = text.to_owned();
        let mut ranges = secret_values_of_unread_documents(text, &(end - 1..end));
        ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in ranges {
            shown.replace_range(range.start as usize..range.end as usize, "#");
        }
        shown
    }

    #[test]
    fn block_style() {
        let text = "kind: Secret\nmetadata:\n  name: x\nstringData:\n  a: hunter2\n  b: |\n    line\n    two: 2\ntype: Opaque\n\tbroken";
        let shown = "kind: Secret\nmetadata:\n  name: x\nstringData:\n  a: #\n  b: #\n    #\n    two: #\ntype: Opaque\n\tbroken";
        assert_eq!(blanked(text), shown);
    }

    #[test]
    fn json_and_flow_style() {
        let text = r#"{"kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "aHVudGVyMg==", "b": "x\"y"}"#;
        assert_eq!(blanked(text), r##"{"kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "#", "b": "#"}"##);
        assert_eq!(blanked("kind: Secret\ndata: {a: hunter2, b: c}\nx"), "kind: Secret\ndata: #\nx");
    }

    #[test]
    fn other_documents_are_left_alone() {
        let text = "kind: Secret\ndata:\n  a: b\n---\nkind: SecretStore\ndata:\n  a: b\n";
        assert_eq!(blanked(text), text);
        let difference = "spec:\n  a: \"{x}\"\n  ignore:\n    - kind: Secret\n";
        assert_eq!(blanked(difference), difference);
        assert_eq!(blanked("kind: ConfigMap\ndata:\n  a: b\n"), "kind: ConfigMap\ndata:\n  a: b\n");
    }
}
