//! The same object twice in one configuration: the later one silently wins when both are applied.

use std::collections::HashMap;

use crate::finding::{Finding, Related, Severity};
use crate::manifest::api::group_of;
use crate::manifest::{FieldPath, Inventory, Object, ObjectReference};

/// A finding for every object whose group, kind, namespace and name an earlier one has too.
pub(super) fn duplicates(inventory: &Inventory) -> Vec<Finding> {
    let mut first: HashMap<(&str, &str, Option<&str>, &str), &Object> = HashMap::with_capacity(inventory.len());
    let mut findings = Vec::new();
    for (_, object) in inventory.iter() {
        let ObjectReference { api_version, kind, namespace, name } = &object.reference;
        if name.is_empty() || name.ends_with('*') {
            continue;
        }
        match first.entry((group_of(api_version), kind, namespace.as_deref(), name)) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(object);
            }
            std::collections::hash_map::Entry::Occupied(earlier) => findings.push(finding(object, earlier.get())),
        }
    }
    findings
}

fn finding(object: &Object, earlier: &Object) -> Finding {
    let path = FieldPath::root().key("metadata").key("name");
    let message = format!("{} is there twice; only the one that is applied last counts", object.reference);
    let mut finding = Finding::new("duplicate-object", Severity::Error, message);
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
