//! Proof files of quorate, and the checker that knows nothing but the input and the proof.
//!
//! | module | what |
//! | --- | --- |
//! | [`cluster`] | the canonical cluster that a claim is about, and its digest |
//! | [`claim`] | what is claimed: so many pods available, whatever fails, wherever pods may be |
//! | [`evidence`] | proof files: a claim and why it holds or does not |
//! | [`input`] | nodes and pods as plain text |
//! | [`no_placement`] | the claim "this pod fits on no node", with one refutation for each node |
//! | [`check`] | the checker of that claim |
//! | [`checker`] | the checker of proof files |
//! | [`scores`] | what the checker has to be told: the scheduler's scores |
//! | [`rejection`] | why a proof is rejected |
//!
//! This crate depends on neither the simulator nor the scheduler: it has its own reading of Kubernetes' hard
//! constraints, so that a mistake there cannot confirm itself here. Whatever the checker does not understand it rejects.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic))]

pub mod check;
pub mod checker;
pub mod claim;
pub mod cluster;
pub mod evidence;
pub mod input;
pub mod no_placement;
pub mod rejection;
mod rules;
pub mod scores;

pub use check::check;
pub use checker::Checker;
pub use no_placement::{NoPlacement, Refutation};
pub use rejection::Rejection;
