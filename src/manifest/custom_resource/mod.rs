//! Objects of kinds that a CustomResourceDefinition among the inputs defines, checked as the API server checks them.
//!
//! - `definition`: the CustomResourceDefinitions among the inputs
//! - `schema`: a structural schema as JSON Schema
//! - `unknown`: fields that a structural schema does not have; the API server prunes or refuses them
//! - `check`: an object against the schema of its version

mod check;
mod definition;
mod schema;
mod unknown;

#[cfg(test)]
mod tests;

pub(super) use check::check;
pub use definition::{Definition, Definitions};
