//! Every state of a tiny cluster, by the plainest reading of the rules: pods in a list, every rule a loop over it.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Claim, Domain, Phase, Placement, Subject};
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::evidence::{Placing, Search, State};
use quorate_proof::input::{Labels, Pod, PodTerm, Requirement};

use super::plain::{all_hold, bears, clash, taint};

/// Larger clusters are not looked at.
const STATES: usize = 5_000;

/// What all states of a cluster come to.
pub(crate) struct Truth {
    /// The fewest available pods of the subject at rest.
    pub(crate) fewest: i64,
    /// The states.
    pub(crate) search: Search,
}

struct There<'a> {
    workload: &'a str,
    pod: &'a Pod,
    node: &'a str,
    is_dying: bool,
}

pub(crate) struct World<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) claim: &'a Claim,
    pub(super) followed: Vec<&'a str>,
    pub(super) nodes: Vec<&'a str>,
    /// Whether evictions and removals after a failure happen one by one.
    pub(super) one_by_one: bool,
}

impl<'a> World<'a> {
    /// A world in which all movable workloads are followed, or only those that are named.
    pub(crate) fn new(cluster: &'a Cluster, claim: &'a Claim, followed: Option<&[&'a str]>) -> World<'a> {
        let movable = cluster.workloads.iter().filter(|(_, workload)| match workload.kind {
            Kind::DaemonSet | Kind::Static(_) => false,
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => true,
        });
        let movable: Vec<&str> = movable.map(|(name, _)| name.as_str()).collect();
        let followed = followed.map_or(movable, <[&str]>::to_vec);
        let nodes = cluster.nodes.keys().map(String::as_str).collect();
        World { cluster, claim, followed, nodes, one_by_one: claim.phase != Phase::Instant }
    }

    /// The same world, but all that a failure does to pods happens at once.
    pub(crate) fn at_once(self) -> World<'a> {
        World { one_by_one: false, ..self }
    }

    pub(super) fn shape(&self, workload: &str) -> &'a Pod {
        &self.cluster.shapes[self.cluster.workloads[workload].shape]
    }

    fn domain(&self, node: &str) -> Option<&'a str> {
        let (name, node) = self.cluster.nodes.get_key_value(node)?;
        match &self.claim.failures.domain {
            Domain::Node => Some(name),
            Domain::Label(key) => node.labels.get(key).map(String::as_str),
        }
    }

    pub(super) fn is_lost(&self, state: &State, node: &str) -> bool {
        self.domain(node).is_some_and(|domain| state.failed.iter().any(|failed| failed == domain))
    }

    pub(super) fn is_gone(&self, state: &State, node: &str) -> bool {
        state.removed.iter().any(|removed| removed == node)
    }

    fn affinity(&self, pod: &Pod, name: &str) -> bool {
        let labels = &self.cluster.nodes[name].labels;
        let field = BTreeMap::from([("metadata.name".to_owned(), name.to_owned())]);
        pod.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            && pod.node_terms.as_ref().is_none_or(|terms| {
                terms.iter().any(|term| {
                    (!term.expressions.is_empty() || !term.fields.is_empty())
                        && all_hold(&term.expressions, labels)
                        && all_hold(&term.fields, &field)
                })
            })
    }

    fn bears_taints(&self, state: &State, pod: &Pod, name: &str) -> bool {
        let lost = [taint("unreachable", "NoSchedule"), taint("unreachable", "NoExecute")];
        self.cluster.nodes[name].taints.iter().all(|taint| bears(pod, taint))
            && (!self.is_lost(state, name) || lost.iter().all(|taint| bears(pod, taint)))
    }

    fn there(&self, state: &State) -> Vec<There<'a>> {
        let mut there = Vec::new();
        for (name, workload) in &self.cluster.workloads {
            let pod = self.shape(name);
            for node in self.nodes.iter().copied().filter(|node| !self.is_gone(state, node)) {
                let is_here = match &workload.kind {
                    Kind::Static(own) => own == node,
                    Kind::DaemonSet => self.affinity(pod, node) && self.bears_taints(&State::default(), pod, node),
                    _ => false,
                };
                if is_here {
                    there.push(There { workload: name, pod, node, is_dying: false });
                }
            }
        }
        for (rows, is_dying) in [(&state.alive, false), (&state.dying, true)] {
            for (workload, row) in self.followed.iter().zip(rows) {
                for (node, count) in self.nodes.iter().zip(row) {
                    for _ in 0..*count {
                        there.push(There { workload, pod: self.shape(workload), node, is_dying });
                    }
                }
            }
        }
        there
    }

    fn term_matches(&self, term: &PodTerm, pod: &Pod) -> bool {
        let none = Labels::new();
        let labels = self.cluster.namespaces.get(&pod.namespace).unwrap_or(&none);
        (term.namespaces.contains(&pod.namespace)
            || term.namespace_selector.as_ref().is_some_and(|selector| all_hold(selector, labels)))
            && term.selector.as_ref().is_some_and(|selector| all_hold(selector, &pod.labels))
    }

    fn same_domain(&self, key: &str, one: &str, other: &str) -> bool {
        let value = |node: &str| self.cluster.nodes[node].labels.get(key);
        value(one).is_some() && value(one) == value(other)
    }

    fn fits(&self, state: &State, there: &[There<'_>], pod: &Pod, name: &str) -> bool {
        let node = &self.cluster.nodes[name];
        if self.is_gone(state, name)
            || !self.affinity(pod, name)
            || !self.bears_taints(state, pod, name)
            || (node.unschedulable && !bears(pod, &taint("unschedulable", "NoSchedule")))
        {
            return false;
        }
        let here: Vec<&There<'_>> = there.iter().filter(|other| other.node == name).collect();
        if i64::try_from(here.len()).unwrap() + 1 > node.allocatable_pods {
            return false;
        }
        for (resource, amount) in pod.requests.iter().filter(|(_, amount)| **amount > 0) {
            let of = |pod: &Pod| i128::from(pod.requests.get(resource).copied().unwrap_or(0));
            let used: i128 = here.iter().map(|other| of(other.pod)).sum();
            if used + i128::from(*amount) > i128::from(node.allocatable.get(resource).copied().unwrap_or(0)) {
                return false;
            }
        }
        if here
            .iter()
            .any(|other| other.pod.host_ports.iter().any(|port| pod.host_ports.iter().any(|own| clash(own, port))))
        {
            return false;
        }
        for other in there {
            let own = pod.anti_affinity.iter().filter(|term| self.term_matches(term, other.pod));
            let theirs = other.pod.anti_affinity.iter().filter(|term| self.term_matches(term, pod));
            if own.chain(theirs).any(|term| self.same_domain(&term.topology_key, name, other.node)) {
                return false;
            }
        }
        self.near(there, pod, name) && self.spreads(state, there, pod, name)
    }

    fn near(&self, there: &[There<'_>], pod: &Pod, name: &str) -> bool {
        let matches_all = |other: &Pod| pod.affinity.iter().all(|term| self.term_matches(term, other));
        if pod.affinity.iter().any(|term| !self.cluster.nodes[name].labels.contains_key(&term.topology_key)) {
            return false;
        }
        let group: Vec<&There<'_>> = there.iter().filter(|other| matches_all(other.pod)).collect();
        let is_near = |term: &PodTerm| group.iter().any(|other| self.same_domain(&term.topology_key, name, other.node));
        let nobody = !group.iter().any(|other| {
            pod.affinity.iter().any(|term| self.cluster.nodes[other.node].labels.contains_key(&term.topology_key))
        });
        pod.affinity.iter().all(is_near) || (nobody && matches_all(pod))
    }

    fn spreads(&self, state: &State, there: &[There<'_>], pod: &Pod, name: &str) -> bool {
        pod.spread.iter().all(|spread| {
            let value = |node: &str| self.cluster.nodes[node].labels.get(&spread.topology_key);
            let Some(own) = value(name) else { return false };
            let counts = |node: &str| {
                let labels = &self.cluster.nodes[node].labels;
                !self.is_gone(state, node)
                    && pod.spread.iter().all(|other| labels.contains_key(&other.topology_key))
                    && (!spread.honors_affinity || self.affinity(pod, node))
                    && (!spread.honors_taints || self.bears_taints(state, pod, node))
            };
            let matches =
                |other: &Pod| spread.selector.as_ref().is_some_and(|selector| all_hold(selector, &other.labels));
            let is_empty = spread.selector.as_ref().is_none_or(Vec::is_empty);
            let mut by_domain: BTreeMap<&String, i64> = BTreeMap::new();
            for node in self.nodes.iter().copied().filter(|node| counts(node)) {
                let here = there.iter().filter(|other| {
                    other.node == node && !other.is_dying && other.pod.namespace == pod.namespace && matches(other.pod)
                });
                let here = if is_empty { 0 } else { i64::try_from(here.count()).unwrap() };
                *by_domain.entry(value(node).unwrap()).or_default() += here;
            }
            let least = by_domain.values().min().copied().unwrap_or(0);
            let enough = i64::try_from(by_domain.len()).unwrap() >= spread.min_domains;
            let here = by_domain.get(own).copied().unwrap_or(0);
            here + i64::from(matches(pod)) - if enough { least } else { 0 } <= spread.max_skew
        })
    }

    /// The states that one placing leads to; `None` for what this model does not follow.
    ///
    /// With each whether it may never happen: a StatefulSet that has lost a pod may create no other.
    pub(crate) fn steps(&self, state: &State) -> Option<Vec<(State, bool)>> {
        let there = self.there(state);
        let mut next = BTreeSet::new();
        for (place, workload) in self.followed.iter().enumerate() {
            if state.pending[place] == 0 {
                continue;
            }
            let pod = self.shape(workload);
            let is_set = self.cluster.workloads[*workload].kind == Kind::StatefulSet;
            let may_wait = is_set
                && (0..self.nodes.len()).any(|node| {
                    let pods = state.alive[place][node] + state.dying[place][node];
                    pods > 0 && self.is_lost(state, self.nodes[node])
                });
            let free = (0..self.nodes.len()).filter(|node| self.fits(state, &there, pod, self.nodes[*node]));
            let free: Vec<usize> = free.collect();
            for node in &free {
                let mut placed = state.clone();
                placed.pending[place] -= 1;
                placed.alive[place][*node] += 1;
                next.insert((placed, may_wait));
            }
            if free.is_empty() && pod.preempts {
                for node in 0..self.nodes.len() {
                    next.extend(self.evictions(state, place, node)?.into_iter().map(|next| (next, may_wait)));
                }
            }
        }
        Some(next.into_iter().collect())
    }

    /// What was placed between two states that follow each other.
    pub(crate) fn placing(&self, state: &State, next: &State) -> Placing {
        let mut placing = Placing { workload: String::new(), node: String::new(), evicted: BTreeMap::new() };
        for (place, workload) in self.followed.iter().enumerate() {
            for (node, name) in self.nodes.iter().enumerate() {
                let more = next.alive[place][node] - state.alive[place][node];
                if more > 0 {
                    (*workload).clone_into(&mut placing.workload);
                    (*name).clone_into(&mut placing.node);
                } else if more < 0 {
                    placing.evicted.insert((*workload).to_owned(), -more);
                }
            }
        }
        placing
    }

    /// How many pods of each workload are on each node, fixed ones included, and how many are on none.
    pub(crate) fn placed(&self, state: &State) -> Vec<(String, Option<String>, i64)> {
        let mut placed: BTreeMap<(String, Option<String>), i64> = BTreeMap::new();
        for there in self.there(state) {
            *placed.entry((there.workload.to_owned(), Some(there.node.to_owned()))).or_default() += 1;
        }
        for (workload, count) in self.followed.iter().zip(&state.pending) {
            placed.insert(((*workload).to_owned(), None), *count);
        }
        placed.into_iter().map(|((workload, node), count)| (workload, node, count)).collect()
    }

    fn evictions(&self, state: &State, place: usize, node: usize) -> Option<Vec<State>> {
        let (pod, name) = (self.shape(self.followed[place]), self.nodes[node]);
        let is_lost = self.is_lost(state, name);
        let is_lower =
            |other: &There<'_>| other.node == name && (is_lost || !other.is_dying) && other.pod.priority < pod.priority;
        let fits_without = |gone: &BTreeMap<&str, i64>| {
            let mut left = gone.clone();
            let mut there = self.there(state);
            there.retain(|other| {
                let may_leave = other.node == name && (is_lost || !other.is_dying);
                let leaves = may_leave && left.get(other.workload).is_some_and(|n| *n > 0);
                if leaves {
                    *left.get_mut(other.workload).unwrap() -= 1;
                }
                !leaves
            });
            self.fits(state, &there, pod, name)
        };
        let mut lower: BTreeMap<&str, i64> = BTreeMap::new();
        for other in self.there(state).iter().filter(|other| is_lower(other)) {
            *lower.entry(other.workload).or_default() += 1;
        }
        if lower.is_empty() || !fits_without(&lower) {
            return Some(Vec::new());
        }
        if is_lost {
            return None;
        }
        let mut parts = vec![BTreeMap::new()];
        for (workload, count) in &lower {
            let grown = parts.iter().flat_map(|part: &BTreeMap<&str, i64>| {
                (0..=*count).map(|taken| {
                    let mut part = part.clone();
                    part.insert(*workload, taken);
                    part
                })
            });
            parts = grown.collect();
        }
        let mut next = Vec::new();
        for part in parts {
            let is_smallest = part.iter().filter(|(_, count)| **count > 0).all(|(workload, count)| {
                let mut fewer = part.clone();
                fewer.insert(workload, count - 1);
                !fits_without(&fewer)
            });
            if !fits_without(&part) || !is_smallest {
                continue;
            }
            let mut evicted = state.clone();
            for (workload, count) in part.iter().filter(|(_, count)| **count > 0) {
                let own = self.followed.iter().position(|own| own == workload)?;
                if self.cluster.workloads[*workload].kind == Kind::Pod {
                    return None;
                }
                evicted.alive[own][node] -= count;
                evicted.pending[own] += count;
            }
            evicted.alive[place][node] += 1;
            evicted.pending[place] -= 1;
            next.push(evicted);
        }
        Some(next)
    }

    fn is_subject(&self, workload: &str) -> bool {
        match &self.claim.subject {
            Subject::Workload(name) => name == workload,
            Subject::Workloads(names) => names.iter().any(|name| name == workload),
            Subject::Budget(name) => {
                let (budget, pod) = (&self.cluster.budgets[name], self.shape(workload));
                let selects = |selector: &Vec<Requirement>| all_hold(selector, &pod.labels);
                pod.namespace == budget.namespace && budget.selector.as_ref().is_some_and(selects)
            }
        }
    }

    pub(crate) fn available(&self, state: &State) -> i64 {
        let up = |node: &usize| !self.is_lost(state, self.nodes[*node]);
        let rows = self.followed.iter().zip(&state.alive).filter(|(workload, _)| self.is_subject(workload));
        rows.map(|(_, row)| (0..row.len()).filter(up).map(|node| row[node]).sum::<i64>()).sum()
    }

    pub(crate) fn failures(&self) -> Vec<BTreeSet<&'a str>> {
        let domains: BTreeSet<&str> = self.nodes.iter().filter_map(|node| self.domain(node)).collect();
        let mut sets = vec![BTreeSet::new()];
        for domain in domains {
            let larger = sets.iter().filter(|set| set.len() < self.claim.failures.count).map(|set: &BTreeSet<&str>| {
                let mut set = set.clone();
                set.insert(domain);
                set
            });
            let larger: Vec<BTreeSet<&str>> = larger.collect();
            sets.extend(larger);
        }
        sets.retain(|set| !set.is_empty());
        sets
    }

    pub(crate) fn first(&self) -> State {
        let empty = vec![vec![0; self.nodes.len()]; self.followed.len()];
        let mut state = State { alive: empty.clone(), dying: empty, ..State::default() };
        for (place, workload) in self.followed.iter().enumerate() {
            let mut pending = self.cluster.workloads[*workload].replicas;
            if self.claim.placement == Placement::Current {
                for pod in self.cluster.pods.values().filter(|pod| pod.workload == *workload) {
                    if let Some(node) = &pod.node {
                        state.alive[place][self.nodes.iter().position(|name| name == node).unwrap()] += 1;
                        pending -= 1;
                    }
                }
            }
            state.pending.push(pending);
        }
        state
    }

    /// A pod is deleted: by a drain, an eviction, a rollout, a failure that is over again. Its controller creates another.
    fn taken_away(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        for (place, workload) in self.followed.iter().enumerate() {
            for node in (0..self.nodes.len()).filter(|node| state.alive[place][*node] > 0) {
                let mut fewer = state.clone();
                fewer.alive[place][node] -= 1;
                fewer.pending[place] += i64::from(self.cluster.workloads[*workload].kind != Kind::Pod);
                next.push(fewer);
            }
        }
        next
    }

    /// The fewest available pods when nothing happens before the failure and nothing after it.
    fn fewest_now(&self) -> i64 {
        let left = |failed: &BTreeSet<&str>| {
            let state = State { failed: failed.iter().map(|name| (*name).to_owned()).collect(), ..State::default() };
            let is_up = |node: &Option<String>| node.as_ref().is_some_and(|node| !self.is_lost(&state, node));
            let pods = self.cluster.pods.values().filter(|pod| pod.ready && !pod.terminating && is_up(&pod.node));
            i64::try_from(pods.filter(|pod| self.is_subject(&pod.workload)).count()).unwrap()
        };
        self.failures().iter().map(left).fold(left(&BTreeSet::new()), i64::min)
    }

    /// All states, and the fewest available pods in those at rest; `None` for what is too large or not followed.
    pub(crate) fn truth(&self) -> Option<Truth> {
        if self.claim.placement == Placement::Current && self.claim.phase == Phase::Instant {
            return Some(Truth {
                fewest: self.fewest_now(),
                search: Search { workloads: Vec::new(), one_by_one: false, by_score: false, states: Vec::new() },
            });
        }
        let first = self.first();
        let (mut seen, mut todo) = (BTreeSet::from([first.clone()]), vec![first]);
        let mut fewest = i64::MAX;
        while let Some(state) = todo.pop() {
            if seen.len() > STATES {
                return None;
            }
            let steps = self.steps(&state)?;
            let may_rest = steps.iter().all(|(_, may_wait)| *may_wait);
            let mut next: Vec<State> = steps.into_iter().map(|(next, _)| next).collect();
            let losses = if self.one_by_one { self.losses(&state) } else { Vec::new() };
            let is_at_rest = may_rest && losses.iter().all(|(_, event)| self.returns(event));
            next.extend(losses.into_iter().map(|(next, _)| next));
            if self.claim.placement == Placement::Reachable && state.failed.is_empty() {
                next.extend(self.taken_away(&state));
            }
            if is_at_rest {
                fewest = fewest.min(self.available(&state));
                for failed in self.failures().iter().filter(|_| state.failed.is_empty()) {
                    let lost = self.lose(&state, failed);
                    let is_over =
                        self.claim.phase == Phase::Instant || self.nodes.iter().all(|node| self.is_lost(&lost, node));
                    if is_over {
                        fewest = fewest.min(self.available(&lost));
                    } else {
                        next.push(lost);
                    }
                }
            }
            todo.extend(next.into_iter().filter(|state| seen.insert(state.clone())));
        }
        let workloads = self.followed.iter().map(|name| (*name).to_owned()).collect();
        let search =
            Search { workloads, one_by_one: self.one_by_one, by_score: false, states: seen.into_iter().collect() };
        Some(Truth { fewest, search })
    }
}
