//! The CustomResourceDefinitions among the inputs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::manifest::Node;
use crate::manifest::api::Scope;

use super::schema::{has_expressions, to_json_schema};

/// Why a schema cannot be used: what its compiler says.
pub(super) type SchemaError = String;

/// The definitions by group and kind. Of two of the same kind the last one counts, as when both are applied.
#[derive(Debug, Default)]
pub struct Definitions {
    by_kind: BTreeMap<(String, String), Definition>,
}

/// A kind that a CustomResourceDefinition defines.
#[derive(Debug)]
pub struct Definition {
    /// `certificates.cert-manager.io`.
    pub name: String,
    /// Whether its objects lie in a namespace.
    pub scope: Scope,
    pub(super) versions: Vec<Version>,
}

/// One version of a kind.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) name: String,
    pub(super) is_served: bool,
    /// `openAPIV3Schema`.
    pub(super) schema: Value,
    validator: OnceLock<Result<jsonschema::Validator, SchemaError>>,
}

impl Version {
    /// The compiled schema; compiled when the first object needs it.
    pub(super) fn validator(&self) -> &Result<jsonschema::Validator, SchemaError> {
        self.validator.get_or_init(|| {
            jsonschema::draft4::options()
                .should_validate_formats(true)
                .build(&to_json_schema(&self.schema))
                .map_err(|error| error.to_string())
        })
    }

    /// Whether the schema has rules that are not evaluated.
    pub(super) fn has_expressions(&self) -> bool {
        has_expressions(&self.schema)
    }
}

impl Definitions {
    /// Reads the definitions among `roots`.
    pub fn among<'a>(roots: impl IntoIterator<Item = &'a Node>) -> Self {
        let mut definitions = Self::default();
        for root in roots {
            if let Some((group, kind, definition)) = read(root) {
                definitions.by_kind.insert((group, kind), definition);
            }
        }
        definitions
    }

    /// The definition of `kind` in `group`.
    #[must_use]
    pub fn get(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.by_kind.get(&(group.to_owned(), kind.to_owned()))
    }
}

fn read(root: &Node) -> Option<(String, String, Definition)> {
    let text = |node: &Node, field: &str| node.get(field).and_then(Node::as_str).map(str::to_owned);
    if root.get("kind")?.as_str()? != "CustomResourceDefinition"
        || root.get("apiVersion")?.as_str()? != "apiextensions.k8s.io/v1"
    {
        return None;
    }
    let spec = root.get("spec")?;
    let scope = match spec.get("scope")?.as_str()? {
        "Cluster" => Scope::Cluster,
        _ => Scope::Namespaced,
    };
    let version = |node: &Node| {
        Some(Version {
            name: text(node, "name")?,
            is_served: node.get("served").is_none_or(|served| served.value == crate::manifest::Value::Boolean(true)),
            schema: node.get("schema")?.get("openAPIV3Schema")?.to_json(),
            validator: OnceLock::new(),
        })
    };
    let versions = spec.get("versions")?.items().iter().filter_map(version).collect();
    let name = root.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or_default();
    Some((text(spec, "group")?, text(spec.get("names")?, "kind")?, Definition { name, scope, versions }))
}
