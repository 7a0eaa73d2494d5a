//! The database that is tested.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus,
};
use embedded::Embedded;
use machine::Silent;
use store::Store;

/// The variable that names another database.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// A table of the test's own.
pub(crate) struct Subject {
    /// A client of the database.
    pub(crate) client: Client,
    /// The table's name.
    pub(crate) table: String,
    /// The store on the table.
    pub(crate) store: Store,
    /// Whether the table is to be deleted.
    is_elsewhere: bool,
}

impl Subject {
    /// The embedded database, or a new table at the endpoint that the environment names.
    pub(crate) async fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "it is about the test, not about the product")]
        let endpoint = std::env::var(ENDPOINT).is_ok();
        if endpoint { Self::elsewhere().await } else { Self::over(embedded::dynamodb(memory().backend())) }
    }

    /// The one table of the embedded database, by a client of its own.
    pub(crate) fn over(client: Client) -> Self {
        let table = embedded::TABLE.to_owned();
        let store = Store::new(client.clone(), table.as_str(), Arc::new(Silent));
        Self { client, table, store, is_elsewhere: false }
    }

    /// A new table at the endpoint.
    async fn elsewhere() -> Self {
        let config = runtime::Config::from_environment().unwrap();
        let (client, _) = runtime::clients_elsewhere(&config);
        let table = format!("firebell-conformance-{:016x}", fastrand::u64(..));
        create(&client, &table).await;
        let store = Store::new(client.clone(), table.as_str(), Arc::new(Silent));
        Self { client, table, store, is_elsewhere: true }
    }

    /// Deletes the table, if it was made for the test alone.
    pub(crate) async fn end(self) {
        if self.is_elsewhere {
            self.client.delete_table().table_name(self.table).send().await.unwrap();
        }
    }
}

/// An embedded database in memory.
pub(crate) fn memory() -> Embedded {
    Embedded::memory(Vec::new(), Arc::new(|| crate::samples::NOON)).unwrap()
}

/// A hash key and a range key.
fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    vec![key(hash, KeyType::Hash), key(range, KeyType::Range)]
}

/// An index.
fn index(name: &str, (hash, range): (&str, &str), projection: Projection) -> GlobalSecondaryIndex {
    let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys(hash, range)));
    index.projection(projection).build().unwrap()
}

/// Creates the table as the template declares it, without its stream.
async fn create(client: &Client, table: &str) {
    let text = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let shown = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(vec!["state".to_owned(), "title".to_owned()]));
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(["pk", "sk", "lpk", "lsk", "dpk", "dsk"].map(text).to_vec()))
        .set_key_schema(Some(keys("pk", "sk")))
        .global_secondary_indexes(index("list", ("lpk", "lsk"), shown.build()))
        .global_secondary_indexes(index(
            "due",
            ("dpk", "dsk"),
            Projection::builder().projection_type(ProjectionType::KeysOnly).build(),
        ))
        .send()
        .await
        .unwrap();
    for _ in 0..100 {
        let described = client.describe_table().table_name(table).send().await.unwrap();
        if described.table.and_then(|table| table.table_status) == Some(TableStatus::Active) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("`{table}` is not active after 20 seconds");
}
