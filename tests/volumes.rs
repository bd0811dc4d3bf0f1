//! Volumes as manifests give them: real rules where the input shows classes and volumes, and said assumptions where it does not.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};
use serde_json::Value;

/// Two nodes in two zones.
const NODES: &str = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1, topology.kubernetes.io/zone: a}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
  - {apiVersion: v1, kind: Node, metadata: {name: worker-2, labels: {kubernetes.io/hostname: worker-2, topology.kubernetes.io/zone: b}}, status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}}
"#;

/// A Deployment of one pod that mounts `claim`.
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "x:1"}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: claim}}]
"#;

/// A StatefulSet of two, each with a claim of class `fast`.
const DB: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: a, image: "x:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 5Gi}}}
"#;

fn claim(rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: claim, namespace: default}}\nspec: {{accessModes: \
         [ReadWriteOnce], resources: {{requests: {{storage: 5Gi}}}}, {rest}}}\n"
    )
}

fn class(name: &str, provisioner: &str, rest: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\n{rest}\n"
    )
}

/// A volume of 10Gi that only worker-2 reaches.
fn volume(name: &str, class: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\nspec:\n  capacity: {{storage: 10Gi}}\n  accessModes: \
         [ReadWriteOnce]\n  storageClassName: {class}\n  local: {{path: /mnt/{name}}}\n  nodeAffinity:\n    required:\n      \
         nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [worker-2]}}]}}]\n"
    )
}

/// What a drain of `node` comes to, with these manifests beside the nodes.
fn drained(node: &str, manifests: &[&str]) -> Value {
    let all = manifests.join("---\n");
    let input = directory(&[("cluster/nodes.yaml", NODES), ("cluster/objects.yaml", &all)]);
    let path = input.path().join("cluster");
    let run = quorate(&["simulate", text(&path), "--drain", node, "-o", "json"]);
    assert!(run.status < 2, "{run:#?}");
    run.json("simulate")
}

fn nodes_of(state: &Value) -> Vec<Option<&str>> {
    state["pods"].as_array().unwrap().iter().map(|pod| pod["node"].as_str()).collect()
}

fn reason(state: &Value) -> &str {
    let mut reasons = state["pods"].as_array().unwrap().iter().filter_map(|pod| pod["unschedulableReason"].as_str());
    reasons.next().unwrap()
}

#[track_caller]
fn assert_says(answer: &Value, assumption: &str) {
    let said: Vec<&str> = answer["assumptions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(said.iter().filter(|one| **one == assumption).count(), 1, "{said:#?}");
}

#[track_caller]
fn assert_assumes_nothing_of_volumes(answer: &Value) {
    let said = answer["assumptions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    let of_volumes: Vec<&str> = said.filter(|one| one.contains("taken to")).collect();
    assert!(of_volumes.is_empty(), "{of_volumes:#?}");
}

#[test]
fn a_claim_that_is_not_in_the_input_binds_everywhere_and_that_is_said() {
    let answer = drained("worker-1", &[WEB]);
    assert_eq!(nodes_of(&answer["initial"]), [Some("worker-1")]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2")]);
    assert_says(&answer, "PersistentVolumeClaim default/claim is not in the input: taken to be usable on every node");
}

#[test]
fn a_claim_whose_class_is_not_in_the_input_binds_everywhere_and_that_is_said() {
    let answer = drained("worker-1", &[WEB, &claim("storageClassName: fast")]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2")]);
    let said = "the input does not say where volumes of StorageClass fast are: taken to be usable on every node";
    assert_says(&answer, said);
    let answer = drained("worker-1", &[DB]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2"), Some("worker-2")]);
    assert_says(&answer, said);
    // A class for volumes that are made by hand, of which the input holds none.
    let local = class("fast", "kubernetes.io/no-provisioner", "volumeBindingMode: WaitForFirstConsumer");
    let answer = drained("worker-1", &[DB, &local]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2"), Some("worker-2")]);
    assert_says(&answer, said);
}

#[test]
fn a_claim_whose_volume_is_not_in_the_input_binds_everywhere_and_that_is_said() {
    let answer = drained("worker-1", &[WEB, &claim("volumeName: elsewhere")]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2")]);
    let said = "the PersistentVolume of PersistentVolumeClaim default/claim is not in the input: taken to be usable on every node";
    assert_says(&answer, said);
}

#[test]
fn a_volume_of_the_input_ties_its_pod_to_its_node() {
    // By name, by class, and by class when its pod is placed.
    let by_name =
        [&*claim("storageClassName: manual, volumeName: disk"), &volume("disk", "manual"), WEB].map(str::to_owned);
    let by_class = [&*claim("storageClassName: manual"), &volume("disk", "manual"), WEB].map(str::to_owned);
    let waits = class("manual", "kubernetes.io/no-provisioner", "volumeBindingMode: WaitForFirstConsumer");
    let when_placed = [&*by_class.concat().replace("apiVersion", "---\napiVersion"), &waits, ""].map(str::to_owned);
    for manifests in [by_name, by_class, when_placed] {
        let manifests: Vec<&str> = manifests.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let answer = drained("worker-2", &manifests);
        assert_eq!(nodes_of(&answer["initial"]), [Some("worker-2")], "{manifests:#?}");
        let after = &answer["steps"][0]["after"];
        assert_eq!(nodes_of(after), [None]);
        assert!(reason(after).contains("1 node(s) didn't match PersistentVolume's node affinity"), "{}", reason(after));
        assert_assumes_nothing_of_volumes(&answer);
    }
}

#[test]
fn a_volume_that_is_too_small_is_not_bound() {
    let small = volume("disk", "manual").replace("10Gi", "1Gi");
    let waits = class("manual", "kubernetes.io/no-provisioner", "volumeBindingMode: WaitForFirstConsumer");
    let answer = drained("worker-1", &[WEB, &claim("storageClassName: manual"), &small, &waits]);
    let message = reason(&answer["initial"]);
    assert!(message.contains("2 node(s) didn't find available persistent volumes to bind"), "{message}");
}

#[test]
fn a_class_of_the_input_says_where_volumes_are_provisioned() {
    let zones = "volumeBindingMode: WaitForFirstConsumer\nallowedTopologies: [{matchLabelExpressions: [{key: \
                 topology.kubernetes.io/zone, values: [b]}]}]";
    let answer = drained("worker-2", &[DB, &class("fast", "csi.example.com", zones)]);
    assert_eq!(nodes_of(&answer["initial"]), [Some("worker-2"), Some("worker-2")]);
    let after = &answer["steps"][0]["after"];
    assert!(nodes_of(after).contains(&None));
    // Bound before the drain: now the volumes are where they are.
    assert!(reason(after).contains("1 node(s) didn't match PersistentVolume's node affinity"), "{}", reason(after));
    assert_assumes_nothing_of_volumes(&answer);
}

#[test]
fn the_default_class_serves_claims_that_name_none() {
    let default = class("standard", "rancher.io/local-path", "volumeBindingMode: WaitForFirstConsumer").replace(
        "{name: standard}",
        "{name: standard, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}",
    );
    let answer = drained("worker-1", &[WEB, &claim("volumeMode: Filesystem"), &default]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [None]);
    assert_assumes_nothing_of_volumes(&answer);
}

#[test]
fn a_node_attaches_as_many_volumes_as_its_driver_says() {
    let limits = r#"
apiVersion: v1
kind: List
items:
  - {apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: worker-1}, spec: {drivers: [{name: csi.example.com, nodeID: x, allocatable: {count: 1}, topologyKeys: []}]}}
  - {apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: worker-2}, spec: {drivers: [{name: csi.example.com, nodeID: x, allocatable: {count: 1}, topologyKeys: []}]}}
"#;
    let fast = class("fast", "csi.example.com", "volumeBindingMode: WaitForFirstConsumer");
    let answer = drained("worker-1", &[DB, limits, &fast]);
    assert_eq!(nodes_of(&answer["initial"]), [Some("worker-1"), Some("worker-2")]);
    let message = reason(&answer["steps"][0]["after"]);
    assert!(message.contains("1 node(s) exceed max volume count"), "{message}");
    assert_assumes_nothing_of_volumes(&answer);
}

#[test]
fn a_claim_that_has_lost_its_volume_keeps_its_pod_pending() {
    let lost = claim("storageClassName: fast, volumeName: gone") + "status: {phase: Lost}\n";
    let answer = drained("worker-1", &[WEB, &lost]);
    let expected = r#"0/2 nodes are available: persistentvolumeclaim "claim" bound to non-existent persistentvolume "gone". not found"#;
    assert_eq!(reason(&answer["initial"]), expected);
}

#[test]
fn a_volume_that_is_applied_later_takes_the_pod_that_waits_for_it() {
    let waits = class("manual", "kubernetes.io/no-provisioner", "volumeBindingMode: WaitForFirstConsumer");
    let small = volume("small", "manual").replace("10Gi", "1Gi");
    let objects = [WEB, &claim("storageClassName: manual"), &small, &waits].join("---\n");
    let scenario = "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {name: a-test}\nspec:\n  steps:\n    - apply: {path: \
                    next.yaml}\n    - drain: {nodes: [worker-2]}\n    - apply: {path: next.yaml}\n";
    let next = volume("disk", "manual");
    let files =
        [("cluster/nodes.yaml", NODES), ("cluster/a.yaml", &objects), ("next.yaml", &next), ("s.yaml", scenario)];
    let input = directory(&files);
    let path = |name: &str| input.path().join(name);
    let run = quorate(&["simulate", text(&path("cluster")), "--scenario", text(&path("s.yaml")), "-o", "json"]);
    let answer = run.json("simulate");
    assert_eq!(nodes_of(&answer["initial"]), [None]);
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2")]);
    // Applied again it is what it was: bound, and on worker-2.
    assert_eq!(nodes_of(&answer["steps"][1]["after"]), [None]);
    assert_eq!(nodes_of(&answer["steps"][2]["after"]), [None]);
}

#[test]
fn a_claim_that_does_not_wait_is_bound_to_a_volume_that_is_applied_later() {
    let immediate = class("manual", "kubernetes.io/no-provisioner", "");
    let small = volume("small", "manual").replace("10Gi", "1Gi");
    let objects = [WEB, &claim("storageClassName: manual"), &small, &immediate].join("---\n");
    let scenario = "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {name: a-test}\nspec:\n  steps:\n    - apply: \
                    {path: next.yaml}\n";
    let next = volume("disk", "manual");
    let files =
        [("cluster/nodes.yaml", NODES), ("cluster/a.yaml", &objects), ("next.yaml", &next), ("s.yaml", scenario)];
    let input = directory(&files);
    let path = |name: &str| input.path().join(name);
    let run = quorate(&["simulate", text(&path("cluster")), "--scenario", text(&path("s.yaml")), "-o", "json"]);
    let answer = run.json("simulate");
    assert!(reason(&answer["initial"]).contains("pod has unbound immediate PersistentVolumeClaims"));
    assert_eq!(nodes_of(&answer["steps"][0]["after"]), [Some("worker-2")]);
}

#[test]
fn nodes_that_are_made_up_reach_every_volume() {
    let web = WEB.replace("replicas: 1", "replicas: 2").replace("{type: Recreate}", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}").replace(
        "    spec:\n      containers",
        "    spec:\n      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
         kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}\n      containers",
    );
    let shared = |text: String| text.replace("ReadWriteOnce", "ReadWriteMany");
    let objects = [web, shared(claim("storageClassName: manual")), shared(volume("disk", "manual"))].join("---\n");
    let input = directory(&[("a.yaml", &objects)]);
    let run = quorate(&["check", text(input.path()), "--include", "rollout-deadlock", "--color", "never"]);
    assert!(run.stdout.contains("its rollout needs at least 3 eligible nodes"), "{run:#?}");
}
