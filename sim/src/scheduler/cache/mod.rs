//! A cluster kept ready for placing many pods, one after the other: the same answers as
//! [`schedule_candidate`](super::schedule_candidate), counted on instead of counted anew.
//!
//! Pods that the scheduler cannot tell apart are one *class*: the same specification, namespace, default spread selector, and
//! the same values of those labels that any selector asks for. For each class that is to be placed there is a *view*: what every
//! node is worth to it, and how many pods each domain holds that matter to it. A pod that comes, goes or terminates changes one
//! node and the few counters that its class has a *relation* to; a decision walks over plain numbers.
//!
//! | file | what |
//! | --- | --- |
//! | `keeping.rs` | the cache and how it follows the changes of a state |
//! | `class.rs` | which pods are alike |
//! | `slot.rs` | what a node holds |
//! | `topology.rs` | the domains of each topology key |
//! | `relation.rs` | what a placed pod of one class means to a pod of another that is to be placed |
//! | `spread.rs`, `affinity.rs` | the counters of a view |
//! | `view.rs` | a class's view of the cluster |
//! | `nominated.rs` | pods that preemption has made room for |
//! | `question.rs` | one pod, and whether it fits on one node |
//! | `decision.rs` | one decision: the nodes that are examined, and the best of them |
//! | `sampling.rs` | in which order nodes are examined, and how many |
//!
//! Why a pod fits nowhere is not answered here: ask [`schedule`](super::schedule). Source of the idea:
//! `pkg/scheduler/backend/cache`, whose snapshot is updated the same way, though its plugins count anew in each cycle.

mod affinity;
mod class;
mod decision;
mod keeping;
mod nominated;
mod question;
mod relation;
mod sampling;
mod slot;
mod spread;
mod topology;
mod view;

pub use keeping::{Cache, Followed};
pub use sampling::Sampling;
pub(crate) use sampling::node_order;
