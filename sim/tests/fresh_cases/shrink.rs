//! Takes away from a case whatever is not needed.

use serde_json::{Map, Value};

use super::oracle::ask;
use super::{PANIC, Subject, differences};

/// A case without its answer.
pub(super) fn question(subject: &Subject, case: &Value) -> Value {
    let mut question = Map::new();
    question.insert("id".to_owned(), case["id"].clone());
    for field in subject.question {
        question.insert((*field).to_owned(), case[*field].clone());
    }
    Value::Object(question)
}

/// Every way to take one thing away: an object, a field, an item of a list.
fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, inner)| {
                let without = {
                    let mut fields = fields.clone();
                    fields.remove(key);
                    Value::Object(fields)
                };
                let within = smaller(inner).into_iter().map(|smaller| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), smaller);
                    Value::Object(fields)
                });
                std::iter::once(without).chain(within).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => (0..items.len())
            .flat_map(|index| {
                let without = Value::Array([&items[..index], &items[index + 1..]].concat());
                let within = smaller(&items[index]).into_iter().map(move |smaller| {
                    let mut items = items.clone();
                    items[index] = smaller;
                    Value::Array(items)
                });
                std::iter::once(without).chain(within).collect::<Vec<_>>()
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Whole items of the lists that the question consists of: a large cluster becomes small in few steps when they go first.
fn without_items(question: &Value) -> Vec<Value> {
    let fields = question.as_object().unwrap();
    let lists = fields.iter().filter_map(|(key, value)| Some((key, value.as_array()?)));
    let without = lists.flat_map(|(key, items)| {
        (0..items.len()).map(move |index| {
            let mut smaller = question.clone();
            smaller[key] = Value::Array([&items[..index], &items[index + 1..]].concat());
            smaller
        })
    });
    without.collect()
}

/// Takes away from `case` whatever can go without the difference going too.
pub(super) fn smallest(subject: &Subject, case: Value) -> Value {
    // A pod that lacks what every pod has makes the test's own reading panic: another matter.
    let panics = |case: &Value| differences(subject, case) == [PANIC];
    let is_panic = panics(&case);
    let differs =
        |case: &Value| case["error"].is_null() && !differences(subject, case).is_empty() && panics(case) == is_panic;
    let same_shape = |variant: &Value| {
        let mut fields = subject.question.iter();
        fields.all(|field| variant[*field].is_array() == case[*field].is_array() && !variant[*field].is_null())
    };
    let mut smallest = case.clone();
    for variants in [without_items, |question: &Value| smaller(question)] {
        loop {
            let of_question = question(subject, &smallest);
            let variants: Vec<Value> = variants(&of_question).into_iter().filter(same_shape).collect();
            let answered = ask(subject.answer, &variants);
            match answered.into_iter().filter(differs).min_by_key(|case| case.to_string().len()) {
                Some(smaller) => smallest = smaller,
                None => break,
            }
        }
    }
    smallest
}
