//! Alerts that must exist, policies and waivers.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{LabelKey, ObjectReference, Period};

/// An alert that must exist among the PrometheusRules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The alert's name in the PrometheusRule; its identity when documents are merged.
    pub name: String,
    /// The severity that its label must carry.
    pub severity: AlertSeverity,
    /// When it fires, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How long the condition must last; at once if absent.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Period>,
    /// What is done then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertSeverity {
    /// Somebody is woken.
    Critical,
    /// Somebody looks at it by day.
    Warning,
    /// Nobody need.
    Info,
}

/// Which rules run, with which parameters and severities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policies {
    /// Packs of the library that run; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<String>,
    /// Parameters of a rule, by its id and the parameter's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<RuleName, BTreeMap<String, serde_json::Value>>,
    /// The severity of a rule in place of its own, by its id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<RuleName, RuleSeverity>,
}

/// The severity of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleSeverity {
    /// The environment does not hold.
    Error,
    /// It should be mended.
    Warning,
    /// Worth knowing.
    Info,
    /// The rule does not run.
    Off,
}

/// The id of a rule: `rollout-deadlock`, or `security/runs-as-root` with its pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(String);

/// Why a text is no rule's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no rule: write its id in lower case with hyphens, for example rollout-deadlock or security/runs-as-root"
)]
pub struct RuleNameError(String);

impl RuleName {
    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

impl TryFrom<String> for RuleName {
    type Error = RuleNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = match text.split_once('/') {
            Some((pack, rule)) => is_kebab(pack) && is_kebab(rule),
            None => is_kebab(&text),
        };
        if valid { Ok(Self(text)) } else { Err(RuleNameError(text)) }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> Self {
        name.0
    }
}

/// Findings of a rule that are accepted until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UnvalidatedWaiver", into = "UnvalidatedWaiver")]
pub struct Waiver {
    /// The rule whose findings are accepted.
    pub rule: RuleName,
    /// Where they are accepted.
    pub target: WaiverTarget,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expiry: Date,
}

/// Where findings are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaiverTarget {
    /// At one object.
    Object(ObjectReference),
    /// At every object that is selected.
    Selector(ObjectSelector),
}

/// Selects objects; each condition that is given must hold, and at least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectSelector {
    /// Kinds, in lower case; any if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The namespace; any if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels that the object carries.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<LabelKey, String>,
}

/// Why a waiver is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaiverError {
    /// Neither or both ways to say where.
    #[error("a waiver of {0} must say where: give either object or selector")]
    Target(RuleName),
    /// A selector of everything.
    #[error("a waiver of {0} selects everything: give its selector kinds, namespace or matchLabels")]
    EmptySelector(RuleName),
    /// No words.
    #[error("a waiver of {rule} has an empty {field}: say it in a few words")]
    EmptyText {
        /// The waived rule.
        rule: RuleName,
        /// The field.
        field: &'static str,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnvalidatedWaiver {
    rule: RuleName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<ObjectReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<ObjectSelector>,
    reason: String,
    owner: String,
    expiry: Date,
}

impl TryFrom<UnvalidatedWaiver> for Waiver {
    type Error = WaiverError;

    fn try_from(written: UnvalidatedWaiver) -> Result<Self, Self::Error> {
        let UnvalidatedWaiver { rule, object, selector, reason, owner, expiry } = written;
        for (field, text) in [("reason", &reason), ("owner", &owner)] {
            if text.trim().is_empty() {
                return Err(WaiverError::EmptyText { rule, field });
            }
        }
        let target = match (object, selector) {
            (Some(object), None) => WaiverTarget::Object(object),
            (None, Some(selector)) if selector == ObjectSelector::default() => {
                return Err(WaiverError::EmptySelector(rule));
            }
            (None, Some(selector)) => WaiverTarget::Selector(selector),
            (None, None) | (Some(_), Some(_)) => return Err(WaiverError::Target(rule)),
        };
        Ok(Self { rule, target, reason, owner, expiry })
    }
}

impl From<Waiver> for UnvalidatedWaiver {
    fn from(waiver: Waiver) -> Self {
        let (object, selector) = match waiver.target {
            WaiverTarget::Object(object) => (Some(object), None),
            WaiverTarget::Selector(selector) => (None, Some(selector)),
        };
        Self { rule: waiver.rule, object, selector, reason: waiver.reason, owner: waiver.owner, expiry: waiver.expiry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn waiver(change: Value) -> Result<Waiver, String> {
        let mut written = json!({"rule": "single-point-of-failure", "object": "node/control-plane-1",
            "reason": "accepted", "owner": "platform", "expiry": "2027-06-30"});
        for (key, value) in change.as_object().unwrap() {
            written[key] = value.clone();
        }
        serde_json::from_value(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_waiver_is_read_and_written() {
        let read = waiver(json!({})).unwrap();
        assert_eq!(read.expiry, jiff::civil::date(2027, 6, 30));
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["object"], "node/control-plane-1");
        assert_eq!(serde_json::from_value::<Waiver>(written).unwrap(), read);
    }

    #[test]
    fn a_waiver_without_bounds_is_refused() {
        for (change, part) in [
            (json!({"object": null}), "either object or selector"),
            (json!({"selector": {"namespace": "x"}}), "either object or selector"),
            (json!({"object": null, "selector": {}}), "selects everything"),
            (json!({"reason": " "}), "empty reason"),
            (json!({"owner": ""}), "empty owner"),
            (json!({"expiry": "30.6.2027"}), ""),
            (json!({"rule": "Rollout Deadlock"}), "is no rule"),
        ] {
            let error = waiver(change).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
