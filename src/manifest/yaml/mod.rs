//! YAML and JSON texts as Kubernetes reads them, with a place for every value.
//!
//! | module | does |
//! | --- | --- |
//! | `encoding` | bytes to text: UTF-8, or what a byte order mark says |
//! | `stream` | cuts a stream into documents, as kubectl does |
//! | `compose`, `nodes` | a document's text to its tree, from the events of `granit-parser` |
//! | `frame`, `mapping`, `interner`, `expansion` | open collections, keys and merges, anchors and aliases |
//! | `scalar`, `number` | what an unquoted text means in go-yaml v2 |
//! | `go_yaml`, `characters` | what go-yaml v2 refuses and `granit-parser` accepts |
//! | `limits`, `problem`, `syntax` | what is too much, what is wrong, and how it is said |
//!
//! Time and memory are linear in the text and bounded by [`Limits`]; no input makes it panic.

mod characters;
mod compose;
mod encoding;
mod expansion;
mod frame;
mod go_yaml;
mod interner;
mod limits;
mod mapping;
mod nodes;
mod number;
#[cfg(test)]
mod oracle_tests;
mod parse;
mod problem;
mod scalar;
mod stream;
mod syntax;
#[cfg(test)]
mod tests;

pub use encoding::{Decoded, decode};
pub use limits::Limits;
pub use parse::{Document, Parsed, parse, parse_decoded, parse_document};
pub use problem::{Consequence, DUPLICATE_KEY, Likeness, Problem, ProblemKind, Shape, UNREADABLE_DOCUMENT};
