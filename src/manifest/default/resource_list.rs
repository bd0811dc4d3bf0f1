//! Amounts of resources.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::manifest::decode::{ParsedQuantity, parse_quantity};

pub(super) type ResourceList = BTreeMap<String, Quantity>;

/// Rounds up to thousandths, as the API server does; what needs no rounding stays as it was written.
pub(super) fn round_up(list: &mut Option<ResourceList>) {
    for quantity in list.iter_mut().flat_map(BTreeMap::values_mut) {
        let Ok(parsed) = parse_quantity(&quantity.0) else { continue };
        let rounded = ParsedQuantity::from_milli(parsed.milli());
        if rounded != parsed {
            *quantity = Quantity(rounded.to_string());
        }
    }
}

/// Adds to `list` the entries of `other` that it lacks.
pub(super) fn fill_from(list: &mut ResourceList, other: Option<&ResourceList>) {
    for (name, quantity) in other.into_iter().flatten() {
        if !list.contains_key(name) {
            list.insert(name.clone(), quantity.clone());
        }
    }
}

/// Adds the amounts of `other` to `sum`.
pub(super) fn add(sum: &mut ResourceList, other: &ResourceList) {
    for (name, quantity) in other {
        match sum.get_mut(name) {
            None => {
                sum.insert(name.clone(), quantity.clone());
            }
            Some(present) => {
                let (left, right) = (parse_quantity(&present.0), parse_quantity(&quantity.0));
                if let (Ok(left), Ok(right)) = (left, right) {
                    *present = Quantity(left.plus(right).canonical());
                }
            }
        }
    }
}

/// Raises the amounts of `list` to those of `other`.
pub(super) fn raise(list: &mut ResourceList, other: &ResourceList) {
    for (name, quantity) in other {
        let is_higher =
            list.get(name).is_none_or(|present| parse_quantity(&quantity.0).ok() > parse_quantity(&present.0).ok());
        if is_higher {
            list.insert(name.clone(), quantity.clone());
        }
    }
}
