//! The checker of proof files: its own reading of Kubernetes' rules, over nothing but the cluster and the file.
//!
//! | module | what |
//! | --- | --- |
//! | `verify` | [`Checker`]: a cluster made ready, and what a proof file has to pass |
//! | `validate` | what a cluster has to be |
//! | `index`, `node_set`, `topology` | nodes, shapes and workloads by number; which nodes a shape may run on; domains |
//! | `selection` | which shapes a selector matches |
//! | `fixed` | pods that are there first, and the room that they leave |
//! | `existing` | pods that are there now |
//! | `crowd` | how many pods of each workload there can be |
//! | `question` | what a claim is about |
//! | `disruption` | failures in which Kubernetes stops to evict |
//! | `counting` | evidence `counting` |
//! | `placed`, `limits`, `lost`, `share` | evidence `bound` |
//! | `progress` | evidence `progress` |
//! | `opb` | counting arguments for VeriPB |
//! | `board`, `counters` | pods on nodes, and where one more fits |
//! | `outcome`, `rest`, `witness` | evidence `witness` |
//! | `followed`, `search` | evidence `search` |

mod board;
mod counters;
mod counting;
mod crowd;
mod disruption;
mod existing;
mod fixed;
mod followed;
mod index;
mod limits;
mod lost;
mod node_set;
mod opb;
mod outcome;
mod placed;
mod progress;
mod question;
mod rest;
mod search;
mod selection;
mod share;
mod topology;
mod validate;
mod verify;
mod witness;

pub use opb::{Constraint, Export, Formula, Keeps, Limits, Meaning, Unexported};
pub use verify::Checker;
