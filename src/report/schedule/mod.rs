//! The report of a placement: where a pod can go, and why not elsewhere.
//!
//! | file | what |
//! | --- | --- |
//! | `document.rs` | what it is made from, and the way into every format |
//! | `json.rs` | for programs: `fixtures/schemas/schedule.schema.json` |
//! | `answer.rs` | for people: the answer in one line, the table, what is excluded |
//! | `score_table.rs` | nodes by score |
//! | `node_list.rs` | names of many nodes in little room |

mod answer;
mod document;
mod json;
mod node_list;
mod score_table;

#[cfg(test)]
mod tests;

pub use document::{
    Decision, ExcludedNodes, NodeVerdict, PlacedFirst, PreFilterVerdict, PreemptionSummary, RefusedPod, ScheduleAnswer,
    ScheduleDocument, SchedulePlacement, VictimsSummary, write_schedule, write_schedule_line,
};
