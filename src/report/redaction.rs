//! Values of Secrets never leave the process: they are blanked in quoted source and searched for in every text.

mod unread;

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;

use crate::finding::{Finding, Related};
use crate::manifest::{FieldPath, Inventory, Node, Place, SourceId, SourceMap, Span, Value};

pub(super) use unread::secret_values_of_unread_documents;

/// What stands in place of a Secret's value.
pub(super) const REDACTED: &str = "<redacted>";

/// Values shorter than this (in bytes) are not searched for in texts: `true` or `admin` stand in texts that have nothing
/// to do with the Secret.
const LEAST_SEARCHED_LENGTH: usize = 8;

/// The annotation in which `kubectl apply` keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The places of all values of all Secrets: each value under `data` and `stringData`, and the annotation in which `kubectl`
/// repeats them. In the order of the inventory.
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
    values: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor for the given places.
    pub(super) fn new(sources: &SourceMap, places: &[Place]) -> Self {
        let mut values = BTreeSet::new();
        for place in places {
            let text = &sources.get(place.source).text;
            if let Some(text) = text.get(place.span.start as usize..place.span.end as usize) {
                add_values(text, &mut values);
            }
        }
        let values = (!values.is_empty())
            .then(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values).ok())
            .flatten();
        Self { places: places.iter().copied().collect(), values }
    }

    /// The byte ranges within `range` of a source that must not be quoted, in order.
    pub(super) fn ranges(&self, sources: &SourceMap, source: SourceId, range: Range<u32>) -> Vec<Range<u32>> {
        let from = Place { source, span: Span::new(0, 0) };
        let to = Place { source, span: Span::new(range.end, 0) };
        let text = &sources.get(source).text;
        let mut ranges: Vec<Range<u32>> = self
            .places
            .range(from..to)
            .map(|place| place.span.start..place.span.end)
            .chain(secret_values_of_unread_documents(text, &range))
            .filter(|found| found.end > range.start && found.start < range.end)
            .collect();
        ranges.sort_by_key(|found| (found.start, found.end));
        ranges
    }

    /// The text without the values.
    pub(super) fn text(&self, text: &str) -> String {
        match &self.values {
            Some(values) if values.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                values.replace_all_with(text, &mut clean, |_, _, clean| {
                    clean.push_str(REDACTED);
                    true
                });
                clean
            }
            Some(_) | None => text.to_owned(),
        }
    }

    /// The finding without the values, in any of its texts.
    pub(super) fn finding(&self, finding: &Finding) -> Finding {
        let text = |text: &String| self.text(text);
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
        clean.evidence = self.json(&finding.evidence);
        clean
    }

    fn json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::String(text) => Json::String(self.text(text)),
            Json::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Json::Object(entries) => {
                Json::Object(entries.iter().map(|(key, value)| (self.text(key), self.json(value))).collect())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }
}

/// The texts by which a value could show: as written, line by line for block scalars, and decoded from Base64.
fn add_values(written: &str, values: &mut BTreeSet<String>) {
    let mut add = |text: &str| {
        if text.len() >= LEAST_SEARCHED_LENGTH {
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
    if let Some(decoded) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        decoded.lines().for_each(|line| add(line.trim()));
    }
}
