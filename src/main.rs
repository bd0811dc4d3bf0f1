//! The binary: a result becomes an exit status.

use std::io::Write;
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use quorate::command::{Arguments, ExitStatus, run};

/// A third of a run's time goes into small allocations (trees, values of policies).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes. What cannot be printed is nobody's loss.
            let _ = error.print();
            let status = if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Holds };
            return status.into();
        }
    };
    panic::catch_unwind(|| run(arguments))
        .unwrap_or_else(|_| {
            let _ = writeln!(
                std::io::stderr(),
                "error: this is a defect of quorate; please report it with the lines above"
            );
            ExitStatus::Defect
        })
        .into()
}
