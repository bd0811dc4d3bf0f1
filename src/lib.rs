//! Quorate: will this cluster still keep its promises?

pub mod environment;
pub mod finding;
pub mod manifest;
pub mod model;
pub mod report;
pub mod scenario;
