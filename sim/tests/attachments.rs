//! Volumes for one node, pods that wait for them, and the endpoints of Services meanwhile.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{ObjectChange, Settings, Simulation, StepAction, StepOutcome, StepReport};

fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

/// A claim `data` whose volume a driver attaches.
fn claim(builder: &mut Builder, mode: AccessMode, source: PersistentVolumeSource) -> VolumeSource {
    let name = builder.state.intern("data");
    let (claim, volume) = (ClaimName { namespace: Symbol::DEFAULT, name }, VolumeName(builder.state.intern("pv-data")));
    let modes = BTreeSet::from([mode]);
    let storage = Arc::make_mut(&mut builder.state.storage);
    let of_claim = PersistentVolumeClaim {
        access_modes: modes.clone(),
        binding: ClaimBinding::Bound(volume),
        ..PersistentVolumeClaim::default()
    };
    storage.claims.insert(claim, of_claim);
    let of_volume =
        PersistentVolume { access_modes: modes, claim: VolumeClaim::Of(claim), source, ..PersistentVolume::default() };
    storage.volumes.insert(volume, of_volume);
    VolumeSource::Claim(name)
}

fn of_driver(builder: &mut Builder) -> PersistentVolumeSource {
    let (driver, handle) = (builder.state.intern("csi.example.com"), builder.state.intern("handle"));
    PersistentVolumeSource::Csi(CsiVolume { driver, handle })
}

/// A StatefulSet of one pod with the claim, on four nodes.
fn database(mode: AccessMode, source: impl Fn(&mut Builder) -> PersistentVolumeSource) -> Builder {
    let mut builder = Builder::new();
    builder.workers(4);
    let source = source(&mut builder);
    let volume = claim(&mut builder, mode, source);
    let rolling = StatefulSetStrategy::RollingUpdate { partition: 0 };
    let wishes = PodWishes { cpu_milli: 100, ..PodWishes::default() };
    let id = builder.stateful_set("db", 1, PodManagementPolicy::OrderedReady, rolling, &wishes);
    let mut set = builder.state.stateful_sets.get_mut(&id).unwrap();
    Arc::make_mut(&mut set.template).spec.volumes.push(volume);
    set.current_template = Arc::clone(&set.template);
    drop(set);
    builder
}

/// A Deployment of one pod with the claim.
fn web(
    mode: AccessMode,
    strategy: (IntOrPercent, IntOrPercent),
    source: &dyn Fn(&mut Builder) -> PersistentVolumeSource,
) -> (Simulation, WorkloadName) {
    let mut builder = Builder::new();
    builder.workers(2);
    let source = source(&mut builder);
    let volume = claim(&mut builder, mode, source);
    // Apart, so that the new pod does not find the volume on its node.
    let wishes = PodWishes { cpu_milli: 100, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() };
    let id = builder.deployment("web", 1, strategy, &wishes);
    Arc::make_mut(&mut builder.state.deployments.get_mut(&id).unwrap().template).spec.volumes.push(volume);
    let name = builder.name(WorkloadKind::Deployment, "web");
    (settled(builder), name)
}

fn node_of_only_pod(simulation: &Simulation) -> NodeId {
    simulation.state.pods.values().next().unwrap().node.unwrap()
}

const MULTI_ATTACH: &str = "Multi-Attach error for volume \"pv-data\"";

#[test]
fn a_surge_pod_elsewhere_waits_for_the_volume_of_the_old_one() {
    let (mut simulation, workload) = web(AccessMode::ReadWriteOnce, ints(1, 0), &of_driver);
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(report.outcome, StepOutcome::Stuck, "{:#?}", report.events);
    assert!(report.detail.contains(MULTI_ATTACH), "{}", report.detail);
    let waiting: Vec<&String> = report.after.pods.iter().filter_map(|pod| pod.waiting_reason.as_ref()).collect();
    assert!(waiting.len() == 1 && waiting[0].contains("it is attached to worker-"), "{waiting:?}");
    assert_eq!(report.events.iter().filter(|(_, text)| text.contains(MULTI_ATTACH)).count(), 1);
    // When the old pod goes first the volume is free.
    let (mut simulation, workload) = web(AccessMode::ReadWriteOnce, ints(0, 1), &of_driver);
    assert_eq!(play(&mut simulation, StepAction::Restart { workload }).outcome, StepOutcome::Completed);
}

#[test]
fn only_what_is_attached_to_one_node_is_waited_for() {
    for mode in [AccessMode::ReadWriteMany, AccessMode::ReadOnlyMany] {
        let (mut simulation, workload) = web(mode, ints(1, 0), &of_driver);
        assert_eq!(play(&mut simulation, StepAction::Restart { workload }).outcome, StepOutcome::Completed);
    }
    let (mut simulation, workload) = web(AccessMode::ReadWriteOnce, ints(1, 0), &|_| PersistentVolumeSource::Other);
    assert_eq!(play(&mut simulation, StepAction::Restart { workload }).outcome, StepOutcome::Completed);
    let without_attaching = |builder: &mut Builder| {
        let source = of_driver(builder);
        let driver = builder.state.intern("csi.example.com");
        let own = CsiDriver { attaches_nothing: true, ..CsiDriver::default() };
        Arc::make_mut(&mut builder.state.storage).csi_drivers.insert(driver, own);
        source
    };
    let (mut simulation, workload) = web(AccessMode::ReadWriteOnce, ints(1, 0), &without_attaching);
    assert_eq!(play(&mut simulation, StepAction::Restart { workload }).outcome, StepOutcome::Completed);
}

#[test]
fn a_pod_on_a_dead_node_holds_its_volume_until_the_node_is_deleted() {
    let mut simulation = settled(database(AccessMode::ReadWriteOnce, of_driver));
    let node = node_of_only_pod(&simulation);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![node] });
    assert!(report.after.pods.iter().all(|pod| pod.terminating), "the set waits for the object to go");
    let report = play(&mut simulation, StepAction::DeleteNode { nodes: vec![node] });
    let db = &report.after.workloads["statefulset/default/db"];
    assert_eq!((report.outcome, db.ready), (StepOutcome::Completed, 1), "{:#?}", report.events);
}

#[test]
fn a_replacement_waits_for_a_dead_node_for_ever_and_not_when_it_is_out_of_service() {
    let (mut simulation, _) = web(AccessMode::ReadWriteOnce, ints(0, 1), &of_driver);
    let node = node_of_only_pod(&simulation);
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![node] });
    let web = |report: &StepReport| report.after.workloads["deployment/default/web"].ready;
    assert_eq!(web(&report), 0);
    assert!(report.after.pods.iter().any(|pod| pod.waiting_reason.is_some()), "{:#?}", report.after.pods);
    let report = play(&mut simulation, StepAction::Wait { seconds: 3600 });
    assert_eq!(web(&report), 0, "the terminating pod still wants its volume after an hour");
    let taint =
        Taint { key: Symbol::OUT_OF_SERVICE_TAINT, value: Symbol::EMPTY, effect: Effect::NoExecute, added_at: None };
    let change = ObjectChange(Arc::new(move |state: &mut ClusterState| {
        state.nodes.get_mut(&node).unwrap().taints.push(taint);
        Vec::new()
    }));
    let report = play(&mut simulation, StepAction::Apply { change });
    assert_eq!(web(&report), 1, "{:#?}", report.events);
}

/// The volume is attached to a node that is down, and no pod there wants it.
fn left_behind() -> (Simulation, Time) {
    let mut builder = database(AccessMode::ReadWriteOnce, of_driver);
    let (volume, attacher) = (VolumeName(builder.state.intern("pv-data")), builder.state.intern("csi.example.com"));
    let mut node = builder.state.nodes.get_mut(&NodeId(3)).unwrap();
    (node.ready, node.crashed_at) = (NodeReady::Unknown, Some(Time::ZERO));
    let name = node.name;
    let (key, effect) = (Symbol::UNREACHABLE_TAINT, Effect::NoSchedule);
    node.taints.push(Taint { key, value: Symbol::EMPTY, effect, added_at: None });
    drop(node);
    let attachments = &mut Arc::make_mut(&mut builder.state.storage).attachments;
    attachments.insert(name, vec![VolumeAttachment { attacher, volume }]);
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    simulation.settle();
    let started = simulation.state.pods.values().next().unwrap().started_at.unwrap();
    (simulation, started)
}

#[test]
fn a_volume_left_on_a_dead_node_is_detached_after_six_minutes() {
    let (simulation, started) = left_behind();
    assert_eq!(started, Time::from_milliseconds(360_000), "{:#?}", simulation.events());
    assert_eq!(simulation.summary().workloads["statefulset/default/db"].ready, 1);
}

#[test]
fn endpoints_follow_readiness_and_deletion() {
    let mut builder = Builder::new();
    builder.workers(2);
    let wishes = PodWishes { cpu_milli: 100, shutdown_seconds: 10, startup_seconds: 5, ..PodWishes::default() };
    builder.deployment("web", 1, ints(0, 1), &wishes);
    let selector = Some(builder.selector("web"));
    for (name, publish_not_ready_addresses) in [("web", false), ("all", true)] {
        let name = builder.state.intern(name);
        let (namespace, selector) = (Symbol::DEFAULT, selector.clone());
        builder.state.add_service(Service { namespace, name, selector, publish_not_ready_addresses });
    }
    let name = builder.state.intern("manual");
    let manual = Service { namespace: Symbol::DEFAULT, name, selector: None, publish_not_ready_addresses: false };
    builder.state.add_service(manual);
    let workload = builder.name(WorkloadKind::Deployment, "web");
    let mut simulation = settled(builder);
    let counts = |report: &StepReport, name: &str| {
        let own = report.after.services[name];
        (own.ready, own.serving, own.terminating)
    };
    let report = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(counts(&report, "default/web"), (1, 1, 0));
    assert_eq!((report.min_endpoints["default/web"], report.min_endpoints["default/all"]), (0, 1));
    assert!(!report.after.services.contains_key("default/manual"));
    let said: Vec<&str> =
        report.events.iter().map(|(_, text)| text.as_str()).filter(|text| text.starts_with("service")).collect();
    assert_eq!(
        said,
        [
            "service default/web has no ready endpoint: traffic goes to 1 that still serve while they end",
            "service default/web has a ready endpoint"
        ]
    );
    let pod = *simulation.state.pods.keys().next_back().unwrap();
    let node = simulation.state.pods[&pod].node.unwrap();
    let report = play(&mut simulation, StepAction::FailNode { nodes: vec![node] });
    assert_eq!(counts(&report, "default/web"), (1, 1, 1), "a new pod, and the lost one that terminates");
    assert_eq!(counts(&report, "default/all"), (2, 1, 1));
}
