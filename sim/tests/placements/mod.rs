//! Every legal placement of small clusters, one after the other: what proofs about placements are compared with.
//!
//! Nothing here knows of proofs. Where a pod may go is asked of the scheduler's own filters, and whom it preempts (see
//! [`enumerate::Victims`]) of its preemption, so that what a proof says of a cluster can be held against what Kubernetes could do.
//!
//! | file | what |
//! | --- | --- |
//! | `generate.rs` | random small clusters, each with a claim, by seed |
//! | `wishes.rs` | random workloads, DaemonSets and budgets of such a cluster |
//! | `ground.rs` | a cluster prepared: its nodes, pods that are alike, its state after a loss |
//! | `moves.rs` | what can happen next: a pod is placed, a pod preempts others |
//! | `enumerate.rs` | every placement that moves lead to, and the worst of them |
//! | `play.rs` | the same cluster played by the simulation |
//! | `show.rs` | a case as a reader wants to see it |
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod enumerate;
pub(crate) mod generate;
pub(crate) mod ground;
pub(crate) mod moves;
pub(crate) mod play;
mod show;
mod wishes;
