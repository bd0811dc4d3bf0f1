//! Quoted source with what is marked in it, drawn by miette.
//!
//! miette draws one run of lines; places that lie apart in one source are drawn one by one and joined in one frame.

use std::fmt::{self, Write as _};
use std::ops::Range;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use crate::finding::Severity;
use crate::manifest::{Origin, Source, SourceId, Span};
use crate::report::location;
use crate::report::terminal_style::{Characters, Colour};

use super::page::{Page, columns};
use super::quote::{self, Frame, Mark, Quote, Role};

/// A marked span longer than this many lines is marked on its first line only.
const MOST_LINES_OF_A_MARK: usize = 6;

/// All marked places of one finding in one source.
pub(super) struct Snippet {
    pub(super) source: SourceId,
    /// Marks in bytes of the source; the primary one, if it is here, first.
    pub(super) marks: Vec<Mark>,
}

/// A mark for `span` of `source`. A very long one is cut to its first line and says where it ends.
pub(super) fn mark(source: &Source, span: Span, label: String, role: Role) -> Mark {
    let range = quote::bytes(&source.text, span);
    // A block scalar ends with its last line break: the line after it is not part of it.
    let trimmed = source.text.get(range.clone()).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
    let mut end = range.start + trimmed;
    let mut label = label;
    let line = |offset: usize| source.line_column(u32::try_from(offset).unwrap_or(u32::MAX)).line as usize;
    let (first, last) = (line(range.start), line(end));
    if last - first >= MOST_LINES_OF_A_MARK {
        end = quote::line_around(&source.text, range.start).end;
        let separator = if label.is_empty() { "" } else { " " };
        label = format!("{label}{separator}(to line {last})");
    }
    Mark { start: range.start, end, label, role }
}

/// Consecutive lines with the marks in them.
struct Run {
    lines: Vec<Range<usize>>,
    marks: Vec<Mark>,
    last_line: usize,
}

/// Draws the snippets of a finding, all with line numbers of one width. Each line ends with `\n`.
pub(super) fn draw(snippets: &[Snippet], subject: Option<&str>, severity: Severity, page: &Page<'_>) -> String {
    let planned: Vec<(&Snippet, &Source, Vec<Run>)> = snippets
        .iter()
        .map(|snippet| {
            let source = page.sources.get(snippet.source);
            (snippet, source, runs(source, &snippet.marks, page.style.width))
        })
        .collect();
    let last_line = planned.iter().flat_map(|(_, _, runs)| runs).map(|run| run.last_line).max().unwrap_or(1);
    let digits = last_line.to_string().len();
    let mut drawn = String::new();
    for (index, (snippet, source, runs)) in planned.iter().enumerate() {
        let subject = subject.filter(|_| index == 0);
        drawn.push_str(&header(snippet, source, subject, digits, page));
        for (index, run) in runs.iter().enumerate() {
            if index > 0 {
                let _ = writeln!(drawn, "{}{}", " ".repeat(digits + 2), page.glyphs().gap);
            }
            drawn.push_str(&draw_run(snippet.source, run, digits, severity, page));
        }
        let _ = writeln!(drawn, "{}{}", " ".repeat(digits + 2), page.glyphs().bottom);
    }
    drawn
}

/// ` ╭─[backend.yaml:15:25]`.
fn header(snippet: &Snippet, source: &Source, subject: Option<&str>, digits: usize, page: &Page<'_>) -> String {
    let place = page.paint.place(&place_of(snippet, source, page));
    let subject = subject.map(|subject| format!(" {}", page.paint.quiet(subject))).unwrap_or_default();
    format!("{}{}[{place}]{subject}\n", " ".repeat(digits + 2), page.glyphs().top)
}

/// `backend.yaml:15:25`, `rendered from overlays/production:15:25`, or `charts/web/templates/service.yaml, rendered
/// line 15`.
fn place_of(snippet: &Snippet, source: &Source, page: &Page<'_>) -> String {
    let first = snippet.marks.iter().min_by_key(|mark| (mark.role, mark.start));
    let offset = first.map_or(0, |mark| u32::try_from(mark.start).unwrap_or(u32::MAX));
    let position = source.line_column(offset);
    let name = page.line(&source.name);
    match (source.origin, location::template(source, offset)) {
        (Origin::Written, _) => format!("{name}:{}:{}", position.line, position.column),
        (Origin::Rendered, None) => format!("rendered from {name}:{}:{}", position.line, position.column),
        (Origin::Rendered, Some(template)) => format!("{}, rendered line {}", page.line(&template), position.line),
    }
}

/// Whether `subject` fits behind the place of the first snippet, whatever the width of the line numbers.
pub(super) fn has_room_for(subject: &str, snippets: &[Snippet], page: &Page<'_>) -> bool {
    const FRAME_AND_DIGITS: usize = 12;
    let place = snippets.first().map(|snippet| place_of(snippet, page.sources.get(snippet.source), page));
    place.is_some_and(|place| columns(&place) + columns(subject) + FRAME_AND_DIGITS <= page.style.width)
}

/// Groups marks that stand close together into runs of lines, in the order of the source.
fn runs(source: &Source, marks: &[Mark], width: usize) -> Vec<Run> {
    let mut sorted: Vec<&Mark> = marks.iter().collect();
    sorted.sort_by_key(|mark| (mark.start, mark.end));
    let mut runs: Vec<Run> = Vec::new();
    for mark in sorted {
        let mut lines = lines_of(&source.text, mark);
        if let Some(run) = runs.last_mut() {
            let known = run.lines.last().map_or(0, |line| line.start);
            let follows = lines.iter().position(|line| line.start == known);
            let touches = run.lines.last().and_then(|last| quote::next_line_start(&source.text, last));
            let is_next = lines.first().map(|line| line.start) == touches && touches.is_some();
            let is_inside = lines.last().is_some_and(|line| line.start <= known);
            let fits = run.marks.iter().all(|other| mark.start.saturating_sub(other.end) < width.saturating_mul(4));
            if fits && (follows.is_some() || is_next || is_inside) {
                let new = follows.map_or(0, |at| at + 1);
                if !is_inside {
                    run.lines.extend(lines.drain(new..));
                }
                run.marks.push(mark.clone());
                continue;
            }
        }
        runs.push(Run { lines, marks: vec![mark.clone()], last_line: 0 });
    }
    for run in &mut runs {
        let start = run.lines.last().map_or(0, |line| u32::try_from(line.start).unwrap_or(u32::MAX));
        run.last_line = source.line_column(start).line as usize;
    }
    runs
}

/// The lines of a mark and the one before it, where that says something.
fn lines_of(text: &str, mark: &Mark) -> Vec<Range<usize>> {
    let first = quote::line_around(text, mark.start);
    let mut lines = Vec::new();
    if first.start > 0 {
        let before = quote::line_around(text, first.start - 1);
        let content = text.get(before.clone()).unwrap_or_default().trim();
        if !content.is_empty() && content != "---" {
            lines.push(before);
        }
    }
    let mut line = first;
    loop {
        let next = quote::next_line_start(text, &line);
        lines.push(line);
        match next {
            Some(next) if next < mark.end => line = quote::line_around(text, next),
            Some(_) | None => return lines,
        }
    }
}

fn draw_run(id: SourceId, run: &Run, digits: usize, severity: Severity, page: &Page<'_>) -> String {
    let source = page.sources.get(id);
    let start = run.lines.first().map_or(0, |line| line.start);
    let end = run.lines.last().map_or(0, |line| line.end);
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let secret = page.redactor.ranges(page.sources, id, offset(start)..offset(end));
    let is_over_lines = |mark: &Mark| quote::line_around(&source.text, mark.start).end < mark.end;
    let gutter = if run.marks.iter().any(is_over_lines) { 5 } else { 0 };
    let width = page.style.width.saturating_sub(digits + 4 + gutter).max(20);
    let frame = Frame { width, characters: page.style.characters, secret: &secret };
    let quote = quote::quote(source, &run.lines, &run.marks, &frame);
    let own_digits = run.last_line.to_string().len();
    let padding = " ".repeat(digits.saturating_sub(own_digits));
    let mut drawn = String::new();
    for line in by_miette(&quote, severity, page).lines() {
        drawn.push_str(&padding);
        drawn.push_str(line.trim_end());
        drawn.push('\n');
    }
    drawn
}

/// The body of miette's drawing: without its message, its header and its foot.
fn by_miette(quote: &Quote, severity: Severity, page: &Page<'_>) -> String {
    let mut highlights: Vec<owo_colors::Style> =
        quote.marks.iter().map(|mark| page.paint.highlight(mark.role, severity)).collect();
    if highlights.is_empty() {
        highlights.push(owo_colors::Style::new());
    }
    let (mut styles, characters) = match (page.style.colour, page.style.characters) {
        (Colour::Plain, Characters::Unicode) => (ThemeStyles::none(), ThemeCharacters::unicode()),
        (Colour::Plain, Characters::Ascii) => (ThemeStyles::none(), ThemeCharacters::ascii()),
        (Colour::Ansi, Characters::Unicode) => (ThemeStyles::ansi(), ThemeCharacters::unicode()),
        (Colour::Ansi, Characters::Ascii) => (ThemeStyles::ansi(), ThemeCharacters::ascii()),
    };
    styles.highlights = highlights;
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .without_syntax_highlighting()
        .without_cause_chain()
        .with_context_lines(0)
        .with_urls(false);
    let mut drawn = String::new();
    // Fails only when a span lies outside of the text, and marks are made from it; the finding's words stay in any
    // case.
    let stand_in = quote.stand_in();
    if handler.render_report(&mut drawn, &Drawing(&stand_in)).is_err() {
        return String::new();
    }
    let lines: Vec<&str> = drawn.lines().collect();
    let body = lines.get(2..lines.len().saturating_sub(1)).unwrap_or_default();
    with_text(body, &stand_in, quote)
}

/// The drawing with the quote's text in place of its stand-in: miette counts the columns of some characters otherwise than
/// everything else here, so it is given text that leaves nothing to count.
fn with_text(body: &[&str], stand_in: &Quote, quote: &Quote) -> String {
    let mut texts = stand_in.text.lines().zip(quote.text.lines());
    // Rows of source begin with their number, behind blanks and colours; rows of marks have none.
    let is_source = |row: &str| {
        let mut characters = row.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                ' ' => {}
                '\u{1b}' => drop(characters.by_ref().find(|end| *end == 'm')),
                first => return first.is_ascii_digit(),
            }
        }
        false
    };
    let rows = body.iter().map(|row| {
        let texts = if is_source(row) { texts.next() } else { None };
        match texts.and_then(|(stand_in, text)| Some((row.strip_suffix(stand_in)?, text))) {
            Some((before, text)) => format!("{before}{text}"),
            None => (*row).to_owned(),
        }
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// A quote as miette wants it.
#[derive(Debug)]
struct Drawing<'a>(&'a Quote);

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Drawing<'_> {}

impl Diagnostic for Drawing<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.0.marks.iter().map(|mark| {
            let label = Some(mark.label.clone()).filter(|label| !label.is_empty());
            LabeledSpan::new(label, mark.start, mark.end - mark.start)
        })))
    }
}

impl SourceCode for Drawing<'_> {
    /// The whole quote, whatever is asked for: it is already the context.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = &self.0.text;
        let whole = SourceSpan::from(0..text.len());
        let first_line = self.0.first_line.saturating_sub(1);
        let contents = MietteSpanContents::new(text.as_bytes(), whole, first_line, 0, text.lines().count());
        Ok(Box::new(contents))
    }
}
