//! Runs a renderer with a limit on its time and its output.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The program `name` in the directories of `search_path` (`None`: of `PATH`).
pub(super) fn find(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let search_path = search_path.map(OsStr::to_owned).or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&search_path).map(|directory| directory.join(name)).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Why a program gave no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    /// It did not start, or its output could not be read.
    #[error("{program} cannot be run: {source}")]
    Run {
        /// Its name.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} says: {message}")]
    Failed {
        /// Its name.
        program: String,
        /// What it wrote to its standard error, shortened.
        message: String,
    },
    /// It took too long.
    #[error("{program} took longer than {seconds} s and was ended")]
    TooSlow {
        /// Its name.
        program: String,
        /// The limit.
        seconds: u64,
    },
}

/// Bytes of a program's error output that are kept.
const MESSAGE_BYTES: u64 = 16 << 10;

/// Runs `program` and gives what it writes, at most one byte more than `output_bytes`. It gets no standard input and
/// no way into a network that goes through proxies or git.
pub(super) fn run(
    program: &Path,
    arguments: &[OsString],
    time: Duration,
    output_bytes: usize,
) -> Result<Vec<u8>, ProgramError> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed_to_run = |source| ProgramError::Run { program: name.clone(), source };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (variable, value) in CLOSED_ENVIRONMENT {
        command.env(variable, value);
    }
    let mut child = command.spawn().map_err(failed_to_run)?;
    let output = reader(child.stdout.take(), output_bytes as u64 + 1);
    let message = reader(child.stderr.take(), MESSAGE_BYTES);
    let status = wait(&mut child, time).map_err(failed_to_run)?;
    let message = message.join().unwrap_or_default();
    let output = output.join().unwrap_or_default();
    match status {
        None => Err(ProgramError::TooSlow { program: name, seconds: time.as_secs() }),
        Some(status) if status.success() || output.len() > output_bytes => Ok(output),
        Some(_) => Err(ProgramError::Failed { program: name, message: summary(&message) }),
    }
}

/// Renderers work on local files only.
const CLOSED_ENVIRONMENT: [(&str, &str); 8] = [
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ("ALL_PROXY", "http://127.0.0.1:9"),
    ("NO_PROXY", ""),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("KUBECONFIG", "/dev/null"),
    ("HELM_PLUGINS", "/dev/null"),
    ("HELM_NO_PLUGINS", "1"),
];

fn reader(stream: Option<impl Read + Send + 'static>, most: u64) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What was read before an error is enough to tell what happened. Closing the pipe ends a program that goes
            // on.
            drop(stream.take(most).read_to_end(&mut bytes));
        }
        bytes
    })
}

/// Waits for the end; `None` when it had to be ended.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= time {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// An error output as one line.
fn summary(message: &[u8]) -> String {
    const CHARACTERS: usize = 2000;
    let text = String::from_utf8_lossy(message);
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    // kubectl may wrap its message in a line of its log.
    let line = line.split_once("err=<; ").map_or(line.as_str(), |(_, message)| message.trim_end_matches("; >"));
    let line = line.trim_start_matches("Error: ").trim_start_matches("error: ");
    line.char_indices().nth(CHARACTERS).map_or_else(|| line.to_owned(), |(end, _)| format!("{}…", &line[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_output_is_one_line_without_decoration() {
        assert_eq!(summary(b"Error: a\n\n  b\n"), "a; b");
        let log = b"E1123 18:35:05.404367 10151 run.go:72] \"command failed\" err=<\n\ttrouble\n >\n";
        assert_eq!(summary(log), "trouble");
    }
}
