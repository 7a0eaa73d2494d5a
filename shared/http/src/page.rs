//! Lists, a page at a time. A cursor is the id after which to go on.
//!
//! What is configured is read in order of its ids. What happens is found in the list index, newest first, and read
//! again: with filters a request looks through [`ROUNDS`] times [`BATCH`] entries of the index at most. If it has
//! not filled its page by then, the page is shorter and its `after` goes on from the last entry that was looked at.

use std::future::Future;

use domain::Timestamp;
use domain::id::AlertId;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::{Listed, Order, StoreError};

use crate::ApiError;
use crate::api::Answer;
use crate::query::{Query, Span};

/// The objects of a page where nothing says so.
const DEFAULT: usize = 25;

/// How often a request with filters goes on looking.
const ROUNDS: usize = 4;
/// How many entries of the index it looks at each time.
const BATCH: usize = 100;

/// How much later than its id something may say that it was made: it was handled late.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// The page that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How many objects.
    pub(crate) size: usize,
    /// The id after which to go on.
    pub(crate) after: Option<String>,
}

impl Asked {
    /// Reads `page_size` and `after`.
    ///
    /// # Errors
    /// [`ApiError`] naming the one that makes no sense.
    pub(crate) fn read(query: &Query, most: usize) -> Answer<Self> {
        let size = match query.one("page_size") {
            None => DEFAULT.min(most),
            Some(text) => {
                text.parse().ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
                    ApiError::invalid("page_size", format!("A page has 1 to {most} objects"))
                })?
            }
        };
        let after = query.one("after").map(str::to_owned);
        // All ids are alike: which kind it is of shows when nothing is found after it.
        if after.as_ref().is_some_and(|after| after.parse::<AlertId>().is_err()) {
            return Err(ApiError::invalid(
                "after",
                "A cursor is the id of the last object of the page before",
            ));
        }
        Ok(Self { size, after })
    }

    /// Cuts what was read, one more than was asked for, into the page and its cursor.
    pub(crate) fn cut<T>(&self, mut read: Vec<T>, id: impl Fn(&T) -> String) -> Found<T> {
        let more = read.len() > self.size;
        read.truncate(self.size);
        let after = read.last().filter(|_| more).map(id);
        Found { items: read, after }
    }

    /// What a reply says of its page.
    pub(crate) fn meta(&self, after: Option<&str>) -> Value {
        let mut meta = json!({ "page_size": self.size });
        if let Some(after) = after {
            meta["after"] = after.into();
        }
        meta
    }
}

/// A page.
pub(crate) struct Found<T> {
    /// Its objects.
    pub(crate) items: Vec<T>,
    /// Where to go on, if there may be more.
    pub(crate) after: Option<String>,
}

/// A list of what happens.
pub(crate) struct Scan {
    /// The page.
    pub(crate) asked: Asked,
    /// Which end it begins at.
    pub(crate) order: Order,
    /// When what is found was made.
    pub(crate) made: Span,
    /// Whether what is listed may be left out.
    pub(crate) filtered: bool,
}

impl Scan {
    /// Goes through the index with `list` and keeps what `read` makes of its entries.
    ///
    /// # Errors
    /// [`ApiError`] if either failed.
    pub(crate) async fn run<T, L, R>(
        self,
        list: impl Fn(Option<String>, usize) -> L,
        read: impl Fn(Listed) -> R,
    ) -> Answer<Found<T>>
    where
        L: Future<Output = Result<Vec<Listed>, StoreError>>,
        R: Future<Output = Answer<Option<T>>>,
    {
        let size = self.asked.size;
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
                        return Ok(Found { items, after: last });
                    }
                    items.extend(kept);
                    last = Some(id);
                }
                listed = rest;
            }
            if !more {
                return Ok(Found { items, after: None });
            }
            from.clone_from(&last);
        }
        Ok(Found { items, after: last })
    }

    /// Where to begin: after the cursor, or where the span begins.
    fn start(&self) -> Option<String> {
        // Nothing is older than the epoch, and later than this no id can be.
        let id = |at: Timestamp| AlertId::new(at.max(Timestamp::UNIX_EPOCH), 0).to_string();
        let after = self.asked.after.clone();
        match self.order {
            Order::Newest if self.made.to == Timestamp::MAX => after,
            Order::Newest => {
                let end =
                    id(self.made.to.saturating_add(SignedDuration::from_millis(1)).unwrap_or(self.made.to));
                Some(after.map_or(end.clone(), |after| after.min(end)))
            }
            Order::Oldest if self.made.from == Timestamp::MIN => after,
            Order::Oldest => {
                let begin = id(self.made.from.saturating_sub(LATE).unwrap_or(self.made.from));
                Some(after.map_or(begin.clone(), |after| after.max(begin)))
            }
        }
    }

    /// Says whether everything from this id on lies outside of the span.
    fn is_past(&self, id: &str) -> bool {
        let Ok(id) = id.parse::<AlertId>() else { return false };
        match self.order {
            Order::Newest => id.at().saturating_add(LATE).unwrap_or(Timestamp::MAX) < self.made.from,
            Order::Oldest => id.at() > self.made.to,
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
            let scan = Scan { asked: Asked { size, after }, order: Order::Newest, made: Span::ALL, filtered };
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
        let scan = Scan {
            asked: Asked { size: 50, after: None },
            order: Order::Newest,
            made: Span { from: second(8000), to: second(8001) },
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
