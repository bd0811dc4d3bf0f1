//! `quorate.yaml`: the facts about an environment that manifests do not carry.
//!
//! | file | what |
//! | --- | --- |
//! | `spec.rs` | the document: [`Environment`] and its [`EnvironmentSpec`] |
//! | `merge.rs` | several documents into one: a platform's and a team's |
//! | `node_pool.rs` | pools of nodes, and their expansion to single nodes |
//! | `price.rs`, `money.rs` | prices, in whole cents |
//! | `network.rs` | networks (CIDR), what is exposed to the outside |
//! | `guarantee.rs` | promises that simulation and proof decide |
//! | `data_store.rs` | data stores, and dependencies that manifests do not show |
//! | `backup.rs` | backups and recovery objectives |
//! | `access.rs` | who may do what; secrets |
//! | `delivery.rs` | how changes reach the environment |
//! | `scheduler.rs` | how the scheduler is configured |
//! | `rule.rs` | alerts that must exist, policies, waivers |
//! | `quantity.rs`, `period.rs`, `cron_schedule.rs`, `reference.rs`, `label.rs` | values with a grammar of their own, parsed once |
//!
//! Invariants: a value of these types is valid by itself (references between values are checked by rules, not here);
//! nothing here reads files, clocks or clusters; no struct uses `deny_unknown_fields`, `flatten`, `untagged` or `tag`,
//! because the decoder reports unknown keys, with position, from each struct's list of fields.

mod access;
mod backup;
mod cron_schedule;
mod data_store;
mod delivery;
mod guarantee;
mod label;
mod merge;
mod money;
mod network;
mod node_pool;
mod period;
mod price;
mod quantity;
mod reference;
mod rule;
mod scheduler;
mod spec;

pub use access::{AccessCondition, AccessRole, Permission, SecretSealing, SecretStorage, Secrets};
pub use backup::{Backup, ContinuousArchiving, Recovery};
pub use cron_schedule::{CronSchedule, CronScheduleError};
pub use data_store::{
    DataStore, DataStoreEngine, Dependencies, Dependency, DependencyStrength, DependencyStrengthError, ExternalService,
    ReplicationModel,
};
pub use delivery::{
    Approval, Delivery, DeliveryTool, IntOrPercent, IntOrPercentError, RolloutKind, RolloutStrategy, SyncMode, TagForm,
};
pub use guarantee::{Failures, FailuresError, Guarantee, Phase, Placement};
pub use label::{LabelKey, LabelKeyError};
pub use money::{Money, MoneyError};
pub use network::{
    Cidr, CidrError, ExposedHost, ExposedPort, Exposure, ExposurePath, Networks, Protocol, TlsRequirement,
};
pub use node_pool::{DeclaredNode, NodePool, NodePoolError, PoolResources, Taint, TaintEffect};
pub use period::{Period, PeriodError};
pub use price::{PriceItem, PriceItemKind, Prices};
pub use quantity::{Quantity, QuantityError, ResourceList};
pub use reference::{ObjectReference, ObjectReferenceError, WorkloadKind, WorkloadReference, WorkloadReferenceError};
pub use rule::{
    Alert, AlertSeverity, ObjectSelector, Policies, RuleName, RuleNameError, RuleSeverity, Waiver, WaiverError,
    WaiverTarget,
};
pub use scheduler::Scheduler;
pub use spec::{Environment, EnvironmentApiVersion, EnvironmentKind, EnvironmentMetadata, EnvironmentSpec};
