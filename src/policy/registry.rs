//! What is known of a rule.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::engine::RegoRule;
use super::metadata::RelatedResource;
use super::metadata::{Metadata, Parameter};
use crate::finding::Severity;

/// A rule: what it is called, what it says of itself, and what evaluates it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in findings, waivers and configuration: `privileged-container`.
    pub id: Arc<str>,
    /// The group it belongs to: `security`; the package of a user's own policy.
    pub pack: Arc<str>,
    /// What it finds, in a few words.
    pub title: String,
    /// The severity of what it finds, unless the configuration says otherwise.
    pub severity: Severity,
    /// What it finds, in full; Markdown.
    pub description: String,
    /// Why that matters, with the semantics behind it; Markdown.
    pub why: String,
    /// How to mend it; Markdown.
    pub help: String,
    /// An example that it finds and one that it does not, as manifests; empty where the texts above have one.
    pub examples: Examples,
    /// The kinds it looks at; empty: all.
    pub kinds: Vec<KindSelector>,
    /// Where to read more.
    pub related_resources: Vec<RelatedResource>,
    /// The facts of quorate.yaml without which it is inactive.
    pub needs: Vec<Need>,
    /// Its parameters, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// What evaluates it.
    pub engine: RuleEngine,
}

/// Manifests that show a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// The rule finds something here.
    pub violating: &'static str,
    /// The same, mended.
    pub compliant: &'static str,
    /// The quorate.yaml that belongs to both.
    pub environment: &'static str,
}

/// What evaluates a rule.
#[derive(Clone, Debug)]
pub enum RuleEngine {
    /// A Rego package.
    Rego(RegoRule),
    /// The simulation.
    Simulation,
    /// The loader: YAML, the schema, API versions.
    Loader,
    /// The policy engine itself: rules that fail, waivers.
    Policy,
}

impl RuleEngine {
    /// Its name in tables: `rego`, `simulation`, `loader`, `policy`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rego(_) => "rego",
            Self::Simulation => "simulation",
            Self::Loader => "loader",
            Self::Policy => "policy",
        }
    }
}

/// A kind that a rule looks at: `Deployment`, or `argoproj.io/Application` where the name alone is not enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSelector {
    group: Option<Arc<str>>,
    kind: Arc<str>,
}

impl KindSelector {
    /// The kind of quorate.yaml itself, reviewed once a run: the rules that need no object.
    pub const ENVIRONMENT: &'static str = "Environment";

    /// Whether an object of this API version and kind is looked at.
    #[must_use]
    pub fn matches(&self, api_version: &str, kind: &str) -> bool {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        &*self.kind == kind && self.group.as_deref().is_none_or(|wanted| wanted == group)
    }

    pub(super) fn is_environment(&self) -> bool {
        &*self.kind == Self::ENVIRONMENT && self.group.as_deref().is_none_or(|group| group == "quorate.dev")
    }
}

impl From<&str> for KindSelector {
    fn from(text: &str) -> Self {
        match text.split_once('/') {
            Some((group, kind)) => Self { group: Some(Arc::from(group)), kind: Arc::from(kind) },
            None => Self { group: None, kind: Arc::from(text) },
        }
    }
}

impl fmt::Display for KindSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(formatter, "{group}/{}", self.kind),
            None => write!(formatter, "{}", self.kind),
        }
    }
}

/// A fact that a rule needs: `environment.backups`, or one of several, `environment.backups | environment.recovery`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Each a path below `spec` in quorate.yaml; one is enough.
    alternatives: Vec<Vec<String>>,
}

/// Why a text is not a need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a need; write `environment.KEY`, or several with `|` between them")]
pub struct NeedSyntax(String);

impl FromStr for Need {
    type Err = NeedSyntax;

    fn from_str(text: &str) -> Result<Self, NeedSyntax> {
        let alternatives = text
            .split('|')
            .map(|part| {
                let path = part.trim().strip_prefix("environment.").filter(|path| !path.is_empty())?;
                Some(path.split('.').map(str::to_owned).collect())
            })
            .collect::<Option<Vec<_>>>();
        alternatives.map(|alternatives| Self { alternatives }).ok_or_else(|| NeedSyntax(text.to_owned()))
    }
}

impl Need {
    /// Whether `spec` (of quorate.yaml) states the fact: something other than nothing, an empty list or an empty mapping.
    #[must_use]
    pub fn is_met(&self, spec: &serde_json::Value) -> bool {
        self.alternatives
            .iter()
            .any(|path| path.iter().try_fold(spec, |value, key| value.get(key)).is_some_and(states_something))
    }
}

fn states_something(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::Object(entries) => entries.values().any(states_something),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => true,
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, path) in self.alternatives.iter().enumerate() {
            let between = if position == 0 { "" } else { " or " };
            write!(formatter, "{between}spec.{}", path.join("."))?;
        }
        formatter.write_str(" in quorate.yaml")
    }
}

impl Rule {
    /// A rule from its METADATA.
    pub(super) fn from_metadata(
        id: &str,
        pack: &str,
        metadata: Metadata,
        engine: RuleEngine,
    ) -> Result<Self, NeedSyntax> {
        let needs = metadata.custom.needs.iter().map(|need| need.parse()).collect::<Result<_, _>>()?;
        Ok(Self {
            id: Arc::from(id),
            pack: Arc::from(pack),
            title: metadata.title,
            severity: metadata.custom.severity.unwrap_or(Severity::Error),
            description: metadata.description.trim_end().to_owned(),
            why: metadata.custom.why.trim_end().to_owned(),
            help: metadata.custom.help.trim_end().to_owned(),
            examples: Examples::default(),
            kinds: metadata.custom.kinds.iter().map(|kind| KindSelector::from(kind.as_str())).collect(),
            related_resources: metadata.related_resources.into_iter().map(Into::into).collect(),
            needs,
            parameters: metadata.custom.parameters,
            engine,
        })
    }

    /// Whether it looks at objects of this API version and kind.
    #[must_use]
    pub fn looks_at(&self, api_version: &str, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|selector| selector.matches(api_version, kind))
    }

    /// Whether it looks at quorate.yaml as a whole, once a run, and not at objects.
    #[must_use]
    pub fn looks_at_environment(&self) -> bool {
        self.kinds.iter().any(KindSelector::is_environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_match_with_and_without_a_group() {
        assert!(KindSelector::from("Deployment").matches("apps/v1", "Deployment"));
        assert!(!KindSelector::from("Deployment").matches("apps/v1", "StatefulSet"));
        assert!(KindSelector::from("argoproj.io/Application").matches("argoproj.io/v1alpha1", "Application"));
        assert!(!KindSelector::from("argoproj.io/Application").matches("app.k8s.io/v1beta1", "Application"));
    }

    #[test]
    fn a_need_is_met_by_a_stated_fact_only() {
        let need: Need = "environment.backups | environment.recovery.rpo".parse().unwrap();
        assert!(!need.is_met(&json!(null)));
        assert!(!need.is_met(&json!({"backups": [], "recovery": {"rto": "4h"}})));
        assert!(need.is_met(&json!({"backups": [{"store": "x"}]})));
        assert!(need.is_met(&json!({"recovery": {"rpo": "1h"}})));
        assert_eq!(need.to_string(), "spec.backups or spec.recovery.rpo in quorate.yaml");
        assert!("nodes".parse::<Need>().is_err());
    }
}
