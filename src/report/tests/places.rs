//! Findings in every kind of place.

use std::sync::Arc;

use crate::finding::{Mend, NotEvaluated, Related, Severity};
use crate::manifest::{FieldPath, Origin, Place, SourceId, Span};

use super::crafted::{Case, at, object, related};

fn span(source: SourceId, start: usize, end: usize) -> Place {
    Place { source, span: Span::new(u32::try_from(start).unwrap(), u32::try_from(end).unwrap()) }
}

/// Tabs, wide characters, CRLF, several lines, ends of files, overlaps, other files, rendered text, live objects.
pub(super) fn every_place() -> Case {
    let mut case = Case::new();
    text_of_every_width(&mut case);
    lines_of_every_shape(&mut case);
    overlaps(&mut case);
    elsewhere(&mut case);
    crate::finding::sort(&mut case.findings);
    case
}

fn text_of_every_width(case: &mut Case) {
    let wide = case.written("ünïcode dir/名.yaml", "metadata:\n  labels: {名前: 值班, emoji: 👩‍👩‍👧, é: e\u{301}x}\n");
    let place = case.place(wide, "值班", 0);
    let mut finding =
        at("wide-characters", Severity::Error, "a label's value is not ASCII", "these two are wide", place);
    finding.related = vec![related("composed", case.place(wide, "e\u{301}x", 0))];
    case.findings.push(finding);
    let tabs = case.written("tabs.json", "{\n\t\"kind\":\t\"Pod\",\n\t\t\"x\":\ttrue\n}\n");
    let place = case.place(tabs, "true", 0);
    case.findings.push(at("tabs", Severity::Error, "x is no field of a pod", "here", place));
    let crlf = case.written("crlf.yaml", "kind: Pod\r\nspec:\r\n  hostNetwork: true\r\n");
    let place = case.place(crlf, "true", 0);
    case.findings.push(at("host-network", Severity::Error, "the pod uses the node's network", "this", place));
    let line_end = case.place(crlf, "Pod\r\nspec", 0);
    case.findings.push(at("over-line-end", Severity::Error, "a place over the end of a line", "both lines", line_end));
}

fn lines_of_every_shape(case: &mut Case) {
    let text = "kind: ConfigMap\ndata:\n  script: |\n    one\n    two\n  long: |\n    1\n    2\n    3\n    4\n    5\n    6\n    7\nlast: x";
    let source = case.written("lines.yaml", text);
    let start = text.find("|\n    one").unwrap();
    let end = text.find("  long").unwrap();
    case.findings.push(at(
        "several-lines",
        Severity::Error,
        "a script in a ConfigMap",
        "all of it",
        span(source, start, end),
    ));
    let start = text.rfind('|').unwrap();
    let end = text.find("last").unwrap();
    case.findings.push(at("many-lines", Severity::Error, "a long script", "all of this", span(source, start, end)));
    let end = text.len();
    case.findings.push(at("end-of-file", Severity::Error, "something is missing", "here", span(source, end, end)));
    let broken = case.written("ends-with-a-break.yaml", "kind: Pod\nspec:\n");
    case.findings.push(at(
        "after-the-last-line",
        Severity::Error,
        "spec is empty",
        "nothing follows",
        span(broken, 16, 16),
    ));
    let empty = case.written("empty.yaml", "");
    case.findings.push(at("empty-file", Severity::Warning, "the file is empty", "", span(empty, 0, 0)));
    let beyond = case.written("short.yaml", "a: é");
    case.findings.push(at(
        "beyond-the-end",
        Severity::Warning,
        "a span that is not in the text",
        "x",
        span(beyond, 4, 90),
    ));
}

fn overlaps(case: &mut Case) {
    let text = "image: registry.example.com/team/backend:latest\n";
    let source = case.written("overlaps.yaml", text);
    let whole = case.place(source, "registry.example.com/team/backend:latest", 0);
    let mut finding = at("overlapping-marks", Severity::Error, "marks in marks", "the whole image", whole);
    finding.related = vec![
        related("the tag", case.place(source, "latest", 0)),
        related("the same again", whole),
        related("the registry", case.place(source, "registry.example.com", 0)),
        related("the key", case.place(source, "image", 0)),
    ];
    case.findings.push(finding);
}

fn elsewhere(case: &mut Case) {
    let service = case.written("service.yaml", "kind: Service\nspec:\n  selector:\n    app: web\n");
    let deployment = case.written("deployment.yaml", "kind: Deployment\nspec:\n  selector:\n    app: website\n");
    let mut finding = at(
        "selector-matches-nothing",
        Severity::Error,
        "service/default/web sends traffic to no pod",
        "no pod has this label",
        case.place(service, "web", 0),
    );
    finding.object = Some(object("Service", Some("default"), "web"));
    let mut nearest = related("the nearest one", case.place(deployment, "website", 0));
    nearest.object = Some(object("Deployment", Some("default"), "website"));
    finding.related = vec![nearest];
    finding.help = Some("first paragraph of the help\n\nsecond paragraph".to_owned());
    case.findings.push(finding);

    let rendered = case.sources.add("overlays/prod", "kind: Deployment\nspec:\n  replicas: 1\n", Origin::Rendered);
    let place = case.place(rendered, "1", 0);
    let mut finding =
        at("single-replica", Severity::Warning, "one replica only", "a second one survives a drain", place);
    finding.object = Some(object("Deployment", Some("shop"), "checkout"));
    finding.then = vec!["the node is drained".to_owned(), "no replica is left until the new one is ready".to_owned()];
    finding.mends = vec![
        Mend { change: "replicas: 2".to_owned(), price: None },
        Mend {
            change: "a PodDisruptionBudget with minAvailable: 1, which makes every drain of its node wait".to_owned(),
            price: Some("€0, and drains have to be forced".to_owned()),
        },
    ];
    case.findings.push(finding);

    let text = "---\n# Source: web/templates/deployment.yaml\nkind: Deployment\nspec:\n  replicas: 1\n";
    let chart = case.sources.add("charts/web", text, Origin::Rendered);
    let mut finding = at("single-replica", Severity::Warning, "one replica", "", case.place(chart, "1", 0));
    finding.object = Some(object("Deployment", Some("shop"), "web"));
    case.findings.push(finding);

    let mut live = crate::finding::Finding::new("single-point-of-failure", Severity::Error, "etcd runs on one node");
    live.object = Some(object("Node", None, "control-plane-1"));
    live.path = FieldPath::parse("metadata.labels[node-role.kubernetes.io/control-plane]");
    live.related = vec![Related {
        message: "its etcd".to_owned(),
        object: Some(object("Pod", Some("kube-system"), "etcd-control-plane-1")),
        path: FieldPath::root(),
        place: None,
    }];
    case.findings.push(live);
    case.findings.push(crate::finding::Finding::new("nothing-at-all", Severity::Warning, "a fact without object"));
    let stdin = case.written("-", "kind: Pod\n");
    case.findings.push(at(
        "standard-input",
        Severity::Info,
        "read from standard input",
        "",
        case.place(stdin, "Pod", 0),
    ));
    case.not_evaluated.push(NotEvaluated {
        rule: Arc::from("backup-too-old"),
        needs: "spec.recovery in quorate.yaml, which says how much may be lost and how long a recovery may take"
            .to_owned(),
    });
}

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: database
data:
  password: Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==
stringData:
  token: hunter2hunter2
  key: |
    first line of the key
    second line of the key
";

/// A Secret that was read, and one that was not.
pub(super) fn secret() -> Case {
    let mut case = Case::new();
    let source = case.written("secret.yaml", SECRET);
    let value = case.place(source, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==", 0);
    let token = case.place(source, "hunter2hunter2", 0);
    let start = SECRET.find("|\n").unwrap();
    case.secrets = vec![value, token, span(source, start, SECRET.len())];
    let mut finding = at(
        "plain-secret",
        Severity::Error,
        "a Secret in plain text: correct-horse-battery-staple",
        "this value",
        value,
    );
    finding.object = Some(object("Secret", Some("default"), "database"));
    finding.related =
        vec![related("and this: hunter2hunter2", token), related("and all of this", span(source, start, SECRET.len()))];
    finding.evidence = serde_json::json!({"value": ["hunter2hunter2"]});
    case.findings.push(finding);
    let unread = "kind: Secret\nstringData:\n  a: correct-horse\n  b: [correct-horse\n";
    let source = case.written("unread.yaml", unread);
    let end = unread.len();
    let mut finding =
        at("syntax-error", Severity::Error, "a bracket is not closed", "here", span(source, end - 14, end - 13));
    finding.related = vec![related("and here it ends", span(source, end, end))];
    case.findings.push(finding);
    case
}

/// Text that wants to be more than text.
pub(super) fn injection() -> Case {
    let mut case = Case::new();
    let text = "kind: \"Pod\u{1b}]0;owned\u{7}\u{1b}[2J\"\nname: a\u{202e}txt.exe\u{9b}31m\u{7f}\u{0}end\r::error::x\n";
    let source = case.written("na\u{1b}[31mme\n::warning::x.yaml", text);
    let mut finding = at(
        "inj\u{1b}[1mected",
        Severity::Error,
        "a message\n::error file=x::with a command\u{1b}[31m and\u{9b}0m ##[warning]more\u{2028}",
        "label\r\u{1b}[0m",
        case.place(source, "txt", 0),
    );
    let mut reference = object("Pod", Some("na\u{1b}[me"), "x\u{8}\u{8}y");
    reference.kind = Arc::from("Pod\n");
    finding.object = Some(reference);
    finding.why = Some("because\u{1b}[5m\n::set-output name=a::b".to_owned());
    finding.then = vec!["\u{7}bell".to_owned()];
    finding.mends = vec![Mend { change: "\u{1b}c".to_owned(), price: Some("\u{1b}[8mfree".to_owned()) }];
    finding.help = Some("\u{202e}help".to_owned());
    finding.evidence = serde_json::json!({"\u{9b}key": "\u{7f}"});
    finding.related = vec![related("\u{1b}[7mrelated", case.place(source, "Pod", 0))];
    // Where there are ways out, the help is not shown.
    let mut helped = crate::finding::Finding::new("helped", Severity::Warning, "no way out");
    helped.help.clone_from(&finding.help);
    case.findings.extend([helped, finding]);
    case.not_evaluated.push(NotEvaluated { rule: Arc::from("a\u{1b}"), needs: "b\u{1b}\n".to_owned() });
    case
}

/// A megabyte of JSON in one line.
pub(super) fn long_line() -> Case {
    let mut case = Case::new();
    let filler = r#"{"name":"x","value":"é"},"#.repeat(40_000);
    let text =
        format!(r#"{{"kind":"Pod","spec":[{filler}{{"name":"culprit","value":1}},{filler}{{"name":"accomplice"}}]}}"#);
    let source = case.written("minified.json", &text);
    let mut finding =
        at("long-line", Severity::Error, "a value is of the wrong type", "must be text", case.place(source, "1}", 0));
    finding.related = vec![
        related("of this", case.place(source, "culprit", 0)),
        related("and see this one", case.place(source, "accomplice", 0)),
        related("in this kind", case.place(source, "Pod", 0)),
    ];
    case.findings.push(finding);
    let all = span(source, 22, text.len() - 2);
    case.findings.push(at("long-mark", Severity::Error, "a mark as long as the line", "all of this list", all));
    let short = case.written("indented.yaml", &format!("a:\n{}value: {}\n", " ".repeat(60), "x".repeat(30)));
    let place = case.place(short, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0);
    case.findings.push(at(
        "far-right",
        Severity::Error,
        "far to the right",
        "a label that needs some room to be read",
        place,
    ));
    case
}
