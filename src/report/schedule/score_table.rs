//! Feasible nodes by score: those with equal scores are one row, the best first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::report::human::{Page, columns};
use crate::report::terminal_style::Detail;

use super::document::Decision;
use super::node_list::{Extent, folded, grouped, natural};

/// Rows, unless all are asked for.
const MOST_ROWS: usize = 8;
/// Lines of names in a row, unless all are asked for.
const MOST_LINES: usize = 2;
/// Columns for names that a row keeps, however many scores there are.
const LEAST_NAMES: usize = 16;

/// Plugins that score, in the order in which they run, and how a narrow column calls them.
const PLUGINS: [(&str, &str); 9] = [
    ("TaintToleration", "taints"),
    ("NodeAffinity", "node aff"),
    ("NodeResourcesFit", "fit"),
    ("VolumeBinding", "volumes"),
    ("PodTopologySpread", "spread"),
    ("InterPodAffinity", "pod aff"),
    ("DynamicResources", "devices"),
    ("NodeResourcesBalancedAllocation", "balance"),
    ("ImageLocality", "images"),
];

/// The highest total first, and a fixed order among equal ones.
type Rank<'a> = (Reverse<i64>, Reverse<&'a BTreeMap<&'static str, i64>>);

/// Nodes with the same scores.
struct Row<'a> {
    total: i64,
    scores: &'a BTreeMap<&'static str, i64>,
    nodes: Vec<String>,
}

/// The table, and below it what every node gets.
pub(super) fn draw(decision: &Decision, page: &Page<'_>) -> String {
    let rows = rows(decision, page);
    let is_verbose = page.style.detail == Detail::Verbose;
    let differs = |plugin: &str| {
        let scores: BTreeSet<Option<i64>> = rows.iter().map(|row| row.scores.get(plugin).copied()).collect();
        scores.len() > 1
    };
    let known = PLUGINS.iter().filter(|(plugin, _)| rows.iter().any(|row| row.scores.contains_key(plugin)));
    let (shown, equal): (Vec<_>, Vec<_>) = known.partition(|(plugin, _)| is_verbose || differs(plugin));
    let mut drawn = table(&rows, &shown, page);
    if let (Some(first), false) = (rows.first(), equal.is_empty()) {
        // What gives nothing is not worth a word; a plugin and its number stay on one line.
        let given = equal.iter().filter_map(|(plugin, _)| Some((plugin, first.scores.get(plugin)?)));
        let scores: Vec<String> =
            given.filter(|(_, score)| **score != 0).map(|(plugin, score)| format!("{plugin}\u{a0}{score}")).collect();
        let of = if rows.len() > 1 { "the same on each" } else { "of it" };
        let text = if scores.is_empty() { String::new() } else { format!("{of}: {}", scores.join(", ")) };
        for line in page.wrapped(&text, 2).iter().filter(|line| !line.is_empty()) {
            let _ = writeln!(drawn, "  {}", page.paint.quiet(&line.replace('\u{a0}', " ")));
        }
    }
    drawn
}

/// Equal scores together, the highest total first.
fn rows<'a>(decision: &'a Decision, page: &Page<'_>) -> Vec<Row<'a>> {
    let mut groups: BTreeMap<Rank<'_>, Vec<String>> = BTreeMap::new();
    for (node, scores) in &decision.scores {
        let total = decision.total.get(node).copied().unwrap_or(0);
        groups.entry((Reverse(total), Reverse(scores))).or_default().push(page.line(node));
    }
    let row = |((Reverse(total), Reverse(scores)), mut nodes): (_, Vec<String>)| {
        nodes.sort_by(|one, other| natural(one, other));
        Row { total, scores, nodes }
    };
    groups.into_iter().map(row).collect()
}

fn table(rows: &[Row<'_>], shown: &[&(&str, &str)], page: &Page<'_>) -> String {
    let is_verbose = page.style.detail == Detail::Verbose;
    // Nobody gains from a list of one.
    let most = if is_verbose || rows.len() == MOST_ROWS + 1 { rows.len() } else { MOST_ROWS };
    let (drawn_rows, left) = rows.split_at(most.min(rows.len()));
    let cell = |row: &Row<'_>, plugin: &str| row.scores.get(plugin).map_or_else(|| "-".to_owned(), i64::to_string);
    let width = |plugin: &str, head: &str| {
        drawn_rows.iter().map(|row| cell(row, plugin).len()).max().unwrap_or(0).max(head.len())
    };
    let widths: Vec<usize> = shown.iter().map(|(plugin, head)| width(plugin, head)).collect();
    let total_width = drawn_rows.iter().map(|row| row.total.to_string().len()).max().unwrap_or(0).max("score".len());
    let numbers = widths.iter().map(|width| width + 2).sum::<usize>() + total_width + 2;
    let room = page.prose().saturating_sub(2 + numbers).max(LEAST_NAMES);
    let extent = if is_verbose { Extent::Whole } else { Extent::Lines(MOST_LINES) };
    let names: Vec<Vec<String>> =
        drawn_rows.iter().map(|row| folded(&row.nodes, room, extent, page.ellipsis())).collect();
    let names_width = names.iter().flatten().map(|line| columns(line)).max().unwrap_or(0).max("node".len());
    let mut drawn = String::new();
    let mut head = format!("  {:<names_width$}  {:>total_width$}", "node", "score");
    for ((_, short), width) in shown.iter().zip(&widths) {
        let _ = write!(head, "  {short:>width$}");
    }
    let _ = writeln!(drawn, "{}", page.paint.quiet(&head));
    for (index, (row, lines)) in drawn_rows.iter().zip(&names).enumerate() {
        for (number, line) in lines.iter().enumerate() {
            let padding = " ".repeat(names_width - columns(line).min(names_width));
            let line = if index == 0 { page.paint.good(line) } else { line.clone() };
            if number > 0 {
                let _ = writeln!(drawn, "  {line}");
                continue;
            }
            let _ = write!(drawn, "  {line}{padding}  {:>total_width$}", row.total);
            for ((plugin, _), width) in shown.iter().zip(&widths) {
                let _ = write!(drawn, "  {:>width$}", cell(row, plugin));
            }
            drawn.push('\n');
        }
    }
    if let (Some(first), Some(last)) = (left.first(), left.last()) {
        let nodes = left.iter().map(|row| row.nodes.len()).sum::<usize>();
        let text = format!(
            "{} {} more nodes at {} to {}; -v lists all",
            page.ellipsis(),
            grouped(nodes),
            first.total,
            last.total
        );
        let _ = writeln!(drawn, "  {}", page.paint.quiet(&text));
    }
    drawn
}
