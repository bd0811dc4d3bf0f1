//! Which findings have one cause, so that one of them stands for all.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::manifest::{FieldPath, ObjectReference, Segment};

/// What words are put in.
const QUOTES: [char; 3] = ['`', '"', '\''];

/// Findings of one rule and severity, by cause, in the order of the findings.
pub(super) struct OfRule<'a> {
    pub(super) causes: Vec<Cause<'a>>,
}

/// Findings that say the same about different objects.
pub(super) struct Cause<'a> {
    /// The one that is shown in full.
    pub(super) shown: &'a Finding,
    /// The others.
    pub(super) others: Vec<&'a Finding>,
}

/// What findings of one cause have in common.
#[derive(PartialEq, Eq, Hash)]
struct CauseKey {
    message: String,
    label: String,
    why: Option<String>,
    path: String,
}

/// Groups findings by rule and cause, keeping their order.
pub(super) fn by_cause<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<OfRule<'a>> {
    let mut rules: Vec<OfRule<'a>> = Vec::new();
    let mut rule_index: HashMap<(&'a str, Severity), usize> = HashMap::new();
    let mut cause_index: HashMap<(usize, CauseKey), usize> = HashMap::new();
    for finding in findings {
        let rule = *rule_index.entry((&finding.rule, finding.severity)).or_insert_with(|| {
            rules.push(OfRule { causes: Vec::new() });
            rules.len() - 1
        });
        let causes = &mut rules[rule].causes;
        let cause = *cause_index.entry((rule, cause_key(finding))).or_insert_with(|| {
            causes.push(Cause { shown: finding, others: Vec::new() });
            usize::MAX
        });
        if cause == usize::MAX {
            let last = causes.len() - 1;
            cause_index.insert((rule, cause_key(finding)), last);
        } else {
            causes[cause].others.push(finding);
        }
    }
    rules
}

fn cause_key(finding: &Finding) -> CauseKey {
    let object = finding.object.as_ref();
    CauseKey {
        message: without_particulars(&finding.message, object),
        label: without_particulars(&finding.label, object),
        why: finding.why.as_ref().map(|why| without_particulars(why, object)),
        path: general_path(&finding.path),
    }
}

/// The text without what differs from object to object: the object's names, quoted words and numbers.
fn without_particulars(text: &str, object: Option<&ObjectReference>) -> String {
    let general = without_names_and_quotes(text, object);
    let mut shortened = String::with_capacity(general.len());
    for character in general.chars() {
        let character = if character.is_ascii_digit() { '#' } else { character };
        if !(character == '#' && shortened.ends_with('#')) {
            shortened.push(character);
        }
    }
    shortened
}

/// The text with the object's names and quoted words replaced.
pub(super) fn without_names_and_quotes(text: &str, object: Option<&ObjectReference>) -> String {
    QUOTES.into_iter().fold(without_names(text, object), |text, quote| without_quoted(&text, quote))
}

/// The quoted words of a text in their order, each once.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for quote in QUOTES {
        let marks: Vec<usize> = text.match_indices(quote).map(|(at, _)| at).collect();
        // An apostrophe is no quotation.
        if marks.len().is_multiple_of(2) {
            let (pairs, _) = marks.as_chunks::<2>();
            found.extend(pairs.iter().map(|[start, end]| (*start, &text[start + 1..*end])));
        }
    }
    found.sort_by_key(|(start, _)| *start);
    let mut words: Vec<&str> = Vec::new();
    for (_, word) in found {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The text with the object's names replaced.
fn without_names(text: &str, object: Option<&ObjectReference>) -> String {
    let Some(object) = object else { return text.to_owned() };
    let display = object.to_string();
    let namespaced = object.namespace.as_ref().map(|namespace| format!("{namespace}/{}", object.name));
    let mut general = replace_words(text, &display);
    if let Some(namespaced) = namespaced {
        general = replace_words(&general, &namespaced);
    }
    replace_words(&general, &object.name)
}

/// Replaces `name` where it stands as a whole name.
fn replace_words(text: &str, name: &str) -> String {
    let belongs_to_name = |character: char| character.is_alphanumeric() || matches!(character, '-' | '/');
    if name.is_empty() {
        return text.to_owned();
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, found) = rest.split_at(at);
        let after = &found[name.len()..];
        let is_whole = !before.ends_with(belongs_to_name) && !after.starts_with(belongs_to_name);
        replaced.push_str(before);
        replaced.push_str(if is_whole { "*" } else { name });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

fn without_quoted(text: &str, quote: char) -> String {
    let parts: Vec<&str> = text.split(quote).collect();
    // An apostrophe is no quotation.
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    parts.iter().enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "*" }).collect()
}

/// The path without indices, and without what depends only on the kind of object: a pod's specification stands in a Pod
/// itself, in a template, or in a template of a template, and its containers in one of three lists.
fn general_path(path: &FieldPath) -> String {
    let mut general = String::new();
    for segment in path.segments() {
        match segment {
            Segment::Key(key) => {
                general.push('.');
                general.push_str(if matches!(&**key, "initContainers" | "ephemeralContainers") {
                    "containers"
                } else {
                    key
                });
            }
            Segment::Index(_) => general.push_str("[]"),
        }
    }
    for template in [".spec.jobTemplate.spec.template.", ".spec.template."] {
        if let Some(in_template) = general.strip_prefix(template) {
            return format!(".{in_template}");
        }
    }
    general
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn about(name: &str, message: &str) -> Finding {
        let mut finding = Finding::new("rule", Severity::Error, message);
        finding.object = Some(ObjectReference {
            api_version: Arc::from("apps/v1"),
            kind: Arc::from("Deployment"),
            namespace: Some(Arc::from("default")),
            name: Arc::from(name),
        });
        finding
    }

    #[test]
    fn names_quotes_and_numbers_do_not_make_a_cause() {
        let findings = [
            about("a", "deployment/default/a: container \"x\" has 2 ports"),
            about("b-2", "deployment/default/b-2: container \"y\" has 13 ports"),
            about("c", "deployment/default/c has no ports"),
        ];
        let rules = by_cause(findings.iter());
        assert_eq!(rules.len(), 1);
        let sizes: Vec<usize> = rules[0].causes.iter().map(|cause| cause.others.len()).collect();
        assert_eq!(sizes, [1, 0]);
    }

    #[test]
    fn severities_stay_apart() {
        let mut warning = about("a", "same");
        warning.severity = Severity::Warning;
        let findings = [about("a", "same"), warning];
        assert_eq!(by_cause(findings.iter()).len(), 2);
    }

    #[test]
    fn a_cause_is_the_same_in_a_pod_and_in_every_template() {
        let at = |path: &[&str]| {
            let mut finding = about("a", "same");
            finding.path = path.iter().fold(FieldPath::root(), |path, key| path.key(key)).index(0);
            finding
        };
        let findings = [
            at(&["spec", "template", "spec", "containers"]),
            at(&["spec", "containers"]),
            at(&["spec", "jobTemplate", "spec", "template", "spec", "initContainers"]),
            at(&["spec", "template", "spec", "volumes"]),
        ];
        let rules = by_cause(findings.iter());
        let sizes: Vec<usize> = rules[0].causes.iter().map(|cause| cause.others.len()).collect();
        assert_eq!(sizes, [2, 0]);
    }

    #[test]
    fn quoted_words_are_found_and_apostrophes_are_none() {
        assert_eq!(quoted("the pod's \"a\" and \"b\" are `c`, \"a\""), ["a", "b", "c"]);
    }

    #[test]
    fn a_name_inside_a_longer_one_is_none() {
        assert_eq!(replace_words("backend-api of backend", "backend"), "backend-api of *");
    }
}
