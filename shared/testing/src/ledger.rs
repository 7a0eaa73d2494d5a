//! The items of the whole table, for assertions.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::alert::Alert;
use domain::alert::key::KeyRow;
use domain::escalation::Escalation;
use domain::incident::Incident;
use domain::notification::Notification;
use embedded::AwsBackend;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;
use store::History;

/// The items of the table.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The deduplication keys.
    pub keys: Vec<KeyRow>,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// The escalations.
    pub escalations: Vec<Escalation>,
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// The history of each partition, by version.
    pub history: BTreeMap<String, Vec<History<serde_json::Value>>>,
}

type Item = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

impl Ledger {
    /// Reads the whole table; only a test may.
    ///
    /// # Errors
    /// If an item cannot be read: every item must be.
    pub async fn read(wire: &Arc<dyn AwsBackend>) -> anyhow::Result<Self> {
        let dynamo = embedded::dynamodb(wire.clone());
        let mut ledger = Self::default();
        let mut from = None;
        loop {
            let notification = dynamo
                .scan()
                .table_name(embedded::TABLE)
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await?;
            for item in notification.items.unwrap_or_default() {
                ledger.add(item)?;
            }
            from = notification.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        for rows in ledger.history.values_mut() {
            rows.sort_by_key(|row| row.version);
        }
        Ok(ledger)
    }

    fn add(&mut self, item: Item) -> anyhow::Result<()> {
        let text =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let (pk, sk) = (text("pk"), text("sk"));
        let kind = pk.split('#').nth(1).unwrap_or_default().to_owned();
        match (kind.as_str(), sk.as_str()) {
            ("KEY", _) => self.keys.push(read(item)?),
            ("ALERT", "HEAD") => self.alerts.push(read(item)?),
            ("INCIDENT", "HEAD") => self.incidents.push(read(item)?),
            ("ESCALATION", "HEAD") => self.escalations.push(read(item)?),
            ("ESCALATION", notification) if notification.starts_with("PAGE#") => {
                self.notifications.push(read(item)?)
            }
            (_, row) if row.starts_with("T#") => {
                self.history.entry(pk).or_default().push(read(item)?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(item: Item) -> anyhow::Result<T> {
    let shown = format!("{item:?}");
    from_item(item).map_err(|error| anyhow::anyhow!("{error}: {shown}"))
}
