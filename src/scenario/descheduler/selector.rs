//! Selectors: of labels, and of nodes as text. Source: `Parse` of `k8s.io/apimachinery/pkg/labels/selector.go`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use quorate_sim::cluster::{ClusterState, LabelSelector, Operator, Requirement};

/// A selector of labels; `None` for one that selects everything.
pub(super) fn of_labels(state: &mut ClusterState, selector: Option<&ApiSelector>) -> Option<LabelSelector> {
    let selector = crate::model::label_selector(state, selector?);
    (!selector.requirements.is_empty()).then_some(selector)
}

/// `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn of_text(state: &mut ClusterState, text: &str) -> Result<Option<LabelSelector>, String> {
    let mut requirements = Vec::new();
    for part in parts(text) {
        let requirement = requirement(state, part).ok_or_else(|| {
            format!("{part:?} is no part of a selector; write for example node-role.kubernetes.io/worker or zone=a")
        })?;
        requirements.push(requirement);
    }
    Ok((!requirements.is_empty()).then_some(LabelSelector { requirements }))
}

/// What stands between commas that are in no brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    if parts == [""] { Vec::new() } else { parts }
}

fn requirement(state: &mut ClusterState, part: &str) -> Option<Requirement> {
    let is_key = |text: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        !text.is_empty() && text.chars().all(is_allowed)
    };
    let (key, operator) = if let Some((key, value)) = part.split_once("!=") {
        (key, Operator::NotIn(vec![state.intern(value.trim())]))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, Operator::In(vec![state.intern(value.trim())]))
    } else if let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
        let values = values.split(',').map(|value| state.intern(value.trim())).collect();
        let (key, word) = head.trim().rsplit_once(' ')?;
        match word {
            "in" => (key, Operator::In(values)),
            "notin" => (key, Operator::NotIn(values)),
            _ => return None,
        }
    } else if let Some(key) = part.strip_prefix('!') {
        (key, Operator::DoesNotExist)
    } else {
        (part, Operator::Exists)
    };
    let key = key.trim();
    is_key(key).then(|| Requirement { key: state.intern(key), operator })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubectl_reads_them() {
        let mut state = ClusterState::default();
        let mut count =
            |text: &str| of_text(&mut state, text).map(|found| found.map_or(0, |own| own.requirements.len()));
        assert_eq!(count(""), Ok(0));
        assert_eq!(count("a=b"), Ok(1));
        assert_eq!(count("a==b, c != d,e in (f, g),h notin (i),j,!k/l"), Ok(6));
        for wrong in ["a in b", "=b", "a b", "a,,b", "e inn (f)"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }
}
