//! Where a check stands: a path that costs nothing until it is needed.

use std::sync::Arc;

use crate::manifest::{FieldPath, Segment};

/// A field, named from the one that holds it.
#[derive(Clone, Copy)]
pub(in crate::manifest) struct At<'a> {
    holder: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The object itself.
    pub(in crate::manifest) const ROOT: At<'static> = At { holder: None, step: Step::Root };

    /// The field `key` of what stands here.
    pub(in crate::manifest) const fn key(&'a self, key: &'a str) -> At<'a> {
        At { holder: Some(self), step: Step::Key(key) }
    }

    /// The item `index` of what stands here.
    pub(in crate::manifest) const fn index(&'a self, index: usize) -> At<'a> {
        At { holder: Some(self), step: Step::Index(index) }
    }

    /// The field as a path.
    pub(in crate::manifest) fn path(&self) -> FieldPath {
        let mut segments = Vec::new();
        let mut at = Some(self);
        while let Some(current) = at {
            match current.step {
                Step::Root => {}
                Step::Key(key) => segments.push(Segment::Key(Arc::from(key))),
                Step::Index(index) => segments.push(Segment::Index(index)),
            }
            at = current.holder;
        }
        segments.into_iter().rev().collect()
    }
}
