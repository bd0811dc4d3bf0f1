//! The serde deserializer over a node. It reads as Go's JSON decoder does for Kubernetes (`sigs.k8s.io/json`, strict):
//! names of fields as they are written, `null` for absent, numbers only where numbers are wanted.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use serde::de::{DeserializeOwned, Deserializer, Visitor};

use crate::manifest::{Node, Value};

use super::access::{Entries, Everything, Items, Keys, Nothing, OneItem, Variant, recover};
use super::failure::Failure;
use super::link::{Context, Link, NullItem, Quoting};
use super::problem::DecodeProblem;
use super::quantity::parse_quantity;
use super::shape::Shape;
use super::timestamp::{Fraction, is_written_as_timestamp};

/// Decodes one of quorate's own types (`quorate.yaml`, scenarios). Every problem is found; the value is there unless a
/// part that it cannot be without is missing or wrong. Keys that a struct does not have are problems (without `flatten`
/// and untagged enums, which hide their fields from serde); `null` in a list is a forgotten value.
#[must_use]
pub fn decode<T: DeserializeOwned + 'static>(root: &Node) -> (Option<T>, Vec<DecodeProblem>) {
    run(root, &Context::new(NullItem::Wrong, Quoting::Shown))
}

/// Decodes a type of the Kubernetes API as the API server's strict field validation does, and goes on where that
/// stops: every problem is found, and what is wrong is left out of the value. `apiVersion` and `kind` are not compared
/// with the type. The values in `data` and `stringData` of a Secret are in no message.
#[must_use]
pub fn decode_kubernetes<T: DeserializeOwned + 'static>(root: &Node) -> (Option<T>, Vec<DecodeProblem>) {
    let quoting = match root.get("kind").and_then(Node::as_str) {
        Some("Secret") => Quoting::Withheld,
        Some(_) | None => Quoting::Shown,
    };
    run(root, &Context::new(NullItem::Zero, quoting))
}

fn run<T: DeserializeOwned + 'static>(root: &Node, context: &Context) -> (Option<T>, Vec<DecodeProblem>) {
    let decoded = recover(root, None, &Link::ROOT, context);
    let shape = || shape_of::<T>();
    let problems = context.problems.take().into_iter().map(|problem| problem.resolve(&shape)).collect();
    (decoded, problems)
}

/// The shape of `T`, read once: an input with a thousand misspelt fields asks a thousand times.
fn shape_of<T: DeserializeOwned + 'static>() -> Arc<Shape> {
    static SHAPES: LazyLock<RwLock<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(RwLock::default);
    if let Some(shape) = SHAPES.read().ok().and_then(|shapes| shapes.get(&TypeId::of::<T>()).map(Arc::clone)) {
        return shape;
    }
    let context = Context::new(NullItem::Zero, Quoting::Withheld);
    // Whether a value comes out is of no interest: the context has seen the fields.
    let _ = T::deserialize(NodeDeserializer { input: Input::Everything, link: &Link::ROOT, context: &context });
    let shape = Arc::new(context.shape.take());
    if let Ok(mut shapes) = SHAPES.write() {
        shapes.insert(TypeId::of::<T>(), Arc::clone(&shape));
    }
    shape
}

/// What is deserialized.
#[derive(Clone, Copy)]
pub(super) enum Input<'de, 'a> {
    /// What was written.
    Node(&'de Node),
    /// A text that was written in several lines, joined.
    Text(&'a str),
    /// Nothing: in place of a value that failed.
    Absent,
    /// A value that has every field: to learn which there are.
    Everything,
}

/// What stands there, as far as the hint of a type matters.
enum Stands<'de> {
    Value(&'de Value),
    Nothing,
    Everything,
}

/// A value, its place, and what is shared.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'de, 'a> {
    pub(super) input: Input<'de, 'a>,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
}

impl<'de, 'a> NodeDeserializer<'de, 'a> {
    fn stands(&self) -> Stands<'de> {
        match self.input {
            Input::Node(node) => match &node.value {
                Value::Null => Stands::Nothing,
                value => Stands::Value(value),
            },
            Input::Text(_) | Input::Absent => Stands::Nothing,
            Input::Everything => Stands::Everything,
        }
    }

    fn entries(&self, keys: Keys, entries: &'de [crate::manifest::Entry]) -> Entries<'de, 'a> {
        Entries { entries: entries.iter(), current: None, keys, link: self.link, context: self.context }
    }

    fn items(&self, items: &'de [Node]) -> Items<'de, 'a> {
        Items { items: items.iter().enumerate(), link: self.link, context: self.context }
    }

    /// A zero value stands for nothing where Go has it; elsewhere a value is missing.
    fn zero<T>(&self, expected: &str, zero: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        match self.context.null_item {
            NullItem::Zero => zero(),
            NullItem::Wrong => Err(wrong(expected)),
        }
    }

    fn integer<T: TryFrom<i128>>(&self, expected: &str) -> Result<T, Failure> {
        let whole = match self.stands() {
            Stands::Nothing => return self.zero(expected, || T::try_from(0).map_err(|_| wrong(expected))),
            Stands::Everything => 0,
            Stands::Value(Value::Integer(integer)) => *integer,
            Stands::Value(Value::Float(float)) => whole(*float).ok_or_else(|| wrong(expected))?,
            Stands::Value(
                Value::Null | Value::Boolean(_) | Value::String(_) | Value::Sequence(_) | Value::Mapping(_),
            ) => return Err(wrong(expected)),
        };
        T::try_from(whole).map_err(|_| Failure::OutOfRange { expected: expected.to_owned() })
    }

    fn float(&self) -> Result<f64, Failure> {
        match self.stands() {
            Stands::Nothing => self.zero("a number", || Ok(0.0)),
            Stands::Everything => Ok(0.0),
            #[expect(clippy::cast_precision_loss, reason = "a float is what is wanted")]
            Stands::Value(Value::Integer(integer)) => Ok(*integer as f64),
            Stands::Value(Value::Float(float)) if float.is_finite() => Ok(*float),
            Stands::Value(_) => Err(wrong("a number")),
        }
    }

    fn text<T>(&self, expected: &str, borrowed: impl FnOnce(&str) -> Result<T, Failure>) -> Result<T, Failure> {
        if let Input::Text(text) = self.input {
            return borrowed(text);
        }
        match self.stands() {
            Stands::Nothing => self.zero(expected, || borrowed("")),
            Stands::Everything => borrowed(""),
            Stands::Value(Value::String(text)) => borrowed(text),
            Stands::Value(_) => Err(wrong(expected)),
        }
    }

    fn quantity<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let text = match self.stands() {
            Stands::Nothing | Stands::Everything => return visitor.visit_str("0"),
            Stands::Value(Value::String(text)) => text.trim().to_owned(),
            Stands::Value(Value::Integer(integer)) => integer.to_string(),
            Stands::Value(Value::Float(float)) => float.to_string(),
            Stands::Value(Value::Null | Value::Boolean(_) | Value::Sequence(_) | Value::Mapping(_)) => {
                return Err(wrong("a quantity"));
            }
        };
        match parse_quantity(&text) {
            Ok(_) => visitor.visit_string(text),
            Err(error) => Err(Failure::InvalidQuantity(error.to_string())),
        }
    }

    fn timestamp<V: Visitor<'de>>(self, fraction: Fraction, visitor: V) -> Result<V::Value, Failure> {
        let shape = match fraction {
            Fraction::Any => "a time as 2006-01-02T15:04:05Z",
            Fraction::Six => "a time as 2006-01-02T15:04:05.000000Z",
        };
        match self.stands() {
            Stands::Nothing | Stands::Everything => Err(Failure::Abandoned),
            Stands::Value(Value::String(text)) if is_written_as_timestamp(text, fraction) => {
                visitor.visit_newtype_struct(self).map_err(|_| Failure::Invalid(format!("expected {shape}")))
            }
            Stands::Value(Value::String(_)) => Err(Failure::Invalid(format!("expected {shape}"))),
            Stands::Value(_) => Err(wrong(shape)),
        }
    }
}

fn wrong(expected: &str) -> Failure {
    Failure::WrongType { expected: expected.to_owned() }
}

/// A float as the whole number that YAML's conversion to JSON writes for it: `3.0` becomes `3`, up to 10²¹.
fn whole(float: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    (float.fract() == 0.0 && float.abs() < 1e21).then_some(float as i128)
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            visitor.$visit(self.integer::<$integer>($expected)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de, '_> {
    type Error = Failure;

    integers! {
        deserialize_i8 visit_i8 i8, "an integer from -128 to 127";
        deserialize_i16 visit_i16 i16, "an integer from -32768 to 32767";
        deserialize_i32 visit_i32 i32, "an integer (32 bits)";
        deserialize_i64 visit_i64 i64, "an integer (64 bits)";
        deserialize_i128 visit_i128 i128, "an integer";
        deserialize_u8 visit_u8 u8, "an integer from 0 to 255";
        deserialize_u16 visit_u16 u16, "an integer from 0 to 65535";
        deserialize_u32 visit_u32 u32, "an integer from 0 (32 bits)";
        deserialize_u64 visit_u64 u64, "an integer from 0 (64 bits)";
        deserialize_u128 visit_u128 u128, "an integer from 0";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Input::Text(text) = self.input {
            return visitor.visit_str(text);
        }
        let value = match self.stands() {
            Stands::Nothing | Stands::Everything => return visitor.visit_unit(),
            Stands::Value(value) => value,
        };
        let integer = match value {
            Value::Null => return visitor.visit_unit(),
            Value::Boolean(boolean) => return visitor.visit_bool(*boolean),
            Value::String(text) => return visitor.visit_borrowed_str(text),
            Value::Sequence(items) => return visitor.visit_seq(self.items(items)),
            Value::Mapping(entries) => return visitor.visit_map(self.entries(Keys::Any, entries)),
            Value::Integer(integer) => *integer,
            Value::Float(float) => match whole(*float) {
                Some(integer) => integer,
                None => return visitor.visit_f64(*float),
            },
        };
        match (i64::try_from(integer), u64::try_from(integer)) {
            (Ok(signed), _) => visitor.visit_i64(signed),
            (Err(_), Ok(unsigned)) => visitor.visit_u64(unsigned),
            #[expect(clippy::cast_precision_loss, reason = "Go also reads larger numbers as floats")]
            (Err(_), Err(_)) => visitor.visit_f64(integer as f64),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.stands() {
            Stands::Nothing => {
                let zero = self.zero("a boolean", || Ok(false))?;
                visitor.visit_bool(zero)
            }
            Stands::Everything => visitor.visit_bool(false),
            Stands::Value(Value::Boolean(boolean)) => visitor.visit_bool(*boolean),
            Stands::Value(_) => Err(wrong("a boolean")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.text("a string", |text| visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.text("a string", |text| visitor.visit_bytes(text.as_bytes()))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.input {
            Input::Node(Node { value: Value::Null, .. }) | Input::Absent => visitor.visit_none(),
            Input::Node(_) | Input::Text(_) | Input::Everything => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.stands() {
            Stands::Nothing | Stands::Everything => visitor.visit_unit(),
            Stands::Value(_) => Err(wrong("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        match name {
            "Quantity" => self.quantity(visitor),
            "Time" => self.timestamp(Fraction::Any, visitor),
            "MicroTime" => self.timestamp(Fraction::Six, visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.stands() {
            Stands::Nothing => visitor.visit_seq(Nothing),
            Stands::Everything => visitor.visit_seq(OneItem { link: self.link, context: self.context, done: false }),
            Stands::Value(Value::Sequence(items)) => visitor.visit_seq(self.items(items)),
            Stands::Value(_) => Err(wrong("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.stands() {
            Stands::Nothing => visitor.visit_map(Nothing),
            Stands::Everything => visitor.visit_map(Everything {
                fields: ["*"].iter(),
                current: "*",
                holder: "",
                link: self.link,
                context: self.context,
            }),
            Stands::Value(Value::Mapping(entries)) => visitor.visit_map(self.entries(Keys::Any, entries)),
            Stands::Value(_) => Err(wrong("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.stands() {
            Stands::Nothing => visitor.visit_map(Nothing),
            Stands::Everything if self.link.lies_in(name) => visitor.visit_map(Nothing),
            Stands::Everything => {
                self.context.shape.borrow_mut().add(self.link.shape_steps(), fields);
                let (link, context) = (self.link, self.context);
                visitor.visit_map(Everything { fields: fields.iter(), current: "", holder: name, link, context })
            }
            Stands::Value(Value::Mapping(entries)) => {
                visitor.visit_map(self.entries(Keys::Fields(name, fields), entries))
            }
            Stands::Value(_) => Err(wrong("a mapping")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let (name, content): (&'de str, _) = match self.stands() {
            Stands::Value(Value::String(text)) => (text, None),
            Stands::Value(Value::Mapping(entries)) => match entries.as_slice() {
                [entry] => (&entry.key, Some(entry)),
                _ => return Err(wrong(&format!("one key of {}", variants.join(", ")))),
            },
            Stands::Nothing | Stands::Everything | Stands::Value(_) => {
                return Err(Failure::UnknownVariant { known: variants });
            }
        };
        if !variants.contains(&name) {
            return Err(Failure::UnknownVariant { known: variants });
        }
        visitor.visit_enum(Variant { name, content, link: self.link, context: self.context })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
