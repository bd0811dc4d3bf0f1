//! The entries of mappings, the items of sequences, and variants. This is where decoding recovers: a value that fails
//! is reported and decoded again as if it were absent.

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, StrDeserializer},
};

use crate::manifest::{Entry, FieldPath, Node, Span, Value};

use super::deserializer::{Input, NodeDeserializer};
use super::failure::Failure;
use super::link::{Context, Link, NullItem};

/// What is known of the keys of a mapping.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    /// Any key may stand there.
    Any,
    /// These may, in a struct of this name.
    Fields(&'static str, &'static [&'static str]),
}

impl Keys {
    const fn holder(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Fields(name, _) => name,
        }
    }

    /// Whether this is an object or an object inside another: its `apiVersion` and `kind` are read before it is
    /// decoded.
    fn is_object(self) -> bool {
        match self {
            Self::Any => false,
            Self::Fields(_, fields) => fields.starts_with(&["apiVersion", "kind"]) && fields.contains(&"metadata"),
        }
    }
}

/// Decodes `node`, at `link`; what fails is reported. `None`: not even an absent value stands in for it.
pub(super) fn recover<'de, V: Deserialize<'de>>(
    node: &'de Node,
    key_span: Option<Span>,
    link: &Link<'_>,
    context: &Context,
) -> Option<V> {
    // A pass that met a value which nothing can stand in for stopped there: the next pass goes without it, so that what
    // comes behind it is read too. Each pass leaves out one value more.
    let failure = loop {
        let abandoned = context.abandoned.borrow().len();
        match V::deserialize(NodeDeserializer { input: Input::Node(node), link, context }) {
            Ok(value) => return Some(value),
            Err(failure) if context.abandoned.borrow().len() == abandoned => break failure,
            Err(_) => {}
        }
    };
    // Go's base64 skips line breaks; the type's own decoder does not.
    if let (Failure::Invalid(_), Value::String(text)) = (&failure, &node.value)
        && text.contains(['\n', '\r'])
    {
        let joined: String = text.chars().filter(|character| !matches!(character, '\n' | '\r')).collect();
        if let Ok(value) = V::deserialize(NodeDeserializer { input: Input::Text(&joined), link, context }) {
            return Some(value);
        }
    }
    context.report(link, node, key_span, failure);
    V::deserialize(NodeDeserializer { input: Input::Absent, link, context }).ok()
}

/// The entries of a mapping.
pub(super) struct Entries<'de, 'a> {
    pub(super) entries: std::slice::Iter<'de, Entry>,
    pub(super) current: Option<&'de Entry>,
    pub(super) keys: Keys,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
}

impl<'de> Entries<'de, '_> {
    /// The next entry that the type has a place for; others are reported.
    fn advance(&mut self) -> Option<&'de Entry> {
        while let Some(entry) = self.entries.next() {
            let Keys::Fields(name, fields) = self.keys else { return Some(entry) };
            let key: &'de str = &entry.key;
            if !fields.contains(&key) {
                self.context.report_unknown(self.link, key, entry.key_span, fields);
                continue;
            }
            if self.is_object() && matches!(key, "apiVersion" | "kind") {
                // Compared with the type by whoever chose the type; here they only must be texts.
                let link = self.link.key(key, name);
                let _: Option<Option<String>> = recover(&entry.value, Some(entry.key_span), &link, self.context);
                continue;
            }
            if entry.value.value == Value::Null || self.is_abandoned(key) {
                continue;
            }
            return Some(entry);
        }
        None
    }

    /// Whether these are the fields of a Kubernetes object; quorate's own types check their `apiVersion` and `kind` themselves.
    fn is_object(&self) -> bool {
        self.keys.is_object() && self.context.null_item == NullItem::Zero
    }

    fn is_abandoned(&self, key: &str) -> bool {
        let abandoned = self.context.abandoned.borrow();
        !abandoned.is_empty() && abandoned.contains(&self.link.path().key(key))
    }

    fn abandon(&self, path: FieldPath) -> Failure {
        self.context.abandoned.borrow_mut().insert(path);
        Failure::Abandoned
    }
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        self.current = self.advance();
        match self.current {
            Some(entry) => seed.deserialize(BorrowedStrDeserializer::new(&entry.key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some(entry) = self.current.take() else { return Err(Failure::Abandoned) };
        let link = self.link.key(&entry.key, self.keys.holder());
        let deserializer = NodeDeserializer { input: Input::Node(&entry.value), link: &link, context: self.context };
        seed.deserialize(deserializer).map_err(|failure| {
            self.context.report(&link, &entry.value, Some(entry.key_span), failure);
            self.abandon(link.path())
        })
    }

    fn next_value<V: Deserialize<'de>>(&mut self) -> Result<V, Failure> {
        let Some(entry) = self.current.take() else { return Err(Failure::Abandoned) };
        let link = self.link.key(&entry.key, self.keys.holder());
        recover(&entry.value, Some(entry.key_span), &link, self.context).ok_or_else(|| self.abandon(link.path()))
    }

    fn next_entry<K: Deserialize<'de>, V: Deserialize<'de>>(&mut self) -> Result<Option<(K, V)>, Failure> {
        while let Some(entry) = self.advance() {
            let link = self.link.key(&entry.key, self.keys.holder());
            let key = match K::deserialize(BorrowedStrDeserializer::<Failure>::new(&entry.key)) {
                Ok(key) => key,
                Err(failure) => {
                    let node = Node { value: Value::String(entry.key.clone()), span: entry.key_span };
                    self.context.report(&link, &node, None, failure);
                    continue;
                }
            };
            if let Some(value) = recover(&entry.value, Some(entry.key_span), &link, self.context) {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The items of a sequence.
pub(super) struct Items<'de, 'a> {
    pub(super) items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let link = self.link.index(index);
        let deserializer = NodeDeserializer { input: Input::Node(node), link: &link, context: self.context };
        seed.deserialize(deserializer).map(Some).map_err(|failure| {
            self.context.report(&link, node, None, failure);
            Failure::Abandoned
        })
    }

    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Failure> {
        for (index, node) in self.items.by_ref() {
            let link = self.link.index(index);
            if node.value == Value::Null && self.context.null_item == NullItem::Wrong {
                let expected = "a value".to_owned();
                self.context.report(&link, node, None, Failure::WrongType { expected });
                continue;
            }
            if let Some(value) = recover(node, None, &link, self.context) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// No item and no entry: what an absent list or mapping has.
pub(super) struct Nothing;

impl<'de> MapAccess<'de> for Nothing {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Failure> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Failure> {
        Err(Failure::Abandoned)
    }
}

impl<'de> SeqAccess<'de> for Nothing {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, Failure> {
        Ok(None)
    }
}

/// Every field of a struct, one entry of a map, one item of a list: what a type's shape is read from.
pub(super) struct Everything<'a> {
    pub(super) fields: std::slice::Iter<'static, &'static str>,
    pub(super) current: &'static str,
    pub(super) holder: &'static str,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
}

impl<'de> MapAccess<'de> for Everything<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        for field in self.fields.by_ref() {
            if matches!(*field, "apiVersion" | "kind") {
                continue;
            }
            self.current = field;
            let deserializer: StrDeserializer<'_, Failure> = (*field).into_deserializer();
            return seed.deserialize(deserializer).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let link = self.link.key(self.current, self.holder);
        seed.deserialize(NodeDeserializer { input: Input::Everything, link: &link, context: self.context })
    }

    fn next_value<V: Deserialize<'de>>(&mut self) -> Result<V, Failure> {
        let link = self.link.key(self.current, self.holder);
        let deserializer = |input| NodeDeserializer { input, link: &link, context: self.context };
        V::deserialize(deserializer(Input::Everything)).or_else(|_| V::deserialize(deserializer(Input::Absent)))
    }
}

/// One item of which everything is there.
pub(super) struct OneItem<'a> {
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
    pub(super) done: bool,
}

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let link = self.link.index(0);
        seed.deserialize(NodeDeserializer { input: Input::Everything, link: &link, context: self.context }).map(Some)
    }
}

/// A variant of an enum: a string, or a mapping with the variant as its only key.
pub(super) struct Variant<'de, 'a> {
    pub(super) name: &'de str,
    pub(super) content: Option<&'de Entry>,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
}

impl<'de> EnumAccess<'de> for Variant<'de, '_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let value = seed.deserialize(BorrowedStrDeserializer::<Failure>::new(self.name))?;
        Ok((value, self))
    }
}

impl<'de> Variant<'de, '_> {
    fn content<T>(
        self,
        expected: &str,
        read: impl FnOnce(NodeDeserializer<'de, '_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(entry) = self.content else {
            return Err(Failure::WrongType { expected: format!("{} with {expected}", self.name) });
        };
        let link = self.link.key(&entry.key, "");
        let deserializer = NodeDeserializer { input: Input::Node(&entry.value), link: &link, context: self.context };
        read(deserializer).map_err(|failure| {
            self.context.report(&link, &entry.value, Some(entry.key_span), failure);
            Failure::Abandoned
        })
    }
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.content.map(|entry| &entry.value.value) {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Failure::WrongType { expected: format!("{} alone", self.name) }),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        self.content("a value", |deserializer| seed.deserialize(deserializer))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content("a list", |deserializer| serde::Deserializer::deserialize_seq(deserializer, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.content("a mapping", |deserializer| {
            serde::Deserializer::deserialize_struct(deserializer, "a variant", fields, visitor)
        })
    }
}
