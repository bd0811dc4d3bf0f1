//! How many replicas a metric asks for. Source: `pkg/controller/podautoscaler/replica_calculator.go`, `metrics/utilization.go`.

/// How far a ratio may be from 1 without anything happening.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// Below.
    pub down: f64,
    /// Above.
    pub up: f64,
}

/// A pod as a metric sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How it counts.
    pub group: Group,
    /// What it uses, in thousandths; looked at only when it is counted.
    pub usage: i64,
    /// What it requests, in thousandths.
    pub request: i64,
}

/// How a pod counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// It terminates or has failed.
    Ignored,
    /// It is pending, or not ready in a way that makes its usage of CPU meaningless.
    Unready,
    /// Nothing is known of it.
    Missing,
    /// It counts.
    Ready,
}

/// There is nothing to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoProposal;

impl Tolerances {
    /// Whether nothing happens at this ratio.
    #[must_use]
    pub fn is_within(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// For a target in percent of the requests. Source: `GetResourceReplicas`.
///
/// # Errors
/// When no pod is measured, or none requests anything.
pub fn utilization_replicas(
    samples: &[Sample],
    current: i64,
    target_percent: i64,
    tolerances: Tolerances,
) -> Result<i64, NoProposal> {
    let ratio = |counted: &[(i64, i64)]| -> Result<f64, NoProposal> {
        let usage = counted.iter().fold(0_i64, |sum, (usage, _)| sum.saturating_add(*usage));
        let requests = counted.iter().fold(0_i64, |sum, (_, request)| sum.saturating_add(*request));
        let percent = usage.saturating_mul(100).checked_div(requests).ok_or(NoProposal)?;
        Ok(float(percent) / float(target_percent))
    };
    let at_full = |sample: &Sample| sample.request.saturating_mul(target_percent.max(100)).div_euclid(100);
    proposal(samples, current, tolerances, ratio, at_full)
}

/// For a target per pod. Source: `calcPlainMetricReplicas`.
///
/// # Errors
/// When no pod is measured.
pub fn plain_replicas(
    samples: &[Sample],
    current: i64,
    target: i64,
    tolerances: Tolerances,
) -> Result<i64, NoProposal> {
    let ratio = |counted: &[(i64, i64)]| -> Result<f64, NoProposal> {
        let usage = counted.iter().fold(0_i64, |sum, (usage, _)| sum.saturating_add(*usage));
        let average = usage.checked_div(i64::try_from(counted.len()).unwrap_or(i64::MAX)).ok_or(NoProposal)?;
        Ok(float(average) / float(target))
    };
    proposal(samples, current, tolerances, ratio, |_| target)
}

/// What both have in common: pods of which nothing is known count against a change, pods that are not ready against more.
fn proposal(
    samples: &[Sample],
    current: i64,
    tolerances: Tolerances,
    ratio: impl Fn(&[(i64, i64)]) -> Result<f64, NoProposal>,
    at_full: impl Fn(&Sample) -> i64,
) -> Result<i64, NoProposal> {
    let of = |group: Group| samples.iter().filter(move |sample| sample.group == group);
    let mut counted: Vec<(i64, i64)> = of(Group::Ready).map(|sample| (sample.usage, sample.request)).collect();
    if counted.is_empty() {
        return Err(NoProposal);
    }
    let first = ratio(&counted)?;
    let up_with_unready = of(Group::Unready).next().is_some() && first > 1.0;
    let is_missing = of(Group::Missing).next().is_some();
    if !up_with_unready && !is_missing {
        return Ok(if tolerances.is_within(first) { current } else { ceil(first * float(count(counted.len()))) });
    }
    if first < 1.0 {
        counted.extend(of(Group::Missing).map(|sample| (at_full(sample), sample.request)));
    } else if first > 1.0 {
        counted.extend(of(Group::Missing).map(|sample| (0, sample.request)));
    }
    if up_with_unready {
        counted.extend(of(Group::Unready).map(|sample| (0, sample.request)));
    }
    let second = ratio(&counted)?;
    let turns = (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0);
    if tolerances.is_within(second) || turns {
        return Ok(current);
    }
    let proposed = ceil(second * float(count(counted.len())));
    let goes_wrong = (second < 1.0 && proposed > current) || (second > 1.0 && proposed < current);
    Ok(if goes_wrong { current } else { proposed })
}

/// For a value of all pods together: of an object or of something outside. `per_pod`: the target is for each pod. Source:
/// `GetObjectMetricReplicas`, `GetObjectPerPodMetricReplicas` and those of external metrics.
///
/// # Errors
/// When another number is asked for and there is no pod at all.
pub fn total_replicas(total: i64, target: TotalTarget, tolerances: Tolerances) -> Result<i64, NoProposal> {
    Ok(match target {
        TotalTarget::Value { target, current, ready } => {
            let ratio = float(total) / float(target);
            if tolerances.is_within(ratio) { current } else { ceil(ratio * float(ready.ok_or(NoProposal)?)) }
        }
        TotalTarget::PerPod { target, pods } => {
            let ratio = float(total) / (float(target) * float(pods));
            if tolerances.is_within(ratio) { pods } else { ceil(float(total) / float(target)) }
        }
    })
}

/// What a value of all pods together should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalTarget {
    /// So much, whatever the number of pods.
    Value {
        /// So much.
        target: i64,
        /// `spec.replicas`.
        current: i64,
        /// How many pods are ready; `None`: there is no pod.
        ready: Option<i64>,
    },
    /// So much for each pod.
    PerPod {
        /// So much.
        target: i64,
        /// `status.replicas`.
        pods: i64,
    },
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "as the controller computes, in float64")]
const fn float(number: i64) -> f64 {
    number as f64
}

/// The next whole number, at most the largest that Kubernetes takes.
fn ceil(number: f64) -> i64 {
    let whole = number.ceil().clamp(f64::from(i32::MIN), f64::from(i32::MAX));
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range first")]
    let whole = whole as i64;
    whole
}
