//! What counts as absent: Go cannot tell an empty text or a zero from a field that is not there.

/// Sets a text that is absent or empty.
pub(super) fn text(field: &mut Option<String>, default: &str) {
    if field.as_deref().is_none_or(str::is_empty) {
        *field = Some(default.to_owned());
    }
}

/// Sets a number that is absent or zero.
pub(super) fn number(field: &mut Option<i32>, default: i32) {
    if field.is_none_or(|number| number == 0) {
        *field = Some(default);
    }
}

/// Sets what is absent; a zero or an empty text that was written stays.
pub(super) fn pointer<T>(field: &mut Option<T>, default: impl Into<T>) {
    if field.is_none() {
        *field = Some(default.into());
    }
}

/// The items of a list that may be absent.
pub(super) fn items<T>(list: &mut Option<Vec<T>>) -> impl Iterator<Item = &mut T> {
    list.iter_mut().flatten()
}
