//! The texts of the rules that are not written in Rego: those of the simulation, the loader and the policy engine.
//!
//! | file | what |
//! | --- | --- |
//! | `RULE.md` | a rule's text |
//! | `texts.rs` | the table of the texts |

mod texts;

pub(in crate::policy) use texts::rules;
