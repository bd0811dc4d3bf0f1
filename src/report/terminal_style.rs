//! What the terminal can show and how much the user wants to see.

use std::io::IsTerminal;

/// How human output is drawn. Reports take it as an argument; [`TerminalStyle::detect`] finds out what the standard
/// output of this process can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Columns; lines of prose and snippets are kept within it as far as words allow.
    pub width: usize,
    /// Whether colours are used.
    pub colour: Colour,
    /// The characters it can show.
    pub characters: Characters,
    /// Whether rule names link to their documentation.
    pub links: Links,
    /// How much is shown.
    pub detail: Detail,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// No escape sequence is written.
    Plain,
    /// The sixteen colours that every terminal theme defines.
    Ansi,
}

/// The characters a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// All of Unicode.
    Unicode,
    /// ASCII only; everything else is transliterated or escaped.
    Ascii,
}

/// Whether the terminal follows links (OSC 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// No link is written.
    None,
    /// Rule names link to their documentation.
    Hyperlinks,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The closing line alone (`-q`).
    Quiet,
    /// One finding of each cause in full, the others in a list.
    Normal,
    /// Every cause in full, every list whole (`-v`).
    Verbose,
}

/// What the user says about colours: `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColourChoice {
    /// Colours on a terminal that can show them, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Colours always, also into a pipe.
    Always,
    /// No colours.
    Never,
}

/// The width of output that does not go to a terminal: logs of build systems wrap nothing and cut nothing.
const WIDTH_OF_A_PIPE: usize = 120;
/// Below this nothing can be laid out; the terminal wraps.
const LEAST_WIDTH: usize = 40;

impl TerminalStyle {
    /// No colours, no links, Unicode: for a pipe or a file.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self {
            width,
            colour: Colour::Plain,
            characters: Characters::Unicode,
            links: Links::None,
            detail: Detail::Normal,
        }
    }

    /// What the standard output of this process can show. Reads the environment (`NO_COLOR`, `FORCE_COLOR`, `TERM`,
    /// `LC_ALL`,
    /// `LC_CTYPE`, `LANG` and what terminals set) and asks the terminal for its width.
    #[must_use]
    pub fn detect(choice: ColourChoice, detail: Detail) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let width = match terminal_size::terminal_size_of(std::io::stdout()) {
            Some((terminal_size::Width(width), _)) if is_terminal => usize::from(width).max(LEAST_WIDTH),
            Some(_) | None => WIDTH_OF_A_PIPE,
        };
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match choice {
            ColourChoice::Always => Colour::Ansi,
            ColourChoice::Auto if !refused && supports_color::on(supports_color::Stream::Stdout).is_some() => {
                Colour::Ansi
            }
            ColourChoice::Auto | ColourChoice::Never => Colour::Plain,
        };
        let links = match colour {
            Colour::Ansi if is_terminal && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout) => {
                Links::Hyperlinks
            }
            Colour::Ansi | Colour::Plain => Links::None,
        };
        // A terminal shows what its locale says; into a pipe always goes Unicode.
        let characters = if supports_unicode::on(supports_unicode::Stream::Stdout) {
            Characters::Unicode
        } else {
            Characters::Ascii
        };
        Self { width, colour, characters, links, detail }
    }
}
