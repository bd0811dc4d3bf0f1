//! Control-plane settings of a scenario.

use quorate_sim::cluster::{ClusterState, Duration, PodTemplate, Symbol, WallClock};
use quorate_sim::simulation::{ObjectChange, SchedulerRuns, Settings, TaintEviction, unplaced};
use std::sync::Arc;

use super::descheduler;
use super::file;
use super::problem::{Problem, ProblemKind};
use super::resolve::ReadFile;
use crate::manifest::{FieldPath, Node, SourceId};

/// The cluster autoscaler's `--max-node-provision-time`.
const MOST_PROVISIONING_SECONDS: u64 = 900;

/// The settings; what is not given keeps Kubernetes' default.
pub(super) fn settings(file: &file::Settings, base: Settings, problems: &mut Vec<Problem>) -> Settings {
    let mut settings = base;
    let root = FieldPath::parse("spec.settings");
    let mut duration = |text: &Option<String>, key: &str, target: &mut Duration| {
        let Some(text) = text else { return };
        match go_duration(text) {
            Some(duration) => *target = duration,
            None => problems.push(Problem {
                path: root.key(key),
                kind: ProblemKind::Value(format!("{text:?} is not a duration; write for example 50s or 1m30s")),
            }),
        }
    };
    duration(&file.node_monitor_period, "node-monitor-period", &mut settings.node_monitor_period);
    duration(&file.node_monitor_grace_period, "node-monitor-grace-period", &mut settings.node_monitor_grace_period);
    if let Some(rate) = file.node_eviction_rate {
        settings.node_eviction_interval = interval(rate);
    }
    if let Some(rate) = file.secondary_node_eviction_rate {
        settings.secondary_node_eviction_interval = interval(rate);
    }
    if let Some(threshold) = file.large_cluster_size_threshold {
        settings.large_cluster_size_threshold = threshold;
    }
    if let Some(threshold) = file.unhealthy_zone_threshold {
        settings.unhealthy_zone_threshold_percent = whole(threshold * 100.0);
    }
    if let Some(pods) = &file.pods {
        settings.pods.startup = pods.startup_seconds.map(Duration::from_seconds).or(settings.pods.startup);
        settings.pods.run = pods.run_seconds.map(Duration::from_seconds).or(settings.pods.run);
        settings.pods.shutdown = pods.shutdown_seconds.map(Duration::from_seconds).or(settings.pods.shutdown);
    }
    if let Some(own) = &file.cluster_autoscaler {
        let times = &mut settings.cluster_autoscaler;
        let or = |seconds: Option<u64>, default| seconds.map_or(default, Duration::from_seconds);
        if own.provisioning_seconds.is_some_and(|seconds| seconds > MOST_PROVISIONING_SECONDS) {
            let message =
                format!("must be at most {MOST_PROVISIONING_SECONDS}: the autoscaler gives up nodes that take longer");
            let path = root.key("cluster-autoscaler").key("provisioningSeconds");
            problems.push(Problem { path, kind: ProblemKind::Value(message) });
        }
        times.provisioning = or(own.provisioning_seconds, times.provisioning);
        times.unneeded = or(own.scale_down_unneeded_seconds, times.unneeded);
        times.delay_after_growth = or(own.scale_down_delay_after_add_seconds, times.delay_after_growth);
    }
    who_runs(file, &mut settings, problems);
    settings.seed = file.seed.unwrap_or(settings.seed);
    if let Some(reapply) = &file.reapply {
        if reapply.seconds == 0 {
            let kind = ProblemKind::Value("must be at least 1".to_owned());
            problems.push(Problem { path: root.key("reapply").key("seconds"), kind });
        }
        settings.reapply = Some(Duration::from_seconds(reapply.seconds));
    }
    settings
}

/// When kube-scheduler and taint eviction run.
fn who_runs(file: &file::Settings, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let mut problem = |key: &str, message: String| {
        let path = FieldPath::parse("spec.settings").key(key);
        problems.push(Problem { path, kind: ProblemKind::Value(message) });
    };
    match file.kube_scheduler.as_deref() {
        None => {}
        Some("always") => settings.scheduler_runs = SchedulerRuns::Always,
        Some("after-bind") => settings.scheduler_runs = SchedulerRuns::AfterBind,
        Some("from-bind") => settings.scheduler_runs = SchedulerRuns::FromBind,
        Some(other) => problem(
            "kube-scheduler",
            format!(
                "{other:?} does not say when it runs; write always, or after-bind: in steps bind alone, or from-bind: from the \
                 first step bind on"
            ),
        ),
    }
    match file.taint_eviction.as_deref() {
        None => {}
        Some("always") => settings.taint_eviction = TaintEviction::Always,
        Some("in-bind") => settings.taint_eviction = TaintEviction::InBind,
        Some(other) => problem(
            "taint-eviction",
            format!(
                "{other:?} does not say when pods of failed nodes are evicted; write always, or in-bind: when steps bind name them"
            ),
        ),
    }
}

/// Where the pods are at first.
pub(super) fn place(state: &mut ClusterState, file: &file::Settings, problems: &mut Vec<Problem>) {
    match file.placement.as_deref() {
        None | Some("current") => {}
        Some("fresh") => *state = unplaced(state),
        Some(other) => problems.push(Problem {
            path: FieldPath::parse("spec.settings.placement"),
            kind: ProblemKind::Value(format!(
                "{other:?} is no placement to begin with; write current, or fresh: no pod has a node"
            )),
        }),
    }
}

/// What the wall clock shows when the scenario begins.
pub(super) fn set_clock(state: &mut ClusterState, file: &file::Settings, problems: &mut Vec<Problem>) {
    let Some(text) = &file.now else { return };
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => state.show_at_now(WallClock(moment.as_millisecond())),
        Err(_) => problems.push(Problem {
            path: FieldPath::parse("spec.settings.now"),
            kind: ProblemKind::Value(format!("{text:?} is no time; write for example 2026-11-23T14:00:00Z")),
        }),
    }
}

/// How often it passes unless it is said: as in the descheduler's own manifests.
const DESCHEDULING_INTERVAL: Duration = Duration::from_seconds(300);

/// The descheduler, where there is one.
pub(super) fn set_descheduler(
    (root, source): (&Node, SourceId),
    state: &mut ClusterState,
    file: &file::Settings,
    read: &mut ReadFile<'_>,
    problems: &mut Vec<Problem>,
) {
    let Some(own) = &file.descheduler else { return };
    let at = FieldPath::parse("spec.settings.descheduler");
    let mut problem =
        |path: FieldPath, message: String| problems.push(Problem { path, kind: ProblemKind::Value(message) });
    let interval = match own.descheduling_interval.as_deref() {
        None => DESCHEDULING_INTERVAL,
        Some(text) => match go_duration(text).filter(|interval| *interval > Duration::ZERO) {
            Some(interval) => interval,
            None => {
                let message = format!("{text:?} is not a duration; write for example 5m");
                return problem(at.key("deschedulingInterval"), message);
            }
        },
    };
    let policy_at = at.key("policy");
    let found = match (root.at(&policy_at), own.path.as_deref()) {
        (Some(node), None) => descheduler::read(node, source, state, interval).map_err(|found| {
            for one in found {
                let path = policy_at.segments().iter().chain(one.path.segments()).cloned().collect();
                problem(path, one.message);
            }
        }),
        (None, Some(path)) => match read(path) {
            Ok(node) => descheduler::read(&node, source, state, interval).map_err(|found| {
                for one in found {
                    problem(at.key("path"), format!("{path}: {}: {}", one.path, one.message));
                }
            }),
            Err(message) => return problem(at.key("path"), message),
        },
        (Some(_), Some(_)) | (None, None) => {
            return problem(at, "takes either policy, a DeschedulerPolicy, or path, a file with one".to_owned());
        }
    };
    if let Ok(policy) = found {
        state.descheduler = Some(Arc::new(policy));
    }
}

/// The time between two nodes at `rate` nodes a second; a rate of 0 is "never", as far away as virtual time reaches.
fn interval(rate: f64) -> Duration {
    if rate > 0.0 {
        Duration::from_milliseconds(u64::from(whole(1000.0 / rate)))
    } else {
        Duration::from_milliseconds(u64::MAX / 4)
    }
}

fn whole(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range first")]
    let whole = number.clamp(0.0, f64::from(u32::MAX)).round() as u32;
    whole
}

/// A duration as Go writes it: a sum of numbers with units `h`, `m`, `s`, `ms`.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut milliseconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let factor = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        milliseconds = milliseconds.checked_add(number.checked_mul(factor)?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(Duration::from_milliseconds(milliseconds))
}

/// `change`, after which its pods tolerate as long as kube-apiserver's flags say.
pub(super) fn with_default_tolerations(change: ObjectChange, file: &file::Settings) -> ObjectChange {
    let (not_ready, unreachable) =
        (file.default_not_ready_toleration_seconds, file.default_unreachable_toleration_seconds);
    if not_ready.is_none() && unreachable.is_none() {
        return change;
    }
    ObjectChange(Arc::new(move |state| {
        let refusals = (change.0)(state);
        set_default_tolerations(state, not_ready, unreachable);
        refusals
    }))
}

/// kube-apiserver's `--default-not-ready-toleration-seconds` and `--default-unreachable-toleration-seconds`: admission has
/// put 300 s into every pod of the state; this replaces them.
pub(super) fn apply_default_tolerations(state: &mut ClusterState, file: &file::Settings) {
    let (not_ready, unreachable) =
        (file.default_not_ready_toleration_seconds, file.default_unreachable_toleration_seconds);
    set_default_tolerations(state, not_ready, unreachable);
}

fn set_default_tolerations(state: &mut ClusterState, not_ready: Option<i64>, unreachable: Option<i64>) {
    let pairs = [(Symbol::NOT_READY_TAINT, not_ready), (Symbol::UNREACHABLE_TAINT, unreachable)];
    for (key, seconds) in pairs {
        let Some(seconds) = seconds else { continue };
        let set = |template: &mut Arc<PodTemplate>| set_toleration(template, key, seconds);
        state.deployments.for_each_mut(|_, own| set(&mut own.template));
        state.replica_sets.for_each_mut(|_, own| set(&mut own.template));
        state.daemon_sets.values_mut().for_each(|own| set(&mut own.template));
        state.jobs.values_mut().for_each(|own| set(&mut own.spec.template));
        state.cron_jobs.values_mut().for_each(|own| set(&mut own.job.template));
        state.pods.for_each_mut(|_, own| set(&mut own.template));
        state.stateful_sets.for_each_mut(|_, own| {
            set(&mut own.template);
            set(&mut own.current_template);
        });
    }
}

/// 300 s of exactly this key is taken as admission's own.
fn set_toleration(template: &mut Arc<PodTemplate>, key: Symbol, seconds: i64) {
    let defaulted = |toleration: &quorate_sim::cluster::Toleration| {
        toleration.key == Some(key) && toleration.toleration_seconds == Some(300)
    };
    if template.spec.tolerations.iter().any(defaulted) {
        let spec = &mut Arc::make_mut(template).spec;
        for toleration in spec.tolerations.iter_mut().filter(|toleration| defaulted(toleration)) {
            toleration.toleration_seconds = Some(seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        let milliseconds = |text| go_duration(text).map(Duration::milliseconds);
        assert_eq!(milliseconds("50s"), Some(50_000));
        assert_eq!(milliseconds("1m30s"), Some(90_000));
        assert_eq!(milliseconds("500ms"), Some(500));
        for wrong in ["", "50", "s", "5 s", "1d", "-5s"] {
            assert_eq!(milliseconds(wrong), None, "{wrong}");
        }
    }
}
