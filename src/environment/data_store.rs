//! Data stores, and dependencies that manifests do not show.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ObjectReference;

/// A data store: declared, or a correction of what was detected under the same namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataStore {
    /// The store's name; with the namespace, its identity: `store/NAMESPACE/NAME`.
    pub name: String,
    /// The namespace that it runs in.
    pub namespace: String,
    /// The product.
    pub engine: DataStoreEngine,
    /// How it replicates and fails over.
    pub replication: ReplicationModel,
    /// The workloads that are its members, or nodes where it runs on them directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<ObjectReference>,
    /// How many copies of a record there are (Kafka's replication factor, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// How many copies must confirm a write (`min.insync.replicas`, `min-replicas-to-write` plus the master, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_in_sync_replicas: Option<u32>,
    /// How many members must agree on a failover (Sentinel's quorum).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u32>,
    /// Workloads that decide on failover and are no members (Sentinels, a separate consensus store).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arbiters: Vec<ObjectReference>,
}

/// Products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DataStoreEngine {
    /// etcd.
    Etcd,
    /// PostgreSQL, however it is run.
    Postgresql,
    /// Redis or Valkey.
    Redis,
    /// Apache Kafka.
    Kafka,
    /// MongoDB.
    Mongodb,
    /// Apache Cassandra.
    Cassandra,
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
    /// RabbitMQ.
    Rabbitmq,
    /// NATS with JetStream.
    Nats,
    /// Another product.
    Other,
}

/// How a store replicates, and so when it takes writes and when acknowledged data is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplicationModel {
    /// One member, no copy.
    None,
    /// Raft: a majority of members (etcd).
    Raft,
    /// PostgreSQL with standbys that are promoted by hand.
    PostgresqlManualFailover,
    /// Patroni, asynchronous standbys.
    PatroniAsynchronous,
    /// Patroni, synchronous while a standby is there.
    PatroniSynchronous,
    /// Patroni, no write without a standby.
    PatroniSynchronousStrict,
    /// CloudNativePG, synchronous standbys required.
    CloudNativePgRequired,
    /// CloudNativePG, synchronous standbys preferred.
    CloudNativePgPreferred,
    /// Redis with Sentinel.
    RedisSentinel,
    /// Redis Cluster.
    RedisCluster,
    /// Kafka's in-sync replicas, writes with `acks=all`.
    KafkaInSyncReplicas,
    /// MongoDB's majority of voters.
    MongodbMajority,
    /// Cassandra's consistency level.
    CassandraConsistencyLevel,
    /// Elasticsearch's in-sync copies of a shard.
    ElasticsearchInSync,
    /// RabbitMQ's quorum queues.
    RabbitmqQuorumQueue,
    /// NATS JetStream.
    NatsJetStream,
}

/// Dependencies that manifests do not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dependencies {
    /// Services outside the cluster, each the element `external/NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<ExternalService>,
    /// Who needs whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Dependency>,
}

/// A service outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalService {
    /// Its name; its identity when documents are merged.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// One dependency: `from` needs `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The element that needs.
    pub from: ObjectReference,
    /// The element that is needed.
    pub to: ObjectReference,
    /// How badly; `hard` if absent.
    #[serde(default)]
    pub strength: DependencyStrength,
}

/// How badly something is needed: `hard`, `soft`, or `2-of-3` for a group of equal dependencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DependencyStrength {
    /// Without it the dependent is down.
    #[default]
    Hard,
    /// Without it the dependent is degraded.
    Soft,
    /// `required` of `total` members must be up.
    Quorum {
        /// How many must be up; at least one.
        required: u32,
        /// How many there are.
        total: u32,
    },
}

/// Why a text is no strength.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no strength of a dependency: write hard, soft, or K-of-N with 1 ≤ K ≤ N, for example 2-of-3")]
pub struct DependencyStrengthError(String);

impl TryFrom<String> for DependencyStrength {
    type Error = DependencyStrengthError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let quorum = text
            .split_once("-of-")
            .and_then(|(required, total)| Some((required.parse::<u32>().ok()?, total.parse::<u32>().ok()?)));
        match (text.as_str(), quorum) {
            ("hard", _) => Ok(Self::Hard),
            ("soft", _) => Ok(Self::Soft),
            (_, Some((required, total))) if (1..=total).contains(&required) => Ok(Self::Quorum { required, total }),
            _ => Err(DependencyStrengthError(text)),
        }
    }
}

impl fmt::Display for DependencyStrength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hard => formatter.write_str("hard"),
            Self::Soft => formatter.write_str("soft"),
            Self::Quorum { required, total } => write!(formatter, "{required}-of-{total}"),
        }
    }
}

impl From<DependencyStrength> for String {
    fn from(strength: DependencyStrength) -> Self {
        strength.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_read_and_written() {
        for text in ["hard", "soft", "2-of-3"] {
            assert_eq!(DependencyStrength::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in ["", "Hard", "0-of-3", "4-of-3", "2of3", "-of-"] {
            assert!(DependencyStrength::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn models_have_readable_names() {
        let names =
            [ReplicationModel::PostgresqlManualFailover, ReplicationModel::KafkaInSyncReplicas, ReplicationModel::None];
        assert_eq!(
            serde_json::to_string(&names).unwrap(),
            r#"["postgresqlManualFailover","kafkaInSyncReplicas","none"]"#
        );
    }
}
