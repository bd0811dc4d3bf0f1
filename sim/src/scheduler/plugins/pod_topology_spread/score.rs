//! Soft constraints. Source: `plugins/podtopologyspread/scoring.go`.

use std::collections::BTreeMap;

use super::constraint::{Constraint, constraints, has_all_keys, requires_all_keys};
use crate::cluster::{Symbol, WhenUnsatisfiable};
use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;
use crate::scheduler::snapshot::NodeInfo;

/// A soft constraint with its domains among the feasible nodes.
struct Weighted {
    constraint: Constraint,
    /// Matching pods by the domain's value; empty for hosts, which are counted one by one.
    domains: BTreeMap<Symbol, i64>,
    weight: f64,
}

/// The fewer matching pods a node's domains hold, the better.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let require_all_keys = requires_all_keys(input.snapshot.state, input.pod);
    let constraints = constraints(input.snapshot.state, input.pod, WhenUnsatisfiable::ScheduleAnyway);
    if constraints.is_empty() {
        return None;
    }
    let ignored = |node: &NodeInfo<'_>| require_all_keys && !has_all_keys(node.node, &constraints);
    let scored: Vec<&NodeInfo<'_>> = input.nodes.iter().copied().filter(|node| !ignored(node)).collect();
    let counted: Vec<&NodeInfo<'_>> = input.snapshot.nodes().filter(|node| !ignored(node)).collect();
    let weighted: Vec<Weighted> =
        constraints.iter().map(|constraint| weigh(input, constraint, &scored, &counted)).collect();
    let raw: Vec<Option<i64>> =
        input.nodes.iter().map(|node| (!ignored(node)).then(|| raw_score(input, &weighted, node))).collect();
    Some(normalize(&raw))
}

fn weigh(
    input: &ScoreInput<'_, '_>,
    constraint: &Constraint,
    scored: &[&NodeInfo<'_>],
    counted: &[&NodeInfo<'_>],
) -> Weighted {
    let mut domains = BTreeMap::new();
    let mut size = scored.len();
    if constraint.topology_key != Symbol::HOSTNAME {
        domains = scored.iter().map(|node| (value_or_empty(node, constraint), 0_i64)).collect();
        size = domains.len();
        for node in counted {
            if let Some(count) = domains.get_mut(&value_or_empty(node, constraint))
                && constraint.includes(&input.snapshot.state.names, input.pod.spec, node.node)
            {
                *count = count.saturating_add(constraint.count(node, input.pod.namespace));
            }
        }
    }
    let weight = (size as f64 + 2.0).ln();
    Weighted { constraint: constraint.clone(), domains, weight }
}

/// A node without the label stands, with the defaults, for a domain of its own.
fn value_or_empty(node: &NodeInfo<'_>, constraint: &Constraint) -> Symbol {
    node.node.labels.get(constraint.topology_key).unwrap_or(Symbol::EMPTY)
}

fn raw_score(input: &ScoreInput<'_, '_>, weighted: &[Weighted], node: &NodeInfo<'_>) -> i64 {
    let mut score = 0.0_f64;
    for Weighted { constraint, domains, weight } in weighted {
        let Some(value) = node.node.labels.get(constraint.topology_key) else { continue };
        let count = if constraint.topology_key == Symbol::HOSTNAME {
            constraint.count(node, input.pod.namespace)
        } else {
            domains.get(&value).copied().unwrap_or(0)
        };
        score += count as f64 * weight + constraint.max_skew.saturating_sub(1) as f64;
    }
    score.round() as i64
}

/// The smallest raw score becomes 100; ignored nodes get 0.
pub(crate) fn normalize(raw: &[Option<i64>]) -> Vec<i64> {
    let least = raw.iter().flatten().copied().min().unwrap_or(0);
    let largest = raw.iter().flatten().copied().max().unwrap_or(0);
    raw.iter()
        .map(|score| match score {
            None => 0,
            Some(_) if largest == 0 => MAX_NODE_SCORE,
            Some(score) => MAX_NODE_SCORE
                .saturating_mul(largest.saturating_add(least).saturating_sub(*score))
                .checked_div(largest)
                .unwrap_or(0),
        })
        .collect()
}
