//! Texts to documents.

use std::cell::OnceCell;
use std::ops::Range;

use super::super::node::Node;
use super::super::source::SourceId;
use super::super::span::Span;
use super::compose::{self, Dialect, Input, LastLine, Outcome, to_span};
use super::encoding::Decoded;
use super::interner::Interner;
use super::limits::Limits;
use super::problem::{Consequence, Likeness, Problem, ProblemKind};
use super::stream::{self, Piece};

/// One document of a source. All its spans are in the source, not in the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The source.
    pub source: SourceId,
    /// Which document of the source it is, from 0; those that hold nothing or cannot be read are counted too.
    pub index: usize,
    /// Its tree. The value of an alias has the alias' place; what is inside it, and what a `<<` brings, has the place
    /// where it is written.
    pub root: Node,
    /// Its text, without the separators around it.
    pub span: Span,
}

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The documents that hold something, in order.
    pub documents: Vec<Document>,
    /// What is wrong, in order. A document with a [`Consequence::DocumentLost`] is not among the documents.
    pub problems: Vec<Problem>,
}

/// Reads every document of a stream as `kubectl apply -f` does, each on its own: one that is broken hides no other.
#[must_use]
pub fn parse(source: SourceId, text: &str, limits: &Limits) -> Parsed {
    parse_stream(source, text, &[], limits)
}

/// As [`parse`], for a text that was decoded. A document with bytes that are no text is not read.
#[must_use]
pub fn parse_decoded(source: SourceId, decoded: &Decoded<'_>, limits: &Limits) -> Parsed {
    parse_stream(source, &decoded.text, &decoded.unreadable, limits)
}

/// Reads the first document of a text as `sigs.k8s.io/yaml` does, without cutting the text at lines that start with
/// `---`. `None` as the root stands for null.
#[must_use]
pub fn parse_document(source: SourceId, text: &str, limits: &Limits) -> (Option<Node>, Vec<Problem>) {
    let input = Input { source, text, base: 0, dialect: Dialect::Yaml, last_line: LastLine::AsWritten };
    let Outcome { root, problems } = compose::compose(input, limits, &mut Interner::new());
    (root, problems)
}

fn parse_stream(source: SourceId, text: &str, unreadable: &[u32], limits: &Limits) -> Parsed {
    let mut parsed = Parsed::default();
    let most = limits.source_bytes.min(u32::MAX as usize);
    if text.len() > most {
        let kind = ProblemKind::SourceBytes { limit: most };
        let first_line = text.bytes().take(1024).position(|byte| byte == b'\n').unwrap_or(0);
        parsed.problems.push(Problem::new(kind, source, to_span(0, 0..first_line)));
        return parsed;
    }
    let mut keys = Interner::new();
    let mut reader =
        Reader { source, text, unreadable, limits, keys: &mut keys, parsed: &mut parsed, likeness: OnceCell::new() };
    for (index, piece) in stream::cut(text).into_iter().enumerate() {
        if index >= limits.documents {
            let range = piece.range(text);
            let kind = ProblemKind::Documents { limit: limits.documents };
            reader.report(Problem::new(kind, source, first_line(text, range)), text);
            break;
        }
        reader.read(index, piece);
    }
    parsed
}

impl Piece {
    fn range(&self, text: &str) -> Range<usize> {
        match self {
            Self::Yaml(range) | Self::Json(range) | Self::BadSeparator { line: range } => range.clone(),
            Self::BadJson { offset, .. } => *offset..text.len(),
        }
    }
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    unreadable: &'a [u32],
    limits: &'a Limits,
    keys: &'a mut Interner,
    parsed: &'a mut Parsed,
    /// What the source looks like, found out when something is wrong in it.
    likeness: OnceCell<Likeness>,
}

impl Reader<'_> {
    fn read(&mut self, index: usize, piece: Piece) {
        match piece {
            Piece::Yaml(range) => self.document(index, range, Dialect::Yaml),
            Piece::Json(range) => self.document(index, range, Dialect::Json),
            Piece::BadSeparator { line } => {
                let problem = Problem::new(ProblemKind::Separator, self.source, to_span(0, line));
                self.report(problem, self.text);
            }
            Piece::BadJson { offset, reason } => {
                let problem = self.problem_at(ProblemKind::Json(reason), offset);
                self.report(problem, self.text);
            }
        }
    }

    fn document(&mut self, index: usize, range: Range<usize>, dialect: Dialect) {
        let text = &self.text[range.clone()];
        if text.len() > self.limits.document_bytes {
            let kind = ProblemKind::DocumentBytes { bytes: text.len(), limit: self.limits.document_bytes };
            self.report(Problem::new(kind, self.source, first_line(self.text, range)), text);
            return;
        }
        if let Some(at) = self.first_unreadable(&range) {
            let problem = self.problem_at(ProblemKind::Encoding, at);
            self.report(problem, text);
            return;
        }
        let input = Input { source: self.source, text, base: range.start, dialect, last_line: LastLine::Completed };
        let Outcome { root, problems } = compose::compose(input, self.limits, self.keys);
        for problem in problems {
            let problem = self.prefer_json(problem, text, range.start, dialect);
            self.report(problem, text);
        }
        if let Some(root) = root {
            let span = to_span(range.start, trimmed(text));
            self.parsed.documents.push(Document { source: self.source, index, root, span });
        }
    }

    /// A text that starts as JSON does and is neither JSON nor YAML is told apart by quoted keys.
    fn prefer_json(&self, problem: Problem, text: &str, base: usize, dialect: Dialect) -> Problem {
        let lost = problem.kind.consequence() == Consequence::DocumentLost;
        let opening = text.trim_start().strip_prefix('{').map(str::trim_start);
        if !lost || dialect == Dialect::Json || !opening.is_some_and(|inside| inside.starts_with('"')) {
            return problem;
        }
        match stream::json_fault(text) {
            Some((at, reason)) => {
                // An end that comes too early is shown at the last character.
                let last = text.trim_end().char_indices().next_back().map_or(0, |(last, _)| last);
                self.problem_at(ProblemKind::Json(reason), base + at.min(last))
            }
            None => problem,
        }
    }

    fn first_unreadable(&self, range: &Range<usize>) -> Option<usize> {
        let from = self.unreadable.partition_point(|at| (*at as usize) < range.start);
        self.unreadable.get(from).map(|at| *at as usize).filter(|at| range.contains(at))
    }

    fn problem_at(&self, kind: ProblemKind, at: usize) -> Problem {
        let mut at = at.min(self.text.len());
        if self.text[at..].trim_start().is_empty() {
            at = self.text.trim_end().char_indices().next_back().map_or(at, |(last, _)| last);
        }
        let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
        Problem::new(kind, self.source, to_span(0, at..at + length))
    }

    fn report(&mut self, mut problem: Problem, document: &str) {
        let lost = problem.kind.consequence() == Consequence::DocumentLost;
        if lost {
            let of_source = *self.likeness.get_or_init(|| Likeness::of_source(self.text));
            problem.likeness = Likeness::of_document(document, of_source);
        }
        self.parsed.problems.push(problem);
    }
}

fn first_line(text: &str, range: Range<usize>) -> Span {
    let line = text[range.clone()].lines().next().map_or(0, str::len);
    to_span(0, range.start..range.start + line)
}

/// The text without the blanks and separators around it.
fn trimmed(text: &str) -> Range<usize> {
    let end = text.trim_end().len();
    let start = end - text[..end].trim_start().len();
    start..end
}
