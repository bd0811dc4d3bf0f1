//! Takes lists apart: `kind: List`, and lists of one kind as the API server writes them (`DeploymentList`).

use std::sync::Arc;

use crate::manifest::api::{Resolved, resolve};
use crate::manifest::{Entry, Node, SourceId, Value};

/// How deep lists in lists are taken apart; deeper ones stay what they are.
const DEEPEST: usize = 8;

/// `root`, or the items of the list that it is.
pub(super) fn take_apart(source: SourceId, root: Node, into: &mut Vec<(SourceId, Node)>) {
    take_apart_to(source, root, DEEPEST, into);
}

fn take_apart_to(source: SourceId, root: Node, depth: usize, into: &mut Vec<(SourceId, Node)>) {
    let Some(item_kind) = item_kind(&root).filter(|_| depth > 0) else {
        into.push((source, root));
        return;
    };
    let Value::Mapping(entries) = root.value else { return };
    for entry in entries {
        if &*entry.key != "items" {
            continue;
        }
        let Value::Sequence(items) = entry.value.value else { continue };
        for item in items {
            take_apart_to(source, named(item, item_kind.as_ref()), depth - 1, into);
        }
    }
}

/// Which kind the items of a list have that do not say it themselves.
enum ItemKind {
    Own,
    Of(Entry, Entry),
}

impl ItemKind {
    const fn as_ref(&self) -> Option<(&Entry, &Entry)> {
        match self {
            Self::Own => None,
            Self::Of(api_version, kind) => Some((api_version, kind)),
        }
    }
}

/// Whether `root` is a list whose items can be read.
fn item_kind(root: &Node) -> Option<ItemKind> {
    let api_version = root.entry("apiVersion")?;
    let kind = root.entry("kind")?;
    let (version, name) = (api_version.value.as_str()?, kind.value.as_str()?);
    if !matches!(root.get("items")?.value, Value::Sequence(_)) {
        return None;
    }
    let item = name.strip_suffix("List")?;
    if item.is_empty() {
        return (version == "v1").then_some(ItemKind::Own);
    }
    let Resolved::BuiltIn(_) = resolve(version, item) else { return None };
    let mut kind = kind.clone();
    kind.value.value = Value::String(Arc::from(item));
    Some(ItemKind::Of(api_version.clone(), kind))
}

/// `item` with the kind of its list, where it names none.
fn named(mut item: Node, kind: Option<(&Entry, &Entry)>) -> Node {
    let is_named = item.entry("apiVersion").is_some() || item.entry("kind").is_some();
    if let (Some((api_version, kind)), Value::Mapping(entries), false) = (kind, &mut item.value, is_named) {
        entries.insert(0, api_version.clone());
        entries.insert(1, kind.clone());
    }
    item
}
