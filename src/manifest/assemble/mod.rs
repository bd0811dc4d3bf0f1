//! From documents to objects: what every document names, is, and lacks.
//!
//! - `assembly`: all documents of one configuration, in parallel, results in order
//! - `list`: takes lists apart
//! - `header`: `apiVersion`, `kind` and `metadata`: what an object is called
//! - `name`: the syntax of names
//! - `duplicate`: the same object twice
//! - `placeholder`: values that are replaced before they are applied
//! - `report`: findings with a place in an object
//! - `secret`: the places of Secret values, which no report may show

mod assembly;
mod duplicate;
mod header;
mod list;
mod name;
mod placeholder;
pub(super) mod report;
mod secret;

#[cfg(test)]
mod tests;

pub use assembly::{Assembled, DecodeOptions, assemble};
