//! The table, with the same keys and indexes as in `template.yaml`.

use dynoxide::Database;
use serde_json::{Value, json};

use crate::error::EmbeddedError;

/// The name of the table.
pub const TABLE: &str = "firebell";

/// Whether changes are recorded on the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Changes are recorded for the relay.
    Stream,
    /// Changes are not recorded: nobody reads the stream of a replica.
    Nothing,
}

/// Creates the table if it is missing.
pub(crate) fn ensure(db: &Database, recording: Recording) -> Result<(), EmbeddedError> {
    let present =
        db.get_table_metadata(TABLE).map_err(EmbeddedError::database("reading the table's definition"))?;
    if present.is_some() {
        return Ok(());
    }
    let request =
        serde_json::from_value(definition(recording)).expect("the definition below is a CreateTable request");
    db.create_table(request).map_err(EmbeddedError::database("creating the table"))?;
    Ok(())
}

/// The `CreateTable` request: two keys, two sparse indexes, new images on the stream.
fn definition(recording: Recording) -> Value {
    let names = ["pk", "sk", "lpk", "lsk", "dpk", "dsk"];
    let attributes: Vec<Value> =
        names.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" })).collect();
    let stream = match recording {
        Recording::Stream => json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" }),
        Recording::Nothing => json!({ "StreamEnabled": false }),
    };
    json!({
        "TableName": TABLE,
        "AttributeDefinitions": attributes,
        "KeySchema": keys("pk", "sk"),
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "list",
                "KeySchema": keys("lpk", "lsk"),
                "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["state", "title"] },
            },
            {
                "IndexName": "due",
                "KeySchema": keys("dpk", "dsk"),
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            },
        ],
        "StreamSpecification": stream,
    })
}

/// A hash key and a range key.
fn keys(hash: &str, range: &str) -> Value {
    json!([
        { "AttributeName": hash, "KeyType": "HASH" },
        { "AttributeName": range, "KeyType": "RANGE" },
    ])
}
