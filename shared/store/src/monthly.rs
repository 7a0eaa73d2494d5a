//! Rows in monthly partitions, in the order of time: read from the newest, month by month.

use domain::Timestamp;
use domain::id::OrgId;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, s};

/// How many months one request looks through.
const MOST_MONTHS: usize = 24;

/// A query over monthly partitions; sort keys begin with their time.
pub(crate) struct MonthlyQuery {
    /// The organisation: nothing is older than it.
    pub(crate) org: OrgId,
    /// The kind of row, for errors.
    pub(crate) kind: &'static str,
    /// The partition of a month.
    pub(crate) partition: fn(OrgId, &str) -> String,
    /// The time and the sort key before which rows are read.
    pub(crate) before: Option<(Timestamp, String)>,
    /// How many rows at most.
    pub(crate) most: usize,
    /// The time after which there are no rows.
    pub(crate) now: Timestamp,
}

/// Where reading continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextPage {
    /// There is nothing more.
    Nothing,
    /// After the last row.
    AfterLast,
    /// Before this time: no rows were found in the months after it.
    Before(Timestamp),
}

impl Store {
    /// Reads rows, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub(crate) async fn monthly<T: DeserializeOwned>(
        &self,
        asked: MonthlyQuery,
    ) -> Result<(Vec<T>, NextPage), StoreError> {
        let day = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).date();
        let begin = asked.before.as_ref().map_or(asked.now, |(at, _)| *at);
        let mut month = day(begin).first_of_month();
        let first = day(asked.org.at()).first_of_month();
        let mut rows: Vec<T> = Vec::new();
        for _ in 0..MOST_MONTHS {
            if month < first {
                return Ok((rows, NextPage::Nothing));
            }
            let room = asked.most + 1 - rows.len();
            let partition = (asked.partition)(asked.org, &month.strftime("%Y-%m").to_string());
            rows.extend(self.of_month(&asked, partition, room).await?);
            if rows.len() > asked.most {
                rows.truncate(asked.most);
                return Ok((rows, NextPage::AfterLast));
            }
            month = month.saturating_sub(1.month());
        }
        let next = month.saturating_add(1.month()).at(0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
        Ok((rows, next.map_or(NextPage::Nothing, |next| NextPage::Before(next.timestamp()))))
    }

    /// Rows of a month.
    async fn of_month<T: DeserializeOwned>(
        &self,
        asked: &MonthlyQuery,
        partition: String,
        most: usize,
    ) -> Result<Vec<T>, StoreError> {
        let query = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .expression_attribute_values(":pk", s(partition))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let query = match &asked.before {
            Some((_, sort)) => query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", s(sort)),
            None => query.key_condition_expression("pk = :pk"),
        };
        let page = query.send().await.map_err(|error| StoreError::call("Query", error))?;
        page.items.unwrap_or_default().into_iter().map(|item| item::read(asked.kind, item)).collect()
    }
}
