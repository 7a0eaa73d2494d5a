//! What is stored of a source's events that did not become alerts: counts of filtered events, the alerts opened in a
//! minute, and the last event of a draft.

use aws_sdk_dynamodb::types::Update;
use domain::Timestamp;
use domain::id::{OrgId, SourceId};
use domain::source::backfill::Backfill;
use domain::source::{DraftSample, FilteredCount, RateWindow, WithoutAlert};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::record::History;
use crate::{Commit, Store, table};

/// How long counts of filtered events and samples of drafts are stored.
const KEPT_S: i64 = 30 * 24 * 3600;

/// How long a rate limit's minute is stored: longer than a late event takes.
const MINUTE_KEPT_S: i64 = 24 * 3600;

/// The most bytes of a title.
const TITLE_BYTES: usize = 200;

/// The most bytes of an event that an item holds.
const SAMPLE_BYTES: usize = 380_000;

/// The number of alerts opened in a minute.
#[derive(Deserialize)]
struct RateLimitRow {
    used: u32,
}

/// A stored sample. The event is stored as text, because database numbers would not keep its numbers exactly.
#[derive(Serialize, Deserialize)]
struct SampleRow {
    sample: String,
}

/// The item with its expiry time.
fn until(mut item: Item, at: Timestamp, kept: i64) -> Item {
    item.insert(table::TTL.to_owned(), n(at.as_second().saturating_add(kept)));
    item
}

impl Store {
    /// Counts an event that did not become an alert.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn count_without_alert(
        &self,
        (org, source): (OrgId, SourceId),
        why: WithoutAlert,
        title: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let day = FilteredCount::day_of(at);
        self.dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::without_alert_on(org, source, why, &day))))
            .update_expression(
                "SET #day = :day, #title = :title, #at = :at, #ttl = :ttl, #schema = :one ADD #count :one",
            )
            .expression_attribute_names("#day", "day")
            .expression_attribute_names("#title", "last_title")
            .expression_attribute_names("#at", "last_at")
            .expression_attribute_names("#ttl", table::TTL)
            .expression_attribute_names("#schema", table::SCHEMA)
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":day", s(day))
            .expression_attribute_values(":title", s(domain::text::shorten(title, TITLE_BYTES)))
            .expression_attribute_values(":at", n(at.as_millisecond()))
            .expression_attribute_values(":ttl", n(at.as_second().saturating_add(KEPT_S)))
            .expression_attribute_values(":one", n(1))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::call("UpdateItem", error))
    }

    /// The events of a source's last days that did not become alerts, newest day first.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn without_alert(
        &self,
        (org, source): (OrgId, SourceId),
        why: WithoutAlert,
        most: usize,
    ) -> Result<Vec<FilteredCount>, StoreError> {
        let days =
            self.last_of(table::source_partition(org, source), table::without_alert(why), most).await?;
        days.into_iter().map(|day| item::read("count", day)).collect()
    }

    /// The history of a source, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn source_history(
        &self,
        (org, source): (OrgId, SourceId),
        most: usize,
    ) -> Result<Vec<History>, StoreError> {
        let rows = self.last_of(table::source_partition(org, source), table::HISTORY, most).await?;
        rows.into_iter().map(|row| item::read("history", row)).collect()
    }

    /// Stores the last event of a draft source, unless it is too large for an item.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn put_sample(
        &self,
        (org, source): (OrgId, SourceId),
        sample: &DraftSample,
    ) -> Result<(), StoreError> {
        let broken = |error| StoreError::Item { kind: "sample", source: Box::new(error) };
        let text = serde_json::to_string(sample).map_err(broken)?;
        if text.len() > SAMPLE_BYTES {
            return Ok(());
        }
        let item = item::write("sample", &table::sample(org, source), &SampleRow { sample: text })?;
        self.dynamo
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(until(item, sample.received_at, KEPT_S)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::call("PutItem", error))
    }

    /// The last event of a draft source.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn sample(&self, org: OrgId, source: SourceId) -> Result<Option<DraftSample>, StoreError> {
        let stored: Option<SampleRow> = self.load("sample", &table::sample(org, source)).await?;
        let broken = |error| StoreError::Item { kind: "sample", source: Box::new(error) };
        stored.map(|stored| serde_json::from_str(&stored.sample).map_err(broken)).transpose()
    }

    /// The last backfill of a source, if there was one.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn backfill(&self, org: OrgId, source: SourceId) -> Result<Option<Backfill>, StoreError> {
        self.load("backfill", &table::backfill(org, source)).await
    }

    /// Says whether the rate limit of a minute is reached.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn is_full(
        &self,
        (org, source): (OrgId, SourceId),
        window: &RateWindow,
    ) -> Result<bool, StoreError> {
        let used: Option<RateLimitRow> = self.load("count", &table::window(org, source, window)).await?;
        Ok(used.is_some_and(|row| row.used >= window.most))
    }
}

impl Commit {
    /// Counts an alert in a minute, if the rate limit is not reached.
    pub fn window(self, (org, source): (OrgId, SourceId), window: &RateWindow) -> Self {
        let until = window.minute.saturating_mul(60).saturating_add(MINUTE_KEPT_S);
        let update = Update::builder()
            .set_key(Some(key_item(&table::window(org, source, window))))
            .condition_expression("attribute_not_exists(#used) OR #used < :most")
            .update_expression("SET #ttl = :ttl, #schema = :one ADD #used :one")
            .expression_attribute_names("#used", "used")
            .expression_attribute_names("#ttl", table::TTL)
            .expression_attribute_names("#schema", table::SCHEMA)
            .expression_attribute_values(":most", n(window.most))
            .expression_attribute_values(":ttl", n(until))
            .expression_attribute_values(":one", n(1));
        self.update(update)
    }
}
