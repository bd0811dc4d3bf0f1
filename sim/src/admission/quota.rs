//! ResourceQuota: what is used, and whether a pod still fits. Sources: `pkg/quota/v1/evaluator/core/pods.go`,
//! `staging:apiserver/pkg/admission/plugin/resourcequota/controller.go` (`CheckRequest`).
//!
//! What is used is a function of the state: the quota controller counts a pod that is gone, or has ended, out at once
//! (`pkg/controller/resourcequota/resource_quota_monitor.go`). A pod that only terminates is counted out when its grace period
//! has passed twice (its deletion timestamp lies one grace period after the request, and the grace period is added to that),
//! at the controller's next full count.

use std::collections::BTreeMap;

use crate::cluster::{
    ClusterState, Duration, LabelSelector, Phase, Pod, PodAdmission, PriorityClassScope, QuotaAmount, QuotaScope,
    ResourceQuota, Symbol, Time,
};

/// How often the quota controller counts everything (kube-controller-manager `--resource-quota-sync-period`).
const FULL_COUNT: Duration = Duration::from_seconds(300);

type Amounts = BTreeMap<Symbol, QuotaAmount>;

/// What the pods of its namespace use of what the quota limits.
#[must_use]
pub fn used(state: &ClusterState, quota: &ResourceQuota) -> Amounts {
    let mut used: Amounts = quota.hard.keys().map(|name| (*name, QuotaAmount::default())).collect();
    for (_, pod) in state.pods.selected(quota.namespace, &LabelSelector::default()) {
        let of_pod = &pod.template.spec.admission;
        if !is_in_scope(&quota.scopes, of_pod) {
            continue;
        }
        let counts = counts_until(pod).is_none_or(|until| state.now < until);
        for (name, total) in &mut used {
            if let Some(amount) = usage(of_pod, *name).filter(|_| counts || *name == Symbol::COUNT_PODS) {
                *total = total.plus(amount);
            }
        }
    }
    used
}

/// Whether quotas of `namespace` may refuse a pod while there are at most so many of each of `pods`.
#[must_use]
pub fn may_refuse(state: &ClusterState, namespace: Symbol, pods: &[(&PodAdmission, i64)]) -> bool {
    let own = state.admission.quotas.iter().filter(|quota| quota.namespace == namespace);
    own.into_iter().any(|quota| {
        let in_scope = || pods.iter().filter(|(pod, _)| is_in_scope(&quota.scopes, pod));
        quota.hard.iter().any(|(name, hard)| {
            let is_unsaid = |pod: &PodAdmission| pod.unsaid.get(name).is_some_and(|containers| !containers.is_empty());
            // A pod that terminates on a lost node counts among objects as long as it is there, beside the one that replaces it.
            let times = if *name == Symbol::COUNT_PODS { 2 } else { 1 };
            let most = in_scope().fold(QuotaAmount::default(), |sum, (pod, count)| {
                sum.plus(usage(pod, *name).unwrap_or_default().times(count.saturating_mul(times)))
            });
            most > *hard || in_scope().any(|(pod, _)| is_unsaid(pod))
        })
    })
}

/// When the pods of `namespace` next count for less without anybody doing anything.
#[must_use]
pub fn next_release(state: &ClusterState, namespace: Symbol) -> Option<Time> {
    let every = LabelSelector::default();
    let pods = state.pods.selected(namespace, &every).into_iter();
    pods.filter_map(|(_, pod)| counts_until(pod)).filter(|until| *until > state.now).min()
}

/// Until when a pod's requests count; `None`: as long as it exists.
fn counts_until(pod: &Pod) -> Option<Time> {
    if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
        return Some(Time::ZERO);
    }
    let grace = Duration::from_seconds(pod.template.spec.grace_period_seconds);
    let after = pod.deletion?.requested_at.after(grace).after(grace);
    // Later than that, not at that moment; counted at a multiple of the period.
    let period = FULL_COUNT.milliseconds();
    let counts = after.milliseconds().checked_div(period).unwrap_or(0).saturating_add(1);
    Some(Time::from_milliseconds(counts.saturating_mul(period)))
}

fn usage(pod: &PodAdmission, name: Symbol) -> Option<QuotaAmount> {
    if name == Symbol::PODS || name == Symbol::COUNT_PODS {
        return Some(QuotaAmount::ONE);
    }
    pod.usage.get(&name).copied()
}

fn is_in_scope(scopes: &[QuotaScope], pod: &PodAdmission) -> bool {
    scopes.iter().all(|scope| match scope {
        QuotaScope::Terminating => pod.has_deadline,
        QuotaScope::NotTerminating => !pod.has_deadline,
        QuotaScope::BestEffort => pod.is_best_effort,
        QuotaScope::NotBestEffort => !pod.is_best_effort,
        QuotaScope::CrossNamespacePodAffinity => pod.has_cross_namespace_affinity,
        QuotaScope::PriorityClass(classes) => is_of_class(classes, pod.priority_class),
        QuotaScope::NoPod => false,
    })
}

fn is_of_class(classes: &PriorityClassScope, class: Option<Symbol>) -> bool {
    match classes {
        PriorityClassScope::In(named) => class.is_some_and(|class| named.contains(&class)),
        PriorityClassScope::NotIn(named) => class.is_none_or(|class| !named.contains(&class)),
        PriorityClassScope::Exists => class.is_some(),
        PriorityClassScope::DoesNotExist => class.is_none(),
    }
}

/// Whether the quotas of `namespace` have room for one more such pod.
///
/// # Errors
/// What the API server says: `exceeded quota: …`, or `failed quota: …` where a container does not say what is limited.
pub(super) fn judge(state: &ClusterState, namespace: Symbol, pod: &PodAdmission) -> Result<(), String> {
    let own = state.admission.quotas.iter().filter(|quota| quota.namespace == namespace);
    let quotas: Vec<&ResourceQuota> =
        own.filter(|quota| !quota.hard.is_empty() && is_in_scope(&quota.scopes, pod)).collect();
    quotas.iter().try_for_each(|quota| all_is_said(state, quota, pod))?;
    quotas.iter().try_for_each(|quota| has_room(state, quota, pod))
}

fn all_is_said(state: &ClusterState, quota: &ResourceQuota, pod: &PodAdmission) -> Result<(), String> {
    let text = |symbol: &Symbol| state.names.text(*symbol);
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in quota.hard.keys() {
        if let Some(containers) = pod.unsaid.get(name).filter(|containers| !containers.is_empty()) {
            missing.insert(text(name), containers.iter().map(text).collect());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let parts: Vec<String> =
        missing.iter().map(|(name, containers)| format!("{name} for: {}", containers.join(","))).collect();
    Err(format!("failed quota: {}: must specify {}", text(&quota.name), parts.join("; ")))
}

fn has_room(state: &ClusterState, quota: &ResourceQuota, pod: &PodAdmission) -> Result<(), String> {
    let used = used(state, quota);
    let wanted = quota.hard.iter().filter_map(|(name, hard)| {
        let requested = usage(pod, *name).filter(|amount| !amount.is_zero())?;
        let used = used.get(name).copied().unwrap_or_default();
        (used.plus(requested) > *hard).then(|| (state.names.text(*name), requested, used, *hard))
    });
    let mut exceeded: Vec<(&str, QuotaAmount, QuotaAmount, QuotaAmount)> = wanted.collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    exceeded.sort_by_key(|(name, ..)| *name);
    let list = |amount: fn(&(&str, QuotaAmount, QuotaAmount, QuotaAmount)) -> QuotaAmount| {
        let parts = exceeded.iter().map(|own| format!("{}={}", own.0, amount(own)));
        parts.collect::<Vec<_>>().join(",")
    };
    Err(format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        state.names.text(quota.name),
        list(|own| own.1),
        list(|own| own.2),
        list(|own| own.3),
    ))
}
