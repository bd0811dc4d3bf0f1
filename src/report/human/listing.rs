//! Findings in lists: one or two lines each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::finding::{Finding, NotEvaluated, Severity, Waived};
use crate::report::printable;
use crate::report::terminal_style::Detail;

use super::grouping::{self, OfRule};
use super::page::{Page, columns};

/// Lines of a list before it is cut.
const MOST_ENTRIES: usize = 8;

/// How many of `total` entries are listed: all when few are left out otherwise.
fn listed(total: usize, page: &Page<'_>) -> usize {
    match page.style.detail {
        Detail::Verbose => total,
        Detail::Quiet | Detail::Normal if total <= MOST_ENTRIES + 2 => total,
        Detail::Quiet | Detail::Normal => MOST_ENTRIES,
    }
}

fn cut(drawn: &mut String, indent: usize, left: usize, page: &Page<'_>) {
    if left > 0 {
        let text = format!("{} {left} more; -v lists all", page.ellipsis());
        let _ = writeln!(drawn, "{}{}", " ".repeat(indent), page.paint.quiet(&text));
    }
}

/// The other findings of a cause that was shown in full: `and 41 more`, with object and place.
pub(super) fn others(shown: &Finding, others: &[&Finding], page: &Page<'_>) -> String {
    let mut drawn = String::new();
    if others.is_empty() {
        return drawn;
    }
    let _ = writeln!(drawn, "  {}", page.paint.key(&format!("and {} more", others.len())));
    let entries: Vec<(String, String)> = others
        .iter()
        .take(listed(others.len(), page))
        .map(|finding| (page.line(&other(shown, finding)), page.short_place_of(finding)))
        .collect();
    table(&mut drawn, 8, &entries, page);
    cut(&mut drawn, 8, others.len() - entries.len(), page);
    drawn
}

/// What another finding says beside the one that is shown: its object, and the quoted words that differ; all of its
/// message, if more differs.
fn other(shown: &Finding, finding: &Finding) -> String {
    let general = |finding: &Finding| grouping::without_names_and_quotes(&finding.message, finding.object.as_ref());
    if general(finding) != general(shown) || (finding.object.is_none() && finding.place.is_none()) {
        return finding.message.clone();
    }
    let known = grouping::quoted(&shown.message);
    let object = finding.object.as_ref();
    let name = object.map(ToString::to_string).unwrap_or_default();
    let is_new =
        |word: &&str| !known.contains(word) && **word != name && object.is_none_or(|object| **word != *object.name);
    let words: Vec<String> =
        grouping::quoted(&finding.message).into_iter().filter(is_new).map(|word| format!("\"{word}\"")).collect();
    [name, words.join(", ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// Further causes of a rule of which enough were shown in full: one finding a line, message and place.
pub(super) fn further(findings: &[&Finding], page: &Page<'_>) -> String {
    let mut drawn = String::new();
    let Some(first) = findings.first() else { return drawn };
    let count = findings.len();
    let head = format!("{}[{}]", first.severity.as_str(), page.line(&first.rule));
    let _ = writeln!(drawn, "{}: and {count} more of this rule", page.paint.severity(&head, first.severity));
    let listed = listed(count, page);
    for finding in findings.iter().take(listed) {
        entry(&mut drawn, finding, page);
    }
    cut(&mut drawn, 2, count - listed, page);
    drawn
}

/// Findings of severity info: one line each, by rule.
pub(super) fn notes(rules: &[OfRule<'_>], page: &Page<'_>) -> String {
    let mut drawn = String::new();
    for rule in rules {
        let findings: Vec<&Finding> = rule
            .causes
            .iter()
            .flat_map(|cause| std::iter::once(cause.shown).chain(cause.others.iter().copied()))
            .collect();
        let Some(first) = findings.first() else { continue };
        let head = format!("{}[{}]", first.severity.as_str(), page.line(&first.rule));
        let _ = writeln!(drawn, "{}", page.linked(&first.rule, page.paint.severity(&head, Severity::Info)));
        let listed = listed(findings.len(), page);
        findings.iter().take(listed).for_each(|finding| entry(&mut drawn, finding, page));
        cut(&mut drawn, 2, findings.len() - listed, page);
    }
    drawn
}

/// A message, wrapped, with its place behind it.
fn entry(drawn: &mut String, finding: &Finding, page: &Page<'_>) {
    let place = page.short_place_of(finding);
    let message = page.line(&finding.message);
    let named = match &finding.object {
        Some(object) if !finding.message.contains(&*object.name) => {
            format!("{}: {message}", page.line(&object.to_string()))
        }
        Some(_) | None => message,
    };
    let mut lines = page.wrapped(&named, 4);
    let last = lines.pop().unwrap_or_default();
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(drawn, "{}{line}", if index == 0 { "  " } else { "    " });
    }
    let indent = if lines.is_empty() { "  " } else { "    " };
    if place.is_empty() {
        let _ = writeln!(drawn, "{indent}{last}");
    } else if indent.len() + columns(&last) + 2 + columns(&place) <= page.prose() {
        let _ = writeln!(drawn, "{indent}{last}  {}", page.paint.place(&place));
    } else {
        let _ = writeln!(drawn, "{indent}{last}\n    {}", page.paint.place(&place));
    }
}

/// Two aligned columns; the second one on its own line where they do not fit.
fn table(drawn: &mut String, indent: usize, entries: &[(String, String)], page: &Page<'_>) {
    let room = page.prose().saturating_sub(indent);
    let right = entries.iter().map(|(_, place)| columns(place)).max().unwrap_or(0);
    let most = room.saturating_sub(right + 3);
    let left = entries.iter().map(|(text, _)| columns(text)).filter(|width| *width <= most).max().unwrap_or(0);
    let blank = " ".repeat(indent);
    for (text, place) in entries {
        let painted = page.paint.place(place);
        if text.is_empty() {
            // The place is all that differs. It stays whole, as everywhere, so that it can be followed.
            let _ = writeln!(drawn, "{blank}{painted}");
        } else if columns(text) <= left && !place.is_empty() {
            let padding = " ".repeat(left - columns(text) + 3);
            let _ = writeln!(drawn, "{blank}{text}{padding}{painted}");
        } else {
            for (index, line) in page.wrapped(text, indent + 2).iter().enumerate() {
                let _ = writeln!(drawn, "{blank}{}{line}", if index == 0 { "" } else { "  " });
            }
            if !place.is_empty() {
                let _ = writeln!(drawn, "{blank}  {painted}");
            }
        }
    }
}

/// What is accepted, why, by whom and until when; findings under one waiver together.
pub(super) fn waived(findings: &[&Finding], page: &Page<'_>) -> String {
    let mut drawn = String::new();
    if findings.is_empty() {
        return drawn;
    }
    let mut waivers: Vec<(&Waived, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        let Some(waived) = &finding.waived else { continue };
        match waivers.iter_mut().find(|(known, _)| *known == waived) {
            Some((_, findings)) => findings.push(finding),
            None => waivers.push((waived, vec![finding])),
        }
    }
    let head = printable::count(findings.len(), "finding is waived", "findings are waived");
    let _ = writeln!(drawn, "{}", page.paint.strong(&head));
    for (waived, findings) in waivers {
        let reason = format!("{} ({}, until {})", waived.reason, waived.owner, waived.expires);
        for (index, line) in page.wrapped(&page.line(&reason), 4).iter().enumerate() {
            let _ = writeln!(drawn, "{}{line}", if index == 0 { "  " } else { "    " });
        }
        let entries: Vec<(String, String)> = findings
            .iter()
            .take(listed(findings.len(), page))
            .map(|finding| {
                let object = finding.object.as_ref().map(ToString::to_string).unwrap_or_default();
                (page.line(&format!("{}  {object}", finding.rule)), page.short_place_of(finding))
            })
            .collect();
        table(&mut drawn, 4, &entries, page);
        cut(&mut drawn, 4, findings.len() - entries.len(), page);
    }
    drawn
}

/// Which rules were not evaluated, by what they need.
pub(super) fn not_evaluated(rules: &[NotEvaluated], page: &Page<'_>) -> String {
    let mut by_need: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in rules {
        by_need.entry(&rule.needs).or_default().push(&rule.rule);
    }
    let mut drawn = String::new();
    if by_need.is_empty() {
        return drawn;
    }
    let distinct: BTreeSet<&str> = rules.iter().map(|rule| &*rule.rule).collect();
    let head = printable::count(
        distinct.len(),
        "rule was not evaluated, for want of",
        "rules were not evaluated, for want of",
    );
    let _ = writeln!(drawn, "{}", page.paint.strong(&head));
    let rows: Vec<(String, String)> = folded(by_need, page)
        .into_iter()
        .map(|(needs, rules)| (page.line(&needs), page.line(&rules.join(", "))))
        .collect();
    // Facts that are described in a sentence do not push the rules of all the others to the right.
    let most = page.prose() / 2;
    let left = rows.iter().map(|(needs, _)| columns(needs)).filter(|width| *width <= most).max().unwrap_or(0);
    for (needs, names) in rows {
        let first = page.wrapped(&needs, 4);
        let is_beside = columns(&needs) <= left;
        for (index, line) in first.iter().enumerate() {
            let _ = write!(drawn, "{}{}", if index == 0 { "  " } else { "    " }, page.paint.key(line));
            if !is_beside {
                drawn.push('\n');
            }
        }
        let indent = if is_beside { left + 5 } else { 6 };
        for (index, line) in page.wrapped(&names, indent).iter().enumerate() {
            let blank = if index == 0 && is_beside { left + 3 - columns(&needs) } else { indent };
            let _ = writeln!(drawn, "{}{}", " ".repeat(blank), page.paint.quiet(line));
        }
    }
    drawn
}

/// What a rule wants of the inputs themselves (the definitions of two hundred kinds) in one line: the first few, and how
/// many more.
fn folded<'a>(by_need: BTreeMap<&'a str, Vec<&'a str>>, page: &Page<'_>) -> Vec<(String, Vec<&'a str>)> {
    const MOST_NEEDS: usize = 3;
    let mut by_rules: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    for rules in by_need.values() {
        *by_rules.entry(rules.clone()).or_default() += 1;
    }
    let mut seen: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for (needs, rules) in by_need {
        let all = by_rules.get(&rules).copied().unwrap_or_default();
        let before = seen.entry(rules.clone()).or_default();
        *before += 1;
        let is_cut = page.style.detail != Detail::Verbose && all > MOST_NEEDS + 1;
        if !is_cut || *before <= MOST_NEEDS {
            rows.push((needs.to_owned(), rules));
        } else if *before == MOST_NEEDS + 1 {
            rows.push((format!("{} {} more; -v lists all", page.ellipsis(), all - MOST_NEEDS), rules));
        }
    }
    rows
}
