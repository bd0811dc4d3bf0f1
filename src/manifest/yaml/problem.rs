//! What can be wrong with the text of a document.

use super::super::source::{Place, SourceId};
use super::super::span::Span;
use crate::finding::{Finding, Related, Severity};
use crate::manifest::FieldPath;

/// The rule of a document that cannot be read.
pub const UNREADABLE_DOCUMENT: &str = "unreadable-document";
/// The rule of a mapping that has a key twice.
pub const DUPLICATE_KEY: &str = "duplicate-key";

/// Something in a text that Kubernetes would refuse, or read otherwise than it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The source it stands in.
    pub source: SourceId,
    /// Where.
    pub span: Span,
    /// Other places that belong to it, each with what it is.
    pub related: Vec<(Span, &'static str)>,
    /// What the text around it looks like it was meant to be.
    pub likeness: Likeness,
}

/// What an unreadable text looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Likeness {
    /// A manifest.
    #[default]
    Manifest,
    /// A template of a manifest, Helm's or another's: it has `{{`.
    Template,
    /// Nothing of Kubernetes: no line of its source says `apiVersion` or `kind`.
    Foreign,
}

impl Likeness {
    /// What a document looks like that stands in a `source` of this likeness.
    pub(super) fn of_document(document: &str, source: Self) -> Self {
        match source {
            Self::Foreign => Self::Foreign,
            Self::Manifest | Self::Template if document.contains("{{") => Self::Template,
            Self::Manifest | Self::Template => Self::Manifest,
        }
    }

    /// Whether a source holds manifests or nothing of the kind. One line that speaks of a kind is enough: what stands beside
    /// a manifest was meant to be one.
    pub(super) fn of_source(text: &str) -> Self {
        let is_head = |line: &str| {
            let key = line.trim_start_matches([' ', '\t', '-', '{', '"', '\'', ',']);
            key.strip_prefix("kind").is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        if text.contains("apiVersion") || text.lines().any(is_head) { Self::Manifest } else { Self::Foreign }
    }
}

/// What a node of the wrong kind is, where a scalar or a mapping was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A mapping.
    Mapping,
    /// A sequence.
    Sequence,
    /// Nothing, or `null`.
    Null,
    /// A whole number beyond 64 bits with sign.
    LargeInteger,
}

impl Shape {
    const fn described(self) -> &'static str {
        match self {
            Self::Mapping => "a mapping",
            Self::Sequence => "a sequence",
            Self::Null => "null",
            Self::LargeInteger => "a number above 9223372036854775807",
        }
    }
}

/// The kinds of [`Problem`]. Texts never hold a scalar's value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The grammar is broken.
    #[error("{0}")]
    Syntax(String),
    /// A tab where indentation is needed.
    #[error("a tab is used for indentation; use spaces")]
    Tab,
    /// JSON that is not JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// More or less than a comment behind `---`.
    #[error("only a comment may stand behind a document separator; put the text on the next line")]
    Separator,
    /// A document after `...` in what Kubernetes takes for one document.
    #[error(
        "Kubernetes ignores everything from here; check the indentation, or start a document with --- on its own line"
    )]
    IgnoredText,
    /// Bytes that are no text.
    #[error("this is not UTF-8; save the file as UTF-8")]
    Encoding,
    /// A character that YAML forbids, NUL among them.
    #[error(
        "the invisible character U+{0:04X} is not allowed here; remove it, or write it as an escape in double quotes"
    )]
    ControlCharacter(u32),
    /// A character that YAML 1.1 takes for a line break and YAML 1.2 for text.
    #[error("U+{0:04X} is a line break to Kubernetes and text to others; write it as an escape in double quotes")]
    LineSeparator(u32),
    /// A directive that Kubernetes' parser refuses.
    #[error("Kubernetes refuses this directive; remove the line")]
    Directive,
    /// An escape that YAML 1.1 does not know.
    #[error("Kubernetes does not know this escape in YAML; write the character itself")]
    Escape,
    /// An anchor or alias with a character that is not allowed.
    #[error("the name of an anchor or alias has only letters, digits, - and _; quote a text that starts with & or *")]
    AnchorName,
    /// A tag that goes on, to Kubernetes, where others see its end.
    #[error("a tag ends at a blank and has no #; put a blank behind it")]
    TagName,
    /// An alias without an anchor.
    #[error("no anchor of this name stands before the alias in its document; quote a text that starts with *")]
    UnknownAnchor,
    /// An alias inside the value of its own anchor.
    #[error("the value of this anchor contains itself")]
    RecursiveAnchor,
    /// More values come from aliases than Kubernetes allows.
    #[error("aliases expand this document too far; write the values out")]
    ExcessiveAliasing,
    /// `<<` with something that is not a mapping.
    #[error("<< needs a mapping, an alias of one, or a list of those")]
    Merge,
    /// A key that cannot be JSON's.
    #[error("{} cannot be a key; quote it", .0.described())]
    Key(Shape),
    /// A key over several lines.
    #[error("a key and its colon must stand on one line")]
    KeyLines,
    /// `?` in an unquoted text between brackets.
    #[error("between brackets and braces quote a text with ? or a leading :, and put a blank behind a key's colon")]
    FlowIndicator,
    /// A number that JSON does not have.
    #[error("JSON has no infinity, no not-a-number and no number this large; quote it if it is text")]
    Number,
    /// A tag that its value does not fit.
    #[error("the value is not a {0}; correct the value or remove the tag")]
    Tag(&'static str),
    /// The source is too large.
    #[error("the source has more than the {limit} bytes that are read; split it")]
    SourceBytes {
        /// The limit.
        limit: usize,
    },
    /// A document is too large.
    #[error("the document has {bytes} bytes, more than the {limit} that are read; split it")]
    DocumentBytes {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// There are too many documents.
    #[error("the source has more than {limit} documents; split it")]
    Documents {
        /// The limit.
        limit: usize,
    },
    /// A document has too many values.
    #[error("the document has more than {limit} values once aliases are expanded; split it")]
    Nodes {
        /// The limit.
        limit: usize,
    },
    /// A document is nested too deeply.
    #[error("more than {limit} collections stand inside one another")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// A mapping has a key twice.
    #[error("the key {0} is already set in this mapping; only the last one counts")]
    DuplicateKey(String),
    /// Two keys differ in type only, `1` and `"1"`.
    #[error("the key {0} is the same as another one once it is text; which one counts is random")]
    AmbiguousKey(String),
    /// A merge stands behind the key it sets.
    #[error("this << replaces the key {0} that is set before it; put << first")]
    MergeReplaces(String),
}

impl ProblemKind {
    /// Whether the document can be used in spite of it.
    #[must_use]
    pub const fn consequence(&self) -> Consequence {
        match self {
            Self::DuplicateKey(_) | Self::AmbiguousKey(_) | Self::MergeReplaces(_) | Self::IgnoredText => {
                Consequence::DocumentKept
            }
            Self::Syntax(_)
            | Self::Tab
            | Self::Json(_)
            | Self::Separator
            | Self::Encoding
            | Self::ControlCharacter(_)
            | Self::LineSeparator(_)
            | Self::Directive
            | Self::Escape
            | Self::AnchorName
            | Self::TagName
            | Self::UnknownAnchor
            | Self::RecursiveAnchor
            | Self::ExcessiveAliasing
            | Self::Merge
            | Self::Key(_)
            | Self::KeyLines
            | Self::FlowIndicator
            | Self::Number
            | Self::Tag(_)
            | Self::SourceBytes { .. }
            | Self::DocumentBytes { .. }
            | Self::Documents { .. }
            | Self::Nodes { .. }
            | Self::Depth { .. } => Consequence::DocumentLost,
        }
    }

    /// Whether it is a slip of grammar, as in half-written test data. What is no text, too much or made to be, is none.
    #[must_use]
    pub const fn is_of_grammar(&self) -> bool {
        match self {
            Self::Syntax(_)
            | Self::Json(_)
            | Self::Separator
            | Self::LineSeparator(_)
            | Self::Directive
            | Self::Escape
            | Self::AnchorName
            | Self::TagName
            | Self::UnknownAnchor
            | Self::Merge
            | Self::Key(_)
            | Self::KeyLines
            | Self::FlowIndicator
            | Self::Number
            | Self::Tag(_)
            | Self::IgnoredText
            | Self::DuplicateKey(_)
            | Self::AmbiguousKey(_)
            | Self::MergeReplaces(_) => true,
            Self::Tab
            | Self::Encoding
            | Self::ControlCharacter(_)
            | Self::RecursiveAnchor
            | Self::ExcessiveAliasing
            | Self::SourceBytes { .. }
            | Self::DocumentBytes { .. }
            | Self::Documents { .. }
            | Self::Nodes { .. }
            | Self::Depth { .. } => false,
        }
    }

    /// The rule that its finding belongs to.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::DuplicateKey(_) | Self::AmbiguousKey(_) | Self::MergeReplaces(_) => DUPLICATE_KEY,
            Self::Syntax(_)
            | Self::Tab
            | Self::Json(_)
            | Self::Separator
            | Self::IgnoredText
            | Self::Encoding
            | Self::ControlCharacter(_)
            | Self::LineSeparator(_)
            | Self::Directive
            | Self::Escape
            | Self::AnchorName
            | Self::TagName
            | Self::UnknownAnchor
            | Self::RecursiveAnchor
            | Self::ExcessiveAliasing
            | Self::Merge
            | Self::Key(_)
            | Self::KeyLines
            | Self::FlowIndicator
            | Self::Number
            | Self::Tag(_)
            | Self::SourceBytes { .. }
            | Self::DocumentBytes { .. }
            | Self::Documents { .. }
            | Self::Nodes { .. }
            | Self::Depth { .. } => UNREADABLE_DOCUMENT,
        }
    }
}

/// What a problem does to the document it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The document is read as Kubernetes reads it.
    DocumentKept,
    /// The document is not read.
    DocumentLost,
}

impl Problem {
    /// A problem at `span`.
    #[must_use]
    pub const fn new(kind: ProblemKind, source: SourceId, span: Span) -> Self {
        Self { kind, source, span, related: Vec::new(), likeness: Likeness::Manifest }
    }

    /// The finding that reports it.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let mut finding = Finding::new(self.kind.rule(), Severity::Error, self.kind.to_string());
        finding.place = Some(Place { source: self.source, span: self.span });
        finding.related = self
            .related
            .iter()
            .map(|(span, message)| Related {
                message: (*message).to_owned(),
                object: None,
                path: FieldPath::root(),
                place: Some(Place { source: self.source, span: *span }),
            })
            .collect();
        finding.help = match self.likeness {
            Likeness::Manifest | Likeness::Foreign => None,
            Likeness::Template => Some(
                "this looks like a template: give what it renders to, or the directory of the Helm chart it is of"
                    .to_owned(),
            ),
        };
        finding
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        problem.finding()
    }
}
