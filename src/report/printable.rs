//! Text that is safe to print: nothing in an input may move the cursor, colour the screen, hide or reorder text, or
//! give commands to the system that reads the log.

use unicode_width::UnicodeWidthChar as _;

use super::terminal_style::Characters;

/// What is shown for one character of foreign text. `None`: the character itself.
///
/// Replaced are control characters (the terminal obeys them), characters that reorder text (bidirectional overrides)
/// and characters without any shape; for [`Characters::Ascii`] also everything that is not ASCII.
pub(super) fn replacement(character: char, characters: Characters) -> Option<String> {
    let unsafe_picture = match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    };
    match (characters, unsafe_picture) {
        (Characters::Unicode, picture) => picture.map(String::from),
        (Characters::Ascii, None) if character.is_ascii() => None,
        (Characters::Ascii, _) => Some(ascii(character)),
    }
}

fn ascii(character: char) -> String {
    let known = match character {
        '€' => "EUR ",
        '£' => "GBP ",
        '–' | '—' | '−' => "-",
        '…' => "...",
        '“' | '”' | '„' => "\"",
        '‘' | '’' => "'",
        '≥' => ">=",
        '≤' => "<=",
        '×' => "x",
        '→' => "->",
        '·' | '•' => "*",
        '\u{a0}' | '\u{202f}' => " ",
        '\u{0}'..='\u{1f}' => {
            return char::from_u32(0x40 + u32::from(character)).map_or_else(String::new, |letter| format!("^{letter}"));
        }
        _ => return character.escape_unicode().to_string(),
    };
    known.to_owned()
}

/// Foreign text as one printable line: white space of any kind becomes single spaces.
pub(super) fn line(text: &str, characters: Characters) -> String {
    let mut printable = String::with_capacity(text.len());
    for word in text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
        if !printable.is_empty() {
            printable.push(' ');
        }
        for character in word.chars() {
            match replacement(character, characters) {
                Some(replacement) => printable.push_str(&replacement),
                None => printable.push(character),
            }
        }
    }
    without_workflow_commands(printable)
}

/// Foreign text as printable lines: its line breaks stay, its indentation does not.
pub(super) fn lines(text: &str, characters: Characters) -> Vec<String> {
    text.lines().map(|each| line(each, characters)).filter(|each| !each.is_empty()).collect()
}

/// Markdown with each paragraph and each item of a list on one line: its lines were broken for the width of its source.
pub(super) fn unfolded(markdown: &str) -> String {
    let mut unfolded = String::with_capacity(markdown.len());
    let mut is_verbatim = false;
    let mut before = "";
    for line in markdown.lines() {
        let begins = line.trim().is_empty() || line.starts_with([' ', '-', '#', '`', '|']);
        let continues = !begins && !is_verbatim && !before.trim().is_empty() && !before.starts_with("```");
        if !unfolded.is_empty() {
            unfolded.push(if continues { ' ' } else { '\n' });
        }
        unfolded.push_str(line);
        is_verbatim ^= line.starts_with("```");
        before = line;
    }
    unfolded
}

/// Build systems read commands from the log: GitHub Actions obeys `##[command]` anywhere in a line, and
/// `::command::` at its start, spaces aside. Both get a space inside.
fn without_workflow_commands(text: String) -> String {
    let text = if text.contains("##[") { text.replace("##[", "## [") } else { text };
    // A wrapped line may begin at any word, so every word counts as a start.
    if !text.split(' ').any(|word| word.starts_with("::")) || text.matches("::").count() < 2 {
        return text;
    }
    let words: Vec<String> = text
        .split(' ')
        .map(|word| word.strip_prefix("::").map_or_else(|| word.to_owned(), |rest| format!(": :{rest}")))
        .collect();
    words.join(" ")
}

/// How many columns of a terminal `text` takes: the sum of what its characters take.
///
/// The one definition of width in the reports. Terminals differ in sequences that join (emoji, variation selectors); the sum
/// is what the libraries that wrap text and draw marks count with, so that lines end and marks stand where they say.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        let text = "a\u{1b}[31mb\u{9b}2J\u{202e}c\u{7}\r\nd";
        assert_eq!(line(text, Characters::Unicode), "a␛[31mb\u{fffd}2J\u{fffd}c␇ d");
        assert_eq!(line(text, Characters::Ascii), "a^[[31mb\\u{9b}2J\\u{202e}c^G d");
        assert_eq!(line("costs €10 — 2 × x", Characters::Ascii), "costs EUR 10 - 2 x x");
    }

    #[test]
    fn paragraphs_are_unfolded_and_code_is_not() {
        let text = "one\ntwo\n\n- a\nb\n- c\n```yaml\nx: 1\ny: 2\n```\nend\nof it";
        assert_eq!(unfolded(text), "one two\n\n- a b\n- c\n```yaml\nx: 1\ny: 2\n```\nend of it");
    }

    #[test]
    fn build_systems_find_no_commands() {
        assert_eq!(line("x ::set-env name=a::b ##[error]", Characters::Unicode), "x : :set-env name=a::b ## [error]");
        assert_eq!(line("open to ::/0", Characters::Unicode), "open to ::/0");
    }

    proptest! {
        #[test]
        fn ascii_is_ascii(text in any::<String>()) {
            let printable = line(&text, Characters::Ascii);
            prop_assert!(printable.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        }

        #[test]
        fn no_control_character_is_left(text in any::<String>()) {
            prop_assert!(!line(&text, Characters::Unicode).chars().any(char::is_control));
        }
    }
}
