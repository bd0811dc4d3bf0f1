//! What things cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Money, ObjectReference};

/// Prices, all for one month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prices {
    /// The currency of every amount, as an ISO 4217 code (`EUR`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The price of a node, by instance type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub catalogue: BTreeMap<String, Money>,
    /// The price of a single node, by its name, in place of the catalogue's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, Money>,
    /// What is paid for beside nodes: load balancers, volumes, machines outside the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<PriceItem>,
    /// The most that the whole may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_limit: Option<Money>,
}

/// Something that is paid for and is no node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceItem {
    /// What it is called; its identity when documents are merged.
    pub name: String,
    /// What it is.
    pub kind: PriceItemKind,
    /// The provider's name for it (`LB21`).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
    /// The price of one. Absent: not known, and a sum that holds it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Money>,
    /// How many there are; one if absent.
    #[serde(default = "one")]
    pub count: u32,
    /// The object that it is paid for, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectReference>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Kinds of things that are paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PriceItemKind {
    /// A load balancer.
    LoadBalancer,
    /// Network storage.
    Volume,
    /// A machine that is no node of the cluster.
    Machine,
    /// Backup or object storage.
    Storage,
    /// Anything else.
    Other,
}

const fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_may_have_no_known_price() {
        let item: PriceItem = serde_json::from_str(r#"{"name": "backup", "kind": "machine"}"#).unwrap();
        assert_eq!((item.monthly, item.count), (None, 1));
    }
}
