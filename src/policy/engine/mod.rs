//! Rego, by regorus.
//!
//! - `value`: JSON and manifest trees as Rego values, Secrets without their values
//! - `inventory`: `data.inventory`
//! - `program`: modules that are compiled together, and the rules in them
//! - `evaluator`: a rule made ready to look at many objects
//! - `outcome`: what a rule may yield, and the finding it becomes
//! - `testing`: `test_…` rules

mod evaluator;
mod inventory;
mod outcome;
mod program;
mod testing;
mod value;

pub(super) use evaluator::{Code, Engine, Evaluator, Prepared};
pub(super) use inventory::InventoryData;
pub(super) use outcome::{Fixed, Reviewed, Surroundings};
pub use program::RegoRule;
pub use program::RegoVersion;
pub(super) use program::{Failure, Program, RegoFile, RuleSource};
pub(super) use testing::run;
pub use testing::{TestOutcome, TestReport, TestResult};
pub(super) use value::from_json;

#[cfg(test)]
pub(super) mod tests_support;
