//! Claims, volumes and disks.

use super::*;
use crate::cluster::{
    AccessMode, BindingMode, ClaimBinding, ClaimName, ClassName, CsiNode, CsiNodeDriver, CsiVolume, DiskIdentity,
    InlineDisk, MigratedDisk, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, PersistentVolume,
    PersistentVolumeClaim, PersistentVolumeSource, PodVolume, ProvisionerKind, Storage, StorageClass, VolumeName,
};

const UNREACHABLE: &str = "UAU VolumeBinding: node(s) didn't match PersistentVolume's node affinity";
const NOTHING_TO_BIND: &str = "UAU VolumeBinding: node(s) didn't find available persistent volumes to bind";

impl Cluster {
    fn storage(&mut self) -> &mut Storage {
        Arc::make_mut(&mut self.state.storage)
    }

    fn claim(&mut self, name: &str, claim: PersistentVolumeClaim) -> ClaimName {
        let name = ClaimName { namespace: Symbol::DEFAULT, name: self.symbol(name) };
        self.storage().claims.insert(name, claim);
        name
    }

    fn volume(&mut self, name: &str, volume: PersistentVolume) -> VolumeName {
        let name = VolumeName(self.symbol(name));
        self.storage().volumes.insert(name, volume);
        name
    }

    fn class(&mut self, name: &str, provisioner_kind: ProvisionerKind) -> ClassName {
        let name = ClassName(self.symbol(name));
        let provisioner = self.symbol("csi.example.com");
        let class = StorageClass {
            provisioner,
            provisioner_kind,
            binding_mode: BindingMode::WaitForFirstConsumer,
            allowed_topologies: Vec::new(),
        };
        self.storage().classes.insert(name, class);
        name
    }

    fn pod_with(&mut self, app: &str, volumes: Vec<PodVolume>, node: Option<NodeId>) -> PodId {
        let pod = self.pod(app, plain(), node);
        self.pod_mut(pod).volumes = volumes.into();
        pod
    }

    fn in_zone(&mut self, zone: &str) -> Option<Vec<NodeSelectorTerm>> {
        let operator = NodeRequirementOperator::In(vec![self.symbol(zone)]);
        let expressions = vec![NodeRequirement { key: Symbol::ZONE, operator }];
        Some(vec![NodeSelectorTerm { expressions, fields: Vec::new() }])
    }
}

fn bound(volume: VolumeName) -> PersistentVolumeClaim {
    PersistentVolumeClaim { binding: ClaimBinding::Bound(volume), ..PersistentVolumeClaim::default() }
}

fn waiting(class: ClassName, requested_bytes: i64) -> PersistentVolumeClaim {
    PersistentVolumeClaim { class, requested_bytes: Some(requested_bytes), ..PersistentVolumeClaim::default() }
}

fn available(class: ClassName, capacity_bytes: i64) -> PersistentVolume {
    PersistentVolume { class, capacity_bytes, is_available: true, ..PersistentVolume::default() }
}

#[test]
fn a_claim_for_one_pod_is_refused_everywhere_while_another_uses_it() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let volume = cluster.volume("v", PersistentVolume::default());
    let modes = [AccessMode::ReadWriteOncePod].into();
    let claim = cluster.claim("data", PersistentVolumeClaim { access_modes: modes, ..bound(volume) });
    cluster.pod_with("old", vec![PodVolume::Claim(claim.name)], Some(a));
    let pod = cluster.pod_with("web", vec![PodVolume::Claim(claim.name)], None);
    let in_use = "UNS VolumeRestrictions: node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access \
                  mode already in-use by another pod";
    assert_eq!(cluster.verdicts(pod), [in_use, in_use]);
    cluster.storage().claims.get_mut(&claim).unwrap().access_modes = [AccessMode::ReadWriteOnce].into();
    assert_eq!(cluster.verdicts(pod), ["fits", "fits"]);
}

#[test]
fn preemption_frees_a_claim_for_one_pod() {
    let mut cluster = Cluster::default();
    let a = cluster.node("a");
    let volume = cluster.volume("v", PersistentVolume::default());
    let modes = [AccessMode::ReadWriteOncePod].into();
    let claim = cluster.claim("data", PersistentVolumeClaim { access_modes: modes, ..bound(volume) });
    let old = cluster.pod_with("old", vec![PodVolume::Claim(claim.name)], Some(a));
    let pod = cluster.pod_with("web", vec![PodVolume::Claim(claim.name)], None);
    cluster.spec_mut(pod).priority = 1;
    let Preemption::Candidates { victims, .. } = preempt(&cluster.state, pod, &cluster.schedule(pod)) else { panic!() };
    assert_eq!(victims[&a].pods, [old]);
}

#[test]
fn a_bound_volume_ties_its_pod_to_the_nodes_that_reach_it() {
    let mut cluster = Cluster::default();
    cluster.node_in_zone("a", "x");
    let b = cluster.node_in_zone("b", "y");
    let node_terms = cluster.in_zone("y");
    let volume = cluster.volume("v", PersistentVolume { node_terms, ..PersistentVolume::default() });
    let claim = cluster.claim("data", bound(volume));
    let pod = cluster.pod_with("web", vec![PodVolume::Claim(claim.name)], None);
    assert_eq!(cluster.verdicts(pod), [UNREACHABLE, "fits"]);
    assert_eq!(cluster.schedule(pod).best, [b]);
}

#[test]
fn a_claim_that_cannot_be_used_rejects_its_pod_before_nodes_are_looked_at() {
    let mut cluster = Cluster::default();
    cluster.node("a");
    let name = cluster.symbol("data");
    let pod = cluster.pod_with("web", vec![PodVolume::Claim(name)], None);
    let rejected = |cluster: &Cluster| {
        let rejection = cluster.schedule(pod).pre_filter.unwrap();
        assert_eq!(rejection.code, Code::UnschedulableAndUnresolvable);
        format!("{}: {}", rejection.plugin.as_str(), rejection.reason)
    };
    assert_eq!(rejected(&cluster), r#"VolumeRestrictions: persistentvolumeclaim "data" not found"#);
    let volume = VolumeName(cluster.symbol("v"));
    let claim = cluster.claim("data", bound(volume));
    assert_eq!(rejected(&cluster), r#"VolumeZone: persistentvolume "v" not found"#);
    let set = |cluster: &mut Cluster, claim_of: PersistentVolumeClaim| {
        cluster.storage().claims.insert(claim, claim_of);
    };
    set(&mut cluster, PersistentVolumeClaim { is_lost: true, ..bound(volume) });
    let lost = r#"VolumeBinding: persistentvolumeclaim "data" bound to non-existent persistentvolume "v""#;
    assert_eq!(rejected(&cluster), lost);
    set(&mut cluster, PersistentVolumeClaim { is_terminating: true, ..bound(volume) });
    assert_eq!(rejected(&cluster), r#"VolumeBinding: persistentvolumeclaim "data" is being deleted"#);
    let unbound = "VolumeBinding: pod has unbound immediate PersistentVolumeClaims";
    set(&mut cluster, PersistentVolumeClaim::default());
    assert_eq!(rejected(&cluster), unbound);
    set(&mut cluster, PersistentVolumeClaim { binding: ClaimBinding::Requested(volume), ..bound(volume) });
    assert_eq!(rejected(&cluster), unbound);
    let preemption = preempt(&cluster.state, pod, &cluster.schedule(pod));
    assert_eq!(preemption, Preemption::NotTried);
}

#[test]
fn the_claim_of_an_ephemeral_volume_must_be_the_pods_own() {
    let mut cluster = Cluster::default();
    cluster.node("a");
    let (claim, pod_name) = (cluster.symbol("web-cache"), cluster.symbol("web"));
    let pod = cluster.pod_with("web", vec![PodVolume::Ephemeral { claim, pod: pod_name }], None);
    let reason = |cluster: &Cluster| cluster.schedule(pod).pre_filter.map(|rejection| rejection.reason.to_string());
    let missing = r#"waiting for ephemeral volume controller to create the persistentvolumeclaim "web-cache""#;
    assert_eq!(reason(&cluster).as_deref(), Some(missing));
    let volume = VolumeName(cluster.symbol("v"));
    let name = cluster.claim("web-cache", bound(volume));
    let foreign = "PVC default/web-cache was not created for pod default/web (pod is not owner)";
    assert_eq!(reason(&cluster).as_deref(), Some(foreign));
    cluster.storage().claims.get_mut(&name).unwrap().controlled_by_pod = Some(pod_name);
    // VolumeZone does not look at it, so that the nodes are asked.
    assert_eq!(reason(&cluster), None);
    let gone = "UAU VolumeBinding: node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
    assert_eq!(cluster.verdicts(pod), [gone]);
}

#[test]
fn the_smallest_volume_that_suits_is_bound_and_the_smallest_claim_chooses_first() {
    let mut cluster = Cluster::default();
    cluster.node_in_zone("a", "x");
    let b = cluster.node_in_zone("b", "y");
    let class = cluster.class("local", ProvisionerKind::Nobody);
    let node_terms = cluster.in_zone("y");
    let large = cluster.volume("large", PersistentVolume { node_terms: node_terms.clone(), ..available(class, 20) });
    let small = cluster.volume("small", PersistentVolume { node_terms, ..available(class, 10) });
    let (big, little) = (cluster.claim("big", waiting(class, 8)), cluster.claim("little", waiting(class, 5)));
    let volumes = vec![PodVolume::Claim(big.name), PodVolume::Claim(little.name)];
    let pod = cluster.pod_with("db", volumes, None);
    assert_eq!(cluster.verdicts(pod), [NOTHING_TO_BIND, "fits"]);
    let plan = volume_plan(&cluster.state, pod, b);
    assert_eq!(plan.bindings, [(little, small), (big, large)]);
    cluster.storage().volumes.get_mut(&large).unwrap().is_available = false;
    assert_eq!(cluster.verdicts(pod), [NOTHING_TO_BIND, NOTHING_TO_BIND]);
}

#[test]
fn a_node_attaches_so_many_volumes_of_a_driver() {
    let mut cluster = Cluster::default();
    let a = cluster.node("a");
    let (driver, node) = (cluster.symbol("csi.example.com"), cluster.symbol("a"));
    let drivers = [(driver, CsiNodeDriver { limit: Some(1), ..CsiNodeDriver::default() })].into();
    cluster.storage().csi_nodes.insert(node, CsiNode { drivers, ..CsiNode::default() });
    let claim = |cluster: &mut Cluster, name: &str| {
        let handle = cluster.symbol(name);
        let source = PersistentVolumeSource::Csi(CsiVolume { driver, handle });
        let volume = cluster.volume(name, PersistentVolume { source, ..PersistentVolume::default() });
        cluster.claim(name, bound(volume)).name
    };
    let (first, second) = (claim(&mut cluster, "first"), claim(&mut cluster, "second"));
    cluster.pod_with("old", vec![PodVolume::Claim(first)], Some(a));
    let same = cluster.pod_with("same", vec![PodVolume::Claim(first)], None);
    assert_eq!(cluster.verdicts(same), ["fits"]);
    let other = cluster.pod_with("other", vec![PodVolume::Claim(second)], None);
    assert_eq!(cluster.verdicts(other), ["UNS NodeVolumeLimits: node(s) exceed max volume count"]);
}

#[test]
fn the_zone_of_a_volume_must_be_the_nodes() {
    let mut cluster = Cluster::default();
    cluster.node_in_zone("a", "x");
    cluster.node_in_zone("b", "z");
    cluster.node("without-zone");
    let value = cluster.symbol("x__y");
    let labels = Labels::from_iter([(Symbol::BETA_ZONE, value)]);
    let volume = cluster.volume("v", PersistentVolume { labels, ..PersistentVolume::default() });
    let claim = cluster.claim("data", bound(volume));
    let pod = cluster.pod_with("web", vec![PodVolume::Claim(claim.name)], None);
    let elsewhere = "UAU VolumeZone: node(s) had no available volume zone";
    assert_eq!(cluster.verdicts(pod), ["fits", elsewhere, "fits"]);
    // The filter finds the volume for itself where there is no PreFilter.
    let mut profile = Profile::default();
    profile.pre_filter = profile.pre_filter.iter().filter(|plugin| *plugin != Plugin::VolumeZone).collect();
    cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
    assert_eq!(cluster.verdicts(pod), ["fits", elsewhere, "fits"]);
}

#[test]
fn an_inline_disk_is_not_shared_on_a_node_unless_both_read_it() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let name = cluster.symbol("disk");
    let disk = |read_only| {
        let identity = DiskIdentity::Iscsi { name, read_only };
        vec![PodVolume::Disk(InlineDisk { identity, migrated: MigratedDisk::NotCounted })]
    };
    cluster.pod_with("old", disk(true), Some(a));
    let writer = cluster.pod_with("writer", disk(false), None);
    assert_eq!(cluster.verdicts(writer), ["UNS VolumeRestrictions: node(s) had no available disk", "fits"]);
    let reader = cluster.pod_with("reader", disk(true), None);
    assert_eq!(cluster.verdicts(reader), ["fits", "fits"]);
}
