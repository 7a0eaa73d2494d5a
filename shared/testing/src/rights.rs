//! What the template allows a function, enforced: a call beyond it is refused as AWS would refuse it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use embedded::{AwsBackend, AwsCall, AwsResponse, ResponseFuture, Service};
use serde_json::Value;

use crate::template::{DeclaredFunction, Template};

/// One thing that a policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The actions, such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// The resources, such as `Table` or `Table/index/due`.
    pub resources: Vec<String>,
    /// What the partition keys must be like, or must not.
    pub keys: Keys,
}

/// Which partition keys a statement is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// Any.
    Any,
    /// Those like one of these patterns.
    Like(Vec<String>),
    /// Those like none of these patterns.
    NotLike(Vec<String>),
}

/// A value that stands alone or in a list.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

impl Statement {
    /// Reads a statement; one that this does not understand is refused, not ignored.
    pub(crate) fn read(statement: &Value) -> anyhow::Result<Self> {
        if statement["Effect"] != "Allow" {
            bail!("only `Effect: Allow` is understood");
        }
        let mut resources = Vec::new();
        for resource in list(&statement["Resource"]) {
            let sub = resource["Fn::Sub"].as_str();
            let arn = resource["Fn::GetAtt"][0].as_str().filter(|_| resource["Fn::GetAtt"][1] == "Arn");
            match (arn, sub) {
                (Some(id), _) => resources.push(id.to_owned()),
                (None, Some(sub)) => resources.push(sub.replace("${", "").replace(".Arn}", "")),
                (None, None) => bail!("a resource is neither !GetAtt X.Arn nor !Sub: {resource}"),
            }
        }
        let texts = |value: &Value| -> Vec<String> {
            list(value).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let conditions: Vec<_> = statement["Condition"].as_object().into_iter().flatten().collect();
        let keys = match conditions.as_slice() {
            [] => Keys::Any,
            [(operator, condition)] => {
                let patterns = texts(&condition["dynamodb:LeadingKeys"]);
                match operator.as_str() {
                    "ForAllValues:StringLike" if !patterns.is_empty() => Keys::Like(patterns),
                    "ForAllValues:StringNotLike" if !patterns.is_empty() => Keys::NotLike(patterns),
                    _ => bail!("the condition `{operator}: {condition}` is not understood: teach rights.rs"),
                }
            }
            _ => bail!("several conditions are not understood: teach rights.rs"),
        };
        Ok(Self { actions: texts(&statement["Action"]), resources, keys })
    }

    /// Whether this allows an action.
    fn allows(&self, wanted: &NeededRight) -> bool {
        let keys = match &self.keys {
            Keys::Any => true,
            Keys::Like(patterns) => wanted.keys.iter().all(|key| patterns.iter().any(|p| like(p, key))),
            Keys::NotLike(patterns) => !wanted.keys.iter().any(|key| patterns.iter().any(|p| like(p, key))),
        };
        keys && self.actions.contains(&wanted.action) && self.resources.contains(&wanted.resource)
    }
}

/// Whether a text is like a pattern, in which `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.into_iter().any(|at| like(tail, &rest[at..]))
        }),
    }
}

/// What a call needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NeededRight {
    action: String,
    resource: String,
    keys: Vec<String>,
}

/// The partition key of an item or a key.
fn partition(item: &Value) -> Vec<String> {
    item["pk"]["S"].as_str().map(str::to_owned).into_iter().collect()
}

/// The value that a query compares its partition key with.
fn queried(body: &Value) -> Vec<String> {
    let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
    let placeholder = condition.split_whitespace().find(|word| word.starts_with(':')).unwrap_or_default();
    let value = body["ExpressionAttributeValues"][placeholder]["S"].as_str();
    value.map(str::to_owned).into_iter().collect()
}

/// What a call on the table needs.
fn on_table(operation: &str, body: &Value) -> Vec<NeededRight> {
    let wanted = |operation: &str, keys| NeededRight {
        action: format!("dynamodb:{operation}"),
        resource: body["IndexName"]
            .as_str()
            .map_or("Table".to_owned(), |index| format!("Table/index/{index}")),
        keys,
    };
    match operation {
        "PutItem" => vec![wanted(operation, partition(&body["Item"]))],
        "Query" => vec![wanted(operation, queried(body))],
        "BatchWriteItem" => {
            let requests = body["RequestItems"].as_object().into_iter().flatten();
            let requests = requests.flat_map(|(_, requests)| requests.as_array()).flatten();
            let keys = requests.flat_map(|request| {
                [&request["PutRequest"]["Item"], &request["DeleteRequest"]["Key"]]
                    .into_iter()
                    .flat_map(partition)
            });
            vec![wanted(operation, keys.collect())]
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = tables.flat_map(|(_, table)| table["Keys"].as_array()).flatten().flat_map(partition);
            vec![wanted(operation, keys.collect())]
        }
        // A transaction needs the right to each of its actions.
        "TransactWriteItems" | "TransactGetItems" => {
            let actions = body["TransactItems"].as_array().into_iter().flatten();
            let actions =
                actions.filter_map(Value::as_object).flatten().filter(|(_, action)| !action.is_null());
            actions
                .map(|(kind, action)| {
                    let at = if kind == "Put" { &action["Item"] } else { &action["Key"] };
                    let operation = if kind == "ConditionCheck" {
                        "ConditionCheckItem".to_owned()
                    } else {
                        format!("{kind}Item")
                    };
                    wanted(&operation, partition(at))
                })
                .collect()
        }
        _ => vec![wanted(operation, partition(&body["Key"]))],
    }
}

/// Refuses what the template does not allow the function, and keeps what it used.
pub struct Rights {
    inner: Arc<dyn AwsBackend>,
    function: DeclaredFunction,
    queues: Vec<(String, String)>,
    used: Mutex<BTreeSet<String>>,
    refused: Mutex<Vec<String>>,
}

impl Rights {
    /// Puts a function's rights before what answers its calls.
    ///
    /// # Errors
    /// If the template's queues cannot be read.
    pub fn new(
        inner: Arc<dyn AwsBackend>,
        template: &Template,
        function: DeclaredFunction,
    ) -> anyhow::Result<Arc<Self>> {
        let queues = template.queues()?.into_iter().map(|queue| (queue.name, queue.logical_id)).collect();
        Ok(Arc::new(Self { inner, function, queues, used: Mutex::default(), refused: Mutex::default() }))
    }

    /// The actions that were used, with their resources.
    pub fn used(&self) -> BTreeSet<String> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that were refused.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wanted(&self, call: &AwsCall<'_>) -> Vec<NeededRight> {
        let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
        match call.service {
            Service::DynamoDb | Service::Streams => on_table(call.operation, &body),
            Service::Sqs => {
                let url = body["QueueUrl"].as_str().unwrap_or_default();
                let name = url.rsplit('/').next().unwrap_or_default();
                let queue = self.queues.iter().find(|(queue, _)| queue == name);
                vec![NeededRight {
                    action: format!("sqs:{}", call.operation.trim_end_matches("Batch")),
                    resource: queue.map_or_else(|| name.to_owned(), |(_, id)| id.clone()),
                    keys: Vec::new(),
                }]
            }
        }
    }
}

impl AwsBackend for Rights {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        for wanted in self.wanted(&call) {
            if !self.function.statements.iter().any(|statement| statement.allows(&wanted)) {
                let NeededRight { action, resource, keys } = wanted;
                let message = format!(
                    "`{}` may not {action} on {resource} {keys:?}: its Policies in template.yaml do not allow it",
                    self.function.name
                );
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
                let answer = AwsResponse::error(400, "AccessDeniedException", &message);
                return Box::pin(async move { Ok(answer) });
            }
            let used = format!("{} {}", wanted.action, wanted.resource);
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(used);
        }
        self.inner.call(call)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(operator: &str, pattern: &str) -> Statement {
        Statement::read(&json!({
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
            "Resource": { "Fn::GetAtt": ["Table", "Arn"] },
            "Condition": { operator: { "dynamodb:LeadingKeys": pattern } },
        }))
        .unwrap()
    }

    fn get(pk: &str) -> NeededRight {
        on_table("GetItem", &json!({ "Key": { "pk": { "S": pk }, "sk": { "S": "HEAD" } } })).remove(0)
    }

    #[test]
    fn a_right_holds_for_keys_of_its_pattern_alone() {
        let doors = statement("ForAllValues:StringLike", "LOOKUP#source#*");
        let tenants = statement("ForAllValues:StringNotLike", "LOOKUP#*");

        assert!(doors.allows(&get("LOOKUP#source#1")) && !tenants.allows(&get("LOOKUP#source#1")));
        assert!(!doors.allows(&get("LOOKUP#key#1")));
        assert!(!doors.allows(&get("01ARZ#CONFIG")) && tenants.allows(&get("01ARZ#CONFIG")));
        assert!(like("*#ESCALATION#*", "01ARZ#ESCALATION#01B") && !like("*#ESCALATION#*", "01ARZ#ALERT#01B"));
    }

    #[test]
    fn a_transaction_needs_the_right_to_each_of_its_actions() {
        let body = json!({ "TransactItems": [
            { "Update": { "Key": { "pk": { "S": "a" } } } },
            { "Put": { "Item": { "pk": { "S": "b" } } } },
            { "ConditionCheck": { "Key": { "pk": { "S": "c" } } } },
        ] });
        let wanted = on_table("TransactWriteItems", &body);

        let actions: Vec<_> = wanted.iter().map(|w| (w.action.as_str(), w.keys.concat())).collect();
        assert_eq!(
            actions,
            [
                ("dynamodb:UpdateItem", "a".to_owned()),
                ("dynamodb:PutItem", "b".to_owned()),
                ("dynamodb:ConditionCheckItem", "c".to_owned())
            ]
        );
        let tenants = statement("ForAllValues:StringNotLike", "LOOKUP#*");
        assert!(tenants.allows(&wanted[0]) && !tenants.allows(&wanted[1]));
    }

    #[test]
    fn an_index_is_a_resource_of_its_own() {
        let body = json!({
            "IndexName": "due",
            "KeyConditionExpression": "dpk = :shard AND dsk <= :until",
            "ExpressionAttributeValues": { ":shard": { "S": "DUE#3" }, ":until": { "S": "1" } },
        });

        let wanted = on_table("Query", &body);
        assert_eq!(wanted[0].resource, "Table/index/due");
        assert_eq!(wanted[0].keys, ["DUE#3"]);
    }

    #[test]
    fn a_statement_that_is_not_understood_is_refused() {
        let with = |name: &str, value: Value| {
            let mut statement = json!({
                "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": { "Fn::GetAtt": ["Q", "Arn"] },
            });
            statement[name] = value;
            Statement::read(&statement)
        };

        assert!(with("Effect", json!("Deny")).is_err());
        assert!(with("Resource", json!("*")).is_err());
        assert!(with("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } })).is_err());
    }
}
