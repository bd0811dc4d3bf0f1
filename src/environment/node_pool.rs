//! Pools of nodes, and their expansion to single nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LabelKey, Quantity, ResourceList};

const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
const INSTANCE_TYPE_LABEL: &str = "node.kubernetes.io/instance-type";

/// A number of equal nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UnvalidatedNodePool", into = "UnvalidatedNodePool")]
pub struct NodePool {
    /// The pool's name; its nodes are called `NAME-1`, `NAME-2`, ….
    pub name: String,
    /// How many nodes it has now.
    pub count: u32,
    /// The fewest nodes that autoscaling leaves.
    pub min: u32,
    /// The most nodes that autoscaling makes.
    pub max: u32,
    /// The provider's name for the machine; the key into the price catalogue.
    pub instance_type: Option<String>,
    /// The sizes of each node.
    pub resources: PoolResources,
    /// Labels of each node, beside those that follow from name, zone and instance type.
    pub labels: BTreeMap<LabelKey, String>,
    /// Taints of each node.
    pub taints: Vec<Taint>,
    /// The zone that each node is in.
    pub zone: Option<String>,
}

/// The sizes of a pool's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolResources {
    /// Not declared: the pool names and prices nodes that come from elsewhere.
    Undeclared,
    /// Declared.
    Declared {
        /// All that the machine has, where it is known.
        capacity: Option<ResourceList>,
        /// What pods may use. Without `ephemeral-storage` that is not known and excludes no pod.
        allocatable: ResourceList,
    },
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// The taint's key.
    pub key: LabelKey,
    /// The taint's value; empty if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaintEffect {
    /// No new pod is placed.
    NoSchedule,
    /// New pods are placed only for want of better.
    PreferNoSchedule,
    /// No new pod is placed, and running ones are evicted.
    NoExecute,
}

/// One node that a pool declares. See [`super::EnvironmentSpec::declared_nodes`] for the naming convention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredNode {
    /// The node's name: the pool's, `-`, and an index from 1.
    pub name: String,
    /// The pool that it belongs to.
    pub pool: String,
    /// The provider's name for the machine.
    pub instance_type: Option<String>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All taints.
    pub taints: Vec<Taint>,
    /// What pods may use.
    pub allocatable: ResourceList,
}

/// Why a pool is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodePoolError {
    /// A name that gives no valid node names.
    #[error("`{0}` is no name for a node pool: write lower-case letters, digits and `-`, at most 58")]
    Name(String),
    /// Two ways to say the same.
    #[error(
        "node pool `{0}` gives both allocatable and reservations: give one, allocatable is capacity minus reservations"
    )]
    AllocatableAndReservations(String),
    /// Nothing to take reservations from.
    #[error("node pool `{0}` gives reservations without capacity: add capacity, or give allocatable in their place")]
    ReservationsWithoutCapacity(String),
    /// More taken away than there is.
    #[error(
        "node pool `{pool}` reserves more {resource} than its capacity: lower the reservation or correct the capacity"
    )]
    ReservationOverCapacity {
        /// The pool.
        pool: String,
        /// The resource.
        resource: String,
    },
    /// More given to pods than there is.
    #[error(
        "node pool `{pool}` has more allocatable {resource} than capacity: lower allocatable or correct the capacity"
    )]
    AllocatableOverCapacity {
        /// The pool.
        pool: String,
        /// The resource.
        resource: String,
    },
    /// A size without the number of pods, which Kubernetes always has.
    #[error("node pool `{pool}` gives no {resource}: add it to capacity or allocatable")]
    MissingResource {
        /// The pool.
        pool: String,
        /// The resource.
        resource: &'static str,
    },
    /// Autoscaling limits in the wrong order.
    #[error("node pool `{0}` must have min ≤ count ≤ max: correct one of them")]
    CountOutOfRange(String),
}

/// A pool as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnvalidatedNodePool {
    name: String,
    #[serde(default = "one")]
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<ResourceList>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allocatable: Option<ResourceList>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reservations: Option<ResourceList>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<LabelKey, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taints: Vec<Taint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
}

const fn one() -> u32 {
    1
}

fn is_pool_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 58
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn minus_reservations(
    pool: &str,
    capacity: &ResourceList,
    reservations: &ResourceList,
) -> Result<ResourceList, NodePoolError> {
    let over = |resource: &str| NodePoolError::ReservationOverCapacity {
        pool: pool.to_owned(),
        resource: resource.to_owned(),
    };
    let mut allocatable = capacity.clone();
    for (resource, reserved) in reservations {
        let amount = allocatable.get_mut(resource).ok_or_else(|| over(resource))?;
        *amount = amount.checked_sub(*reserved).ok_or_else(|| over(resource))?;
    }
    Ok(allocatable)
}

fn within_capacity(pool: &str, allocatable: &ResourceList, capacity: &ResourceList) -> Result<(), NodePoolError> {
    let over = allocatable.iter().find(|(resource, amount)| capacity.get(*resource).is_some_and(|all| *amount > all));
    match over {
        None => Ok(()),
        Some((resource, _)) => {
            Err(NodePoolError::AllocatableOverCapacity { pool: pool.to_owned(), resource: resource.clone() })
        }
    }
}

impl UnvalidatedNodePool {
    fn resources(&self) -> Result<PoolResources, NodePoolError> {
        let name = &self.name;
        let mut allocatable = match (&self.capacity, &self.allocatable, &self.reservations) {
            (_, Some(_), Some(_)) => {
                return Err(NodePoolError::AllocatableAndReservations(name.clone()));
            }
            (None, None, Some(_)) => {
                return Err(NodePoolError::ReservationsWithoutCapacity(name.clone()));
            }
            (None, None, None) => return Ok(PoolResources::Undeclared),
            (_, Some(allocatable), None) => allocatable.clone(),
            (Some(capacity), None, None) => capacity.clone(),
            (Some(capacity), None, Some(reservations)) => minus_reservations(name, capacity, reservations)?,
        };
        if let Some(capacity) = &self.capacity {
            within_capacity(name, &allocatable, capacity)?;
        }
        if let Some(resource) = ["cpu", "memory"].into_iter().find(|resource| !allocatable.contains_key(*resource)) {
            return Err(NodePoolError::MissingResource { pool: name.clone(), resource });
        }
        if let Ok(default_pods) = Quantity::try_from("110") {
            allocatable.entry("pods".to_owned()).or_insert(default_pods);
        }
        Ok(PoolResources::Declared { capacity: self.capacity.clone(), allocatable })
    }
}

impl TryFrom<UnvalidatedNodePool> for NodePool {
    type Error = NodePoolError;

    fn try_from(pool: UnvalidatedNodePool) -> Result<Self, Self::Error> {
        if !is_pool_name(&pool.name) {
            return Err(NodePoolError::Name(pool.name));
        }
        let resources = pool.resources()?;
        let (min, max) = (pool.min.unwrap_or(pool.count), pool.max.unwrap_or(pool.count));
        if min > pool.count || pool.count > max {
            return Err(NodePoolError::CountOutOfRange(pool.name));
        }
        Ok(Self {
            name: pool.name,
            count: pool.count,
            min,
            max,
            instance_type: pool.instance_type,
            resources,
            labels: pool.labels,
            taints: pool.taints,
            zone: pool.zone,
        })
    }
}

impl From<NodePool> for UnvalidatedNodePool {
    fn from(pool: NodePool) -> Self {
        let (capacity, allocatable) = match pool.resources {
            PoolResources::Undeclared => (None, None),
            PoolResources::Declared { capacity, allocatable } => (capacity, Some(allocatable)),
        };
        Self {
            name: pool.name,
            count: pool.count,
            min: (pool.min != pool.count).then_some(pool.min),
            max: (pool.max != pool.count).then_some(pool.max),
            instance_type: pool.instance_type,
            capacity,
            allocatable,
            reservations: None,
            labels: pool.labels,
            taints: pool.taints,
            zone: pool.zone,
        }
    }
}

impl NodePool {
    /// The pool's nodes, by index; none where sizes are not declared.
    pub fn declared_nodes(&self) -> Vec<DeclaredNode> {
        match &self.resources {
            PoolResources::Undeclared => Vec::new(),
            PoolResources::Declared { allocatable, capacity: _ } => {
                (1..=self.count).map(|index| self.declared_node(index, allocatable)).collect()
            }
        }
    }

    /// One of its nodes, for a pool whose number of nodes may change; `None` for another, and where sizes are not declared.
    pub fn autoscaled_node(&self) -> Option<DeclaredNode> {
        match &self.resources {
            PoolResources::Declared { allocatable, capacity: _ } if self.min < self.max => {
                Some(self.declared_node(0, allocatable))
            }
            PoolResources::Declared { .. } | PoolResources::Undeclared => None,
        }
    }

    fn declared_node(&self, index: u32, allocatable: &ResourceList) -> DeclaredNode {
        let name = format!("{}-{index}", self.name);
        let zone = self.zone.iter().map(|zone| (ZONE_LABEL.to_owned(), zone.clone()));
        let instance_type = self.instance_type.iter().map(|of| (INSTANCE_TYPE_LABEL.to_owned(), of.clone()));
        let own = self.labels.iter().map(|(key, value)| (key.to_string(), value.clone()));
        let hostname = (HOSTNAME_LABEL.to_owned(), name.clone());
        DeclaredNode {
            labels: zone.chain(instance_type).chain(own).chain([hostname]).collect(),
            name,
            pool: self.name.clone(),
            instance_type: self.instance_type.clone(),
            taints: self.taints.clone(),
            allocatable: allocatable.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pool(value: Value) -> Result<NodePool, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_pool_expands_to_named_labelled_nodes() {
        let workers = pool(json!({"name": "worker", "count": 2, "instanceType": "CX31", "zone": "a",
            "labels": {"disk": "ssd", "kubernetes.io/hostname": "ignored"},
            "taints": [{"key": "dedicated", "effect": "NoSchedule"}],
            "capacity": {"cpu": 4, "memory": "7800Mi"}, "reservations": {"cpu": "200m", "memory": "800Mi"}}))
        .unwrap();
        let nodes = workers.declared_nodes();
        assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["worker-1", "worker-2"]);
        let labels: Vec<_> = nodes[1].labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            labels,
            [
                "disk=ssd",
                "kubernetes.io/hostname=worker-2",
                "node.kubernetes.io/instance-type=CX31",
                "topology.kubernetes.io/zone=a"
            ]
        );
        assert_eq!(
            serde_json::to_value(&nodes[0].allocatable).unwrap(),
            json!({"cpu": "3800m", "memory": "7000Mi", "pods": "110"})
        );
        assert_eq!(nodes[0].taints.len(), 1);
    }

    #[test]
    fn a_pool_without_sizes_only_prices() {
        let priced = pool(json!({"name": "worker", "count": 3, "instanceType": "CX31"})).unwrap();
        assert_eq!((priced.resources.clone(), priced.declared_nodes()), (PoolResources::Undeclared, vec![]));
    }

    #[test]
    fn contradictions_say_what_to_do() {
        let sizes = json!({"cpu": "1", "memory": "1Gi"});
        for (value, part) in [
            (json!({"name": "a", "capacity": sizes, "allocatable": sizes, "reservations": {}}), "give one"),
            (json!({"name": "a", "reservations": sizes}), "add capacity"),
            (json!({"name": "a", "capacity": sizes, "reservations": {"cpu": "2"}}), "reserves more cpu"),
            (
                json!({"name": "a", "capacity": sizes, "allocatable": {"cpu": "2", "memory": "1Gi"}}),
                "more allocatable cpu",
            ),
            (json!({"name": "a", "capacity": {"cpu": "1"}}), "gives no memory"),
            (json!({"name": "a", "count": 3, "max": 2}), "min ≤ count ≤ max"),
            (json!({"name": "Worker"}), "lower-case"),
        ] {
            let error = pool(value).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
