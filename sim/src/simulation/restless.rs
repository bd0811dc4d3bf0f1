//! Whose restlessness it is: rollouts in a cluster that does not come to rest.
//!
//! A step that never ends is a livelock whoever causes it. What is said of a workload must be its own doing: its rollout
//! is complete, or can never be, while another workload's pods are made and evicted without end.

use std::collections::BTreeSet;

use crate::cluster::{PodId, WorkloadName};
use crate::controller::{find_workload, workload_name, workload_of};

use super::StepAction;
use super::engine::{Livelock, Simulation};
use super::outcome::is_complete;
use super::summary::workload_numbers;

/// Pods made so shortly before the end of a livelock belong to it: a circle is only searched after thousands of changes.
const NEWEST_PODS: u32 = 64;
/// So many changes at one moment mean that time stands still, and that nothing else can go on.
const CHANGES_OF_A_MOMENT: u64 = 2048;

/// What becomes of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutFate {
    /// It completes, whatever else goes on.
    Completes,
    /// It can never complete.
    Never,
    /// Another workload keeps the cluster busy, so that it is not known.
    Undecided,
}

impl Simulation {
    /// Restarts `workload`, and says what becomes of that; the cluster need not come to rest for it.
    pub fn rollout_fate(&mut self, workload: WorkloadName) -> RolloutFate {
        self.begin_step();
        self.begin(&StepAction::Restart { workload });
        let mut before_moment = 0;
        loop {
            let ran = self.run_now();
            if self.is_rolled_out(workload) {
                return RolloutFate::Completes;
            }
            if ran == Err(Livelock) {
                let at_once = self.recorder.changes.saturating_sub(before_moment);
                let others = at_once >= CHANGES_OF_A_MOMENT && !self.restless_workloads().contains(&workload);
                return if others { RolloutFate::Undecided } else { RolloutFate::Never };
            }
            let Some((time, event)) = self.next_event(None) else { return RolloutFate::Never };
            if time > self.state.now {
                before_moment = self.recorder.changes;
            }
            self.state.now = self.state.now.max(time);
            self.handle(event);
        }
    }

    fn is_rolled_out(&self, workload: WorkloadName) -> bool {
        let found = find_workload(&self.state, workload);
        found.is_some_and(|id| is_complete(&self.state, id, workload_numbers(&self.state, id)))
    }

    /// After a step that ended as [`super::StepOutcome::Livelock`]: the workloads whose pods are made without end.
    #[must_use]
    pub fn restless_workloads(&self) -> BTreeSet<WorkloadName> {
        let newest = PodId(self.state.pods_created.saturating_sub(NEWEST_PODS));
        let owners = self.state.pods.range(newest..).filter_map(|(_, pod)| workload_of(&self.state, pod.owner));
        owners.filter_map(|workload| workload_name(&self.state, workload)).collect()
    }
}
