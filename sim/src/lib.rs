//! The pure core of quorate: a cluster's state and everything that changes it, as Kubernetes 1.36 does.
//!
//! No files, clocks, network, environment or hash order: the same input and seed give the same bytes.
//!
//! | module | what |
//! | --- | --- |
//! | [`admission`] | what the API server refuses |
//! | [`cluster`] | the state: nodes, pods, workloads, budgets |
//! | [`controller`] | kube-controller-manager and the kubelet: what each wants to change |
//! | [`drain`] | kubectl drain |
//! | [`event_queue`] | timed events |
//! | [`eviction`] | the Eviction API's decision |
//! | [`explore`] | everything that can happen: every order, every tie |
//! | [`failure`] | failures, drains and rollouts, every one in turn |
//! | [`scheduler`] | kube-scheduler: where a pod fits, scores, preemption, the queue |
//! | [`prove`] | proofs of what is said, each accepted by the checker of `quorate-proof` before it leaves |
//! | [`simulation`] | steps, settings and reports; plays steps on a state |
//! | [`transition`] | the changes by which one state becomes the next |
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic))]

pub mod admission;
pub mod cluster;
pub mod controller;
pub mod drain;
pub mod event_queue;
pub mod eviction;
pub mod explore;
pub mod failure;
pub mod prove;
pub mod scheduler;
pub mod simulation;
pub mod transition;
