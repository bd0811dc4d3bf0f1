//! Changes of PodDisruptionBudgets: a smaller promise, and evictions that they refuse for ever.

use quorate_sim::cluster::BudgetId;
use quorate_sim::prove::{cluster, selected};
use serde_json::json;

use super::base::Base;
use super::candidate::Candidate;
use super::workload_changes::Editable;
use crate::manifest::FieldPath;
use crate::manifest::edit::Change;

/// A budget that promises only `kept` of `of` pods.
pub(super) fn smaller_promise(own: &Editable<'_>, kept: i64, of: i64) -> Option<Candidate> {
    if kept < 1 {
        return None;
    }
    let (field, number) = if own.at("/spec/maxUnavailable").is_some() {
        ("maxUnavailable", of - kept)
    } else {
        own.at("/spec/minAvailable")?;
        ("minAvailable", kept)
    };
    let edits = vec![own.set(&format!("spec.{field}"), json!(number))];
    let change = format!("{field}: {number} in the budget, which promises less");
    Some(Candidate { weakens: true, ..Candidate::of_edits(change, edits) })
}

/// Budgets of these workloads that let at least one pod go while all are healthy, and pods that are not ready at any time.
pub(super) fn more_disruptions(base: &Base<'_>, workloads: &[&str]) -> Vec<Candidate> {
    let canonical = cluster(&base.model.state);
    let mut all = Vec::new();
    for (id, object) in &base.model.budgets {
        let name = name(base, *id);
        let selected = canonical.budgets.get(&name).map_or_else(Vec::new, |own| selected(&canonical, own));
        if !selected.iter().any(|own| workloads.contains(own)) {
            continue;
        }
        let replicas = |name: &&str| canonical.workloads.get(*name).map_or(0, |own| own.replicas);
        let of: i64 = selected.iter().map(replicas).sum();
        if let Some(budget) = Editable::new(base, *object) {
            all.extend(one_disruption(&budget, of).into_iter().chain(always_allow(&budget)).map(|mut own| {
                own.change = format!("{} in PodDisruptionBudget {name}", own.change);
                own
            }));
        }
    }
    all
}

/// In the budget's own terms, and as the number that stays right when replicas change.
fn one_disruption(own: &Editable<'_>, of: i64) -> Vec<Candidate> {
    let mut all = Vec::new();
    if own.at("/spec/minAvailable").is_some() {
        if of > 1 {
            let edits = vec![own.set("spec.minAvailable", json!(of - 1))];
            all.push(Candidate::of_edits(format!("minAvailable: {}", of - 1), edits));
        }
        let change = Change::Rename { key: "maxUnavailable".to_owned(), value: json!(1) };
        let edits = vec![own.edit(FieldPath::parse("spec.minAvailable"), change)];
        all.push(Candidate::of_edits("maxUnavailable: 1", edits));
    } else {
        let edits = vec![own.set("spec.maxUnavailable", json!(1))];
        all.push(Candidate::of_edits("maxUnavailable: 1", edits));
    }
    all
}

/// Pods that are not ready may go whatever the numbers are.
fn always_allow(own: &Editable<'_>) -> Option<Candidate> {
    const POLICY: &str = "AlwaysAllow";
    if own.at("/spec/unhealthyPodEvictionPolicy").is_some_and(|policy| policy == POLICY) {
        return None;
    }
    let edits = vec![own.set("spec.unhealthyPodEvictionPolicy", json!(POLICY))];
    Some(Candidate::of_edits(format!("unhealthyPodEvictionPolicy: {POLICY}"), edits))
}

/// `default/backend`.
fn name(base: &Base<'_>, id: BudgetId) -> String {
    let state = &base.model.state;
    let text = |symbol| state.names.text(symbol);
    state.budgets.get(&id).map_or_else(String::new, |own| format!("{}/{}", text(own.namespace), text(own.name)))
}
