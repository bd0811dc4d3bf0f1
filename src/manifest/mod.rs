//! Manifests: sources, documents with a span for every node, and typed objects.

pub mod api;
pub mod assemble;
#[cfg(test)]
pub(crate) mod built_from_json;
pub mod collect;
mod cron_schedule;
pub mod custom_resource;
pub mod decode;
pub mod default;
pub mod edit;
mod field_path;
mod node;
mod object;
mod pod_annotations;
pub mod scheduler_configuration;
mod source;
mod span;
mod typed;
mod validate;
pub mod yaml;

pub use cron_schedule::{Schedule, time_zone};
pub use field_path::{FieldPath, Segment};
pub use node::{Entry, Existence, Located, Node, Value};
pub use object::{Inventory, Object, ObjectId, ObjectReference};
pub use pod_annotations::{POD_DELETION_COST, SHUTDOWN_SECONDS, STARTUP_SECONDS, pod_deletion_cost};
pub use source::{Origin, Place, Source, SourceId, SourceMap};
pub use span::{LineColumn, LineIndex, Span};
pub use typed::Typed;
pub use validate::{EXIT_CODE_ANNOTATION, RUN_SECONDS_ANNOTATION};
