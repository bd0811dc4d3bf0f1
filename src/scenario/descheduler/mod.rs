//! The descheduler's own policy (`descheduler/v1alpha2`), read strictly: what is in it and not modelled is an error.
//!
//! | file | what |
//! | --- | --- |
//! | `file.rs` | its types, as written |
//! | `read.rs` | the policy and its profiles |
//! | `evictor.rs` | the arguments of `DefaultEvictor` |
//! | `plugin.rs` | the arguments of the plugins |
//! | `selector.rs` | selectors: of labels, and of nodes as text |

mod evictor;
mod file;
mod plugin;
mod read;
mod selector;

pub(super) use read::read;
