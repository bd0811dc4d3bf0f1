//! Policies: the rules, what they say about a set of objects, and what is accepted all the same.
//!
//! - [`PolicySet`]: the rules of one run, built in and from the user's directories; evaluates them and runs their tests
//! - `registry`: what is known of a rule: [`Rule`]
//! - `metadata`: the METADATA comments of Rego files
//! - `library`: the Rego files in `policies/` and their fixtures, embedded
//! - `documentation`: the texts of rules that are not written in Rego
//! - `engine`: Rego: values, the inventory as `data`, evaluation, results as findings, tests
//! - `configuration`: parameters, severities and the selection of rules
//! - [`simulation`]: rules backed by simulation
//! - `waiver`: findings that are accepted for a time
//! - `explain`: a rule's documentation for the terminal and for `docs/rules.md`
//!
//! Invariants: a rule that fails is an error finding, never a pass; the value of a Secret never reaches a policy; the
//! same inputs give the same findings in the same order.

mod configuration;
mod documentation;
mod engine;
mod error;
mod evaluation;
mod explain;
mod library;
mod metadata;
mod registry;
mod set;
pub mod simulation;
mod waiver;

pub use configuration::{Configuration, SeverityChoice};
pub use engine::{RegoRule, RegoVersion, TestOutcome, TestReport, TestResult};
pub use error::PolicyError;
pub use evaluation::{Evaluation, FactDocument, Facts};
pub use explain::{Explanation, RuleRow, documentation_page, explain, table};
pub use metadata::{Parameter, RelatedResource};
pub use registry::{Examples, KindSelector, Need, NeedSyntax, Rule, RuleEngine};
pub use set::PolicySet;
pub use waiver::{Waiver, WaiverTarget, apply, from_annotations};
