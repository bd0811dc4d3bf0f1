//! Quorate: will this cluster still keep its promises?

pub mod finding;
pub mod manifest;
pub mod policy;
