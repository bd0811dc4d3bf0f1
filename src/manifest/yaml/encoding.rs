//! Bytes to text, as kubectl's file reader does it: UTF-8, or what a byte order mark says.

use std::borrow::Cow;

/// A text and the places in it that no text stood at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'bytes> {
    /// The text, without the first byte order mark. What could not be read is U+FFFD.
    pub text: Cow<'bytes, str>,
    /// Byte offsets in `text` of each U+FFFD that replaces unreadable bytes, ascending.
    pub unreadable: Vec<u32>,
}

/// Reads `bytes`. kubectl replaces what is not UTF-8 without a word; here its places are kept so that it can be
/// reported.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf_8(rest),
        _ => utf_8(bytes),
    }
}

fn utf_8(bytes: &[u8]) -> Decoded<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded { text: Cow::Borrowed(text), unreadable: Vec::new() };
    }
    let mut text = String::with_capacity(bytes.len());
    let mut unreadable = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replace(&mut text, &mut unreadable);
        }
    }
    Decoded { text: Cow::Owned(text), unreadable }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded<'static> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    let mut unreadable = Vec::new();
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => replace(&mut text, &mut unreadable),
        }
    }
    if !rest.is_empty() {
        replace(&mut text, &mut unreadable);
    }
    Decoded { text: Cow::Owned(text), unreadable }
}

fn replace(text: &mut String, unreadable: &mut Vec<u32>) {
    unreadable.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
    text.push(char::REPLACEMENT_CHARACTER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_byte_order_mark_says() {
        assert_eq!(decode(b"\xEF\xBB\xBFa: \xC3\xA4").text, "a: ä");
        assert_eq!(decode(b"\xFF\xFEa\0:\0 \x001\0").text, "a: 1");
        assert_eq!(decode(b"\xFE\xFF\0a\0:\0 \x001").text, "a: 1");
    }

    #[test]
    fn keeps_the_place_of_what_is_no_text() {
        let decoded = decode(b"a: \xFF\nb: \xC3(");
        assert_eq!(decoded.text, "a: \u{FFFD}\nb: \u{FFFD}(");
        assert_eq!(decoded.unreadable, [3, 10]);
        assert_eq!(decode(b"\xFF\xFEa\0\x00\xD8b").unreadable, [1, 4]);
    }
}
