//! The report of `quorate prove`.
//!
//! | file | what |
//! | --- | --- |
//! | `document.rs` | what it is made from, and the way into every format |
//! | `json.rs` | for programs: `fixtures/schemas/prove.schema.json` |
//! | `table.rs` | for people: a table for each guarantee, and what breaks it below |
//! | `mends.rs` | for people: repairs |
//! | `words.rs` | claims, failures and witnesses as sentences |

mod document;
mod json;
mod mends;
mod table;
pub mod words;

pub use document::{
    AtPlacement, GuaranteeReport, GuaranteeSubject, NoPromise, PhaseWord, Promiser, ProofDocument, Repair, Repairs,
    Replayable, VerdictWord, WitnessReport, write_proof,
};
