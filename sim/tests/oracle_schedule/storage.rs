//! Claims, volumes, classes and drivers; the volumes of pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_sim::cluster::{
    AccessMode, AzureDiskKind, BindingMode, ClaimBinding, ClaimName, ClassName, ClusterState, CsiDriver, CsiNode,
    CsiNodeDriver, CsiStorageCapacity, CsiVolume, DiskIdentity, InTreeDisk, InTreePlugin, InlineDisk, LabelSelector,
    MigratedDisk, NodeSelectorTerm, Operator, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSource,
    PodVolume, ProvisionerKind, Requirement, Storage, StorageClass, Symbol, VolumeAttachment, VolumeClaim, VolumeMode,
    VolumeName,
};
use serde_json::Value;

use crate::affinity::{node_term, selector};
use crate::pod::labels;
use crate::resources::amounts;

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, otherwise: &'a str) -> &'a str {
    value.as_str().unwrap_or(otherwise)
}

fn name_of(state: &mut ClusterState, manifest: &Value) -> Symbol {
    state.intern(manifest["metadata"]["name"].as_str().unwrap())
}

fn claim_name(state: &mut ClusterState, namespace: &Value, name: &Value) -> ClaimName {
    let namespace = state.intern(text(namespace, "default"));
    ClaimName { namespace, name: state.intern(name.as_str().unwrap()) }
}

/// The uid that the oracle gives to an object without one.
fn uid(manifest: &Value, kind: &str) -> String {
    let metadata = &manifest["metadata"];
    let given = metadata["uid"].as_str().map(str::to_owned);
    given.unwrap_or_else(|| {
        format!("*v1.{kind}/{}/{}", text(&metadata["namespace"], "default"), text(&metadata["name"], ""))
    })
}

/// Adds everything but the pods' own volumes.
pub(crate) fn add(state: &mut ClusterState, objects: &[Value]) {
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let mut storage = Storage::default();
    let mut uids = BTreeMap::new();
    for manifest in of_kind("PersistentVolumeClaim") {
        let name = claim_name(state, &manifest["metadata"]["namespace"], &manifest["metadata"]["name"]);
        uids.insert(name, uid(manifest, "PersistentVolumeClaim"));
        storage.claims.insert(name, claim(state, manifest));
    }
    for manifest in of_kind("PersistentVolume") {
        let name = VolumeName(name_of(state, manifest));
        let volume = volume(state, manifest, &uids);
        storage.volumes.insert(name, volume);
    }
    for manifest in of_kind("StorageClass") {
        let name = ClassName(name_of(state, manifest));
        let class = class(state, manifest);
        storage.classes.insert(name, class);
    }
    for manifest in of_kind("CSINode") {
        let name = name_of(state, manifest);
        let csi_node = csi_node(state, manifest);
        storage.csi_nodes.insert(name, csi_node);
    }
    for manifest in of_kind("CSIDriver") {
        let driver =
            CsiDriver { storage_capacity: manifest["spec"]["storageCapacity"] == true, ..CsiDriver::default() };
        storage.csi_drivers.insert(name_of(state, manifest), driver);
    }
    for manifest in of_kind("CSIStorageCapacity") {
        let largest = [&manifest["maximumVolumeSize"], &manifest["capacity"]].into_iter().find(|size| !size.is_null());
        storage.capacities.push(CsiStorageCapacity {
            class: ClassName(state.intern(manifest["storageClassName"].as_str().unwrap())),
            node_topology: selector(state, &manifest["nodeTopology"]),
            limit_bytes: largest.map(|size| amounts(&serde_json::json!({"storage": size}))["storage"]),
        });
    }
    for manifest in of_kind("VolumeAttachment") {
        let Some(volume) = manifest["spec"]["source"]["persistentVolumeName"].as_str() else { continue };
        let attacher = state.intern(manifest["spec"]["attacher"].as_str().unwrap());
        let attachment = VolumeAttachment { attacher, volume: VolumeName(state.intern(volume)) };
        let node = state.intern(manifest["spec"]["nodeName"].as_str().unwrap());
        storage.attachments.entry(node).or_default().push(attachment);
    }
    state.storage = Arc::new(storage);
}

fn class_name(state: &mut ClusterState, manifest: &Value) -> ClassName {
    let annotation = manifest["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"].as_str();
    ClassName(state.intern(annotation.unwrap_or_else(|| text(&manifest["spec"]["storageClassName"], ""))))
}

fn access_modes(spec: &Value) -> BTreeSet<AccessMode> {
    items(&spec["accessModes"]).map(|mode| AccessMode::named(mode.as_str().unwrap()).unwrap()).collect()
}

fn volume_mode(spec: &Value) -> VolumeMode {
    match spec["volumeMode"].as_str() {
        Some("Block") => VolumeMode::Block,
        None | Some("Filesystem") => VolumeMode::Filesystem,
        Some(other) => panic!("volumeMode {other}"),
    }
}

fn claim(state: &mut ClusterState, manifest: &Value) -> PersistentVolumeClaim {
    let (metadata, spec) = (&manifest["metadata"], &manifest["spec"]);
    let annotation = |name: &str| metadata["annotations"][name].as_str();
    let volume = spec["volumeName"].as_str().map(|name| VolumeName(state.intern(name)));
    let controller = items(&metadata["ownerReferences"]).find(|owner| owner["controller"] == true);
    // A pod is its controller only by its uid.
    let is_pod = |owner: &&Value| {
        let own = format!("*v1.Pod/{}/{}", text(&metadata["namespace"], "default"), text(&owner["name"], ""));
        owner["uid"] == own.as_str()
    };
    PersistentVolumeClaim {
        class: class_name(state, manifest),
        binding: match volume {
            None => ClaimBinding::Unbound,
            Some(volume) if annotation("pv.kubernetes.io/bind-completed").is_some() => ClaimBinding::Bound(volume),
            Some(volume) => ClaimBinding::Requested(volume),
        },
        is_lost: manifest["status"]["phase"] == "Lost",
        is_terminating: !metadata["deletionTimestamp"].is_null(),
        requested_bytes: amounts(&spec["resources"]["requests"]).get("storage").copied(),
        access_modes: access_modes(spec),
        volume_mode: volume_mode(spec),
        selector: selector(state, &spec["selector"]),
        attributes_class: state.intern(text(&spec["volumeAttributesClassName"], "")),
        selected_node: annotation("volume.kubernetes.io/selected-node").map(|node| state.intern(node)),
        controlled_by_pod: controller.filter(is_pod).map(|owner| state.intern(owner["name"].as_str().unwrap())),
    }
}

fn volume(state: &mut ClusterState, manifest: &Value, uids: &BTreeMap<ClaimName, String>) -> PersistentVolume {
    let spec = &manifest["spec"];
    let labels = labels(state, &manifest["metadata"]["labels"]);
    let required = &spec["nodeAffinity"]["required"];
    let node_terms: Option<Vec<NodeSelectorTerm>> = (!required.is_null())
        .then(|| items(&required["nodeSelectorTerms"]).map(|term| node_term(state, term)).collect());
    PersistentVolume {
        class: class_name(state, manifest),
        capacity_bytes: amounts(&spec["capacity"])["storage"],
        access_modes: access_modes(spec),
        volume_mode: volume_mode(spec),
        attributes_class: state.intern(text(&spec["volumeAttributesClassName"], "")),
        claim: volume_claim(state, &spec["claimRef"], uids),
        is_available: manifest["status"]["phase"] == "Available",
        is_terminating: !manifest["metadata"]["deletionTimestamp"].is_null(),
        source: match in_tree_disk(spec) {
            Some(disk) => PersistentVolumeSource::InTree(disk.migrate(state, &labels, node_terms.as_deref())),
            None if spec["csi"].is_null() => PersistentVolumeSource::Other,
            None => PersistentVolumeSource::Csi(CsiVolume {
                driver: state.intern(spec["csi"]["driver"].as_str().unwrap()),
                handle: state.intern(spec["csi"]["volumeHandle"].as_str().unwrap()),
            }),
        },
        labels,
        node_terms,
        assumption: None,
    }
}

fn volume_claim(state: &mut ClusterState, reference: &Value, uids: &BTreeMap<ClaimName, String>) -> VolumeClaim {
    if reference.is_null() {
        return VolumeClaim::None;
    }
    let name = claim_name(state, &reference["namespace"], &reference["name"]);
    match reference["uid"].as_str() {
        Some(uid) if uids.get(&name).is_none_or(|own| own != uid) => VolumeClaim::Gone,
        Some(_) | None => VolumeClaim::Of(name),
    }
}

fn class(state: &mut ClusterState, manifest: &Value) -> StorageClass {
    let provisioner = manifest["provisioner"].as_str().unwrap();
    let in_tree = InTreePlugin::named(provisioner);
    let mut terms = Vec::new();
    for term in items(&manifest["allowedTopologies"]) {
        let requirements = items(&term["matchLabelExpressions"]).map(|expression| Requirement {
            key: state.intern(expression["key"].as_str().unwrap()),
            operator: Operator::In(items(&expression["values"]).map(|one| state.intern(text(one, ""))).collect()),
        });
        terms.push(LabelSelector { requirements: requirements.collect() });
    }
    StorageClass {
        provisioner: state.intern(provisioner),
        provisioner_kind: match in_tree {
            Some(plugin) => ProvisionerKind::InTree(plugin, state.intern(plugin.csi_driver())),
            None if provisioner == "kubernetes.io/no-provisioner" => ProvisionerKind::Nobody,
            None => ProvisionerKind::External,
        },
        binding_mode: match manifest["volumeBindingMode"].as_str() {
            Some("WaitForFirstConsumer") => BindingMode::WaitForFirstConsumer,
            None | Some("Immediate") => BindingMode::Immediate,
            Some(other) => panic!("volumeBindingMode {other}"),
        },
        allowed_topologies: terms,
    }
}

fn csi_node(state: &mut ClusterState, manifest: &Value) -> CsiNode {
    let migrated = &manifest["metadata"]["annotations"]["storage.alpha.kubernetes.io/migrated-plugins"];
    let drivers = items(&manifest["spec"]["drivers"]).map(|driver| {
        let own = CsiNodeDriver {
            limit: driver["allocatable"]["count"].as_i64(),
            topology_keys: items(&driver["topologyKeys"]).map(|key| state.intern(text(key, ""))).collect(),
        };
        (state.intern(driver["name"].as_str().unwrap()), own)
    });
    CsiNode {
        drivers: drivers.collect(),
        migrated_plugins: text(migrated, "").split(',').filter_map(InTreePlugin::named).collect(),
    }
}

fn in_tree_disk(source: &Value) -> Option<InTreeDisk<'_>> {
    let given = |kind: &str, field: &str| source[kind][field].as_str();
    if let Some(name) = given("gcePersistentDisk", "pdName") {
        return Some(InTreeDisk::GcePersistentDisk(name));
    }
    if let Some(volume) = given("awsElasticBlockStore", "volumeID") {
        return Some(InTreeDisk::AwsElasticBlockStore(volume));
    }
    if let Some(uri) = given("azureDisk", "diskURI") {
        return Some(InTreeDisk::AzureDisk(uri, AzureDiskKind::named(text(&source["azureDisk"]["kind"], "Shared"))));
    }
    if let Some(volume) = given("cinder", "volumeID") {
        return Some(InTreeDisk::Cinder(volume));
    }
    if !source["azureFile"].is_null() {
        return Some(InTreeDisk::AzureFile);
    }
    if !source["vsphereVolume"].is_null() {
        return Some(InTreeDisk::Vsphere);
    }
    given("portworxVolume", "volumeID").map(InTreeDisk::Portworx)
}

/// The volumes of a pod.
pub(crate) fn of_pod(state: &mut ClusterState, manifest: &Value) -> Arc<[PodVolume]> {
    let pod = name_of(state, manifest);
    let mut volumes = Vec::new();
    for volume in items(&manifest["spec"]["volumes"]) {
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            volumes.push(PodVolume::Claim(state.intern(claim)));
        } else if !volume["ephemeral"].is_null() {
            let claim = format!("{}-{}", state.names.text(pod), volume["name"].as_str().unwrap());
            volumes.push(PodVolume::Ephemeral { claim: state.intern(&claim), pod });
        } else {
            volumes.extend(inline_disk(state, volume).map(PodVolume::Disk));
        }
    }
    volumes.into()
}

fn inline_disk(state: &mut ClusterState, volume: &Value) -> Option<InlineDisk> {
    let disk = in_tree_disk(volume);
    let identity = identity(state, volume);
    if disk.is_none() && identity == DiskIdentity::Shared {
        return None;
    }
    let migrated = disk.map_or(MigratedDisk::NotCounted, |disk| disk.migrate_inline(state));
    Some(InlineDisk { identity, migrated })
}

fn identity(state: &mut ClusterState, volume: &Value) -> DiskIdentity {
    let reads = |kind: &str| volume[kind]["readOnly"] == true;
    if let Some(name) = volume["gcePersistentDisk"]["pdName"].as_str() {
        return DiskIdentity::GcePersistentDisk { name: state.intern(name), read_only: reads("gcePersistentDisk") };
    }
    if let Some(volume) = volume["awsElasticBlockStore"]["volumeID"].as_str() {
        return DiskIdentity::AwsElasticBlockStore(state.intern(volume));
    }
    if let Some(name) = volume["iscsi"]["iqn"].as_str() {
        return DiskIdentity::Iscsi { name: state.intern(name), read_only: reads("iscsi") };
    }
    let rbd = &volume["rbd"];
    let Some(image) = rbd["image"].as_str() else { return DiskIdentity::Shared };
    DiskIdentity::Rbd {
        monitors: items(&rbd["monitors"]).map(|one| state.intern(text(one, ""))).collect(),
        image: (state.intern(text(&rbd["pool"], "rbd")), state.intern(image)),
        read_only: reads("rbd"),
    }
}
