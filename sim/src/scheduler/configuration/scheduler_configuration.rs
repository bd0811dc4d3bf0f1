//! The whole: profiles, and what holds for all of them. Source: `pkg/scheduler/apis/config/types.go`.

use super::profile::Profile;
use crate::cluster::{Duration, ProfileId};

/// The configuration of kube-scheduler. Its default is kube-scheduler's without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerConfiguration {
    /// The profile of pods that [`ProfileId`] 0 names.
    first: Profile,
    more: Vec<Profile>,
    /// `podInitialBackoffSeconds`: the first wait after a failed attempt.
    pub pod_initial_backoff: Duration,
    /// `podMaxBackoffSeconds`: the longest wait after a failed attempt.
    pub pod_max_backoff: Duration,
    /// What becomes of pods that no profile is for.
    pub others: OtherSchedulers,
}

/// What becomes of pods whose `spec.schedulerName` no profile has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherSchedulers {
    /// Nothing is known of their scheduler: it is taken to decide as this one does.
    #[default]
    Alike,
    /// This is the only scheduler: nobody places them.
    None,
}

impl Default for SchedulerConfiguration {
    fn default() -> Self {
        Self::new(Profile::default(), Vec::new())
    }
}

impl SchedulerConfiguration {
    /// A configuration of these profiles, with the default times.
    #[must_use]
    pub const fn new(first: Profile, more: Vec<Profile>) -> Self {
        Self {
            first,
            more,
            pod_initial_backoff: Duration::from_seconds(1),
            pod_max_backoff: Duration::from_seconds(10),
            others: OtherSchedulers::Alike,
        }
    }

    /// The profile that `id` names; the first where there are not as many.
    #[must_use]
    pub fn profile(&self, id: ProfileId) -> &Profile {
        let position = usize::from(id.0).checked_sub(1);
        position.and_then(|position| self.more.get(position)).unwrap_or(&self.first)
    }

    /// The profile of pods whose `spec.schedulerName` is `name`; `None`: this scheduler leaves them alone.
    #[must_use]
    pub fn profile_named(&self, name: &str) -> Option<ProfileId> {
        let position = self.profiles().position(|profile| profile.scheduler_name == name)?;
        u8::try_from(position).ok().map(ProfileId)
    }

    /// All profiles, in their order.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        std::iter::once(&self.first).chain(&self.more)
    }
}
