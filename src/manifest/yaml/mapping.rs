//! A mapping while it is read: keys set twice, and keys that come from elsewhere through `<<`.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::node::{Entry, Node, Value};
use super::super::span::Span;
use super::problem::ProblemKind;

/// Mappings with more keys than this find them through a table.
const LINEAR_SEARCH_KEYS: usize = 16;

/// The types of keys. go-yaml compares keys with their types, JSON without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    Text,
    Boolean,
    Integer,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    /// By a key of this mapping.
    Here(KeyType),
    /// Through `<<`.
    Merged,
}

/// Two settings of one key.
#[derive(Debug)]
pub(super) struct Clash {
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// The key that was there first.
    pub first: Span,
}

#[derive(Debug, Default)]
pub(super) struct MappingBuilder {
    entries: Vec<Entry>,
    set: Vec<Set>,
    table: HashMap<Arc<str>, usize>,
}

impl MappingBuilder {
    /// The entries, keys unique.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= LINEAR_SEARCH_KEYS {
            self.entries.iter().position(|entry| &*entry.key == key)
        } else {
            self.table.get(key).copied()
        }
    }

    fn push(&mut self, entry: Entry, set: Set) {
        let index = self.entries.len();
        if index == LINEAR_SEARCH_KEYS {
            self.table = self.entries.iter().enumerate().map(|(at, entry)| (Arc::clone(&entry.key), at)).collect();
        }
        if index >= LINEAR_SEARCH_KEYS {
            self.table.insert(Arc::clone(&entry.key), index);
        }
        self.entries.push(entry);
        self.set.push(set);
    }

    /// Sets a key of this mapping. The last setting holds, as in Kubernetes where it is not strict.
    pub(super) fn set(&mut self, entry: Entry, key_type: KeyType) -> Option<Clash> {
        let Some(at) = self.find(&entry.key) else {
            self.push(entry, Set::Here(key_type));
            return None;
        };
        let first = self.entries[at].key_span;
        let clash = match self.set[at] {
            // A key that replaces a merged one is what merging is for.
            Set::Merged => None,
            // One not-a-number never equals another.
            Set::Here(other) if other == key_type && (key_type != KeyType::Float || &*entry.key != ".nan") => {
                Some(Clash { kind: ProblemKind::DuplicateKey(shown(&entry.key)), first })
            }
            Set::Here(_) => Some(Clash { kind: ProblemKind::AmbiguousKey(shown(&entry.key)), first }),
        };
        self.entries[at] = entry;
        self.set[at] = Set::Here(key_type);
        clash
    }

    /// Sets the keys of `value`, a mapping or a list of mappings of which the first wins. go-yaml v2 lets a merged key
    /// replace one that stands before the `<<`, against the specification of YAML.
    ///
    /// # Errors
    /// When `value` is something else.
    pub(super) fn merge(&mut self, value: &Node) -> Result<Vec<Clash>, ProblemKind> {
        let mut clashes = Vec::new();
        match &value.value {
            Value::Mapping(entries) => self.merge_entries(entries, &mut clashes),
            Value::Sequence(items) => {
                for item in items.iter().rev() {
                    let Value::Mapping(entries) = &item.value else { return Err(ProblemKind::Merge) };
                    self.merge_entries(entries, &mut clashes);
                }
            }
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
                return Err(ProblemKind::Merge);
            }
        }
        Ok(clashes)
    }

    fn merge_entries(&mut self, entries: &[Entry], clashes: &mut Vec<Clash>) {
        for entry in entries {
            match self.find(&entry.key) {
                None => self.push(entry.clone(), Set::Merged),
                Some(at) => {
                    if matches!(self.set[at], Set::Here(_)) {
                        let kind = ProblemKind::MergeReplaces(shown(&entry.key));
                        clashes.push(Clash { kind, first: self.entries[at].key_span });
                    }
                    self.entries[at] = entry.clone();
                    self.set[at] = Set::Merged;
                }
            }
        }
    }
}

/// A key as it stands in a message: the start of a long one.
fn shown(key: &str) -> String {
    const CHARACTERS: usize = 80;
    match key.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}
