//! What the API server refuses after decoding (`pkg/apis/*/validation`), as far as rules and simulation rely on it.
//!
//! - `object`: which checks an object gets
//! - `at`, `verdict`: where a check stands, and what it reports
//! - `labels`: labels, annotations, selectors
//! - `amount`: numbers, percentages
//! - `workload`, `batch`: what makes pods
//! - `pod`, `container`, `resources`, `scheduling`: pods and their templates
//! - `declared`: annotations of quorate's own
//! - `webhook`: admission webhooks
//! - `service`, `storage`, `policy`: the others

mod amount;
mod at;
mod batch;
mod container;
mod declared;
mod labels;
mod object;
mod pod;
mod policy;
mod resources;
mod scheduling;
mod service;
mod storage;
mod verdict;
mod webhook;
mod workload;

#[cfg(test)]
mod tests;

pub(super) use at::At;
pub use declared::{EXIT_CODE_ANNOTATION, RUN_SECONDS_ANNOTATION};
pub(super) use labels::{key_problem, value_problem};
pub(super) use object::validate;
pub(super) use verdict::Verdict;
