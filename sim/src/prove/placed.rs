//! "No pod of this workload stays pending, whatever the others do." See docs/proofs.md, *Bounds*.

use std::collections::BTreeMap;

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::cluster::Kind;
use quorate_proof::evidence::Weights;
use quorate_proof::input::Spread;

use super::matching::{matches_affinity, tolerates, tolerates_all, tolerates_for_ever, unreachable};
use super::problem::{Group, Over, Problem};
use super::question::Question;

/// How often weights are tried to be bettered.
const ROUNDS: usize = 2;

/// A failure after which pods have to be placed again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss<'a> {
    /// What fails: nodes, or domains of a label.
    pub(super) over: Over<'a>,
    /// How many at most.
    pub(super) count: usize,
    /// `Recovered` or `Removed`.
    pub(super) phase: Phase,
}

/// Which of the numbers of pods count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// Where pods may be.
    pub(super) placement: Placement,
    /// The failure before which nothing is asked; `None`: before any.
    pub(super) after: Option<Loss<'a>>,
}

/// What a workload is called in an [`Obstacle`].
pub(super) const IT: &str = "{workload}";

/// What stands in the way of a workload: a text in which [`IT`] stands for its name, so that it is one for all that are alike.
#[derive(Clone, Debug)]
pub(super) struct Obstacle(pub(super) String);

impl Obstacle {
    /// The text about a workload.
    pub(super) fn of(&self, name: &str) -> String {
        self.0.replace(IT, name)
    }
}

/// What is asked: the group, the placement, the failure before it, and how many pods are to be bound.
pub(super) type Asked = (usize, Placement, Option<(String, usize, Phase)>, i64);

/// [`find_weights`], asked once.
pub(super) fn placed(problem: &Problem<'_>, number: usize, case: Case<'_>, bound: i64) -> Result<Weights, String> {
    let name = |over: Over<'_>| match over {
        Over::Node => String::new(),
        Over::Key(key) => key.to_owned(),
    };
    let after = case.after.map(|loss| (name(loss.over), loss.count, loss.phase));
    let twin = problem.twin(number);
    let asked: Asked = (twin, case.placement, after, bound);
    let known = problem.answers.lock().ok().and_then(|answers| answers.get(&asked).cloned());
    let answer = known.unwrap_or_else(|| {
        let answer = find_weights(problem, twin, case, bound).map_err(Obstacle);
        if let Ok(mut answers) = problem.answers.lock() {
            answers.insert(asked, answer.clone());
        }
        answer
    });
    answer.map_err(|obstacle| obstacle.of(problem.groups.get(number).map_or("", |group| group.name)))
}

/// Weights with which no pod of `number` can stay pending while fewer than `bound` of them are bound.
///
/// # Errors
/// What stands in the way: the text of an [`Obstacle`].
fn find_weights(problem: &Problem<'_>, number: usize, case: Case<'_>, bound: i64) -> Result<Weights, String> {
    let group = problem.groups.get(number).ok_or("it is not there")?;
    can_be_asked(problem, group, case)?;
    let question = Question::new(problem, number, group, (case, bound));
    if !question.has_room() {
        return Err(format!("no node is there for pods of {IT}"));
    }
    let mut weights = question.first_weights();
    let mut margin = question.margin(&weights);
    // A few steps towards weights that say more: one resource after the other counts more or less.
    let several = weights.iter().filter(|weight| **weight > 0).count() > 1;
    let rounds = if several && !margin.is_positive() && !question.is_hopeless() { ROUNDS } else { 0 };
    let steps = [(2_i128, 1_i128), (1, 2), (5, 4), (4, 5)];
    for resource in (0..rounds).flat_map(|_| 0..problem.resources.len()) {
        for (times, part) in steps {
            if margin.is_positive() {
                break;
            }
            let mut other = weights.clone();
            let Some(weight) = other.get_mut(resource).filter(|weight| **weight > 0) else { continue };
            *weight = weight.saturating_mul(times).checked_div(part).unwrap_or(1).max(1);
            let found = question.margin(&other);
            if found.relative() > margin.relative() {
                (margin, weights) = (found, other);
            }
        }
    }
    if margin.is_positive() { Ok(question.written(&weights)) } else { Err(question.obstacle()) }
}

/// Whether the bound says anything about such pods.
fn can_be_asked<'a>(problem: &Problem<'a>, group: &Group<'a>, case: Case<'_>) -> Result<(), String> {
    let shape = group.shape;
    if let Some(what) = &problem.obstacle {
        return Err(what.clone());
    }
    let first = case.after.is_none() && matches!(case.placement, Placement::Fresh | Placement::Scheduled);
    if let Some(what) = problem.unknown(group, first) {
        return Err(format!("where pods of {IT} may run depends on {what}, which is not modelled here"));
    }
    if let Some(pod) = problem.misplaced.filter(|_| case.placement == Placement::Current) {
        return Err(format!("pod {pod} is not where it is expected, or terminates"));
    }
    if !shape.affinity.is_empty() {
        return Err(format!("{IT} has required pod affinity, for which there is no bound"));
    }
    if shape.spread.len() > 1 {
        return Err(format!("{IT} has several hard spread constraints, for which there is no bound"));
    }
    let fleeting = |node: &quorate_proof::input::Node| {
        let lasting = node.taints.iter().filter(|taint| taint.effect == "NoExecute");
        lasting.into_iter().any(|taint| !tolerates_for_ever(&shape.tolerations, taint))
    };
    for (node, is_home) in problem.nodes.iter().zip(problem.homes(group.class, case.placement)) {
        if *is_home && !node.1.ready {
            return Err(format!("pods of {IT} may run on {}, which is not ready", node.0));
        }
        if *is_home && fleeting(node.1) {
            return Err(format!("pods of {IT} bear a taint of {} for some time only", node.0));
        }
    }
    let recovered = case.after.is_some_and(|loss| loss.phase == Phase::Recovered);
    if recovered && tolerates(&shape.tolerations, &unreachable("NoSchedule")) {
        return Err(format!("pods of {IT} tolerate unreachable nodes and may be bound to one"));
    }
    Ok(())
}

/// Whether a spread constraint of `group` counts a node.
pub(super) fn is_counted(spread: &Spread, group: &Group<'_>, name: &str, node: &quorate_proof::input::Node) -> bool {
    group.shape.spread.iter().all(|own| node.labels.contains_key(&own.topology_key))
        && (!spread.honors_affinity || matches_affinity(group.shape, name, node))
        && (!spread.honors_taints || tolerates_all(group.shape, node))
}

/// The most domains of `wide` that one failure domain touches without holding all their nodes.
fn touched(problem: &Problem<'_>, failing: Over<'_>, wide: Over<'_>) -> usize {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for node in 0..problem.nodes.len() {
        let Some(domain) = problem.domain(wide, node) else { continue };
        let size = sizes.entry(domain).or_insert(0);
        *size = size.saturating_add(1);
        if let Some(failing) = problem.domain(failing, node) {
            let shared = shared.entry((failing, domain)).or_insert(0);
            *shared = shared.saturating_add(1);
        }
    }
    let mut touched: BTreeMap<usize, usize> = BTreeMap::new();
    for ((failing, domain), nodes) in shared {
        if sizes.get(&domain).is_some_and(|size| *size > nodes) {
            let own = touched.entry(failing).or_insert(0);
            *own = own.saturating_add(1);
        }
    }
    touched.into_values().max().unwrap_or(0)
}

impl Problem<'_> {
    /// The most domains of `wide` that one domain of `failing` touches without holding all their nodes; asked once.
    pub(super) fn touched(&self, failing: Over<'_>, wide: Over<'_>) -> usize {
        if self.is_single(wide) {
            return 0;
        }
        let name = |over: Over<'_>| match over {
            Over::Node => String::new(),
            Over::Key(key) => key.to_owned(),
        };
        let key = (name(failing), name(wide));
        if let Some(known) = self.touched.lock().ok().and_then(|touched| touched.get(&key).copied()) {
            return known;
        }
        let found = touched(self, failing, wide);
        if let Ok(mut touched) = self.touched.lock() {
            touched.insert(key, found);
        }
        found
    }

    /// How many pods of a group there may be at once.
    pub(super) fn most(&self, number: usize, placement: Placement) -> i64 {
        let Some(group) = self.groups.get(number) else { return 0 };
        match placement {
            Placement::Fresh | Placement::Scheduled => group.workload.replicas,
            Placement::Reachable => group.most(),
            Placement::Current => {
                let there = self.existing.get(number).copied().unwrap_or_default();
                let is_settled = there.alive == group.workload.replicas && there.unsettled == 0;
                let surges = group.workload.kind == Kind::Deployment && !is_settled;
                let most = group.workload.replicas.max(there.alive).saturating_add(there.terminating);
                most.saturating_add(if surges { group.workload.max_surge } else { 0 })
            }
        }
    }

    /// Whether Kubernetes leaves pods on nodes lost by such a failure, because all or too many nodes of a zone are.
    pub(super) fn may_stop_evictions(&self, loss: &Loss<'_>) -> bool {
        if self.nodes.len() > 50 {
            return false;
        }
        let mut zones: BTreeMap<(Option<&String>, Option<&String>), Vec<usize>> = BTreeMap::new();
        for (number, (_, node)) in self.nodes.iter().enumerate() {
            let label = |key: &str| node.labels.get(key);
            let zone = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
            zones.entry(zone).or_default().push(number);
        }
        zones.values().any(|nodes| {
            let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
            for domain in nodes.iter().filter_map(|node| self.domain(loss.over, *node)) {
                let size = sizes.entry(domain).or_insert(0);
                *size = size.saturating_add(1);
            }
            subset_sums(sizes.into_values(), loss.count).into_iter().any(|lost| {
                lost > 2 && lost < nodes.len() && lost.saturating_mul(100) >= nodes.len().saturating_mul(55)
            })
        })
    }
}

/// Every sum of at most `count` of `sizes`.
fn subset_sums(sizes: impl Iterator<Item = usize>, count: usize) -> Vec<usize> {
    let mut reached: std::collections::BTreeSet<(usize, usize)> = std::collections::BTreeSet::from([(0, 0)]);
    for size in sizes {
        let more: Vec<(usize, usize)> = reached
            .iter()
            .filter(|(used, _)| *used < count)
            .map(|(used, sum)| (used.saturating_add(1), sum.saturating_add(size)))
            .collect();
        reached.extend(more);
    }
    reached.into_iter().map(|(_, sum)| sum).collect()
}

/// Whether nobody but a DaemonSet is concerned.
pub(super) const fn is_replaced(kind: &Kind, phase: Phase) -> bool {
    match kind {
        Kind::Deployment | Kind::ReplicaSet => true,
        Kind::StatefulSet => matches!(phase, Phase::Removed),
        Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => false,
    }
}
