//! The loader on documents that were changed at random: it never panics, its places are right, and a broken document
//! hides no other.

#[path = "../fuzz/src/invariants.rs"]
mod invariants;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: good\n";

/// The texts of the recorded cases that are not huge.
fn seeds() -> Vec<Vec<u8>> {
    ["yaml.jsonl", "split.jsonl"]
        .iter()
        .flat_map(|file| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/1.36.3").join(file);
            let lines = std::fs::read_to_string(path).unwrap_or_default();
            lines.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter_map(|line| {
            // Only the text is wanted; a number in the answers may be beyond what can be read.
            let text = line.split_once("\"text\":")?.1;
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
            values.next()?.ok()
        })
        .filter(|text| text.len() < 4000)
        .map(String::into_bytes)
        .collect()
}

#[derive(Clone, Debug)]
enum Change {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Splice(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = prop::sample::select(vec![
        "\n",
        " ",
        "\t",
        "  ",
        ": ",
        "- ",
        "? ",
        "---\n",
        "...\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "<<: *a",
        "!!int ",
        "!!binary ",
        "#",
        "%YAML 1.1\n",
        "\u{feff}",
        "\u{2028}",
        "é",
        "😀",
        "\0",
        "\r\n",
        "\\u",
        "\\/",
        "0x",
        "~",
    ]);
    prop_oneof![
        (any::<Index>(), pieces).prop_map(|(at, piece)| Change::Insert(at, piece.as_bytes().to_vec())),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), 1..30_usize, 2..20_usize).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, from)| Change::Splice(at, from)),
    ]
}

fn changed(mut text: Vec<u8>, changes: Vec<Change>, seeds: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        let place = |index: &Index, text: &[u8]| index.index(text.len() + 1);
        match change {
            Change::Insert(at, bytes) => {
                let at = place(&at, &text);
                text.splice(at..at, bytes);
            }
            Change::Remove(at, length) => {
                let at = place(&at, &text);
                text.drain(at..(at + length).min(text.len()));
            }
            Change::Repeat(at, length, times) => {
                let at = place(&at, &text);
                let piece = text[at..(at + length).min(text.len())].repeat(times);
                text.splice(at..at, piece);
            }
            Change::Splice(at, from) => {
                let at = place(&at, &text);
                text.splice(at..at, from.get(seeds).clone());
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn changed_documents_keep_the_invariants(seed in any::<Index>(), changes in prop::collection::vec(change(), 0..6)) {
        let seeds = seeds_once();
        let bytes = changed(seed.get(seeds).clone(), changes, seeds);
        let first = invariants::check(&bytes);
        prop_assert_eq!(first, invariants::check(&bytes));
    }

    #[test]
    fn a_changed_document_hides_no_other(seed in any::<Index>(), changes in prop::collection::vec(change(), 0..6)) {
        let seeds = seeds_once();
        let middle = changed(seed.get(seeds).clone(), changes, seeds);
        let bytes = [GOOD.as_bytes(), b"---\n", &middle, b"\n---\n", GOOD.as_bytes()].concat();
        let parsed = invariants::check(&bytes);
        let good = |document: Option<&quorate::manifest::yaml::Document>| {
            document.is_some_and(|document| document.root.to_json()["metadata"]["name"] == "good")
        };
        prop_assert!(good(parsed.documents.first()), "the first is hidden: {:?}", parsed.problems);
        prop_assert!(good(parsed.documents.last()), "the last is hidden: {:?}", parsed.problems);
        prop_assert!(parsed.documents.len() >= 2);
    }
}

fn seeds_once() -> &'static [Vec<u8>] {
    static SEEDS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    let seeds = SEEDS.get_or_init(seeds);
    assert!(seeds.len() > 1000, "the recorded cases are gone");
    seeds
}
