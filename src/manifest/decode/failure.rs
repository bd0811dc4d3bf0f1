//! The error that travels through serde between a value and the entry that holds it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// Why a value could not be decoded. It never leaves this module: the entry or item that holds the value turns it into
/// a problem with a path and a place.
#[derive(Debug)]
pub(super) enum Failure {
    /// A value of another type stands there.
    WrongType {
        /// What is wanted, with its article.
        expected: String,
    },
    /// A number that does not fit.
    OutOfRange {
        /// What is wanted, with its article.
        expected: String,
    },
    /// The value is of the right type and yet not valid.
    Invalid(String),
    /// A quantity that does not parse.
    InvalidQuantity(String),
    /// A field that must be there is not.
    Missing(&'static str),
    /// The value is none of those that are known.
    UnknownVariant {
        /// The known ones.
        known: &'static [&'static str],
    },
    /// Everything there is to say was said, and nothing can stand in for the value.
    Abandoned,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType { expected } | Self::OutOfRange { expected } => write!(formatter, "expected {expected}"),
            Self::Invalid(message) | Self::InvalidQuantity(message) => formatter.write_str(message),
            Self::Missing(field) => write!(formatter, "missing field {field}"),
            Self::UnknownVariant { known } => write!(formatter, "expected one of {}", known.join(", ")),
            Self::Abandoned => formatter.write_str("not decodable"),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        // base64's own words count symbols of what may be a secret.
        let is_base64 = ["Invalid symbol", "Invalid input length", "Invalid last symbol", "Invalid padding"];
        if is_base64.iter().any(|start| message.starts_with(start)) {
            return Self::Invalid("is not base64; a Secret takes plain text under stringData".to_owned());
        }
        Self::Invalid(message)
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::WrongType { expected: in_plain_words(&expected.to_string()) }
    }

    // `invalid_value` quotes the value; a Secret's must not be quoted, so only what is wanted is kept.
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::OutOfRange { expected: in_plain_words(&expected.to_string()) }
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownVariant { known }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// What k8s-openapi's visitors call themselves, in words that a reader of manifests knows.
fn in_plain_words(expected: &str) -> String {
    match expected {
        "IntOrString" => "an integer or a string".to_owned(),
        "JSONSchemaPropsOrBool" => "a schema or a boolean".to_owned(),
        "JSONSchemaPropsOrArray" => "a schema or a list of schemas".to_owned(),
        "JSONSchemaPropsOrStringArray" => "a schema or a list of strings".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other => other.strip_prefix("struct ").map_or_else(|| other.to_owned(), |_| "a mapping".to_owned()),
    }
}
