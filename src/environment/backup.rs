//! Backups and recovery objectives.

use serde::{Deserialize, Serialize};

use super::{CronSchedule, ObjectReference, Period, WorkloadReference};

/// One backup that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Its name; its identity when documents are merged.
    pub name: String,
    /// The data store that it saves, as `store/NAMESPACE/NAME`.
    pub data_store: ObjectReference,
    /// What is saved, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// When it is made; absent where it is only continuous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<CronSchedule>,
    /// Whether writes between two backups are saved too.
    #[serde(default)]
    pub continuous_archiving: ContinuousArchiving,
    /// The longest that an acknowledged write waits before it is archived (PostgreSQL's `archive_timeout`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_within: Option<Period>,
    /// How long it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Period>,
    /// Where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The workload that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<WorkloadReference>,
}

/// Whether writes between two backups are saved too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContinuousArchiving {
    /// No: what came after the last backup is lost with the store.
    #[default]
    None,
    /// A write-ahead log is archived away from the store.
    WriteAheadLog,
    /// An append-only file on the store's own disk; it survives a crash, not the loss of the disk.
    AppendOnlyFile,
    /// Records are copied away from the store as they come (a sink, a mirror).
    Stream,
}

/// Recovery objectives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recovery {
    /// Recovery time objective: the longest that service may be away after a disaster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto: Option<Period>,
    /// Recovery point objective: the longest stretch of writes that may be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Period>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_backup_without_archive_is_the_default() {
        let backup: Backup =
            serde_json::from_value(json!({"name": "etcd", "dataStore": "store/kube-system/etcd"})).unwrap();
        assert_eq!(backup.continuous_archiving, ContinuousArchiving::None);
        let archived: ContinuousArchiving = serde_json::from_value(json!("writeAheadLog")).unwrap();
        assert_eq!(archived, ContinuousArchiving::WriteAheadLog);
    }

    #[test]
    fn objectives_are_lengths_of_time() {
        let recovery: Recovery = serde_json::from_value(json!({"rto": "4h", "rpo": "1h"})).unwrap();
        assert_eq!(recovery.rto.map(Period::seconds), Some(14_400));
        assert!(serde_json::from_value::<Recovery>(json!({"rpo": "an hour"})).is_err());
    }
}
