//! A finding as plain text, for formats that carry one message.

use std::fmt::Write as _;

use crate::finding::Finding;

use super::location::Location;
use super::printable::unfolded;

/// The message, and on lines below it why, then, the ways out and the help.
pub(super) fn message(finding: &Finding, location: Option<&Location>) -> String {
    let mut message = finding.message.clone();
    // Writing to a string cannot fail.
    if let Some(object) = finding.object.as_ref().filter(|object| !finding.message.contains(&*object.name)) {
        let _ = write!(message, " ({object})");
    }
    if let Some(rendered) = location.filter(|location| location.rendered) {
        let _ = write!(message, "\nline {} of what {} renders to", rendered.start_line, rendered.file);
    }
    if let Some(why) = &finding.why {
        let _ = write!(message, "\nwhy: {why}");
    }
    if !finding.then.is_empty() {
        let _ = write!(message, "\nthen: {}", finding.then.join("; "));
    }
    for mend in &finding.mends {
        let price = mend.price.as_ref().map(|price| format!(" ({price})")).unwrap_or_default();
        let _ = write!(message, "\nmend: {}{price}", mend.change);
    }
    if let Some(help) = &finding.help {
        let _ = write!(message, "\nhelp: {}", unfolded(help));
    }
    message
}
