//! Where real runs come from: recordings, and the harness.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::binary::root;
use crate::case::Case;
use crate::facts::Run;

const RECORDINGS: &str = "fixtures/recordings/1.36.3";

/// The folders of all scenarios that were written by hand, or of those whose names contain `QUORATE_CASES`.
pub(crate) fn folders() -> Vec<PathBuf> {
    let wanted = std::env::var("QUORATE_CASES").unwrap_or_default();
    let entries = std::fs::read_dir(root(RECORDINGS)).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &PathBuf| path.is_dir() && path.to_str().unwrap().contains(&wanted);
    let mut folders: Vec<PathBuf> = entries.filter(is_wanted).collect();
    folders.sort();
    folders
}

/// Whether a scenario is a witness that `quorate prove` has found.
pub(crate) fn is_witness(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("witness-"))
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

/// How long a case takes on the real thing: as recorded, and of one that was never played 10 s a step (240 random recordings took
/// 9 to 11 s a step). A control plane with other settings takes a few seconds to start.
pub(crate) fn seconds(case: &Case) -> f64 {
    let recording = std::fs::read_to_string(root(RECORDINGS).join(&case.name).join("real-1.json"));
    let recorded = recording
        .ok()
        .and_then(|text| serde_json::from_str::<Value>(&text).unwrap()["recordedSeconds"]["total"].as_f64());
    recorded.unwrap_or_else(|| 10.0 * f64::from(u32::try_from(case.steps()).unwrap()))
}

/// Deals items out to so many shares: the slowest first, each to the share that has least to do.
pub(crate) fn deal<T>(mut items: Vec<T>, shares: usize, seconds: impl Fn(&T) -> f64) -> Vec<Vec<T>> {
    items.sort_by(|one, other| seconds(other).total_cmp(&seconds(one)));
    let mut dealt: Vec<(f64, Vec<T>)> = (0..shares).map(|_| (0.0, Vec::new())).collect();
    for item in items {
        let (load, share) = dealt.iter_mut().min_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
        *load += seconds(&item);
        share.push(item);
    }
    dealt.into_iter().map(|(_, share)| share).collect()
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

    /// How many play at once: `QUORATE_CONTROL_PLANE_PARALLEL`, 3 without it. On a cluster that is there already only one can.
    pub(crate) fn at_once() -> usize {
        if std::env::var_os("QUORATE_CONTROL_PLANE_KUBECONFIG").is_some() {
            return 1;
        }
        std::env::var("QUORATE_CONTROL_PLANE_PARALLEL").map_or(3, |number| number.parse().unwrap())
    }

    /// Starts it; a kubeconfig in `QUORATE_CONTROL_PLANE_KUBECONFIG` names the cluster to play on, and
    /// `QUORATE_CONTROL_PLANE_FLAGS` what that was started with.
    pub(crate) fn start(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.arg("serve");
        if let Some(kubeconfig) = std::env::var_os("QUORATE_CONTROL_PLANE_KUBECONFIG") {
            command.arg("--kubeconfig").arg(kubeconfig);
            command.arg("--flags").arg(std::env::var_os("QUORATE_CONTROL_PLANE_FLAGS").unwrap_or_default());
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
