//! Parameters, severities and the selection of rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::registry::Rule;
use super::{PolicyError, library};
use crate::finding::Severity;

/// What a user chose: `policies` of quorate.yaml, `--include` and `--exclude`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    /// Packs of the Rego library that run; all if empty. Rules of the simulation, the loader and a user's own policies are
    /// not in question.
    pub packs: Vec<String>,
    /// Rule → parameter → value. Every rule also has `exemptNamespaces`: a list of namespaces it does not look at.
    pub parameters: BTreeMap<String, Map<String, Value>>,
    /// Rule or pack → severity; a rule's own wins. A rule may everywhere be named with its pack: `security/runs-as-root`.
    pub severities: BTreeMap<String, SeverityChoice>,
    /// Rules or packs; when there are any, no others run.
    pub include: Vec<String>,
    /// Rules or packs that do not run.
    pub exclude: Vec<String>,
}

/// A configured severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityChoice {
    /// [`Severity::Error`].
    Error,
    /// [`Severity::Warning`].
    Warning,
    /// [`Severity::Info`].
    Info,
    /// The rule does not run.
    Off,
}

impl SeverityChoice {
    pub(super) const fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Off => None,
        }
    }
}

/// The parameter that every rule has.
const EXEMPT_NAMESPACES: &str = "exemptNamespaces";

/// What holds for one rule.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) selected: bool,
    pub(super) severity: Option<SeverityChoice>,
    pub(super) parameters: Map<String, Value>,
    pub(super) exempt_namespaces: BTreeSet<String>,
}

impl Choice {
    /// The choice for a rule that nothing was configured for.
    pub(super) fn default_for(rule: &Rule) -> Self {
        Self {
            selected: true,
            severity: None,
            parameters: rule.parameters.iter().map(|(name, of)| (name.clone(), of.default.clone())).collect(),
            exempt_namespaces: BTreeSet::new(),
        }
    }

    /// Whether the rule runs.
    pub(super) fn runs(&self) -> bool {
        self.selected && self.severity != Some(SeverityChoice::Off)
    }
}

impl Configuration {
    /// What holds for each of `rules`, in their order.
    pub(super) fn choices(&self, rules: &[Rule]) -> Result<Vec<Choice>, PolicyError> {
        let named = self.include.iter().chain(&self.exclude).chain(self.severities.keys());
        for name in named {
            known(name, rules)?;
        }
        for pack in &self.packs {
            if rules.iter().all(|rule| *rule.pack != **pack) {
                return Err(unknown(pack, rules.iter().map(|rule| &*rule.pack)));
            }
        }
        for name in self.parameters.keys() {
            if !rules.iter().any(|rule| is_id(name, rule)) {
                return Err(unknown(name, rules.iter().map(|rule| &*rule.id)));
            }
        }
        rules.iter().map(|rule| self.choice(rule)).collect()
    }

    fn choice(&self, rule: &Rule) -> Result<Choice, PolicyError> {
        let names = |list: &[String]| list.iter().any(|name| is_id(name, rule) || **name == *rule.pack);
        let mut choice = Choice::default_for(rule);
        let in_pack = self.packs.is_empty()
            || !library::is_pack(&rule.pack)
            || self.packs.iter().any(|pack| **pack == *rule.pack);
        choice.selected = in_pack && (self.include.is_empty() || names(&self.include)) && !names(&self.exclude);
        let own = self.severities.iter().find(|(name, _)| is_id(name, rule));
        choice.severity = own.map(|(_, severity)| severity).or_else(|| self.severities.get(&*rule.pack)).copied();
        let parameters = self.parameters.iter().filter(|(name, _)| is_id(name, rule));
        for (name, value) in parameters.flat_map(|(_, parameters)| parameters) {
            if name == EXEMPT_NAMESPACES {
                choice.exempt_namespaces = namespaces(rule, value)?;
                continue;
            }
            let Some(parameter) = rule.parameters.get(name) else {
                return Err(PolicyError::UnknownParameter {
                    rule: rule.id.to_string(),
                    parameter: name.clone(),
                    nearest: nearest(name, rule.parameters.keys().map(String::as_str).chain([EXEMPT_NAMESPACES])),
                });
            };
            let (expected, found) = (type_name(&parameter.default), type_name(value));
            if expected != found {
                return Err(wrong_type(rule, name, expected, found));
            }
            choice.parameters.insert(name.clone(), value.clone());
        }
        Ok(choice)
    }
}

fn namespaces(rule: &Rule, value: &Value) -> Result<BTreeSet<String>, PolicyError> {
    let items = value.as_array().map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    match items {
        Some(Some(names)) => Ok(names.into_iter().map(str::to_owned).collect()),
        Some(None) | None => Err(wrong_type(rule, EXEMPT_NAMESPACES, "a list of texts", type_name(value))),
    }
}

fn wrong_type(rule: &Rule, parameter: &str, expected: &'static str, found: &'static str) -> PolicyError {
    PolicyError::ParameterType { rule: rule.id.to_string(), parameter: parameter.to_owned(), expected, found }
}

/// Whether `name` is the rule's id, alone or behind its pack.
fn is_id(name: &str, rule: &Rule) -> bool {
    name.strip_prefix(&*rule.pack).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name) == &*rule.id
}

fn known(name: &str, rules: &[Rule]) -> Result<(), PolicyError> {
    if rules.iter().any(|rule| is_id(name, rule) || *rule.pack == *name) {
        return Ok(());
    }
    Err(unknown(name, rules.iter().flat_map(|rule| [&*rule.id, &*rule.pack])))
}

fn unknown<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> PolicyError {
    PolicyError::UnknownRule { name: name.to_owned(), nearest: nearest(name, candidates) }
}

/// The candidate that is most like `name`, if one is like it at all.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(left.1)))
        .map(|(_, candidate)| candidate.to_owned())
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
