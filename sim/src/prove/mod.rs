//! Proofs of what the simulation says, in the words of [`quorate_proof`].
//!
//! | file | what |
//! | --- | --- |
//! | `no_placement.rs` | "this pod fits on no node", one fact a node |
//! | `canonical.rs` | a cluster as the canonical input of a proof |

mod canonical;
mod no_placement;

pub use no_placement::{Unproved, no_placement};
