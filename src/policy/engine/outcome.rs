//! What a rule may yield, and the finding it becomes.

use regorus::Value;
use serde::Deserialize;

use super::inventory::InventoryData;
use crate::finding::{Finding, Mend, Related, Severity};
use crate::manifest::{FieldPath, Object, ObjectReference, Place, Segment};
use crate::policy::Facts;
use crate::policy::registry::Rule;

/// What the name of an entry point says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// `deny`, `violation`: at the rule's severity.
    Deny,
    /// `warn`: a warning, or what is less.
    Warn,
}

impl Strength {
    /// `deny_run_as_root` is `(Deny, "run_as_root")`; the names are conftest's.
    pub(super) fn of_rule_name(name: &str) -> Option<(Self, &str)> {
        let strengths = [("deny", Self::Deny), ("violation", Self::Deny), ("warn", Self::Warn)];
        strengths.into_iter().find_map(|(prefix, strength)| {
            let rest = name.strip_prefix(prefix)?;
            if rest.is_empty() {
                return Some((strength, ""));
            }
            rest.strip_prefix('_').filter(|suffix| !suffix.is_empty()).map(|suffix| (strength, suffix))
        })
    }
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) struct Violation {
    strength: Strength,
    body: Body,
}

/// `{msg, path, related}`, and the parts of a finding that a rule may fill in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Body {
    msg: String,
    #[serde(default)]
    path: PathForm,
    #[serde(default)]
    object: Option<ObjectForm>,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    then: Vec<String>,
    #[serde(default)]
    mends: Vec<MendForm>,
    #[serde(default)]
    related: Vec<RelatedForm>,
    /// Whatever else the rule says about it (conftest's `metadata`, Gatekeeper's `details`): evidence.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "`path` must be a list of keys and numbers from 0, or one text")]
enum PathForm {
    Segments(Vec<SegmentForm>),
    Text(String),
}

impl Default for PathForm {
    fn default() -> Self {
        Self::Segments(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum SegmentForm {
    Index(usize),
    Key(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct ObjectForm {
    kind: String,
    #[serde(default)]
    namespace: Option<String>,
    /// An object of the inputs may lack it.
    #[serde(default)]
    name: Option<String>,
}

/// What a rule names when it means quorate.yaml: `{"kind": "Environment"}`.
const ENVIRONMENT: &str = "Environment";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a mend must be a text or an object with `change`")]
enum MendForm {
    Change(String),
    Priced { change: String, price: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct RelatedForm {
    msg: String,
    #[serde(default)]
    path: PathForm,
    #[serde(default)]
    object: Option<ObjectForm>,
}

impl From<&PathForm> for FieldPath {
    fn from(form: &PathForm) -> Self {
        match form {
            PathForm::Text(text) => Self::parse(text),
            PathForm::Segments(segments) => segments
                .iter()
                .map(|segment| match segment {
                    SegmentForm::Index(index) => Segment::Index(*index),
                    SegmentForm::Key(key) => Segment::Key(key.as_str().into()),
                })
                .collect(),
        }
    }
}

/// Reads what a rule yields: nothing, a text, an object with `msg`, or a set or list of these. The error says what it is
/// instead.
pub(super) fn read(value: &Value, strength: Strength) -> Result<Vec<Violation>, String> {
    match value {
        // A complete rule whose body does not hold, and one that says "no".
        Value::Undefined | Value::Null | Value::Bool(false) => Ok(Vec::new()),
        Value::Set(items) => items.iter().map(|item| read_one(item, strength)).collect(),
        Value::Array(items) => items.iter().map(|item| read_one(item, strength)).collect(),
        // `violation := {}` and the empty value of a rule that is an object.
        Value::Object(entries) if entries.is_empty() => Ok(Vec::new()),
        Value::String(_) | Value::Object(_) => read_one(value, strength).map(|violation| vec![violation]),
        Value::Bool(true) => Err("`true`, which does not say what is wrong (write `contains msg if`)".to_owned()),
        Value::Number(_) => Err("a number".to_owned()),
    }
}

fn read_one(value: &Value, strength: Strength) -> Result<Violation, String> {
    if let Value::String(text) = value {
        return Ok(Violation { strength, body: Body { msg: text.to_string(), ..Body::default() } });
    }
    let json = serde_json::to_value(value).map_err(|error| format!("a value that is not JSON ({error})"))?;
    let what = match &json {
        serde_json::Value::Object(_) => "an object that does not fit",
        serde_json::Value::Array(_) => "a list in a list",
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a text",
    };
    let body = Body::deserialize(&json).map_err(|error| format!("{what}: {error}"))?;
    Ok(Violation { strength, body })
}

/// Whether conftest's `exception` (a set of lists of rule names) lists `name`.
pub(super) fn excepts(value: &Value, name: &str) -> bool {
    let listed = |names: &Value| match names {
        Value::Array(names) => names.iter().any(|listed| *listed == Value::from(name)),
        Value::Set(names) => names.iter().any(|listed| *listed == Value::from(name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) | Value::Undefined => {
            false
        }
    };
    match value {
        Value::Set(lists) => lists.iter().any(listed),
        Value::Array(lists) => lists.iter().any(listed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) | Value::Undefined => {
            false
        }
    }
}

/// What a rule was looking at.
#[derive(Clone, Copy)]
pub(in crate::policy) enum Reviewed<'a> {
    Object(&'a Object),
    Environment,
}

/// What is needed to make a finding of a violation.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Surroundings<'a> {
    pub(in crate::policy) inventory: &'a InventoryData<'a>,
    pub(in crate::policy) facts: &'a Facts<'a>,
    /// The rule's severity after configuration.
    pub(in crate::policy) severity: Severity,
    /// Whether the configuration fixed it.
    pub(in crate::policy) severity_is_fixed: Fixed,
}

/// Whether a severity was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Fixed {
    Yes,
    No,
}

impl Violation {
    /// The finding of `rule` about what it reviewed.
    pub(in crate::policy) fn into_finding(
        self,
        rule: &Rule,
        reviewed: Reviewed<'_>,
        with: Surroundings<'_>,
    ) -> Finding {
        let body = self.body;
        let severity = match (with.severity_is_fixed, self.strength, body.severity) {
            (Fixed::Yes, _, _) => with.severity,
            (Fixed::No, _, Some(own)) => own,
            (Fixed::No, Strength::Deny, None) => with.severity,
            // `Severity` sorts the worst first: a warning is the worst that `warn` gives.
            (Fixed::No, Strength::Warn, None) => with.severity.max(Severity::Warning),
        };
        let mut finding = Finding::new(&rule.id, severity, body.msg);
        let (object, path, place) = place(body.object.as_ref(), FieldPath::from(&body.path), reviewed, with);
        finding.object = object;
        finding.path = path;
        finding.place = place;
        finding.label = body.label;
        finding.why = body.why;
        finding.then = body.then;
        finding.mends = body.mends.into_iter().map(Mend::from).collect();
        finding.help = (!rule.help.is_empty()).then(|| rule.help.clone());
        finding.related = body
            .related
            .iter()
            .map(|related| {
                let path = FieldPath::from(&related.path);
                let (object, path, place) = self::place(related.object.as_ref(), path, reviewed, with);
                Related { message: related.msg.clone(), object, path, place }
            })
            .collect();
        if !body.rest.is_empty() {
            finding.evidence = serde_json::Value::Object(body.rest);
        }
        finding
    }
}

impl From<MendForm> for Mend {
    fn from(form: MendForm) -> Self {
        match form {
            MendForm::Change(change) => Self { change, price: None },
            MendForm::Priced { change, price } => Self { change, price },
        }
    }
}

/// The object a violation speaks of and where its path stands: the one it names, else the one under review, else
/// quorate.yaml.
fn place(
    named: Option<&ObjectForm>,
    path: FieldPath,
    reviewed: Reviewed<'_>,
    with: Surroundings<'_>,
) -> (Option<ObjectReference>, FieldPath, Option<Place>) {
    let object = match (named, reviewed) {
        (Some(form), _) if form.kind == ENVIRONMENT => None,
        (Some(form), _) => {
            match with.inventory.find(&form.kind, form.namespace.as_deref(), form.name.as_deref().unwrap_or_default()) {
                Some(object) => Some(object),
                // It names what is not there: better no place than a wrong one.
                None => return (None, path, None),
            }
        }
        (None, Reviewed::Object(object)) => Some(object),
        (None, Reviewed::Environment) => None,
    };
    match object {
        Some(object) => {
            let (place, _) = object.locate(&path);
            (Some(object.reference.clone()), path, Some(place))
        }
        None => {
            let place = with.facts.locate(&path);
            (None, path, place)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json_str(json).unwrap()
    }

    #[test]
    fn names_are_read_as_conftest_reads_them() {
        assert_eq!(Strength::of_rule_name("deny"), Some((Strength::Deny, "")));
        assert_eq!(Strength::of_rule_name("violation_a_b"), Some((Strength::Deny, "a_b")));
        assert_eq!(Strength::of_rule_name("warn_x"), Some((Strength::Warn, "x")));
        assert_eq!(Strength::of_rule_name("denyx"), None);
        assert_eq!(Strength::of_rule_name("deny_"), None);
        assert_eq!(Strength::of_rule_name("allow"), None);
    }

    #[test]
    fn texts_objects_and_lists_are_violations() {
        for json in [r#""a""#, r#"{"msg":"a"}"#, r#"["a"]"#, r#"[{"msg":"a","path":["spec",0,"x"]}]"#] {
            let read = read(&value(json), Strength::Deny).unwrap();
            assert_eq!(read.len(), 1, "{json}");
            assert_eq!(read[0].body.msg, "a", "{json}");
        }
        for json in ["false", "null", "[]", "{}"] {
            assert!(read(&value(json), Strength::Deny).unwrap().is_empty(), "{json}");
        }
        assert!(read(&Value::Undefined, Strength::Deny).unwrap().is_empty());
    }

    #[test]
    fn an_object_without_a_name_can_be_named() {
        let json = r#"{"msg":"a","related":[{"msg":"b","object":{"kind":"Role","namespace":null,"name":null}}]}"#;
        assert!(read(&value(json), Strength::Deny).is_ok());
    }

    #[test]
    fn anything_else_is_a_failure() {
        for json in [
            "true",
            "1",
            "[1]",
            "[[\"a\"]]",
            "[null]",
            r#"{"message":"a"}"#,
            r#"[{"msg":1}]"#,
            r#"[{"msg":"a","path":[-1]}]"#,
            r#"[{"msg":"a","path":7}]"#,
            r#"[{"msg":"a","severity":"fatal"}]"#,
        ] {
            assert!(read(&value(json), Strength::Deny).is_err(), "{json}");
        }
    }

    #[test]
    fn paths_lead_to_fields() {
        let read = read(&value(r#"{"msg":"a","path":["spec","containers",0,"image"]}"#), Strength::Deny).unwrap();
        assert_eq!(FieldPath::from(&read[0].body.path).to_string(), "spec.containers[0].image");
    }

    #[test]
    fn exceptions_list_names() {
        assert!(excepts(&value(r#"[["run_as_root","b"]]"#), "run_as_root"));
        assert!(excepts(&value(r#"[[""]]"#), ""));
        assert!(!excepts(&value(r#"[["c"]]"#), "b"));
        assert!(!excepts(&Value::Undefined, "b"));
    }
}
