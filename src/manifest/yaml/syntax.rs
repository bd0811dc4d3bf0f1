//! The parser's errors in words that say what to do.

use granit_parser::ErrorKind;

use super::limits::Limits;
use super::problem::ProblemKind;

/// What an error of the parser at `at` means to the person who wrote `text`.
pub(super) fn describe(kind: &ErrorKind, text: &str, at: usize, limits: &Limits) -> ProblemKind {
    let reason = match kind {
        ErrorKind::RecursionLimitExceeded => return ProblemKind::Depth { limit: limits.depth },
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => return ProblemKind::Tab,
        ErrorKind::InvalidBlockEntryWhitespace | ErrorKind::InvalidMappingValueWhitespace if has_tab(text, at) => {
            return ProblemKind::Tab;
        }
        ErrorKind::UnexpectedCharacter { character: '\t' } => return ProblemKind::Tab,
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::MappingValueNotAllowed
            if is_indented_by_tab(text, at) =>
        {
            return ProblemKind::Tab;
        }
        ErrorKind::UnknownQuotedScalarEscape => "YAML does not know this escape; write the character itself".to_owned(),
        ErrorKind::MissingLowSurrogate | ErrorKind::UnpairedLowSurrogate | ErrorKind::InvalidLowSurrogate => {
            return ProblemKind::Escape;
        }
        ErrorKind::InvalidColonPlacement => return ProblemKind::KeyLines,
        ErrorKind::UnsupportedYamlMajorVersion => return ProblemKind::Directive,
        ErrorKind::MappingValueNotAllowed => {
            "a mapping cannot start here; check the indentation, and quote a text that has ': ' in it".to_owned()
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a key needs a colon and a blank behind it on its own line; check the indentation".to_owned()
        }
        ErrorKind::ExpectedBlockMappingKey => {
            "a key is expected here; check the indentation, and quote a text that continues behind its quotes"
                .to_owned()
        }
        ErrorKind::ExpectedBlockSequenceEntry => "a list's item, which starts with '- ', is expected here".to_owned(),
        ErrorKind::InvalidIndentation => "the indentation fits no collection above; align it with one".to_owned(),
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("this {open} is never closed"),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => format!("{close} cannot close {open}"),
        ErrorKind::UnexpectedCharacter { character } => {
            format!("a text cannot start with {character}; put it in quotes")
        }
        ErrorKind::CommentNotSeparated => "a comment needs a blank before its #".to_owned(),
        ErrorKind::ExpectedDocumentStart => "a document separator --- is expected here".to_owned(),
        other => other.to_string(),
    };
    ProblemKind::Syntax(reason)
}

/// The line from the error on, up to its first character that is no blank, has a tab.
fn has_tab(text: &str, at: usize) -> bool {
    let blanks = |character: &char| matches!(character, ' ' | '\t' | '-' | '?' | ':');
    text[at..].chars().take_while(blanks).any(|character| character == '\t')
}

/// The line of the error has a tab before its first character that is no blank.
fn is_indented_by_tab(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |line_feed| line_feed + 1);
    text[line..].chars().take_while(|character| matches!(character, ' ' | '\t')).any(|character| character == '\t')
}

/// Where the error is shown: for a tab at the tab, for the end of the text at the last character before it.
pub(super) fn place(text: &str, at: usize, kind: &ProblemKind) -> usize {
    if *kind == ProblemKind::Tab && !text[at..].starts_with('\t') {
        let line = text[..at].rfind('\n').map_or(0, |line_feed| line_feed + 1);
        let end = text[at..].find('\n').map_or(text.len(), |line_feed| at + line_feed);
        return text[line..end].find('\t').map_or(at, |tab| line + tab);
    }
    if text[at..].trim_start().is_empty() {
        return text.trim_end().char_indices().next_back().map_or(at, |(last, _)| last);
    }
    at
}
