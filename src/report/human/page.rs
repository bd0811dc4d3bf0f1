//! What every part of the human output needs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::finding::Finding;
use crate::manifest::{Origin, Place, SourceMap};
use crate::report::check_report::RuleDocumentation;
use crate::report::location;
use crate::report::printable;
pub(in crate::report) use crate::report::printable::columns;
use crate::report::redaction::Redactor;
use crate::report::terminal_style::{Characters, Links, TerminalStyle};

use super::paint::Paint;

/// Prose wider than this is hard to read, however wide the terminal is.
pub(in crate::report) const WIDEST_PROSE: usize = 120;

/// The frame's characters.
pub(super) struct Glyphs {
    /// Above a snippet.
    pub(super) top: &'static str,
    /// Below it.
    pub(super) bottom: &'static str,
    /// Between places that lie apart.
    pub(super) gap: &'static str,
}

/// What is drawn on, and with what.
pub(in crate::report) struct Page<'a> {
    pub(super) sources: &'a SourceMap,
    pub(in crate::report) style: TerminalStyle,
    pub(in crate::report) paint: Paint,
    pub(super) redactor: &'a Redactor,
    links: HashMap<&'a str, &'a str>,
}

impl<'a> Page<'a> {
    pub(in crate::report) fn new(
        sources: &'a SourceMap,
        rules: &'a [RuleDocumentation],
        redactor: &'a Redactor,
        style: TerminalStyle,
    ) -> Self {
        let links = match style.links {
            Links::None => HashMap::new(),
            Links::Hyperlinks => rules.iter().filter_map(|rule| Some((&*rule.id, rule.help_uri.as_deref()?))).collect(),
        };
        Self { sources, style, paint: Paint(style.colour), redactor, links }
    }

    /// Foreign text as one safe line.
    pub(in crate::report) fn line(&self, text: &str) -> String {
        printable::line(text, self.style.characters)
    }

    /// Columns for prose.
    pub(in crate::report) fn prose(&self) -> usize {
        self.style.width.clamp(20, WIDEST_PROSE)
    }

    pub(super) fn glyphs(&self) -> Glyphs {
        match self.style.characters {
            Characters::Unicode => Glyphs { top: "╭─", bottom: "╰────", gap: "┆" },
            Characters::Ascii => Glyphs { top: ",-", bottom: "`----", gap: ":" },
        }
    }

    /// `…`, or what stands for it.
    pub(in crate::report) fn ellipsis(&self) -> &'static str {
        match self.style.characters {
            Characters::Unicode => "…",
            Characters::Ascii => "...",
        }
    }

    /// `painted`, the name of `rule`, with a link to its documentation where the terminal follows links.
    pub(super) fn linked(&self, rule: &Arc<str>, painted: String) -> String {
        let is_clean = |uri: &str| uri.bytes().all(|byte| byte.is_ascii_graphic());
        match self.links.get(&**rule) {
            Some(uri) if is_clean(uri) => format!("\u{1b}]8;;{uri}\u{1b}\\{painted}\u{1b}]8;;\u{1b}\\"),
            Some(_) | None => painted,
        }
    }

    /// `backend.yaml:15`, `overlays/prod:15 (rendered)`, or `charts/web/templates/service.yaml (rendered line 15)`.
    pub(in crate::report) fn short_place(&self, place: Place) -> String {
        let source = self.sources.get(place.source);
        let line = source.line_column(place.span.start).line;
        match (source.origin, location::template(source, place.span.start)) {
            (Origin::Written, _) => format!("{}:{line}", self.line(&source.name)),
            (Origin::Rendered, None) => format!("{}:{line} (rendered)", self.line(&source.name)),
            (Origin::Rendered, Some(template)) => format!("{} (rendered line {line})", self.line(&template)),
        }
    }

    /// Where a finding is, in a few words: its place, else nothing.
    pub(super) fn short_place_of(&self, finding: &Finding) -> String {
        finding.place.map(|place| self.short_place(place)).unwrap_or_default()
    }

    /// Wraps safe text; the first line is to follow `indent` columns, the others are indented by them. The lines have
    /// no indentation.
    pub(in crate::report) fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        wrap(text, self.prose().saturating_sub(indent).max(16))
    }
}

/// Stands for a space that no line is to end at.
const UNBROKEN_SPACE: &str = "\u{a0}";

/// Wraps safe text to `width` columns. Names with hyphens and slashes stay whole, and what is quoted as code.
pub(in crate::report) fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    let text = with_whole_code(text, width);
    textwrap::wrap(&text, options).into_iter().map(|line| line.replace(UNBROKEN_SPACE, " ")).collect()
}

/// The text with the spaces inside of `` `code` `` made unbreakable, where it is short enough to stand on one line.
fn with_whole_code(text: &str, width: usize) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len().saturating_sub(1);
    let whole = |(index, part): (usize, &&str)| {
        let is_code = index % 2 == 1 && index < last && columns(part) + 4 <= width;
        if is_code { part.replace(' ', UNBROKEN_SPACE) } else { (*part).to_owned() }
    };
    parts.iter().enumerate().map(whole).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn code_is_broken_only_where_it_fits_on_no_line() {
        assert_eq!(wrap("set it to `a: 1` now", 14), ["set it to", "`a: 1` now"]);
        assert_eq!(wrap("a lone ` b: 1 of it", 10), ["a lone `", "b: 1 of it"]);
        assert_eq!(wrap("`kubectl drain worker-1` it", 14), ["`kubectl drain", "worker-1` it"]);
    }
}
