//! Labels and label selectors.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::name::Symbol;

/// Labels: keys are unique, kept sorted by symbol. Copies are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Symbol, Symbol)]>);

impl Labels {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: Symbol) -> Option<Symbol> {
        let position = self.0.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.0.get(position).map(|(_, value)| *value)
    }

    /// Sets `key` to `value`.
    pub fn insert(&mut self, key: Symbol, value: Symbol) {
        let mut pairs = self.0.to_vec();
        match pairs.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(position) => {
                if let Some(pair) = pairs.get_mut(position) {
                    pair.1 = value;
                }
            }
            Err(position) => pairs.insert(position, (key, value)),
        }
        self.0 = pairs.into();
    }

    /// Whether both are one and the same copy.
    #[must_use]
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// All pairs, sorted by symbol.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Symbol)> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Symbol, Symbol)> for Labels {
    fn from_iter<T: IntoIterator<Item = (Symbol, Symbol)>>(pairs: T) -> Self {
        // Of several values for one key the last one holds.
        let by_key: BTreeMap<Symbol, Symbol> = pairs.into_iter().collect();
        Self(by_key.into_iter().collect())
    }
}

/// A label selector: all requirements must hold; without any it matches everything. "No selector" (which matches nothing)
/// is an `Option` at its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSelector {
    /// The requirements; `matchLabels` are `In` with one value.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: Symbol,
    /// What its value must be.
    pub operator: Operator,
}

/// What a requirement asks of a label's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// One of these.
    In(Vec<Symbol>),
    /// None of these; true when the label is missing.
    NotIn(Vec<Symbol>),
    /// Any value.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether `labels` satisfy every requirement.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// A label with its value that everything has that it matches; `None` where there is no such label.
    pub(crate) fn only_value(&self) -> Option<(Symbol, Symbol)> {
        self.requirements.iter().find_map(|requirement| match &requirement.operator {
            Operator::In(values) => match values.as_slice() {
                [value] => Some((requirement.key, *value)),
                [] | [_, ..] => None,
            },
            Operator::NotIn(_) | Operator::Exists | Operator::DoesNotExist => None,
        })
    }

    /// Whether it has no requirement and so matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    /// Whether `labels` satisfy it.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(&value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(&value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}
