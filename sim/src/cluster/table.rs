//! Objects by their ids. A copy shares everything with its original until one of the two changes.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut, Index};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::labels::{LabelSelector, Labels};
use super::name::Symbol;

/// Where an object of a [`Table`] is found beside its id.
pub trait Placed: Clone {
    /// What it is found by.
    type Place: Clone + Ord + Debug;

    /// Everything that it is found by.
    fn places(&self) -> Vec<Self::Place>;
}

/// Where an object is found that selects pods by their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SelectorPlace {
    namespace: Symbol,
    /// A label that every selected pod has, where the selector names one.
    label: Option<(Symbol, Symbol)>,
}

impl SelectorPlace {
    /// Where something in `namespace` with this selector is found.
    #[must_use]
    pub fn of(namespace: Symbol, selector: &LabelSelector) -> Self {
        Self { namespace, label: selector.only_value() }
    }

    /// Every place at which something may be found that selects a pod of `namespace` with `labels`.
    pub fn of_pod(namespace: Symbol, labels: &Labels) -> impl Iterator<Item = Self> + '_ {
        let of_labels = labels.iter().map(Some);
        std::iter::once(None).chain(of_labels).map(move |label| Self { namespace, label })
    }
}

/// Objects in the order of their ids, found by their places too.
#[derive(Clone, Debug)]
pub struct Table<K: Ord, V: Placed> {
    all: OrdMap<K, Arc<V>>,
    by_place: OrdMap<V::Place, OrdSet<K>>,
}

impl<K: Ord, V: Placed> Default for Table<K, V> {
    fn default() -> Self {
        Self { all: OrdMap::new(), by_place: OrdMap::new() }
    }
}

impl<K: Copy + Ord, V: Placed> Table<K, V> {
    /// Whether both are one and the same copy.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        (self.is_empty() && other.is_empty()) || self.all.ptr_eq(&other.all)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The object of this id.
    #[must_use]
    pub fn get(&self, id: &K) -> Option<&V> {
        self.all.get(id).map(|object| &**object)
    }

    /// The object of this id, with the table's own id.
    #[must_use]
    pub fn get_key_value(&self, id: &K) -> Option<(&K, &V)> {
        self.all.get_key_value(id).map(|(id, object)| (id, &**object))
    }

    /// Whether there is an object of this id.
    #[must_use]
    pub fn contains_key(&self, id: &K) -> bool {
        self.all.contains_key(id)
    }

    /// All objects with their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.all.iter().map(|(id, object)| (id, &**object))
    }

    /// The ids.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.all.keys()
    }

    /// The objects without their ids.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.all.values().map(|object| &**object)
    }

    /// The object with the largest id.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.all.get_max().map(|(id, object)| (id, &**object))
    }

    /// The objects at a place, in the order of their ids.
    pub fn at(&self, place: V::Place) -> impl Iterator<Item = (K, &V)> {
        let ids = self.by_place.get(&place).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.get(id)?)))
    }

    /// Adds or replaces an object.
    pub fn insert(&mut self, id: K, object: V) {
        let places = object.places();
        if let Some(before) = self.all.insert(id, Arc::new(object)) {
            leave(&mut self.by_place, id, &before.places());
        }
        enter(&mut self.by_place, id, places);
    }

    /// Takes an object away.
    pub fn remove(&mut self, id: &K) -> Option<V> {
        let object = self.all.remove(id)?;
        leave(&mut self.by_place, *id, &object.places());
        Some(Arc::unwrap_or_clone(object))
    }

    /// All objects, in the order of their ids.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.all.into_iter().map(|(_, object)| Arc::unwrap_or_clone(object))
    }

    /// The object of this id, to be changed.
    pub fn get_mut(&mut self, id: &K) -> Option<ObjectMut<'_, K, V>> {
        let object = Arc::make_mut(self.all.get_mut(id)?);
        let before = object.places();
        Some(ObjectMut { id: *id, object, before, by_place: &mut self.by_place })
    }

    /// Changes the object of this id, if there is one.
    pub fn change(&mut self, id: &K, change: impl FnOnce(&mut V)) {
        if let Some(mut object) = self.get_mut(id) {
            change(&mut object);
        }
    }

    /// The first object that is `wanted`, to be changed.
    pub fn find_mut(&mut self, mut wanted: impl FnMut(&V) -> bool) -> Option<ObjectMut<'_, K, V>> {
        let id = self.iter().find(|(_, object)| wanted(object)).map(|(id, _)| *id)?;
        self.get_mut(&id)
    }

    /// Changes every object.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(K, &mut V)) {
        let ids: Vec<K> = self.all.keys().copied().collect();
        for id in ids {
            if let Some(mut object) = self.get_mut(&id) {
                change(id, &mut object);
            }
        }
    }

    /// Keeps the objects that `keep` wants to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(K, &V) -> bool) {
        let gone: Vec<K> = self.iter().filter(|(id, object)| !keep(**id, object)).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(&id);
        }
    }
}

fn enter<K: Copy + Ord, P: Clone + Ord>(by_place: &mut OrdMap<P, OrdSet<K>>, id: K, places: Vec<P>) {
    for place in places {
        by_place.entry(place).or_default().insert(id);
    }
}

fn leave<K: Copy + Ord, P: Clone + Ord>(by_place: &mut OrdMap<P, OrdSet<K>>, id: K, places: &[P]) {
    for place in places {
        let Some(ids) = by_place.get_mut(place) else { continue };
        ids.remove(&id);
        if ids.is_empty() {
            by_place.remove(place);
        }
    }
}

impl<K: Copy + Ord, V: Placed> Extend<(K, V)> for Table<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, objects: T) {
        for (id, object) in objects {
            self.insert(id, object);
        }
    }
}

impl<K: Copy + Ord, V: Placed> Index<&K> for Table<K, V> {
    type Output = V;

    #[expect(clippy::indexing_slicing, reason = "what an index of a map does")]
    fn index(&self, id: &K) -> &V {
        &self.all[id]
    }
}

/// An object that is being changed. At its end it is found where it then is.
#[derive(Debug)]
pub struct ObjectMut<'a, K: Copy + Ord, V: Placed> {
    id: K,
    object: &'a mut V,
    before: Vec<V::Place>,
    by_place: &'a mut OrdMap<V::Place, OrdSet<K>>,
}

impl<K: Copy + Ord, V: Placed> Deref for ObjectMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.object
    }
}

impl<K: Copy + Ord, V: Placed> DerefMut for ObjectMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.object
    }
}

impl<K: Copy + Ord, V: Placed> Drop for ObjectMut<'_, K, V> {
    fn drop(&mut self) {
        let places = self.object.places();
        if self.before != places {
            leave(self.by_place, self.id, &self.before);
            enter(self.by_place, self.id, places);
        }
    }
}
