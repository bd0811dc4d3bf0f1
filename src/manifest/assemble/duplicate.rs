//! The same object twice in one configuration: the later one silently wins when both are applied.
//!
//! Twice in one file is an error: whoever applies the file loses one of them. In two files it is often meant: the parts and
//! the whole of an installation, alternatives, examples side by side. That is a warning, and with equal content a note.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::finding::{Finding, Related, Severity};
use crate::manifest::object::Identity;
use crate::manifest::{FieldPath, Inventory, Object};

/// A finding for every object whose group, kind, namespace and name an earlier one has too.
pub(super) fn duplicates(inventory: &Inventory) -> Vec<Finding> {
    let mut first: HashMap<Identity<'_>, &Object> = HashMap::with_capacity(inventory.len());
    let mut findings = Vec::new();
    for (_, object) in inventory.iter() {
        let Some(identity) = object.reference.identity() else { continue };
        match first.entry(identity) {
            Entry::Vacant(place) => {
                place.insert(object);
            }
            Entry::Occupied(earlier) => findings.push(finding(object, earlier.get())),
        }
    }
    findings
}

fn finding(object: &Object, earlier: &Object) -> Finding {
    let path = FieldPath::root().key("metadata").key("name");
    let (severity, message) = if object.source == earlier.source {
        (Severity::Error, "is there twice; only the one that is applied last counts")
    } else if object.root.to_json() == earlier.root.to_json() {
        (Severity::Info, "is in two files, with the same content")
    } else {
        (Severity::Warning, "is in two files that differ; only the one that is applied last counts")
    };
    let message = format!("{} {message}", object.reference);
    let mut finding = Finding::new("duplicate-object", severity, message);
    finding.object = Some(object.reference.clone());
    finding.place = Some(object.locate(&path).0);
    finding.label = "the same object again".to_owned();
    finding.related.push(Related {
        message: "first here".to_owned(),
        object: Some(earlier.reference.clone()),
        path: path.clone(),
        place: Some(earlier.locate(&path).0),
    });
    finding.path = path;
    finding
}
