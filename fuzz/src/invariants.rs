//! What holds for every input of the loader.

use std::collections::HashSet;

use quorate::manifest::yaml::{Limits, Parsed, decode, parse_decoded};
use quorate::manifest::{Existence, FieldPath, Node, Origin, Segment, SourceMap, Span, Value};

/// Bounds that an input of a few kilobytes can reach.
pub(crate) fn limits() -> Limits {
    Limits {
        source_bytes: 1 << 20,
        document_bytes: 1 << 19,
        documents: 1000,
        nodes: 20_000,
        copied_nodes: 20_000,
        depth: 40,
    }
}

/// Reads `bytes` and checks what was made of them.
///
/// # Panics
/// When something does not hold.
pub(crate) fn check(bytes: &[u8]) -> Parsed {
    let limits = limits();
    let decoded = decode(bytes);
    let text: &str = &decoded.text;
    let source = SourceMap::default().add("input", text, Origin::Written);
    let parsed = parse_decoded(source, &decoded, &limits);
    assert!(parsed.documents.len() <= limits.documents);
    let mut end = 0;
    for document in &parsed.documents {
        check_span(text, document.span);
        assert!(document.span.start >= end, "documents overlap");
        end = document.span.end;
        let mut nodes = 0;
        check_node(text, &document.root, limits.depth, &mut nodes);
        assert!(nodes <= limits.nodes, "{nodes} nodes");
        check_places(text, &document.root);
        drop(document.root.to_json().to_string());
    }
    for problem in &parsed.problems {
        check_span(text, problem.span);
        assert!(problem.related.iter().all(|(span, _)| span.end as usize <= text.len()));
        assert!(!problem.finding().message.is_empty());
    }
    parsed
}

fn check_span(text: &str, span: Span) {
    assert!(span.start <= span.end, "{span:?} is backwards");
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} is not in the text");
}

fn check_node(text: &str, node: &Node, depth: usize, nodes: &mut usize) {
    *nodes += 1;
    check_span(text, node.span);
    // What an alias or a merge brings stands elsewhere.
    let own = !text[node.span.start as usize..node.span.end as usize].contains('*');
    let inside =
        |span: Span| !own || merges(text, node.span) || (node.span.start <= span.start && span.end <= node.span.end);
    match &node.value {
        Value::Float(float) => assert!(float.is_finite()),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::String(_) => {}
        Value::Sequence(items) => {
            assert!(depth > 0, "too deep");
            for item in items {
                assert!(inside(item.span), "item {:?} is outside of {:?}", item.span, node.span);
                check_node(text, item, depth - 1, nodes);
            }
        }
        Value::Mapping(entries) => {
            assert!(depth > 0, "too deep");
            let keys: HashSet<&str> = entries.iter().map(|entry| &*entry.key).collect();
            assert_eq!(keys.len(), entries.len(), "a key stands twice");
            for entry in entries {
                check_span(text, entry.key_span);
                assert!(inside(entry.key_span), "key {:?} is outside of {:?}", entry.key_span, node.span);
                assert!(inside(entry.value.span), "value {:?} is outside of {:?}", entry.value.span, node.span);
                check_node(text, &entry.value, depth - 1, nodes);
            }
        }
    }
}

fn merges(text: &str, span: Span) -> bool {
    text[span.start as usize..span.end as usize].contains("<<")
}

/// Looks up the paths of some values, and of one that is missing beside each.
fn check_places(text: &str, root: &Node) {
    let mut pending = vec![(FieldPath::root(), root)];
    for _ in 0..50 {
        let Some((path, node)) = pending.pop() else { return };
        let located = root.locate(&path);
        assert_eq!(located.exists, Existence::Present, "{path}");
        check_span(text, located.span);
        assert!(std::ptr::eq(root.at(&path).unwrap_or(root), node), "{path} leads elsewhere");
        let mut absent = "absent".to_owned();
        while node.get(&absent).is_some() {
            absent.push('!');
        }
        let missing = root.locate(&path.key(&absent));
        assert_eq!(missing.exists, Existence::Missing);
        check_span(text, missing.span);
        match &node.value {
            Value::Mapping(entries) => {
                pending.extend(entries.iter().map(|entry| (path.child(Segment::Key(entry.key.clone())), &entry.value)));
            }
            Value::Sequence(items) => {
                pending.extend(items.iter().enumerate().map(|(index, item)| (path.index(index), item)));
            }
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {}
        }
    }
}
