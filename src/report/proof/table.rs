//! For people: a table for each guarantee, what breaks it, and what the words mean.

use std::fmt::Write as _;
use std::io;

use quorate_proof::claim::Placement;

use crate::finding::Severity;
use crate::report::human::{Paint, WIDEST_PROSE, wrap};
use crate::report::printable::{self, count};
use crate::report::terminal_style::{Detail, TerminalStyle};

use super::document::{AtPlacement, GuaranteeReport, GuaranteeSubject, PhaseWord, ProofDocument, Repairs, VerdictWord};
use super::{mends, words};

/// The width of a column of verdicts.
const COLUMN: usize = 11;
/// The width of the words before lines and rows.
const KEY: usize = 11;

const PLACEMENTS: [Placement; 4] = [Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable];
const PHASES: [PhaseWord; 4] = [PhaseWord::Instant, PhaseWord::Recovered, PhaseWord::Removed, PhaseWord::Progress];

struct Sheet<'a> {
    document: &'a ProofDocument<'a>,
    style: &'a TerminalStyle,
    paint: Paint,
}

pub(super) fn write(document: &ProofDocument<'_>, style: &TerminalStyle, out: &mut dyn io::Write) -> io::Result<()> {
    let sheet = Sheet { document, style, paint: Paint(style.colour) };
    let mut drawn = String::new();
    if style.detail != Detail::Quiet {
        for guarantee in document.guarantees {
            sheet.draw_guarantee(&mut drawn, guarantee);
            drawn.push('\n');
        }
        sheet.draw_no_promises(&mut drawn);
        sheet.draw_words(&mut drawn);
        sheet.draw_assumptions(&mut drawn);
    }
    sheet.draw_closing(&mut drawn);
    out.write_all(drawn.as_bytes())
}

/// What breaks a guarantee, or is open.
struct Said<'a> {
    word: VerdictWord,
    text: String,
    places: Vec<String>,
    /// The command that shows it.
    replay: Option<&'a str>,
}

impl Sheet<'_> {
    fn line(&self, text: &str) -> String {
        printable::line(text, self.style.characters)
    }

    fn width(&self) -> usize {
        self.style.width.clamp(40, WIDEST_PROSE)
    }

    fn draw_guarantee(&self, drawn: &mut String, guarantee: &GuaranteeReport) {
        let from = match &guarantee.subject {
            _ if guarantee.declared => "declared in quorate.yaml".to_owned(),
            GuaranteeSubject::Workload(_) => "several replicas, no budget".to_owned(),
            GuaranteeSubject::Budget { name, .. } => format!("PodDisruptionBudget {name}"),
            GuaranteeSubject::DataStore { name, needs, .. } => {
                format!("{} takes writes with {needs}", words::data_store(name))
            }
        };
        for line in wrap(&self.line(&words::claim(guarantee)), self.width()) {
            let _ = writeln!(drawn, "{}", self.paint.strong(&line));
        }
        for line in wrap(&self.line(&from), self.width().saturating_sub(2)) {
            let _ = writeln!(drawn, "{}", self.paint.quiet(&format!("  {line}")));
        }
        let placements: Vec<Placement> = PLACEMENTS
            .into_iter()
            .filter(|placement| guarantee.verdicts.iter().any(|verdict| verdict.placement == *placement))
            .collect();
        let mut head = format!("  {:KEY$}", "");
        for placement in &placements {
            let _ = write!(head, "{:COLUMN$}", words::placement(*placement));
        }
        let _ = writeln!(drawn, "{}", self.paint.quiet(head.trim_end()));
        for phase in PHASES {
            let of_phase: Vec<&AtPlacement> =
                guarantee.verdicts.iter().filter(|verdict| verdict.phase == phase).collect();
            if of_phase.is_empty() {
                continue;
            }
            let _ = write!(drawn, "  {}", self.paint.quiet(&format!("{:KEY$}", words::phase(phase))));
            for (index, placement) in placements.iter().enumerate() {
                let verdict = of_phase.iter().find(|verdict| verdict.placement == *placement);
                let word = verdict.map_or("", |verdict| verdict.verdict.as_str());
                let padded = if index + 1 == placements.len() { word.to_owned() } else { format!("{word:COLUMN$}") };
                let _ = write!(
                    drawn,
                    "{}",
                    verdict.map_or_else(|| padded.clone(), |own| self.verdict(&padded, own.verdict))
                );
            }
            drawn.push('\n');
        }
        self.draw_reasons(drawn, guarantee);
        self.draw_repairs(drawn, &guarantee.repairs);
    }

    /// A line for each repair with its price in a column, and one that says how many changes were tried.
    fn draw_repairs(&self, drawn: &mut String, repairs: &Repairs) {
        let rows = mends::rows(repairs);
        let column = rows.iter().map(|row| row.change.chars().count()).max().unwrap_or(0);
        for row in &rows {
            let (change, price) = (self.line(row.change), self.line(&row.price));
            if KEY + 5 + column + price.chars().count() > self.width() {
                self.draw_keyed(drawn, &row.key, &format!("{change}: {price}"));
            } else {
                let key = self.paint.key(&format!("{:KEY$}", row.key));
                let _ = writeln!(drawn, "  {key}{change:column$}   {price}");
            }
        }
        if let Some(text) = mends::tried(repairs) {
            self.draw_keyed(drawn, "tried", &text);
        }
    }

    fn verdict(&self, text: &str, verdict: VerdictWord) -> String {
        match verdict {
            VerdictWord::Proved => self.paint.good(text),
            VerdictWord::Undecided => self.paint.severity(text, Severity::Warning),
            VerdictWord::Violated => self.paint.severity(text, Severity::Error),
        }
    }

    /// What breaks it and what is open, each once.
    fn draw_reasons(&self, drawn: &mut String, guarantee: &GuaranteeReport) {
        let mut said: Vec<Said<'_>> = Vec::new();
        for verdict in &guarantee.verdicts {
            let text = match (&verdict.witness, verdict.verdict) {
                (Some(witness), _) => words::witness(witness, guarantee.of),
                (None, VerdictWord::Proved) => continue,
                (None, _) => verdict.reason.clone(),
            };
            let at = format!("{}/{}", words::placement(verdict.placement), words::phase(verdict.phase));
            match said.iter_mut().find(|own| own.word == verdict.verdict && own.text == text) {
                Some(own) => own.places.push(at),
                None => {
                    let replay = verdict.witness.as_ref().and_then(|witness| witness.scenario.as_ref());
                    let replay = replay.map(|replay| replay.command.as_str());
                    said.push(Said { word: verdict.verdict, text, places: vec![at], replay });
                }
            }
        }
        said.sort_by_key(|own| std::cmp::Reverse(own.word));
        for Said { word, text, places, replay } in said {
            let key = match word {
                VerdictWord::Violated => "broken by",
                VerdictWord::Undecided => "open",
                VerdictWord::Proved => "holds",
            };
            let is_verbose = self.style.detail == Detail::Verbose;
            let text = if is_verbose { format!("{text} [{}]", places.join(", ")) } else { text };
            self.draw_keyed(drawn, key, &text);
            if let Some(command) = replay {
                // In one line, to be copied.
                let _ = writeln!(drawn, "  {}{}", self.paint.key(&format!("{:KEY$}", "replay")), self.line(command));
            }
        }
    }

    fn draw_keyed(&self, drawn: &mut String, key: &str, text: &str) {
        let width = self.width().saturating_sub(KEY + 2);
        for (index, line) in wrap(&self.line(text), width).iter().enumerate() {
            let key = if index == 0 { key } else { "" };
            let _ = writeln!(drawn, "  {}{line}", self.paint.key(&format!("{key:KEY$}")));
        }
    }

    fn draw_no_promises(&self, drawn: &mut String) {
        for own in self.document.no_promises {
            for line in wrap(&self.line(&words::no_promise(own)), self.width()) {
                let _ = writeln!(drawn, "{}", self.paint.quiet(&line));
            }
        }
        if !self.document.no_promises.is_empty() {
            drawn.push('\n');
        }
    }

    /// What the words of the tables mean.
    fn draw_words(&self, drawn: &mut String) {
        let verdicts = || self.document.guarantees.iter().flat_map(|guarantee| &guarantee.verdicts);
        for placement in PLACEMENTS {
            if verdicts().any(|verdict| verdict.placement == placement) {
                self.draw_meaning(drawn, words::placement(placement), words::placement_meaning(placement));
            }
        }
        for phase in PHASES {
            if verdicts().any(|verdict| verdict.phase == phase) {
                self.draw_meaning(drawn, words::phase(phase), words::phase_meaning(phase));
            }
        }
    }

    fn draw_meaning(&self, drawn: &mut String, word: &str, meaning: &str) {
        for (index, line) in wrap(meaning, self.width().saturating_sub(KEY + 2)).iter().enumerate() {
            let word = if index == 0 { word } else { "" };
            let _ = writeln!(drawn, "{}", self.paint.quiet(&format!("  {word:KEY$}{line}")));
        }
    }

    fn draw_assumptions(&self, drawn: &mut String) {
        if self.document.assumptions.is_empty() {
            return;
        }
        drawn.push('\n');
        match self.style.detail {
            Detail::Verbose => {
                for assumption in self.document.assumptions {
                    self.draw_keyed(drawn, "assumed", assumption);
                }
            }
            Detail::Normal | Detail::Quiet => {
                let number = count(self.document.assumptions.len(), "assumption", "assumptions");
                let text = format!("every verdict rests on {number} (-v lists them)");
                let _ = writeln!(drawn, "{}", self.paint.quiet(&text));
            }
        }
    }

    fn draw_closing(&self, drawn: &mut String) {
        let verdicts = || self.document.guarantees.iter().flat_map(|guarantee| &guarantee.verdicts);
        let number = |word: VerdictWord| verdicts().filter(|verdict| verdict.verdict == word).count();
        let mut text = format!(
            "{}: {} proved, {} violated, {} undecided",
            count(self.document.guarantees.len(), "guarantee", "guarantees"),
            number(VerdictWord::Proved),
            number(VerdictWord::Violated),
            number(VerdictWord::Undecided)
        );
        if let Some(directory) = self.document.proofs {
            let _ = write!(text, "; proof files in {directory}, checked (quorate verify-proof checks them again)");
        }
        if !self.document.has_current {
            text.push_str("; no pod of the input is on a node, so there is nothing to say about the current placement");
        }
        if let Some(elapsed) = self.document.elapsed {
            let _ = write!(text, " ({:.1} s)", elapsed.as_secs_f64());
        }
        for line in wrap(&self.line(&text), self.width()) {
            let _ = writeln!(drawn, "{line}");
        }
    }
}
