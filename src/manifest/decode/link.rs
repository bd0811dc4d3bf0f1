//! Where the deserializer stands, as a list that lives on the stack, and what it has found.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::{FieldPath, Node, Segment, Span};

use super::failure::Failure;
use super::problem::{Found, RawKind, RawProblem};
use super::shape::{Shape, ShapeStep};

/// What a null item of a list or a null value of a map stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NullItem {
    /// The type's zero value, as Go's JSON decoder has it.
    Zero,
    /// A value that was forgotten.
    Wrong,
}

/// Whether a value may be named in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// It may.
    Shown,
    /// It may not: values of a Secret.
    Withheld,
}

/// One step of the way from the root to the value at hand.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

/// The way from the root to the value at hand.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) parent: Option<&'a Link<'a>>,
    pub(super) step: Step<'a>,
    /// The type of the struct that holds this value; empty in a list or map.
    pub(super) holder: &'static str,
}

impl<'a> Link<'a> {
    pub(super) const ROOT: Link<'static> = Link { parent: None, step: Step::Root, holder: "" };

    /// The entry `key` of a struct named `holder` that stands here.
    pub(super) fn key(&'a self, key: &'a str, holder: &'static str) -> Link<'a> {
        Link { parent: Some(self), step: Step::Key(key), holder }
    }

    /// The item `index` of a list that stands here.
    pub(super) fn index(&'a self, index: usize) -> Link<'a> {
        Link { parent: Some(self), step: Step::Index(index), holder: "" }
    }

    /// The way as a path.
    pub(super) fn path(&self) -> FieldPath {
        let mut segments = Vec::new();
        let mut link = Some(self);
        while let Some(current) = link {
            match current.step {
                Step::Root => {}
                Step::Key(key) => segments.push(Segment::Key(Arc::from(key))),
                Step::Index(index) => segments.push(Segment::Index(index)),
            }
            link = current.parent;
        }
        segments.into_iter().rev().collect()
    }

    /// Whether this value lies in a struct named `name`; a type that contains itself is explored once.
    pub(super) fn lies_in(&self, name: &str) -> bool {
        let mut link = Some(self);
        while let Some(current) = link {
            if current.holder == name {
                return true;
            }
            link = current.parent;
        }
        false
    }

    /// The way as steps of a type's shape.
    pub(super) fn shape_steps(&self) -> Vec<ShapeStep> {
        let mut steps = Vec::new();
        let mut link = Some(self);
        while let Some(current) = link {
            match current.step {
                Step::Root => {}
                Step::Key(key) => steps.push(ShapeStep::Key(Arc::from(key))),
                Step::Index(_) => steps.push(ShapeStep::Item),
            }
            link = current.parent;
        }
        steps.reverse();
        steps
    }
}

/// What is shared by the deserializers of one value and all values inside.
pub(super) struct Context {
    pub(super) null_item: NullItem,
    pub(super) quoting: Quoting,
    /// What was found so far.
    pub(super) problems: RefCell<Vec<RawProblem>>,
    /// Values that nothing can stand in for: the next pass treats them as absent.
    pub(super) abandoned: RefCell<BTreeSet<FieldPath>>,
    /// The fields that were seen, when a type is explored.
    pub(super) shape: RefCell<Shape>,
}

impl Context {
    pub(super) fn new(null_item: NullItem, quoting: Quoting) -> Self {
        Self {
            null_item,
            quoting,
            problems: RefCell::new(Vec::new()),
            abandoned: RefCell::new(BTreeSet::new()),
            shape: RefCell::new(Shape::default()),
        }
    }

    /// Keeps what `failure` says about the value `node` at `link`.
    pub(super) fn report(&self, link: &Link<'_>, node: &Node, key_span: Option<Span>, failure: Failure) {
        let mut path = link.path();
        let mut span = if node.span.is_empty() { key_span.unwrap_or(node.span) } else { node.span };
        let found = Found::of(node, self.quoting_at(&path));
        let kind = match failure {
            Failure::Abandoned => return,
            Failure::WrongType { expected } => RawKind::WrongType { expected, found },
            Failure::OutOfRange { expected } => RawKind::OutOfRange { expected, found },
            Failure::Invalid(message) => RawKind::Invalid { message, found },
            Failure::InvalidQuantity(message) => RawKind::InvalidQuantity { message, found },
            Failure::UnknownVariant { known } => RawKind::UnknownVariant { known, found },
            Failure::Missing(field) => {
                path = path.key(field);
                span = node.locate(&FieldPath::root().key(field)).span;
                if self.abandoned.borrow().contains(&path) {
                    return;
                }
                RawKind::Missing { field }
            }
        };
        self.push(RawProblem { path, span, kind });
    }

    /// Keeps an unknown key.
    pub(super) fn report_unknown(&self, link: &Link<'_>, key: &str, key_span: Span, fields: &'static [&'static str]) {
        let kind = RawKind::Unknown { field: Arc::from(key), fields, holder: link.shape_steps() };
        self.push(RawProblem { path: link.path().key(key), span: key_span, kind });
    }

    fn push(&self, problem: RawProblem) {
        let mut problems = self.problems.borrow_mut();
        // A second pass meets everything that the first one did.
        if !self.abandoned.borrow().is_empty() && problems.contains(&problem) {
            return;
        }
        problems.push(problem);
    }

    fn quoting_at(&self, path: &FieldPath) -> Quoting {
        match (self.quoting, path.segments().first()) {
            (Quoting::Withheld, Some(Segment::Key(key))) if matches!(&**key, "data" | "stringData") => {
                Quoting::Withheld
            }
            (Quoting::Withheld | Quoting::Shown, _) => Quoting::Shown,
        }
    }
}
