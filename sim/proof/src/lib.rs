//! Proof files of quorate, and the checker that knows nothing but the input and the proof.
//!
//! | module | what |
//! | --- | --- |
//! | [`input`] | the canonical input: nodes, placed pods, and the pod in question, as plain text |
//! | [`no_placement`] | the claim "this pod fits on no node", with one refutation for each node |
//! | [`check`] | the checker |
//!
//! This crate depends on neither the simulator nor the scheduler: it has its own reading of Kubernetes' hard
//! constraints, so that a mistake there cannot confirm itself here. Whatever the checker does not understand it rejects.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic))]

pub mod check;
pub mod input;
pub mod no_placement;

pub use check::{Rejection, check};
pub use no_placement::{NoPlacement, Refutation};
