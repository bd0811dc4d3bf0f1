//! What a step's row and the lines below it say, without colours and layout.

use std::collections::BTreeMap;

use quorate_sim::cluster::Time;
use quorate_sim::simulation::{PodSummary, StateSummary, StepOutcome, StepReport};

use crate::report::printable::count;
use crate::report::terminal_style::Detail;

/// Whether an outcome is what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It happened.
    Good,
    /// It was refused or denied: a protection did its work.
    Denied,
    /// It hangs.
    Bad,
}

pub(super) const fn mood(outcome: StepOutcome) -> Mood {
    match outcome {
        StepOutcome::Completed | StepOutcome::Allowed => Mood::Good,
        StepOutcome::Denied429 | StepOutcome::Denied500 | StepOutcome::Refused => Mood::Denied,
        StepOutcome::Failed | StepOutcome::Blocked | StepOutcome::Stuck | StepOutcome::Livelock => Mood::Bad,
    }
}

/// A workload that had fewer ready pods than it should at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    /// Its short name.
    pub(super) workload: String,
    pub(super) lowest: i64,
    pub(super) desired: i64,
}

/// The shortest names that still tell the workloads apart: `backend`, else `deployment/backend`, else the whole.
pub(super) struct ShortNames {
    names: BTreeMap<String, String>,
}

impl ShortNames {
    pub(super) fn of<'a>(workloads: impl Iterator<Item = &'a String>) -> Self {
        let mut users: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for workload in workloads {
            let short = workload.rsplit('/').next().unwrap_or(workload);
            let known = users.entry(short).or_default();
            if !known.contains(&workload) {
                known.push(workload);
            }
        }
        let names = users
            .into_iter()
            .flat_map(|(short, workloads)| {
                let is_only = workloads.len() == 1;
                workloads
                    .into_iter()
                    .map(move |workload| (workload.clone(), if is_only { short.to_owned() } else { workload.clone() }))
            })
            .collect();
        Self { names }
    }

    pub(super) fn get<'a>(&'a self, workload: &'a str) -> &'a str {
        self.names.get(workload).map_or(workload, String::as_str)
    }
}

/// The workloads that fell below their number, the worst first.
pub(super) fn shortages(step: &StepReport, before: &StateSummary, names: &ShortNames) -> Vec<Shortage> {
    let mut shortages: Vec<Shortage> = step
        .min_ready
        .iter()
        .filter_map(|(workload, lowest)| {
            let desired = step.after.workloads.get(workload).or_else(|| before.workloads.get(workload))?.desired;
            (*lowest < desired).then(|| Shortage { workload: names.get(workload).to_owned(), lowest: *lowest, desired })
        })
        .collect();
    shortages.sort_by(|left, right| {
        // The smaller share first: lowest/desired compared by cross multiplication.
        (left.lowest.saturating_mul(right.desired), &left.workload)
            .cmp(&(right.lowest.saturating_mul(left.desired), &right.workload))
    });
    shortages
}

/// Pods without a node that were not without one before, by reason: `1 pod of backend, 2 of redis Pending: …`. What the
/// scheduler says of preemption is kept for those who ask for everything.
pub(super) fn newly_pending(
    before: &StateSummary,
    after: &StateSummary,
    names: &ShortNames,
    detail: Detail,
) -> Vec<String> {
    let old = pending(before);
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((owner, reason), number) in pending(after) {
        if old.get(&(owner, reason)).is_none_or(|known| *known < number) {
            let reason = match detail {
                Detail::Verbose => reason,
                Detail::Quiet | Detail::Normal => without_preemption(reason),
            };
            let pods = by_reason.entry(reason).or_default();
            let owner = names.get(owner);
            pods.push(if pods.is_empty() {
                format!("{} of {owner}", count(number, "pod", "pods"))
            } else {
                format!("{number} of {owner}")
            });
        }
    }
    let said = |(reason, pods): (&str, Vec<String>)| {
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        format!("{} Pending{because}", pods.join(", "))
    };
    by_reason.into_iter().map(said).collect()
}

/// The scheduler's message up to what it says of claims and preemption.
pub(super) fn without_preemption(reason: &str) -> &str {
    let ends = [". no new claims to deallocate", ". preemption:"];
    let end = ends.iter().filter_map(|end| reason.find(end)).min();
    end.and_then(|end| reason.get(..end)).unwrap_or(reason)
}

/// A step's detail without the scheduler's messages that `pending` tells below it.
pub(super) fn why(detail: &str, pending: &[String]) -> String {
    let is_told = |part: &&str| {
        let brief = without_preemption(part);
        brief.contains(" nodes are available: ") && pending.iter().any(|text| text.contains(brief))
    };
    detail.split("; ").filter(|part| !is_told(part)).map(without_preemption).collect::<Vec<_>>().join("; ")
}

fn pending(state: &StateSummary) -> BTreeMap<(&str, &str), usize> {
    let mut pending = BTreeMap::new();
    let waits = |pod: &&PodSummary| pod.node.is_none() && pod.phase == "Pending" && !pod.terminating;
    for pod in state.pods.iter().filter(waits) {
        let reason = pod.unschedulable_reason.as_deref().unwrap_or_default();
        *pending.entry((pod.owner.as_str(), reason)).or_insert(0) += 1;
    }
    pending
}

/// The events, each with its time; of the same event again and again one, with its first and last time.
pub(super) fn without_repetition(events: &[(Time, String)]) -> Vec<String> {
    let mut runs: Vec<(Time, Time, usize, &str)> = Vec::new();
    for (time, event) in events {
        match runs.last_mut() {
            Some((_, last, times, known)) if known == event => {
                *last = *time;
                *times += 1;
            }
            Some(_) | None => runs.push((*time, *time, 1, event)),
        }
    }
    runs.into_iter()
        .map(|(first, last, times, event)| {
            let first = duration(first.milliseconds());
            match times {
                1 => format!("{first}: {event}"),
                _ => format!("{first} to {}, {times} times: {event}", duration(last.milliseconds())),
            }
        })
        .collect()
}

/// A length of virtual time as Kubernetes writes it: `0s`, `0.4s`, `31s`, `10m31s`, `1h0m5s`.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let fraction = milliseconds % 1000;
    if seconds < 60 {
        let text = format!("{seconds}.{fraction:03}");
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}h{minutes}m{seconds}s") } else { format!("{minutes}m{seconds}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_kubernetes_writes_them() {
        let all = [0, 400, 31_000, 59_999, 60_000, 631_000, 3_605_000].map(duration);
        assert_eq!(all, ["0s", "0.4s", "31s", "59.999s", "1m0s", "10m31s", "1h0m5s"]);
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let workloads = ["deployment/a/web", "deployment/b/web", "statefulset/a/redis"].map(String::from);
        let names = ShortNames::of(workloads.iter());
        assert_eq!(names.get("statefulset/a/redis"), "redis");
        assert_eq!(names.get("deployment/b/web"), "deployment/b/web");
        assert_eq!(names.get("deployment/c/unknown"), "deployment/c/unknown");
    }
}
