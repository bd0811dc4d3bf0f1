//! Small clusters with scenarios, drawn from a seed: three to six nodes, two to four workloads of all kinds, budgets, and steps.
//!
//! Nodes differ in size, all workloads but the first come in steps of their own, and pods take a second to start and two to
//! stop, which is long beside the milliseconds in which controllers answer: where chance decides, a comparison says less.

use serde_json::{Value, json};

use crate::case::Case;

/// Draws numbers; the same seed draws the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A case as JSON: objects and a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    pub(crate) objects: Vec<Value>,
    pub(crate) scenario: Value,
}

impl Generated {
    /// Its files.
    pub(crate) fn case(&self) -> Case {
        Case::of_json(self.scenario["metadata"]["name"].as_str().unwrap(), &self.objects, &self.scenario)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
}

/// A workload that is there.
struct Workload {
    kind: Kind,
    name: String,
    object: Value,
    revision: usize,
}

impl Workload {
    fn reference(&self) -> String {
        let kind = match self.kind {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
            Kind::ReplicaSet => "replicaset",
        };
        format!("{kind}/default/{}", self.name)
    }
}

struct Generator {
    draw: Draw,
    nodes: Vec<String>,
    zones: bool,
    failed: Vec<String>,
    cordoned: Vec<String>,
    workloads: Vec<Workload>,
    steps: Vec<Value>,
    failures: bool,
}

/// The case of a seed. Every third has nodes that fail.
pub(crate) fn generate(seed: u64) -> Generated {
    let mut draw = Draw::new(seed);
    let count = draw.between(3, 6);
    let zones = draw.one_in(2);
    let nodes: Vec<String> = (1..=count).map(|number| format!("node-{number}")).collect();
    let generator = Generator {
        nodes,
        zones,
        failed: Vec::new(),
        cordoned: Vec::new(),
        workloads: Vec::new(),
        steps: Vec::new(),
        failures: seed.is_multiple_of(3),
        draw,
    };
    generator.case(seed)
}

impl Generator {
    fn case(mut self, seed: u64) -> Generated {
        let mut objects = self.node_objects();
        objects.push(json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}));
        let workloads = self.draw.between(2, 4);
        for index in 0..workloads {
            let made = self.workload(index);
            if index == 0 {
                objects.extend(made);
            } else {
                self.steps.push(json!({"apply": {"objects": made}}));
            }
        }
        for _ in 0..self.draw.between(3, 5) {
            let step = self.step();
            self.steps.push(step);
        }
        let mut settings = json!({});
        if self.failures {
            settings = json!({
                "node-monitor-period": "1s", "node-monitor-grace-period": "6s",
                "default-not-ready-toleration-seconds": 5, "default-unreachable-toleration-seconds": 5,
            });
        }
        settings["pods"] = json!({"startupSeconds": 1, "shutdownSeconds": 2});
        let spec = json!({"steps": self.steps, "settings": settings});
        let scenario = json!({
            "apiVersion": "quorate.dev/v1alpha1", "kind": "Scenario",
            "metadata": {"name": format!("random-{seed}")}, "spec": spec,
        });
        Generated { objects, scenario }
    }

    fn node_objects(&mut self) -> Vec<Value> {
        let mut sizes = vec![3, 4, 5, 7, 9, 11];
        let mut objects = Vec::new();
        for (index, name) in self.nodes.clone().into_iter().enumerate() {
            let cpu: i32 = sizes.remove(self.draw.below(sizes.len()));
            let mut labels = json!({"kubernetes.io/hostname": name});
            if self.zones {
                labels["topology.kubernetes.io/zone"] = json!(if index % 2 == 0 { "one" } else { "two" });
            }
            let room = json!({"cpu": cpu.to_string(), "memory": "32Gi", "pods": "110"});
            objects.push(json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
                "status": {"allocatable": room, "capacity": room},
            }));
        }
        objects
    }

    /// A workload, and often a budget for it.
    fn workload(&mut self, index: usize) -> Vec<Value> {
        let kinds = [
            Kind::Deployment,
            Kind::Deployment,
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::StatefulSet,
            Kind::DaemonSet,
            Kind::ReplicaSet,
        ];
        let kind = *self.draw.pick(&kinds);
        let name = ["red", "green", "blue", "black"][index].to_owned();
        let spec = self.spec(kind, &name);
        let kind_name = match kind {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
            Kind::ReplicaSet => "ReplicaSet",
        };
        let object = json!({
            "apiVersion": "apps/v1", "kind": kind_name, "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        });
        let mut objects = Vec::new();
        if self.draw.below(5) < 3 {
            objects.push(self.budget(&name));
        }
        objects.push(object.clone());
        self.workloads.push(Workload { kind, name, object, revision: 1 });
        objects
    }

    fn spec(&mut self, kind: Kind, name: &str) -> Value {
        let template = self.template(kind, name);
        let mut spec = json!({"selector": {"matchLabels": {"app": name}}, "template": template});
        if kind != Kind::DaemonSet {
            spec["replicas"] = json!(self.draw.between(1, 4));
        }
        match kind {
            Kind::Deployment => {
                if self.draw.one_in(5) {
                    spec["strategy"] = json!({"type": "Recreate"});
                } else {
                    let bounds = [
                        (json!(1), json!(0)),
                        (json!(0), json!(1)),
                        (json!("25%"), json!("25%")),
                        (json!(2), json!(1)),
                    ];
                    let (surge, unavailable) = self.draw.pick(&bounds).clone();
                    spec["strategy"] = json!({
                        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
                    });
                }
            }
            Kind::StatefulSet => {
                spec["serviceName"] = json!(name);
                if self.draw.one_in(3) {
                    spec["podManagementPolicy"] = json!("Parallel");
                }
                if self.draw.one_in(4) {
                    spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
                }
            }
            Kind::DaemonSet => {
                if self.draw.one_in(3) {
                    spec["updateStrategy"] =
                        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
                }
            }
            Kind::ReplicaSet => {}
        }
        spec
    }

    fn template(&mut self, kind: Kind, name: &str) -> Value {
        let cpu = *self.draw.pick(&["200m", "450m", "700m", "1100m", "1900m"]);
        let mut spec = json!({
            "containers": [{"name": "a", "image": format!("{name}:1"), "resources": {"requests": {"cpu": cpu}}}],
        });
        if kind != Kind::DaemonSet {
            let labels = json!({"matchLabels": {"app": name}});
            match self.draw.below(8) {
                0 | 1 => {
                    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": labels});
                    spec["affinity"] =
                        json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
                }
                2 => {
                    spec["topologySpreadConstraints"] = json!([{
                        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
                        "labelSelector": labels,
                    }]);
                }
                3 if self.zones => spec["nodeSelector"] = json!({"topology.kubernetes.io/zone": "one"}),
                _ => {}
            }
            if self.draw.one_in(6) {
                spec["priorityClassName"] = json!("high");
            }
            if self.draw.one_in(10) {
                spec["tolerations"] = json!([{"operator": "Exists"}]);
            }
        }
        json!({"metadata": {"labels": {"app": name}}, "spec": spec})
    }

    fn budget(&mut self, name: &str) -> Value {
        let bounds = [
            json!({"minAvailable": 1}),
            json!({"minAvailable": 2}),
            json!({"minAvailable": "50%"}),
            json!({"maxUnavailable": 1}),
            json!({"maxUnavailable": "34%"}),
            json!({"maxUnavailable": 0}),
        ];
        let mut spec = self.draw.pick(&bounds).clone();
        spec["selector"] = json!({"matchLabels": {"app": name}});
        if self.draw.one_in(4) {
            spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
        }
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        })
    }

    fn node(&mut self) -> String {
        self.draw.pick(&self.nodes).clone()
    }

    fn step(&mut self) -> Value {
        if self.failures && self.draw.one_in(2) {
            return self.failure();
        }
        let index = self.draw.below(self.workloads.len());
        match self.draw.below(9) {
            0 | 1 => self.set_image(index),
            2 => {
                let replicas = self.draw.below(6);
                let own = &self.workloads[index];
                if own.kind == Kind::DaemonSet {
                    return json!({"restart": {"workload": own.reference()}});
                }
                json!({"scale": {"workload": own.reference(), "replicas": replicas}})
            }
            3 => json!({"restart": {"workload": self.workloads[index].reference()}}),
            4 => self.cordon(),
            5 => {
                json!({"evict": {"podSelector": {"namespace": "default", "labels": {"app": self.workloads[index].name}}}})
            }
            6 => self.change_template(index),
            _ => {
                let nodes = vec![self.node()];
                self.cordoned.extend(nodes.iter().cloned());
                json!({"drain": {"nodes": nodes}})
            }
        }
    }

    fn set_image(&mut self, index: usize) -> Value {
        let own = &mut self.workloads[index];
        own.revision += 1;
        let image = format!("{}:{}", own.name, own.revision);
        own.object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        json!({"setImage": {"workload": own.reference(), "container": "a", "image": image}})
    }

    fn cordon(&mut self) -> Value {
        if let Some(node) = self.cordoned.pop() {
            return json!({"uncordon": {"node": node}});
        }
        let node = self.node();
        self.cordoned.push(node.clone());
        json!({"cordon": {"node": node}})
    }

    /// The template now fits nowhere, or does again.
    fn change_template(&mut self, index: usize) -> Value {
        let own = &mut self.workloads[index];
        let spec = &mut own.object["spec"]["template"]["spec"];
        let request = &mut spec["containers"][0]["resources"]["requests"]["cpu"];
        *request = if *request == "100" { json!("300m") } else { json!("100") };
        json!({"apply": {"objects": [own.object]}})
    }

    fn failure(&mut self) -> Value {
        if let Some(node) = self.failed.pop() {
            return json!({"recoverNode": {"nodes": [node]}});
        }
        let node = self.node();
        self.failed.push(node.clone());
        json!({"failNode": {"nodes": [node]}})
    }
}
