//! The METADATA comments of Rego files.
//!
//! OPA's annotations: a comment line `# METADATA`, then comment lines that are one YAML document, then at once the package or
//! rule they speak of. The YAML is read by the reader inside regorus (`yaml_serde`, the maintained successor of
//! `serde_yaml`), which is there anyway, into a typed value.

use serde::Deserialize;

use super::PolicyError;
use crate::finding::Severity;

/// Where to read more about a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct RelatedResource {
    /// The address.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What is found there.
    #[serde(default)]
    pub description: String,
}

/// What a METADATA comment says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) related_resources: Vec<RelatedResourceForm>,
    #[serde(default)]
    pub(super) custom: Custom,
}

/// OPA allows both `- https://…` and `- ref: https://…`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum RelatedResourceForm {
    Address(String),
    Described(RelatedResource),
}

impl From<RelatedResourceForm> for RelatedResource {
    fn from(form: RelatedResourceForm) -> Self {
        match form {
            RelatedResourceForm::Address(reference) => Self { reference, description: String::new() },
            RelatedResourceForm::Described(resource) => resource,
        }
    }
}

/// What Quorate reads under `custom`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Custom {
    pub(super) id: Option<String>,
    pub(super) severity: Option<Severity>,
    #[serde(default)]
    pub(super) why: String,
    #[serde(default)]
    pub(super) help: String,
    #[serde(default)]
    pub(super) kinds: Vec<String>,
    #[serde(default)]
    pub(super) needs: Vec<String>,
    #[serde(default)]
    pub(super) parameters: std::collections::BTreeMap<String, Parameter>,
}

/// A rule's parameter: its default tells its type.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
pub struct Parameter {
    /// What it is.
    pub description: String,
    /// Its value when nothing is configured.
    pub default: serde_json::Value,
}

/// What a METADATA comment stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Package,
    /// A rule, by the name its head begins with.
    Rule(String),
}

/// The METADATA comments of a file, in order, each with what it speaks of.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<(Subject, Metadata)>, PolicyError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        if comment(line).is_none_or(|text| text.trim() != "METADATA") {
            continue;
        }
        let first_line = index;
        let mut yaml = String::new();
        while let Some(text) = lines.get(index).copied().and_then(comment) {
            yaml.push_str(text);
            yaml.push('\n');
            index += 1;
        }
        let metadata =
            parse(&yaml).map_err(|reason| PolicyError::Metadata { path: path.to_owned(), line: first_line, reason })?;
        found.push((lines.get(index).map_or(Subject::Package, |next| subject(next)), metadata));
    }
    Ok(found)
}

/// The text of a comment line without `#` and the one space behind it.
fn comment(line: &str) -> Option<&str> {
    let text = line.strip_prefix('#')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

fn subject(line: &str) -> Subject {
    let name: String = line.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    if name == "package" { Subject::Package } else { Subject::Rule(name) }
}

pub(super) fn parse(yaml: &str) -> Result<Metadata, String> {
    let value = regorus::Value::from_yaml_str(yaml).map_err(|error| error.to_string())?;
    let json = serde_json::to_value(&value).map_err(|error| error.to_string())?;
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_package_and_rule_annotations() {
        let text = "# A file.\n\n# METADATA\n# title: A\n# related_resources:\n# - https://a.example\n# - ref: https://b.example\n#   description: B\n# custom:\n#   id: a-rule\n#   severity: warning\npackage a\n\n# METADATA\n# title: B\ndeny_b contains 1 if true\n";
        let found = read("a.rego", text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, Subject::Package);
        assert_eq!(found[0].1.custom.id.as_deref(), Some("a-rule"));
        assert_eq!(found[0].1.custom.severity, Some(Severity::Warning));
        assert_eq!(found[0].1.related_resources.len(), 2);
        assert_eq!(found[1].0, Subject::Rule("deny_b".to_owned()));
        assert_eq!(found[1].1.title, "B");
    }

    #[test]
    fn a_wrong_severity_is_an_error_at_its_comment() {
        let error = read("a.rego", "\n# METADATA\n# custom:\n#   severity: fatal\npackage a\n").unwrap_err();
        assert!(matches!(error, PolicyError::Metadata { line: 2, .. }), "{error}");
        assert!(error.to_string().contains("fatal"), "{error}");
    }
}
