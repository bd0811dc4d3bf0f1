//! Any text, any spans, any width: a report is written, and nothing in it is more than text.

use crate::report::printable::columns;
use proptest::prelude::*;

use crate::finding::Severity;
use crate::manifest::{Origin, Place, Span};
use crate::report::{Characters, Colour, Detail, Format, Links, TerminalStyle};

use super::crafted::{Case, at, related};

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,12}",
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just("  ".to_owned()),
        1 => "[名é👩\u{200d}\u{301}\u{202e}\u{1b}\u{9b}\u{feff}]{1,3}",
        1 => Just("x".repeat(300)),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn style() -> impl Strategy<Value = TerminalStyle> {
    let characters = prop_oneof![Just(Characters::Unicode), Just(Characters::Ascii)];
    (0..200_usize, characters).prop_map(|(width, characters)| TerminalStyle {
        width,
        colour: Colour::Plain,
        characters,
        links: Links::None,
        detail: Detail::Normal,
    })
}

fn case(text: &str, spans: &[(u32, u32)], words: &str, rendered: bool) -> Case {
    let mut case = Case::new();
    let origin = if rendered { Origin::Rendered } else { Origin::Written };
    let source = case.sources.add("file.yaml", text, origin);
    let length = u32::try_from(text.len()).unwrap() + 2;
    // Within the text, mostly; spans need not begin or end at characters.
    let place = |(start, size): (u32, u32)| {
        let start = start % length;
        Place { source, span: Span::new(start, start + size % (length - start).max(1)) }
    };
    let mut finding = at("rule", Severity::Error, words, words, place(spans[0]));
    finding.related = spans[1..].iter().map(|span| related(words, place(*span))).collect();
    finding.why = Some(words.to_owned());
    case.findings.push(finding);
    case
}

proptest! {
    #[test]
    fn every_report_is_written(
        text in text(),
        spans in prop::collection::vec(any::<(u32, u32)>(), 1..5),
        words in text(),
        rendered in any::<bool>(),
        style in style(),
    ) {
        let case = case(&text, &spans, &words, rendered);
        for format in Format::ALL {
            let written = case.write(format, &style);
            prop_assert!(!written.chars().any(|character| character.is_control() && character != '\n'));
            if format == Format::Human && style.characters == Characters::Ascii {
                prop_assert!(written.is_ascii());
            }
            if format == Format::Github {
                prop_assert_eq!(written.lines().count(), 1);
            }
        }
    }

    #[test]
    fn quoted_lines_end_at_the_edge(
        text in text(),
        spans in prop::collection::vec(any::<(u32, u32)>(), 1..4),
        width in 60..200_usize,
    ) {
        let case = case(&text, &spans, "a label", false);
        let written = case.human(width);
        for line in written.lines() {
            prop_assert!(columns(line) <= width, "{line}\n{written}");
        }
    }

    /// The marks below a line stand where the definition of width puts them: under the first column of what they mark.
    #[test]
    fn marks_stand_below_what_they_mark(before in "[a-z名é👩\u{200d}\u{301}\u{fe0f}☺]{0,24}") {
        let text = format!("x{before}!");
        let case = case(&text, &[(u32::try_from(text.len() - 1).unwrap(), 1)], "", false);
        let written = case.human(120);
        let line = written.lines().find(|line| line.contains(" 1 │ ")).unwrap();
        let marks = written.lines().find(|line| line.contains(" · ")).unwrap();
        let at = |line: &str, character: char| columns(line.split(character).next().unwrap());
        prop_assert_eq!(at(line, '!'), at(marks, '─').min(at(marks, '┬')), "{}", written);
    }
}
