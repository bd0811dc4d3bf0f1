//! A name for a finding that stays the same while its file is edited elsewhere.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use crate::manifest::SourceMap;

use super::Finding;

/// 24 hexadecimal digits that name a finding from run to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The fingerprint of a finding: the first 12 bytes, in hexadecimal, of the SHA-256 over these parts, each ended by a
/// NUL byte: the rule; the object's API version, kind, namespace (empty for none) and name, or, for a finding
/// without an object, the name of its source (empty for none); the field path; the message, in which every position
/// (`line 3`, `column 7`, `lines 3`, `byte 12`, `file.yaml:3:7`, `3:7`) is replaced by `#`.
///
/// Line numbers, severity, waivers, explanations and the file of an object do not go in: it stays the same when lines
/// or objects move, when the wording of the help changes and when the severity is configured.
#[must_use]
pub fn fingerprint(finding: &Finding, sources: &SourceMap) -> Fingerprint {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    part(&finding.rule);
    if let Some(object) = &finding.object {
        part(&object.api_version);
        part(&object.kind);
        part(object.namespace.as_deref().unwrap_or(""));
        part(&object.name);
    } else {
        part(finding.place.map_or("", |place| &sources.get(place.source).name));
    }
    part(&finding.path.to_string());
    part(&without_positions(&finding.message));
    let digits = hash.finalize().iter().take(12).fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    Fingerprint(digits)
}

/// The message with every position replaced by `#`.
fn without_positions(message: &str) -> String {
    let mut normalised = String::with_capacity(message.len());
    let mut after_unit = false;
    for word in message.split_whitespace() {
        if !normalised.is_empty() {
            normalised.push(' ');
        }
        let bare = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
        if after_unit && !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) || is_position(bare) {
            normalised.push_str(&word.replace(bare, "#"));
        } else {
            normalised.push_str(word);
        }
        after_unit = matches!(bare, "line" | "lines" | "column" | "columns" | "col" | "byte" | "offset");
    }
    normalised
}

/// Whether the word is a position: `3:7`, `deploy.yaml:3`, `deploy.yaml:3:7`. A port (`:8080`) or an image's tag is
/// none.
fn is_position(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((rest, last)) = word.rsplit_once(':') else { return false };
    if !is_number(last) {
        return false;
    }
    let file = match rest.rsplit_once(':') {
        Some((file, line)) if is_number(line) => file,
        Some(_) | None => rest,
    };
    let is_manifest = [".yaml", ".yml", ".json"].iter().any(|extension| file.ends_with(extension));
    is_manifest || is_number(file)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::Severity;
    use crate::manifest::{FieldPath, ObjectReference, Origin, Place, Span};

    fn of(message: &str) -> Fingerprint {
        let mut finding = Finding::new("rule", Severity::Error, message);
        finding.object = Some(ObjectReference {
            api_version: Arc::from("v1"),
            kind: Arc::from("Pod"),
            namespace: Some(Arc::from("default")),
            name: Arc::from("x"),
        });
        finding.path = FieldPath::parse("spec.containers[0].image");
        fingerprint(&finding, &SourceMap::default())
    }

    #[test]
    fn positions_in_the_message_do_not_matter_and_values_do() {
        assert_eq!(of("first at line 3, column 7"), of("first at line 31, column 9"));
        assert_eq!(of("also in (a.yaml:3:7)"), of("also in (a.yaml:44:1)"));
        assert_eq!(of("at 3:7"), of("at 9:1"));
        assert_ne!(of("port 80 is open"), of("port 443 is open"));
        assert_ne!(of("image x:5000/a:1"), of("image x:5000/a:2"));
    }

    #[test]
    fn it_does_not_change_from_release_to_release() {
        assert_eq!(of("it is wrong").as_str(), "1bf7eb916d2bf04ca007ed44");
    }

    #[test]
    fn lines_move_and_it_stays() {
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", "a\nb\nc", Origin::Written);
        let at = |start| {
            let mut finding = Finding::new("rule", Severity::Error, "wrong");
            finding.place = Some(Place { source, span: Span::new(start, start + 1) });
            fingerprint(&finding, &sources)
        };
        assert_eq!(at(0), at(2));
    }
}
