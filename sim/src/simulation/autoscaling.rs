//! HorizontalPodAutoscalers, and whoever applies manifests again and again.
//!
//! An autoscaler looks every 15 seconds, for ever. It is played as long as its own past may make it act: after the last change of
//! the cluster for as long as its longest window, and for the time in which CPU usage of new pods does not count.

use crate::cluster::{AutoscalerId, Duration, HorizontalPodAutoscaler, MetricLoad, Symbol, Time, WorkloadName};
use crate::controller::horizontal_pod_autoscaler::{self as controller, PERIOD};
use crate::controller::{WorkloadId, find_workload, workload_text};
use crate::event_queue::Event;
use crate::transition::{Change, WorkloadChange};

use super::engine::Simulation;
use super::outcome::Target;

impl Simulation {
    /// Whoever acts on its own gets its next look.
    pub(super) fn schedule_autoscaling(&mut self) {
        let now = self.state.now;
        let awake: Vec<AutoscalerId> =
            self.state.autoscalers.iter().filter(|(_, own)| self.is_awake(own)).map(|(id, _)| *id).collect();
        for id in awake {
            self.queue.schedule_by(next_look(now, PERIOD), Event::Autoscaler(id));
        }
        if let Some(period) = self.settings.reapply
            && self.to_reapply().next().is_some()
        {
            self.queue.schedule_by(next_look(now, period), Event::Reapply);
        }
    }

    /// Whether an autoscaler may still act although nothing else happens.
    fn is_awake(&self, own: &HorizontalPodAutoscaler) -> bool {
        let Some(target) = find_workload(&self.state, own.target) else { return false };
        let Some(replicas) = controller::replicas_of(&self.state, target) else { return false };
        let is_outside = replicas > 0 && (replicas > own.max_replicas || replicas < own.min_replicas);
        let is_given = own.metrics.iter().any(|metric| metric.load.is_some());
        let is_recent = self.last_commit.is_some_and(|at| self.state.now.since(at) < controller::horizon(own));
        is_outside || (is_given && is_recent)
    }

    pub(super) fn sync_autoscaler(&mut self, id: AutoscalerId) {
        let Some((memory, rescale)) = controller::sync(&self.state, id) else { return };
        let Some(own) = self.state.autoscalers.get_mut(&id) else { return };
        own.memory = memory;
        let Some(rescale) = rescale else { return };
        let (namespace, name) = (self.state.names.text(own.namespace), self.state.names.text(own.name));
        let text = format!("horizontalpodautoscaler/{namespace}/{name}: {}", rescale.why);
        self.recorder.note(self.state.now, text);
        self.commit(&Change::Workload(rescale.target, WorkloadChange::SetReplicas(rescale.to)));
    }

    /// Workloads with another number of replicas than their manifests say.
    fn to_reapply(&self) -> impl Iterator<Item = (WorkloadName, WorkloadId, i64)> + '_ {
        self.state.declared_replicas.iter().filter_map(|(name, declared)| {
            let workload = find_workload(&self.state, *name)?;
            let replicas = controller::replicas_of(&self.state, workload)?;
            (replicas != *declared).then_some((*name, workload, *declared))
        })
    }

    pub(super) fn reapply(&mut self) {
        let changed: Vec<_> = self.to_reapply().collect();
        for (name, workload, declared) in changed {
            self.reapplied.insert(name);
            let text = format!("the manifest of {} is applied again", workload_text(&self.state, workload));
            self.recorder.note(self.state.now, text);
            self.commit(&Change::Workload(workload, WorkloadChange::SetReplicas(declared)));
        }
    }

    /// A metric has another value from now on.
    pub(super) fn set_metric(&mut self, id: AutoscalerId, metric: Symbol, load: MetricLoad) -> Target {
        let Some(own) = self.state.autoscalers.get_mut(&id) else {
            return Target::Missing("the HorizontalPodAutoscaler does not exist".to_owned());
        };
        for own in own.metrics.iter_mut().filter(|own| own.name == metric) {
            own.load = Some(load);
        }
        self.last_commit = Some(self.state.now);
        self.recorder.record(self.state.now, None);
        let target = self.state.autoscalers.get(&id).and_then(|own| find_workload(&self.state, own.target));
        target.map_or(Target::Nothing, |target| Target::Workloads(vec![target]))
    }

    /// Who sets the replicas of which workload back and forth, where that is why the cluster does not come to rest.
    pub(super) fn fights(&self) -> Vec<String> {
        let fighting = self.state.autoscalers.values().filter(|own| self.reapplied.contains(&own.target));
        let fights = fighting.filter_map(|own| {
            let target = workload_text(&self.state, find_workload(&self.state, own.target)?);
            let (namespace, name) = (self.state.names.text(own.namespace), self.state.names.text(own.name));
            let declared = self.state.declared_replicas.get(&own.target)?;
            Some(format!(
                "horizontalpodautoscaler/{namespace}/{name} and the manifest that is applied again (replicas: {declared}) \
                 fight over {target}"
            ))
        });
        fights.collect()
    }
}

/// The first look after `now`.
pub(super) fn next_look(now: Time, period: Duration) -> Time {
    let period = period.milliseconds().max(1);
    let looks = now.milliseconds().div_euclid(period).saturating_add(1);
    Time::from_milliseconds(looks.saturating_mul(period))
}
