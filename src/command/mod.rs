//! The commands: one file each; what they share stands beside them.
//!
//! | file | what |
//! | --- | --- |
//! | `arguments.rs`, `node_argument.rs` | the command line |
//! | `run.rs` | a command line becomes an exit status |
//! | `check.rs`, `schedule/`, `simulate/`, `prove/`, `explain.rs`, `init.rs`, `policy.rs` | the commands |
//! | `input.rs`, `environment_file.rs`, `one_cluster.rs` | what they read |
//! | `output.rs`, `progress.rs` | what they write |
//! | `error.rs`, `exit_status.rs` | how they end |

mod arguments;
mod check;
mod environment_file;
mod error;
mod exit_status;
mod explain;
mod init;
mod input;
mod node_argument;
mod one_cluster;
mod output;
mod policy;
mod progress;
mod prove;
mod run;
mod schedule;
mod scheduler_file;
mod simulate;

pub use arguments::Arguments;
pub use error::CommandError;
pub use exit_status::ExitStatus;
pub use node_argument::{NodesArgument, NodesArgumentError};
pub use run::run;
