//! A Kubernetes object with its tree, its place, and its typed form where the kind is built in.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::api::group_of;
use super::field_path::FieldPath;
use super::node::{Located, Node};
use super::scheduler_configuration::SchedulerFile;
use super::source::{Place, SourceId};

/// Names an object as people do: `Deployment default/backend`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// `apps/v1`, `v1`.
    pub api_version: Arc<str>,
    /// `Deployment`.
    pub kind: Arc<str>,
    /// The namespace; `None` for cluster-scoped kinds. `default` where a namespaced object names none.
    pub namespace: Option<Arc<str>>,
    /// The name; `generateName` with a `*` behind it where there is no name.
    pub name: Arc<str>,
}

/// What makes two objects the same one in a cluster: group, kind, namespace, name.
pub(super) type Identity<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

impl ObjectReference {
    /// What makes it the same object as another; `None` without a name of its own (`generateName`).
    pub(super) fn identity(&self) -> Option<Identity<'_>> {
        let is_named = !self.name.is_empty() && !self.name.ends_with('*');
        is_named.then(|| (group_of(&self.api_version), &*self.kind, self.namespace.as_deref(), &*self.name))
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_lowercase();
        match &self.namespace {
            Some(namespace) => write!(formatter, "{kind}/{namespace}/{}", self.name),
            None => write!(formatter, "{kind}/{}", self.name),
        }
    }
}

/// Names one object in an [`Inventory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

/// A Kubernetes object that was read.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub reference: ObjectReference,
    /// Its tree, as written.
    pub root: Node,
    /// The source it stands in.
    pub source: SourceId,
    /// The typed form with the API server's defaults, where the kind is built in and decoding succeeded.
    pub typed: super::typed::Typed,
}

impl Object {
    /// Where a finding on `path` of this object is shown; see [`Node::locate`].
    #[must_use]
    pub fn locate(&self, path: &FieldPath) -> (Place, Located) {
        let located = self.root.locate(path);
        (Place { source: self.source, span: located.span }, located)
    }
}

/// Every object of one run, in reading order. Copies share the objects.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    objects: Arc<Vec<Object>>,
    /// What was said of the cluster's scheduler beside the objects.
    scheduler: Option<Arc<SchedulerFile>>,
}

impl Inventory {
    /// The configuration of the cluster's scheduler; `None`: its defaults.
    #[must_use]
    pub const fn scheduler(&self) -> Option<&Arc<SchedulerFile>> {
        self.scheduler.as_ref()
    }

    /// The same objects in a cluster whose scheduler is configured so.
    pub fn set_scheduler(&mut self, scheduler: Option<Arc<SchedulerFile>>) {
        self.scheduler = scheduler;
    }

    /// Adds an object and gives its id.
    pub fn add(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(u32::try_from(self.objects.len()).unwrap_or(u32::MAX));
        Arc::make_mut(&mut self.objects).push(object);
        id
    }

    /// The object named `id`.
    ///
    /// # Panics
    /// Never for an id that this inventory gave.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> &Object {
        &self.objects[id.0 as usize]
    }

    /// All objects with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.objects
            .iter()
            .enumerate()
            .map(|(index, object)| (ObjectId(u32::try_from(index).unwrap_or(u32::MAX)), object))
    }

    /// The objects that are in the cluster once all are applied in reading order: of several with the same group, kind,
    /// namespace and name the last one.
    pub fn applied(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        let last: HashMap<Identity<'_>, ObjectId> =
            self.iter().filter_map(|(id, object)| Some((object.reference.identity()?, id))).collect();
        self.iter().filter(move |(id, object)| {
            object.reference.identity().is_none_or(|identity| last.get(&identity).is_none_or(|last| last == id))
        })
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}
