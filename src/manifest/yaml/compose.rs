//! One document's text to its tree: the parser's events, put together as go-yaml v2 does.

use std::ops::Range;

use granit_parser::{ErrorKind, Event, Options, Parser, ScanError};

use super::super::node::{Node, Value};
use super::super::source::SourceId;
use super::super::span::Span;
use super::characters::{self, Tabs, Unusual};
use super::expansion::Expansion;
use super::frame::Frame;
use super::go_yaml::{self, Before};
use super::interner::Interner;
use super::limits::Limits;
use super::problem::{Problem, ProblemKind};
use super::syntax;

/// Which rules a text follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// YAML as go-yaml v2 reads it.
    Yaml,
    /// JSON, already known to be well-formed.
    Json,
}

/// How a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    /// With or without a line feed, as written.
    AsWritten,
    /// With a line feed, which kubectl adds where there is none.
    Completed,
}

/// A text to compose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'text> {
    /// The source it stands in.
    pub source: SourceId,
    /// One document.
    pub text: &'text str,
    /// Where it starts in the source.
    pub base: usize,
    /// Its rules.
    pub dialect: Dialect,
    /// How it ends.
    pub last_line: LastLine,
}

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The tree; `None` when there is nothing but comments, or when the document cannot be read.
    pub root: Option<Node>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// How many comments without a blank before them one document may have.
const GLUED_COMMENTS: usize = 16;

/// Reads one document.
pub(super) fn compose(input: Input<'_>, limits: &Limits, keys: &mut Interner) -> Outcome {
    let mut without_comments = String::new();
    for _ in 0..GLUED_COMMENTS {
        let text = if without_comments.is_empty() { input.text } else { &without_comments };
        let mut composer = Composer::new(Input { text, ..input }, limits, keys);
        let (root, glued) = match composer.run() {
            Ok(root) => (root, None),
            Err(problem) => {
                composer.problems.push(*problem);
                (None, composer.glued_comment)
            }
        };
        let outcome = Outcome { root, problems: composer.problems };
        let Some(comment) = glued else { return outcome };
        // go-yaml takes `"a"#b` for a text and a comment: with blanks for the comment every place stays what it is.
        without_comments = blank_comment(text, comment);
    }
    let kind = ProblemKind::Syntax("too many comments have no blank before their #".to_owned());
    let problem = Problem::new(kind, input.source, to_span(input.base, 0..0));
    Outcome { root: None, problems: vec![problem] }
}

fn blank_comment(text: &str, comment: usize) -> String {
    let end = text[comment..].find(['\n', '\r']).map_or(text.len(), |line_break| comment + line_break);
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(&text[..comment]);
    blanked.extend(std::iter::repeat_n(' ', end - comment));
    blanked.push_str(&text[end..]);
    blanked
}

/// The longest key of YAML, with everything up to its colon. A key of JSON is as long as it is.
const YAML_KEY_CHARACTERS: usize = 1024;

/// At least as many characters as the longest key of a well-formed JSON text has, with everything up to its colon.
fn longest_json_key(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut longest, mut at) = (0, 0);
    while let Some(quote) = bytes[at..].iter().position(|byte| *byte == b'"') {
        let start = at + quote;
        at = start + 1;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        at = (at + 1).min(bytes.len());
        let blanks = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += blanks;
        if bytes.get(at) == Some(&b':') {
            longest = longest.max(at + 1 - start);
        }
    }
    longest
}

/// How far the documents of a text are read; only the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Documents {
    /// None has begun.
    None,
    /// The first has begun.
    Open,
    /// The first has ended.
    Ended,
    /// The first was ended by `...`.
    Closed,
}

pub(super) type Fallible<T> = Result<T, Box<Problem>>;

pub(super) struct Composer<'text, 'limits> {
    pub(super) input: Input<'text>,
    pub(super) limits: &'limits Limits,
    pub(super) keys: &'limits mut Interner,
    pub(super) frames: Vec<Frame>,
    pub(super) flow_depth: usize,
    pub(super) expansion: Expansion<'limits>,
    pub(super) unusual: Unusual,
    /// The end of the last token, and what it was.
    pub(super) last_end: usize,
    pub(super) before: Before,
    pub(super) root: Option<Node>,
    pub(super) problems: Vec<Problem>,
    /// Where a comment stands without a blank before it, when that is what ended the reading.
    pub(super) glued_comment: Option<usize>,
}

impl<'text, 'limits> Composer<'text, 'limits> {
    fn new(input: Input<'text>, limits: &'limits Limits, keys: &'limits mut Interner) -> Self {
        let unusual = match input.dialect {
            Dialect::Yaml => characters::inspect(input.text),
            Dialect::Json => Unusual::default(),
        };
        Self {
            input,
            limits,
            keys,
            frames: Vec::new(),
            flow_depth: 0,
            expansion: Expansion::new(limits),
            unusual,
            last_end: 0,
            before: Before::LineStart,
            root: None,
            problems: Vec::new(),
            glued_comment: None,
        }
    }

    fn options(&self) -> Options {
        let json = self.input.dialect == Dialect::Json;
        let mut options = Options::default();
        options.bom_inside_document_as_content = true;
        options.block_scalar_eof_without_line_feed = self.input.last_line == LastLine::AsWritten;
        options.emit_unresolved_aliases = true;
        options.emit_anchor_events = true;
        options.emit_comments = false;
        options.flow_nesting_limit = self.limits.depth;
        options.block_nesting_limit = self.limits.depth;
        // The parser keeps everything from the start of what may be a key until it is none: of a list of many objects all of it.
        let longest_key = if json { longest_json_key(self.input.text) } else { 0 };
        options.simple_key_max_lookahead = YAML_KEY_CHARACTERS.max(longest_key);
        options
    }

    fn run(&mut self) -> Fallible<Option<Node>> {
        if let Some(at) = self.unusual.forbidden {
            let code_point = characters::code_point(self.input.text, at);
            return Err(self.problem_at_character(ProblemKind::ControlCharacter(code_point), at));
        }
        let mut parser = Parser::new_from_str_with_options(self.input.text, self.options());
        let mut documents = Documents::None;
        loop {
            let (event, span) = match parser.next_event() {
                None | Some(Ok((Event::StreamEnd, _))) => break,
                Some(Ok((event, span))) => {
                    self.check_tag(span.tag_span().and_then(|tag| tag.byte_range()))?;
                    (event, span.byte_range().unwrap_or_default())
                }
                Some(Err(error)) => {
                    self.scan_error(&error, documents)?;
                    break;
                }
            };
            match (&event, documents) {
                (Event::DocumentStart(..), Documents::None) => documents = Documents::Open,
                (Event::DocumentStart(..), _) => {
                    self.problems.push(*self.problem(ProblemKind::IgnoredText, span));
                    break;
                }
                (Event::DocumentEnd, _) if span.is_empty() => documents = Documents::Ended,
                (Event::DocumentEnd, _) => documents = Documents::Closed,
                (_, _) => {}
            }
            self.handle(event, span)?;
        }
        if documents == Documents::None {
            self.check_without_document()?;
        }
        if let Some(at) = self.unusual.line_separators.front() {
            return Err(self.line_separator(*at));
        }
        Ok(self.root.take().filter(|root| root.value != Value::Null))
    }

    fn handle(&mut self, event: Event<'text>, span: Range<usize>) -> Fallible<()> {
        match event {
            Event::DocumentStart(..) => self.start_document(span),
            Event::DocumentEnd => self.end_document(span),
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(style, anchor, _) => {
                let start = self.sequence_start(style, &span);
                let writer = self.start_collection(style, anchor, &span)?;
                self.frames.push(Frame::sequence(start, writer, anchor));
                Ok(())
            }
            Event::MappingStart(style, anchor, _) => {
                let writer = self.start_collection(style, anchor, &span)?;
                self.frames.push(Frame::mapping(span.start, writer, anchor));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end_collection(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => Err(self.unresolved_alias(&name, span)),
            Event::Anchor(_, name) if !go_yaml::is_anchor(&name, &self.input.text[span.end..]) => {
                Err(self.problem(ProblemKind::AnchorName, span))
            }
            Event::Anchor(..) | Event::StreamStart | Event::StreamEnd => Ok(()),
            // Comments are not asked for.
            _comment => Ok(()),
        }
    }

    fn start_document(&mut self, span: Range<usize>) -> Fallible<()> {
        if self.input.dialect == Dialect::Json {
            return Ok(());
        }
        if let Some(line) = go_yaml::refused_line(self.input.text, 0..span.start) {
            let kind = if self.input.text[line.clone()].starts_with("...") {
                nothing_to_end()
            } else {
                ProblemKind::Directive
            };
            return Err(self.problem(kind, line));
        }
        if &self.input.text[span.clone()] == "---" {
            self.check_gap(span.start)?;
            self.last_end = span.end;
            self.before = Before::Token;
        }
        Ok(())
    }

    fn end_document(&mut self, span: Range<usize>) -> Fallible<()> {
        if !span.is_empty() {
            return self.check_gap(span.start);
        }
        let rest = &self.input.text[self.last_end..];
        self.check_gap(rest.find("\n---").map_or(self.input.text.len(), |marker| self.last_end + marker))
    }

    /// An error of the parser. Kubernetes does not look at what follows `...` or the end of the root.
    fn scan_error(&mut self, error: &ScanError, documents: Documents) -> Fallible<()> {
        let problem = self.scan_problem(error);
        let at = problem.span.start as usize - self.input.base;
        let directive = error.kind() == &ErrorKind::MissingDocumentEndBeforeDirective;
        let known = matches!(self.input.text[at..].split_whitespace().next(), Some("%YAML" | "%TAG"));
        let second_root = documents == Documents::Ended && error.kind() == &ErrorKind::ExpectedDocumentStart;
        if documents == Documents::Closed || second_root || (directive && known) {
            self.problems.push(Problem { kind: ProblemKind::IgnoredText, ..*problem });
            return Ok(());
        }
        // kubectl cuts a stream at --- first, so that directives always stand alone.
        if documents == Documents::None
            && error.kind() == &ErrorKind::ExpectedDocumentStart
            && let Some(line) = go_yaml::first_directive(self.input.text)
        {
            return Err(self.problem(ProblemKind::Directive, line));
        }
        if error.kind() == &ErrorKind::CommentNotSeparated {
            self.glued_comment = Some(at);
        }
        if directive {
            return Err(Box::new(Problem { kind: ProblemKind::Directive, ..*problem }));
        }
        match self.unusual.line_separators.front() {
            Some(separator) if *separator <= at => Err(self.line_separator(*separator)),
            Some(_) | None => Err(problem),
        }
    }

    fn line_separator(&self, at: usize) -> Box<Problem> {
        let code_point = characters::code_point(self.input.text, at);
        self.problem_at_character(ProblemKind::LineSeparator(code_point), at)
    }

    fn check_tag(&self, tag: Option<Range<usize>>) -> Fallible<()> {
        match tag {
            Some(tag) if !go_yaml::is_tag(self.input.text, tag.clone()) => Err(self.problem(ProblemKind::TagName, tag)),
            Some(_) | None => Ok(()),
        }
    }

    /// libyaml wants a document before the end of one, and after directives.
    fn check_without_document(&self) -> Fallible<()> {
        self.check_gap(self.input.text.len())?;
        match go_yaml::refused_line(self.input.text, 0..self.input.text.len()) {
            Some(line) if self.input.text[line.clone()].starts_with("...") => Err(self.problem(nothing_to_end(), line)),
            Some(line) => Err(self.problem(ProblemKind::Directive, line)),
            None => Ok(()),
        }
    }

    /// Looks for tabs between the last token and the one at `end`.
    pub(super) fn check_gap(&self, end: usize) -> Fallible<()> {
        let checked = self.unusual.tabs == Tabs::Some && self.flow_depth == 0 && self.last_end < end;
        if checked
            && self.input.text[self.last_end..end].contains('\t')
            && let Some(tab) = go_yaml::tab_in_gap(self.input.text, self.last_end..end, self.before)
        {
            return Err(self.problem(ProblemKind::Tab, tab..tab + 1));
        }
        Ok(())
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        to_span(self.input.base, range)
    }

    pub(super) fn problem(&self, kind: ProblemKind, range: Range<usize>) -> Box<Problem> {
        Box::new(Problem::new(kind, self.input.source, self.span(range)))
    }

    fn problem_at_character(&self, kind: ProblemKind, at: usize) -> Box<Problem> {
        let length = self.input.text[at..].chars().next().map_or(0, char::len_utf8);
        self.problem(kind, at..at + length)
    }

    fn scan_problem(&self, error: &ScanError) -> Box<Problem> {
        let text = self.input.text;
        let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
        let kind = syntax::describe(error.kind(), text, at, self.limits);
        let at = syntax::place(text, at, &kind);
        self.problem_at_character(kind, at)
    }
}

fn nothing_to_end() -> ProblemKind {
    ProblemKind::Syntax("a document ends here and none has begun".to_owned())
}

/// A span in the source for a range in a text that starts at `base` in it.
pub(super) fn to_span(base: usize, range: Range<usize>) -> Span {
    let offset = |at: usize| u32::try_from(base + at).unwrap_or(u32::MAX);
    Span::new(offset(range.start), offset(range.end.max(range.start)))
}
