//! Where reports go: standard output, or files.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::arguments::OutputArguments;
use super::error::CommandError;
use super::input::shown;
use crate::report::{Detail, Format, Output, ReportError, TerminalStyle};

/// The width of a report for people that goes to a file, in columns.
const FILE_WIDTH: usize = 120;

/// How to write on the terminal.
pub(super) fn style(arguments: &OutputArguments) -> TerminalStyle {
    let detail = match (arguments.verbose, arguments.quiet) {
        (true, _) => Detail::Verbose,
        (false, true) => Detail::Quiet,
        (false, false) => Detail::Normal,
    };
    TerminalStyle::detect(arguments.color, detail)
}

/// Writes each output that was asked for, for people where none was.
///
/// # Errors
/// When two go to standard output, or one cannot be written.
pub(super) fn write_all(
    arguments: &OutputArguments,
    style: &TerminalStyle,
    mut write: impl FnMut(Format, &TerminalStyle, &mut dyn Write) -> Result<(), ReportError>,
) -> Result<(), CommandError> {
    let default = [Output { format: Format::Human, file: None }];
    let outputs = if arguments.outputs.is_empty() { default.as_slice() } else { &arguments.outputs };
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        let message = "only one format can go to standard output; write the others to files with -o FORMAT=FILE";
        return Err(CommandError::Usage(message.to_owned()));
    }
    for output in outputs {
        match &output.file {
            Some(path) => {
                let in_file = |source| CommandError::File { path: shown(path), source };
                let mut file = BufWriter::new(File::create(path).map_err(in_file)?);
                write(output.format, &TerminalStyle::plain(FILE_WIDTH), &mut file)?;
                file.flush().map_err(in_file)?;
            }
            None => to_standard_output(|out| write(output.format, style, out))?,
        }
    }
    Ok(())
}

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
///
/// # Errors
/// When it cannot be written for another reason.
pub(super) fn to_standard_output(
    write: impl FnOnce(&mut dyn Write) -> Result<(), ReportError>,
) -> Result<(), CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush().map_err(ReportError::from));
    match written {
        Err(ReportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CommandError::from),
    }
}
