//! Exit statuses, as documented for users and pipelines.

use std::process::ExitCode;

/// How a run ended. Of several the first in the order of [`ExitStatus::worst`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: everything holds.
    Holds,
    /// 1: violated at or above `--fail-on`, denied, a simulated step stuck, blocked or against its `expect`.
    Violated,
    /// 2: usage, unreadable configuration, no object found.
    Usage,
    /// 3: undecided, nothing violated.
    Undecided,
    /// 4: the cluster cannot be reached or refuses.
    Unreachable,
    /// 5: needs approval.
    NeedsApproval,
    /// 70: a defect of quorate.
    Defect,
}

impl ExitStatus {
    /// Most important first.
    const ORDER: [Self; 7] = [
        Self::Defect,
        Self::Unreachable,
        Self::Usage,
        Self::Violated,
        Self::NeedsApproval,
        Self::Undecided,
        Self::Holds,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Unreachable => 4,
            Self::NeedsApproval => 5,
            Self::Defect => 70,
        }
    }

    /// The one of two that counts.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        Self::ORDER.into_iter().find(|status| *status == self || *status == other).unwrap_or(self)
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_hides_nothing_else_and_a_violation_hides_what_is_undecided() {
        assert_eq!(ExitStatus::Violated.worst(ExitStatus::Undecided), ExitStatus::Violated);
        assert_eq!(ExitStatus::Violated.worst(ExitStatus::Usage), ExitStatus::Usage);
        assert_eq!(ExitStatus::Holds.worst(ExitStatus::Defect), ExitStatus::Defect);
    }
}
