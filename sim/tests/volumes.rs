//! Volumes over time: claims are made and bound, stay where they are, and go with their pods.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, step};
use quorate_sim::cluster::{
    AccessMode, BindingMode, ClaimBinding, ClaimName, ClaimTemplate, ClassName, ClusterState, CsiNode, CsiNodeDriver,
    NodeRequirementOperator, Owner, PersistentVolume, PersistentVolumeClaim, PodId, PodManagementPolicy,
    ProvisionerKind, StatefulSetId, StatefulSetStrategy, Storage, StorageClass, Symbol, VolumeAssumption,
    VolumeAttachment, VolumeName, VolumeSource,
};
use quorate_sim::prove::{Unproved, no_placement};
use quorate_sim::simulation::{Settings, Simulation, StepAction};
use quorate_sim::transition::{Change, PodChange, RemovalReason, apply};

const ROLLING: StatefulSetStrategy = StatefulSetStrategy::RollingUpdate { partition: 0 };

/// Two nodes in two zones, and a set `db` of `replicas` whose pods have a claim `data` of class `fast`.
fn database(replicas: i64, provisioner_kind: ProvisionerKind, binding_mode: BindingMode) -> Builder {
    let mut builder = Builder::new();
    builder.node("a", 4, 8, Some("x"));
    builder.node("b", 4, 8, Some("y"));
    let class = ClassName(builder.state.intern("fast"));
    let provisioner = builder.state.intern("csi.example.com");
    let of_class = StorageClass { provisioner, provisioner_kind, binding_mode, allowed_topologies: Vec::new() };
    storage(&mut builder.state).classes.insert(class, of_class);
    let set = builder.stateful_set("db", replicas, PodManagementPolicy::Parallel, ROLLING, &PodWishes::default());
    let name = builder.state.intern("data");
    let claim = PersistentVolumeClaim {
        class,
        requested_bytes: Some(5),
        access_modes: [AccessMode::ReadWriteOnce].into(),
        ..PersistentVolumeClaim::default()
    };
    mount(&mut builder.state, set, VolumeSource::SetClaim(Arc::new(ClaimTemplate { name, claim })));
    builder
}

fn storage(state: &mut ClusterState) -> &mut Storage {
    Arc::make_mut(&mut state.storage)
}

fn mount(state: &mut ClusterState, set: StatefulSetId, volume: VolumeSource) {
    let mut set = state.stateful_sets.get_mut(&set).unwrap();
    Arc::make_mut(&mut set.template).spec.volumes = vec![volume];
    set.current_template = Arc::clone(&set.template);
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    simulation.settle();
    simulation
}

fn claim_name(state: &ClusterState, name: &str) -> ClaimName {
    ClaimName { namespace: Symbol::DEFAULT, name: state.names.find(name).unwrap() }
}

fn volume_of<'a>(state: &'a ClusterState, claim: &str) -> &'a PersistentVolume {
    let ClaimBinding::Bound(volume) = state.storage.claims[&claim_name(state, claim)].binding else {
        panic!("{claim} is not bound")
    };
    &state.storage.volumes[&volume]
}

/// `key=value` of the only requirement on a volume's nodes.
fn place_of(state: &ClusterState, claim: &str) -> String {
    let Some([term]) = volume_of(state, claim).node_terms.as_deref() else { return "anywhere".to_owned() };
    let [requirement] = term.expressions.as_slice() else { panic!("{term:?}") };
    let NodeRequirementOperator::In(values) = &requirement.operator else { panic!("{requirement:?}") };
    format!("{}={}", state.names.text(requirement.key), state.names.text(values[0]))
}

fn drain_of_first_pod(simulation: &mut Simulation) -> Option<String> {
    let node = simulation.state.pods.values().next().unwrap().node.unwrap();
    simulation.play(&step(StepAction::Drain { nodes: vec![node] }));
    let pod = simulation.state.pods.values().next().unwrap();
    pod.unschedulable.as_ref().map(|unschedulable| unschedulable.message.clone())
}

#[test]
fn a_volume_that_is_provisioned_stays_in_the_zone_of_its_first_pod() {
    let mut simulation = settled(database(1, ProvisionerKind::External, BindingMode::WaitForFirstConsumer));
    assert_eq!(place_of(&simulation.state, "data-db-0"), "topology.kubernetes.io/zone=x");
    assert_eq!(volume_of(&simulation.state, "data-db-0").assumption, Some(VolumeAssumption::StaysInItsZone));
    let said = "volumes provisioned of StorageClass fast are taken to stay in the zone of their first pod";
    assert!(simulation.assumptions().iter().any(|one| one == said), "{:#?}", simulation.assumptions());
    let message = drain_of_first_pod(&mut simulation).unwrap();
    assert!(message.contains("1 node(s) didn't match PersistentVolume's node affinity"), "{message}");
}

#[test]
fn a_driver_says_from_where_its_volumes_can_be_reached() {
    let with_keys = |keys: &[Symbol]| {
        let mut builder = database(1, ProvisionerKind::External, BindingMode::WaitForFirstConsumer);
        let driver = builder.state.intern("csi.example.com");
        for node in ["a", "b"] {
            let node = builder.state.intern(node);
            let of_driver = CsiNodeDriver { topology_keys: keys.to_vec(), ..CsiNodeDriver::default() };
            let csi_node = CsiNode { drivers: [(driver, of_driver)].into(), ..CsiNode::default() };
            storage(&mut builder.state).csi_nodes.insert(node, csi_node);
        }
        settled(builder)
    };
    let mut everywhere = with_keys(&[]);
    assert_eq!(place_of(&everywhere.state, "data-db-0"), "anywhere");
    assert_eq!(volume_of(&everywhere.state, "data-db-0").assumption, None);
    assert_eq!(drain_of_first_pod(&mut everywhere), None);
    let mut on_node = with_keys(&[Symbol::HOSTNAME]);
    assert_eq!(place_of(&on_node.state, "data-db-0"), "kubernetes.io/hostname=a");
    assert!(drain_of_first_pod(&mut on_node).is_some());
}

#[test]
fn each_pod_gets_a_volume_of_its_own_and_finds_it_again() {
    let mut builder = database(2, ProvisionerKind::Nobody, BindingMode::WaitForFirstConsumer);
    let class = ClassName(builder.state.intern("fast"));
    for (name, capacity_bytes) in [("large", 9), ("small", 6)] {
        let name = VolumeName(builder.state.intern(name));
        let access_modes = [AccessMode::ReadWriteOnce].into();
        let volume =
            PersistentVolume { class, capacity_bytes, access_modes, is_available: true, ..PersistentVolume::default() };
        storage(&mut builder.state).volumes.insert(name, volume);
    }
    let mut simulation = settled(builder);
    let sizes = |state: &ClusterState| ["data-db-0", "data-db-1"].map(|claim| volume_of(state, claim).capacity_bytes);
    assert_eq!(sizes(&simulation.state), [6, 9]);
    assert_eq!(drain_of_first_pod(&mut simulation), None);
    assert_eq!(sizes(&simulation.state), [6, 9]);
    assert_eq!(simulation.state.storage.claims.len(), 2);
}

#[test]
fn a_claim_that_nobody_serves_keeps_its_pod_pending() {
    let simulation = settled(database(1, ProvisionerKind::Nobody, BindingMode::Immediate));
    let pod = simulation.state.pods.values().next().unwrap();
    let message = &pod.unschedulable.as_ref().unwrap().message;
    let expected = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    assert_eq!(message, expected);
}

#[test]
fn a_claim_that_does_not_wait_gets_its_volume_at_once() {
    let simulation = settled(database(1, ProvisionerKind::External, BindingMode::Immediate));
    assert_eq!(place_of(&simulation.state, "data-db-0"), "anywhere");
    let assumption = volume_of(&simulation.state, "data-db-0").assumption;
    assert_eq!(assumption, Some(VolumeAssumption::ReachableEverywhere));
}

fn only_pod(state: &ClusterState) -> PodId {
    *state.pods.keys().next().unwrap()
}

#[test]
fn an_ephemeral_volume_comes_and_goes_with_its_pod() {
    let mut builder = database(1, ProvisionerKind::External, BindingMode::WaitForFirstConsumer);
    let class = ClassName(builder.state.intern("fast"));
    let name = builder.state.intern("scratch");
    let claim = PersistentVolumeClaim { class, ..PersistentVolumeClaim::default() };
    let volume = VolumeSource::Ephemeral(Arc::new(ClaimTemplate { name, claim }));
    mount(&mut builder.state, StatefulSetId(0), volume);
    let mut state = settled(builder).state;
    let name = claim_name(&state, "db-0-scratch");
    assert_eq!(state.storage.claims[&name].controlled_by_pod, state.names.find("db-0"));
    assert_eq!(state.storage.volumes.len(), 1);
    let pod = only_pod(&state);
    apply(&mut state, &Change::Pod(pod, PodChange::Remove(RemovalReason::Stopped)));
    assert!(state.storage.claims.is_empty() && state.storage.volumes.is_empty(), "{:?}", state.storage);
    let template = Arc::clone(&state.stateful_sets[&StatefulSetId(0)].template);
    let owner = Owner::StatefulSet { set: StatefulSetId(0), ordinal: 0 };
    apply(&mut state, &Change::CreatePod { owner, template });
    assert_eq!(state.storage.claims[&name].binding, ClaimBinding::Unbound);
}

#[test]
fn a_volume_is_detached_when_the_last_pod_on_its_node_is_gone() {
    let mut state = settled(database(1, ProvisionerKind::External, BindingMode::WaitForFirstConsumer)).state;
    let volume = state.storage.claims[&claim_name(&state, "data-db-0")].binding.volume().unwrap();
    let other = VolumeName(state.intern("other"));
    let (attacher, node) = (state.intern("csi.example.com"), state.intern("a"));
    let attachments = [volume, other].map(|volume| VolumeAttachment { attacher, volume });
    storage(&mut state).attachments.insert(node, attachments.to_vec());
    let pod = only_pod(&state);
    apply(&mut state, &Change::Pod(pod, PodChange::Remove(RemovalReason::Stopped)));
    let left: Vec<VolumeName> = state.storage.attachments[&node].iter().map(|attachment| attachment.volume).collect();
    assert_eq!(left, [other]);
    // The claim of a set outlives its pod.
    assert_eq!(place_of(&state, "data-db-0"), "topology.kubernetes.io/zone=x");
}

#[test]
fn a_proof_does_not_carry_what_volumes_forbid() {
    let state = settled(database(1, ProvisionerKind::Nobody, BindingMode::Immediate)).state;
    let refused = no_placement(&state, only_pod(&state)).unwrap_err();
    let reason = "pod has unbound immediate PersistentVolumeClaims".to_owned();
    assert_eq!(refused, Unproved::NotCarried { node: "a".to_owned(), reason });
    let state = settled(database(1, ProvisionerKind::Nobody, BindingMode::WaitForFirstConsumer)).state;
    let refused = no_placement(&state, only_pod(&state)).unwrap_err();
    let reason = "node(s) didn't find available persistent volumes to bind".to_owned();
    assert_eq!(refused, Unproved::NotCarried { node: "a".to_owned(), reason });
}
