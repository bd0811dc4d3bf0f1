//! For people: a row for each step, what went wrong below it, and how it ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use owo_colors::Style;
use quorate_sim::simulation::{StateSummary, StepOutcome, StepReport};

use crate::report::human::{Paint, WIDEST_PROSE, columns, wrap};
use crate::report::printable;
use crate::report::terminal_style::{Detail, TerminalStyle};

use super::document::{PlayOrder, SimulationDocument};
use super::explored_rows;
use super::step_rows::{
    Mood, ShortNames, Shortage, duration, mood, newly_pending, shortages, why, without_preemption, without_repetition,
};

/// Events below a step that went wrong, unless all are asked for.
const MOST_EVENTS: usize = 6;
/// Workloads named in a row, unless all are asked for.
const MOST_SHORTAGES: usize = 3;

/// Widths of the columns of one report.
struct Columns {
    number: usize,
    action: usize,
    outcome: usize,
    ready: usize,
    from: usize,
    took: usize,
}

/// One step, ready for layout.
struct Row<'a> {
    step: &'a StepReport,
    action: String,
    ready: String,
    from: String,
    took: String,
    /// What is said below the row: a key and a text.
    below: Vec<(&'static str, String)>,
}

struct Timeline<'a> {
    document: &'a SimulationDocument<'a>,
    style: &'a TerminalStyle,
    paint: Paint,
    names: ShortNames,
}

pub(super) fn write(
    document: &SimulationDocument<'_>,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let states = std::iter::once(&document.report.initial).chain(document.report.steps.iter().map(|step| &step.after));
    let names = ShortNames::of(states.flat_map(|state| state.workloads.keys()));
    let timeline = Timeline { document, style, paint: Paint(style.colour), names };
    let mut drawn = String::new();
    match style.detail {
        Detail::Quiet => {}
        Detail::Normal | Detail::Verbose => {
            timeline.draw_steps(&mut drawn);
            match document.order {
                PlayOrder::OneAfterTheOther => timeline.draw_end(&mut drawn),
                // There is no one end.
                PlayOrder::EachAlone => {}
            }
            timeline.draw_assumptions(&mut drawn);
        }
    }
    timeline.draw_closing(&mut drawn);
    out.write_all(drawn.as_bytes())
}

/// Services that nobody answers, pods that do not start, and what is refused.
fn said_at_the_end(end: &StateSummary) -> Vec<String> {
    let silent = end.services.iter().filter(|(_, counts)| counts.ready == 0 && counts.serving + counts.terminating > 0);
    let silent = silent.map(|(name, counts)| {
        format!("service {name} has no ready endpoint: {} serving, {} terminating", counts.serving, counts.terminating)
    });
    let waiting = end.pods.iter().filter_map(|pod| Some((&pod.owner, pod.waiting_reason.as_ref()?)));
    let waiting = waiting.map(|(owner, reason)| format!("a pod of {owner} waits: {reason}"));
    let refused = end.refused.iter().map(|(name, reason)| format!("{name} is refused: {reason}"));
    silent.chain(waiting).chain(refused).collect()
}

impl Timeline<'_> {
    fn line(&self, text: &str) -> String {
        printable::line(text, self.style.characters)
    }

    fn width(&self) -> usize {
        self.style.width.clamp(40, WIDEST_PROSE)
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let report = self.document.report;
        let mut before = &report.initial;
        let mut rows = Vec::new();
        for (index, step) in report.steps.iter().enumerate() {
            let mut below = self.below(step, before);
            if let Some(explored) = self.document.explored.and_then(|explored| explored.get(index)) {
                let is_verbose = self.style.detail == Detail::Verbose;
                below.extend(explored_rows::rows(explored, step.outcome, &self.names, is_verbose));
            }
            rows.push(Row {
                step,
                action: self.line(&step.action),
                ready: self.ready(&shortages(step, before, &self.names)),
                from: duration(step.started_at.milliseconds()),
                took: duration(step.ended_at.since(step.started_at).milliseconds()),
                below,
            });
            before = match self.document.order {
                PlayOrder::OneAfterTheOther => &step.after,
                PlayOrder::EachAlone => before,
            };
        }
        rows
    }

    fn ready(&self, shortages: &[Shortage]) -> String {
        if shortages.is_empty() {
            return "all".to_owned();
        }
        let shown = match self.style.detail {
            Detail::Verbose => shortages.len(),
            Detail::Quiet | Detail::Normal if shortages.len() == MOST_SHORTAGES + 1 => shortages.len(),
            Detail::Quiet | Detail::Normal => MOST_SHORTAGES,
        };
        let mut parts: Vec<String> = shortages
            .iter()
            .take(shown)
            .map(|shortage| format!("{} {}/{}", self.line(&shortage.workload), shortage.lowest, shortage.desired))
            .collect();
        if shortages.len() > shown {
            parts.push(format!("{} more", shortages.len() - shown));
        }
        parts.join(", ")
    }

    /// Why, target by target, what waits for a node, what was expected, and the events that led there.
    fn below(&self, step: &StepReport, before: &StateSummary) -> Vec<(&'static str, String)> {
        let mut below = Vec::new();
        let is_verbose = self.style.detail == Detail::Verbose;
        let pending = newly_pending(before, &step.after, &self.names, self.style.detail);
        let why = if is_verbose { step.detail.clone() } else { why(&step.detail, &pending) };
        // What each of several targets says is told target by target.
        let is_told = step.targets.len() > 1 && mood(step.outcome) != Mood::Good;
        if !why.is_empty() && !is_told {
            below.push((if mood(step.outcome) == Mood::Good { "so" } else { "why" }, why));
        }
        for target in &step.targets {
            // What went well needs no word, and a lone target is the step itself.
            let says_more = mood(target.outcome) != Mood::Good && step.targets.len() > 1;
            if is_verbose || says_more {
                let detail = if target.detail.is_empty() { String::new() } else { format!(": {}", target.detail) };
                below.push((target.outcome.as_str(), format!("{}{detail}", target.target)));
            }
        }
        below.extend(pending.into_iter().map(|text| ("then", text)));
        // The key says the sentence's first word.
        let expected = |text: &String| text.strip_prefix("expected ").unwrap_or(text).to_owned();
        below.extend(step.unexpected.iter().map(|text| ("expected", expected(text))));
        below.extend(step.met.iter().map(|text| ("expected", text.clone())));
        let wanted = match (is_verbose, mood(step.outcome)) {
            (true, _) => usize::MAX,
            (false, Mood::Bad) => MOST_EVENTS,
            (false, Mood::Denied | Mood::Good) => 0,
        };
        let events = without_repetition(&step.events);
        let skipped = events.len().saturating_sub(wanted);
        if skipped > 0 && wanted > 0 {
            below.push(("events", format!("{skipped} earlier; -v lists all")));
        }
        let brief = |event: String| if is_verbose { event } else { without_preemption(&event).to_owned() };
        below.extend(events.into_iter().skip(skipped).map(|event| ("events", brief(event))));
        below
    }

    fn draw_steps(&self, drawn: &mut String) {
        let rows = self.rows();
        let columns = self.columns(&rows);
        let title = self.line(self.document.scenario);
        for line in wrap(&title, self.width()) {
            let _ = writeln!(drawn, "{}", self.paint.strong(&line));
        }
        let head = [
            format!("{:>width$}", "", width = columns.number),
            padded("step", columns.action),
            padded("outcome", columns.outcome),
            padded("lowest ready", columns.ready),
            format!("{:>width$}", "from", width = columns.from),
            format!("{:>width$}", "took", width = columns.took),
        ];
        let _ = writeln!(drawn, "{}", self.paint.quiet(head.join("  ").trim_end()));
        for (index, row) in rows.iter().enumerate() {
            self.draw_row(drawn, index + 1, row, &columns);
        }
        drawn.push('\n');
    }

    fn columns(&self, rows: &[Row<'_>]) -> Columns {
        let most = |text: &dyn Fn(&Row<'_>) -> usize, least: usize| rows.iter().map(text).max().unwrap_or(0).max(least);
        let number = rows.len().to_string().len();
        let outcome = most(&|row| row.step.outcome.as_str().len(), "outcome".len());
        let from = most(&|row| row.from.len(), "from".len());
        let took = most(&|row| row.took.len(), "took".len());
        let room = self.width().saturating_sub(number + outcome + from + took + 10);
        let action = most(&|row| columns(&row.action), "step".len());
        let ready = most(&|row| columns(&row.ready), "lowest ready".len());
        // When both do not fit, each may have half, and what one does not need the other gets.
        let half = room / 2;
        let (action, ready) = if action + ready <= room {
            (action, ready)
        } else if action <= half {
            (action, room - action)
        } else if ready <= half {
            (room - ready, ready)
        } else {
            (half, room - half)
        };
        Columns { number, action, outcome, ready, from, took }
    }

    fn draw_row(&self, drawn: &mut String, number: usize, row: &Row<'_>, columns: &Columns) {
        let actions = wrap(&row.action, columns.action.max(8));
        let readies = wrap(&row.ready, columns.ready.max(8));
        for index in 0..actions.len().max(readies.len()).max(1) {
            let action = actions.get(index).map_or("", String::as_str);
            let ready = padded(readies.get(index).map_or("", String::as_str), columns.ready);
            let ready = if row.ready == "all" { self.paint.quiet(&ready) } else { ready };
            let is_first = index == 0;
            let first = |text: String| if is_first { text } else { String::new() };
            let outcome = padded(&first(row.step.outcome.as_str().to_owned()), columns.outcome);
            let cells = [
                format!("{:>width$}", first(number.to_string()), width = columns.number),
                padded(action, columns.action),
                self.outcome(&outcome, row.step.outcome),
                ready,
                format!("{:>width$}", first(row.from.clone()), width = columns.from),
                format!("{:>width$}", first(row.took.clone()), width = columns.took),
            ];
            let _ = writeln!(drawn, "{}", cells.join("  ").trim_end());
        }
        self.draw_below(drawn, row, columns.number + 2);
    }

    fn draw_below(&self, drawn: &mut String, row: &Row<'_>, indent: usize) {
        let key_width = row.below.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        let text_indent = indent + key_width + 2;
        let mut last_key = "";
        for (key, text) in &row.below {
            let shown_key = if *key == last_key { "" } else { key };
            last_key = key;
            let room = self.width().saturating_sub(text_indent).max(16);
            for (index, line) in wrap(&self.line(text), room).iter().enumerate() {
                let key = if index == 0 { shown_key } else { "" };
                let padding = " ".repeat(key_width - key.len() + 2);
                let painted = if key.is_empty() { String::new() } else { self.paint.key(key) };
                let _ = writeln!(drawn, "{}{painted}{padding}{line}", " ".repeat(indent));
            }
        }
    }

    fn outcome(&self, text: &str, outcome: StepOutcome) -> String {
        match mood(outcome) {
            Mood::Good => self.paint.styled(text, Style::new().green()),
            Mood::Denied => self.paint.styled(text, Style::new().yellow().bold()),
            Mood::Bad => self.paint.styled(text, Style::new().red().bold()),
        }
    }

    /// The workloads that are not whole at the end.
    fn draw_end(&self, drawn: &mut String) {
        let report = self.document.report;
        let end = report.steps.last().map_or(&report.initial, |step| &step.after);
        let short: Vec<(&str, String)> = end
            .workloads
            .iter()
            .filter(|(_, summary)| summary.ready < summary.desired || summary.updated < summary.desired)
            .map(|(workload, summary)| {
                let text = format!("{0}/{1} ready, {2}/{1} updated", summary.ready, summary.desired, summary.updated);
                (self.names.get(workload), text)
            })
            .collect();
        let said = said_at_the_end(end);
        if short.is_empty() && said.is_empty() {
            return;
        }
        let _ = writeln!(drawn, "{}", self.paint.strong("at the end"));
        let width = short.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
        for (name, text) in short {
            let _ = writeln!(drawn, "  {}  {text}", padded(&self.line(name), width));
        }
        self.draw_sentences(&said, drawn);
        drawn.push('\n');
    }

    fn draw_sentences(&self, sentences: &[String], drawn: &mut String) {
        for sentence in sentences {
            for (index, line) in wrap(&self.line(sentence), self.width() - 4).iter().enumerate() {
                let _ = writeln!(drawn, "{}{line}", if index == 0 { "  " } else { "    " });
            }
        }
    }

    fn draw_assumptions(&self, drawn: &mut String) {
        let assumptions = &self.document.report.assumptions;
        if assumptions.is_empty() {
            return;
        }
        let _ = writeln!(drawn, "{}", self.paint.strong("not modelled, and able to change the answer"));
        self.draw_sentences(assumptions, drawn);
        drawn.push('\n');
    }

    /// `4 steps: 3 completed, 1 blocked; lowest readiness backend 1/3 in step 2; 10m31s of virtual time, as Kubernetes
    /// 1.36`.
    fn draw_closing(&self, drawn: &mut String) {
        let report = self.document.report;
        let mut outcomes: BTreeMap<StepOutcome, usize> = BTreeMap::new();
        for step in &report.steps {
            *outcomes.entry(step.outcome).or_insert(0) += 1;
        }
        let counts: Vec<String> =
            outcomes.iter().rev().map(|(outcome, number)| format!("{number} {}", outcome.as_str())).collect();
        let mut text = printable::count(report.steps.len(), "step", "steps");
        if !counts.is_empty() {
            let _ = write!(text, ": {}", counts.join(", "));
        }
        let unexpected = report.steps.iter().filter(|step| !step.unexpected.is_empty()).count();
        if unexpected > 0 {
            let _ = write!(text, "; {unexpected} not as expected");
        }
        let mut before = &report.initial;
        let mut worst: Option<(Shortage, usize)> = None;
        for (index, step) in report.steps.iter().enumerate() {
            if let Some(shortage) = shortages(step, before, &self.names).into_iter().next() {
                let is_worse = worst.as_ref().is_none_or(|(known, _)| {
                    shortage.lowest.saturating_mul(known.desired) < known.lowest.saturating_mul(shortage.desired)
                });
                if is_worse {
                    worst = Some((shortage, index + 1));
                }
            }
            before = match self.document.order {
                PlayOrder::OneAfterTheOther => &step.after,
                PlayOrder::EachAlone => before,
            };
        }
        match worst {
            Some((shortage, step)) => {
                let Shortage { workload, lowest, desired } = shortage;
                let _ = write!(text, "; lowest readiness {workload} {lowest}/{desired} in step {step}");
            }
            None => text.push_str("; every workload stayed whole"),
        }
        let end = report.steps.last().map_or(0, |step| step.ended_at.milliseconds());
        let _ = write!(text, "; {} of virtual time, as Kubernetes {}", duration(end), self.document.kubernetes);
        for line in wrap(&self.line(&text), self.width()) {
            let _ = writeln!(drawn, "{line}");
        }
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}
