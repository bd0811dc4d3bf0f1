//! The last line: what was read, what was found, what could not be evaluated and what would make it so, how long it
//! took.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::finding::{NotEvaluated, Severity};
use crate::report::check_report::{CheckReport, CheckSummary, FindingCounts};
use crate::report::printable::count;
use crate::report::terminal_style::Detail;

use super::page::Page;

/// One sentence, wrapped to the width; ends with `\n`.
pub(super) fn draw(report: &CheckReport<'_>, counts: &FindingCounts, page: &Page<'_>) -> String {
    let (verdict, painted) = verdict(counts, page);
    let mut tail = format!("in {}", read(report.summary));
    if let Some(unevaluated) = unevaluated(report.not_evaluated, page.style.detail) {
        let _ = write!(tail, "; {unevaluated}");
    }
    if let Some(elapsed) = report.summary.elapsed {
        let _ = write!(tail, " ({})", seconds(elapsed));
    }
    // Wrapped as plain text, then the verdict is painted: it always fits the first line or wraps where it would anyway.
    let plain = format!("{verdict} {}", page.line(&tail));
    let lines = page.wrapped(&plain, 0);
    let mut drawn = String::new();
    for (index, line) in lines.iter().enumerate() {
        match line.strip_prefix(&verdict).filter(|_| index == 0) {
            Some(rest) => {
                let _ = writeln!(drawn, "{painted}{rest}");
            }
            None => {
                let _ = writeln!(drawn, "{line}");
            }
        }
    }
    drawn
}

fn verdict(counts: &FindingCounts, page: &Page<'_>) -> (String, String) {
    let mut plain = Vec::new();
    let mut painted = Vec::new();
    let mut add = |text: String, severity: Option<Severity>| {
        painted.push(severity.map_or_else(|| text.clone(), |severity| page.paint.severity(&text, severity)));
        plain.push(text);
    };
    if counts.errors > 0 {
        add(count(counts.errors, "error", "errors"), Some(Severity::Error));
    }
    if counts.warnings > 0 {
        add(count(counts.warnings, "warning", "warnings"), Some(Severity::Warning));
    }
    if counts.infos > 0 {
        add(count(counts.infos, "note", "notes"), Some(Severity::Info));
    }
    if counts.waived > 0 {
        add(format!("{} waived", counts.waived), None);
    }
    if counts.errors == 0 && counts.warnings == 0 {
        let nothing = "nothing is wrong".to_owned();
        painted.insert(0, page.paint.good(&nothing));
        plain.insert(0, nothing);
    }
    (plain.join(", "), painted.join(", "))
}

/// `12 files (34 objects, 2 documents skipped), on 4 nodes`.
fn read(summary: &CheckSummary) -> String {
    let mut parts = vec![count(summary.objects, "object", "objects")];
    if summary.configurations > 1 {
        parts.push(count(summary.configurations, "configuration", "configurations"));
    }
    if summary.skipped > 0 {
        parts.push(count(summary.skipped, "document skipped", "documents skipped"));
    }
    if let Some(nodes) = summary.nodes {
        parts.push(count(nodes, "node", "nodes"));
    }
    let rules = count(summary.rules_evaluated, "rule", "rules");
    format!(
        "{} ({}) by {rules}, as Kubernetes {}",
        count(summary.files, "file", "files"),
        parts.join(", "),
        summary.kubernetes
    )
}

/// `7 rules had no nodes: give them as manifests of kind Node, as pools in quorate.yaml or with --nodes 3x4cpu,8Gi`.
fn unevaluated(rules: &[NotEvaluated], detail: Detail) -> Option<String> {
    let number = |rules: &BTreeSet<&str>| count(rules.len(), "rule", "rules");
    let without_nodes: BTreeSet<&str> =
        rules.iter().filter(|rule| rule.needs_nodes()).map(|rule| &*rule.rule).collect();
    let others: Vec<&NotEvaluated> = rules.iter().filter(|rule| !rule.needs_nodes()).collect();
    let other_rules: BTreeSet<&str> = others.iter().map(|rule| &*rule.rule).collect();
    let needs: BTreeSet<&str> = others.iter().map(|rule| rule.needs.as_str()).collect();
    let mut parts = Vec::new();
    if !without_nodes.is_empty() {
        let who = number(&without_nodes);
        parts.push(format!("{who} had no nodes: give Node manifests, pools in quorate.yaml, or --nodes 3x4cpu,8Gi"));
    }
    if !needs.is_empty() {
        let needs: Vec<&str> = needs.into_iter().collect();
        parts.push(match needs.as_slice() {
            few if few.len() <= 2 => {
                format!("{} not evaluated for want of {}", number(&other_rules), few.join(" and "))
            }
            many => {
                let listed = match detail {
                    Detail::Quiet => "; -v lists them",
                    Detail::Normal | Detail::Verbose => ", listed above",
                };
                format!("{} not evaluated for want of {} facts{listed}", number(&other_rules), many.len())
            }
        });
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `0.03 s`, `1.2 s`, `4 min 10 s`.
fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
    }
}
