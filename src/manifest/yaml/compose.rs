//! One document's text to its tree: the parser's events, put together as go-yaml v2 does.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StructureStyle, Tag};

use super::super::node::{Node, Value};
use super::super::source::SourceId;
use super::super::span::Span;
use super::characters::{self, Tabs, Unusual};
use super::expansion::{Composed, Expansion, NoValue, Standing};
use super::frame::{Frame, Writer};
use super::go_yaml::{self, Before};
use super::limits::Limits;
use super::problem::{Problem, ProblemKind};
use super::scalar::{self, Scalar, ScalarTag, Writing};
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

/// Texts that many mappings share, so that each is kept once.
pub(super) type Interner = HashSet<Arc<str>>;

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

type Fallible<T> = Result<T, Box<Problem>>;

struct Composer<'text, 'limits> {
    input: Input<'text>,
    limits: &'limits Limits,
    keys: &'limits mut Interner,
    frames: Vec<Frame>,
    flow_depth: usize,
    expansion: Expansion<'limits>,
    unusual: Unusual,
    /// The end of the last token, and what it was.
    last_end: usize,
    before: Before,
    root: Option<Node>,
    problems: Vec<Problem>,
    /// Where a comment stands without a blank before it, when that is what ended the reading.
    glued_comment: Option<usize>,
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
        options.simple_key_max_lookahead = if json { usize::MAX } else { 1024 };
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
                Some(Ok((event, span))) => (event, span.byte_range().unwrap_or_default()),
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
                let writer = self.start_collection(style, anchor, &span)?;
                self.frames.push(Frame::sequence(span.start, writer, anchor));
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
            Event::Anchor(_, name) if self.input.dialect == Dialect::Yaml && !go_yaml::is_anchor_name(&name) => {
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
        let marker = &self.input.text[span.clone()] == "---";
        if let Some(directive) = marker.then(|| go_yaml::refused_directive(self.input.text, 0..span.start)).flatten() {
            return Err(self.problem(ProblemKind::Directive, directive));
        }
        if marker {
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
        let known = ["%YAML", "%TAG"].iter().any(|name| self.input.text[at..].starts_with(name));
        let second_root = documents == Documents::Ended && error.kind() == &ErrorKind::ExpectedDocumentStart;
        if documents == Documents::Closed || second_root || (directive && known) {
            self.problems.push(Problem { kind: ProblemKind::IgnoredText, ..*problem });
            return Ok(());
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

    /// A text without a document must not hold a document's end: libyaml wants a document before it.
    fn check_without_document(&self) -> Fallible<()> {
        self.check_gap(self.input.text.len())?;
        let mut offset = 0;
        for line in self.input.text.split_inclusive('\n') {
            if line.trim_end() == "..." && self.input.dialect == Dialect::Yaml {
                let reason = "a document ends here and none has begun".to_owned();
                return Err(self.problem(ProblemKind::Syntax(reason), offset..offset + 3));
            }
            offset += line.len();
        }
        Ok(())
    }

    /// Looks for tabs between the last token and the one at `end`.
    fn check_gap(&self, end: usize) -> Fallible<()> {
        let checked = self.unusual.tabs == Tabs::Some && self.flow_depth == 0 && self.last_end < end;
        if checked && self.input.text[self.last_end..end].contains('\t') {
            if let Some(tab) = go_yaml::tab_in_gap(self.input.text, self.last_end..end, self.before) {
                return Err(self.problem(ProblemKind::Tab, tab..tab + 1));
            }
        }
        Ok(())
    }

    fn start_collection(&mut self, style: StructureStyle, anchor: usize, span: &Range<usize>) -> Fallible<Writer> {
        self.check_gap(span.start)?;
        if self.frames.len() >= self.limits.depth {
            return Err(self.problem(ProblemKind::Depth { limit: self.limits.depth }, span.clone()));
        }
        self.count(span)?;
        self.expansion.open(anchor);
        self.check_key_lines(span.start)?;
        let writer = match style {
            StructureStyle::Flow => Writer::Flow,
            StructureStyle::Block => Writer::Block,
        };
        if writer == Writer::Flow {
            self.flow_depth += 1;
        }
        if !span.is_empty() {
            self.last_end = span.end;
            self.before = Before::Token;
        } else if self.last_end < span.start {
            self.last_end = span.start;
            // What follows is the first token of the collection.
            self.before = Before::Token;
        }
        Ok(writer)
    }

    fn end_collection(&mut self, span: Range<usize>) -> Fallible<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.writer() == Writer::Flow {
            self.flow_depth = self.flow_depth.saturating_sub(1);
            if !span.is_empty() {
                self.last_end = span.end;
                self.before = Before::Token;
            }
        }
        let anchor = frame.anchor();
        let end = if span.is_empty() { None } else { Some(span.end) };
        let base = self.input.base;
        let composed =
            frame.finish(base, end).map_err(|(kind, at)| Box::new(Problem::new(kind, self.input.source, at)))?;
        self.close(anchor, &composed, &span)?;
        self.attach(composed, span)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        mut span: Range<usize>,
    ) -> Fallible<()> {
        if self.input.dialect == Dialect::Yaml {
            self.check_scalar(style, &span)?;
        }
        self.count(&span)?;
        let tag = tag.map_or(ScalarTag::Absent, |tag| ScalarTag::new(tag.handle(), tag.suffix()));
        let writing = if style == ScalarStyle::Plain { Writing::Plain } else { Writing::Quoted };
        // The parser writes what is not there as `~`.
        let text = if writing == Writing::Plain && span.is_empty() { "" } else { text };
        let merge = tag == ScalarTag::Merge || (tag == ScalarTag::Absent && writing == Writing::Plain);
        if text == "<<" && merge && self.input.dialect == Dialect::Yaml {
            if let Some(frame) = self.frames.last_mut().filter(|frame| frame.wants_key()) {
                frame.merge_key(self.input.base, span.clone());
                self.after_scalar(style, span);
                return Ok(());
            }
        }
        let meaning = scalar::resolve(text, writing, tag).map_err(|kind| self.problem(kind, span.clone()))?;
        let value_span = if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            self.trimmed_block(&span)
        } else {
            span.clone()
        };
        let composed = self.composed_scalar(text, meaning, value_span, &span)?;
        self.close(anchor, &composed, &span)?;
        self.check_key_lines(span.start)?;
        let token = span.clone();
        span.end = span.end.max(span.start);
        self.attach(composed, span)?;
        self.after_scalar(style, token);
        Ok(())
    }

    fn composed_scalar(
        &mut self,
        text: &str,
        meaning: Scalar,
        value_span: Range<usize>,
        span: &Range<usize>,
    ) -> Fallible<Composed> {
        let is_key = self.frames.last().is_some_and(Frame::wants_key);
        let value = match &meaning {
            Scalar::Null => Value::Null,
            Scalar::Boolean(boolean) => Value::Boolean(*boolean),
            Scalar::Integer(integer) => Value::Integer(*integer),
            Scalar::Float(float) if is_key => Value::Float(*float),
            Scalar::Float(float) if !float.is_finite() => return Err(self.problem(ProblemKind::Number, span.clone())),
            Scalar::Float(float) => whole(*float).map_or(Value::Float(*float), Value::Integer),
            // JSON has no plain text: it is a number beyond a double's range.
            Scalar::Text if self.is_overflowing_json_number(span) => {
                return Err(self.problem(ProblemKind::Number, span.clone()));
            }
            Scalar::Text if is_key => Value::String(intern(self.keys, text)),
            Scalar::Text => Value::String(Arc::from(text)),
            Scalar::Decoded(text) => Value::String(Arc::from(text.as_str())),
        };
        let node = Node { value, span: self.span(value_span) };
        Ok(Composed { node, scalar: Some(meaning), steps: 1, height: 0, standing: Standing::Here })
    }

    fn is_overflowing_json_number(&self, span: &Range<usize>) -> bool {
        self.input.dialect == Dialect::Json && !self.input.text[span.clone()].starts_with('"')
    }

    /// What the parser lets pass in a scalar and go-yaml does not.
    fn check_scalar(&mut self, style: ScalarStyle, span: &Range<usize>) -> Fallible<()> {
        let text = self.input.text;
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                if self.frames.is_empty() && !span.is_empty() && go_yaml::column(text, span.start) == 0 {
                    let reason = "the text of a block scalar must be indented".to_owned();
                    return Err(self.problem(ProblemKind::Syntax(reason), span.clone()));
                }
                if self.unusual.tabs == Tabs::Some {
                    let gap = self.last_end.min(span.start)..span.start;
                    self.check_gap(go_yaml::header(text, gap.clone()))?;
                    if let Some(tab) = go_yaml::tab_in_block_scalar(text, gap, span.clone()) {
                        return Err(self.problem(ProblemKind::Tab, tab..tab + 1));
                    }
                }
                return Ok(());
            }
            ScalarStyle::Plain => {
                if self.flow_depth > 0 {
                    if let Some(kind) = go_yaml::flow_indicator(text, span.clone()) {
                        return Err(self.problem(kind, span.clone()));
                    }
                } else if self.unusual.tabs == Tabs::Some {
                    let collection = self.innermost_block();
                    if let Some(tab) = go_yaml::tab_in_indentation(text, span.clone(), collection) {
                        return Err(self.problem(ProblemKind::Tab, tab..tab + 1));
                    }
                }
            }
            ScalarStyle::DoubleQuoted => {
                if let Some(at) = go_yaml::unknown_escape(text, span.clone()) {
                    return Err(self.problem(ProblemKind::Escape, at..at + 2));
                }
                self.accept_line_separators(span);
            }
            ScalarStyle::SingleQuoted => self.accept_line_separators(span),
        }
        self.check_gap(span.start)
    }

    /// Passes the line separators up to the end of a quoted scalar. U+2028 and U+2029 in it stay what they are, unless
    /// blanks around them are folded away.
    fn accept_line_separators(&mut self, span: &Range<usize>) {
        let text = self.input.text;
        while let Some(at) = self.unusual.line_separators.front().copied().filter(|at| *at < span.end) {
            let (before, after) = (text[..at].chars().next_back(), text[at..].chars().nth(1));
            let blank = |character: Option<char>| character.is_some_and(char::is_whitespace);
            let kept = text[at..].starts_with(['\u{2028}', '\u{2029}']) && !blank(before) && !blank(after);
            if at < span.start || !kept {
                return;
            }
            self.unusual.line_separators.pop_front();
        }
    }

    fn after_scalar(&mut self, style: ScalarStyle, token: Range<usize>) {
        if token.is_empty() && style == ScalarStyle::Plain {
            return;
        }
        self.last_end = token.end;
        self.before = match style {
            ScalarStyle::Plain if self.flow_depth > 0 => Before::Token,
            ScalarStyle::Plain => Before::Plain { collection: self.innermost_block() },
            ScalarStyle::Literal | ScalarStyle::Folded => Before::LineStart,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Before::Token,
        };
    }

    /// Where the innermost collection starts; only asked for in block context.
    fn innermost_block(&self) -> Option<usize> {
        self.frames.last().filter(|frame| frame.writer() == Writer::Block).map(Frame::start)
    }

    fn check_key_lines(&self, value_start: usize) -> Fallible<()> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        if self.input.dialect == Dialect::Json || frame.writer() == Writer::Block {
            return Ok(());
        }
        let Some((before, key)) = frame.pending_key() else { return Ok(()) };
        let after = key.end..value_start.max(key.end);
        let lines = |range: Range<usize>| self.input.text[range].contains(['\n', '\r']);
        if (lines(after.clone()) || lines(key.clone()))
            && !go_yaml::key_on_one_line(self.input.text, before, key.clone(), after)
        {
            return Err(self.problem(ProblemKind::KeyLines, key));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Fallible<()> {
        self.check_gap(span.start)?;
        let name = self.input.text[span.clone()].trim_start_matches('*');
        if !go_yaml::is_anchor_name(name) {
            return Err(self.problem(ProblemKind::AnchorName, span));
        }
        let mut value = self.expansion.alias(anchor, self.frames.len()).map_err(|reason| {
            let kind = match reason {
                NoValue::Recursive => ProblemKind::RecursiveAnchor(name.to_owned()),
                NoValue::Unknown => ProblemKind::UnknownAnchor(name.to_owned()),
                NoValue::Limit(kind) => kind,
            };
            self.problem(kind, span.clone())
        })?;
        value.node.span = self.span(span.clone());
        self.check_key_lines(span.start)?;
        self.attach(value, span.clone())?;
        self.last_end = span.end;
        self.before = Before::Token;
        Ok(())
    }

    fn unresolved_alias(&self, name: &str, span: Range<usize>) -> Box<Problem> {
        if go_yaml::is_anchor_name(name) {
            self.problem(ProblemKind::UnknownAnchor(name.to_owned()), span)
        } else {
            self.problem(ProblemKind::AnchorName, span)
        }
    }

    fn close(&mut self, anchor: usize, value: &Composed, span: &Range<usize>) -> Fallible<()> {
        self.expansion.close(anchor, value).map_err(|kind| self.problem(kind, span.clone()))
    }

    fn count(&mut self, span: &Range<usize>) -> Fallible<()> {
        self.expansion.count_node().map_err(|kind| self.problem(kind, span.clone()))
    }

    fn attach(&mut self, composed: Composed, span: Range<usize>) -> Fallible<()> {
        let gap_start = self.last_end;
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(composed.node);
            return Ok(());
        };
        let clashes = frame
            .attach(composed, self.keys, gap_start, span)
            .map_err(|(kind, at)| Box::new(Problem::new(kind, self.input.source, at)))?;
        for (clash, at) in clashes {
            let mut problem = Problem::new(clash.kind, self.input.source, at);
            problem.related.push((clash.first, "first set here"));
            self.problems.push(problem);
        }
        Ok(())
    }

    /// The bytes of a block scalar without the line breaks at its end.
    fn trimmed_block(&self, span: &Range<usize>) -> Range<usize> {
        let text = self.input.text[span.clone()].trim_end_matches(['\n', '\r', ' ']);
        span.start..span.start + text.len()
    }

    fn span(&self, range: Range<usize>) -> Span {
        to_span(self.input.base, range)
    }

    fn problem(&self, kind: ProblemKind, range: Range<usize>) -> Box<Problem> {
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

/// A span in the source for a range in a text that starts at `base` in it.
pub(super) fn to_span(base: usize, range: Range<usize>) -> Span {
    let offset = |at: usize| u32::try_from(base + at).unwrap_or(u32::MAX);
    Span::new(offset(range.start), offset(range.end.max(range.start)))
}

/// Go writes a float without a fraction as a whole number, which then fits fields that take one; its digits beyond a
/// double's precision are zeros.
fn whole(float: f64) -> Option<i128> {
    if float.fract() != 0.0 || float.abs() >= 9.223_372_036_854_775_8e18 {
        return None;
    }
    float.to_string().parse().ok()
}

/// The one copy of `text` among the keys.
pub(super) fn intern(keys: &mut Interner, text: &str) -> Arc<str> {
    if let Some(key) = keys.get(text) {
        return Arc::clone(key);
    }
    let key: Arc<str> = Arc::from(text);
    keys.insert(Arc::clone(&key));
    key
}
