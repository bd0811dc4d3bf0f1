//! Characters that YAML forbids, and those that YAML 1.1 takes for line breaks.

use std::collections::VecDeque;

/// What stands in a text that is no ordinary character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unusual {
    /// Byte offset of the first character that YAML forbids.
    pub forbidden: Option<usize>,
    /// Byte offsets of U+0085, U+2028 and U+2029, ascending.
    pub line_separators: VecDeque<usize>,
    /// Whether there is a tab.
    pub tabs: Tabs,
}

/// Whether a text has tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tabs {
    /// It has none.
    #[default]
    None,
    /// It has at least one.
    Some,
}

/// Looks through `text` once. Allowed are tab, line feed, carriage return, U+0020 to U+007E, U+0085, U+00A0 to U+D7FF,
/// U+E000 to U+FFFD and everything above the basic plane (go-yaml's `readerc.go`). A byte order mark
/// at the start of a line is counted among the forbidden ones.
pub(super) fn inspect(text: &str) -> Unusual {
    let bytes = text.as_bytes();
    let mut unusual = Unusual::default();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' | b'\r' | b' '..=b'~' => {}
            b'\t' => unusual.tabs = Tabs::Some,
            0x00..=0x1F | 0x7F => return Unusual { forbidden: Some(at), ..unusual },
            0xC2 => match bytes.get(at + 1) {
                Some(0x85) => unusual.line_separators.push_back(at),
                Some(0x80..0xA0) => return Unusual { forbidden: Some(at), ..unusual },
                Some(_) | None => {}
            },
            0xE2 if matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9])) => {
                unusual.line_separators.push_back(at)
            }
            // A byte order mark at the start of a line is skipped, or becomes an invisible part of a key.
            0xEF if at > 0
                && bytes.get(at + 1..at + 3) == Some(&[0xBB, 0xBF])
                && (matches!(bytes.get(at - 1), Some(b'\n' | b'\r'))
                    || bytes.get(..at) == Some("\u{feff}".as_bytes())) =>
            {
                return Unusual { forbidden: Some(at), ..unusual };
            }
            0xEF if matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => {
                return Unusual { forbidden: Some(at), ..unusual };
            }
            0x80..=0xFF => {}
        }
    }
    unusual
}

/// The character at a byte offset, as its number.
pub(super) fn code_point(text: &str, at: usize) -> u32 {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_yaml_forbids() {
        for (text, forbidden) in [
            ("a\0", Some(1)),
            ("ä\u{7F}", Some(2)),
            ("\u{80}", Some(0)),
            ("x\u{FFFF}", Some(1)),
            ("ä€\u{FFFD}😀\t", None),
        ] {
            assert_eq!(inspect(text).forbidden, forbidden, "{text:?}");
        }
        assert_eq!(inspect("a\u{85}b\u{2028}").line_separators, [1, 4]);
    }
}
