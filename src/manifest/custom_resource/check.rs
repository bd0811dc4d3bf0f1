//! An object against the schema of its version.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use crate::finding::NotEvaluated;
use crate::manifest::assemble::report::{Report, mend};
use crate::manifest::decode::nearest;
use crate::manifest::{FieldPath, Segment};

use super::definition::{Definition, Version};
use super::unknown::unknown_fields;

const RULE: &str = "custom-resource-invalid";

/// Reports what is wrong with the object of `report`, which is a `kind` in `version`; gives what could not be checked.
pub(in crate::manifest) fn check(
    definition: &Definition,
    version: &str,
    kind: &str,
    report: &mut Report<'_>,
) -> Option<NotEvaluated> {
    let Some(found) = definition.versions.iter().find(|known| known.name == version && known.is_served) else {
        unknown_version(definition, version, kind, report);
        return None;
    };
    for problem in unknown_fields(report.root(), &found.schema) {
        let finding = problem.into_finding(report.source(), None);
        report.add(finding);
    }
    match found.validator() {
        Ok(validator) => {
            let instance = with_whole_numbers(report.root().to_json());
            for error in validator.iter_errors(&instance) {
                let path = path_of(error.instance_path(), error.kind());
                let message = match path.segments() {
                    [] => format!("the object {}", explain(error.kind())),
                    _ => format!("`{path}`: {}", explain(error.kind())),
                };
                let finding = report.error(RULE, path, message);
                finding.label = explain(error.kind());
                if let ValidationErrorKind::Enum { options: Value::Array(options) } = error.kind() {
                    let written = error.instance().as_str().unwrap_or_default();
                    let near = nearest(written, options.iter().filter_map(Value::as_str));
                    finding.mends.extend(near.map(mend));
                }
            }
        }
        Err(error) => return Some(not_evaluated(definition, &format!("a schema that compiles: {error}"))),
    }
    expressions(definition, found)
}

fn expressions(definition: &Definition, version: &Version) -> Option<NotEvaluated> {
    version.has_expressions().then(|| {
        let needs = format!("an evaluation of the CEL rules (x-kubernetes-validations) of version {}", version.name);
        not_evaluated(definition, &needs)
    })
}

fn not_evaluated(definition: &Definition, needs: &str) -> NotEvaluated {
    NotEvaluated { rule: RULE.into(), needs: format!("{}: {needs}", definition.name) }
}

fn unknown_version(definition: &Definition, version: &str, kind: &str, report: &mut Report<'_>) {
    let served: Vec<&str> =
        definition.versions.iter().filter(|known| known.is_served).map(|known| known.name.as_str()).collect();
    let message = format!("{} does not serve {kind} in version {version}", definition.name);
    let finding = report.error("unknown-kind", FieldPath::root().key("apiVersion"), message);
    finding.label = format!("served: {}", served.join(", "));
}

/// Numbers as clients send them: `3.0` is sent as `3`.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => Value::from(float as i64),
            Some(_) | None => Value::Number(number),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(with_whole_numbers).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, with_whole_numbers(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

fn path_of(location: &Location, kind: &ValidationErrorKind) -> FieldPath {
    let segment = |segment: LocationSegment<'_>| match segment {
        LocationSegment::Property(key) => Segment::Key(key.as_ref().into()),
        LocationSegment::Index(index) => Segment::Index(index),
    };
    let path: FieldPath = location.iter().map(segment).collect();
    match kind {
        ValidationErrorKind::Required { property: Value::String(field) } => path.key(field),
        _ => path,
    }
}

/// What is wrong, without the value: it may be long, and it may be a secret.
fn explain(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Required { .. } => "is required".to_owned(),
        ValidationErrorKind::Type { kind: TypeKind::Single(one) } => format!("must be of type {one}"),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(set) } => {
            let types: Vec<String> = set.iter().map(|one| one.to_string()).collect();
            format!("must be of type {}", types.join(" or "))
        }
        ValidationErrorKind::Enum { options: Value::Array(options) } => {
            let options: Vec<String> = options.iter().map(text_of).collect();
            format!("must be one of {}", options.join(", "))
        }
        ValidationErrorKind::Pattern { pattern } => format!("must match {pattern}"),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} items"),
        ValidationErrorKind::MinProperties { limit } => format!("must have at least {limit} fields"),
        ValidationErrorKind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        ValidationErrorKind::UniqueItems => "must not have the same item twice".to_owned(),
        ValidationErrorKind::Format { format } => format!("must be written as {format}"),
        ValidationErrorKind::AnyOf { .. } => "fits none of the forms that the schema allows".to_owned(),
        ValidationErrorKind::OneOfNotValid { .. } => "fits none of the forms of which it must be one".to_owned(),
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "fits more than one of the forms of which it must be one".to_owned()
        }
        ValidationErrorKind::Not { .. } => "has a form that the schema forbids".to_owned(),
        // The other keywords cannot stand in a structural schema.
        other => format!("breaks the schema's {}", other.keyword()),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
