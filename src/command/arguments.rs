//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::input::shown;
use super::node_argument::NodesArgument;
use crate::environment::{Failures, LabelKey};
use crate::manifest::api::KubernetesVersion;
use crate::report::{ColourChoice, Output};

/// Will this cluster still keep its promises?
///
/// Quorate checks Kubernetes manifests against policies, simulates rollouts, drains and node failures as Kubernetes 1.36 plays
/// them, and proves what holds for every placement.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 holds, 1 violated, 2 usage or nothing found, 3 undecided, 70 a defect of quorate."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check manifests: schema, policies, and rules backed by simulation
    Check(CheckArguments),
    /// Say where a pod can go, with scores, and why not elsewhere
    Schedule(ScheduleArguments),
    /// Play a rollout, a drain, a failure or a scenario, and say what happens
    Simulate(SimulateArguments),
    /// Prove guarantees for every legal placement and every set of failures, or show what breaks them
    Prove(ProveArguments),
    /// Check a proof file again, without the prover
    VerifyProof(VerifyProofArguments),
    /// Write a commented quorate.yaml from what is found in the manifests
    Init(InitArguments),
    /// The policies' own tests, the rules, their documentation
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What a rule finds, why it matters, and how to mend it
    Explain(ExplainArguments),
}

/// What is read, and how.
#[derive(Clone, Debug, Args)]
pub(super) struct InputArguments {
    /// Files, directories, or - for standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// The same as PATH; can be given several times
    #[arg(short, long = "filename", value_name = "PATH")]
    pub(super) filenames: Vec<PathBuf>,
    /// A quorate.yaml; several are joined, the later one wins. Without it the nearest one beside or above each PATH
    #[arg(long, value_name = "FILE")]
    pub(super) environment: Vec<PathBuf>,
    /// The configuration of the cluster's scheduler, a KubeSchedulerConfiguration: what kube-scheduler is given with --config.
    /// Without it the one that quorate.yaml names, else kube-scheduler's defaults
    #[arg(long, value_name = "FILE")]
    pub(super) scheduler_config: Option<PathBuf>,
    /// Nodes, where neither manifests nor quorate.yaml give any, for example 3x4cpu,8Gi,zone=a; ephemeral storage does not
    /// limit them
    #[arg(long, value_name = "NODES")]
    pub(super) nodes: Vec<NodesArgument>,
    /// The namespace of workloads that are named without one
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    pub(super) namespace: String,
    /// The version whose removed and deprecated APIs are reported; the modelled behaviour is that of 1.36
    #[arg(long, value_name = "VERSION", default_value = "1.36")]
    pub(super) kubernetes_version: KubernetesVersion,
}

impl InputArguments {
    /// Positional and named paths together.
    pub(super) fn all_paths(&self) -> Vec<PathBuf> {
        self.paths.iter().chain(&self.filenames).cloned().collect()
    }

    /// The same input once more, as arguments of another command.
    pub(super) fn as_written(&self) -> String {
        let mut words: Vec<String> = self.all_paths().iter().map(|path| in_shell(&shown(path))).collect();
        let mut flag = |name: &str, value: &str| words.push(format!("{name} {}", in_shell(value)));
        for path in &self.environment {
            flag("--environment", &shown(path));
        }
        if let Some(path) = &self.scheduler_config {
            flag("--scheduler-config", &shown(path));
        }
        for nodes in &self.nodes {
            flag("--nodes", &nodes.to_string());
        }
        words.join(" ")
    }
}

/// A word as a shell takes it.
fn in_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:@+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// How results are shown.
#[derive(Clone, Debug, Args)]
pub(super) struct OutputArguments {
    /// human, json, sarif or github, to standard output or with =FILE to a file; can be given several times
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    pub(super) outputs: Vec<Output>,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColourChoice::Auto)]
    pub(super) color: ColourChoice,
    /// Show everything that is otherwise folded together
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// The closing line alone, and no progress
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) input: InputArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// The severity at and above which findings make the check fail
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub(super) fail_on: FailOn,
    /// Run only these rules or packs
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) include: Vec<String>,
    /// Do not run these rules or packs
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) exclude: Vec<String>,
    /// A directory of further policies in Rego
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) policy: Vec<PathBuf>,
    /// Read policies as Rego v0
    #[arg(long)]
    pub(super) rego_v0: bool,
    /// Today, for the expiry of waivers, so that results do not change with the date: 2026-11-23, or a time of that day
    /// with its offset, 2026-11-23T14:00:00Z (the day is the one it names there); without it the clock is asked
    #[arg(long, value_name = "DATE|TIME")]
    pub(super) now: Option<NowArgument>,
    /// Seed of every choice that Kubernetes leaves open
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// No object at all is fine
    #[arg(long)]
    pub(super) allow_empty: bool,
}

/// `2026-11-23`, `2026-11-23T14:00:00Z` (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NowArgument {
    /// The day, as it is where the offset holds.
    pub(super) day: jiff::civil::Date,
    /// The moment; of a date alone its midnight in UTC.
    pub(super) moment: jiff::Timestamp,
}

impl std::str::FromStr for NowArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        static PARSER: jiff::fmt::temporal::DateTimeParser = jiff::fmt::temporal::DateTimeParser::new();
        let ways = "write a date, 2026-11-23, or a time with its offset, 2026-11-23T14:00:00Z";
        let pieces = PARSER.parse_pieces(text).map_err(|_| ways.to_owned())?;
        if pieces.time().is_some() != pieces.offset().is_some() {
            return Err(format!("it says no offset from UTC: {ways}"));
        }
        let moment = match pieces.time() {
            Some(_) => text.parse::<jiff::Timestamp>().map_err(|_| ways.to_owned())?,
            None => jiff::tz::TimeZone::UTC.to_timestamp(pieces.date().at(0, 0, 0, 0)).map_err(|_| ways.to_owned())?,
        };
        Ok(Self { day: pieces.date(), moment })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Error,
    Warning,
    Never,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("asked").required(true))]
pub(super) struct ScheduleArguments {
    #[command(flatten)]
    pub(super) input: InputArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// A file with a Pod or a workload (- for standard input), or one of PATH, for example deployment/default/backend
    #[arg(long, value_name = "POD", group = "asked")]
    pub(super) pod: Option<String>,
    /// Many pods, each for itself: a List, JSON lines or YAML documents; writes a line of JSON for each
    #[arg(long, value_name = "FILE", group = "asked")]
    pub(super) pods: Option<PathBuf>,
    /// Where the other pods are. auto: where PATH says, unless it has none on a node
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = PlacementArgument::Auto)]
    pub(super) placement: PlacementArgument,
    /// Seed of every choice that Kubernetes leaves open
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// Where the other pods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PlacementArgument {
    /// current if a pod of PATH is on a node, else scheduled
    Auto,
    /// On the nodes that PATH names
    Current,
    /// Where the scheduler puts them: the cluster at rest, simulated
    Scheduled,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct SimulateArguments {
    #[command(flatten)]
    pub(super) input: InputArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// A scenario file
    #[arg(long, value_name = "FILE", group = "what", conflicts_with_all = ["rollout", "drain", "fail", "failures"])]
    pub(super) scenario: Option<PathBuf>,
    /// Restart a workload, for example deployment/default/backend; can be given several times, one after the other
    #[arg(long, value_name = "WORKLOAD", group = "what")]
    pub(super) rollout: Vec<String>,
    /// Drain a node; can be given several times, one after the other, each stays cordoned
    #[arg(long, value_name = "NODE", group = "what")]
    pub(super) drain: Vec<String>,
    /// Crash a failure domain: node/NAME or zone/NAME; can be given several times, one after the other
    #[arg(long, value_name = "DOMAIN", group = "what")]
    pub(super) fail: Vec<String>,
    /// Crash every set of so many domains in turn, for example nodes=1
    #[arg(long, value_name = "KIND=N", group = "what", conflicts_with_all = ["rollout", "drain", "fail"])]
    pub(super) failures: Option<FailuresArgument>,
    /// Replace the nodes of a pool by upgraded ones, in an order in which no drain blocks if there is one: NAME (the nodes NAME-1,
    /// NAME-2 and so on) or a label KEY=VALUE
    #[arg(long, value_name = "POOL", group = "what", conflicts_with_all = ["scenario", "rollout", "drain", "fail", "failures"])]
    pub(super) upgrade: Option<String>,
    /// How many upgraded nodes --upgrade adds before the first old one goes
    #[arg(long, value_name = "N", requires = "upgrade")]
    pub(super) max_surge: Option<usize>,
    /// How many nodes may be missing beyond that
    #[arg(long, value_name = "N", requires = "upgrade")]
    pub(super) max_unavailable: Option<usize>,
    /// Everything that can happen: every order in which controllers, the scheduler and calls act at one moment, and every way in
    /// which a tie can be broken
    #[arg(long)]
    pub(super) explore: bool,
    /// How many states of each step --explore looks at
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "explore",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_states: u32,
    /// Save the state at the end to a file, from which --resume goes on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["failures", "upgrade"])]
    pub(super) save: Option<PathBuf>,
    /// Go on from a state that --save has written, in place of PATH
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["paths", "filenames", "environment", "scheduler_config", "nodes", "seed", "now"])]
    pub(super) resume: Option<PathBuf>,
    /// Seed of every choice that Kubernetes leaves open
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// What the wall clock shows when the simulation begins, for the schedules of CronJobs: 2026-11-23, or a time with its
    /// offset, 2026-11-23T14:00:00Z
    #[arg(long, value_name = "DATE|TIME")]
    pub(super) now: Option<NowArgument>,
}

/// `nodes=1`, `zones=1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailuresArgument {
    pub(super) kind: FailureKind,
    pub(super) count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    Nodes,
    Zones,
}

impl std::str::FromStr for FailuresArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "write nodes=1, nodes=2 or zones=1";
        let (kind, count) = text.split_once('=').ok_or(example)?;
        let kind = match kind {
            "nodes" | "node" => FailureKind::Nodes,
            "zones" | "zone" => FailureKind::Zones,
            _ => return Err(example.to_owned()),
        };
        let count = count.parse().ok().filter(|count| (1..=3).contains(count));
        Ok(Self { kind, count: count.ok_or("between 1 and 3 domains can fail at a time")? })
    }
}

#[derive(Debug, Args)]
pub(super) struct ProveArguments {
    #[command(flatten)]
    pub(super) input: InputArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    /// What may fail at once, for guarantees that are not declared: nodes=1, zones=1, or a node label and a number, rack=1;
    /// can be given several times
    #[arg(long, value_name = "KIND=N", value_parser = provable_failures)]
    pub(super) failures: Vec<Failures>,
    /// Only guarantees about this workload, for example deployment/default/backend; can be given several times
    #[arg(long, value_name = "WORKLOAD")]
    pub(super) workload: Vec<String>,
    /// Where proof files go
    #[arg(long, value_name = "DIRECTORY", default_value = ".quorate/proofs")]
    pub(super) proofs: PathBuf,
    /// Keep no proof files; they are checked all the same
    #[arg(long, conflicts_with = "proofs")]
    pub(super) no_proofs: bool,
    /// How many states an exact search looks at, for each claim
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_states: u32,
    /// Which violated guarantees changes are looked for with which they are proved to hold
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = RepairsArgument::Counted)]
    pub(super) repairs: RepairsArgument,
    /// How many changes are tried for each guarantee, single ones and pairs; a tenth of it with more than 2000 pods
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(super) max_tries: u16,
    /// Make the change with this number (mend N) in the files that it is about, if they are still as they were read
    #[arg(long, value_name = "N")]
    pub(super) write: Option<u16>,
    /// The first of the seeds with which the scheduler is played
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RepairsArgument {
    /// Those that count for the exit status
    Counted,
    /// All
    All,
    /// None
    None,
}

#[derive(Debug, Args)]
pub(super) struct VerifyProofArguments {
    /// The proof file
    #[arg(value_name = "FILE")]
    pub(super) proof: PathBuf,
    /// Also write the argument, where it is one by counting, as a formula and a proof that veripb checks: FILE's name with .opb and
    /// .pbp, in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) opb: Option<PathBuf>,
    #[command(flatten)]
    pub(super) input: InputArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
}

/// `nodes=1`, `zones=2`, `rack=1`.
fn provable_failures(text: &str) -> Result<Failures, String> {
    let example = "write nodes=1, zones=1, or a node label and a number, rack=1";
    let (kind, count) = text.split_once('=').ok_or(example)?;
    let count: u32 =
        count.parse().ok().filter(|count| (0..=16).contains(count)).ok_or("up to 16 domains can fail at once")?;
    match kind {
        "nodes" | "node" => Ok(Failures::Nodes(count)),
        "zones" | "zone" => Ok(Failures::Zones(count)),
        label => {
            let label = LabelKey::try_from(label.to_owned()).map_err(|error| format!("{error}; {example}"))?;
            Ok(Failures::Domains { label, count })
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// Files or directories of manifests to look at; without one the current directory
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Where to write; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "quorate.yaml")]
    pub(super) output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Run the tests that lie beside the policies
    Test(PolicyArguments),
    /// List the rules
    List(PolicyArguments),
    /// Write the rules' documentation as Markdown
    Docs(PolicyArguments),
}

#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    /// A directory of further policies in Rego
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) policy: Vec<PathBuf>,
    /// Read policies as Rego v0
    #[arg(long)]
    pub(super) rego_v0: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColourChoice::Auto)]
    pub(super) color: ColourChoice,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The rule, for example rollout-deadlock
    #[arg(value_name = "RULE")]
    pub(super) rule: String,
    /// A directory of further policies in Rego
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) policy: Vec<PathBuf>,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColourChoice::Auto)]
    pub(super) color: ColourChoice,
}
