//! Labels, annotations and selectors (`k8s.io/apimachinery/pkg/apis/meta/v1/validation`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};

use super::at::At;
use super::declared;
use super::verdict::Verdict;

pub(super) type Labels = BTreeMap<String, String>;

/// What is wrong with a label's key, or with a taint's or a resource's name.
pub(in crate::manifest) fn key_problem(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix.filter(|prefix| !is_subdomain(prefix)) {
        return Some(format!("the part {prefix:?} of {key:?} before the / must be a lower-case DNS name"));
    }
    if name.len() > 63 {
        return Some(format!("the name in {key:?} has {} characters, and 63 are allowed", name.len()));
    }
    let is_name = !name.is_empty() && is_word(name);
    (!is_name)
        .then(|| format!("{key:?} must be letters, digits, `-`, `_` and `.`, and start and end with a letter or digit"))
}

/// What is wrong with a label's value.
pub(in crate::manifest) fn value_problem(value: &str) -> Option<String> {
    if value.len() > 63 {
        return Some(format!("the value has {} characters, and 63 are allowed", value.len()));
    }
    (!is_word(value)).then(|| {
        format!("{value:?} must be letters, digits, `-`, `_` and `.`, and start and end with a letter or digit")
    })
}

fn is_word(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && is_end(text.bytes().next())
        && is_end(text.bytes().last())
}

fn is_subdomain(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(|label| {
            label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && is_end(label.bytes().next())
                && is_end(label.bytes().last())
        })
}

/// Labels of an object or of a template, or those that a selector wants.
pub(super) fn labels(verdict: &mut Verdict<'_, '_>, at: &At<'_>, labels: Option<&Labels>) {
    for (key, value) in labels.into_iter().flatten() {
        if let Some(problem) = key_problem(key).or_else(|| value_problem(value)) {
            verdict.invalid(&at.key(key), &problem);
        }
    }
}

/// The labels and annotations in `metadata`, which stands at `at`.
pub(super) fn metadata(verdict: &mut Verdict<'_, '_>, at: &At<'_>, metadata: &ObjectMeta) {
    labels(verdict, &at.key("labels"), metadata.labels.as_ref());
    if let Some(annotations) = &metadata.annotations {
        declared::annotations(verdict, &at.key("annotations"), annotations);
    }
    for key in metadata.annotations.iter().flat_map(BTreeMap::keys) {
        if let Some(problem) = key_problem(&key.to_lowercase()) {
            verdict.invalid(&at.key("annotations").key(key), &problem);
        }
    }
}

/// A selector of pods or namespaces.
pub(super) fn selector(verdict: &mut Verdict<'_, '_>, at: &At<'_>, selector: Option<&LabelSelector>) {
    let Some(selector) = selector else { return };
    labels(verdict, &at.key("matchLabels"), selector.match_labels.as_ref());
    let expressions = at.key("matchExpressions");
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let at = expressions.index(index);
        if let Some(problem) = key_problem(&requirement.key) {
            verdict.invalid(&at.key("key"), &problem);
        }
        let known = ["In", "NotIn", "Exists", "DoesNotExist"];
        values(verdict, &at, &requirement.operator, requirement.values.as_deref(), &known);
    }
}

/// The operator of a requirement is known, and has values where it needs them.
pub(super) fn values(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    operator: &str,
    values: Option<&[String]>,
    known: &[&str],
) {
    verdict.required(&at.key("operator"), operator);
    verdict.one_of(&at.key("operator"), Some(operator), known);
    let is_empty = values.is_none_or(<[String]>::is_empty);
    let of = at.key("values");
    match operator {
        "In" | "NotIn" if is_empty => {
            verdict.invalid(&of, &format!("must have a value for the operator {operator}"));
        }
        "Exists" | "DoesNotExist" if !is_empty => {
            verdict.invalid(&of, &format!("must have no value for the operator {operator}"));
        }
        "Gt" | "Lt" if values.map_or(0, <[String]>::len) != 1 => {
            verdict.invalid(&of, &format!("must have one value for the operator {operator}"));
        }
        _ => {}
    }
}

/// Whether `selector` selects nothing in particular.
pub(super) fn is_empty(selector: &LabelSelector) -> bool {
    let has_labels = selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty());
    !has_labels && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

/// Whether `selector` selects what has `labels`. An operator that is not known selects all: it is reported elsewhere.
pub(super) fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    let meets = |requirement: &LabelSelectorRequirement| {
        let value = labels.get(&requirement.key);
        let is_listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|one| one == value));
        match requirement.operator.as_str() {
            "In" => is_listed(),
            "NotIn" => !is_listed(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    };
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().flatten().all(meets)
}
