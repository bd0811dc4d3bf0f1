//! The fields that a type and all types inside it have. A type tells them when it is deserialized, so they are read
//! from a walk of the deserializer over a value that has every field.

use std::sync::Arc;

/// One step in a type: into a field, or into the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShapeStep {
    /// A field of a struct; in a map of any keys, `*`.
    Key(Arc<str>),
    /// The items of a list.
    Item,
}

/// Every struct in a type, outermost first, with the names of its fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    structs: Vec<(Vec<ShapeStep>, &'static [&'static str])>,
}

impl Shape {
    pub(super) fn add(&mut self, steps: Vec<ShapeStep>, fields: &'static [&'static str]) {
        self.structs.push((steps, fields));
    }

    /// Where the structs are that have a field `name`.
    pub(super) fn holders_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [ShapeStep]> {
        self.structs.iter().filter(move |(_, fields)| fields.contains(&name)).map(|(steps, _)| steps.as_slice())
    }
}
