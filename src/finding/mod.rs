//! The one type of result: what every check reports and every report renders.
//!
//! | file | what |
//! | --- | --- |
//! | `record.rs` | a finding, and a rule that could not be evaluated |
//! | `severity.rs` | how bad it is |
//! | `order.rs` | the one order in which findings appear |
//! | `fingerprint.rs` | what makes two findings the same from run to run |

mod fingerprint;
mod order;
mod record;
mod severity;

pub use fingerprint::{Fingerprint, fingerprint};
pub use order::sort;
pub use record::{Finding, Mend, NotEvaluated, Related, Waived};
pub use severity::Severity;
