//! Reports over crafted findings.
//!
//! | file | what |
//! | --- | --- |
//! | `crafted.rs` | sources and findings |
//! | `places.rs` | findings in every kind of place, secrets, hostile text, long lines |
//! | `human.rs` | what people see |
//! | `machine.rs` | JSON, SARIF and GitHub, against their schemas |
//! | `hostile.rs` | any text with any spans, in any format |

mod crafted;
mod hostile;
mod human;
mod machine;
mod places;
