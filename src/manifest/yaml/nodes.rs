//! The nodes of a document: scalars, collections and aliases, each checked and put into its place.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ScalarStyle, StructureStyle, Tag};

use super::super::node::{Node, Value};
use super::characters::Tabs;
use super::compose::{Composer, Dialect, Fallible};
use super::expansion::{Composed, NoValue, Standing};
use super::frame::{Frame, Writer};
use super::go_yaml::{self, Before};
use super::interner::intern;
use super::problem::{Problem, ProblemKind};
use super::scalar::{self, Scalar, ScalarTag, Writing};

impl Composer<'_, '_> {
    pub(super) fn start_collection(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        span: &Range<usize>,
    ) -> Fallible<Writer> {
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

    /// Where a sequence starts: at its first dash. The parser gives the first item where the dashes are not indented.
    pub(super) fn sequence_start(&self, style: StructureStyle, span: &Range<usize>) -> usize {
        let indented = self.input.text[span.start..].starts_with('-');
        if style == StructureStyle::Flow || indented || self.last_end >= span.start {
            return span.start;
        }
        go_yaml::first_dash(self.input.text, self.last_end..span.start).unwrap_or(span.start)
    }

    pub(super) fn end_collection(&mut self, span: Range<usize>) -> Fallible<()> {
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

    pub(super) fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Fallible<()> {
        if self.input.dialect == Dialect::Yaml {
            self.check_scalar(style, &span)?;
        }
        self.count(&span)?;
        let tag = tag.map_or(ScalarTag::Absent, |tag| ScalarTag::new(tag.handle(), tag.suffix()));
        let writing = if style == ScalarStyle::Plain { Writing::Plain } else { Writing::Quoted };
        // The parser writes what is not there as `~`.
        let text = if writing == Writing::Plain && span.is_empty() { "" } else { text };
        let merge = matches!(tag, ScalarTag::Merge | ScalarTag::NonSpecific)
            || (tag == ScalarTag::Absent && writing == Writing::Plain);
        if text == "<<"
            && merge
            && self.input.dialect == Dialect::Yaml
            && let Some(frame) = self.frames.last_mut().filter(|frame| frame.wants_key())
        {
            frame.merge_key(self.input.base, span.clone());
            self.after_scalar(style, span);
            return Ok(());
        }
        let meaning = scalar::resolve(text, writing, tag).map_err(|kind| self.problem(kind, span.clone()))?;
        let value_span = if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            self.trimmed_block(&span)
        } else if span.is_empty() {
            self.behind_colon(&span)
        } else {
            span.clone()
        };
        let composed = self.composed_scalar(text, meaning, value_span, &span)?;
        self.close(anchor, &composed, &span)?;
        self.check_key_lines(span.start)?;
        self.attach(composed, span.clone())?;
        self.after_scalar(style, span);
        Ok(())
    }

    /// The place of a value that is not there: behind its key's colon.
    fn behind_colon(&self, span: &Range<usize>) -> Range<usize> {
        let rest = &self.input.text[span.start..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if !rest[blanks..].starts_with(':') || self.frames.last().is_none_or(Frame::wants_key) {
            return span.clone();
        }
        let at = span.start + blanks + 1;
        at..at
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
        let rest = &self.input.text[key.end..];
        // A value that is not there is placed at its key, before the colon.
        let blanks = rest.len() - rest.trim_start().len();
        let colon = if rest[blanks..].starts_with(':') { key.end + blanks + 1 } else { key.end };
        let after = key.end..value_start.max(colon);
        let lines = |range: Range<usize>| self.input.text[range].contains(['\n', '\r']);
        if (lines(after.clone()) || lines(key.clone()))
            && !go_yaml::key_on_one_line(self.input.text, before, key.clone(), after)
        {
            return Err(self.problem(ProblemKind::KeyLines, key));
        }
        Ok(())
    }

    pub(super) fn alias(&mut self, anchor: usize, span: Range<usize>) -> Fallible<()> {
        self.check_gap(span.start)?;
        let name = self.input.text[span.clone()].trim_start_matches('*');
        if !go_yaml::is_anchor(name, &self.input.text[span.end..]) {
            return Err(self.problem(ProblemKind::AnchorName, span));
        }
        let mut value = self.expansion.alias(anchor, self.frames.len()).map_err(|reason| {
            let kind = match reason {
                NoValue::Recursive => ProblemKind::RecursiveAnchor,
                NoValue::Unknown => ProblemKind::UnknownAnchor,
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

    pub(super) fn unresolved_alias(&self, name: &str, span: Range<usize>) -> Box<Problem> {
        if go_yaml::is_anchor(name, "") {
            self.problem(ProblemKind::UnknownAnchor, span)
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
}

/// Go writes a float without a fraction as a whole number, which then fits fields that take one; its digits beyond a
/// double's precision are zeros.
fn whole(float: f64) -> Option<i128> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if float.fract() != 0.0 || float.abs() >= TWO_TO_63 {
        return None;
    }
    float.to_string().parse().ok()
}
