//! `quorate simulate` and `quorate check` where the API server refuses: quotas, limits, webhooks that nobody answers.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{Run, directory, quorate, text};
use serde_json::Value;

const NODES: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-3, labels: {kubernetes.io/hostname: worker-3}}, status: {allocatable: {cpu: "8", memory: 16Gi, pods: "110"}}}
---
"#;

fn deployment(name: &str, namespace: &str, replicas: u32, spec: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{{spec}}}
---
"#
    )
}

const CONTAINER: &str = r#"containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}, limits: {memory: 512Mi}}}]"#;

const QUOTA: &str = r#"
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: shop}
spec: {hard: {requests.cpu: "2", limits.memory: 2Gi, pods: "10"}}
---
"#;

/// The documents as a cluster, the steps played on it.
fn simulate(cluster: &str, steps: &str, format: &str) -> Run {
    let cluster = format!("{NODES}{cluster}");
    let scenario = format!(
        "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: refused}}\nspec:\n  steps:\n{steps}\n"
    );
    let files = directory(&[("cluster/all.yaml", cluster.as_str()), ("scenario.yaml", scenario.as_str())]);
    let path = |name: &str| files.path().join(name);
    let (cluster, scenario) = (path("cluster"), path("scenario.yaml"));
    let arguments = ["simulate", text(&cluster), "--scenario", text(&scenario), "-o", format, "--color", "never"];
    quorate(&arguments)
}

fn step(answer: &Value, index: usize) -> &Value {
    &answer["steps"][index]
}

#[test]
fn a_full_quota_stops_a_rollout_and_says_so() {
    // Of three replicas 25 % are no pod that may be missing, and one more that there may be.
    let quota = QUOTA.replace("\"2\"", "1500m").replace("2Gi", "1536Mi");
    let cluster = format!("{quota}{}", deployment("web", "shop", 3, CONTAINER));
    let restart = "    - restart: {workload: deployment/shop/web}";
    let answer = simulate(&cluster, restart, "json").with_status(1).json("simulate");
    assert_eq!(step(&answer, 0)["outcome"], "stuck");
    let says = "exceeded quota: team, requested: limits.memory=512Mi,requests.cpu=500m, used: \
                limits.memory=1536Mi,requests.cpu=1500m, limited: limits.memory=1536Mi,requests.cpu=1500m";
    assert!(step(&answer, 0)["detail"].as_str().unwrap().ends_with(says), "{answer:#}");
    let refused = step(&answer, 0)["after"]["refused"].as_object().unwrap();
    assert_eq!(refused.values().collect::<Vec<_>>(), [says]);
    assert_eq!(step(&answer, 0)["minReady"]["deployment/shop/web"], 3);
    let assumptions = answer["assumptions"].to_string();
    assert!(assumptions.contains("resourcequota/shop/team is taken to be used by the pods of the input alone"));
    insta::assert_snapshot!("full_quota", simulate(&cluster, restart, "human").with_status(1).stdout);
}

#[test]
fn a_quota_that_is_raised_lets_the_rest_in_when_the_backoff_is_over() {
    let cluster = format!("{QUOTA}{}", deployment("web", "shop", 6, CONTAINER));
    let raised = QUOTA.replace("\"2\"", "\"9\"").replace("2Gi", "9Gi").replace("---", "");
    let raised = raised.trim().replace('\n', "\n            ");
    let steps = format!("    - wait: {{seconds: 30}}\n    - apply:\n        objects:\n          - {raised}");
    let answer = simulate(&cluster, &steps, "json").with_status(0).json("simulate");
    assert_eq!(answer["initial"]["workloads"]["deployment/shop/web"]["ready"], 4);
    assert_eq!(step(&answer, 1)["after"]["workloads"]["deployment/shop/web"]["ready"], 6);
    let created = step(&answer, 1)["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|own| own["event"].to_string().contains("creates pod"));
    // The quota has room at 630 s; the next retry comes 5 · (2¹⁷ − 1) ms after the first refusal.
    assert_eq!(created.unwrap()["at"], 655.355, "{answer:#}");
}

#[test]
fn a_limit_range_and_a_missing_account_refuse_every_pod() {
    let range = r#"
apiVersion: v1
kind: LimitRange
metadata: {name: small, namespace: shop}
spec: {limits: [{type: Container, max: {memory: 256Mi}}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: shop}
---
"#;
    let other = format!("serviceAccountName: robot, {}", CONTAINER.replace("512Mi", "128Mi"));
    let cluster = format!("{range}{}{}", deployment("web", "shop", 2, CONTAINER), deployment("job", "shop", 1, &other));
    let answer = simulate(&cluster, "    - wait: {seconds: 1}", "json").with_status(0).json("simulate");
    let mut refused: Vec<&str> =
        answer["initial"]["refused"].as_object().unwrap().values().map(|text| text.as_str().unwrap()).collect();
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            "error looking up service account shop/robot: serviceaccount \"robot\" not found",
            "maximum memory usage per Container is 256Mi, but limit is 512Mi"
        ]
    );
    assert_eq!(answer["initial"]["pods"], serde_json::json!([]));
}

const GUARD: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: guard, namespace: guard}
spec: {selector: {app: guard}, ports: [{port: 443}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
  - name: pods.guard.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    clientConfig: {service: {name: guard, namespace: guard}}
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
---
"#;

/// A pod of the guard that runs on worker-1, and its ReplicaSet.
const RUNNING: &str = r#"
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: guard-1
  namespace: guard
  labels: {app: guard, pod-template-hash: "1"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: guard, uid: u, controller: true}]
spec:
  replicas: 1
  selector: {matchLabels: {app: guard, pod-template-hash: "1"}}
  template:
    metadata: {labels: {app: guard, pod-template-hash: "1"}}
    spec: {containers: [{name: a, image: "x:1"}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: guard-1-a
  namespace: guard
  uid: p
  labels: {app: guard, pod-template-hash: "1"}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: guard-1, uid: r, controller: true}]
spec: {nodeName: worker-1, containers: [{name: a, image: "x:1"}]}
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
---
"#;

#[test]
fn a_webhook_that_refuses_its_own_pods_never_comes_back() {
    let own = deployment("guard", "guard", 1, r#"containers: [{name: a, image: "x:1"}]"#);
    let cluster = format!("{GUARD}{own}{RUNNING}");
    let steps = "    - drain: {nodes: [worker-1]}\n      expect: {outcome: stuck}\n    - uncordon: {node: worker-1}";
    let answer = simulate(&cluster, steps, "json").with_status(0).json("simulate");
    assert_eq!(step(&answer, 0)["outcome"], "stuck");
    let detail = step(&answer, 0)["detail"].as_str().unwrap();
    assert!(detail.contains("failed calling webhook \"pods.guard.example.com\""), "{detail}");
    assert_eq!(step(&answer, 1)["after"]["workloads"]["deployment/guard/guard"]["ready"], 0);
    insta::assert_snapshot!("silent_webhook", simulate(&cluster, steps, "human").stdout);
}

/// The rule and object of each finding of `rules`, with its severity.
fn findings(cluster: &str, rules: [&str; 2]) -> Vec<String> {
    let files = directory(&[("all.yaml", cluster)]);
    let answer =
        quorate(&["check", text(files.path()), "-o", "json", "--fail-on", "never"]).with_status(0).json("check");
    let all = answer["findings"].as_array().unwrap().iter();
    let own = all.filter(|own| rules.iter().any(|rule| own["rule"] == *rule));
    let shown = own.map(|own| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        format!(
            "{} {} at {}: {}",
            text(&own["severity"]),
            text(&own["rule"]),
            text(&own["path"]),
            text(&own["message"])
        )
    });
    shown.collect()
}

const RULES: [&str; 2] = ["pods-refused-by-admission", "webhook-blocks-its-own-pods"];

#[test]
fn a_webhook_that_covers_its_own_pods_is_found() {
    let own = |replicas| deployment("guard", "guard", replicas, "containers: [{name: a, image: \"x:1\"}]");
    let found = findings(&format!("{GUARD}{}", own(1)), RULES);
    let alone = "error webhook-blocks-its-own-pods at webhooks[0].rules: no pod of deployment/guard/guard comes back once \
                 the last one is lost: webhook pods.guard.example.com";
    assert_eq!(found, [alone]);
    let found = findings(&format!("{GUARD}{}", own(3)), RULES);
    assert!(found[0].starts_with("warning webhook-blocks-its-own-pods"), "{found:?}");
    let exempt = "clientConfig:\n      service: {name: guard, namespace: guard}\n    namespaceSelector: {matchExpressions: \
                  [{key: kubernetes.io/metadata.name, operator: NotIn, values: [guard]}]}";
    for safe in [
        GUARD.replace("clientConfig: {service: {name: guard, namespace: guard}}", exempt),
        GUARD.replace("sideEffects: None", "sideEffects: None\n    failurePolicy: Ignore"),
        GUARD.replace("resources: [pods]", "resources: [services]"),
    ] {
        assert_ne!(safe, GUARD);
        assert_eq!(findings(&format!("{safe}{}", own(1)), RULES), Vec::<String>::new());
    }
}

#[test]
fn pods_that_are_never_admitted_are_found_with_and_without_nodes() {
    let range = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: small, namespace: shop}\n\
                 spec: {limits: [{type: Container, max: {memory: 256Mi}}]}\n---\n";
    let web = deployment("web", "shop", 6, CONTAINER);
    let refused = "error pods-refused-by-admission at spec.template.spec: the API server refuses every pod of \
                   deployment/shop/web";
    assert_eq!(findings(&format!("{range}{web}"), RULES), [refused]);
    assert_eq!(findings(&format!("{NODES}{range}{web}"), RULES), [refused]);
    let full = "error pods-refused-by-admission at spec.replicas: 2 pods of 6 of deployment/shop/web cannot be created: the \
                quota has no room";
    assert_eq!(findings(&format!("{NODES}{QUOTA}{web}"), RULES), [full]);
    assert_eq!(
        findings(&format!("{NODES}{QUOTA}{}", deployment("web", "shop", 4, CONTAINER)), RULES),
        Vec::<String>::new()
    );
}

#[test]
fn a_webhook_that_cannot_be_read_is_an_error_with_its_place() {
    let wrong =
        GUARD.replace("CREATE", "CRAETE").replace("sideEffects: None", "sideEffects: None\n    failurePolicy: Fial");
    let answer = simulate(&wrong, "    - wait: {seconds: 1}", "human").with_status(2);
    let said = format!("{}{}", answer.stdout, answer.stderr);
    assert!(said.contains("\"CRAETE\"") && said.contains("mend  CREATE"), "{said}");
    assert!(said.contains("\"Fial\"") && said.contains("all.yaml"), "{said}");
}

const WITH_VOLUME: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeName: pv-data, storageClassName: fast}
status: {phase: Bound}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-data}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  csi: {driver: csi.example.com, volumeHandle: h}
  claimRef: {name: data, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
"#;

#[test]
fn a_volume_on_a_dead_node_keeps_the_replacement_waiting_and_the_service_silent() {
    let spec = format!("volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}], {CONTAINER}");
    let cluster = format!("{WITH_VOLUME}{}", deployment("db", "shop", 1, &spec));
    let steps = "    - failNode: {nodes: [worker-1]}\n    - deleteNode: {nodes: [worker-1]}";
    let answer = simulate(&cluster, steps, "json").with_status(0).json("simulate");
    assert_eq!(
        answer["initial"]["services"]["shop/db"],
        serde_json::json!({"ready": 1, "serving": 1, "terminating": 0})
    );
    let failed = step(&answer, 0);
    assert_eq!(failed["minReadyEndpoints"]["shop/db"], 0);
    assert_eq!(failed["after"]["services"]["shop/db"], serde_json::json!({"ready": 0, "serving": 0, "terminating": 1}));
    let waiting: Vec<&Value> =
        failed["after"]["pods"].as_array().unwrap().iter().filter(|pod| !pod["waitingReason"].is_null()).collect();
    assert!(waiting[0]["waitingReason"].as_str().unwrap().starts_with("Multi-Attach error for volume \"pv-data\""));
    assert_eq!(step(&answer, 1)["after"]["services"]["shop/db"]["ready"], 1);
}

#[test]
fn annotations_that_cannot_be_read_are_errors_and_costs_decide_who_goes() {
    let pod = |name: &str, cost: &str| {
        let owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}]";
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, uid: {name}, labels: {{app: web}}, \
             annotations: {{controller.kubernetes.io/pod-deletion-cost: \"{cost}\"}}, {owner}}}\nspec: {{nodeName: worker-1, \
             containers: [{{name: a, image: \"x:1\"}}]}}\nstatus: {{phase: Running}}\n---\n"
        )
    };
    let set = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 3, selector: \
               {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: \
               \"x:1\"}]}}}\n---\n";
    let cluster = |cost: &str| format!("{set}{}{}{}", pod("web-a", "5"), pod("web-b", cost), pod("web-c", "5"));
    let scale = "    - scale: {workload: replicaset/shop/web, replicas: 2}";
    let answer = simulate(&cluster("-3"), scale, "json").with_status(0).json("simulate");
    let gone = step(&answer, 0)["events"].to_string();
    assert!(gone.contains("pod shop/web-b is deleted by its controller"), "{gone}");
    let said = simulate(&cluster("+3"), scale, "human").with_status(2);
    assert!(format!("{}{}", said.stdout, said.stderr).contains("must be a 32-bit integer"), "{}", said.stderr);
}
