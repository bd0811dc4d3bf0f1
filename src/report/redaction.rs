//! Values of Secrets never leave the process: they are blanked in quoted source and searched for in every text.

mod unread;

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;

use crate::finding::{Finding, Related};
use crate::manifest::{FieldPath, Inventory, Node, ObjectReference, Place, SourceId, SourceMap, Span, Value};

pub(super) use unread::secret_values_of_unread_documents;

/// What stands in place of a Secret's value.
pub(super) const REDACTED: &str = "<redacted>";

/// Values shorter than this (in bytes) are not searched for in texts about Secrets: they stand in every text.
const LEAST_LENGTH: usize = 4;
/// Values shorter than this are not searched for in other texts.
const LEAST_LENGTH_ELSEWHERE: usize = 8;
/// A value of small letters, dots and hyphens shorter than this is a name (`postgres`, `redis-master`), which stands in
/// texts that have nothing to do with the Secret.
const LONGEST_NAME: usize = 24;

/// The annotation in which `kubectl apply` keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The places of all values of all Secrets: each value under `data` and `stringData`, and the annotation in which
/// `kubectl` repeats them. In the order of the inventory.
#[must_use]
pub fn secret_spans(inventory: &Inventory) -> Vec<Place> {
    let mut places = Vec::new();
    for (_, object) in inventory.iter() {
        if &*object.reference.kind != "Secret" || &*object.reference.api_version != "v1" {
            continue;
        }
        let mut add = |span: Span| places.push(Place { source: object.source, span });
        for field in ["data", "stringData"] {
            if let Some(node) = object.root.get(field) {
                scalars(node, &mut add);
            }
        }
        let annotation = FieldPath::parse("metadata.annotations").key(LAST_APPLIED);
        if let Some(node) = object.root.at(&annotation) {
            add(node.span);
        }
    }
    places
}

/// Every scalar in `node`: a Secret's value may be anything when the Secret is not valid.
fn scalars(node: &Node, add: &mut impl FnMut(Span)) {
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| scalars(item, add)),
        Value::Mapping(entries) => entries.iter().for_each(|entry| scalars(&entry.value, add)),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
            if !node.span.is_empty() {
                add(node.span);
            }
        }
    }
}

/// Knows what must not be shown.
pub(super) struct Redactor {
    places: BTreeSet<Place>,
    /// What is searched for in findings about Secrets.
    values: Option<AhoCorasick>,
    /// What is searched for in all other findings.
    values_elsewhere: Option<AhoCorasick>,
    /// What is searched for in quoted source: values of one line. Those of a file inside a Secret stand in other files of
    /// its kind, too.
    values_in_sources: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor for the given places.
    ///
    /// # Errors
    /// When there are too many values to search for.
    pub(super) fn new(sources: &SourceMap, places: &[Place]) -> Result<Self, aho_corasick::BuildError> {
        let mut values = BTreeSet::new();
        let mut of_one_line = BTreeSet::new();
        for place in places {
            let text = &sources.get(place.source).text;
            if let Some(text) = text.get(place.span.start as usize..place.span.end as usize) {
                let mut own = BTreeSet::new();
                let lines = add_values(text, &mut own);
                if lines == Lines::One {
                    of_one_line.extend(own.iter().filter(|value| is_telling(value)).cloned());
                }
                values.append(&mut own);
            }
        }
        let elsewhere: BTreeSet<String> = values.iter().filter(|value| is_telling(value)).cloned().collect();
        Ok(Self {
            places: places.iter().copied().collect(),
            values: searcher(&values)?,
            values_elsewhere: searcher(&elsewhere)?,
            values_in_sources: searcher(&of_one_line)?,
        })
    }

    /// The byte ranges within `range` of a source that must not be quoted, in order.
    pub(super) fn ranges(&self, sources: &SourceMap, source: SourceId, range: Range<u32>) -> Vec<Range<u32>> {
        let from = Place { source, span: Span::new(0, 0) };
        let to = Place { source, span: Span::new(range.end, 0) };
        let text = &sources.get(source).text;
        let quoted = text.get(range.start as usize..range.end as usize).unwrap_or_default();
        let offset = |at: usize| range.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        let copies = self.values_in_sources.iter().flat_map(|values| values.find_iter(quoted));
        let mut ranges: Vec<Range<u32>> = self
            .places
            .range(from..to)
            .map(|place| place.span.start..place.span.end)
            .chain(copies.map(|found| offset(found.start())..offset(found.end())))
            .chain(secret_values_of_unread_documents(text, &range))
            .filter(|found| found.end > range.start && found.start < range.end)
            .collect();
        ranges.sort_by_key(|found| (found.start, found.end));
        ranges
    }

    /// The text without the values, and what is searched for depends on what the text is about.
    fn text(&self, text: &str, about: Option<&ObjectReference>) -> String {
        let secret = about.filter(|object| &*object.kind == "Secret");
        let values = if secret.is_some() { &self.values } else { &self.values_elsewhere };
        let Some(values) = values.as_ref().filter(|values| values.is_match(text)) else { return text.to_owned() };
        // A Secret whose user name is its own name would not be named any more.
        let own_name = secret.map(ToString::to_string).unwrap_or_default();
        let mut clean = String::with_capacity(text.len());
        values.replace_all_with(text, &mut clean, |_, found, clean| {
            clean.push_str(if own_name.contains(found) { found } else { REDACTED });
            true
        });
        clean
    }

    /// The finding without the values, in any of its texts.
    pub(super) fn finding(&self, finding: &Finding) -> Finding {
        if self.values.is_none() {
            return finding.clone();
        }
        let about = finding.object.as_ref();
        let text = |text: &String| self.text(text, about);
        let related = |related: &Related| Related { message: text(&related.message), ..related.clone() };
        let mut clean = finding.clone();
        clean.message = text(&finding.message);
        clean.label = text(&finding.label);
        clean.related = finding.related.iter().map(related).collect();
        clean.why = finding.why.as_ref().map(text);
        clean.then = finding.then.iter().map(text).collect();
        for mend in &mut clean.mends {
            mend.change = text(&mend.change);
            mend.price = mend.price.as_ref().map(text);
        }
        clean.help = finding.help.as_ref().map(text);
        clean.evidence = self.json(&finding.evidence, about);
        clean
    }

    fn json(&self, value: &serde_json::Value, about: Option<&ObjectReference>) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::String(text) => Json::String(self.text(text, about)),
            Json::Array(items) => items.iter().map(|item| self.json(item, about)).collect(),
            Json::Object(entries) => Json::Object(
                entries.iter().map(|(key, value)| (self.text(key, about), self.json(value, about))).collect(),
            ),
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }
}

fn searcher(values: &BTreeSet<String>) -> Result<Option<AhoCorasick>, aho_corasick::BuildError> {
    if values.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values).map(Some)
}

/// Whether a value is a secret wherever it stands.
fn is_telling(value: &str) -> bool {
    value.len() >= LEAST_LENGTH_ELSEWHERE && !is_name(value)
}

fn is_name(value: &str) -> bool {
    value.len() < LONGEST_NAME && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-' | b'.'))
}

/// The texts by which a value could show: as written, line by line for block scalars, and decoded from Base64.
fn add_values(written: &str, values: &mut BTreeSet<String>) -> Lines {
    let mut add = |text: &str| {
        if text.len() >= LEAST_LENGTH {
            values.insert(text.to_owned());
        }
    };
    let unquoted = written.trim().trim_matches(['"', '\'']);
    for line in unquoted.lines() {
        add(line.trim());
    }
    let joined: String = unquoted.split_whitespace().collect();
    add(&joined);
    let decoded = base64::engine::general_purpose::STANDARD.decode(&joined).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    decoded.lines().for_each(|line| add(line.trim()));
    if unquoted.lines().count() > 1 || decoded.lines().count() > 1 { Lines::Several } else { Lines::One }
}

/// How long a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Several,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::Severity;
    use crate::manifest::{Entry, Object, Origin, Typed};

    fn redactor(value: &str) -> Redactor {
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", value, Origin::Written);
        let end = u32::try_from(value.len()).unwrap();
        Redactor::new(&sources, &[Place { source, span: Span::new(0, end) }]).unwrap()
    }

    fn message(redactor: &Redactor, message: &str, kind: &str, name: &str) -> String {
        let mut finding = Finding::new("rule", Severity::Error, message);
        finding.object = Some(ObjectReference {
            api_version: Arc::from("v1"),
            kind: Arc::from(kind),
            namespace: Some(Arc::from("default")),
            name: Arc::from(name),
        });
        redactor.finding(&finding).message
    }

    #[test]
    fn names_stay_readable_elsewhere_and_are_blanked_in_findings_about_secrets() {
        let redactor = redactor("cG9zdGdyZXM=");
        assert_eq!(message(&redactor, "postgres has no backup", "StatefulSet", "postgres"), "postgres has no backup");
        assert_eq!(message(&redactor, "its user is postgres", "Secret", "database"), "its user is <redacted>");
        assert_eq!(message(&redactor, "postgres is plain", "Secret", "postgres"), "postgres is plain");
        assert_eq!(message(&redactor, "found cG9zdGdyZXM=", "Pod", "x"), "found <redacted>");
    }

    #[test]
    fn every_value_of_a_secret_has_a_place_and_nothing_else_has() {
        let text = "{kind: Secret, data: {a: one}, stringData: {b: [two]}, type: three}";
        let scalar = |word: &str| {
            let start = u32::try_from(text.find(word).unwrap()).unwrap();
            let span = Span::new(start, start + u32::try_from(word.len()).unwrap());
            Node { value: Value::String(Arc::from(word)), span }
        };
        let entry = |key: &str, value| Entry { key: Arc::from(key), key_span: Span::default(), value };
        let node = |value| Node { value, span: Span::default() };
        let root = node(Value::Mapping(vec![
            entry("data", node(Value::Mapping(vec![entry("a", scalar("one"))]))),
            entry("stringData", node(Value::Mapping(vec![entry("b", node(Value::Sequence(vec![scalar("two")])))]))),
            entry("type", scalar("three")),
        ]));
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", text, Origin::Written);
        let mut inventory = Inventory::default();
        for kind in ["Secret", "ConfigMap"] {
            let reference = ObjectReference {
                api_version: Arc::from("v1"),
                kind: Arc::from(kind),
                namespace: None,
                name: Arc::from("x"),
            };
            inventory.add(Object { reference, root: root.clone(), source, typed: Typed::Dynamic });
        }
        let spans: Vec<&str> = secret_spans(&inventory)
            .into_iter()
            .map(|place| &text[place.span.start as usize..place.span.end as usize])
            .collect();
        assert_eq!(spans, ["one", "two"]);
    }
}
