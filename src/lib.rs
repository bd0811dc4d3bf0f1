//! Quorate: will this cluster still keep its promises?
//!
//! Data flows one way: manifests → typed objects → cluster state → verdicts → report.
//!
//! | module | what |
//! | --- | --- |
//! | [`manifest`] | sources, documents with a span for every node, typed objects with the API server's defaults |
//! | [`environment`] | `quorate.yaml`: facts that manifests do not carry |
//! | [`model`] | typed objects → [`quorate_sim::cluster::ClusterState`] |
//! | [`scenario`] | scenario files → steps on a cluster |
//! | [`policy`] | rules in Rego, rules backed by simulation, waivers |
//! | [`finding`] | the one type of result |
//! | [`report`] | findings and timelines for people and programs |
//! | [`command`] | the commands |
//!
//! Invariants, held by `tests/tidy.rs`: nothing walks back (the simulation never sees YAML, policies never print, reports
//! never decide); bad input is a finding or an error with a position, never a panic and never silence; the values of
//! Secrets are in no output.

pub mod command;
pub mod environment;
pub mod finding;
pub mod manifest;
pub mod model;
pub mod policy;
pub mod report;
pub mod scenario;
