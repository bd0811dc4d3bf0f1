//! Conformance: what the simulator says of a scenario is what a real 1.36.3 control plane does.
//!
//! One body, [`conforms`], on three arms:
//!
//! | arm | where its runs come from |
//! | --- | --- |
//! | simulated | the simulator itself with other seeds: whatever a seed decides must be among what can happen |
//! | recorded | `fixtures/recordings/1.36.3`: scenarios by hand, each played three times or more, and random ones |
//! | real | the harness of `tests/control-plane`, when `QUORATE_CONTROL_PLANE` is the path of its binary |
//!
//! On the real arm `QUORATE_CONTROL_PLANE_CASES` is how many of the scenarios by hand and how many random ones are played
//! (`12,20`), drawn from `QUORATE_CONTROL_PLANE_SEED`, which is printed. `QUORATE_CASES` leaves of the scenarios by hand only those
//! whose names contain it, on every arm.
//!
//! | file | what |
//! | --- | --- |
//! | `arms.rs` | recordings, and the harness |
//! | `case.rs` | a cluster with a scenario, played by the library |
//! | `facts.rs` | what is compared |
//! | `follow.rs` | whether a run is among what exploration finds |
//! | `generate.rs` | random cases |
//! | `shrink.rs` | makes a case that differs smaller |
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod arms;
#[path = "../binary/mod.rs"]
mod binary;
mod case;
mod facts;
mod follow;
mod generate;
mod shrink;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_sim::explore::{Likelihood, SearchLimits, explore};
use quorate_sim::simulation::Step;
use rayon::prelude::*;
use serde_json::Value;

use arms::{Harness, deal, folders, seconds};
use binary::{quorate, text};
use case::Case;
use facts::{Difference, Run, overlapping_budgets, waiting_reasons};
use follow::{Followed, follow};
use generate::{Draw, Generated, generate};

/// So many seeds are tried before everything that can happen is looked at.
const SEEDS: u64 = 32;
/// So many states of a step.
const STATES: usize = 1_500;

/// The body: what a run did is what the simulator says with one of a few seeds, or is among all that can happen.
fn conforms(case: &Case, real: &Run) -> Result<(), Difference> {
    let overlapping = overlapping_budgets(&settled(case));
    let mut furthest: Option<Difference> = None;
    for seed in 0..SEEDS {
        let simulated = case.play(seed).unwrap_or_else(|why| panic!("{}: {why}", case.name));
        let Some(difference) = real.difference(&simulated, &overlapping) else { return Ok(()) };
        if furthest.as_ref().is_none_or(|known| known.step < difference.step) {
            furthest = Some(difference);
        }
    }
    match follow(case, real, &overlapping, STATES) {
        Followed::Possible => Ok(()),
        Followed::Impossible(found) | Followed::Unknown(found) => {
            let nearest = furthest.map(|difference| difference.text).unwrap_or_default();
            Err(Difference { step: found.step, text: format!("{}\nnearest:\n{nearest}", found.text) })
        }
    }
}

/// The cluster of a case before its first step.
fn settled(case: &Case) -> quorate_sim::cluster::ClusterState {
    let (mut simulation, _) = case.load(0).unwrap_or_else(|why| panic!("{}: {why}", case.name));
    simulation.settle();
    simulation.state
}

/// Demands that nothing differs.
fn report(what: &str, compared: usize, failures: &[String]) {
    let shown: Vec<String> = failures.iter().take(40).map(|text| text.chars().take(2_500).collect()).collect();
    assert!(failures.is_empty(), "{} of {compared} {what} differ\n{}", failures.len(), shown.join("\n\n"));
}

fn failure(case: &Case, name: &str, real: &Run) -> Option<String> {
    conforms(case, real).err().map(|difference| format!("{}, {name}\n{}", case.name, difference.text))
}

#[test]
fn every_recording_is_what_the_simulator_says() {
    if Harness::path().is_none() {
        eprintln!("the recorded arm alone: QUORATE_CONTROL_PLANE names no harness to play on the real thing");
    }
    let mut runs: Vec<(Case, String, Run)> = Vec::new();
    let folders = folders();
    for folder in &folders {
        let recorded = arms::recorded(folder);
        assert!(recorded.len() >= 3, "{}: {} recordings", folder.display(), recorded.len());
        runs.extend(
            recorded.iter().map(|(name, recording)| (Case::read(folder), name.clone(), Run::recorded(recording))),
        );
    }
    let all = std::env::var_os("QUORATE_CASES").is_none();
    assert!(!all || folders.len() >= 140, "only {} scenarios", folders.len());
    let failures: Vec<String> = runs.par_iter().filter_map(|(case, name, run)| failure(case, name, run)).collect();
    report("recorded runs", runs.len(), &failures);
}

#[test]
fn every_random_recording_is_what_the_simulator_says() {
    let random = arms::random();
    assert!(random.len() >= 200, "only {} random cases", random.len());
    let failures: Vec<String> = random.par_iter().filter_map(|(case, run)| failure(case, "recorded", run)).collect();
    report("random cases", random.len(), &failures);
}

/// What exploration says of a step's outcome holds for every real run: what it calls `never` did not happen, what it calls
/// `always` did.
#[test]
fn always_and_never_hold_for_every_run() {
    let limits = SearchLimits { states: STATES, every_order: false };
    let judged = |folder: &PathBuf| {
        let case = Case::read(folder);
        let (mut simulation, steps) = case.load(0).unwrap();
        simulation.settle();
        let explored = explore(&simulation, &steps, &limits).steps;
        let (mut complete, mut failures) = (0, Vec::new());
        for (name, recording) in arms::recorded(folder) {
            for (index, (step, explored)) in Run::recorded(&recording).steps.iter().zip(&explored).enumerate() {
                complete += usize::from(explored.complete);
                for (outcome, found) in &explored.outcomes {
                    let (happened, likelihood) = (outcome.as_str() == step.outcome, found.likelihood);
                    let wrong = match likelihood {
                        Some(Likelihood::Always) => !happened,
                        Some(Likelihood::Never) => happened,
                        Some(Likelihood::Sometimes) | None => false,
                    };
                    if wrong {
                        let (case, outcome) = (&case.name, outcome.as_str());
                        failures.push(format!("{case}, {name}, step {}: {outcome} is {likelihood:?}", index + 1));
                    }
                }
            }
        }
        (complete, failures)
    };
    let judged: Vec<(usize, Vec<String>)> = folders().par_iter().map(judged).collect();
    let complete: usize = judged.iter().map(|(complete, _)| complete).sum();
    let failures: Vec<String> = judged.into_iter().flat_map(|(_, failures)| failures).collect();
    eprintln!("{complete} steps of recorded runs were judged by complete explorations");
    let all = std::env::var_os("QUORATE_CASES").is_none();
    assert!(!all || complete >= 300, "only {complete} steps were explored to the end");
    report("explored steps", complete, &failures);
}

/// The simulated arm: a run with another seed is one of those that can happen.
#[test]
fn every_seed_is_one_of_those_that_can_happen() {
    let failures: Vec<String> = folders()
        .par_iter()
        .filter_map(|folder| {
            let case = Case::read(folder);
            failure(&case, "seed 4", &case.play(4).unwrap())
        })
        .collect();
    report("seeds", folders().len(), &failures);
}

/// The whole binary says the same as the library, in the published form.
#[test]
fn the_binary_says_the_same() {
    let failures: Vec<String> = folders()
        .par_iter()
        .filter_map(|folder| {
            let case = Case::read(folder);
            let written = tempfile::tempdir().unwrap();
            case.write(written.path());
            let (cluster, scenario) = (written.path().join("cluster.yaml"), written.path().join("scenario.yaml"));
            let run = quorate(&["simulate", text(&cluster), "--scenario", text(&scenario), "-o", "json"]);
            let answer = run.json("simulate");
            let (_, steps) = case.load(0).unwrap();
            let holds = |(step, report): (&Step, &Value)| match step.expected_outcome {
                Some(expected) => report["outcome"] == expected.as_str(),
                None => report["outcome"] == "completed" || report["outcome"] == "allowed",
            };
            let held = steps.iter().zip(answer["steps"].as_array().unwrap()).all(holds);
            assert_eq!(run.status, i32::from(!held), "{}", case.name);
            let difference = case.play(0).unwrap().as_reported().difference(&Run::recorded(&answer).as_reported(), &[]);
            difference.map(|difference| format!("{}\n{}", case.name, difference.text))
        })
        .collect();
    report("answers of the binary", folders().len(), &failures);
}

/// What a scenario expects is what happens, on the simulator and in every recording: witnesses are no worse and no better than they say.
#[test]
fn witnesses_end_as_they_say() {
    let witnesses: Vec<PathBuf> = folders().into_iter().filter(|folder| arms::is_witness(folder)).collect();
    let all = std::env::var_os("QUORATE_CASES").is_none();
    assert!(!all || witnesses.len() >= 26, "only {} witnesses", witnesses.len());
    for folder in witnesses {
        let case = Case::read(&folder);
        let (mut simulation, steps) = case.load(0).unwrap();
        simulation.settle();
        let mut expected = 0;
        for (index, step) in steps.iter().enumerate() {
            let report = simulation.play(step);
            assert!(report.unexpected.is_empty(), "{}: {:?}", case.name, report.unexpected);
            for (workload, count) in &step.expected_available {
                expected += 1;
                for (name, recording) in arms::recorded(&folder) {
                    let real = really_available(&recording["steps"][index]["after"], workload);
                    assert_eq!(real, Some(*count), "{}, {name}: {workload}", case.name);
                }
            }
            if let Some(outcome) = step.expected_outcome {
                for (name, recording) in arms::recorded(&folder) {
                    assert_eq!(recording["steps"][index]["outcome"], outcome.as_str(), "{}, {name}", case.name);
                }
            }
        }
        assert!(expected > 0, "{} expects nothing", case.name);
    }
}

/// How many pods of a workload, or on its own, are available.
fn really_available(state: &Value, name: &str) -> Option<i64> {
    let numbers = &state["workloads"][name]["available"];
    let is_available = |pod: &&Value| pod["owner"] == name && pod["ready"] == true && pod["terminating"] == false;
    // Jobs and pods on their own have no such number.
    let counted = state["pods"].as_array().unwrap().iter().filter(is_available).count();
    numbers.as_i64().or_else(|| i64::try_from(counted).ok())
}

/// The twin: a comparison can fail. What one cluster did is not what another can do, in whatever order.
#[test]
fn another_cluster_does_not_conform() {
    let folder = |name: &str| binary::root("fixtures/recordings/1.36.3").join(name);
    let case = Case::read(&folder("03-qawave-4-workers"));
    let (_, other) = arms::recorded(&folder("01-qawave-rollout-deadlock")).remove(0);
    assert!(conforms(&case, &Run::recorded(&other)).is_err());
    let mut own = arms::recorded(&folder("03-qawave-4-workers")).remove(0).1;
    assert!(conforms(&case, &Run::recorded(&own)).is_ok());
    own["steps"][0]["minReady"]["deployment/default/backend"] = Value::from(2);
    assert!(conforms(&case, &Run::recorded(&own)).is_err());
}

/// The settings of scenarios are heard: without them the same crash takes longer.
#[test]
fn settings_matter() {
    let mut case = Case::read(&binary::root("fixtures/recordings/1.36.3/05-qawave-crash-recover"));
    let seconds = |case: &Case| {
        let (mut simulation, steps) = case.load(0).unwrap();
        simulation.settle();
        simulation.play(&steps[0]).ended_at.milliseconds() / 1000
    };
    let with = seconds(&case);
    case.scenario = case.scenario.split("  settings:").next().unwrap().to_owned();
    let without = seconds(&case);
    assert!(with < 20 && without > 300, "{with} {without}");
}

/// A pod that waits for a volume waits for what the real attach-detach controller says.
#[test]
fn what_a_pod_waits_for_is_what_its_event_says() {
    let mut compared = 0;
    for folder in folders() {
        for (name, recording) in arms::recorded(&folder) {
            let case = Case::read(&folder);
            let (mut simulation, steps) = case.load(0).unwrap();
            simulation.settle();
            for (step, real) in steps.iter().zip(recording["steps"].as_array().unwrap()) {
                let report = simulation.play(step);
                let real = waiting_reasons(&real["after"]);
                if !real.is_empty() {
                    let simulated = waiting_reasons(&serde_json::to_value(&report.after).unwrap());
                    assert_eq!(real, simulated, "{}, {name}, {}", case.name, report.action);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 0 || std::env::var_os("QUORATE_CASES").is_some(), "no recording says why a pod waits");
}

/// A volume is held as long as on the real thing: what the states before and after do not show.
#[test]
fn a_deleted_node_holds_its_volume_as_long() {
    let folder = binary::root("fixtures/recordings/1.36.3/volume-of-a-deleted-node");
    let (mut simulation, steps) = Case::read(&folder).load(0).unwrap();
    simulation.settle();
    let report = simulation.play(&steps[0]);
    let simulated = report.ended_at.since(report.started_at).milliseconds() / 1000;
    for (name, recording) in arms::recorded(&folder) {
        let real = recording["steps"][0]["seconds"].as_f64().unwrap();
        assert!(
            (real - f64::from(u32::try_from(simulated).unwrap())).abs() < 30.0,
            "{name}: {real} s, simulated {simulated} s"
        );
    }
}

/// The real arm: scenarios drawn from those by hand, and new random ones.
#[test]
fn the_real_thing_conforms() {
    let Some(path) = Harness::path() else {
        eprintln!("left out: nothing is played on the real thing (QUORATE_CONTROL_PLANE is not set)");
        return;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seed = std::env::var("QUORATE_CONTROL_PLANE_SEED").map_or(now, |seed| seed.parse().unwrap());
    let asked = std::env::var("QUORATE_CONTROL_PLANE_CASES").unwrap_or_else(|_| "12,20".to_owned());
    let (by_hand, random) = asked.split_once(',').unwrap();
    eprintln!("QUORATE_CONTROL_PLANE_SEED={seed}");
    let mut draw = Draw::new(seed);
    // What `quorate prove` has found is forced upon the real thing every time.
    let (witnesses, mut folders): (Vec<PathBuf>, Vec<PathBuf>) =
        folders().into_iter().partition(|folder| arms::is_witness(folder));
    while folders.len() > by_hand.parse().unwrap() {
        folders.remove(draw.below(folders.len()));
    }
    folders.extend(witnesses);
    let generated: Vec<Generated> =
        (0..random.parse::<u64>().unwrap()).map(|index| generate(seed.wrapping_add(index))).collect();
    let cases: Vec<(Case, Option<&Generated>)> = folders
        .iter()
        .map(|folder| (Case::read(folder), None))
        .chain(generated.iter().map(|own| (own.case(), Some(own))))
        .collect();
    let (failures, count) = (Mutex::new(Vec::new()), cases.len());
    std::thread::scope(|scope| {
        for mut share in deal(cases, Harness::at_once(), |(case, _)| seconds(case)) {
            // Cases with the same settings stand together: a control plane serves as many as it can.
            share.sort_by_key(|(case, _)| case.settings());
            let (path, failures) = (&path, &failures);
            scope.spawn(move || {
                let mut harness = Harness::start(path);
                for (case, generated) in share {
                    let found = real_failure(&mut harness, &case, generated);
                    failures.lock().unwrap().extend(found);
                }
            });
        }
    });
    report("real runs", count, &failures.into_inner().unwrap());
}

/// A case that differs is played twice more. What differs every time is a failure; what does not is printed: a race that the
/// simulator does not know, or a machine that was too busy to play it. A random case that fails is made smaller.
fn real_failure(harness: &mut Harness, case: &Case, generated: Option<&Generated>) -> Option<String> {
    let mut play = || match harness.play(case) {
        Ok(run) => failure(case, "real", &run),
        // A cluster that is there already was started otherwise than the case wants.
        Err(why) if why.starts_with("left out: ") => {
            eprintln!("{why}");
            None
        }
        Err(why) => Some(format!("{}: {why}", case.name)),
    };
    let text = play()?;
    if play().is_none() || play().is_none() {
        eprintln!("differs, but not every time:\n{text}");
        return None;
    }
    let Some(generated) = generated else { return Some(text) };
    let smallest = shrink::shrink(generated.clone(), 8, |smaller| {
        let case = smaller.case();
        case.load(0).is_ok() && harness.play(&case).is_ok_and(|run| conforms(&case, &run).is_err())
    });
    let smallest = smallest.case();
    Some(format!("{text}\nas small as it gets:\n{}\n{}", smallest.cluster, smallest.scenario))
}

/// Shares of the real arm end at about the same time, whatever order the cases come in.
#[test]
fn the_slowest_cases_are_spread() {
    let folders = folders();
    let cases: Vec<Case> = folders.iter().map(|folder| Case::read(folder)).collect();
    let longest = cases.iter().map(seconds).fold(0.0, f64::max);
    let dealt = deal(cases, 3, seconds);
    let loads: Vec<f64> = dealt.iter().map(|share| share.iter().map(seconds).sum()).collect();
    let (least, most) =
        loads.iter().fold((f64::MAX, 0.0_f64), |(least, most), load| (least.min(*load), most.max(*load)));
    assert_eq!(dealt.iter().map(Vec::len).sum::<usize>(), folders.len());
    assert!(most - least <= longest, "{loads:?}");
}

/// Writes the cases of `QUORATE_WRITE_CASES=FROM..TO:FOLDER`, for the harness to play and record.
#[test]
fn cases_are_written_for_the_harness() {
    let asked = std::env::var("QUORATE_WRITE_CASES").ok();
    let kept = tempfile::tempdir().unwrap();
    let asked = asked.unwrap_or_else(|| format!("7..9:{}", kept.path().display()));
    let (range, folder) = asked.split_once(':').unwrap();
    let (from, to) = range.split_once("..").unwrap();
    for seed in from.parse().unwrap()..to.parse::<u64>().unwrap() {
        let case = generate(seed).case();
        let folder = std::path::Path::new(folder).join(&case.name);
        case.write(&folder);
        assert_eq!(Case::read(&folder).scenario, case.scenario);
    }
}

/// A seed always makes the same case, and every case can be played.
#[test]
fn generated_cases_can_be_played() {
    for seed in 1000..1030 {
        let (one, other) = (generate(seed).case(), generate(seed).case());
        assert_eq!((one.cluster, one.scenario), (other.cluster.clone(), other.scenario.clone()));
        let first = other.play(0).unwrap();
        assert!(first.difference(&other.play(0).unwrap(), &[]).is_none(), "{seed}");
    }
}
