//! Failures, drains and rollouts, every one in turn.
