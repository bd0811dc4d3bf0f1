//! Edits keep everything else as it was.

use serde_json::{Value, json};

use super::{Change, Edit, EditError, Position, apply, position};
use crate::manifest::yaml::{Limits, parse};
use crate::manifest::{FieldPath, SourceId};

const SOURCE: SourceId = SourceId(0);

const DEPLOYMENT: &str = "# The shop.
kind: Deployment
metadata:
  name: web # its name
spec:
  # Three, since the last outage.
  replicas: 3
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}
  template:
    spec:
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            podAffinityTerm: {topologyKey: kubernetes.io/hostname}
      containers:
      - name: web   # the only one
        command:
        - |
          echo
---
kind: Service
";

fn edit(path: &str, change: Change) -> Edit {
    Edit { position: Position { document: 0, path: FieldPath::root() }, path: FieldPath::parse(path), change }
}

/// The lines that are new or gone.
fn changed(text: &str, edits: &[Edit]) -> Result<Vec<String>, EditError> {
    let new = apply(SOURCE, text, edits)?;
    let diff = similar::TextDiff::from_lines(text, &new);
    let lines = diff.iter_all_changes().filter(|own| own.tag() != similar::ChangeTag::Equal);
    Ok(lines.map(|own| format!("{}{}", own.tag(), own.value().trim_end_matches('\n'))).collect())
}

#[track_caller]
fn assert_changes(path: &str, change: Change, lines: &[&str]) {
    assert_eq!(changed(DEPLOYMENT, &[edit(path, change)]).unwrap(), lines);
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    assert_changes("spec.replicas", Change::Set(json!(4)), &["-  replicas: 3", "+  replicas: 4"]);
    assert_changes(
        "spec.strategy.rollingUpdate.maxSurge",
        Change::Set(json!("50%")),
        &[
            "-  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}",
            "+  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: \"50%\"}}",
        ],
    );
}

#[test]
fn what_is_missing_is_added_in_the_layout_of_the_file() {
    assert_changes(
        "spec.strategy.rollingUpdate.maxUnavailable",
        Change::Set(json!(1)),
        &[
            "-  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}",
            "+  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}",
        ],
    );
    assert_changes(
        "spec.template.spec.topologySpreadConstraints",
        Change::Set(json!([{"maxSkew": 1, "matchLabelKeys": ["a"], "labelSelector": {"matchLabels": {"on": "1"}}}])),
        &[
            "+      topologySpreadConstraints:",
            "+      - maxSkew: 1",
            "+        matchLabelKeys: [a]",
            "+        labelSelector:",
            "+          matchLabels:",
            "+            \"on\": \"1\"",
        ],
    );
    assert_changes("spec.template.spec.containers[0].image", Change::Set(json!("x:1")), &["+        image: \"x:1\""]);
    assert_changes("metadata.labels.a", Change::Set(json!("b")), &["+  labels:", "+    a: b"]);
}

#[test]
fn items_and_entries_keep_what_is_around_them() {
    let items = "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution";
    assert_changes(
        items,
        Change::Rename {
            key: "requiredDuringSchedulingIgnoredDuringExecution".to_owned(),
            value: json!([{"topologyKey": "kubernetes.io/hostname"}]),
        },
        &[
            "-          preferredDuringSchedulingIgnoredDuringExecution:",
            "-          - weight: 1",
            "-            podAffinityTerm: {topologyKey: kubernetes.io/hostname}",
            "+          requiredDuringSchedulingIgnoredDuringExecution:",
            "+          - topologyKey: kubernetes.io/hostname",
        ],
    );
    assert_changes(items, Change::Append(json!({"weight": 2})), &["+          - weight: 2"]);
    let command = "spec.template.spec.containers[0].command";
    assert_changes(command, Change::Append(json!("b")), &["+        - b"]);
}

#[test]
fn line_ends_json_and_files_without_a_last_line_end_stay() {
    let text = "a:\r\n  b: 1\r\n";
    assert_eq!(apply(SOURCE, text, &[edit("a.c", Change::Set(json!(2)))]).unwrap(), "a:\r\n  c: 2\r\n  b: 1\r\n");
    assert_eq!(apply(SOURCE, "a: 1", &[edit("b", Change::Set(json!(2)))]).unwrap(), "a: 1\nb: 2");
    let text = "{\"a\": {\"b\": [\"c\"]}}";
    let edits = [edit("a.b", Change::Append(json!("d"))), edit("a.e", Change::Set(json!({"f": "g"})))];
    assert_eq!(apply(SOURCE, text, &edits).unwrap(), "{\"a\": {\"b\": [\"c\", \"d\"], \"e\": {\"f\": \"g\"}}}");
}

#[test]
fn what_others_use_as_well_is_left_alone() {
    let text = "a: &x\n  b: 1\nc: *x\n";
    let refused = apply(SOURCE, text, &[edit("c.b", Change::Set(json!(2)))]).unwrap_err();
    assert_eq!(refused, EditError::ChangesMore { path: "c.b".to_owned() });
    let comment = DEPLOYMENT.replace("- weight: 1", "- weight: 1 # little");
    let items = "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution";
    let renamed = Change::Rename { key: "required".to_owned(), value: Value::Null };
    let refused = apply(SOURCE, &comment, &[edit(items, renamed)]).unwrap_err();
    assert!(refused.to_string().contains("a comment stands in it"), "{refused}");
}

#[test]
fn an_item_of_a_list_is_found_again() {
    let text = "kind: A\n---\nkind: List\nitems:\n- kind: B\n- kind: C\n";
    let documents = parse(SOURCE, text, &Limits::default()).documents;
    let item = &documents[1].root.get("items").unwrap().items()[1];
    let found = position(SOURCE, text, item.span).unwrap();
    assert_eq!((found.document, found.path.to_string()), (1, "items[1]".to_owned()));
    let edit = Edit { position: found, path: FieldPath::parse("spec.a"), change: Change::Set(json!(1)) };
    assert_eq!(apply(SOURCE, text, &[edit]).unwrap(), format!("{text}  spec:\n    a: 1\n"));
}
