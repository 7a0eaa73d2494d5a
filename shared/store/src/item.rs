//! Items: maps of attributes, converted by serde.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use crate::error::StoreError;
use crate::table::{Key, PK, SCHEMA, SK};

/// An item of the database.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The schema number that this version writes.
const CURRENT: u16 = 1;

/// A string attribute.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Writes a value as an item at a key.
pub(crate) fn write(kind: &'static str, key: &Key, value: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = to_item(value).map_err(|error| StoreError::item(kind, error))?;
    item.insert(PK.to_owned(), s(&key.pk));
    item.insert(SK.to_owned(), s(&key.sk));
    item.insert(SCHEMA.to_owned(), n(CURRENT));
    Ok(item)
}

/// Reads a value of an item.
pub(crate) fn read<T: DeserializeOwned>(kind: &'static str, item: Item) -> Result<T, StoreError> {
    from_item(item).map_err(|error| StoreError::item(kind, error))
}

/// The key as attributes.
pub(crate) fn key_item(key: &Key) -> Item {
    Item::from([(PK.to_owned(), s(&key.pk)), (SK.to_owned(), s(&key.sk))])
}
