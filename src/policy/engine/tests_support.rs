//! Manifests as trees with places, for tests: YAML's core schema only.

use std::iter::Peekable;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::manifest::{
    Entry, Inventory, Node, Object, ObjectReference, Origin, SourceId, SourceMap, Span, Typed, Value,
};

type Events<'a> = Peekable<Box<dyn Iterator<Item = (Event<'a>, Span)> + 'a>>;

/// Every document of `text`.
pub(in crate::policy) fn documents(text: &str) -> Vec<Node> {
    let events = Parser::new_from_str(text).map(|event| {
        let (event, span) = event.unwrap();
        let range = span.byte_range().unwrap_or_default();
        (event, Span::new(u32::try_from(range.start).unwrap(), u32::try_from(range.end).unwrap()))
    });
    let events = events.filter(|(event, _)| !matches!(event, Event::Comment(..)));
    let mut events: Events<'_> = (Box::new(events) as Box<dyn Iterator<Item = _>>).peekable();
    let mut documents = Vec::new();
    while let Some((event, _)) = events.peek() {
        match event {
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => documents.push(node(&mut events)),
            _ => drop(events.next()),
        }
    }
    documents
}

fn node(events: &mut Events<'_>) -> Node {
    let (event, span) = events.next().unwrap();
    match event {
        Event::Scalar(text, style, ..) => Node { value: scalar(&text, style), span },
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            while !matches!(events.peek().unwrap().0, Event::SequenceEnd) {
                items.push(node(events));
            }
            let (_, end) = events.next().unwrap();
            Node { value: Value::Sequence(items), span: Span::new(span.start, end.end) }
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            while !matches!(events.peek().unwrap().0, Event::MappingEnd) {
                let key = node(events);
                let value = node(events);
                let text: Arc<str> = key.as_str().map_or_else(|| key.to_json().to_string().into(), Arc::from);
                entries.push(Entry { key: text, key_span: key.span, value });
            }
            let (_, end) = events.next().unwrap();
            Node { value: Value::Mapping(entries), span: Span::new(span.start, end.end) }
        }
        other => panic!("unexpected {other:?}"),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.into());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => {
            text.parse().map(Value::Integer).ok().or_else(|| float(text)).unwrap_or_else(|| Value::String(text.into()))
        }
    }
}

fn float(text: &str) -> Option<Value> {
    let numeric = text.contains('.') && text.chars().all(|letter| letter.is_ascii_digit() || ".-e".contains(letter));
    text.parse().ok().filter(|_| numeric).map(Value::Float)
}

const CLUSTER_SCOPED: [&str; 8] = [
    "Namespace",
    "Node",
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolume",
    "StorageClass",
    "IngressClass",
    "PriorityClass",
];

fn object(root: Node, source: SourceId) -> Object {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(Arc::<str>::from);
    let metadata = root.get("metadata");
    let kind = text(root.get("kind")).unwrap();
    let namespace = text(metadata.and_then(|of| of.get("namespace"))).unwrap_or_else(|| "default".into());
    Object {
        reference: ObjectReference {
            api_version: text(root.get("apiVersion")).unwrap(),
            namespace: (!CLUSTER_SCOPED.contains(&&*kind)).then_some(namespace),
            kind,
            name: text(metadata.and_then(|of| of.get("name"))).unwrap(),
        },
        root,
        source,
        typed: Typed::Dynamic,
    }
}

/// Reads `text` into a source of its own.
pub(in crate::policy) fn load(sources: &mut SourceMap, name: &str, text: &str) -> Inventory {
    let source = sources.add(name, text, Origin::Written);
    let mut inventory = Inventory::default();
    for root in documents(text) {
        inventory.add(object(root, source));
    }
    inventory
}

/// The objects in `text`.
pub(in crate::policy) fn objects(text: &str) -> Vec<Object> {
    let inventory = load(&mut SourceMap::default(), "test.yaml", text);
    inventory.iter().map(|(_, object)| object.clone()).collect()
}
