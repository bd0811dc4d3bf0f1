//! Findings that are accepted for a time, with a reason and an owner.
//!
//! A waiver stands in quorate.yaml (`waivers`), or as an annotation on the object itself (see `annotation`). It holds
//! through the day of its expiry. One that is over does not hold and is a finding (`waiver-expired`), and so is one that
//! nothing matches (`waiver-unused`) and one that is incomplete (`waiver-invalid`): a waiver that nobody needs or that
//! cannot hold must not look as if it protected something.
//!
//! Findings about the run itself (`unreadable-document`, `policy-error`) and about waivers cannot be waived.

mod acceptance;
mod annotation;

#[cfg(test)]
mod tests;

pub use acceptance::{Waiver, WaiverTarget, apply};
pub use annotation::from_annotations;
