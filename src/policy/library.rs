//! The Rego files in `policies/` and their fixtures, embedded. A test compares this list with the directories.

use super::PolicyError;
use super::engine::{Program, RegoFile, RegoVersion};
use super::registry::Examples;

/// A rule of the library.
pub(super) struct BuiltIn {
    /// Read by tests; the rule's METADATA says the same.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests compare it with the METADATA"))]
    pub(super) id: &'static str,
    pub(super) pack: &'static str,
    rule_path: &'static str,
    rule: &'static str,
    test_path: &'static str,
    test: &'static str,
    violating: &'static str,
    compliant: &'static str,
    environment: &'static str,
}

impl BuiltIn {
    pub(super) fn rule(&self) -> RegoFile {
        RegoFile { path: self.rule_path.to_owned(), text: self.rule.to_owned() }
    }

    pub(super) fn test(&self) -> RegoFile {
        RegoFile { path: self.test_path.to_owned(), text: self.test.to_owned() }
    }

    pub(super) const fn examples(&self) -> Examples {
        Examples { violating: self.violating, compliant: self.compliant, environment: self.environment }
    }
}

macro_rules! embedded {
    ($($path:expr),+) => { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $($path),+)) };
}

/// `facts` after a rule: its fixtures have a quorate.yaml.
macro_rules! environment {
    ($id:literal) => {
        ""
    };
    ($id:literal facts) => {
        embedded!("fixtures/policies/", $id, "/quorate.yaml")
    };
}

macro_rules! rules {
    ($($pack:literal / $file:literal = $id:literal $($facts:ident)?;)*) => {
        &[$(BuiltIn {
            id: $id,
            pack: $pack,
            rule_path: concat!("policies/", $pack, "/", $file, ".rego"),
            rule: embedded!("policies/", $pack, "/", $file, ".rego"),
            test_path: concat!("policies/", $pack, "/", $file, "_test.rego"),
            test: embedded!("policies/", $pack, "/", $file, "_test.rego"),
            violating: embedded!("fixtures/policies/", $id, "/violating.yaml"),
            compliant: embedded!("fixtures/policies/", $id, "/compliant.yaml"),
            environment: environment!($id $($facts)?),
        }),*]
    };
}

/// The rules of the library, by pack.
pub(super) const RULES: &[BuiltIn] = rules! {
    "security" / "privileged_container" = "privileged-container";
    "security" / "runs_as_root" = "runs-as-root";
    "security" / "privilege_escalation_allowed" = "privilege-escalation-allowed";
    "security" / "shares_host_namespace" = "shares-host-namespace";
    "security" / "mutable_image_tag" = "mutable-image-tag";
    "security" / "wildcard_rbac" = "wildcard-rbac";
    "security" / "plain_secret" = "plain-secret" facts;
    "availability" / "no_readiness_probe" = "no-readiness-probe";
    "availability" / "no_disruption_budget" = "no-disruption-budget";
    "availability" / "single_replica" = "single-replica";
    "availability" / "data_store_without_backup" = "data-store-without-backup" facts;
    "delivery" / "automatic_sync" = "automatic-sync" facts;
    "delivery" / "image_tag_form" = "image-tag-form" facts;
    "exposure" / "undeclared_port" = "undeclared-port" facts;
    "exposure" / "ingress_without_tls" = "ingress-without-tls";
    "exposure" / "namespace_without_network_policy" = "namespace-without-network-policy";
    "operations" / "missing_alert" = "missing-alert" facts;
    "operations" / "backup_misses_recovery_point" = "backup-misses-recovery-point" facts;
    "cost" / "no_resource_requests" = "no-resource-requests";
    "cost" / "monthly_cost_over_limit" = "monthly-cost-over-limit" facts;
};

/// Whether the library has a pack of this name.
pub(super) fn is_pack(name: &str) -> bool {
    RULES.iter().any(|rule| rule.pack == name)
}

/// The modules that rules share, `data.quorate.lib`.
const SHARED: [(&str, &str); 6] = [
    ("policies/lib/image.rego", embedded!("policies/lib/image.rego")),
    ("policies/lib/objects.rego", embedded!("policies/lib/objects.rego")),
    ("policies/lib/scaling.rego", embedded!("policies/lib/scaling.rego")),
    ("policies/lib/selector.rego", embedded!("policies/lib/selector.rego")),
    ("policies/lib/time.rego", embedded!("policies/lib/time.rego")),
    ("policies/lib/workload.rego", embedded!("policies/lib/workload.rego")),
];

/// A program with the shared modules that `rule` imports, or with all. Every module costs time at each look at `data`.
pub(super) fn base(rule: Option<&BuiltIn>) -> Result<Program, PolicyError> {
    let wanted = rule.map(|rule| imports(rule.rule));
    let mut program = Program::new();
    for (path, text) in SHARED {
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&path)) {
            program.add(&RegoFile { path: path.to_owned(), text: text.to_owned() }, RegoVersion::Detect)?;
        }
    }
    Ok(program)
}

/// The paths of the shared modules that `text` imports, and that these import.
fn imports(text: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    let mut waiting = vec![text];
    while let Some(text) = waiting.pop() {
        let rests = text.lines().filter_map(|line| line.strip_prefix("import data.quorate.lib."));
        for name in rests.filter_map(|rest| rest.split(['.', ' ']).next()) {
            let module =
                SHARED.iter().find(|(path, _)| path.strip_prefix("policies/lib/") == Some(&format!("{name}.rego")));
            if let Some((path, text)) = module.filter(|(path, _)| !found.contains(path)) {
                found.push(path);
                waiting.push(text);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
