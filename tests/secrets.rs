//! Values of Secrets are in no output, in no format, however odd or broken the Secret is.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};

/// Secrets with values that are easily shown by mistake: wrong types, broken grammar, copies elsewhere. Every value has
/// `hunter2` in it, or is the Base64 of such a text.
const SECRETS: &[(&str, &str)] = &[
    (
        "typed.yaml",
        r#"apiVersion: v1
kind: Secret
metadata:
  name: odd
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"kind":"Secret","stringData":{"plain":"hunter2-plain-value"}}'
data:
  encoded: aHVudGVyMi1lbmNvZGVkLXZhbHVl
  not-base64: hunter2-not-base64!
  listed: [hunter2-in-a-list]
stringData:
  copied: hunter2-copied-value
  plain: hunter2-plain-value
  quoted: "hunter2 \"quoted\" \u00e9 value"
  folded: >-
    hunter2-first-line
    hunter2-second-line
  block: |
    hunter2-block-line-1
    hunter2-block-line-2
  nested: {hunter2-deep: hunter2-nested-value, hunter2-deep: hunter2-again}
  plain: hunter2-duplicate-value
stringdata:
  typo: hunter2-misspelt-field
---
apiVersion: v1
kind: Secret
metadata: {name: whole}
data: hunter2-whole-data
"#,
    ),
    (
        "copies.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: user}\nspec:\n  containers:\n    - {name: a, image: 'x:1', env: \
         [{name: A, value: hunter2-copied-value, valeu: hunter2-encoded-value}]}\n",
    ),
    (
        "list.yaml",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: in-list}\n  \
         stringData: {password: hunter2-list-item, password: hunter2-list-again}\n",
    ),
    (
        "json.json",
        r#"{"apiVersion":"v1","kind":"Secret","stringData":{"a":"hunter2-json-value",,"b":"hunter2-json-b"}}"#,
    ),
];

/// Values that YAML takes for something else than text, or refuses.
const ODD_VALUES: &[&str] = &[
    "!hunter2-tag",
    "&hunter2-anchor rest",
    "@hunter2-at",
    "%hunter2-percent",
    "`hunter2-backtick",
    "*hunter2-star",
    "\"hunter2-escape\\z\"",
    "\"hunter2-open",
    "'hunter2-open",
    "{hunter2-open",
    "[hunter2-open",
    "|hunter2-literal",
    ">hunter2-folded",
    "!!binary hunter2-binary!",
    "!!float hunter2-float",
    "!!int \"hunter2-int\"",
    "- hunter2-dash",
    "? hunter2-question",
    ", hunter2-comma",
    "hunter2-a: hunter2-colon",
    "<<: hunter2-merge",
    "1e999999hunter2",
    "{hunter2-twice-1: 1, hunter2-twice-1: 2}",
    "{<<: hunter2-merge}",
    "hunter2-tab\n\tx: hunter2-after-tab",
    "hunter2-nul\0",
];

#[test]
fn values_of_secrets_are_never_shown() {
    let mut files: Vec<(String, String)> =
        SECRETS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for (index, value) in ODD_VALUES.iter().enumerate() {
        for field in ["data", "stringData"] {
            let secret = format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: odd-{index}}}\n{field}:\n  password: {value}\n"
            );
            files.push((format!("{field}-{index}.yaml"), secret));
        }
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = directory(&files);
    let run = |arguments: &[&str]| -> Run { quorate(&[&["check", text(folder.path())], arguments].concat()) };
    let simulate = quorate(&["simulate", text(folder.path()), "--drain", "a"]).with_status(2);
    let formats: [&[&str]; 6] =
        [&[], &["-v"], &["-o", "json"], &["-o", "sarif"], &["-o", "github"], &["--color", "always", "-v"]];
    for run in formats.map(run).into_iter().chain([simulate]) {
        assert!(run.stdout.contains("unreadable-document"), "{}", run.stdout);
        for line in run.stdout.lines().chain(run.stderr.lines()) {
            assert!(!line.contains("hunter2") && !line.contains("aHVudGVy"), "{line}");
        }
    }
}
