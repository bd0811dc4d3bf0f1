//! The API server's defaults (`pkg/apis/*/v1/defaults.go` and `zz_generated.defaults.go` of Kubernetes 1.36.3).
//!
//! - `object`: which defaults an object gets
//! - `workload`, `batch`, `autoscaling`: what makes pods
//! - `pod`, `pod_resources`, `container`, `volume`: pods and their templates
//! - `cluster`: nodes, namespaces, classes, limits
//! - `service`, `storage`: services; volumes and claims
//! - `webhook`: admission webhooks
//! - `resource_list`: amounts
//! - `image`: the tag in an image's name
//! - `absent`: what counts as absent

mod absent;
mod autoscaling;
mod batch;
mod cluster;
mod container;
mod image;
mod object;
mod pod;
mod pod_resources;
mod resource_list;
mod service;
mod storage;
mod volume;
mod webhook;
mod workload;

#[cfg(test)]
mod oracle;

pub use object::apply;
pub use pod::pod;
