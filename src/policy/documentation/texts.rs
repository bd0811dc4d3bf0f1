//! The table of the texts.
//!
//! Each is a Markdown file `RULE.md`: front matter in the form of METADATA, then `## Why`, `## Mend` and `## Example`.

use crate::policy::PolicyError;
use crate::policy::metadata;
use crate::policy::registry::{Rule, RuleEngine};

/// A rule's text.
struct Text {
    id: &'static str,
    pack: &'static str,
    engine: RuleEngine,
    text: &'static str,
}

macro_rules! texts {
    ($($pack:literal $engine:ident: $($id:literal)*;)*) => {
        [$($(Text {
            id: $id,
            pack: $pack,
            engine: RuleEngine::$engine,
            text: include_str!(concat!($id, ".md")),
        }),*),*]
    };
}

const TEXTS: [Text; 36] = texts! {
    "simulation" Simulation:
        "pods-stay-pending"
        "rollout-deadlock"
        "pdb-blocks-drain"
        "drains-exhaust-pdb"
        "node-loss-breaks-pdb"
        "node-loss-leaves-pods-pending"
        "replicas-share-a-node"
        "guarantee-violated"
        "guarantee-undecided"
        "single-point-of-failure"
        "pdb-allows-nothing"
        "volume-blocks-surge"
        "pods-refused-by-admission"
        "webhook-blocks-its-own-pods";
    "loader" Loader:
        "unreadable-document"
        "duplicate-key"
        "unknown-field"
        "wrong-type"
        "invalid-quantity"
        "missing-field"
        "invalid-value"
        "invalid-name"
        "incomplete-object"
        "unrendered-source"
        "invalid-scenario"
        "duplicate-object"
        "unknown-kind"
        "removed-api-version"
        "deprecated-api-version"
        "custom-resource-invalid"
        "scheduler-configuration-not-used"
        "scheduler-plugin-not-modelled";
    "policy" Policy:
        "policy-error"
        "waiver-expired"
        "waiver-unused"
        "waiver-invalid";
};

/// The rules, in the order of the list.
pub(in crate::policy) fn rules() -> Result<Vec<Rule>, PolicyError> {
    TEXTS.iter().map(rule).collect()
}

fn rule(text: &Text) -> Result<Rule, PolicyError> {
    let path = || format!("src/policy/documentation/{}.md", text.id);
    let failed = |reason: String| PolicyError::Metadata { path: path(), line: 1, reason };
    let parts = text.text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    let (front, body) = parts.ok_or_else(|| failed("it does not begin with front matter".to_owned()))?;
    let mut metadata = metadata::parse(front).map_err(failed)?;
    let mut sections = body.split("\n## ");
    metadata.description = sections.next().unwrap_or_default().trim().to_owned();
    for section in sections {
        let (heading, content) = section.split_once('\n').unwrap_or((section, ""));
        let content = content.trim();
        match heading {
            "Why" => metadata.custom.why = content.to_owned(),
            "Mend" => metadata.custom.help = content.to_owned(),
            // An example belongs to what is found.
            "Example" => metadata.description = format!("{}\n\nFor example:\n\n{content}", metadata.description),
            _ => return Err(failed(format!("`## {heading}` is not one of Why, Mend, Example"))),
        }
    }
    Rule::from_metadata(text.id, text.pack, metadata, text.engine.clone()).map_err(|error| failed(error.to_string()))
}
