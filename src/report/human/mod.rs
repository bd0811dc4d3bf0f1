//! Human output.
//!
//! | file | what |
//! | --- | --- |
//! | `page.rs` | what every part needs: sources, style, the width for prose |
//! | `paint.rs` | colours |
//! | `quote.rs` | lines of a source, made fit for a terminal |
//! | `snippet.rs` | the frame around quoted lines and what is marked in them |
//! | `finding.rs` | one finding in full: header, snippets, why, then, mend, help |
//! | `grouping.rs` | which findings have one cause |
//! | `listing.rs` | findings in lists: of a known cause, requirements, waived; rules not evaluated |
//! | `closing.rs` | the last line |
//! | `whole.rs` | all of it, the worst nearest to the prompt |

mod closing;
mod finding;
mod grouping;
mod listing;
mod page;
mod paint;
mod quote;
mod snippet;
mod whole;

pub(super) use finding::draw as draw_finding;
pub(super) use page::{Page, WIDEST_PROSE, columns, wrap};
pub(super) use paint::Paint;
pub(super) use whole::write;
