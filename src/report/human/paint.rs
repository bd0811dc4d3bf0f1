//! Colours: few, always the same, and never the only carrier of a meaning.

use owo_colors::{OwoColorize as _, Style};

use crate::finding::Severity;
use crate::report::terminal_style::Colour;

use super::quote::Role;

/// Paints words, or leaves them as they are.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Paint(pub(in crate::report) Colour);

impl Paint {
    pub(in crate::report) fn styled(self, text: &str, style: Style) -> String {
        match self.0 {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => text.style(style).to_string(),
        }
    }

    /// In the colour of a severity.
    pub(in crate::report) fn severity(self, text: &str, severity: Severity) -> String {
        self.styled(text, colour(severity).bold())
    }

    /// A message.
    pub(in crate::report) fn strong(self, text: &str) -> String {
        self.styled(text, Style::new().bold())
    }

    /// What is there for those who look for it.
    pub(in crate::report) fn quiet(self, text: &str) -> String {
        self.styled(text, Style::new().dimmed())
    }

    /// A file's position.
    pub(in crate::report) fn place(self, text: &str) -> String {
        self.styled(text, Style::new().cyan())
    }

    /// The word before a line below a finding: `why`, `mend`.
    pub(in crate::report) fn key(self, text: &str) -> String {
        self.styled(text, Style::new().cyan().bold())
    }

    /// Good news.
    pub(in crate::report) fn good(self, text: &str) -> String {
        self.styled(text, Style::new().green().bold())
    }

    /// How a marked place is underlined.
    pub(super) fn highlight(self, role: Role, severity: Severity) -> Style {
        match (self.0, role) {
            (Colour::Plain, _) => Style::new(),
            (Colour::Ansi, Role::Primary) => colour(severity).bold(),
            (Colour::Ansi, Role::Related) => Style::new().blue().bold(),
        }
    }
}

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::new().red(),
        Severity::Warning => Style::new().yellow(),
        Severity::Info => Style::new().blue(),
    }
}
