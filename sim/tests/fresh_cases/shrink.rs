//! Takes away from a case whatever is not needed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::oracle::Oracle;
use super::{Subject, differences};

/// A case without its answer.
pub(super) fn question(subject: &Subject, case: &Value) -> Value {
    let mut question = Map::new();
    question.insert("id".to_owned(), case["id"].clone());
    for field in subject.question {
        question.insert((*field).to_owned(), case[*field].clone());
    }
    Value::Object(question)
}

/// What differs, wherever it does: the first line of each difference, without the number of the step.
fn kinds(subject: &Subject, case: &Value) -> BTreeSet<String> {
    let kind = |difference: String| {
        let line = difference.lines().next().unwrap_or_default();
        let of_step = line.strip_prefix("step ").and_then(|rest| rest.split_once(": "));
        of_step.map_or(line, |(_, kind)| kind).to_owned()
    };
    differences(subject, case).into_iter().map(kind).collect()
}

/// Takes away from `case` whatever can go without the difference going too.
pub(super) fn smallest(subject: &Subject, case: &Value) -> Value {
    // Something else that differs is another matter: a pod that lacks what every pod has makes the test's own reading panic.
    let wanted = kinds(subject, case);
    let mut oracle = Oracle::new(subject.answer);
    let mut smallest = question(subject, case);
    let mut try_without = |smallest: &mut Value, variant: Value| {
        let answered = oracle.ask(&variant);
        let differs = answered["error"].is_null() && !kinds(subject, &answered).is_disjoint(&wanted);
        if differs {
            *smallest = variant;
        }
        differs
    };
    for field in subject.question.iter().filter(|field| case[**field].is_array()) {
        shorten(&mut smallest, field, &mut try_without);
    }
    loop {
        let mut taken = false;
        for field in subject.question {
            let mut number = 0;
            while let Some(smaller) = without(&smallest[*field], &mut number.clone()) {
                let mut variant = smallest.clone();
                variant[*field] = smaller;
                if try_without(&mut smallest, variant) {
                    taken = true;
                } else {
                    number += 1;
                }
            }
        }
        if !taken {
            return oracle.ask(&smallest);
        }
    }
}

/// Takes away as many items at once as can go: a half, a quarter, and so on, down to two.
fn shorten(smallest: &mut Value, field: &str, try_without: &mut impl FnMut(&mut Value, Value) -> bool) {
    let mut size = smallest[field].as_array().unwrap().len() / 2;
    while size > 1 {
        let mut start = 0;
        while start + size <= smallest[field].as_array().unwrap().len() {
            let mut variant = smallest.clone();
            variant[field].as_array_mut().unwrap().drain(start..start + size);
            if !try_without(smallest, variant) {
                start += size;
            }
        }
        size /= 2;
    }
}

/// `value` without its part of this number, where what contains others comes before these; `None` where there are fewer. Then
/// the number is less by all that were counted.
fn without(value: &Value, number: &mut usize) -> Option<Value> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, inner)| {
            if *number == 0 {
                let mut fields = fields.clone();
                fields.remove(key);
                return Some(Value::Object(fields));
            }
            *number -= 1;
            let smaller = without(inner, number)?;
            let mut fields = fields.clone();
            fields.insert(key.clone(), smaller);
            Some(Value::Object(fields))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, inner)| {
            let mut items = items.clone();
            if *number == 0 {
                items.remove(index);
                return Some(Value::Array(items));
            }
            *number -= 1;
            items[index] = without(inner, number)?;
            Some(Value::Array(items))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
