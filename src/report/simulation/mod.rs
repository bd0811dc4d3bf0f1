//! The report of a simulation.
//!
//! | file | what |
//! | --- | --- |
//! | `document.rs` | what it is made from, and the way into every format |
//! | `explored_json.rs` | what `--explore` adds to that |
//! | `json.rs` | for programs: `fixtures/schemas/simulate.schema.json` |
//! | `explored_rows.rs` | what `--explore` adds below a step's row |
//! | `timeline.rs` | for people: a row for each step, and what went wrong below it |
//! | `step_rows.rs` | what a step's row and the lines below it say |

mod document;
mod explored_json;
mod explored_rows;
mod json;
mod step_rows;
mod timeline;

#[cfg(test)]
mod tests;

pub use document::{PlayOrder, SimulationDocument, write_simulation};
