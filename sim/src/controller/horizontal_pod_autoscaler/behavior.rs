//! Stabilisation, and how fast a HorizontalPodAutoscaler may scale. Source: `stabilizeRecommendation…`,
//! `convertDesiredReplicasWith…` of `pkg/controller/podautoscaler/horizontal.go`.

use crate::cluster::{AutoscalerMemory, Duration, ScalingAmount, ScalingBehavior, ScalingRules, SelectPolicy, Time};

/// Without `behavior`: the highest recommendation of this time counts.
const DOWNSCALE_WINDOW: Duration = Duration::from_seconds(300);
/// Without `behavior`: so many times as many pods at once, or so many.
const UP_LIMIT_FACTOR: i64 = 2;
const UP_LIMIT_LEAST: i64 = 4;

/// What a recommendation is held against.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a> {
    /// What the controller remembers.
    pub memory: &'a AutoscalerMemory,
    /// Now.
    pub now: Time,
    /// `spec.replicas` of the target.
    pub current: i64,
    /// `minReplicas`.
    pub least: i64,
    /// `maxReplicas`.
    pub most: i64,
}

/// The highest recommendation of the last five minutes, this one included.
#[must_use]
pub fn stabilized(of: Normalization<'_>, desired: i64) -> i64 {
    let recent = of.memory.recommendations.iter().filter(|(at, _)| of.now.since(*at) <= DOWNSCALE_WINDOW);
    recent.map(|(_, recommended)| *recommended).fold(desired, i64::max)
}

/// At most twice as many as now, or four; within the limits.
#[must_use]
pub fn within_limits(of: Normalization<'_>, desired: i64) -> i64 {
    let at_once = of.current.saturating_mul(UP_LIMIT_FACTOR).max(UP_LIMIT_LEAST);
    if desired < of.least { of.least } else { desired.min(of.most.min(at_once)) }
}

/// Not above the lowest recommendation of the window for scaling up, not below the highest of that for scaling down.
#[must_use]
pub fn stabilized_with_behavior(of: Normalization<'_>, behavior: &ScalingBehavior, desired: i64) -> i64 {
    let recent = |window: Duration| {
        let recommendations = of.memory.recommendations.iter();
        recommendations.filter(move |(at, _)| of.now.since(*at) < window).map(|(_, recommended)| *recommended)
    };
    let lowest = recent(behavior.up.window).fold(desired, i64::min);
    let highest = recent(behavior.down.window).fold(desired, i64::max);
    of.current.max(lowest).min(highest)
}

/// As far as the policies let it go.
#[must_use]
pub fn within_rates(of: Normalization<'_>, behavior: &ScalingBehavior, desired: i64) -> i64 {
    if desired > of.current {
        let limit = up_limit(of, &behavior.up).max(of.current);
        desired.min(of.most.min(limit))
    } else if desired < of.current {
        let limit = down_limit(of, &behavior.down).min(of.current);
        desired.max(of.least.max(limit))
    } else {
        desired
    }
}

fn up_limit(of: Normalization<'_>, rules: &ScalingRules) -> i64 {
    let proposals = rules.policies.iter().map(|policy| {
        let before = at_start_of(of, policy.period);
        match policy.amount {
            ScalingAmount::Pods(pods) => before.saturating_add(pods),
            ScalingAmount::Percent(percent) => round(before, 1.0 + f64::from(clamped(percent)) / 100.0, f64::ceil),
        }
    });
    match rules.select {
        SelectPolicy::Disabled => of.current,
        SelectPolicy::Min => proposals.min().unwrap_or(i64::MAX),
        SelectPolicy::Max => proposals.max().unwrap_or(i64::MIN),
    }
}

fn down_limit(of: Normalization<'_>, rules: &ScalingRules) -> i64 {
    let proposals = rules.policies.iter().map(|policy| {
        let before = at_start_of(of, policy.period);
        match policy.amount {
            ScalingAmount::Pods(pods) => before.saturating_sub(pods),
            ScalingAmount::Percent(percent) => round(before, 1.0 - f64::from(clamped(percent)) / 100.0, f64::trunc),
        }
    });
    match rules.select {
        SelectPolicy::Disabled => of.current,
        // The smallest change leaves the most.
        SelectPolicy::Min => proposals.max().unwrap_or(i64::MIN),
        SelectPolicy::Max => proposals.min().unwrap_or(i64::MAX),
    }
}

/// How many there were when the period began.
fn at_start_of(of: Normalization<'_>, period: Duration) -> i64 {
    let changed = |events: &[(Time, i64)]| {
        let recent = events.iter().filter(|(at, _)| of.now.since(*at) < period);
        recent.fold(0_i64, |sum, (_, change)| sum.saturating_add(*change))
    };
    of.current.saturating_sub(changed(&of.memory.ups)).saturating_add(changed(&of.memory.downs))
}

fn clamped(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn round(replicas: i64, factor: f64, how: fn(f64) -> f64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "as the controller computes, in float64")]
    let product = how(replicas as f64 * factor);
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range first")]
    let whole = product.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i64;
    whole
}
