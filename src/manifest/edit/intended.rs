//! What a document is to hold after a change.

use serde_json::{Map, Value};

use super::apply::Change;
use crate::manifest::Segment;

/// Makes the change to `value`; `None` where what stands there has no such field and cannot have one.
pub(super) fn change(value: &mut Value, path: &[Segment], change: &Change) -> Option<()> {
    let Some((first, rest)) = path.split_first() else {
        return match change {
            Change::Set(new) => {
                *value = new.clone();
                Some(())
            }
            Change::Append(item) => {
                value.as_array_mut()?.push(item.clone());
                Some(())
            }
            Change::Rename { .. } => None,
        };
    };
    match first {
        Segment::Index(index) => self::change(value.as_array_mut()?.get_mut(*index)?, rest, change),
        Segment::Key(key) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            let object = value.as_object_mut()?;
            if let (Change::Rename { key: new, value }, []) = (change, rest) {
                object.remove(&**key)?;
                object.insert(new.clone(), value.clone());
                return Some(());
            }
            self::change(object.entry(key.to_string()).or_insert(Value::Null), rest, change)
        }
    }
}
