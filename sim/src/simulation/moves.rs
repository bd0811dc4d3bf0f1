//! What can happen next, move by move: for whoever wants every order rather than one.

use crate::cluster::{ClusterState, PodId, Time};
use crate::controller::workload_text;
use crate::event_queue::Event;

use super::calls::Call;
use super::engine::{Key, Simulation};
use super::outcome::{self, Result, Target, budget_text, pod_text};
use super::{Script, StepAction, Ties};

/// Something that can happen next. At one moment the moves come in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Move {
    /// A user's command makes a call.
    Call(Call),
    /// The next pod of a step `bind` is bound.
    Bind,
    /// A controller or the kubelet looks at something.
    Sync(Key),
    /// The scheduler tries a pod.
    Schedule(PodId),
    /// A timed event that is due.
    Event(Event, Time),
}

/// A move that was made, and what came of it.
pub(crate) struct Made {
    /// The move.
    pub(crate) way: Move,
    /// How its ties were settled.
    pub(crate) script: Script,
    /// The cluster after it.
    pub(crate) after: Simulation,
}

impl Simulation {
    /// Begins a step, of which nothing but the user's own action has happened then.
    pub(crate) fn begin_moves(&mut self, action: &StepAction) -> Target {
        self.begin_step();
        self.begin(action)
    }

    /// Ends a step.
    pub(crate) fn end_moves(&mut self) {
        self.last_drains = std::mem::take(&mut self.drains);
        self.scheduling.end_backoffs();
    }

    /// How the step ends here, at rest.
    pub(crate) fn judge(&self, target: &Target) -> Result {
        outcome::judge(self, target)
    }

    /// The moves at this moment that change anything. Those that do not (a controller that finds everything as it should be) are
    /// made at once: another move that gives them something to do wakes them again.
    pub(crate) fn moves(&mut self) -> Vec<Made> {
        loop {
            self.make_idle_moves();
            if let Some(moves) = self.find_moves() {
                return moves;
            }
        }
    }

    /// Events that only make a controller look, and controllers that find nothing to change.
    fn make_idle_moves(&mut self) {
        let now = self.state.now;
        let due: Vec<(Time, Event)> = self.queue.iter().take_while(|(time, _)| *time <= now).collect();
        for (time, event) in due {
            match event {
                Event::Pod(_) | Event::Workload(_) | Event::Budget(_) | Event::ProgressDeadline(_) => {
                    self.make(Move::Event(event, time));
                }
                Event::NodeMonitor
                | Event::NoExecuteQueue(_)
                | Event::TaintEviction(_)
                | Event::PodGarbageCollection
                | Event::DrainRetry(_)
                | Event::Autoscaler(_)
                | Event::Reapply
                | Event::CronJob(_)
                | Event::ClusterAutoscaler
                | Event::Descheduler
                | Event::NodeArrives { .. } => {}
            }
        }
        for key in self.dirty.clone() {
            if self.finds_nothing(key) {
                self.make(Move::Sync(key));
            }
        }
    }

    /// `None`: a move that changes nothing has been made.
    fn find_moves(&mut self) -> Option<Vec<Made>> {
        let mut found = Vec::new();
        for way in self.possible() {
            let ways = self.every_way(way);
            if let [only] = ways.as_slice()
                && (only.after.recorder.changes == self.recorder.changes || self.is_another_reason(only))
                && !is_heard(way)
            {
                let said = std::mem::take(&mut self.recorder.events);
                *self = ways.into_iter().next()?.after;
                // What was said before comes first.
                let new = std::mem::replace(&mut self.recorder.events, said);
                self.recorder.events.extend(new);
                return None;
            }
            found.extend(ways);
        }
        Some(found)
    }

    /// Whether all that a move changes is why a pod still finds no node.
    fn is_another_reason(&self, made: &Made) -> bool {
        let Move::Schedule(id) = made.way else { return false };
        let (Some(before), Some(after)) = (self.state.pods.get(&id), made.after.state.pods.get(&id)) else {
            return false;
        };
        let changes = made.after.recorder.changes.saturating_sub(self.recorder.changes);
        changes == 1 && before.unschedulable.is_some() && before.unschedulable != after.unschedulable
    }

    fn possible(&mut self) -> Vec<Move> {
        let now = self.state.now;
        let mut moves: Vec<Move> = self.calls.next().into_iter().map(Move::Call).collect();
        moves.extend(self.dirty.iter().map(|key| Move::Sync(*key)));
        let due = self.queue.iter().take_while(|(time, _)| *time <= now);
        moves.extend(due.map(|(time, event)| Move::Event(event, time)));
        moves.extend(self.may_be_scheduled().into_iter().map(Move::Schedule));
        // Whoever binds waits until the cluster is at rest.
        if moves.is_empty() && self.can_bind() {
            moves.push(Move::Bind);
        }
        moves
    }

    /// Makes a move, once for each way in which its ties can be settled.
    fn every_way(&self, way: Move) -> Vec<Made> {
        let mut made = Vec::new();
        let mut next = Some(Script::default());
        while let Some(script) = next {
            let one = self.one_way(way, script);
            next = one.script.next();
            made.push(one);
        }
        made
    }

    /// Makes a move, its ties settled as `script` says.
    pub(crate) fn one_way(&self, way: Move, script: Script) -> Made {
        let mut after = self.clone();
        after.ties = Ties::Scripted(script);
        after.recorder.events.clear();
        after.make(way);
        after.cache = None;
        let script = match std::mem::replace(&mut after.ties, Ties::Drawn(self.settings.seed)) {
            Ties::Scripted(script) => script,
            Ties::Drawn(_) => Script::default(),
        };
        Made { way, script, after }
    }

    fn make(&mut self, way: Move) {
        match way {
            Move::Call(call) => self.make_call(call),
            Move::Bind => drop(self.bind_next()),
            Move::Sync(key) => {
                self.dirty.remove(&key);
                self.sync(key);
            }
            Move::Schedule(pod) => self.schedule(pod),
            Move::Event(event, time) => {
                if self.queue.take(event, time) && self.is_current(event, time) {
                    self.handle(event);
                }
            }
        }
    }

    /// Whether an eviction is asked for at this moment.
    pub(crate) fn is_asking_for_evictions(&self) -> bool {
        let now = self.state.now;
        let mut due = self.queue.iter().take_while(|(time, _)| *time <= now);
        !self.calls.waiting.is_empty()
            || due.any(|(_, event)| matches!(event, Event::DrainRetry(_) | Event::Descheduler))
    }

    /// Lets time go on to the next event, if there is one by `until`.
    pub(crate) fn wait_for_event(&mut self, until: Option<Time>) -> bool {
        self.schedule_drain_retries();
        self.schedule_creation_retries();
        self.schedule_autoscaling();
        self.schedule_cluster_autoscaler();
        self.schedule_descheduler();
        if until.is_none() && self.is_quiet_but_for_cron_jobs() {
            return false;
        }
        loop {
            let first = self.queue.iter().next();
            let Some((time, event)) = first else { break };
            if until.is_some_and(|until| time > until) {
                break;
            }
            if self.is_current(event, time) {
                self.state.now = self.state.now.max(time);
                return true;
            }
            self.queue.take(event, time);
        }
        if let Some(until) = until {
            self.state.now = self.state.now.max(until);
        }
        false
    }
}

/// A move that leaves no event of its own, in words: a call was denied, or what changed is told nowhere.
pub(crate) fn words(way: Move, state: &ClusterState) -> String {
    match way {
        Move::Call(Call::Drain(_, pod) | Call::Evict(pod)) | Move::Event(Event::DrainRetry(pod), _) => {
            format!("the eviction of pod {} is asked for, and not granted", pod_text(state, pod))
        }
        Move::Sync(Key::Budget(budget)) => format!("the status of budget {} is written", budget_text(state, budget)),
        Move::Sync(Key::Workload(workload)) => format!("the controller of {} looks", workload_text(state, workload)),
        Move::Sync(Key::Pod(pod)) => format!("the kubelet looks at pod {}", pod_text(state, pod)),
        Move::Schedule(pod) => format!("the scheduler tries pod {}", pod_text(state, pod)),
        Move::Bind => "the next pod is bound".to_owned(),
        Move::Sync(Key::Node(_)) | Move::Event(..) => "nodes are looked at".to_owned(),
    }
}

/// Whether the answer to a move matters even if it changes no object.
const fn is_heard(way: Move) -> bool {
    matches!(way, Move::Call(_) | Move::Event(Event::DrainRetry(_), _))
}
