//! Classes, and what drivers say of themselves and of nodes.

use std::sync::Arc;

use k8s_openapi::api::storage::v1 as storage;
use quorate_sim::cluster::{
    BindingMode, ClassName, ClusterState, CsiDriver, CsiNode, CsiNodeDriver, CsiStorageCapacity, InTreePlugin,
    LabelSelector, Operator, ProvisionerKind, Requirement, StorageClass, VolumeAttachment, VolumeName,
};

use super::claims::name;
use crate::model::{labels, requests};

const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const MIGRATED_PLUGINS: &str = "storage.alpha.kubernetes.io/migrated-plugins";

/// A StorageClass.
pub(super) fn class(state: &mut ClusterState, api: &storage::StorageClass) -> StorageClass {
    let mut allowed_topologies = Vec::new();
    for term in api.allowed_topologies.iter().flatten() {
        let mut requirements = Vec::new();
        for expression in term.match_label_expressions.iter().flatten() {
            let values = expression.values.iter().map(|value| state.intern(value)).collect();
            requirements.push(Requirement { key: state.intern(&expression.key), operator: Operator::In(values) });
        }
        allowed_topologies.push(LabelSelector { requirements });
    }
    StorageClass {
        provisioner: state.intern(&api.provisioner),
        provisioner_kind: match InTreePlugin::named(&api.provisioner) {
            Some(plugin) => ProvisionerKind::InTree(plugin, state.intern(plugin.csi_driver())),
            None if api.provisioner == NO_PROVISIONER => ProvisionerKind::Nobody,
            None => ProvisionerKind::External,
        },
        binding_mode: match api.volume_binding_mode.as_deref() {
            Some("WaitForFirstConsumer") => BindingMode::WaitForFirstConsumer,
            Some(_) | None => BindingMode::Immediate,
        },
        allowed_topologies,
    }
}

/// A CSINode; it has the name of its node.
pub(super) fn add_csi_node(state: &mut ClusterState, api: &storage::CSINode) {
    let migrated = api.metadata.annotations.as_ref().and_then(|own| own.get(MIGRATED_PLUGINS));
    let migrated = migrated.map_or("", String::as_str);
    let mut csi_node = CsiNode {
        migrated_plugins: migrated.split(',').filter_map(InTreePlugin::named).collect(),
        ..CsiNode::default()
    };
    for driver in &api.spec.drivers {
        let limit = driver.allocatable.as_ref().and_then(|allocatable| allocatable.count).map(i64::from);
        let topology_keys = driver.topology_keys.iter().flatten().map(|key| state.intern(key)).collect();
        csi_node.drivers.insert(state.intern(&driver.name), CsiNodeDriver { limit, topology_keys });
    }
    let node = name(state, api.metadata.name.as_deref());
    Arc::make_mut(&mut state.storage).csi_nodes.insert(node, csi_node);
}

/// A CSIDriver.
pub(super) fn add_csi_driver(state: &mut ClusterState, api: &storage::CSIDriver) {
    let driver = name(state, api.metadata.name.as_deref());
    let own = CsiDriver {
        storage_capacity: api.spec.storage_capacity == Some(true),
        attaches_nothing: api.spec.attach_required == Some(false),
    };
    Arc::make_mut(&mut state.storage).csi_drivers.insert(driver, own);
}

/// A CSIStorageCapacity.
pub(super) fn add_capacity(state: &mut ClusterState, api: &storage::CSIStorageCapacity) {
    let largest = api.maximum_volume_size.as_ref().or(api.capacity.as_ref());
    let capacity = CsiStorageCapacity {
        class: ClassName(state.intern(&api.storage_class_name)),
        node_topology: api.node_topology.as_ref().map(|topology| labels::selector(state, topology)),
        limit_bytes: largest.map(|size| requests::parse(size).whole),
    };
    Arc::make_mut(&mut state.storage).capacities.push(capacity);
}

/// A VolumeAttachment.
pub(super) fn add_attachment(state: &mut ClusterState, api: &storage::VolumeAttachment) {
    let Some(volume) = api.spec.source.persistent_volume_name.as_deref() else { return };
    let attachment =
        VolumeAttachment { attacher: state.intern(&api.spec.attacher), volume: VolumeName(state.intern(volume)) };
    let node = state.intern(&api.spec.node_name);
    Arc::make_mut(&mut state.storage).attachments.entry(node).or_default().push(attachment);
}
