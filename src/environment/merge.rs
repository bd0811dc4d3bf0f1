//! Several documents into one: the convention is in the documentation of [`Environment`].

use std::collections::BTreeMap;

use super::{
    Delivery, Dependencies, Environment, EnvironmentMetadata, EnvironmentSpec, Exposure, Networks, Policies, Prices,
    Recovery, Scheduler, Secrets,
};

impl Environment {
    /// This document joined with a later one, which wins where both say the same thing.
    ///
    /// The convention for scalars, maps and lists is documented at [`Environment`].
    #[must_use]
    pub fn merged_with(self, later: Self) -> Self {
        Self {
            api_version: later.api_version,
            kind: later.kind,
            metadata: EnvironmentMetadata { name: later.metadata.name.or(self.metadata.name) },
            spec: self.spec.merged_with(later.spec),
        }
    }
}

impl EnvironmentSpec {
    fn merged_with(self, later: Self) -> Self {
        Self {
            nodes: joined_by(self.nodes, later.nodes, |pool| pool.name.clone()),
            prices: joined_option(self.prices, later.prices, Prices::merged_with),
            networks: joined_option(self.networks, later.networks, Networks::merged_with),
            failure_domains: appended(self.failure_domains, later.failure_domains),
            scheduler: joined_option(self.scheduler, later.scheduler, Scheduler::merged_with),
            guarantees: appended(self.guarantees, later.guarantees),
            data_stores: joined_by(self.data_stores, later.data_stores, |store| {
                (store.namespace.clone(), store.name.clone())
            }),
            dependencies: joined_option(self.dependencies, later.dependencies, Dependencies::merged_with),
            backups: joined_by(self.backups, later.backups, |backup| backup.name.clone()),
            recovery: joined_option(self.recovery, later.recovery, Recovery::merged_with),
            access: joined_maps(self.access, later.access),
            exposure: joined_option(self.exposure, later.exposure, Exposure::merged_with),
            secrets: joined_option(self.secrets, later.secrets, Secrets::merged_with),
            delivery: joined_option(self.delivery, later.delivery, Delivery::merged_with),
            alerts: joined_by(self.alerts, later.alerts, |alert| alert.name.clone()),
            policies: joined_option(self.policies, later.policies, Policies::merged_with),
            waivers: appended(self.waivers, later.waivers),
        }
    }
}

impl Scheduler {
    fn merged_with(self, later: Self) -> Self {
        Self { configuration: later.configuration.or(self.configuration) }
    }
}

impl Prices {
    fn merged_with(self, later: Self) -> Self {
        Self {
            currency: later.currency.or(self.currency),
            catalogue: joined_maps(self.catalogue, later.catalogue),
            nodes: joined_maps(self.nodes, later.nodes),
            items: joined_by(self.items, later.items, |item| item.name.clone()),
            monthly_limit: later.monthly_limit.or(self.monthly_limit),
        }
    }
}

impl Networks {
    fn merged_with(self, later: Self) -> Self {
        Self {
            vpc: later.vpc.or(self.vpc),
            nodes: later.nodes.or(self.nodes),
            pods: later.pods.or(self.pods),
            services: later.services.or(self.services),
        }
    }
}

impl Dependencies {
    fn merged_with(self, later: Self) -> Self {
        Self {
            external: joined_by(self.external, later.external, |service| service.name.clone()),
            edges: appended(self.edges, later.edges),
        }
    }
}

impl Recovery {
    fn merged_with(self, later: Self) -> Self {
        Self { rto: later.rto.or(self.rto), rpo: later.rpo.or(self.rpo) }
    }
}

impl Exposure {
    fn merged_with(self, later: Self) -> Self {
        Self {
            ports: joined_by(self.ports, later.ports, |port| (port.port, port.protocol)),
            hosts: joined_maps(self.hosts, later.hosts),
        }
    }
}

impl Secrets {
    fn merged_with(self, later: Self) -> Self {
        Self {
            storage: later.storage.or(self.storage),
            sealing: later.sealing.or(self.sealing),
            rotation: later.rotation.or(self.rotation),
            rotated_at_annotation: later.rotated_at_annotation.or(self.rotated_at_annotation),
        }
    }
}

impl Delivery {
    fn merged_with(self, later: Self) -> Self {
        Self {
            tool: later.tool.or(self.tool),
            application: later.application.or(self.application),
            branch: later.branch.or(self.branch),
            sync: later.sync.or(self.sync),
            approval: later.approval.or(self.approval),
            tag_form: later.tag_form.or(self.tag_form),
            images: appended(self.images, later.images),
            strategies: joined_maps(self.strategies, later.strategies),
            checklist: appended(self.checklist, later.checklist),
            emergency: appended(self.emergency, later.emergency),
        }
    }
}

impl Policies {
    fn merged_with(self, later: Self) -> Self {
        let mut parameters = self.parameters;
        for (rule, values) in later.parameters {
            parameters.entry(rule).or_default().extend(values);
        }
        Self {
            packs: appended(self.packs, later.packs),
            parameters,
            severities: joined_maps(self.severities, later.severities),
        }
    }
}

fn joined_option<T>(earlier: Option<T>, later: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(join(earlier, later)),
        (earlier, later) => later.or(earlier),
    }
}

fn joined_maps<K: Ord, V>(mut earlier: BTreeMap<K, V>, later: BTreeMap<K, V>) -> BTreeMap<K, V> {
    earlier.extend(later);
    earlier
}

fn joined_by<T, K: PartialEq>(mut earlier: Vec<T>, later: Vec<T>, identity: impl Fn(&T) -> K) -> Vec<T> {
    for element in later {
        let key = identity(&element);
        match earlier.iter_mut().find(|known| identity(known) == key) {
            Some(known) => *known = element,
            None => earlier.push(element),
        }
    }
    earlier
}

fn appended<T: PartialEq>(mut earlier: Vec<T>, later: Vec<T>) -> Vec<T> {
    for element in later {
        if !earlier.contains(&element) {
            earlier.push(element);
        }
    }
    earlier
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn environment(spec: Value) -> Environment {
        serde_json::from_value(json!({"apiVersion": "quorate.dev/v1alpha1", "kind": "Environment", "spec": spec}))
            .unwrap()
    }

    fn merged(earlier: Value, later: Value) -> Value {
        let document = environment(earlier).merged_with(environment(later));
        serde_json::to_value(document).unwrap()["spec"].clone()
    }

    #[test]
    fn later_scalars_win_and_absent_ones_do_not() {
        let spec = merged(
            json!({"recovery": {"rto": "4h", "rpo": "1h"}, "prices": {"currency": "EUR", "monthlyLimit": "46"}}),
            json!({"recovery": {"rpo": "15m"}, "prices": {"monthlyLimit": "56"}}),
        );
        assert_eq!(spec["recovery"], json!({"rto": "4h", "rpo": "15m"}));
        assert_eq!(spec["prices"], json!({"currency": "EUR", "monthlyLimit": "56.00"}));
    }

    #[test]
    fn named_elements_are_replaced_whole_and_others_appended_once() {
        let guarantee = json!({"workload": "deployment/default/backend", "minAvailable": 2});
        let spec = merged(
            json!({"alerts": [{"name": "A", "severity": "warning", "response": "look"}, {"name": "B", "severity": "info"}], "guarantees": [guarantee]}),
            json!({"alerts": [{"name": "A", "severity": "critical"}], "guarantees": [guarantee]}),
        );
        assert_eq!(spec["alerts"], json!([{"name": "A", "severity": "critical"}, {"name": "B", "severity": "info"}]));
        assert_eq!(spec["guarantees"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn maps_are_joined_and_parameters_by_key() {
        let spec = merged(
            json!({"access": {"devops": {"may": ["ssh"]}}, "policies": {"parameters": {"a": {"x": 1, "y": 1}}}}),
            json!({"access": {"on-call": {"may": ["logs"]}}, "policies": {"parameters": {"a": {"y": 2}}}}),
        );
        assert_eq!(spec["access"], json!({"devops": {"may": ["ssh"]}, "on-call": {"may": ["logs"]}}));
        assert_eq!(spec["policies"]["parameters"], json!({"a": {"x": 1, "y": 2}}));
    }

    #[test]
    fn merging_with_nothing_changes_nothing() {
        let full = environment(json!({"networks": {"vpc": "10.0.0.0/16"}, "exposure": {"ports": [{"port": 443}]}}));
        assert_eq!(full.clone().merged_with(environment(json!({}))), full);
        assert_eq!(environment(json!({})).merged_with(full.clone()), full);
    }
}
