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

/// An error output as one line, without what differs between runs.
fn summary(message: &[u8]) -> String {
    const CHARACTERS: usize = 2000;
    let text = String::from_utf8_lossy(message);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_idle = |line: &str| {
        let starts = ["# Warning:", "Warning:", "WARNING:", "Use --debug flag"];
        starts.iter().any(|start| line.starts_with(start)) || matches!(line, "<" | ">")
    };
    // What was logged before the error is not why it failed.
    let error = lines().position(|line| line.starts_with("Error: "));
    let said = lines().skip(error.unwrap_or(0)).filter(|line| !is_idle(line)).map(without_log_head);
    let said = said.filter(|line| !is_idle(line));
    let mut line = said.collect::<Vec<_>>().join("; ");
    if line.is_empty() {
        line = lines().collect::<Vec<_>>().join("; ");
    }
    let line = line.trim_start_matches("Error: ").trim_start_matches("error: ");
    line.char_indices().nth(CHARACTERS).map_or_else(|| line.to_owned(), |(end, _)| format!("{}…", &line[..end]))
}

/// A line of Kubernetes' log without its head, which has the time and the process: kubectl reports errors of kustomize as
/// `E1123 19:11:44.391574   16202 run.go:72] "command failed" err="…"`, or `err=<` and the lines of the error.
fn without_log_head(line: &str) -> &str {
    let is_head = |head: &str| {
        let mut words = head.split_whitespace();
        let level = words.next().unwrap_or_default();
        let day = level.trim_start_matches(['I', 'W', 'E', 'F']);
        day.len() == 4 && level.len() == 5 && day.bytes().all(|byte| byte.is_ascii_digit()) && words.count() == 3
    };
    let Some((_, message)) = line.split_once("] ").filter(|(head, _)| is_head(head)) else { return line };
    let message = message.trim_start_matches("\"command failed\" err=");
    message.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn an_error_output_is_one_line_that_every_run_gives_again() {
        for (written, line) in [
            ("Error: chart not found\n", "chart not found"),
            (
                "E1123 19:22:08.100151   29194 run.go:72] \"command failed\" err=\"accumulating: 'a.yaml' [b] c\"\n",
                "accumulating: 'a.yaml' [b] c",
            ),
            (
                "E1123 19:22:08.310631   29198 run.go:72] \"command failed\" err=<\n\ttrouble: `\n\tname: a\n >\n",
                "trouble: `; name: a",
            ),
            ("# Warning: 'commonLabels' is deprecated.\nError: no such file\n", "no such file"),
            ("# Warning: 'commonLabels' is deprecated.\n", "# Warning: 'commonLabels' is deprecated."),
            ("a list [1] of [2] things\n", "a list [1] of [2] things"),
            (
                "WARNING: This chart is deprecated\ncoalesce.go:298: warning: cannot overwrite table\n\
                 Error: execution error at (a.yaml:4:2): x must be set\n\nUse --debug flag to render out invalid YAML\n",
                "execution error at (a.yaml:4:2): x must be set",
            ),
            ("WARNING: This chart is deprecated\n", "WARNING: This chart is deprecated"),
        ] {
            assert_eq!(summary(written.as_bytes()), line);
        }
    }
}
