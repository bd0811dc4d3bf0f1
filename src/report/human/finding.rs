//! One finding in full: what, where, why, what then, and the way out with its price.

use std::fmt::Write as _;

use crate::finding::{Finding, Mend};
use crate::manifest::SourceId;
use crate::report::printable;

use super::page::{Page, columns, wrap};
use super::quote::{Mark, Role};
use super::snippet::{self, Snippet};

/// Columns before the text of `why`, `then`, `mend` and `help`.
const INDENT: usize = 8;

/// Draws a finding, with `help` where it has no ways out of its own. Each line ends with `\n`.
pub(in crate::report) fn draw(finding: &Finding, help: Option<&str>, page: &Page<'_>) -> String {
    let mut drawn = header(finding, page);
    let snippets = snippets(finding, page);
    let subject = subject(finding, page);
    if !snippets.is_empty() {
        let beside = subject.as_deref().filter(|subject| snippet::has_room_for(subject, &snippets, page));
        drawn.push_str(&snippet::draw(&snippets, beside, finding.severity, page));
        if let (Some(subject), None, Some(_)) = (&subject, beside, finding.place) {
            rows(&mut drawn, "of", std::slice::from_ref(subject), page);
        }
    }
    if finding.place.is_none() {
        let path = if finding.path.is_root() { String::new() } else { finding.path.to_string() };
        let object = finding.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let at = [object, path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        rows(&mut drawn, "at", std::slice::from_ref(&at), page);
    }
    for related in finding.related.iter().filter(|related| related.place.is_none()) {
        let object = related.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = related.path.to_string();
        let at = [object, path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let separator = if at.is_empty() || related.message.is_empty() { "" } else { ": " };
        rows(&mut drawn, "also", &[format!("{at}{separator}{}", related.message)], page);
    }
    if let Some(why) = &finding.why {
        rows(&mut drawn, "why", std::slice::from_ref(why), page);
    }
    steps(&mut drawn, &finding.then, page);
    mends(&mut drawn, &finding.mends, page);
    if let Some(help) = help.filter(|_| finding.mends.is_empty()) {
        rows(&mut drawn, "help", &[printable::unfolded(help)], page);
    }
    drawn
}

/// `error[rollout-deadlock]: no rollout of deployment/default/backend can ever complete`.
fn header(finding: &Finding, page: &Page<'_>) -> String {
    let rule = page.line(&finding.rule);
    let head = format!("{}[{rule}]: ", finding.severity.as_str());
    let painted_head = page.paint.severity(&format!("{}[{rule}]", finding.severity.as_str()), finding.severity);
    let mut drawn = page.linked(&finding.rule, painted_head);
    drawn.push_str(": ");
    // The first line is shorter by the head; a filler of its width makes the wrapping know it.
    let filler = "x".repeat(columns(&head).saturating_sub(1));
    let text = format!("{filler} {}", page.line(&finding.message));
    for (index, line) in page.wrapped(&text, 2).iter().enumerate() {
        if index == 0 {
            let _ = writeln!(drawn, "{}", page.paint.strong(line.strip_prefix(&filler).unwrap_or(line).trim_start()));
        } else {
            let _ = writeln!(drawn, "  {}", page.paint.strong(line));
        }
    }
    drawn
}

/// The object's name, when the message does not tell it.
fn subject(finding: &Finding, page: &Page<'_>) -> Option<String> {
    let object = finding.object.as_ref()?;
    (!finding.message.contains(&*object.name)).then(|| page.line(&object.to_string()))
}

/// The marked places, one snippet for each source; the source of the finding itself first.
fn snippets(finding: &Finding, page: &Page<'_>) -> Vec<Snippet> {
    let primary = finding.place.map(|place| (place, page.line(&finding.label), Role::Primary));
    let related =
        finding.related.iter().filter_map(|related| Some((related, related.place?))).map(|(related, place)| {
            let object = related.object.as_ref().filter(|object| Some(*object) != finding.object.as_ref());
            let message = match object {
                Some(object) if !related.message.contains(&*object.name) && !related.message.is_empty() => {
                    format!("{object}: {}", related.message)
                }
                Some(object) if related.message.is_empty() => object.to_string(),
                Some(_) | None => related.message.clone(),
            };
            (place, page.line(&message), Role::Related)
        });
    let mut snippets: Vec<Snippet> = Vec::new();
    for (place, label, role) in primary.into_iter().chain(related) {
        let mark: Mark = snippet::mark(page.sources.get(place.source), place.span, label, role);
        let of_source = |id: SourceId| move |snippet: &&mut Snippet| snippet.source == id;
        match snippets.iter_mut().find(of_source(place.source)) {
            Some(snippet) => snippet.marks.push(mark),
            None => snippets.push(Snippet { source: place.source, marks: vec![mark] }),
        }
    }
    snippets
}

/// `  why   text`, wrapped and aligned.
fn rows(drawn: &mut String, key: &str, texts: &[String], page: &Page<'_>) {
    let lines: Vec<String> = texts
        .iter()
        .flat_map(|text| printable::lines(text, page.style.characters))
        .flat_map(|line| page.wrapped(&line, INDENT))
        .collect();
    keyed(drawn, key, &lines, page);
}

fn keyed(drawn: &mut String, key: &str, lines: &[String], page: &Page<'_>) {
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            let padding = " ".repeat(INDENT.saturating_sub(2 + key.len()));
            let _ = writeln!(drawn, "  {}{padding}{line}", page.paint.key(key));
        } else {
            let _ = writeln!(drawn, "{}{line}", " ".repeat(INDENT));
        }
    }
}

/// What follows; numbered when it is more than one step.
fn steps(drawn: &mut String, steps: &[String], page: &Page<'_>) {
    if let [only] = steps {
        return rows(drawn, "then", std::slice::from_ref(only), page);
    }
    let digits = steps.len().to_string().len();
    let mut lines = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let wrapped = page.wrapped(&page.line(step), INDENT + digits + 2);
        for (line, text) in wrapped.iter().enumerate() {
            let number = if line == 0 { (index + 1).to_string() } else { String::new() };
            lines.push(format!("{number:>digits$}  {text}"));
        }
    }
    keyed(drawn, "then", &lines, page);
}

/// The ways out, each with its price in a second column; below each other when they do not fit beside each other.
fn mends(drawn: &mut String, mends: &[Mend], page: &Page<'_>) {
    let clean: Vec<(String, String)> = mends
        .iter()
        .map(|mend| (page.line(&mend.change), mend.price.as_deref().map(|price| page.line(price)).unwrap_or_default()))
        .collect();
    let room = page.prose().saturating_sub(INDENT).max(16);
    let change_width = clean.iter().map(|(change, _)| columns(change)).max().unwrap_or(0);
    let price_width = clean.iter().map(|(_, price)| columns(price)).max().unwrap_or(0);
    let beside = change_width + 3 + price_width.min(24) <= room;
    let mut lines = Vec::new();
    for (change, price) in &clean {
        if price.is_empty() {
            lines.extend(wrap(change, room));
        } else if beside {
            let prices = wrap(price, room - change_width - 3);
            for (index, price) in prices.iter().enumerate() {
                let change = if index == 0 { change.as_str() } else { "" };
                let padding = " ".repeat(change_width.saturating_sub(columns(change)) + 3);
                lines.push(format!("{change}{padding}{}", page.paint.good(price)));
            }
        } else {
            lines.extend(wrap(change, room));
            let prices = wrap(price, room.saturating_sub(3));
            lines.extend(prices.iter().map(|price| format!("   {}", page.paint.good(price))));
        }
    }
    keyed(drawn, "mend", &lines, page);
}
