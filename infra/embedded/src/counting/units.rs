//! The units of one call: asked for, read, and taken out of the answer again.

use serde_json::{Map, Value};

use super::{Arm, Kind};
use crate::wire::Answer;

const CAPACITY: &str = "ReturnConsumedCapacity";
const ON_FAILURE: &str = "ReturnValuesOnConditionCheckFailure";
/// Writes of a transaction are charged twice.
const TRANSACTIONAL: f64 = 2.0;

/// A request that asks for its units and, should its condition fail, for the item that made it fail.
pub(super) struct Asked {
    operation: String,
    request: Map<String, Value>,
    body: Vec<u8>,
    /// How the caller asked for units, if at all.
    capacity: Option<String>,
    /// Which of the actions asked for the item themselves.
    items: Vec<bool>,
}

/// What was charged: reads or writes, where, how many.
type Charge = (Kind, Arm, f64);

impl Asked {
    /// Asks, if this operation is one that is charged for.
    pub(super) fn of(operation: &str, body: &[u8]) -> Option<Self> {
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

    /// The body to send.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the units out of the answer, and leaves in it what the caller asked for.
    pub(super) fn settle(mut self, answer: &mut Answer) -> Vec<Charge> {
        let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body) else { return Vec::new() };
        let charges = if answer.is_ok() {
            let charges = self.granted(&value);
            self.hide_capacity(&mut value);
            charges
        } else {
            let charges = self.refused(&value);
            self.hide_items(&mut value);
            charges
        };
        answer.body = value.to_string().into_bytes();
        charges
    }

    /// The units in the answer to a call that went through.
    fn granted(&self, value: &Value) -> Vec<Charge> {
        let kind = kind_of(&self.operation).unwrap_or(Kind::Read);
        let entries = match &value["ConsumedCapacity"] {
            Value::Array(entries) => entries.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let mut charges = Vec::new();
        for entry in entries {
            // A transaction repeated under its token is charged for reading.
            let replayed =
                entry.get("ReadCapacityUnits").is_some() && entry.get("WriteCapacityUnits").is_none();
            let kind = if replayed { Kind::Read } else { kind };
            let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
                .into_iter()
                .filter_map(|name| entry[name].as_object())
                .flat_map(Map::values)
                .map(units)
                .sum();
            charges.push((kind, Arm::Table, units(&entry["Table"])));
            charges.push((kind, Arm::Index, indexes));
        }
        charges
    }

    /// What a failed condition is charged: as a write of the larger of the item there and the item given.
    ///
    /// The answer does not say; an item that neither the request nor the answer shows counts as one unit.
    fn refused(&mut self, value: &Value) -> Vec<Charge> {
        let kind = value["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).unwrap_or_default();
        let units = match kind {
            "ConditionalCheckFailedException" => {
                write_units(size(&value["Item"]).max(self.request.get("Item").map_or(0, size)))
            }
            "TransactionCanceledException" => {
                let reasons = value["CancellationReasons"].as_array().cloned().unwrap_or_default();
                // A transaction refused for another's sake did nothing yet.
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
        vec![(Kind::Write, Arm::Table, units)]
    }

    /// Takes the units out of the answer, or as much of them as were not asked for.
    fn hide_capacity(&self, value: &mut Value) {
        let Some(answer) = value.as_object_mut() else { return };
        match self.capacity.as_deref() {
            Some("INDEXES") => {}
            Some("TOTAL") => {
                let entries = match answer.get_mut("ConsumedCapacity") {
                    Some(Value::Array(entries)) => entries.as_mut_slice(),
                    Some(one) => std::slice::from_mut(one),
                    None => &mut [],
                };
                for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                    for arm in ["Table", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
                        entry.remove(arm);
                    }
                }
            }
            _ => {
                answer.remove("ConsumedCapacity");
            }
        }
    }

    /// Takes the items out of a refusal where they were not asked for.
    fn hide_items(&self, value: &mut Value) {
        if let Some(reasons) = value.get_mut("CancellationReasons").and_then(Value::as_array_mut) {
            for (reason, asked) in reasons.iter_mut().zip(&self.items) {
                if let (Some(reason), false) = (reason.as_object_mut(), asked) {
                    reason.remove("Item");
                }
            }
        } else if let (Some(answer), Some(false)) = (value.as_object_mut(), self.items.first()) {
            answer.remove("Item");
        }
    }
}

/// Whether an operation reads or writes; others are not charged for.
fn kind_of(operation: &str) -> Option<Kind> {
    match operation {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => Some(Kind::Read),
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
            Some(Kind::Write)
        }
        _ => None,
    }
}

/// The parts of a request that may each have a condition.
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

/// Has an action's failed condition show the item, and tells whether it would have anyway.
fn ask_for_item(action: &mut Map<String, Value>) -> bool {
    if !action.contains_key("ConditionExpression") {
        return action.get(ON_FAILURE).is_some_and(|value| value == "ALL_OLD");
    }
    let before = action.insert(ON_FAILURE.to_owned(), "ALL_OLD".into());
    before.is_some_and(|value| value == "ALL_OLD")
}

/// The units of a table or an index.
fn units(detail: &Value) -> f64 {
    detail["CapacityUnits"].as_f64().unwrap_or_default()
}

/// An item's size as DynamoDB charges it; nothing for none.
fn size(item: &Value) -> usize {
    let item: Option<dynoxide::Item> = serde_json::from_value(item.clone()).ok();
    item.as_ref().map_or(0, dynoxide::types::item_size)
}

/// Write units: one for each started KB, at least one.
fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}
