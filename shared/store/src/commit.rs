//! Commits: everything that belongs together is one conditional write.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};
use machine::{CommitError, Head, Outcome, Parts, Stateful, Transition, TransitionStore};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::record::{History, Record, ends, head_item};
use crate::stream::outbox;
use crate::table::{self, Key};
use crate::{Store, item::write};

/// How long a row is kept that only carries events to the stream: twice as long as the stream keeps them.
const CARRIER_KEPT_S: i64 = 2 * 24 * 3600;

/// How often a transaction that met another one, or a throttle, is sent again as it is.
const ATTEMPTS: u32 = 6;

/// Writes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Commit {
    actions: Vec<TransactWriteItem>,
    transitions: Vec<(&'static str, &'static str, &'static str)>,
    broken: Option<StoreError>,
}

impl Commit {
    /// Begins with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many actions there are; a transaction takes a hundred.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Says whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Adds a transition: the head if its version is still the one decided on, and its row of history.
    pub fn transition<M: Record>(mut self, transition: Transition<M>) -> Self {
        let (from, to) = ends(transition.from(), transition.to());
        self.transitions.push((M::MACHINE, from, to));
        let (owed, leads) = (M::owed(&transition), M::leads(&transition));
        match actions_of(transition) {
            Ok(actions) => self.actions.extend(actions),
            Err(error) => self.broken = Some(error),
        }
        let commit = match leads {
            Some(row) => self.put(row),
            None => self,
        };
        match owed {
            Some(step) => commit.transition(step),
            None => commit,
        }
    }

    /// Adds several transitions.
    pub fn transitions<M: Record>(self, transitions: impl IntoIterator<Item = Transition<M>>) -> Self {
        transitions.into_iter().fold(self, Self::transition)
    }

    /// Adds an item that replaces whatever stands there.
    pub(crate) fn put(self, item: Result<Item, StoreError>) -> Self {
        self.put_if(item, None, &[])
    }

    /// Adds an item that must be new.
    pub(crate) fn put_new(self, item: Result<Item, StoreError>) -> Self {
        self.put_if(item, Some("attribute_not_exists(pk)"), &[])
    }

    /// Adds an item under a condition.
    pub(crate) fn put_if(
        mut self,
        item: Result<Item, StoreError>,
        condition: Option<&str>,
        values: &[(&str, aws_sdk_dynamodb::types::AttributeValue)],
    ) -> Self {
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                self.broken = Some(error);
                return self;
            }
        };
        let mut put =
            Put::builder().set_item(Some(item)).set_condition_expression(condition.map(str::to_owned));
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        self.actions
            .push(TransactWriteItem::builder().put(put.table_name("").build().expect("complete")).build());
        self
    }

    /// Adds the removal of an item.
    pub(crate) fn delete(self, key: &Key) -> Self {
        self.remove(Delete::builder().set_key(Some(key_item(key))))
    }

    /// Adds the removal of an item under a condition.
    pub(crate) fn delete_if(
        self,
        key: &Key,
        condition: &str,
        values: &[(&str, aws_sdk_dynamodb::types::AttributeValue)],
    ) -> Self {
        let delete = Delete::builder().set_key(Some(key_item(key))).condition_expression(condition);
        self.remove(
            values.iter().fold(delete, |delete, (name, value)| {
                delete.expression_attribute_values(*name, value.clone())
            }),
        )
    }

    /// Adds a removal.
    fn remove(mut self, delete: aws_sdk_dynamodb::types::builders::DeleteBuilder) -> Self {
        let delete = delete.table_name("").build().expect("complete");
        self.actions.push(TransactWriteItem::builder().delete(delete).build());
        self
    }

    /// Adds an update.
    pub(crate) fn update(mut self, update: aws_sdk_dynamodb::types::builders::UpdateBuilder) -> Self {
        let update = update.table_name("").build().expect("complete");
        self.actions.push(TransactWriteItem::builder().update(update).build());
        self
    }

    /// Adds a condition on an item that is not written.
    pub(crate) fn check(mut self, check: aws_sdk_dynamodb::types::builders::ConditionCheckBuilder) -> Self {
        let check: ConditionCheck = check.table_name("").build().expect("complete");
        self.actions.push(TransactWriteItem::builder().condition_check(check).build());
        self
    }
}

/// The actions of one transition.
fn actions_of<M: Record>(transition: Transition<M>) -> Result<Vec<TransactWriteItem>, StoreError> {
    let Parts { before, after, at, by, why, note, events } = transition.into_parts();
    let place = after.place();
    let mut new = head_item(&after)?;
    let Some(before) = before else {
        // The creation is its own first row of history.
        new.insert("by".to_owned(), s(by));
        new.insert("why".to_owned(), s(why));
        new.insert("born".to_owned(), s(machine::State::name(after.head().state())));
        if !events.is_empty() {
            new.insert(table::OUTBOX.to_owned(), s(outbox(&events, place.in_place)));
        }
        let put = Put::builder()
            .table_name("")
            .set_item(Some(new))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("complete");
        return Ok(vec![TransactWriteItem::builder().put(put).build()]);
    };

    let update = change(&before, &head_item(&before)?, &new, &place.head);
    let update = update.table_name("").build().expect("complete");
    let mut actions = vec![TransactWriteItem::builder().update(update).build()];
    if !place.in_place || !events.is_empty() {
        let from = Some(machine::State::name(before.head().state()).to_owned());
        let to = machine::State::name(after.head().state()).to_owned();
        let row = History { version: after.head().version(), from, to, at, by, why, note };
        let mut row = write("history", &(place.history)(&place.head, after.head().version()), &row)?;
        if place.in_place {
            // It is there for the stream alone, which has it for a day.
            row.insert(table::TTL.to_owned(), n(at.as_second().saturating_add(CARRIER_KEPT_S)));
        }
        if !events.is_empty() {
            row.insert(table::OUTBOX.to_owned(), s(outbox(&events, false)));
            if let Some(trace) = new.get(table::TRACE) {
                row.insert(table::TRACE.to_owned(), trace.clone());
            }
        }
        let put = Put::builder()
            .table_name("")
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("complete");
        actions.push(TransactWriteItem::builder().put(put).build());
    }
    Ok(actions)
}

/// An update of what differs between two items, if the stored version is still the old one.
///
/// What this version does not know of stays as it is, so that an older binary loses nothing of a newer one's.
pub(crate) fn change<M: Stateful>(
    before: &M,
    old: &Item,
    new: &Item,
    key: &Key,
) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
    let mut update = Update::builder().set_key(Some(key_item(key)));
    let mut set = Vec::new();
    let mut remove = vec!["#outbox".to_owned()];
    update = update.expression_attribute_names("#outbox", table::OUTBOX);
    let mut names: Vec<&String> = new.keys().collect();
    names.sort();
    for (i, name) in names.into_iter().enumerate() {
        if old.get(name) != Some(&new[name]) {
            set.push(format!("#s{i} = :s{i}"));
            update = update
                .expression_attribute_names(format!("#s{i}"), name)
                .expression_attribute_values(format!(":s{i}"), new[name].clone());
        }
    }
    let mut gone: Vec<&String> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    gone.sort();
    for (i, name) in gone.into_iter().enumerate() {
        remove.push(format!("#r{i}"));
        update = update.expression_attribute_names(format!("#r{i}"), name);
    }
    update
        .update_expression(format!("SET {} REMOVE {}", set.join(", "), remove.join(", ")))
        .condition_expression("#version = :expected")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":expected", n(before.head().version()))
}

/// Why a commit was refused: which of its actions' conditions failed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// These actions' conditions did not hold.
    Conditions(Vec<usize>),
    /// The store failed.
    Store(StoreError),
}

impl Store {
    /// Commits everything or nothing.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if a condition did not hold, [`CommitError::Store`] if the store failed.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.commit_or(commit).await.map_err(|refused| match refused {
            Refused::Conditions(_) => CommitError::Conflict,
            Refused::Store(error) => error.into(),
        })
    }

    /// Commits, and says which conditions failed.
    pub(crate) async fn commit_or(&self, commit: Commit) -> Result<(), Refused> {
        let Commit { mut actions, transitions, broken } = commit;
        if let Some(error) = broken {
            return Err(Refused::Store(error));
        }
        self.name_table(&mut actions);
        let begun = Instant::now();
        let done = self.transact(actions).await;
        let outcome = match &done {
            Ok(()) => Outcome::Success,
            Err(Refused::Conditions(_)) => Outcome::Conflict,
            Err(Refused::Store(_)) => Outcome::Error,
        };
        for (machine, from, to) in transitions {
            self.observe.transition(machine, from, to, outcome, begun.elapsed().as_secs_f64());
        }
        done
    }

    /// Puts the table's name into actions that were made without it.
    fn name_table(&self, actions: &mut [TransactWriteItem]) {
        for action in actions {
            let table = self.table.to_string();
            if let Some(put) = &mut action.put {
                put.table_name = table;
            } else if let Some(update) = &mut action.update {
                update.table_name = table;
            } else if let Some(delete) = &mut action.delete {
                delete.table_name = table;
            } else if let Some(check) = &mut action.condition_check {
                check.table_name = table;
            }
        }
    }

    /// Sends one transaction under one client token until it is decided.
    async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<(), Refused> {
        let token = format!("{:032x}", fastrand::u128(..));
        let mut tries = 1;
        loop {
            let sent = self
                .dynamo
                .transact_write_items()
                .set_transact_items(Some(actions.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let Err(error) = sent else { return Ok(()) };
            let verdict = error.as_service_error().map_or(Verdict::Failed, verdict);
            match verdict {
                Verdict::Conditions(which) => return Err(Refused::Conditions(which)),
                Verdict::Again if tries < ATTEMPTS => {
                    let ceiling = 25_u64 << tries;
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..ceiling))).await;
                    tries += 1;
                }
                Verdict::Again | Verdict::Failed => {
                    return Err(Refused::Store(StoreError::call("TransactWriteItems", error)));
                }
            }
        }
    }

    /// Tells the metric of a transition that there is no edge for.
    pub fn illegal<S: machine::State>(&self, illegal: &machine::Illegal<S>) {
        let (from, to) = ends(illegal.from, illegal.to);
        self.observe.transition(illegal.machine, from, to, Outcome::InvalidTransition, 0.0);
    }
}

/// What a refusal of a transaction means.
enum Verdict {
    /// These conditions did not hold.
    Conditions(Vec<usize>),
    /// It met another transaction or a throttle: the same again.
    Again,
    /// It failed.
    Failed,
}

/// Reads the refusal of a transaction.
fn verdict(error: &TransactWriteItemsError) -> Verdict {
    if let TransactWriteItemsError::TransactionCanceledException(canceled) = error {
        let codes: Vec<&str> =
            canceled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
        let failed: Vec<usize> = codes
            .iter()
            .enumerate()
            .filter_map(|(i, code)| (*code == "ConditionalCheckFailed").then_some(i))
            .collect();
        if !failed.is_empty() {
            return Verdict::Conditions(failed);
        }
        let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        if codes.iter().any(|code| passing.contains(code)) {
            return Verdict::Again;
        }
        return Verdict::Failed;
    }
    match error.code() {
        Some("TransactionInProgressException" | "TransactionConflictException") => Verdict::Again,
        _ => Verdict::Failed,
    }
}

impl<M: Record + Send + Sync> TransitionStore<M> for Store {
    async fn execute(&self, transition: Transition<M>) -> Result<Head<M::State>, CommitError> {
        let head = transition.after().head();
        self.commit(Commit::new().transition(transition)).await?;
        Ok(head)
    }
}

impl Store {
    /// Reads one item, never a stale copy.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let got = self
            .dynamo
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::call("GetItem", error))?;
        Ok(got.item)
    }

    /// The last items of a partition whose sort keys begin so, from the last: at most so many, and no stale copy.
    pub(crate) async fn last_of(
        &self,
        partition: String,
        begin: &str,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :begin)")
            .expression_attribute_values(":pk", s(partition))
            .expression_attribute_values(":begin", s(begin))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        Ok(page.items.unwrap_or_default())
    }

    /// Reads one value, never a stale copy.
    pub(crate) async fn load<T: serde::de::DeserializeOwned>(
        &self,
        kind: &'static str,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        self.get(key).await?.map(|item| item::read(kind, item)).transpose()
    }
}
