//! `quorate check` on clusters: which nodes there are, and which workload a finding is about.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};
use serde_json::Value;

/// Two replicas on nodes of their own.
const SPREAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: 'example.com/web:1.0.0', resources: {requests: {cpu: 500m, memory: 64Mi}}}]
";

/// What `check` says of these files, with these further arguments.
fn check(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    let folder = directory(files);
    let run = quorate(&[&["check", text(folder.path()), "-o", "json", "--fail-on", "never"], arguments].concat());
    run.with_status(0).json("check")
}

/// `RULE NAME` of every finding of the simulation.
fn simulated(report: &Value) -> Vec<String> {
    let of_nodes = [
        "pods-stay-pending",
        "rollout-deadlock",
        "pdb-blocks-drain",
        "pdb-allows-nothing",
        "drains-exhaust-pdb",
        "node-loss-leaves-pods-pending",
        "replicas-share-a-node",
    ];
    let findings = report["findings"].as_array().unwrap().iter();
    let named = findings.filter(|own| of_nodes.iter().any(|rule| own["rule"] == *rule));
    named.map(|own| format!("{} {}", own["rule"].as_str().unwrap(), own["object"]["name"].as_str().unwrap())).collect()
}

/// What `rule` needs, as the report says it.
fn needs(report: &Value, rule: &str) -> Vec<String> {
    let all = report["notEvaluated"].as_array().unwrap().iter();
    all.filter(|own| own["rule"] == rule).map(|own| own["needs"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_node_that_does_not_say_its_room_is_no_node() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1, labels: {disk: ssd}}\n";
    let files = [("web.yaml", SPREAD), ("node.yaml", node)];
    let report = check(&files, &[]);
    assert_eq!(simulated(&report), Vec::<String>::new());
    assert_eq!(report["summary"]["nodes"], Value::Null);
    let needs_of_rollout = needs(&report, "rollout-deadlock");
    assert!(needs_of_rollout[0].starts_with("nodes: status.allocatable of worker-1 ("), "{needs_of_rollout:?}");

    // Beside one that says it, it is still none, and the report says so.
    let sized = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-2}\n\
                 status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}\n";
    let report = check(&[&files[..], &[("sized.yaml", sized)]].concat(), &[]);
    assert_eq!(report["summary"]["nodes"], 1);
    assert_eq!(simulated(&report), Vec::<String>::new());
    let left_out = needs(&report, "pods-stay-pending");
    assert!(left_out[0].contains("nodes that are left out: status.allocatable of worker-1 "), "{left_out:?}");
}

#[test]
fn a_pool_gives_the_room_of_the_nodes_that_bear_its_names() {
    let node =
        "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1, labels: {disk: ssd}}\nspec: {unschedulable: true}\n";
    let pool = "apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  nodes:\n    \
                - {name: worker, count: 2, allocatable: {cpu: 600m, memory: 1Gi}}\n";
    let files = [("web.yaml", SPREAD), ("node.yaml", node), ("quorate.yaml", pool)];
    let report = check(&files, &[]);
    // The pool's second node is there as well, and the first is cordoned as its manifest says.
    assert_eq!(report["summary"]["nodes"], 2);
    assert_eq!(simulated(&report)[0], "pods-stay-pending web");
    let why = report["findings"].as_array().unwrap().iter().find(|own| own["rule"] == "pods-stay-pending").unwrap();
    assert_eq!(why["why"], "worker-1 (cordoned), worker-2 (insufficient cpu)");
    assert_eq!(needs(&report, "pods-stay-pending"), Vec::<String>::new());
    // So do nodes of the command line.
    let named = node.replace("worker-1", "node-1");
    let report = check(&[("web.yaml", SPREAD), ("node.yaml", &named)], &["--nodes", "2x600mcpu,1Gi"]);
    assert_eq!((&report["summary"]["nodes"], &*simulated(&report)[0]), (&Value::from(2), "pods-stay-pending web"));
}

#[test]
fn what_is_not_said_of_declared_nodes_is_not_nothing() {
    let hungry = SPREAD.replace("memory: 64Mi", "memory: 64Mi, ephemeral-storage: 10Gi");
    let pool = |storage: &str| {
        let allocatable = format!("{{cpu: 4, memory: 8Gi{storage}}}");
        let kind = "apiVersion: quorate.dev/v1alpha1\nkind: Environment\nspec:\n  nodes:\n";
        let pool = format!("{kind}    - {{name: worker, count: 3, allocatable: {allocatable}}}\n");
        simulated(&check(&[("web.yaml", &hungry), ("quorate.yaml", &pool)], &[]))
    };
    assert_eq!(pool(""), Vec::<String>::new());
    assert_eq!(pool(", ephemeral-storage: 1Gi")[0], "pods-stay-pending web");
    assert_eq!(simulated(&check(&[("web.yaml", &hungry)], &["--nodes", "3x4cpu,8Gi"])), Vec::<String>::new());
    // What no node has unless it is said, none has.
    let accelerated = SPREAD.replace("memory: 64Mi", "memory: 64Mi, example.com/gpu: 1");
    assert_eq!(
        simulated(&check(&[("web.yaml", &accelerated)], &["--nodes", "3x4cpu,8Gi"]))[0],
        "pods-stay-pending web"
    );
}

#[test]
fn a_simulation_names_the_nodes_whose_room_is_unknown() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: worker-1}\n";
    let folder = directory(&[("web.yaml", SPREAD), ("node.yaml", node)]);
    let simulate = |arguments: &[&str]| {
        quorate(&[&["simulate", text(folder.path()), "--rollout", "deployment/web"], arguments].concat())
    };
    let refused = simulate(&[]).with_status(2).stderr;
    assert!(refused.contains("node worker-1 of the input gives no status.allocatable"), "{refused}");
    let played = simulate(&["--nodes", "2x4cpu,8Gi", "-o", "json"]).with_status(0).json("simulate");
    let assumptions = played["assumptions"].as_array().unwrap();
    assert!(assumptions.iter().any(|own| own.as_str().unwrap().starts_with("node worker-1 is left out")), "{played}");
}

const TWO_NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: bad}
spec: {taints: [{key: broken, effect: NoExecute}]}
status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}
---
apiVersion: v1
kind: Node
metadata: {name: good}
status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}
";

#[test]
fn a_workload_is_not_blamed_for_one_that_never_rests() {
    // It names a node that evicts its pods: they are made anew without end, and each takes 30 s to stop.
    let restless = SPREAD.replace("web", "restless").replace("    spec:\n", "    spec:\n      nodeName: bad\n");
    let report = check(&[("a.yaml", &restless), ("b.yaml", SPREAD), ("nodes.yaml", TWO_NODES)], &[]);
    assert_eq!(simulated(&report), ["node-loss-leaves-pods-pending web"]);
    let needs = needs(&report, "rollout-deadlock");
    assert_eq!(
        needs,
        [
            "a cluster that comes to rest: the pods of deployment/default/restless are made and removed without end; they \
          are left out"
        ]
    );
}

/// A budget, and an autoscaler between these numbers.
fn autoscaled(budget: &str, least: u32, most: u32) -> String {
    format!(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web, namespace: default}}\n\
         spec: {{{budget}, selector: {{matchLabels: {{app: web}}}}}}\n---\n\
         apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: default}}\n\
         spec: {{minReplicas: {least}, maxReplicas: {most}, \
         scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}\n"
    )
}

#[test]
fn a_budget_never_allows_anything_only_if_no_autoscaler_grows_out_of_it() {
    let of = |budget: &str, least, most| {
        let report = check(&[("a.yaml", SPREAD), ("b.yaml", &autoscaled(budget, least, most))], &[]);
        let findings = report["findings"].as_array().unwrap().iter();
        let found = findings.filter(|own| own["rule"] == "pdb-allows-nothing");
        let said =
            found.map(|own| format!("{}: {}", own["severity"].as_str().unwrap(), own["message"].as_str().unwrap()));
        said.collect::<Vec<_>>()
    };
    let budget = "poddisruptionbudget default/web";
    let never = format!("error: {budget} never allows a disruption of its 2 pods");
    let few = format!("warning: {budget} allows no disruption while autoscaling keeps it at 2 pods");
    assert_eq!(of("minAvailable: 2", 2, 2), std::slice::from_ref(&never));
    assert_eq!(of("minAvailable: 100%", 2, 50), std::slice::from_ref(&never));
    assert_eq!(of("maxUnavailable: 0", 1, 50), [never]);
    assert_eq!(of("minAvailable: 2", 2, 50), std::slice::from_ref(&few));
    assert_eq!(of("minAvailable: 2", 1, 3), [few.replace("2 pods", "2 pods or fewer")]);
    assert_eq!(of("minAvailable: 90%", 2, 2_000_000_000), [few.replace("2 pods", "9 pods or fewer")]);
    assert_eq!(of("minAvailable: 2", 3, 50), Vec::<String>::new());
    assert_eq!(of("maxUnavailable: 1", 1, 50), Vec::<String>::new());
}

#[test]
fn other_autoscalers_count_and_one_that_is_off_does_not() {
    let severities = |workload: &str, autoscaler: &str| {
        let report = check(&[("a.yaml", workload), ("b.yaml", autoscaler)], &[]);
        let findings = report["findings"].as_array().unwrap().iter();
        let found = findings.filter(|own| own["rule"] == "pdb-allows-nothing");
        found.map(|own| own["severity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let horizontal = autoscaled("minAvailable: 2", 2, 5);
    let (budget, _) = horizontal.split_once("---\n").unwrap();
    let keda = format!(
        "{budget}---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: web, namespace: default}}\n\
         spec: {{minReplicaCount: 2, maxReplicaCount: 5, scaleTargetRef: {{name: web}}, triggers: []}}\n"
    );
    assert_eq!(severities(SPREAD, &horizontal), ["warning"]);
    assert_eq!(severities(SPREAD, &keda), ["warning"]);
    assert_eq!(severities(SPREAD, budget), ["error"]);
    // `replicas: 0` switches a HorizontalPodAutoscaler off: there are no pods to speak of.
    assert_eq!(severities(&SPREAD.replace("replicas: 2", "replicas: 0"), &horizontal), Vec::<String>::new());
}

#[test]
fn a_second_replica_is_proposed_only_where_it_helps() {
    let mend = |budget: &str| {
        let single = SPREAD.replace("replicas: 2", "replicas: 1");
        let report = check(&[("a.yaml", &single), ("b.yaml", &autoscaled(budget, 1, 1))], &[]);
        let findings = report["findings"].as_array().unwrap().iter();
        let mut found = findings.filter(|own| own["rule"] == "pdb-allows-nothing");
        found.next().unwrap()["mends"][0]["change"].as_str().unwrap().to_owned()
    };
    assert_eq!(mend("minAvailable: 1"), "a second replica, or no budget");
    assert_eq!(mend("minAvailable: 100%"), "maxUnavailable: 1 in place of what stands here");
    assert_eq!(mend("maxUnavailable: 0"), "maxUnavailable: 1 in place of what stands here");
}

#[test]
fn a_rollout_is_hopeless_only_if_it_is_with_every_number_of_pods() {
    let apart = SPREAD.replace(
        "    spec:\n",
        "    spec:\n      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
         [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}\n",
    );
    let rollout = |least, most| {
        let files = [("a.yaml", &*apart), ("b.yaml", &autoscaled("maxUnavailable: 1", least, most))];
        let report = check(&files, &["--nodes", "3x4cpu,8Gi"]);
        let findings = report["findings"].as_array().unwrap().iter();
        let found = findings.filter(|own| own["rule"] == "rollout-deadlock");
        found.map(|own| own["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rollout(3, 5), ["no rollout of deployment/default/web can ever complete"]);
    assert_eq!(rollout(2, 5), Vec::<String>::new(), "two of three nodes are taken");
    // As written it has two pods; with at least one node free a rollout completes.
    let written = apart.replace("replicas: 2", "replicas: 3");
    let files = [("a.yaml", &*written), ("b.yaml", &autoscaled("maxUnavailable: 1", 1, 5))];
    let report = check(&files, &["--nodes", "3x4cpu,8Gi"]);
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|own| own["rule"] == "rollout-deadlock").unwrap();
    assert_eq!(found["severity"], "warning");
    assert_eq!(
        found["message"],
        "no rollout of deployment/default/web completes while autoscaling keeps it at 3 pods; with 1 one does"
    );
}

#[test]
fn what_lacks_a_fact_is_listed_for_chosen_rules_alone() {
    let named = |arguments: &[&str]| {
        let report = check(&[("a.yaml", SPREAD)], arguments);
        let all = report["notEvaluated"].as_array().unwrap().iter();
        all.map(|own| own["rule"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let all = named(&[]);
    assert_eq!(named(&["--include", "delivery"]).into_iter().collect::<Vec<_>>(), ["automatic-sync", "image-tag-form"]);
    let without = named(&["--exclude", "delivery,simulation"]);
    assert!(without.contains("plain-secret") && without.is_subset(&all) && without.len() < all.len(), "{without:?}");
    assert!(!without.contains("automatic-sync") && !without.contains("rollout-deadlock"), "{without:?}");
    assert!(named(&["--include", "simulation"]).contains("rollout-deadlock"));
    // Nodes are asked for only where a rule that runs wants them.
    let folder = directory(&[("a.yaml", SPREAD)]);
    let closing = |arguments: &[&str]| quorate(&[&["check", text(folder.path()), "-q"], arguments].concat()).stdout;
    assert!(!closing(&["--exclude", "simulation"]).contains("nodes"), "{}", closing(&["--exclude", "simulation"]));
    assert!(closing(&[]).contains("10 rules had no nodes"), "{}", closing(&[]));
    assert!(named(&["--include", "security"]).contains("plain-secret"));
}

/// Findings of the rules about guarantees: `RULE SEVERITY NAME`, and the text that each marks.
fn of_guarantees(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let word = |own: &Value, key: &str| own[key].as_str().unwrap().to_owned();
    let named = findings.filter(|own| own["rule"].as_str().unwrap().starts_with("guarantee-"));
    named
        .map(|own| {
            let (rule, severity) = (word(own, "rule"), word(own, "severity"));
            format!("{rule} {severity} {}:{}", own["object"]["name"].as_str().unwrap(), own["location"]["startLine"])
        })
        .collect()
}

const TWO_WORKERS: &str = "apiVersion: quorate.dev/v1alpha1
kind: Environment
spec:
  nodes:
    - {name: worker, count: 2, allocatable: {cpu: 2000m, memory: 4Gi}}
";

#[test]
fn guarantees_are_decided_where_they_are_declared() {
    let declared = format!(
        "{TWO_WORKERS}  guarantees:\n    - {{workload: deployment/default/web, minAvailable: 1, phase: [instant]}}\n    \
         - {{workload: deployment/default/gone, minAvailable: 1}}\n"
    );
    let files = [("web.yaml", SPREAD), ("quorate.yaml", declared.as_str())];
    let report = check(&files, &[]);
    assert_eq!(of_guarantees(&report), ["guarantee-violated error web:7"]);
    let finding =
        report["findings"].as_array().unwrap().iter().find(|own| own["rule"] == "guarantee-violated").unwrap();
    assert_eq!(finding["evidence"]["violated"][0]["available"], 0);
    assert_eq!(finding["related"][0]["path"], "spec.replicas");
    let needs = needs(&report, "guarantee-violated");
    assert!(needs[0].starts_with("deployment/default/gone in the input"), "{needs:?}");

    // What keeps the pods apart makes it hold.
    let apart = SPREAD.replace(
        "    spec:\n",
        "    spec:\n      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
         [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}\n",
    );
    assert_ne!(apart, SPREAD);
    let report = check(&[("web.yaml", &apart), ("quorate.yaml", &declared)], &[]);
    assert_eq!(of_guarantees(&report), Vec::<String>::new());
}

#[test]
fn what_nobody_declares_is_a_note_where_only_some_placement_breaks_it() {
    let report = check(&[("web.yaml", SPREAD), ("quorate.yaml", TWO_WORKERS)], &[]);
    assert_eq!(of_guarantees(&report), ["guarantee-violated info web:6"]);
    // Without nodes nothing is decided, and that is said.
    let report = check(&[("web.yaml", SPREAD)], &[]);
    assert_eq!(of_guarantees(&report), Vec::<String>::new());
    for rule in ["guarantee-violated", "guarantee-undecided"] {
        assert!(needs(&report, rule)[0].starts_with("nodes: "), "{rule}");
    }
}
