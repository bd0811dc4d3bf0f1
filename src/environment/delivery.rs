//! How changes reach the environment.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ObjectReference, WorkloadReference};

/// How changes reach the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delivery {
    /// What applies the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<DeliveryTool>,
    /// The object that tells the tool what to apply (`application/argocd/NAME`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<ObjectReference>,
    /// The branch that is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether a person starts each delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncMode>,
    /// Whether a delivery needs approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The form that tags of images must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_form: Option<TagForm>,
    /// Prefixes of the images that the tag form holds for; all images if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The rollout strategy that a workload must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub strategies: BTreeMap<WorkloadReference, RolloutStrategy>,
    /// What must be ticked off before a delivery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<String>,
    /// The ways around the usual one, for emergencies, each with what it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emergency: Vec<String>,
}

/// What applies manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryTool {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// A pipeline that calls kubectl, Helm or the like.
    Pipeline,
}

/// Whether a person starts each delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncMode {
    /// A person does.
    Manual,
    /// It starts by itself.
    Automatic,
}

/// Whether a delivery needs approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Approval {
    /// Another person must approve.
    Required,
    /// Nobody need.
    NotRequired,
}

/// The form of an image's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TagForm {
    /// A semantic version, with or without a leading `v`: `v1.2.3`.
    SemanticVersion,
    /// A digest.
    Digest,
    /// Anything but a tag that moves.
    Immutable,
}

/// The rollout strategy that a workload must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// How pods are replaced.
    #[serde(rename = "type")]
    pub kind: RolloutKind,
    /// How many pods there may be beyond `replicas`; for a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrPercent>,
    /// How many pods may be unavailable; for a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrPercent>,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RolloutKind {
    /// A few at a time.
    RollingUpdate,
    /// All old ones go before any new one comes.
    Recreate,
    /// Each when a person deletes it.
    OnDelete,
}

/// A number of pods, or a percentage of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// This many pods.
    Int(u32),
    /// This many hundredths of the replicas.
    Percent(u32),
}

/// Why a value is neither number nor percentage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a number of pods nor a percentage: write 1 or \"25%\"")]
pub struct IntOrPercentError(String);

impl TryFrom<&str> for IntOrPercent {
    type Error = IntOrPercentError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.strip_suffix('%')
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Self::Percent)
            .ok_or_else(|| IntOrPercentError(text.to_owned()))
    }
}

impl Serialize for IntOrPercent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(count) => serializer.serialize_u32(*count),
            Self::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

struct IntOrPercentVisitor;

impl Visitor<'_> for IntOrPercentVisitor {
    type Value = IntOrPercent;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of pods or a percentage such as \"25%\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<IntOrPercent, E> {
        IntOrPercent::try_from(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<IntOrPercent, E> {
        u32::try_from(count).map(IntOrPercent::Int).map_err(|_| E::custom(IntOrPercentError(count.to_string())))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<IntOrPercent, E> {
        u32::try_from(count).map(IntOrPercent::Int).map_err(|_| E::custom(IntOrPercentError(count.to_string())))
    }
}

impl<'de> Deserialize<'de> for IntOrPercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntOrPercentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_percentages_are_read_and_written() {
        for text in ["1", "\"25%\"", "0"] {
            let value: IntOrPercent = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
        for text in ["\"1\"", "\"%\"", "-1", "\"a%\"", "1.5"] {
            assert!(serde_json::from_str::<IntOrPercent>(text).is_err(), "{text}");
        }
    }
}
