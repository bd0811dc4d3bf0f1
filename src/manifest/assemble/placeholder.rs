//! What stands in a manifest only until it is applied: values that SOPS encrypted, `${NAME}` of Flux and envsubst, `{{ }}` of
//! templates. What is wrong with such a value says little about the one that the API server gets.

use crate::finding::{Finding, Severity};
use crate::manifest::{Node, Value};

const HELP: &str =
    "this is a placeholder, which the API server refuses: check what it is replaced by, the rendered output";

/// Takes back what was found in encrypted values, and makes warnings of errors in placeholders.
pub(super) fn judge(mut findings: Vec<Finding>, root: &Node) -> Vec<Finding> {
    let is_encrypted = is_encrypted_by_sops(root);
    findings.retain(|finding| !(is_encrypted && (is_of_sops(finding) || is_cipher_text(finding, root))));
    for finding in &mut findings {
        if finding.severity == Severity::Error && text(finding, root).is_some_and(has_placeholder) {
            finding.severity = Severity::Warning;
            finding.help.get_or_insert_with(|| HELP.to_owned());
        }
    }
    findings
}

fn text<'node>(finding: &Finding, root: &'node Node) -> Option<&'node str> {
    root.at(&finding.path).and_then(Node::as_str)
}

/// SOPS keeps what it needs for decryption in a field of its own, and takes it away with the encryption.
fn is_encrypted_by_sops(root: &Node) -> bool {
    root.get("sops").is_some_and(|sops| matches!(sops.value, Value::Mapping(_)) && sops.get("mac").is_some())
}

fn is_of_sops(finding: &Finding) -> bool {
    &*finding.rule == "unknown-field" && finding.path.to_string() == "sops"
}

fn is_cipher_text(finding: &Finding, root: &Node) -> bool {
    text(finding, root).is_some_and(|text| text.starts_with("ENC["))
}

fn has_placeholder(text: &str) -> bool {
    let between = |open: &str, close: &str| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    between("${", "}") || between("{{", "}}")
}
