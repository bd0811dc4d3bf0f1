//! `data.inventory`: every object, as a Rego value that all rules share.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;
use regorus::Value;

use super::value::{from_object, object_value};
use crate::manifest::{Inventory, Object, ObjectId};

/// The objects as Rego values, in reading order and as a tree.
pub(in crate::policy) struct InventoryData<'a> {
    objects: Vec<(&'a Object, Value)>,
    tree: Value,
    index: HashMap<(&'a str, Option<&'a str>, &'a str), usize>,
}

/// API version → kind → name → object.
type ByKind = BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeMap<Arc<str>, Value>>>;

impl<'a> InventoryData<'a> {
    pub(in crate::policy) fn new(inventory: &'a Inventory) -> Self {
        let objects: Vec<&Object> = inventory.iter().map(|(_, object): (ObjectId, _)| object).collect();
        let objects: Vec<(&Object, Value)> =
            objects.into_par_iter().map(|object| (object, from_object(object))).collect();
        let mut index = HashMap::with_capacity(objects.len());
        for (position, (object, _)) in objects.iter().enumerate() {
            let reference = &object.reference;
            let key = (&*reference.kind, reference.namespace.as_deref(), &*reference.name);
            // Of duplicates the first counts; that there are several is a finding of its own.
            index.entry(key).or_insert(position);
        }
        let tree = tree(&objects);
        Self { objects, tree, index }
    }

    /// The objects with their Rego values, in reading order.
    pub(in crate::policy) fn objects(&self) -> &[(&'a Object, Value)] {
        &self.objects
    }

    /// `{cluster: …, namespace: …}`.
    pub(in crate::policy) fn tree(&self) -> &Value {
        &self.tree
    }

    /// The object of this kind, namespace and name.
    pub(in crate::policy) fn find(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&'a Object> {
        let position = *self.index.get(&(kind, namespace, name))?;
        self.objects.get(position).map(|(object, _)| *object)
    }
}

fn tree(objects: &[(&Object, Value)]) -> Value {
    let mut cluster = ByKind::new();
    let mut namespaces: BTreeMap<Arc<str>, ByKind> = BTreeMap::new();
    for (object, value) in objects {
        let reference = &object.reference;
        let by_kind = match &reference.namespace {
            Some(namespace) => namespaces.entry(Arc::clone(namespace)).or_default(),
            None => &mut cluster,
        };
        by_kind
            .entry(Arc::clone(&reference.api_version))
            .or_default()
            .entry(Arc::clone(&reference.kind))
            .or_default()
            .entry(Arc::clone(&reference.name))
            .or_insert_with(|| value.clone());
    }
    let namespaces = object_value(namespaces.into_iter().map(|(name, by_kind)| (name, kinds(by_kind))));
    object_value([(Arc::from("cluster"), kinds(cluster)), (Arc::from("namespace"), namespaces)].into_iter())
}

fn kinds(by_kind: ByKind) -> Value {
    object_value(by_kind.into_iter().map(|(api_version, kinds)| {
        let kinds = kinds.into_iter().map(|(kind, names)| (kind, object_value(names.into_iter())));
        (api_version, object_value(kinds))
    }))
}

#[cfg(test)]
pub(in crate::policy) mod tests {
    use super::*;
    use crate::policy::engine::tests_support;

    pub(in crate::policy) fn object(json: &str) -> Object {
        tests_support::objects(json).remove(0)
    }

    #[test]
    fn the_tree_is_by_namespace_version_kind_and_name() {
        let mut inventory = Inventory::default();
        inventory.add(object(r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#));
        inventory.add(object(
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"a"},"x":1}"#,
        ));
        inventory.add(object(
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"a"},"x":2}"#,
        ));
        let data = InventoryData::new(&inventory);
        assert_eq!(data.tree()["cluster"]["v1"]["Namespace"]["a"]["kind"], Value::from("Namespace"));
        assert_eq!(data.tree()["namespace"]["a"]["apps/v1"]["Deployment"]["d"]["x"], Value::from(1));
        assert!(data.find("Deployment", Some("a"), "d").is_some());
        assert!(data.find("Deployment", None, "d").is_none());
    }
}
