//! Workflow commands of GitHub Actions: an annotation on the line of the pull request.
//!
//! The escapes are those of `@actions/core` (`packages/core/src/command.ts`): `%`, CR and LF everywhere, `:` and `,` in
//! properties.

use std::io;

use crate::finding::{Finding, Severity};
use crate::manifest::SourceMap;

use super::check_report::CheckReport;
use super::location::Location;
use super::printable;
use super::prose;
use super::terminal_style::Characters;

/// One line for each finding that is not waived.
pub(super) fn write(report: &CheckReport<'_>, findings: &[Finding], out: &mut dyn io::Write) -> io::Result<()> {
    for finding in findings.iter().filter(|finding| finding.waived.is_none()) {
        out.write_all(command(finding, report.sources).as_bytes())?;
    }
    Ok(())
}

fn command(finding: &Finding, sources: &SourceMap) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let location = finding.place.map(|place| Location::of(place, sources));
    let mut properties = Vec::new();
    if let Some(location) = &location {
        // Standard input is no file that GitHub could show.
        if location.file != "-" {
            let file = location.nearest_file();
            let file = file.strip_prefix("./").unwrap_or(file);
            properties.push(format!("file={}", property(file)));
            if !location.rendered {
                positions(location, &mut properties);
            }
        }
    }
    properties.push(format!("title={}", property(&finding.rule)));
    format!("::{name} {}::{}\n", properties.join(","), data(&prose::message(finding, location.as_ref())))
}

/// GitHub takes columns only for places within one line.
fn positions(location: &Location, properties: &mut Vec<String>) {
    properties.push(format!("line={}", location.start_line));
    properties.push(format!("endLine={}", location.end_line));
    if location.start_line == location.end_line {
        properties.push(format!("col={}", location.start_column));
        properties.push(format!("endColumn={}", location.end_column));
    }
}

/// What stands behind `::`. Of control characters only line breaks stay: the log is shown on terminals too.
fn data(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            '\t' => escaped.push(' '),
            other => match printable::replacement(other, Characters::Unicode) {
                Some(replacement) => escaped.push_str(&replacement),
                None => escaped.push(other),
            },
        }
    }
    escaped
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(property("a,b:c%\r\n::error::x"), "a%2Cb%3Ac%25%0D%0A%3A%3Aerror%3A%3Ax");
        assert_eq!(data("50% ,:\n::error::x\u{1b}["), "50%25 ,:%0A::error::x␛[");
    }
}
