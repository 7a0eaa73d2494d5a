//! The table: the embedded one is the template's.

use embedded::{AwsCall, Service};
use serde_json::{Value, json};
use testing::fixture::Fixture;

/// A list in an order of its own.
fn sorted(list: &Value, by: &str) -> Vec<Value> {
    let mut list = list.as_array().cloned().unwrap_or_default();
    list.sort_by_key(|entry| entry[by].to_string());
    list
}

#[tokio::test]
async fn embedded_table_has_the_keys_and_indexes_of_the_template() {
    let fixture = Fixture::new().await.unwrap();
    let body = json!({ "TableName": embedded::TABLE }).to_string();
    let call = AwsCall { service: Service::DynamoDb, operation: "DescribeTable", body: body.as_bytes() };
    let answer: Value =
        serde_json::from_slice(&fixture.embedded.backend().call(call).await.unwrap().body).unwrap();
    let here = &answer["Table"];
    let declared = fixture.template.at("/Resources/Table/Properties");

    assert_eq!(
        sorted(&declared["AttributeDefinitions"], "AttributeName"),
        sorted(&here["AttributeDefinitions"], "AttributeName")
    );
    assert_eq!(declared["KeySchema"], here["KeySchema"]);
    assert_eq!(
        declared["StreamSpecification"]["StreamViewType"],
        here["StreamSpecification"]["StreamViewType"]
    );
    let (there, here) = (
        &sorted(&declared["GlobalSecondaryIndexes"], "IndexName"),
        &sorted(&here["GlobalSecondaryIndexes"], "IndexName"),
    );
    assert_eq!(there.len(), here.len(), "the number of indexes");
    for (there, here) in there.iter().zip(here) {
        for part in ["IndexName", "KeySchema", "Projection"] {
            assert_eq!(there[part], here[part], "the {part} of index {}", there["IndexName"]);
        }
    }
}

#[tokio::test]
async fn table_on_aws_survives_mistakes() {
    let template = testing::template::Template::load().unwrap();
    let table = template.at("/Resources/Table");

    assert_eq!(table["DeletionPolicy"], "Retain");
    assert_eq!(table["Properties"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["Properties"]["DeletionProtectionEnabled"], json!({ "Ref": "DeletionProtection" }));
    assert_eq!(table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(
        table["Properties"]["TimeToLiveSpecification"],
        json!({ "AttributeName": "ttl", "Enabled": true }),
        "the attribute that shared/store/src/table.rs calls TTL"
    );
}
