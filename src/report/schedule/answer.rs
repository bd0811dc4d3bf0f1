//! For people: the answer in one line, the feasible nodes by score, what is excluded, and what is taken for granted.

use std::fmt::Write as _;
use std::io;

use crate::report::check_report::ReportError;
use crate::report::human::{Page, columns, draw_finding};
use crate::report::redaction::Redactor;
use crate::report::terminal_style::{Detail, TerminalStyle};

use super::document::{Decision, ExcludedNodes, PlacedFirst, ScheduleAnswer, ScheduleDocument};
use super::node_list::{Extent, folded, grouped, natural};
use super::score_table;

/// Nodes named in the first line.
const MOST_NAMED: usize = 3;
/// Causes of exclusion that are listed, unless all are asked for.
const MOST_CAUSES: usize = 6;
/// Columns that the names of excluded nodes keep beside the reason.
const LEAST_NAMES: usize = 24;
/// Assumptions and workloads that are listed, unless all are asked for.
const MOST_LISTED: usize = 5;

pub(super) fn write(
    document: &ScheduleDocument<'_>,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    let redactor = Redactor::new(document.sources, document.secrets)?;
    let page = Page::new(document.sources, &[], &redactor, *style);
    let mut drawn = String::new();
    match document.answer {
        ScheduleAnswer::Refused(refused) => {
            let shown = redactor.finding(&refused.finding);
            drawn.push_str(&draw_finding(&shown, shown.help.as_deref(), &page));
        }
        ScheduleAnswer::Decided(decision) => match (&decision.finding, style.detail) {
            (Some(finding), Detail::Normal | Detail::Verbose) => {
                let shown = redactor.finding(finding);
                drawn.push_str(&draw_finding(&shown, shown.help.as_deref(), &page));
            }
            (_, Detail::Quiet) => headline(&mut drawn, document, decision, &page),
            (None, Detail::Normal | Detail::Verbose) => {
                headline(&mut drawn, document, decision, &page);
                drawn.push('\n');
                drawn.push_str(&score_table::draw(decision, &page));
                excluded(&mut drawn, decision, &page);
            }
        },
    }
    match style.detail {
        Detail::Quiet => {}
        Detail::Normal | Detail::Verbose => {
            assumptions(&mut drawn, document, &page);
            drawn.push('\n');
            closing(&mut drawn, document, &page);
        }
    }
    out.write_all(drawn.as_bytes())?;
    Ok(())
}

/// `pod/default/x can go to worker-2 or worker-3 (tie at 812); 1 of 4 nodes is excluded`.
fn headline(drawn: &mut String, document: &ScheduleDocument<'_>, decision: &Decision, page: &Page<'_>) {
    let mut best: Vec<String> = decision.best.iter().map(|node| page.line(node)).collect();
    best.sort_by(|one, other| natural(one, other));
    let score = decision.best.first().and_then(|node| decision.total.get(node)).copied().unwrap_or(0);
    let (all, feasible) = (decision.nodes.len(), decision.scores.len());
    let pod = page.line(document.pod);
    let by = decision.profile.as_ref().map(|profile| format!(" (profile {})", page.line(profile))).unwrap_or_default();
    let subject = if pod.starts_with("pod/") { format!("{pod}{by}") } else { format!("one more pod of {pod}{by}") };
    let goes = match best.as_slice() {
        [] => format!("fits on none of {} nodes", grouped(all)),
        [only] if feasible == 1 => format!("can only go to {only}"),
        [only] => format!("goes to {only} (score {score})"),
        few if few.len() <= MOST_NAMED => {
            let (last, before) = few.split_last().map_or(("", few), |(last, before)| (last.as_str(), before));
            format!("can go to {} or {last} (tie at {score})", before.join(", "))
        }
        many => format!("can go to any of {} nodes (tie at {score})", grouped(many.len())),
    };
    let left = all - feasible;
    let rest = match left {
        _ if best.is_empty() => String::new(),
        0 => "; no node is excluded".to_owned(),
        1 => format!("; 1 of {} nodes is excluded", grouped(all)),
        _ => format!("; {} of {} nodes are excluded", grouped(left), grouped(all)),
    };
    for line in page.wrapped(&format!("{subject} {goes}{rest}"), 2) {
        let _ = writeln!(drawn, "{}", page.paint.strong(&line));
    }
}

/// Nodes that are not feasible, by cause.
fn excluded(drawn: &mut String, decision: &Decision, page: &Page<'_>) {
    if decision.excluded.is_empty() {
        return;
    }
    let is_verbose = page.style.detail == Detail::Verbose;
    let all = decision.excluded.len();
    let most = if is_verbose || all == MOST_CAUSES + 1 { all } else { MOST_CAUSES };
    let shown = decision.excluded.get(..most.min(all)).unwrap_or_default();
    let counts: Vec<String> = shown.iter().map(|group| grouped(group.nodes.len())).collect();
    let width = counts.iter().map(String::len).max().unwrap_or(1);
    let _ = writeln!(drawn, "\n{}", page.paint.quiet("  excluded"));
    for (group, number) in shown.iter().zip(&counts) {
        let indent = width + 4;
        let reason = short_reasons(group, page);
        let names = names(group, page, page.prose().saturating_sub(indent + columns(&reason) + 3).max(LEAST_NAMES));
        let fits = indent + columns(&reason) + 3 + LEAST_NAMES <= page.prose();
        let first = if fits { names.first().cloned().unwrap_or_default() } else { String::new() };
        let _ = writeln!(drawn, "  {number:>width$}  {}   {first}", page.paint.strong(&reason));
        for line in names.iter().skip(usize::from(fits)) {
            let _ = writeln!(drawn, "{}{line}", " ".repeat(indent));
        }
        let place = group.place.map(|place| page.short_place(place)).unwrap_or_default();
        let detail = page.line(&group.detail);
        let lines = page.wrapped(&detail, indent);
        for (index, line) in lines.iter().enumerate() {
            let is_last = index + 1 == lines.len();
            let fits = indent + columns(line) + 2 + columns(&place) <= page.prose();
            let behind = if is_last && fits { format!("  {}", page.paint.place(&place)) } else { String::new() };
            let _ = writeln!(drawn, "{}{line}{}", " ".repeat(indent), behind.trim_end());
        }
        let has_room = lines.last().is_some_and(|line| indent + columns(line) + 2 + columns(&place) <= page.prose());
        if !place.is_empty() && !has_room {
            let _ = writeln!(drawn, "{}{}", " ".repeat(indent), page.paint.place(&place));
        }
    }
    if all > shown.len() {
        let text = format!("{} {} more causes; -v lists all", page.ellipsis(), all - shown.len());
        let _ = writeln!(drawn, "  {}", page.paint.quiet(&text));
    }
}

/// Upstream's texts without what they all begin with.
fn short_reasons(group: &ExcludedNodes, page: &Page<'_>) -> String {
    let short = |reason: &String| reason.strip_prefix("node(s) ").unwrap_or(reason).to_owned();
    page.line(&group.reasons.iter().map(short).collect::<Vec<_>>().join(", "))
}

fn names(group: &ExcludedNodes, page: &Page<'_>, room: usize) -> Vec<String> {
    let mut nodes: Vec<String> = group.nodes.iter().map(|node| page.line(node)).collect();
    nodes.sort_by(|one, other| natural(one, other));
    let extent = if page.style.detail == Detail::Verbose { Extent::Whole } else { Extent::Lines(1) };
    folded(&nodes, room, extent, page.ellipsis())
}

/// What is taken for granted: of the pod always, of the cluster when everything is asked for.
fn assumptions(drawn: &mut String, document: &ScheduleDocument<'_>, page: &Page<'_>) {
    let is_verbose = page.style.detail == Detail::Verbose;
    let of_cluster = if is_verbose { document.cluster_assumptions } else { &[] };
    let all: Vec<&String> = document.own_assumptions.iter().chain(of_cluster).collect();
    if all.is_empty() {
        return;
    }
    drawn.push('\n');
    let most = if is_verbose { all.len() } else { MOST_LISTED };
    for (index, text) in all.iter().take(most).enumerate() {
        for (number, line) in page.wrapped(&page.line(text), 11).iter().enumerate() {
            let key = if index == 0 && number == 0 { "assumes" } else { "" };
            let _ = writeln!(drawn, "  {}{}  {line}", page.paint.key(key), " ".repeat(7 - key.len()));
        }
    }
    if all.len() > most {
        let text = format!("{} {} more; -v lists all", page.ellipsis(), all.len() - most);
        let _ = writeln!(drawn, "           {}", page.paint.quiet(&text));
    }
}

/// Where the other pods are, and what was modelled.
fn closing(drawn: &mut String, document: &ScheduleDocument<'_>, page: &Page<'_>) {
    let nodes = match document.answer {
        ScheduleAnswer::Decided(decision) => decision.nodes.len(),
        // It goes nowhere, whatever there is.
        ScheduleAnswer::Refused(_) => {
            let _ = writeln!(drawn, "as Kubernetes {}", document.kubernetes);
            return;
        }
    };
    let placement = document.placement;
    let pods = |number: usize| if number == 1 { "1 pod".to_owned() } else { format!("{} pods", grouped(number)) };
    let mut text = match placement.placed {
        PlacedFirst::No | PlacedFirst::Yes if placement.bound == 0 => "no other pod is on a node".to_owned(),
        PlacedFirst::No => format!("beside {} on the nodes that the input names", pods(placement.bound)),
        PlacedFirst::Yes => {
            format!("beside the input's workloads at rest, simulated: {} placed", pods(placement.bound))
        }
    };
    if placement.pending > 0 {
        let wait = if placement.pending == 1 { "waits" } else { "wait" };
        let _ = write!(text, ", {} {wait} for a node", pods(placement.pending));
    }
    if !placement.absent.is_empty() {
        let listed: Vec<String> = placement.absent.iter().take(MOST_LISTED).map(|name| page.line(name)).collect();
        let more = placement.absent.len() - listed.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(
            text,
            "; {}{more} {} (--placement scheduled places them first)",
            listed.join(", "),
            if placement.absent.len() == 1 {
                "has no pods in the input and takes no room"
            } else {
                "have no pods in the input and take no room"
            },
        );
    }
    let plural = if nodes == 1 { "node" } else { "nodes" };
    let _ = write!(text, "; {} {plural}, as Kubernetes {}", grouped(nodes), document.kubernetes);
    for line in page.wrapped(&text, 0) {
        let _ = writeln!(drawn, "{line}");
    }
}
