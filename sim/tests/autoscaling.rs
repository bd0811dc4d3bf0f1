//! HorizontalPodAutoscalers with given metrics, and manifests that are applied again.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome, StepReport};

const AUTOSCALER: AutoscalerId = AutoscalerId(0);
const WEB: &str = "deployment/default/web";

/// Two replicas that request 500m each, on large nodes; between 1 and 10 of them at 80 percent.
fn web(startup_seconds: u64) -> Builder {
    let mut builder = Builder::new();
    for number in 1..=3 {
        builder.node(&format!("worker-{number}"), 64, 64, None);
    }
    let wishes = PodWishes { cpu_milli: 500, startup_seconds, ..PodWishes::default() };
    builder.deployment("web", 2, ints(1, 0), &wishes);
    builder.autoscaler("web", (1, 10), 80);
    builder
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    // Pods have run for longer than their usage would not count.
    simulation.play(&step(StepAction::Wait { seconds: 1000 }));
    simulation
}

fn load(simulation: &mut Simulation, load: MetricLoad) -> StepReport {
    let metric = simulation.state.intern("cpu");
    simulation.play(&step(StepAction::SetMetric { autoscaler: AUTOSCALER, metric, load }))
}

fn replicas(simulation: &Simulation) -> i64 {
    simulation.state.deployments[&DeploymentId(0)].replicas
}

/// Seconds since the step began, and the number of replicas from then on.
fn scalings(report: &StepReport) -> Vec<(u64, String)> {
    let scaled = report.events.iter().filter(|(_, text)| text.contains("is scaled to"));
    let number = |text: &str| text.rsplit("to ").next().unwrap().trim_end_matches(" replica(s)").to_owned();
    scaled.map(|(at, text)| (at.since(report.started_at).milliseconds() / 1000, number(text))).collect()
}

#[test]
fn a_load_is_shared_until_each_pod_has_little_enough() {
    let mut simulation = settled(web(0));
    // Two pods of 500m at 80 percent do 800m; 3200m need eight.
    let report = load(&mut simulation, MetricLoad::Total(3200));
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(replicas(&simulation), 8);
    let numbers: Vec<String> = scalings(&report).into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, ["4", "8"], "at most twice as many at once, or four");
    assert_eq!(report.after.workloads[WEB].ready, 8);
    let report = load(&mut simulation, MetricLoad::Total(400));
    assert_eq!(replicas(&simulation), 1);
    let first = scalings(&report)[0].0;
    assert!((285..=330).contains(&first), "the highest recommendation of five minutes counts: {first}");
}

#[test]
fn within_the_tolerance_nothing_happens() {
    let mut simulation = settled(web(0));
    for percent in [73, 80, 87] {
        assert_eq!(scalings(&load(&mut simulation, MetricLoad::Utilization(percent))), [], "{percent}");
    }
    assert_eq!(
        scalings(&load(&mut simulation, MetricLoad::Utilization(89))).len(),
        8,
        "up to the limit: each pod is as loaded"
    );
    assert_eq!(replicas(&simulation), 10);
}

#[test]
fn pods_that_are_not_ready_hold_it_back() {
    let mut simulation = settled(web(60));
    // 90 percent of two: three are asked for. The third counts as idle until it is ready and measured.
    let report = load(&mut simulation, MetricLoad::Total(900));
    assert_eq!(scalings(&report).iter().map(|(_, number)| number.as_str()).collect::<Vec<_>>(), ["3"]);
    assert_eq!(replicas(&simulation), 3);
}

#[test]
fn without_a_value_it_only_keeps_to_its_limits() {
    let mut simulation = settled(web(0));
    let workload = WorkloadName {
        kind: WorkloadKind::Deployment,
        namespace: Symbol::DEFAULT,
        name: simulation.state.intern("web"),
    };
    let scale =
        |simulation: &mut Simulation, replicas| simulation.play(&step(StepAction::Scale { workload, replicas }));
    scale(&mut simulation, 7);
    assert_eq!(replicas(&simulation), 7);
    let report = scale(&mut simulation, 20);
    assert_eq!(replicas(&simulation), 10);
    assert!(
        report.events.iter().any(|(_, text)| text.contains("horizontalpodautoscaler/default/web: above maxReplicas"))
    );
    scale(&mut simulation, 0);
    assert_eq!(replicas(&simulation), 0, "scaled to nothing it is switched off");
    load(&mut simulation, MetricLoad::Total(5000));
    assert_eq!(replicas(&simulation), 0);
    let said = simulation.assumptions();
    assert!(!said.iter().any(|text| text.contains("has no value of cpu")), "{said:#?}");
    let said = settled(web(0)).assumptions();
    assert!(
        said.iter().any(|text| text.contains("horizontalpodautoscaler/default/web has no value of cpu")),
        "{said:#?}"
    );
}

#[test]
fn a_metric_that_cannot_be_read_keeps_it_from_scaling_down_only() {
    let mut builder = web(0);
    let name = builder.state.intern("requests");
    let metrics = &mut builder.state.autoscalers.get_mut(&AUTOSCALER).unwrap().metrics;
    metrics.push(AutoscalerMetric { name, target: MetricTarget::AverageValue(10_000), load: None });
    let mut simulation = settled(builder);
    assert_eq!(scalings(&load(&mut simulation, MetricLoad::Utilization(10))), []);
    let mut up = simulation.clone();
    assert_eq!(scalings(&load(&mut up, MetricLoad::Total(1600))).len(), 1);
    assert_eq!(replicas(&up), 4);
    // Of several the one that asks for most counts.
    let metric = simulation.state.intern("requests");
    let total = MetricLoad::Total(60_000);
    simulation.play(&step(StepAction::SetMetric { autoscaler: AUTOSCALER, metric, load: total }));
    assert_eq!(replicas(&simulation), 6);
}

#[test]
fn two_autoscalers_of_the_same_pods_go_by_no_metric() {
    let mut builder = web(0);
    let second = builder.autoscaler("web", (1, 10), 50);
    builder.state.autoscalers.get_mut(&second).unwrap().name = builder.state.intern("second");
    let mut simulation = settled(builder);
    assert_eq!(scalings(&load(&mut simulation, MetricLoad::Total(3200))), []);
    let said = simulation.assumptions();
    let line = "horizontalpodautoscaler/default/web does not scale by its metrics: second selects the same pods";
    assert!(said.iter().any(|text| text == line), "{said:#?}");
    simulation.state.autoscalers.remove(&second);
    assert_eq!(scalings(&load(&mut simulation, MetricLoad::Total(3200))).len(), 2);
}

#[test]
fn a_change_is_forgotten_for_the_other_direction_too() {
    let mut builder = web(0);
    let policy =
        |pods, seconds| ScalingPolicy { amount: ScalingAmount::Pods(pods), period: Duration::from_seconds(seconds) };
    let rules = |policy| ScalingRules {
        window: Duration::ZERO,
        select: SelectPolicy::Max,
        policies: vec![policy],
        tolerance_billionths: None,
    };
    // Down by one within ten minutes, so that what was added in the meantime may go too; up by two within 15 seconds.
    builder.state.autoscalers.get_mut(&AUTOSCALER).unwrap().behavior =
        Some(ScalingBehavior { up: rules(policy(2, 15)), down: rules(policy(1, 600)) });
    let mut simulation = settled(builder);
    load(&mut simulation, MetricLoad::Total(3200));
    assert_eq!(replicas(&simulation), 8);
    let memory = &simulation.state.autoscalers[&AUTOSCALER].memory;
    // Three changes, and the last took the place of the first: the way up is longer than what is remembered of it.
    assert!(memory.ups.len() < 3, "{memory:?}");
}

#[test]
fn a_behavior_says_how_fast() {
    let mut builder = web(0);
    let rules = |seconds: u64, policies: Vec<ScalingPolicy>| ScalingRules {
        window: Duration::from_seconds(seconds),
        select: SelectPolicy::Max,
        policies,
        tolerance_billionths: None,
    };
    let pods =
        |pods, seconds| ScalingPolicy { amount: ScalingAmount::Pods(pods), period: Duration::from_seconds(seconds) };
    builder.state.autoscalers.get_mut(&AUTOSCALER).unwrap().behavior =
        Some(ScalingBehavior { up: rules(0, vec![pods(2, 60)]), down: rules(30, vec![pods(1, 90)]) });
    let mut simulation = settled(builder);
    let report = load(&mut simulation, MetricLoad::Total(3200));
    let times: Vec<u64> = scalings(&report).iter().map(|(at, _)| *at).collect();
    assert_eq!(replicas(&simulation), 8);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 60), "{times:?}");
    let report = load(&mut simulation, MetricLoad::Total(2400));
    let times: Vec<u64> = scalings(&report).iter().map(|(at, _)| *at).collect();
    assert_eq!((replicas(&simulation), times.len()), (6, 2));
    assert!(times[1] - times[0] >= 90, "{times:?}");
}

#[test]
fn pods_of_a_node_that_is_down_count_against_a_change() {
    let mut simulation = settled(web(0));
    load(&mut simulation, MetricLoad::Total(1600));
    assert_eq!(replicas(&simulation), 4);
    let node = simulation.state.pods.values().find_map(|pod| pod.node).unwrap();
    let report = simulation.play(&step(StepAction::FailNode { nodes: vec![node] }));
    assert_eq!(report.after.workloads[WEB].ready, replicas(&simulation));
}

#[test]
fn a_manifest_that_is_applied_again_fights_with_an_autoscaler_for_ever() {
    let mut builder = web(0);
    let name = builder.name(WorkloadKind::Deployment, "web");
    builder.state.declared_replicas = Arc::new([(name, 2)].into());
    let settings = Settings { reapply: Some(Duration::from_seconds(60)), ..Settings::default() };
    let mut simulation = Simulation::new(builder.state, &settings);
    assert_eq!(simulation.settle(), StepOutcome::Completed, "as long as nobody scales there is nothing to set back");
    simulation.play(&step(StepAction::Wait { seconds: 1000 }));
    let report = load(&mut simulation, MetricLoad::Total(2400));
    assert_eq!(report.outcome, StepOutcome::Livelock);
    assert!(
        report
            .detail
            .contains("horizontalpodautoscaler/default/web and the manifest that is applied again (replicas: 2)"),
        "{}",
        report.detail
    );
    assert!(report.events.iter().any(|(_, text)| text == "the manifest of deployment/default/web is applied again"));
    // A scaling by hand is set back, and then all is quiet.
    let mut builder = web(0);
    builder.state.declared_replicas = Arc::new([(name, 2)].into());
    builder.state.autoscalers.clear();
    let mut simulation = Simulation::new(builder.state, &settings);
    simulation.settle();
    let report = simulation.play(&step(StepAction::Scale { workload: name, replicas: 5 }));
    assert_eq!((report.outcome, replicas(&simulation)), (StepOutcome::Completed, 2));
}
