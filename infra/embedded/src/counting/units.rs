//! The capacity units of one call: asked for, read from the response, and removed from it again.

use serde_json::{Map, Value};

use super::{UnitKind, UnitTarget};
use crate::call::AwsResponse;

const CAPACITY: &str = "ReturnConsumedCapacity";
const ON_FAILURE: &str = "ReturnValuesOnConditionCheckFailure";
/// Writes of a transaction are charged twice.
const TRANSACTIONAL: f64 = 2.0;

/// A request that asks for its units and, if its condition fails, for the item that made it fail.
pub(super) struct MeteredRequest {
    operation: String,
    request: Map<String, Value>,
    body: Vec<u8>,
    /// How the caller asked for units; `None` if it did not.
    capacity: Option<String>,
    /// For each action, whether the caller asked for the item.
    items: Vec<bool>,
}

/// Consumed units: their kind, what they are charged for, and their number.
type ConsumedUnits = (UnitKind, UnitTarget, f64);

impl MeteredRequest {
    /// Adds these questions to a request; `None` if the operation is not charged.
    pub(super) fn new(operation: &str, body: &[u8]) -> Option<Self> {
        kind_of(operation)?;
        let mut request: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let capacity = request.insert(CAPACITY.to_owned(), "INDEXES".into());
        let items = actions(operation, &mut request).into_iter().map(ask_for_item).collect();
        let body = serde_json::to_vec(&request).ok()?;
        Some(Self {
            operation: operation.to_owned(),
            request,
            body,
            capacity: capacity.and_then(|value| value.as_str().map(str::to_owned)),
            items,
        })
    }

    /// The body of the request.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the units in the response, and removes everything that the caller did not ask for.
    pub(super) fn take_units(mut self, response: &mut AwsResponse) -> Vec<ConsumedUnits> {
        let Ok(mut value) = serde_json::from_slice::<Value>(&response.body) else { return Vec::new() };
        let charges = if response.is_ok() {
            let charges = self.units_of_success(&value);
            self.hide_capacity(&mut value);
            charges
        } else {
            let charges = self.units_of_failure(&value);
            self.hide_items(&mut value);
            charges
        };
        response.body = value.to_string().into_bytes();
        charges
    }

    /// The units of a successful call.
    fn units_of_success(&self, value: &Value) -> Vec<ConsumedUnits> {
        let kind = kind_of(&self.operation).unwrap_or(UnitKind::Read);
        let entries = match &value["ConsumedCapacity"] {
            Value::Array(entries) => entries.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let mut charges = Vec::new();
        for entry in entries {
            // A transaction that is repeated with its token is charged for reading.
            let replayed =
                entry.get("ReadCapacityUnits").is_some() && entry.get("WriteCapacityUnits").is_none();
            let kind = if replayed { UnitKind::Read } else { kind };
            let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
                .into_iter()
                .filter_map(|name| entry[name].as_object())
                .flat_map(Map::values)
                .map(units)
                .sum();
            charges.push((kind, UnitTarget::Table, units(&entry["Table"])));
            charges.push((kind, UnitTarget::Index, indexes));
        }
        charges
    }

    /// The units of a failed condition: those of a write of the larger one of the stored item and the given item.
    ///
    /// The response does not say them. An item that neither the request nor the response shows counts as one unit.
    fn units_of_failure(&mut self, value: &Value) -> Vec<ConsumedUnits> {
        let kind = value["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).unwrap_or_default();
        let units = match kind {
            "ConditionalCheckFailedException" => {
                write_units(size(&value["Item"]).max(self.request.get("Item").map_or(0, size)))
            }
            "TransactionCanceledException" => {
                let reasons = value["CancellationReasons"].as_array().cloned().unwrap_or_default();
                // A transaction that conflicts with another one is not charged.
                if !reasons.iter().any(|reason| reason["Code"] == "ConditionalCheckFailed") {
                    return Vec::new();
                }
                let given = actions(&self.operation, &mut self.request);
                let sizes = given.into_iter().map(|action| size(action.get("Item").unwrap_or(&Value::Null)));
                let there = reasons.iter().map(|reason| size(&reason["Item"]));
                sizes.zip(there).map(|(given, there)| TRANSACTIONAL * write_units(given.max(there))).sum()
            }
            _ => return Vec::new(),
        };
        vec![(UnitKind::Write, UnitTarget::Table, units)]
    }

    /// Removes the units that the caller did not ask for.
    fn hide_capacity(&self, value: &mut Value) {
        let Some(response) = value.as_object_mut() else { return };
        match self.capacity.as_deref() {
            Some("INDEXES") => {}
            Some("TOTAL") => {
                let entries = match response.get_mut("ConsumedCapacity") {
                    Some(Value::Array(entries)) => entries.as_mut_slice(),
                    Some(one) => std::slice::from_mut(one),
                    None => &mut [],
                };
                for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                    for part in ["Table", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
                        entry.remove(part);
                    }
                }
            }
            _ => {
                response.remove("ConsumedCapacity");
            }
        }
    }

    /// Removes the items that the caller did not ask for from an error.
    fn hide_items(&self, value: &mut Value) {
        if let Some(reasons) = value.get_mut("CancellationReasons").and_then(Value::as_array_mut) {
            for (reason, asked) in reasons.iter_mut().zip(&self.items) {
                if let (Some(reason), false) = (reason.as_object_mut(), asked) {
                    reason.remove("Item");
                }
            }
        } else if let (Some(response), Some(false)) = (value.as_object_mut(), self.items.first()) {
            response.remove("Item");
        }
    }
}

/// Whether an operation reads or writes; `None` if it is not charged.
fn kind_of(operation: &str) -> Option<UnitKind> {
    match operation {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => Some(UnitKind::Read),
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
            Some(UnitKind::Write)
        }
        _ => None,
    }
}

/// The actions of a request, each of which may have a condition.
fn actions<'a>(operation: &str, request: &'a mut Map<String, Value>) -> Vec<&'a mut Map<String, Value>> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![request],
        "TransactWriteItems" => request
            .get_mut("TransactItems")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .filter_map(|item| item.values_mut().find_map(Value::as_object_mut))
            .collect(),
        _ => Vec::new(),
    }
}

/// Makes a failed condition of an action show the item; returns whether the caller asked for that.
fn ask_for_item(action: &mut Map<String, Value>) -> bool {
    if !action.contains_key("ConditionExpression") {
        return action.get(ON_FAILURE).is_some_and(|value| value == "ALL_OLD");
    }
    let before = action.insert(ON_FAILURE.to_owned(), "ALL_OLD".into());
    before.is_some_and(|value| value == "ALL_OLD")
}

/// The capacity units of a table or an index.
fn units(detail: &Value) -> f64 {
    detail["CapacityUnits"].as_f64().unwrap_or_default()
}

/// The size of an item as DynamoDB charges it; 0 if there is no item.
fn size(item: &Value) -> usize {
    let item: Option<dynoxide::Item> = serde_json::from_value(item.clone()).ok();
    item.as_ref().map_or(0, dynoxide::types::item_size)
}

/// The write units of a size: one for each started KB, at least one.
fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}
