//! What decoding found, and the finding it becomes.

use std::fmt;
use std::sync::Arc;

use crate::finding::{Finding, Mend, Severity};
use crate::manifest::{FieldPath, Node, ObjectReference, Place, SourceId, Span, Value};

use super::link::Quoting;
use super::shape::{Shape, ShapeStep};
use super::suggestion::{Suggestion, nearest, suggest};

/// The longest text that a message quotes, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// Something in a tree that a type has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeProblem {
    /// The field; of an unknown or missing one, where it would be.
    pub path: FieldPath,
    /// The bytes of the key (unknown), of the value (wrong), or of the nearest parent's key (missing).
    pub span: Span,
    /// What is wrong.
    pub kind: DecodeProblemKind,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeProblemKind {
    /// The type has no such field.
    UnknownField {
        /// The key as written.
        field: Arc<str>,
        /// The field that was probably meant.
        suggestion: Option<Suggestion>,
    },
    /// A value of another type stands there.
    WrongType {
        /// What is wanted, with its article: `an integer`.
        expected: String,
        /// What stands there: `the string "3"`.
        found: String,
        /// What to change.
        mend: Option<String>,
    },
    /// The type is right, the value is not.
    InvalidValue {
        /// Why.
        message: String,
        /// What stands there.
        found: String,
        /// The known value that was probably meant.
        mend: Option<String>,
    },
    /// A quantity that the API server cannot read.
    InvalidQuantity {
        /// Why, in the API server's words.
        message: String,
        /// What stands there.
        found: String,
    },
    /// A field that must be there is not.
    MissingField {
        /// Its name.
        field: Arc<str>,
    },
}

impl DecodeProblem {
    /// The same problem, where the value that was decoded is the field `key` of another.
    #[must_use]
    pub fn inside(self, key: &str) -> Self {
        self.below(&FieldPath::root().key(key))
    }

    /// The same problem, where the value that was decoded stands at `outer` of another.
    #[must_use]
    pub fn below(mut self, outer: &FieldPath) -> Self {
        let within = |path: &FieldPath| outer.segments().iter().chain(path.segments()).cloned().collect::<FieldPath>();
        self.path = within(&self.path);
        if let DecodeProblemKind::UnknownField { suggestion: Some(suggestion), .. } = &mut self.kind {
            match suggestion {
                Suggestion::Misspelt { path, .. } => *path = within(path),
                Suggestion::Misplaced { path } => *path = format!("{outer}.{path}"),
            }
        }
        self
    }

    /// The finding of this problem in `object`, which stands in `source`.
    #[must_use]
    pub fn into_finding(self, source: SourceId, object: Option<ObjectReference>) -> Finding {
        let (rule, label, mend) = match &self.kind {
            DecodeProblemKind::UnknownField { suggestion: Some(found), .. } => {
                ("unknown-field", found.question(), Some(found.mend()))
            }
            DecodeProblemKind::UnknownField { suggestion: None, .. } => {
                ("unknown-field", "there is no such field here".to_owned(), None)
            }
            DecodeProblemKind::WrongType { expected, mend, .. } => {
                ("wrong-type", format!("{expected} is wanted here"), mend.clone())
            }
            DecodeProblemKind::InvalidValue { mend, .. } => ("invalid-value", String::new(), mend.clone()),
            DecodeProblemKind::InvalidQuantity { .. } => ("invalid-quantity", "not a quantity".to_owned(), None),
            DecodeProblemKind::MissingField { field } => ("missing-field", format!("`{field}` is missing here"), None),
        };
        let mut finding = Finding::new(rule, Severity::Error, self.to_string());
        finding.object = object;
        finding.place = Some(Place { source, span: self.span });
        finding.label = label;
        finding.mends = mend.into_iter().map(|change| Mend { change, price: None }).collect();
        finding.path = self.path;
        finding
    }
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DecodeProblemKind::UnknownField { suggestion, .. } => {
                write!(formatter, "unknown field `{}`", self.path)?;
                suggestion.as_ref().map_or(Ok(()), |found| write!(formatter, ", {}", found.question()))
            }
            DecodeProblemKind::WrongType { expected, found, .. } => {
                write!(formatter, "`{}`: expected {expected}, found {found}", self.path)
            }
            DecodeProblemKind::InvalidValue { message, found, .. }
            | DecodeProblemKind::InvalidQuantity { message, found } => {
                write!(formatter, "`{}`: {message}; found {found}", self.path)
            }
            DecodeProblemKind::MissingField { .. } => write!(formatter, "missing field `{}`", self.path),
        }
    }
}

/// A problem before the type's shape was asked what was meant.
#[derive(Debug, PartialEq)]
pub(super) struct RawProblem {
    pub(super) path: FieldPath,
    pub(super) span: Span,
    pub(super) kind: RawKind,
}

/// What is wrong, before the type's shape was asked what was meant.
#[derive(Debug, PartialEq)]
pub(super) enum RawKind {
    Unknown { field: Arc<str>, fields: &'static [&'static str], holder: Vec<ShapeStep> },
    WrongType { expected: String, found: Found },
    OutOfRange { expected: String, found: Found },
    Invalid { message: String, found: Found },
    InvalidQuantity { message: String, found: Found },
    UnknownVariant { known: &'static [&'static str], found: Found },
    Missing { field: &'static str },
}

impl RawProblem {
    /// Asks `shape`, computed when the first unknown field needs it, what was meant.
    pub(super) fn resolve(self, shape: &dyn Fn() -> Arc<Shape>) -> DecodeProblem {
        let kind = match self.kind {
            RawKind::Unknown { field, fields, holder } => {
                let suggestion = suggest(&field, fields, &holder, &self.path, shape);
                DecodeProblemKind::UnknownField { field, suggestion }
            }
            RawKind::WrongType { expected, found } => {
                DecodeProblemKind::WrongType { mend: found.mend_towards(&expected), found: found.to_string(), expected }
            }
            RawKind::OutOfRange { expected, found } => {
                DecodeProblemKind::WrongType { expected, found: found.to_string(), mend: None }
            }
            RawKind::Invalid { message, found } => {
                DecodeProblemKind::InvalidValue { message, found: found.to_string(), mend: None }
            }
            RawKind::InvalidQuantity { message, found } => {
                DecodeProblemKind::InvalidQuantity { message, found: found.to_string() }
            }
            RawKind::UnknownVariant { known, found } => DecodeProblemKind::InvalidValue {
                message: format!("expected one of {}", known.join(", ")),
                mend: found.nearest_of(known),
                found: found.to_string(),
            },
            RawKind::Missing { field } => DecodeProblemKind::MissingField { field: Arc::from(field) },
        };
        DecodeProblem { path: self.path, span: self.span, kind }
    }
}

/// What stands where something else is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Nothing,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    String(Arc<str>),
    /// A value that must not be shown, by its type.
    Withheld(&'static str),
    Sequence,
    Mapping,
}

impl Found {
    pub(super) fn of(node: &Node, quoting: Quoting) -> Self {
        match (&node.value, quoting) {
            (Value::Null, _) => Self::Nothing,
            (Value::Sequence(_), _) => Self::Sequence,
            (Value::Mapping(_), _) => Self::Mapping,
            (Value::Boolean(_), Quoting::Withheld) => Self::Withheld("a boolean"),
            (Value::Integer(_) | Value::Float(_), Quoting::Withheld) => Self::Withheld("a number"),
            (Value::String(_), Quoting::Withheld) => Self::Withheld("a string"),
            (Value::Boolean(boolean), Quoting::Shown) => Self::Boolean(*boolean),
            (Value::Integer(integer), Quoting::Shown) => Self::Integer(*integer),
            (Value::Float(float), Quoting::Shown) => Self::Float(*float),
            (Value::String(text), Quoting::Shown) => Self::String(Arc::clone(text)),
        }
    }

    fn mend_towards(&self, expected: &str) -> Option<String> {
        let wants = |word: &str| expected.contains(word);
        match self {
            Self::String(text) if wants("integer") && text.trim().parse::<i64>().is_ok() => {
                Some(format!("remove the quotes: {}", text.trim()))
            }
            Self::String(text) if wants("boolean") && matches!(&**text, "true" | "false") => {
                Some(format!("remove the quotes: {text}"))
            }
            Self::Boolean(_) | Self::Integer(_) | Self::Float(_) if wants("string") => {
                Some("put the value in quotes".to_owned())
            }
            Self::Withheld("a boolean" | "a number") if wants("string") => Some("put the value in quotes".to_owned()),
            Self::String(_) | Self::Mapping | Self::Boolean(_) | Self::Integer(_) | Self::Float(_) if wants("list") => {
                Some("make it a list: put `- ` before it".to_owned())
            }
            Self::Sequence if wants("mapping") => Some("remove the `- `: it is one mapping, not a list".to_owned()),
            Self::Nothing
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::Withheld(_)
            | Self::Sequence
            | Self::Mapping => None,
        }
    }

    fn nearest_of(&self, known: &[&str]) -> Option<String> {
        match self {
            Self::String(text) => nearest(text, known.iter().copied()).map(str::to_owned),
            Self::Nothing
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::Withheld(_)
            | Self::Sequence
            | Self::Mapping => None,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("nothing"),
            Self::Boolean(boolean) => write!(formatter, "the boolean {boolean}"),
            Self::Integer(integer) => write!(formatter, "the number {integer}"),
            Self::Float(float) => write!(formatter, "the number {float}"),
            Self::String(text) if text.chars().count() > QUOTED_CHARACTERS => {
                let start: String = text.chars().take(QUOTED_CHARACTERS).collect();
                write!(formatter, "a string that starts with {start:?}")
            }
            Self::String(text) => write!(formatter, "the string {text:?}"),
            Self::Withheld(what) => formatter.write_str(what),
            Self::Sequence => formatter.write_str("a list"),
            Self::Mapping => formatter.write_str("a mapping"),
        }
    }
}
