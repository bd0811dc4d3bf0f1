use super::super::field_path::FieldPath;
use super::super::node::{Existence, Node, Value};
use super::super::source::SourceId;
use super::super::span::{LineIndex, Span};
use super::*;

const SOURCE: SourceId = SourceId(0);

fn read(text: &str) -> Parsed {
    parse(SOURCE, text, &Limits::default())
}

fn only(text: &str) -> Node {
    let mut parsed = read(text);
    assert_eq!(parsed.problems, [], "{text:?}");
    assert_eq!(parsed.documents.len(), 1, "{text:?}");
    parsed.documents.remove(0).root
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

fn located<'text>(text: &'text str, root: &Node, path: &str) -> &'text str {
    slice(text, root.locate(&FieldPath::parse(path)).span)
}

/// Kind, text and line and column of each problem.
fn complaints(text: &str, limits: &Limits) -> Vec<(ProblemKind, String, (u32, u32))> {
    let index = LineIndex::new(text);
    parse(SOURCE, text, limits)
        .problems
        .into_iter()
        .map(|problem| {
            let place = index.line_column(text, problem.span.start);
            (problem.kind, slice(text, problem.span).to_owned(), (place.line, place.column))
        })
        .collect()
}

fn complaint(text: &str) -> (ProblemKind, String, (u32, u32)) {
    let mut found = complaints(text, &Limits::default());
    assert_eq!(found.len(), 1, "{text:?}: {found:?}");
    found.remove(0)
}

#[test]
fn every_value_has_its_bytes() {
    let text = "\
spec:
  replicas: 3
  strategy:   # how
    rollingUpdate: {maxSurge: 25%, maxUnavailable: \"0\"}
  containers:
  - name: a
    command: [sh, -c, 'true']
    script: |
      one
      two

  - name: b
    env:
  ä: é
";
    let root = only(text);
    assert_eq!(located(text, &root, "spec.replicas"), "3");
    assert_eq!(located(text, &root, "spec.strategy.rollingUpdate.maxUnavailable"), "\"0\"");
    assert_eq!(located(text, &root, "spec.strategy.rollingUpdate"), "rollingUpdate");
    assert_eq!(located(text, &root, "spec.strategy.type"), "strategy");
    assert_eq!(located(text, &root, "spec.containers[1].name"), "b");
    assert_eq!(located(text, &root, "spec.containers[1].env"), "env");
    assert_eq!(located(text, &root, "spec.containers[0].command[2]"), "'true'");
    assert_eq!(located(text, &root, "spec.ä"), "é");
    let span = |path: &str| slice(text, root.at(&FieldPath::parse(path)).unwrap().span);
    assert_eq!(span("spec.strategy.rollingUpdate"), "{maxSurge: 25%, maxUnavailable: \"0\"}");
    assert_eq!(span("spec.containers[0].script"), "one\n      two");
    assert!(span("spec.containers").starts_with("- name: a\n") && span("spec.containers").ends_with("env:"));
    assert_eq!(root.locate(&FieldPath::parse("spec.none")).exists, Existence::Missing);
}

#[test]
fn places_are_the_same_with_carriage_returns_and_a_byte_order_mark() {
    let text = "a: 1\r\n---\r\nb:\r\n  c: x\r\n";
    let parsed = read(text);
    assert_eq!(parsed.problems, []);
    assert_eq!(located(text, &parsed.documents[1].root, "b.c"), "x");
    let decoded = decode(b"\xEF\xBB\xBFa: 1\n");
    assert_eq!(
        parse_decoded(SOURCE, &decoded, &Limits::default()).documents[0].root.get("a").unwrap().span,
        Span::new(3, 4)
    );
}

#[test]
fn an_alias_is_shown_where_it_stands_and_its_inside_where_it_is_written() {
    let text = "base: &base {cpu: 1}\nuse: *base\nmerged:\n  <<: *base\n  memory: 2\nlist: [*base]\n";
    let root = only(text);
    assert_eq!(slice(text, root.get("use").unwrap().span), "*base");
    let cpu = root.get("base").unwrap().get("cpu").unwrap().span;
    assert_eq!(root.get("use").unwrap().get("cpu").unwrap().span, cpu);
    assert_eq!(root.at(&FieldPath::parse("merged.cpu")).unwrap().span, cpu);
    assert_eq!(root.to_json()["merged"], serde_json::json!({"cpu": 1, "memory": 2}));
    assert_eq!(root.to_json()["list"], serde_json::json!([{"cpu": 1}]));
}

#[test]
fn a_broken_document_hides_no_other() {
    for broken in ["b: [", "b: \"", "b:\n\tc: 1", "- a\nb: 1", "b: \0", "b: *x", "--- b: 2", "{\"b\": ", "@", "%"] {
        let text = format!("a: 1\n---\n{broken}\n---\nc: 3\n");
        let parsed = read(&text);
        let roots: Vec<_> = parsed.documents.iter().map(|document| document.root.to_json()).collect();
        assert_eq!(roots, [serde_json::json!({"a": 1}), serde_json::json!({"c": 3})], "{broken:?}");
        assert_eq!(parsed.problems.len(), 1, "{broken:?}: {:?}", parsed.problems);
        let span = parsed.problems[0].span;
        assert!(span.start >= 9 && (span.end as usize) <= text.len() - 10, "{broken:?}: {span:?}");
    }
}

#[test]
fn a_key_set_twice_is_said_with_both_places() {
    let text = "a: 1\nb: 2\na: 3\n";
    let parsed = read(text);
    let problem = &parsed.problems[0];
    assert_eq!(problem.kind, ProblemKind::DuplicateKey("a".to_owned()));
    assert_eq!((problem.span, problem.related[0].0), (Span::new(10, 11), Span::new(0, 1)));
    assert_eq!(parsed.documents[0].root.to_json(), serde_json::json!({"a": 3, "b": 2}));
    let finding = problem.finding();
    assert_eq!((&*finding.rule, finding.related.len()), (DUPLICATE_KEY, 1));

    let many: String = (0..40).map(|key| format!("k{key}: 1\n")).chain(["k3: 2\n".to_owned()]).collect();
    assert_eq!(complaint(&many).0, ProblemKind::DuplicateKey("k3".to_owned()));
    assert_eq!(complaint("{\"a\": 1, \"a\": 2}").0, ProblemKind::DuplicateKey("a".to_owned()));
    assert_eq!(complaint("1: a\n\"1\": b\n").0, ProblemKind::AmbiguousKey("1".to_owned()));
    assert_eq!(complaint("x: &x {a: 1}\ny:\n  a: 2\n  <<: *x\n").0, ProblemKind::MergeReplaces("a".to_owned()));
}

#[test]
fn errors_say_what_to_do_at_the_place() {
    assert_eq!(complaint("a:\n\tb: 1\n"), (ProblemKind::Tab, "\t".to_owned(), (2, 1)));
    assert_eq!(complaint("a:\n-\tb: 1\n").0, ProblemKind::Tab);
    assert_eq!(complaint("a:\n-\t|\n").0, ProblemKind::Tab);
    assert_eq!(complaint("a: |\n  x\n\ty\n").0, ProblemKind::Tab);
    assert_eq!(complaint("a: b: c\n").2, (1, 5));
    // What kubectl reads otherwise than others, or not at all.
    assert_eq!(complaint("...\na: 1\n").2, (1, 1));
    assert_eq!(complaint("a: !!str#c\n").0, ProblemKind::TagName);
    assert_eq!(complaint("a: [!x, b]\n").0, ProblemKind::TagName);
    assert_eq!(complaint("a: &x{b: 1}\n").0, ProblemKind::AnchorName);
    assert_eq!(complaint("- {b\n  : }\n").0, ProblemKind::KeyLines);
    assert_eq!(complaint("- {b\n  :}\n").0, ProblemKind::FlowIndicator);
    assert_eq!(complaint("a: 1\n\u{feff}b: 1\n").0, ProblemKind::ControlCharacter(0xFEFF));
    assert_eq!(complaint("%FOO\n").0, ProblemKind::Directive);
    assert_eq!(complaint("a: *.example.com\n"), (ProblemKind::AnchorName, "*.example.com".to_owned(), (1, 4)));
    assert_eq!(complaint("a: x\0\n"), (ProblemKind::ControlCharacter(0), "\0".to_owned(), (1, 5)));
    assert_eq!(complaint("a: \"x\nb: 1\n").2.0, 1);
    assert_eq!(complaint("a: .nan\n"), (ProblemKind::Number, ".nan".to_owned(), (1, 4)));
    assert_eq!(complaint("a: 1\n...\nb: 2\n"), (ProblemKind::IgnoredText, String::new(), (3, 1)));
    let (kind, _, place) = complaint("{\"a\": 1 \"b\": 2}\n");
    assert!(matches!(kind, ProblemKind::Json(_)) && place == (1, 9), "{kind:?} {place:?}");
    for text in ["a: [1, 2", "a: {", "a: 'x", "? {a: b}\n: c\n", "a: &x [*x]\n", "a: !!int x\n", "a: {b\n: 1}\n"] {
        let (kind, _, _) = complaint(text);
        assert!(!kind.to_string().is_empty());
    }
}

#[test]
fn what_cannot_be_read_looks_like_a_manifest_a_template_or_neither() {
    let parsed = read("apiVersion: v1\nname: {{ .Values.a }}\nb: {{- if x }}\n");
    assert_eq!(parsed.problems[0].likeness, Likeness::Template);
    assert!(parsed.problems[0].finding().help.unwrap().contains("Helm chart"));
    for text in
        ["apiVersion: [", "kind: [", "\"kind\" : [", "- kind: [", "{\"a\": 1, \"apiVersion\": ", "# a\n---\n kind: ["]
    {
        assert_eq!(read(text).problems[0].likeness, Likeness::Manifest, "{text}");
    }
    // A broken document beside a manifest.
    assert_eq!(read("a: [\n---\nkind: Pod\n").problems[0].likeness, Likeness::Manifest);
    for text in ["a: [", "{\"name\": [}", "a: {{ .Values.a }}", "mankind: [", "kinds: ["] {
        assert_eq!(read(text).problems[0].likeness, Likeness::Foreign, "{text}");
    }
}

#[test]
fn no_message_holds_a_value() {
    for text in [
        "password: !!int hunter2\n",
        "data: {password: hunter2\n",
        "a: \"hunter2\n",
        "password: *hunter2.x\n",
        "{\"a\": \"hunter2\" x}",
    ] {
        for problem in read(text).problems {
            assert!(!problem.finding().message.contains("hunter2"), "{problem:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_cost_only_their_document() {
    let decoded = decode(b"a: 1\n---\nb: \xFF\n---\nc: 3\n");
    let parsed = parse_decoded(SOURCE, &decoded, &Limits::default());
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!((&parsed.problems[0].kind, parsed.problems[0].span.start), (&ProblemKind::Encoding, 12));
}

#[test]
fn every_limit_holds_and_is_no_lower_than_it_says() {
    let small = Limits { source_bytes: 100, document_bytes: 40, documents: 3, nodes: 6, copied_nodes: 6, depth: 3 };
    let kinds = |text: &str| complaints(text, &small).into_iter().map(|(kind, _, _)| kind).collect::<Vec<_>>();
    assert_eq!(kinds(&"#".repeat(101)), [ProblemKind::SourceBytes { limit: 100 }]);
    assert_eq!(
        kinds(&format!("{}\n---\na: 1\n", "#".repeat(50))),
        [ProblemKind::DocumentBytes { bytes: 51, limit: 40 }]
    );
    assert_eq!(kinds("a: 1\n---\na: 1\n---\na: 1\n"), []);
    assert_eq!(kinds("a: 1\n---\na: 1\n---\na: 1\n---\na: 1\n"), [ProblemKind::Documents { limit: 3 }]);
    assert_eq!(kinds("[1, 2, 3, 4, 5]"), []);
    assert_eq!(kinds("[1, 2, 3, 4, 5, 6]"), [ProblemKind::Nodes { limit: 6 }]);
    assert_eq!(kinds("[&x [1], *x, *x]"), [ProblemKind::Nodes { limit: 6 }]);
    assert_eq!(kinds("[[[1]]]"), []);
    assert_eq!(kinds("[[[[1]]]]"), [ProblemKind::Depth { limit: 3 }]);
    assert_eq!(kinds("a:\n  b:\n    c:\n      d: 1\n"), [ProblemKind::Depth { limit: 3 }]);
    let small = Limits { nodes: 100, ..small };
    let kinds = |text: &str| complaints(text, &small).into_iter().map(|(kind, _, _)| kind).collect::<Vec<_>>();
    assert_eq!(kinds("[&x [1], [*x]]"), []);
    assert_eq!(kinds("[&x [[1]], [*x]]"), [ProblemKind::Depth { limit: 3 }]);
}

/// Kubernetes reads a key of any length from JSON.
#[test]
fn a_key_of_json_is_as_long_as_it_is() {
    for (length, blanks) in [(10, 0), (1030, 0), (5000, 3000), (20, 3000)] {
        let (key, blanks) = ("k".repeat(length), " ".repeat(blanks));
        let text = format!("{{\"a\": {{\"x\\\"y\": \"{}\"}}, \"{key}\"{blanks}: [1]}}", "v".repeat(100));
        assert_eq!(complaints(&text, &Limits::default()), []);
        let parsed = parse(SOURCE, &text, &Limits::default());
        assert_eq!(parsed.documents[0].root.get(&key).unwrap().items().len(), 1);
    }
}

#[test]
fn aliases_cannot_explode() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        text += &format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", "));
    }
    assert_eq!(complaint(&text).0, ProblemKind::ExcessiveAliasing);
    // Anchors around anchors are kept each for itself, and that counts too.
    let limits = Limits { copied_nodes: 10_000, ..Limits::default() };
    let nested: String =
        (0..200).map(|level| format!("&n{level} [")).collect::<String>() + &"x, ".repeat(100) + &"]".repeat(200);
    assert_eq!(complaints(&nested, &limits)[0].0, ProblemKind::Nodes { limit: 10_000 });
}

#[test]
fn the_deepest_document_is_walked_on_a_small_stack() {
    let depth = Limits::default().depth;
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("{}x{}", open.repeat(depth), close.repeat(depth));
        std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || {
                let root = only(&text);
                let copy = root.clone();
                assert_eq!(copy, root);
                assert!(format!("{:?}", root.to_json()).len() > 256);
            })
            .unwrap()
            .join()
            .unwrap();
        let deeper = format!("{}x{}", open.repeat(depth + 1), close.repeat(depth + 1));
        assert_eq!(complaint(&deeper).0, ProblemKind::Depth { limit: depth });
    }
    let blocks = "- ".repeat(1_000_000);
    assert_eq!(complaint(&blocks).0, ProblemKind::Depth { limit: depth });
    let aliases: String = (1..300).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1)).collect();
    assert_eq!(complaint(&format!("a0: &a0 [x]\n{aliases}")).0, ProblemKind::Depth { limit: depth });
}

#[test]
fn empty_texts_hold_nothing() {
    for text in ["", "\n", "# a\n", "---\n", "---\n---\n# x\n", "null\n", "~", " \n\n", "\u{feff}"] {
        assert_eq!(read(text), Parsed::default(), "{text:?}");
    }
}

#[test]
fn json_is_read_with_all_its_escapes() {
    let text = r#"{"a": "\ud83d\ude00\/\u00e4\n", "b": [1.5, -0, 1e2, true, null], "yes": "no"}"#;
    let root = only(text);
    assert_eq!(root.get("a").and_then(Node::as_str), Some("😀/ä\n"));
    assert_eq!(root.to_json()["b"], serde_json::json!([1.5, 0, 100, true, null]));
    assert_eq!(located(text, &root, "b[0]"), "1.5");
    assert_eq!(root.get("yes").unwrap().value, Value::String("no".into()));
    assert_eq!(complaint("{\"a\": 1e400}").0, ProblemKind::Number);
    assert_eq!(read("{\"a\": 1}{\"b\": 2}").documents.len(), 2);
    assert_eq!(only(&format!("{{\"{}\": 1}}", "k".repeat(5000))).to_json().as_object().unwrap().len(), 1);
}

#[test]
fn a_comment_without_a_blank_before_it_is_a_comment() {
    let text = "a: \"x\"#y\nb: {c: 1}#z\nd: |# e\n  f\n";
    let root = only(text);
    assert_eq!(root.to_json(), serde_json::json!({"a": "x", "b": {"c": 1}, "d": "f\n"}));
    assert_eq!(located(text, &root, "b.c"), "1");
    assert!(matches!(complaint(&"- \"x\"#y\n".repeat(20)).0, ProblemKind::Syntax(_)));
}
