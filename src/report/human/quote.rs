//! Lines of a source, made fit for a terminal: safe characters, tabs as spaces, long lines clipped around what is
//! marked, values of Secrets blanked. Marks move with the text.

use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use crate::manifest::{Source, Span};
use crate::report::printable;
use crate::report::redaction::REDACTED;
use crate::report::terminal_style::Characters;

/// Columns between tab stops in quoted source.
const TAB_WIDTH: usize = 4;
/// A label narrower than this is not readable; the text moves left to make room for it.
const LEAST_LABEL_WIDTH: usize = 26;

/// The bytes of the line around `offset`, without its line break. Lines end as
/// [`LineIndex`](crate::manifest::LineIndex) has it: `\n`, `\r\n` or a lone `\r`.
pub(super) fn line_around(text: &str, offset: usize) -> Range<usize> {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let bytes = text.as_bytes();
    let ends_line = |at: usize| match bytes.get(at) {
        Some(b'\n') => true,
        Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
        Some(_) | None => false,
    };
    let start = (0..offset).rev().find(|at| ends_line(*at)).map_or(0, |at| at + 1);
    let end = bytes[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(text.len(), |at| start + at);
    start..end
}

/// Where the line after `line` starts; `None` when `line` is the last one.
pub(super) fn next_line_start(text: &str, line: &Range<usize>) -> Option<usize> {
    let rest = text.get(line.end..)?;
    let line_break = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
    (line_break > 0).then_some(line.end + line_break)
}

/// What is marked: bytes of the source while a quote is planned, bytes of the quote when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// What it is called; lines separated by `\n`. Empty: it is only underlined.
    pub(super) label: String,
    /// What it is to the finding.
    pub(super) role: Role,
}

/// What a marked place is to its finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Where the finding is.
    Primary,
    /// Another place that belongs to the cause.
    Related,
}

/// Text as it is drawn, with marks in its own bytes.
#[derive(Debug)]
pub(super) struct Quote {
    /// Lines, each ended by `\n`.
    pub(super) text: String,
    /// The number of the first line, from 1.
    pub(super) first_line: usize,
    /// Sorted by start; marks within one line do not overlap.
    pub(super) marks: Vec<Mark>,
}

/// What a quote needs to know besides the text.
pub(super) struct Frame<'a> {
    /// Columns for the text.
    pub(super) width: usize,
    pub(super) characters: Characters,
    /// Bytes of the source that must not be shown, sorted.
    pub(super) secret: &'a [Range<u32>],
}

/// A piece of a drawn line and the bytes of the source that it stands for.
struct Cell {
    source: Range<usize>,
    text: String,
    width: usize,
}

/// Quotes `lines` (consecutive, byte ranges without line breaks) of `source` with `marks`.
pub(super) fn quote(source: &Source, lines: &[Range<usize>], marks: &[Mark], frame: &Frame<'_>) -> Quote {
    // Marks are cut apart before lines are clipped around them: one over several lines may end in its first.
    let visible =
        marks.iter().map(|mark| Mark { end: visible_end(&source.text, mark, frame.characters), ..mark.clone() });
    let marks = without_overlaps(visible.collect());
    let mut text = String::new();
    let mut drawn: Vec<Mark> =
        marks.iter().map(|mark| Mark { start: usize::MAX, end: usize::MAX, ..mark.clone() }).collect();
    for (index, line) in lines.iter().enumerate() {
        let line_end = lines.get(index + 1).map_or(usize::MAX, |next| next.start);
        let starts_here = |mark: &Mark| mark.start >= line.start && mark.start < line_end;
        let ends_here = |mark: &Mark| mark.end.max(mark.start) <= line_end && mark.end >= line.start;
        let here: Vec<&Mark> = marks.iter().filter(|mark| starts_here(mark) && mark.end <= line_end).collect();
        let cells = line_cells(&source.text, line, &here, frame);
        let base = text.len();
        for (mark, drawn) in marks.iter().zip(&mut drawn) {
            if starts_here(mark) {
                drawn.start = base + drawn_start(&cells, mark.start);
                drawn.end = drawn.start;
            }
            if ends_here(mark) && mark.end > mark.start && drawn.start != usize::MAX {
                drawn.end = (base + drawn_end(&cells, mark.end)).max(drawn.start);
            }
        }
        cells.iter().for_each(|cell| text.push_str(&cell.text));
        // Trailing blanks would only lengthen the line, but a mark may end in them.
        text.push('\n');
    }
    drawn.retain(|mark| mark.start != usize::MAX);
    let first_line =
        lines.first().map_or(1, |line| source.line_column(u32::try_from(line.start).unwrap_or(u32::MAX)).line as usize);
    let mut quote = Quote { text, first_line, marks: without_overlaps(drawn) };
    quote.wrap_labels(frame.width);
    quote
}

/// The end of a mark without last lines of which nothing that it covers takes a column.
fn visible_end(text: &str, mark: &Mark, characters: Characters) -> usize {
    let mut end = mark.end;
    while let Some(covered) = text.get(mark.start..end) {
        let Some(line_break) = covered.rfind(['\n', '\r']) else { break };
        let last = covered.get(line_break + 1..).unwrap_or_default();
        if last.chars().any(|character| drawn_character(character, 0, characters).1 > 0) {
            break;
        }
        end = mark.start + covered.get(..line_break).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
    }
    end
}

/// Where the text that stands for the source's byte `offset` begins in the line.
fn drawn_start(cells: &[Cell], offset: usize) -> usize {
    cells.iter().take_while(|cell| cell.source.end <= offset).map(|cell| cell.text.len()).sum()
}

/// Where the text that stands for the source's byte before `offset` ends in the line.
fn drawn_end(cells: &[Cell], offset: usize) -> usize {
    cells.iter().take_while(|cell| cell.source.start < offset).map(|cell| cell.text.len()).sum()
}

/// The cells of one line, clipped to the frame's width around the marks.
fn line_cells(text: &str, line: &Range<usize>, marks: &[&Mark], frame: &Frame<'_>) -> Vec<Cell> {
    let first = marks.iter().map(|mark| mark.start.clamp(line.start, line.end)).min().unwrap_or(line.start);
    // A line may be megabytes long: only the bytes that could be seen are looked at.
    let reach = frame.width.saturating_mul(8);
    let from = text.floor_char_boundary(if first - line.start > reach { first - reach } else { line.start });
    let to = text.ceil_char_boundary(first.saturating_add(reach).min(line.end));
    let mut cells = Vec::new();
    if from > line.start {
        cells.push(Cell { source: line.start..from, text: String::new(), width: 0 });
    }
    add_cells(text, from..to, frame, &mut cells);
    if to < line.end {
        cells.push(Cell { source: to..line.end, text: String::new(), width: 0 });
    }
    let is_whole = from == line.start && to == line.end;
    let total: usize = cells.iter().map(|cell| cell.width).sum();
    let column = |offset: usize| -> usize {
        cells.iter().take_while(|cell| cell.source.end <= offset).map(|cell| cell.width).sum()
    };
    let needed = |left: usize, edge: usize| -> usize {
        // An ellipsis stands for what is left out on the left.
        let left = left.saturating_sub(ellipsis(frame.characters).1);
        let of_mark = |mark: &&Mark| room_of(mark, column(mark.start), column(mark.end), left, edge);
        // Marks on characters without a width push each other to the right.
        let pushed = marks.len().saturating_sub(1);
        marks.iter().map(of_mark).max().map_or(0, |room| room.saturating_add(pushed))
    };
    if is_whole && total <= frame.width && needed(0, usize::MAX) <= frame.width {
        return cells;
    }
    let mark_column = column(first);
    // The mark stays where it is when it and its label fit so, else it comes to stand after a quarter of the width.
    let left = if needed(0, frame.width) <= frame.width { 0 } else { mark_column.saturating_sub(frame.width / 4) };
    // Where a mark is too far to the right for its label, the text ends earlier, and the mark stands below its end.
    let label = marks.iter().map(|mark| label_width(mark)).max().unwrap_or(0);
    let narrow = frame.width.saturating_sub(label + 4 + marks.len());
    let width = if needed(left, frame.width) <= frame.width { frame.width } else { narrow };
    clip(cells, left, width, frame.characters)
}

/// Columns for the label of a mark, so that it can be read; 0 where there is none.
fn label_width(mark: &Mark) -> usize {
    printable::columns(&mark.label).min(LEAST_LABEL_WIDTH)
}

/// Columns that a mark from column `start` to `end` and its label take, in a line that begins at column `left` and ends at
/// `edge`.
fn room_of(mark: &Mark, start: usize, end: usize, left: usize, edge: usize) -> usize {
    let start = start.saturating_sub(left).min(edge);
    let end = end.saturating_sub(left).min(edge).max(start + 1);
    if mark.label.is_empty() { end } else { end.max(usize::midpoint(start, end) + 4 + label_width(mark)) }
}

/// What stands for text that is left out, and its width.
const fn ellipsis(characters: Characters) -> (&'static str, usize) {
    match characters {
        Characters::Unicode => ("…", 1),
        Characters::Ascii => ("...", 3),
    }
}

/// Replaces what is left of column `left` and what is beyond `width` columns by an ellipsis each.
fn clip(cells: Vec<Cell>, left: usize, width: usize, characters: Characters) -> Vec<Cell> {
    let (ellipsis, ellipsis_width) = ellipsis(characters);
    let right = left + width.saturating_sub(2 * ellipsis_width);
    let mut clipped: Vec<Cell> = Vec::new();
    let mut column = 0;
    for cell in cells {
        let end = column + cell.width;
        // A cell without a width is one of the far ends that were not looked at, or a combining character.
        let is_outside = column < left || end > right || cell.text.is_empty();
        column = end;
        match clipped.last_mut() {
            Some(last) if is_outside && last.text == ellipsis && last.source.end == cell.source.start => {
                last.source.end = cell.source.end;
            }
            Some(_) | None if is_outside => {
                clipped.push(Cell { source: cell.source, text: ellipsis.to_owned(), width: ellipsis_width });
            }
            Some(_) | None => clipped.push(cell),
        }
    }
    clipped
}

fn add_cells(text: &str, range: Range<usize>, frame: &Frame<'_>, cells: &mut Vec<Cell>) {
    let mut column = 0;
    let mut at = range.start;
    while at < range.end {
        let secret = frame.secret.iter().find(|secret| secret.start as usize <= at && at < secret.end as usize);
        if let Some(secret) = secret {
            let end = (secret.end as usize).min(range.end);
            // The indentation of a block scalar tells nothing and keeps its shape.
            let hidden = text.get(at..end).unwrap_or_default();
            let blanks = hidden.len() - hidden.trim_start_matches(' ').len();
            if blanks > 0 {
                cells.push(Cell { source: at..at + blanks, text: " ".repeat(blanks), width: blanks });
                column += blanks;
            }
            if at + blanks < end {
                cells.push(Cell { source: at + blanks..end, text: REDACTED.to_owned(), width: REDACTED.len() });
                column += REDACTED.len();
            }
            at = end;
            continue;
        }
        let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { return };
        let next = at + character.len_utf8();
        let (shown, width) = drawn_character(character, column, frame.characters);
        cells.push(Cell { source: at..next, text: shown, width });
        column += width;
        at = next;
    }
}

fn drawn_character(character: char, column: usize, characters: Characters) -> (String, usize) {
    if character == '\t' {
        let width = TAB_WIDTH - column % TAB_WIDTH;
        return (" ".repeat(width), width);
    }
    match printable::replacement(character, characters) {
        Some(replacement) => {
            let width = printable::columns(&replacement);
            (replacement, width)
        }
        None => (character.to_string(), character.width().unwrap_or(0)),
    }
}

/// Marks within one line are drawn below it side by side: where two overlap, the first ends where the second begins;
/// those that begin together become one.
fn without_overlaps(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| (mark.start, mark.role, mark.end));
    let mut apart: Vec<Mark> = Vec::new();
    for mark in marks {
        match apart.last_mut() {
            Some(last) if last.start == mark.start => {
                if !mark.label.is_empty() && mark.label != last.label {
                    let separator = if last.label.is_empty() { "" } else { "\n" };
                    last.label = format!("{}{separator}{}", last.label, mark.label);
                }
            }
            Some(last) if last.end > mark.start => {
                last.end = mark.start;
                apart.push(mark);
            }
            Some(_) | None => apart.push(mark),
        }
    }
    apart
}

impl Quote {
    /// The quote with as many letters in place of each character as it takes columns.
    pub(super) fn stand_in(&self) -> Self {
        let mut text = String::with_capacity(self.text.len());
        let mut marks = self.marks.clone();
        let mut at = 0;
        for character in self.text.chars() {
            for (mark, own) in marks.iter_mut().zip(&self.marks) {
                if own.start == at {
                    mark.start = text.len();
                }
                if own.end == at {
                    mark.end = text.len();
                }
            }
            match character {
                '\n' => text.push('\n'),
                other => text.extend(std::iter::repeat_n('x', printable::columns(other.encode_utf8(&mut [0; 4])))),
            }
            at += character.len_utf8();
        }
        for (mark, own) in marks.iter_mut().zip(&self.marks) {
            mark.start = if own.start >= at { text.len() } else { mark.start };
            mark.end = if own.end >= at { text.len() } else { mark.end };
        }
        Self { text, first_line: self.first_line, marks }
    }

    /// Breaks labels so that they end within `width` columns.
    fn wrap_labels(&mut self, width: usize) {
        let mut line = usize::MAX;
        let mut highest = 0;
        for mark in &mut self.marks {
            let line_start = self.text.get(..mark.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let columns = |to: usize| self.text.get(line_start..to).map_or(0, printable::columns);
            let is_one_line = self.text.get(mark.start..mark.end).is_some_and(|text| !text.contains('\n'));
            if line != line_start {
                (line, highest) = (line_start, 0);
            }
            // A mark takes a column at the least, and begins where the one before it ends.
            let start = columns(mark.start).max(highest);
            let middle = if is_one_line {
                highest = columns(mark.end).max(start + 1);
                usize::midpoint(start, highest)
            } else {
                4
            };
            let room = width.saturating_sub(middle + 4).max(LEAST_LABEL_WIDTH - 2);
            let options = textwrap::Options::new(room)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            mark.label = textwrap::wrap(&mark.label, options).join("\n");
        }
    }
}

/// The bytes of a span within the text, whole characters, never beyond the end.
pub(super) fn bytes(text: &str, span: Span) -> Range<usize> {
    let start = text.floor_char_boundary((span.start as usize).min(text.len()));
    let end = text.ceil_char_boundary((span.end as usize).min(text.len()));
    start..end.max(start)
}
