//! Lists, one page at a time. The cursor of a page is the id of the last object of the previous page.
//!
//! Configuration is read in the order of its ids. Alerts, incidents and escalations are found in the list index, newest
//! first, and then read. With filters, a request reads at most [`ROUNDS`] times [`BATCH`] entries of the index. If the
//! page is not full by then, it is shorter, and its `after` continues from the last entry that was read.

use std::future::Future;

use domain::Timestamp;
use domain::id::AlertId;
use futures_util::future::join_all;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Listed, Order, StoreError};

use crate::ApiError;
use crate::api::ApiResult;
use crate::query::{Query, Span};

/// How many objects a page has if the request does not say.
const DEFAULT: usize = 25;

/// How many batches of the index a request with filters reads.
const ROUNDS: usize = 4;
/// How many entries of the index a batch has.
const BATCH: usize = 100;

/// How much later than the time in its id an object may have been created, because it was handled late.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// The page that a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    /// The number of objects.
    pub(crate) size: usize,
    /// The id after which the page begins.
    pub(crate) after: Option<String>,
}

impl PageRequest {
    /// Reads `page_size` and `after`.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter with an invalid value.
    pub(crate) fn read(query: &Query, most: usize) -> ApiResult<Self> {
        let size = match query.one("page_size") {
            None => DEFAULT.min(most),
            Some(text) => text.parse().ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
                ApiError::invalid("page_size", format!("A page has between 1 and {most} objects"))
            })?,
        };
        let after = query.one("after").map(str::to_owned);
        // All ids have one form. An id of another kind of object leads to an empty page.
        if after.as_ref().is_some_and(|after| after.parse::<AlertId>().is_err()) {
            return Err(ApiError::invalid(
                "after",
                "The cursor is not valid: use the id of the last object of the previous page",
            ));
        }
        Ok(Self { size, after })
    }

    /// Cuts a list, of which one more object was read than the page has, into the page and its cursor.
    pub(crate) fn cut<T>(&self, mut read: Vec<T>, id: impl Fn(&T) -> String) -> ListPage<T> {
        let more = read.len() > self.size;
        read.truncate(self.size);
        let after = read.last().filter(|_| more).map(id);
        ListPage { items: read, after }
    }

    /// The pagination of a reply.
    pub(crate) fn meta(&self, after: Option<String>) -> PaginationView {
        PaginationView { page_size: self.size, after }
    }
}

/// The pagination of a reply.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PaginationView {
    /// The number of objects that the page has at most.
    #[schemars(with = "i64")]
    page_size: usize,
    /// The `after` of the next page. Absent if this is the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    after: Option<String>,
}

/// A page of a list.
pub(crate) struct ListPage<T> {
    /// The objects.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; `None` if this is the last one.
    pub(crate) after: Option<String>,
}

/// A scan of the list index for one page.
pub(crate) struct IndexScan {
    /// The page.
    pub(crate) page: PageRequest,
    /// The order of the list.
    pub(crate) order: Order,
    /// When the objects were created.
    pub(crate) created: Span,
    /// Whether some entries of the index may be left out.
    pub(crate) filtered: bool,
}

impl IndexScan {
    /// Reads the index with `list`, and each of its entries with `read`; an entry that gives `None` is left out.
    ///
    /// # Errors
    /// [`ApiError`] if the index or an object cannot be read.
    pub(crate) async fn run<T, L, R>(
        self,
        list: impl Fn(Option<String>, usize) -> L,
        read: impl Fn(Listed) -> R,
    ) -> ApiResult<ListPage<T>>
    where
        L: Future<Output = Result<Vec<Listed>, StoreError>>,
        R: Future<Output = ApiResult<Option<T>>>,
    {
        let size = self.page.size;
        let (rounds, batch) = if self.filtered { (ROUNDS, BATCH) } else { (1, size + 1) };
        let mut items: Vec<T> = Vec::new();
        let (mut from, mut last) = (self.start(), None);
        for _ in 0..rounds {
            let mut listed = list(from.clone(), batch).await?;
            let more = listed.len() == batch;
            let read_until = listed.iter().position(|entry| self.is_past(&entry.id)).unwrap_or(listed.len());
            let more = more && read_until == listed.len();
            listed.truncate(read_until);
            while !listed.is_empty() {
                let rest = listed.split_off(listed.len().min(size + 1 - items.len()));
                let ids: Vec<String> = listed.iter().map(|entry| entry.id.clone()).collect();
                for (id, kept) in ids.into_iter().zip(join_all(listed.into_iter().map(&read)).await) {
                    let kept = kept?;
                    if kept.is_some() && items.len() == size {
                        return Ok(ListPage { items, after: last });
                    }
                    items.extend(kept);
                    last = Some(id);
                }
                listed = rest;
            }
            if !more {
                return Ok(ListPage { items, after: None });
            }
            from.clone_from(&last);
        }
        Ok(ListPage { items, after: last })
    }

    /// The id after which the scan begins: the cursor, or the beginning of the span.
    fn start(&self) -> Option<String> {
        // No object is older than the epoch.
        let id = |at: Timestamp| AlertId::new(at.max(Timestamp::UNIX_EPOCH), 0).to_string();
        let after = self.page.after.clone();
        match self.order {
            Order::Newest if self.created.to == Timestamp::MAX => after,
            Order::Newest => {
                let end = id(self
                    .created
                    .to
                    .saturating_add(SignedDuration::from_millis(1))
                    .unwrap_or(self.created.to));
                Some(after.map_or(end.clone(), |after| after.min(end)))
            }
            Order::Oldest if self.created.from == Timestamp::MIN => after,
            Order::Oldest => {
                let begin = id(self.created.from.saturating_sub(LATE).unwrap_or(self.created.from));
                Some(after.map_or(begin.clone(), |after| after.max(begin)))
            }
        }
    }

    /// Says whether all objects from this id on were created outside of the span.
    fn is_past(&self, id: &str) -> bool {
        let Ok(id) = id.parse::<AlertId>() else { return false };
        match self.order {
            Order::Newest => id.at().saturating_add(LATE).unwrap_or(Timestamp::MAX) < self.created.from,
            Order::Oldest => id.at() > self.created.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: usize) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + i64::try_from(n).unwrap()).unwrap()
    }

    /// A list of so many, one a second, the newest first.
    fn listed(count: usize) -> Vec<Listed> {
        let entry = |n| Listed {
            id: AlertId::new(second(n), 7).to_string(),
            state: "firing".to_owned(),
            title: n.to_string(),
        };
        (0..count).rev().map(entry).collect()
    }

    /// Pages through a list of so many with a filter, and says what was found and in how many requests.
    async fn page_through(
        count: usize,
        size: usize,
        filtered: bool,
        keep: fn(usize) -> bool,
    ) -> (Vec<usize>, usize) {
        let (mut found, mut after, mut requests) = (Vec::new(), None, 0);
        loop {
            let scan = IndexScan {
                page: PageRequest { size, after },
                order: Order::Newest,
                created: Span::ALL,
                filtered,
            };
            let page = scan
                .run(
                    async |before, most| {
                        let all = listed(count).into_iter();
                        Ok(all.filter(|e| before.as_ref().is_none_or(|b| e.id < *b)).take(most).collect())
                    },
                    async |entry| {
                        let n: usize = entry.title.parse().unwrap();
                        Ok(keep(n).then_some(n))
                    },
                )
                .await
                .unwrap();
            requests += 1;
            assert!(page.items.len() <= size);
            found.extend(page.items);
            after = page.after;
            if after.is_none() {
                return (found, requests);
            }
        }
    }

    #[tokio::test]
    async fn pages_hold_everything_once_and_the_last_has_no_cursor() {
        for (count, size, requests) in [(0, 3, 1), (2, 3, 1), (3, 3, 1), (4, 3, 2), (7, 3, 3)] {
            let expected: Vec<usize> = (0..count).rev().collect();
            assert_eq!(
                page_through(count, size, false, |_| true).await,
                (expected, requests),
                "{count} by {size}"
            );
        }
    }

    #[tokio::test]
    async fn rare_find_comes_in_the_end_and_no_request_looks_too_far() {
        let (found, requests) = page_through(1000, 3, true, |n| n % 333 == 0).await;

        assert_eq!(found, [999, 666, 333, 0]);
        assert_eq!(requests, 3, "a request looks at 400 entries at most");
    }

    #[tokio::test]
    async fn span_bounds_what_is_looked_at() {
        let scan = IndexScan {
            page: PageRequest { size: 50, after: None },
            order: Order::Newest,
            created: Span { from: second(8000), to: second(8001) },
            filtered: true,
        };
        let page = scan
            .run(
                async |before, most| {
                    let all = listed(9000).into_iter();
                    Ok(all.filter(|e| before.as_ref().is_none_or(|b| e.id < *b)).take(most).collect())
                },
                async |entry| Ok(Some(entry.title)),
            )
            .await
            .unwrap();

        assert_eq!(page.items.first().unwrap(), "8001");
    }
}
