//! All of it. The worst stands last, directly above the closing line: that is what a terminal shows when the run ends
//! and where the log of a failed build opens.

use std::io;

use crate::finding::{Finding, Severity};
use crate::report::check_report::{CheckReport, FindingCounts};
use crate::report::redaction::Redactor;
use crate::report::terminal_style::{Detail, TerminalStyle};

use super::grouping::{self, OfRule};
use super::page::Page;
use super::{closing, finding, listing};

/// Causes of one rule that are shown in full; the others are listed.
const CAUSES_IN_FULL: usize = 3;

/// Writes the report. The findings are sorted and without Secret values.
pub(in crate::report) fn write(
    report: &CheckReport<'_>,
    findings: &[Finding],
    redactor: &Redactor,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let page = Page::new(report.sources, report.rules, redactor, *style);
    let counts = FindingCounts::of(findings);
    let (waived, counted): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.waived.is_some());
    let of = |severity: Severity| {
        grouping::by_cause(counted.iter().copied().filter(move |finding| finding.severity == severity))
    };
    match style.detail {
        Detail::Quiet => {}
        Detail::Normal | Detail::Verbose => {
            let notes = of(Severity::Info);
            if style.detail == Detail::Verbose {
                for rule in &notes {
                    write_rule(rule, &page, out)?;
                }
            } else {
                block(out, &listing::notes(&notes, &page))?;
            }
            block(out, &listing::waived(&waived, &page))?;
            block(out, &listing::not_evaluated(report.not_evaluated, &page))?;
            for severity in [Severity::Warning, Severity::Error] {
                for rule in of(severity) {
                    write_rule(&rule, &page, out)?;
                }
            }
        }
    }
    out.write_all(closing::draw(report, &counts, &page).as_bytes())
}

fn write_rule(rule: &OfRule<'_>, page: &Page<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let in_full = match page.style.detail {
        Detail::Verbose => rule.causes.len(),
        // Nobody gains from a list of one.
        Detail::Quiet | Detail::Normal if rule.causes.len() == CAUSES_IN_FULL + 1 => CAUSES_IN_FULL + 1,
        Detail::Quiet | Detail::Normal => CAUSES_IN_FULL.min(rule.causes.len()),
    };
    let (full, further) = rule.causes.split_at(in_full);
    // One help is enough for all causes of a rule.
    let mut helped: Option<&str> = None;
    for cause in full {
        let help = cause.shown.help.as_deref().filter(|help| helped != Some(*help));
        helped = help.or(helped);
        let mut drawn = finding::draw(cause.shown, help, page);
        drawn.push_str(&listing::others(cause.shown, &cause.others, page));
        block(out, &drawn)?;
    }
    let further: Vec<&Finding> =
        further.iter().flat_map(|cause| std::iter::once(cause.shown).chain(cause.others.iter().copied())).collect();
    block(out, &listing::further(&further, page))
}

/// A part of the report, and an empty line behind it.
fn block(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}
