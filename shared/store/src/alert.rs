//! Alerts: the head, the body, and the original event.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, Update, WriteRequest};
use domain::alert::attribute::AlertAttribute;
use domain::alert::{Alert, Body};
use domain::id::{AlertId, IncidentId, OrgId};
use jiff::{SignedDuration, Timestamp};
use machine::Stateful;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use crate::attached::alert_item;
use crate::error::StoreError;
use crate::escalation::birth;
use crate::incident::number_item;
use crate::item::{self, Item, n};
use crate::record::History;
use crate::table::{self, Key};
use crate::{Commit, Store};

/// The most bytes of an original event that an item holds; a longer one is cut and marked.
const RAW_BYTES: usize = 350 * 1024;

/// How long an original event is kept.
const RAW_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The most rows of an alert's history that are read.
const MOST_ROWS: i32 = 50;

/// How often unprocessed items of a batch are sent again.
const ATTEMPTS: u32 = 6;

/// The attributes of an original event, beside its compressed bytes in `zstd`.
#[derive(Serialize)]
struct OriginalEventRow {
    /// Whether it was cut.
    cut: bool,
}

/// The attribute of the compressed bytes.
const ZSTD: &str = "zstd";

/// The row of an unrouted alert.
#[derive(Serialize, Deserialize)]
struct Unrouted {
    title: String,
}

impl Store {
    /// Stores an alert's body, its original event and the number of the incident that it opens, before the transaction
    /// that makes them visible.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn put_text_and_number(
        &self,
        org: OrgId,
        id: AlertId,
        (body, raw): (&Body, &str),
        incident: Option<(u64, IncidentId)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let body = item::write("alert body", &table::alert_body(org, id), body)?;
        let mut items = vec![body, raw_item(&table::alert_raw(org, id), raw, now)?];
        if let Some((number, incident)) = incident {
            items.push(number_item(org, number, incident)?);
        }
        self.put_all(items).await
    }

    /// Stores an alert's body, its original event and the row that adds it to an incident, before the transaction that
    /// makes them visible.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn put_text_and_incident(
        &self,
        org: OrgId,
        id: AlertId,
        (body, raw): (&Body, &str),
        incident: Option<IncidentId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let body = item::write("alert body", &table::alert_body(org, id), body)?;
        let mut items = vec![body, raw_item(&table::alert_raw(org, id), raw, now)?];
        if let Some(incident) = incident {
            items.push(alert_item(org, incident, id)?);
        }
        self.put_all(items).await
    }

    /// Stores an alert's body and its original event, before the transaction that makes the alert visible.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn put_text(
        &self,
        org: OrgId,
        id: AlertId,
        body: &Body,
        raw: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.put_text_and_number(org, id, (body, raw), None, now).await
    }

    /// Writes items that have no other writer, in as many batches as needed.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let put = |item| PutRequest::builder().set_item(Some(item)).build().expect("complete");
        let mut left: Vec<WriteRequest> =
            items.into_iter().map(|item| WriteRequest::builder().put_request(put(item)).build()).collect();
        for tries in 1..=ATTEMPTS {
            let sent = self
                .dynamo
                .batch_write_item()
                .request_items(&*self.table, left)
                .send()
                .await
                .map_err(|error| StoreError::call("BatchWriteItem", error))?;
            left = sent.unprocessed_items.and_then(|mut left| left.remove(&*self.table)).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..25 << tries))).await;
        }
        Err(StoreError::Call {
            operation: "BatchWriteItem",
            code: Some("UnprocessedItems".to_owned()),
            source: "the database left items unwritten".into(),
        })
    }

    /// Reads an alert.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn alert(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.load("alert", &table::alert(org, id)).await
    }

    /// Reads the body of an alert.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn alert_body(&self, org: OrgId, id: AlertId) -> Result<Option<Body>, StoreError> {
        self.load("alert body", &table::alert_body(org, id)).await
    }

    /// Stores an alert's attributes, unless its body changed since it was read; false if it did.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn revise_attributes(
        &self,
        org: OrgId,
        id: AlertId,
        (read, attributes): (&Body, &[AlertAttribute]),
    ) -> Result<bool, StoreError> {
        let value = |value: Result<AttributeValue, serde_dynamo::Error>| {
            value.map_err(|error| StoreError::item("alert body", error))
        };
        let revised = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(item::key_item(&table::alert_body(org, id))))
            .update_expression("SET #attributes = :attributes")
            .condition_expression("#updated = :read")
            .expression_attribute_names("#attributes", "attributes")
            .expression_attribute_names("#updated", "updated_at")
            .expression_attribute_values(":attributes", value(to_attribute_value(attributes))?)
            .expression_attribute_values(":read", value(to_attribute_value(read.updated_at))?)
            .send()
            .await;
        match revised {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::call("UpdateItem", error)),
        }
    }

    /// Reads an alert's original event, while it is stored.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn alert_raw(&self, org: OrgId, id: AlertId) -> Result<Option<String>, StoreError> {
        let Some(item) = self.get(&table::alert_raw(org, id)).await? else { return Ok(None) };
        let Some(kept) = item.get(ZSTD).and_then(|value| value.as_b().ok()) else { return Ok(None) };
        let text = zstd::decode_all(kept.as_ref())
            .map_err(|error| StoreError::Item { kind: "alert slice", source: Box::new(error) })?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Reads an alert with its history, oldest first. It has few rows, since an alert is resolved once.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn alert_with_history(
        &self,
        org: OrgId,
        id: AlertId,
    ) -> Result<Option<(Alert, Vec<History>)>, StoreError> {
        let place = table::alert(org, id);
        let Some(head) = self.get(&place).await? else { return Ok(None) };
        let born = birth(&head);
        let alert: Alert = item::read("alert", head)?;
        // Before its second version its only history row is its creation.
        let rows = if alert.head().version() > 1 {
            self.dynamo
                .query()
                .table_name(&*self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :rows)")
                .expression_attribute_values(":pk", item::s(place.pk))
                .expression_attribute_values(":rows", item::s(table::HISTORY))
                .consistent_read(true)
                .limit(MOST_ROWS)
                .send()
                .await
                .map_err(|error| StoreError::call("Query", error))?
                .items
                .unwrap_or_default()
        } else {
            Vec::new()
        };
        let rows = rows.into_iter().map(|item| item::read("history", item)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some((alert, born.into_iter().chain(rows).collect())))
    }

    /// Records that an alert's escalations are reconciled, unless the alert changed since. Its state stays.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn alert_settled(&self, alert: &Alert) -> Result<(), StoreError> {
        let settled = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(item::key_item(&table::alert(alert.org, alert.id))))
            .update_expression("REMOVE #due, #dpk, #dsk")
            .condition_expression("#version = :seen")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":seen", n(alert.head().version()))
            .expression_attribute_names("#due", "due")
            .expression_attribute_names("#dpk", table::DUE_PK)
            .expression_attribute_names("#dsk", table::DUE_SK)
            .send()
            .await;
        match settled {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::call("UpdateItem", error)),
        }
    }

    /// The newest unrouted alerts.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn unrouted(&self, org: OrgId, most: i32) -> Result<Vec<AlertId>, StoreError> {
        let partition = table::unrouted(org, AlertId::new(Timestamp::UNIX_EPOCH, 0)).pk;
        let found = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", item::s(partition))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(most)
            .send()
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        let id = |item: &Item| item.get(table::SK)?.as_s().ok()?.parse().ok();
        Ok(found.items().iter().filter_map(id).collect())
    }
}

/// The item of an original event.
fn raw_item(key: &Key, raw: &str, now: Timestamp) -> Result<Item, StoreError> {
    let squeeze = |text: &str| {
        zstd::encode_all(text.as_bytes(), 3)
            .map_err(|error| StoreError::Item { kind: "alert slice", source: Box::new(error) })
    };
    let mut kept = squeeze(raw)?;
    let cut = kept.len() > RAW_BYTES;
    if cut {
        // A text that hardly compresses is stored as it is, as far as it fits.
        kept = squeeze(domain::text::clip(raw, RAW_BYTES - 1024))?;
    }
    let mut item = item::write("alert slice", key, &OriginalEventRow { cut })?;
    item.insert(ZSTD.to_owned(), AttributeValue::B(Blob::new(kept)));
    let until = now.saturating_add(RAW_KEPT).map_or(i64::MAX, |at| at.as_second());
    item.insert(table::TTL.to_owned(), n(until));
    Ok(item)
}

impl Commit {
    /// Adds the new body of an alert.
    pub fn body(self, org: OrgId, id: AlertId, body: &Body) -> Self {
        self.put(item::write("alert body", &table::alert_body(org, id), body))
    }

    /// Adds an earlier start of an alert. The condition on its key's row protects the decision.
    pub fn began_earlier(self, org: OrgId, id: AlertId, at: Timestamp) -> Self {
        let update = Update::builder()
            .set_key(Some(item::key_item(&table::alert(org, id))))
            .update_expression("SET #began = :at")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#began", "started_at")
            .expression_attribute_values(":at", item::s(at.to_string()));
        self.update(update)
    }

    /// Adds a later end of a resolved alert, if it has not changed.
    pub fn ended_later(self, alert: &Alert, at: Timestamp) -> Self {
        let update = Update::builder()
            .set_key(Some(item::key_item(&table::alert(alert.org, alert.id))))
            .update_expression("SET #ended = :at")
            .condition_expression("#version = :seen")
            .expression_attribute_names("#ended", "resolved_at")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":at", item::s(at.to_string()))
            .expression_attribute_values(":seen", n(alert.head().version()));
        self.update(update)
    }

    /// Adds an alert to the unrouted ones.
    pub fn unrouted(self, org: OrgId, id: AlertId, title: &str, now: Timestamp) -> Self {
        let row = Unrouted { title: title.to_owned() };
        let item = item::write("unrouted alert", &table::unrouted(org, id), &row).map(|mut item| {
            let until = now.saturating_add(RAW_KEPT).map_or(i64::MAX, |at| at.as_second());
            item.insert(table::TTL.to_owned(), n(until));
            item
        });
        self.put(item)
    }

    /// Removes an alert from the unrouted ones.
    pub(crate) fn no_longer_unrouted(self, org: OrgId, id: AlertId) -> Self {
        self.delete(&table::unrouted(org, id))
    }
}
