//! The descheduler: it passes at whole multiples of its interval. Passes that would evict nothing are not played.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterState, DefaultEvictor, DeschedulerPolicy, PodId, Time};
use crate::controller::descheduler::{Evicting, pass};
use crate::controller::{workload_of, workload_text};
use crate::event_queue::Event;
use crate::eviction::{EvictionDecision, changes, decide};
use crate::transition::apply;

use super::Ties;
use super::autoscaling::next_look;
use super::engine::Simulation;
use super::outcome::pod_text;

/// What the simulation remembers of the descheduler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descheduling {
    /// The last change of the cluster after which it was found out whether a pass would do anything.
    seen: Option<(Time, u64)>,
    /// Whose pods it has evicted in this step, and by which plugins.
    evicted: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Descheduling {
    /// A step begins.
    pub(super) fn begin_step(&mut self) {
        self.evicted.clear();
    }
}

/// Tries a pass on a copy of the cluster.
struct Trial {
    state: ClusterState,
    ties: Ties,
    granted: usize,
}

impl Evicting for Trial {
    fn state(&self) -> &ClusterState {
        &self.state
    }

    fn ties(&mut self) -> &mut Ties {
        &mut self.ties
    }

    fn evict(&mut self, pod: PodId, _plugin: &'static str) -> bool {
        let decision = decide(&self.state, pod);
        for change in changes(&self.state, pod, &decision) {
            apply(&mut self.state, &change);
        }
        let is_granted = matches!(decision, EvictionDecision::Granted(_));
        self.granted = self.granted.saturating_add(usize::from(is_granted));
        is_granted
    }
}

impl Evicting for Simulation {
    fn state(&self) -> &ClusterState {
        &self.state
    }

    fn ties(&mut self) -> &mut Ties {
        &mut self.ties
    }

    fn evict(&mut self, pod: PodId, plugin: &'static str) -> bool {
        let decision = decide(&self.state, pod);
        let name = pod_text(&self.state, pod);
        let is_granted = matches!(decision, EvictionDecision::Granted(_));
        let answer = if is_granted { "" } else { ", which is not granted" };
        let text = format!("the descheduler ({plugin}) asks for the eviction of pod {name}{answer}");
        self.recorder.note(self.state.now, text);
        if is_granted {
            let workload = self.state.pods.get(&pod).and_then(|own| workload_of(&self.state, own.owner));
            let whose = workload.map_or_else(|| format!("pod {name}"), |workload| workload_text(&self.state, workload));
            self.descheduling.evicted.entry(whose).or_default().insert(plugin);
        }
        for change in changes(&self.state, pod, &decision) {
            self.commit(&change);
        }
        is_granted
    }
}

impl Simulation {
    /// Decides when the descheduler has something to do, if nothing else happens.
    pub(super) fn schedule_descheduler(&mut self) {
        let Some(policy) = self.state.descheduler.clone() else { return };
        let last = self.last_commit.map(|at| (at, self.recorder.changes));
        if self.descheduling.seen == last {
            return;
        }
        self.descheduling.seen = last;
        if self.would_evict(&policy) {
            self.queue.schedule_by(next_look(self.state.now, policy.interval), Event::Descheduler);
        } else if self.would_evict(&regardless_of_age(&policy)) {
            for at in self.times_of_age(&policy) {
                let before = Time::from_milliseconds(at.milliseconds().saturating_sub(1));
                self.queue.schedule_by(next_look(before.max(self.state.now), policy.interval), Event::Descheduler);
            }
        }
    }

    fn would_evict(&self, policy: &DeschedulerPolicy) -> bool {
        let mut trial = Trial { state: self.state.clone(), ties: Ties::Drawn(self.settings.seed), granted: 0 };
        pass(&mut trial, policy);
        trial.granted > 0
    }

    /// When pods become old enough.
    fn times_of_age(&self, policy: &DeschedulerPolicy) -> BTreeSet<Time> {
        let ages = policy.profiles.iter().filter_map(|profile| profile.evictor.min_pod_age);
        let started: Vec<Time> = self.state.pods.values().filter_map(|pod| pod.started_at).collect();
        let of_age = ages.flat_map(|age| started.iter().map(move |started| started.after(age)));
        of_age.filter(|at| *at > self.state.now).collect()
    }

    pub(super) fn deschedule(&mut self) {
        if let Some(policy) = self.state.descheduler.clone() {
            pass(self, &policy);
        }
    }

    /// Whose pods the descheduler goes on evicting, where that is why the cluster does not come to rest.
    pub(super) fn descheduled(&self) -> Vec<String> {
        let text = |(whose, plugins): (&String, &BTreeSet<&'static str>)| {
            let plugins: Vec<&str> = plugins.iter().copied().collect();
            let plugins = plugins.join(", ");
            format!("the descheduler ({plugins}) evicts pods of {whose}, which come back to where it evicts them")
        };
        self.descheduling.evicted.iter().map(text).collect()
    }
}

fn regardless_of_age(policy: &DeschedulerPolicy) -> DeschedulerPolicy {
    let mut policy = policy.clone();
    for profile in &mut policy.profiles {
        profile.evictor = DefaultEvictor { min_pod_age: None, ..profile.evictor.clone() };
    }
    policy
}
