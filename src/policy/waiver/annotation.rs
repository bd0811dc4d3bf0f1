//! Waivers on the object itself.
//!
//! ```yaml
//! metadata:
//!   annotations:
//!     quorate.dev/waive.single-replica: '{"reason": "rebuilt in a minute", "owner": "platform", "expires": "2027-06-30"}'
//! ```
//!
//! The key names the rule, the value is JSON with exactly these three texts; the waiver holds for that object only.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;

use super::acceptance::{INVALID, Waiver, WaiverTarget};
use crate::finding::{Finding, Severity};
use crate::manifest::{Entry, FieldPath, Inventory, Object, Value};

/// What the annotation's key begins with.
const PREFIX: &str = "quorate.dev/waive.";

/// How an annotation should read.
const FORM: &str = r#"write {"reason": "…", "owner": "…", "expires": "YYYY-MM-DD"}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    reason: String,
    owner: String,
    expires: String,
}

/// The waivers in annotations of the objects, and an error finding for each that cannot be read.
#[must_use]
pub fn from_annotations(inventory: &Inventory) -> (Vec<Waiver>, Vec<Finding>) {
    let mut waivers = Vec::new();
    let mut findings = Vec::new();
    for (_, object) in inventory.iter() {
        for entry in annotations(object) {
            let Some(rule) = entry.key.strip_prefix(PREFIX) else { continue };
            match read(object, entry, rule) {
                Ok(waiver) => waivers.push(waiver),
                Err(reason) => findings.push(invalid(object, entry, rule, &reason)),
            }
        }
    }
    (waivers, findings)
}

fn annotations(object: &Object) -> &[Entry] {
    let annotations = object.root.get("metadata").and_then(|metadata| metadata.get("annotations"));
    match annotations.map(|node| &node.value) {
        Some(Value::Mapping(entries)) => entries,
        Some(
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Sequence(_),
        )
        | None => &[],
    }
}

fn read(object: &Object, entry: &Entry, rule: &str) -> Result<Waiver, String> {
    if rule.is_empty() {
        return Err(format!("its key names no rule; write `{PREFIX}RULE`"));
    }
    let text = entry.value.as_str().ok_or_else(|| format!("its value is not a text; {FORM} in quotes"))?;
    let written: Written = serde_json::from_str(text).map_err(|error| format!("{error}; {FORM}"))?;
    let expires: Date = written
        .expires
        .parse()
        .map_err(|_| format!("`{}` is not a day; write it as YYYY-MM-DD", written.expires.escape_debug()))?;
    for (name, value) in [("reason", &written.reason), ("owner", &written.owner)] {
        if value.trim().is_empty() {
            return Err(format!("its `{name}` is empty"));
        }
    }
    let (place, _) = object.locate(&path(entry));
    Ok(Waiver {
        rule: Arc::from(rule),
        target: WaiverTarget::Object(object.reference.to_string()),
        reason: written.reason,
        owner: written.owner,
        expires,
        place: Some(place),
    })
}

fn path(entry: &Entry) -> FieldPath {
    FieldPath::root().key("metadata").key("annotations").key(&entry.key)
}

fn invalid(object: &Object, entry: &Entry, rule: &str, reason: &str) -> Finding {
    let mut finding = Finding::new(
        INVALID,
        Severity::Error,
        format!("the waiver of `{rule}` on {} does not hold: {reason}", object.reference),
    );
    finding.object = Some(object.reference.clone());
    finding.path = path(entry);
    finding.place = Some(object.locate(&finding.path).0);
    finding
}
