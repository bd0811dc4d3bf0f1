//! Decoding of a tree into a typed value, with every problem found in one pass.
//!
//! - `deserializer`: the serde deserializer over a node, and how it recovers
//! - `access`: the entries of mappings, the items of sequences, variants
//! - `link`: where the deserializer stands, and what it has found so far
//! - `failure`: serde's error, which never leaves this module
//! - `problem`: what was found, and its finding
//! - `shape`: the fields a type has, read from its own deserializer
//! - `suggestion`: the field that was probably meant
//! - `quantity`: the grammar of quantities
//! - `timestamp`: the grammar of times

mod access;
mod deserializer;
mod failure;
mod link;
mod problem;
mod quantity;
mod shape;
mod suggestion;
mod timestamp;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use deserializer::{decode, decode_kubernetes};
pub use problem::{DecodeProblem, DecodeProblemKind};
pub use quantity::{ParsedQuantity, QuantityError, parse_quantity};
pub use suggestion::{Suggestion, nearest};
