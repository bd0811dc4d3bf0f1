//! Nodes that are added.

use std::collections::BTreeSet;

use quorate_sim::cluster::{Node, NodeId};
use serde_json::json;

use super::base::Base;
use super::candidate::{Candidate, NewNode, TextEdit};
use crate::environment::{Failures, NodePool};
use crate::manifest::edit::{Change, Edit, Position, position};
use crate::manifest::{FieldPath, Node as Tree, SourceId};
use crate::policy::simulation::monthly_price;

/// Kinds of nodes that are tried, at most.
const KINDS: usize = 6;

/// What a zone is called that nobody has named yet.
const ANOTHER_ZONE: &str = "another-zone";

const ZONE: &str = "topology.kubernetes.io/zone";
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// One more node of each kind that there is; where zones fail, in another zone as well.
pub(super) fn nodes(base: &Base<'_>, failures: &Failures) -> Vec<Candidate> {
    let state = &base.model.state;
    let mut kinds = BTreeSet::new();
    let mut all = Vec::new();
    for (id, node) in state.nodes.iter() {
        let label = |key: &str| {
            let value = state.names.find(key).and_then(|key| node.labels.get(key));
            value.map(|value| state.names.text(value).to_owned())
        };
        let pool = pool_of(base, state.names.text(node.name));
        let kind = (pool.map(|own| own.name.clone()), label(INSTANCE_TYPE), label(ZONE), node.allocatable_pods);
        if all.len() >= KINDS || !kinds.insert(kind) {
            continue;
        }
        let zone = label(ZONE);
        let zones = match failures {
            Failures::Zones(_) => vec![zone.clone(), Some(ANOTHER_ZONE.to_owned())],
            Failures::Nodes(_) | Failures::Domains { .. } => vec![zone.clone()],
        };
        for new_zone in zones {
            let moved = new_zone.filter(|new| zone.as_ref() != Some(new));
            all.push(one_more(base, (*id, node), pool, label(INSTANCE_TYPE), zone.as_deref(), moved));
        }
    }
    all
}

fn one_more(
    base: &Base<'_>,
    (like, node): (NodeId, &Node),
    pool: Option<&NodePool>,
    instance_type: Option<String>,
    zone: Option<&str>,
    moved: Option<String>,
) -> Candidate {
    let state = &base.model.state;
    let name = match (pool, &moved) {
        (Some(pool), None) => format!("{}-{}", pool.name, pool.count + 1),
        (Some(pool), Some(zone)) => format!("{}-{zone}-1", pool.name),
        (None, _) => format!("{}-more", state.names.text(node.name)),
    };
    let kind = match (instance_type, pool) {
        (Some(of), Some(pool)) => format!("{of} {}", pool.name),
        (Some(of), None) => format!("{of} node"),
        (None, Some(pool)) => format!("node of pool {}", pool.name),
        (None, None) => "node".to_owned(),
    };
    // In another zone it is the first of a pool of its own.
    let number = pool.filter(|_| moved.is_none()).and_then(|pool| ordinal(pool.count + 1));
    let place = match (&moved, zone) {
        (Some(zone), _) => format!(" in {}", zone.replace('-', " ")),
        (None, Some(zone)) => format!(" in zone {zone}"),
        (None, None) => String::new(),
    };
    let change = match number {
        Some(number) => format!("a {number} {kind}{place}"),
        None => format!("one more {kind}{place}"),
    };
    let is_in_a_manifest = base.model.nodes.contains_key(&like);
    let edit = pool.filter(|_| !is_in_a_manifest).and_then(|pool| match &moved {
        None => larger_pool(base, pool),
        Some(zone) => pool_elsewhere(base, pool, zone),
    });
    let monthly = monthly_price(base.environment, state, node);
    Candidate { change, nodes: vec![NewNode { like, name, zone: moved, monthly, edit }], ..Candidate::default() }
}

/// The pool of quorate.yaml that a node belongs to.
fn pool_of<'b>(base: &'b Base<'_>, name: &str) -> Option<&'b NodePool> {
    let is_of = |pool: &&NodePool| {
        let number = name.strip_prefix(pool.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number <= pool.count)
    };
    base.environment.nodes.iter().find(is_of)
}

/// One more in `count` of a pool whose number of nodes is fixed.
fn larger_pool(base: &Base<'_>, pool: &NodePool) -> Option<TextEdit> {
    if pool.min != pool.count || pool.max != pool.count {
        return None;
    }
    let (source, position, list, index, _) = written(base, pool)?;
    let change = Change::Set(json!(pool.count + 1));
    let edit = Edit { position, path: list.index(index).key("count"), change };
    Some(TextEdit { source, object: None, edit })
}

/// A pool of one node like those of `pool` in another zone.
fn pool_elsewhere(base: &Base<'_>, pool: &NodePool, zone: &str) -> Option<TextEdit> {
    let (source, position, list, _, item) = written(base, pool)?;
    let mut item = item.to_json();
    let fields = item.as_object_mut()?;
    if fields.get("labels").is_some_and(|labels| labels.get(ZONE).is_some()) {
        return None;
    }
    fields.insert("name".to_owned(), json!(format!("{}-{zone}", pool.name)));
    fields.insert("count".to_owned(), json!(1));
    fields.insert("zone".to_owned(), json!(zone));
    fields.remove("min");
    fields.remove("max");
    Some(TextEdit { source, object: None, edit: Edit { position, path: list, change: Change::Append(item) } })
}

/// Where a pool stands in quorate.yaml: the text, the document, the list of pools, its place there, and it.
fn written<'b>(base: &'b Base<'_>, pool: &NodePool) -> Option<(SourceId, Position, FieldPath, usize, &'b Tree)> {
    let list = FieldPath::parse("spec.nodes");
    base.input.environment.documents.iter().find_map(|document| {
        let items = document.root.at(&list).map_or(&[][..], Tree::items);
        let is_it = |item: &&Tree| item.get("name").and_then(Tree::as_str) == Some(&pool.name);
        let (index, item) = items.iter().enumerate().find(|(_, item)| is_it(item))?;
        let text = &base.input.sources.get(document.source).text;
        let position = position(document.source, text, document.root.span)?;
        Some((document.source, position, list.clone(), index, item))
    })
}

const fn ordinal(number: u32) -> Option<&'static str> {
    Some(match number {
        2 => "second",
        3 => "third",
        4 => "fourth",
        5 => "fifth",
        6 => "sixth",
        7 => "seventh",
        8 => "eighth",
        9 => "ninth",
        10 => "tenth",
        _ => return None,
    })
}
