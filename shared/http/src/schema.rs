//! Types that request and reply bodies share, and the schemas from which the API's description is made.
//!
//! Each body is a struct with `JsonSchema`. A test writes `openapi.json` from these structs. A type whose name ends with
//! `View` is described without that ending: `SeverityView` is the schema `Severity`.

use std::borrow::Cow;

use domain::Timestamp;
use machine::State;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// The names of all states of a machine.
pub(crate) fn state_names<S: State>() -> Vec<&'static str> {
    S::ALL.iter().map(|state| state.name()).collect()
}

/// The schema of a request or reply body. It is empty unless the feature `description` is on, so that no function holds
/// the code that writes schemas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodySchema {
    /// Writes the schema.
    #[cfg(feature = "description")]
    pub(crate) write: fn(&mut SchemaGenerator) -> Schema,
}

impl BodySchema {
    /// The schema of a type, written where the body stands.
    pub(crate) const fn inline<T: JsonSchema>() -> Self {
        Self {
            #[cfg(feature = "description")]
            write: T::json_schema,
        }
    }

    /// The schema of a type, written once under its name.
    pub(crate) const fn named<T: JsonSchema>() -> Self {
        Self {
            #[cfg(feature = "description")]
            write: SchemaGenerator::subschema_for::<T>,
        }
    }
}

/// A time in RFC 3339.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(pub(crate) Timestamp);

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The id of an object, in a path or in a body.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T> JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// A list that is always empty, because Firebell does not have such objects yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EmptyList;

impl Serialize for EmptyList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(std::iter::empty::<()>())
    }
}

impl JsonSchema for EmptyList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EmptyList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": {} })
    }
}
