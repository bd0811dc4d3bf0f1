//! Pod affinity and anti-affinity.
//!
//! | file | what |
//! | --- | --- |
//! | `term.rs` | whether a term matches a pod |
//! | `filter.rs` | required terms, in both directions |
//! | `score.rs` | preferred terms, in both directions |

mod filter;
mod score;
mod term;

pub(crate) use filter::{State, filter, pre_filter};
pub(crate) use score::{normalize, score, scores, terms_of_placed};
pub(crate) use term::{IncomingTerm, placed_term_matches};
