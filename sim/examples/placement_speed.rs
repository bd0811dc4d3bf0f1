//! How many pods a second the scheduler places on a large cluster, one after the other: the counterpart of
//! `measure-schedule` in `tests/oracle`, which asks the plugins of kube-scheduler. `benchmarks/scheduler.py` runs both.
//!
//! ```sh
//! cargo run --release -p quorate-sim --example placement_speed -- --nodes 5000 --held 150000 --pods 5000 --shape mixed
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made should stop"
)]

use std::sync::Arc;
use std::time::Instant;

use quorate_sim::cluster::{
    ClusterState, LabelSelector, Labels, Namespace, Node, NodeId, NodeReady, NonZeroRequests, Operator, Owner, Phase,
    Pod, PodAffinityTerm, PodName, PodSpec, PodTemplate, PreferredPodTerm, Requirement, Resources, SpreadConstraint,
    SpreadPolicy, Symbol, Time, WhenUnsatisfiable,
};
use quorate_sim::scheduler::{Cache, Sampling};

const ZONES: usize = 3;
const APPS: usize = 10;
const HELD_APPS: usize = 100;
const MEBIBYTE: i64 = 1024 * 1024;

struct Measured {
    nodes: usize,
    held: usize,
    pods: usize,
    shape: String,
}

impl Measured {
    fn from_arguments() -> Self {
        let mut measured = Self { nodes: 5000, held: 50_000, pods: 5000, shape: "basic".to_owned() };
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        for pair in arguments.chunks(2) {
            let value = pair.get(1).expect("each flag has a value");
            match pair[0].as_str() {
                "--nodes" => measured.nodes = value.parse().unwrap(),
                "--held" => measured.held = value.parse().unwrap(),
                "--pods" => measured.pods = value.parse().unwrap(),
                "--shape" => measured.shape.clone_from(value),
                other => panic!("no flag {other}"),
            }
        }
        measured
    }

    /// Nodes of 32 CPU, 64 GiB and 110 pods in three zones, with held pods of a hundred applications in turn.
    fn cluster(&self) -> ClusterState {
        let mut state = ClusterState::default();
        state.namespaces.insert(Symbol::DEFAULT, Namespace::default());
        for number in 0..self.nodes {
            let name = state.intern(&format!("node-{number}"));
            let zone = state.intern(&format!("zone-{}", number % ZONES));
            let node = Node {
                name,
                labels: [(Symbol::HOSTNAME, name), (Symbol::ZONE, zone)].into_iter().collect(),
                taints: Vec::new(),
                unschedulable: false,
                allocatable: Resources { cpu_milli: 32_000, memory_bytes: 65_536 * MEBIBYTE, ..Resources::default() },
                allocatable_pods: 110,
                images: std::collections::BTreeMap::new(),
                ready: NodeReady::True,
                crashed_at: None,
                declared_features: std::collections::BTreeSet::new(),
            };
            state.nodes.insert(NodeId(u32::try_from(number).unwrap()), node);
        }
        let templates: Vec<Arc<PodTemplate>> =
            (0..HELD_APPS).map(|app| template(&mut state, &format!("held-{app}"), PodSpec::default())).collect();
        for number in 0..self.held {
            let mut pod = pod(&templates[number % HELD_APPS], number);
            pod.node = Some(NodeId(u32::try_from(number % self.nodes).unwrap()));
            pod.phase = Phase::Running;
            state.add_pod(pod);
        }
        state
    }

    /// The templates of the pods that are to be placed, taken in turn.
    fn templates(&self, state: &mut ClusterState) -> Vec<Arc<PodTemplate>> {
        // As many as it takes for shapes and applications to meet in the order of their numbers.
        (0..APPS * 4)
            .map(|number| {
                let app = format!("app-{}", number % APPS);
                let shape = match self.shape.as_str() {
                    "mixed" => ["basic", "spread", "anti-affinity", "preferred"][number % 4],
                    shape => shape,
                };
                let spec = shaped(state, shape, &app);
                template(state, &app, spec)
            })
            .collect()
    }
}

fn shaped(state: &mut ClusterState, shape: &str, app: &str) -> PodSpec {
    let (key, value) = (state.intern("app"), state.intern(app));
    let selector = LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![value]) }] };
    let term = |topology_key| PodAffinityTerm {
        topology_key,
        selector: Some(selector.clone()),
        namespaces: vec![Symbol::DEFAULT],
        namespace_selector: None,
        match_label_keys: Vec::new(),
        mismatch_label_keys: Vec::new(),
    };
    let mut spec = PodSpec::default();
    match shape {
        "basic" => {}
        "spread" => {
            spec.spread_constraints = vec![SpreadConstraint {
                max_skew: 1,
                topology_key: Symbol::ZONE,
                when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
                selector: Some(selector.clone()),
                min_domains: None,
                node_affinity_policy: SpreadPolicy::Honor,
                node_taints_policy: SpreadPolicy::Ignore,
                match_label_keys: Vec::new(),
            }];
        }
        "anti-affinity" => spec.required_anti_affinity = vec![term(Symbol::HOSTNAME)],
        "preferred" => spec.preferred_affinity = vec![PreferredPodTerm { weight: 50, term: term(Symbol::ZONE) }],
        other => panic!("no shape {other}"),
    }
    spec
}

/// A container that requests 100m CPU and 200 MiB.
fn template(state: &mut ClusterState, app: &str, spec: PodSpec) -> Arc<PodTemplate> {
    let (cpu_milli, memory_bytes) = (100, 200 * MEBIBYTE);
    let spec = PodSpec {
        requests: Resources { cpu_milli, memory_bytes, ..Resources::default() },
        non_zero_requests: NonZeroRequests { cpu_milli, memory_bytes },
        container_count: 1,
        images: vec![state.intern("app:1")],
        ..spec
    };
    let labels: Labels = [(state.intern("app"), state.intern(app))].into_iter().collect();
    Arc::new(PodTemplate { labels, spec, content: Symbol::EMPTY })
}

fn pod(template: &Arc<PodTemplate>, number: usize) -> Pod {
    Pod {
        namespace: Symbol::DEFAULT,
        name: PodName::Generated { prefix: Symbol::DEFAULT, number: u32::try_from(number).unwrap() },
        labels: template.labels.clone(),
        template: Arc::clone(template),
        volumes: Arc::default(),
        owner: Owner::None,
        node: None,
        nominated_node: None,
        phase: Phase::Pending,
        ready: false,
        ready_changed_at: None,
        held_unready: false,
        created_at: Time::ZERO,
        started_at: None,
        deletion_order: Default::default(),
        deletion: None,
        unschedulable: None,
    }
}

fn main() {
    let measured = Measured::from_arguments();
    let mut state = measured.cluster();
    let templates = measured.templates(&mut state);
    let preparing = Instant::now();
    let mut cache = Cache::new(&state, Sampling::Adaptive);
    let prepared = preparing.elapsed();
    let (mut placed, placing) = (0_usize, Instant::now());
    for number in 0..measured.pods {
        let mut pod = pod(&templates[number % templates.len()], number);
        let best = cache.best_nodes(&state, &pod);
        // Any of the best will do: the one in the middle, so that equal nodes fill evenly.
        let Some(node) = best.get(best.len() / 2) else { continue };
        pod.node = Some(*node);
        let id = state.add_pod(pod);
        cache.pod_changed(&state, id);
        placed += 1;
    }
    let seconds = placing.elapsed().as_secs_f64();
    println!(
        "{{\"shape\":{:?},\"placed\":{placed},\"podsPerSecond\":{:.0},\"preparationSeconds\":{:.3}}}",
        measured.shape,
        measured.pods as f64 / seconds,
        prepared.as_secs_f64()
    );
}
