//! The field that was probably meant by a key that nobody knows.

use std::sync::Arc;

use crate::manifest::{FieldPath, Segment};

use super::shape::{Shape, ShapeStep};

/// How far up and down together the right place of a field may be.
const FARTHEST: usize = 4;

/// A field that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// The key is misspelt.
    Misspelt {
        /// The known name.
        field: String,
        /// Its path in this object.
        path: FieldPath,
    },
    /// The key stands in the wrong place.
    Misplaced {
        /// The path at which it is known; `[]` stands for an item of a list.
        path: String,
    },
}

impl Suggestion {
    /// `did you mean …?`
    #[must_use]
    pub fn question(&self) -> String {
        match self {
            Self::Misspelt { path, .. } => format!("did you mean `{path}`?"),
            Self::Misplaced { path } => format!("did you mean `{path}`?"),
        }
    }

    /// The change, in the field's words.
    #[must_use]
    pub fn mend(&self) -> String {
        match self {
            Self::Misspelt { field, .. } => format!("write `{field}`"),
            Self::Misplaced { path } => format!("move it to `{path}`"),
        }
    }
}

/// The name among `known` that is nearest to `name`, when one is near enough to be a misspelling of it: the same but
/// for case, dashes and underscores, or at most one edit in three characters.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_with_distance(name, known).map(|(found, _)| found)
}

fn nearest_with_distance<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    let wanted = folded(name);
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (candidate, strsim::damerau_levenshtein(&wanted, &folded(candidate))))
        .filter(|(candidate, distance)| *distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|(_, distance)| *distance)
}

fn folded(name: &str) -> String {
    name.chars().filter(|character| !matches!(character, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What was meant by `field`, which stands at `path` in the struct at `holder` with these `fields`.
pub(super) fn suggest(
    field: &str,
    fields: &'static [&'static str],
    holder: &[ShapeStep],
    path: &FieldPath,
    shape: &dyn Fn() -> Arc<Shape>,
) -> Option<Suggestion> {
    let misspelt = nearest_with_distance(field, fields.iter().copied());
    // One letter off is a slip of the finger, even if that word is a field elsewhere.
    if let Some((name, 0 | 1)) = misspelt {
        return Some(misspelt_field(name, path));
    }
    let shape = shape();
    let misplaced = nearest_holder(field, holder, &shape);
    match (misspelt, misplaced) {
        (Some((name, _)), Some((cost, _))) if cost > 2 => Some(misspelt_field(name, path)),
        (_, Some((_, steps))) => Some(Suggestion::Misplaced { path: path_to(steps, holder, path, field) }),
        (Some((name, _)), None) => Some(misspelt_field(name, path)),
        (None, None) => None,
    }
}

fn misspelt_field(name: &str, path: &FieldPath) -> Suggestion {
    let holder: FieldPath = path.segments().iter().take(path.segments().len().saturating_sub(1)).cloned().collect();
    Suggestion::Misspelt { field: name.to_owned(), path: holder.key(name) }
}

/// The struct with the field that is the fewest steps from `holder`; of two, the one farther up.
fn nearest_holder<'a>(field: &'a str, holder: &[ShapeStep], shape: &'a Shape) -> Option<(usize, &'a [ShapeStep])> {
    shape
        .holders_of(field)
        .map(|steps| {
            let shared = steps.iter().zip(holder).take_while(|(left, right)| left == right).count();
            let levels =
                |steps: &[ShapeStep]| steps.iter().skip(shared).filter(|step| **step != ShapeStep::Item).count();
            let (up, down) = (levels(holder), levels(steps));
            (up + down, down, steps)
        })
        .filter(|(cost, _, _)| *cost > 0 && *cost <= FARTHEST)
        .min_by_key(|(cost, down, _)| (*cost, *down))
        .map(|(cost, _, steps)| (cost, steps))
}

/// `steps` and then `field` as text: with the indices of `path` as far as the two go together.
fn path_to(steps: &[ShapeStep], holder: &[ShapeStep], path: &FieldPath, field: &str) -> String {
    let shared = steps.iter().zip(holder).take_while(|(left, right)| left == right).count();
    let common: FieldPath = path.segments().iter().take(shared).cloned().collect();
    let mut text = common.to_string();
    for step in steps.iter().skip(shared) {
        match step {
            ShapeStep::Item => text.push_str("[]"),
            ShapeStep::Key(key) => push_key(&mut text, key),
        }
    }
    push_key(&mut text, field);
    text
}

fn push_key(text: &mut String, key: &str) {
    if text.is_empty() {
        text.push_str(&FieldPath::root().key(key).to_string());
        return;
    }
    let mut path = FieldPath::root().child(Segment::Index(0)).key(key).to_string();
    path.replace_range(..3, "");
    text.push_str(&path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        assert_eq!(nearest("maxUnavailble", ["maxSurge", "maxUnavailable"]), Some("maxUnavailable"));
        assert_eq!(nearest("max_surge", ["maxSurge", "maxUnavailable"]), Some("maxSurge"));
        assert_eq!(nearest("Replicas", ["replicas"]), Some("replicas"));
        assert_eq!(nearest("frobnicate", ["maxSurge", "replicas"]), None);
        assert_eq!(nearest("a", ["b"]), None);
    }
}
