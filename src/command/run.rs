//! A command line becomes an exit status.

use std::io::Write;

use super::arguments::{Arguments, Command};
use super::exit_status::ExitStatus;
use super::{check, explain, init, policy, prove, schedule, simulate};

/// Runs the command. What cannot be done is said on standard error.
#[must_use]
pub fn run(arguments: Arguments) -> ExitStatus {
    let result = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Schedule(arguments) => schedule::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::VerifyProof(arguments) => prove::verify(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Policy(command) => policy::run(&command),
        Command::Explain(arguments) => explain::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        // Standard error may be closed; there is nobody to tell then.
        let _ = writeln!(std::io::stderr(), "error: {error}");
        error.exit_status()
    })
}
