//! Where real runs come from: recordings, and the harness.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::binary::root;
use crate::case::Case;
use crate::facts::Run;

const RECORDINGS: &str = "fixtures/recordings/1.36.3";

/// The folders of all scenarios that were written by hand.
pub(crate) fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root(RECORDINGS)).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The recordings of a scenario, each with the name of its file.
pub(crate) fn recorded(folder: &Path) -> Vec<(String, Value)> {
    let file = |number: usize| {
        let name = format!("real-{number}.json");
        let text = std::fs::read_to_string(folder.join(&name)).ok()?;
        Some((name, serde_json::from_str(&text).unwrap()))
    };
    (1..).map_while(file).collect()
}

/// The random cases with what really happened.
pub(crate) fn random() -> Vec<(Case, Run)> {
    let bytes = std::fs::read(root(RECORDINGS).join("random.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    let case = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["recording"]["case"].as_str().unwrap();
        let case = Case::of_json(name, line["objects"].as_array().unwrap(), &line["scenario"]);
        (case, Run::recorded(&line["recording"]))
    };
    text.lines().map(case).collect()
}

/// The harness of `tests/control-plane`, which keeps its control plane from one case to the next.
pub(crate) struct Harness {
    child: Child,
    answers: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

impl Harness {
    /// The path of its binary, if there is one.
    pub(crate) fn path() -> Option<PathBuf> {
        std::env::var_os("QUORATE_CONTROL_PLANE").map(PathBuf::from)
    }

    /// Starts it; a kubeconfig in `QUORATE_CONTROL_PLANE_KUBECONFIG` names the cluster to play on.
    pub(crate) fn start(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.arg("serve");
        if let Some(kubeconfig) = std::env::var_os("QUORATE_CONTROL_PLANE_KUBECONFIG") {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers, folder: tempfile::tempdir().unwrap() }
    }

    /// Plays a case on the real thing.
    pub(crate) fn play(&mut self, case: &Case) -> Result<Run, String> {
        let folder = self.folder.path().join(&case.name);
        case.write(&folder);
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{}", folder.display()).map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        let recording: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))?;
        match recording["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Run::recorded(&recording)),
        }
    }
}

impl Drop for Harness {
    /// It ends, and its control plane with it, when it is told nothing more.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
