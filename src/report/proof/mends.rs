//! Repairs as lines.

use std::borrow::Cow;

use super::document::{Repair, Repairs, VerdictWord};
use crate::report::printable::count;

/// So many are shown.
const SHOWN: usize = 3;

/// A repair.
pub(super) struct Row<'a> {
    pub(super) key: String,
    pub(super) change: &'a str,
    pub(super) price: Cow<'a, str>,
}

/// The repairs that are shown.
pub(super) fn rows(repairs: &Repairs) -> Vec<Row<'_>> {
    let shown = repairs.found.iter().take(SHOWN);
    shown.map(|own| Row { key: format!("mend {}", own.number), change: &own.change, price: price(own) }).collect()
}

/// The price, and whether a part of it is played only: then nobody has proved that rollouts and drains always end.
fn price(repair: &Repair) -> Cow<'_, str> {
    match repair.reproved.iter().all(|own| own.verdict == VerdictWord::Proved) {
        true => Cow::Borrowed(&repair.price),
        false => Cow::Owned(format!("{}; that rollouts and drains end is played, not proved", repair.price)),
    }
}

/// How many changes were tried, and what came of it; `None` where none was.
pub(super) fn tried(repairs: &Repairs) -> Option<String> {
    if repairs.tried == 0 {
        return None;
    }
    let tried = count(repairs.tried, "change", "changes");
    let write = "--write N makes the one with number N";
    Some(match (repairs.found.len(), repairs.found.len().saturating_sub(SHOWN)) {
        (0, _) => format!("{tried}; with none of them it is proved to hold"),
        (1, _) => format!("{tried}; this one holds; {write}"),
        (_, 0) => format!("{tried}; these hold; {write}"),
        (_, more) => format!("{tried}; these and {more} more hold (-o json has all); {write}"),
    })
}
