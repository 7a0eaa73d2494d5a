//! Commits: everything that belongs together is one conditional write.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::event::Event;
use domain::job::Job;
use domain::job::policy::Wake;
use domain::subscriber::{self, AddedJob};
use machine::{CommitError, Head, Outcome, Parts, Stateful, Transition, TransitionStore};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::outbox::outbox;
use crate::record::{History, Record, ends, head_item};
use crate::table::{self, Key};
use crate::{Store, item::write};

/// How long a row is kept that only carries events: twice as long as the stream keeps its records.
const CARRIER_KEPT_S: i64 = 2 * 24 * 3600;

/// How often a write that met another write or a throttle is sent again unchanged.
const ATTEMPTS: u32 = 6;

/// Writes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Commit {
    actions: Vec<TransactWriteItem>,
    /// The id that the update of an item in place carries, should the update be everything there is to write.
    update: Option<String>,
    transitions: Vec<(&'static str, &'static str, &'static str)>,
    broken: Option<StoreError>,
}

impl Commit {
    /// Creates an empty commit.
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

    /// Adds a transition: its head, on the condition that nobody has changed it, and its history row.
    pub fn transition<M: Record>(mut self, transition: Transition<M>) -> Self {
        let (from, to) = ends(transition.from(), transition.to());
        self.transitions.push((M::MACHINE, from, to));
        let owed = M::changed(&transition).map(subscriber::owed).unwrap_or_default();
        let leads = M::leads(&transition);
        match actions_of(transition) {
            Ok((actions, update)) => {
                self.actions.extend(actions);
                self.update = update;
            }
            Err(error) => self.broken = Some(error),
        }
        let commit = match leads {
            Some(row) => self.put(row),
            None => self,
        };
        owed.into_iter().fold(commit, |commit, owed| match owed {
            AddedJob::Slack(step) => commit.transition(step),
        })
    }

    /// Adds several transitions.
    pub fn transitions<M: Record>(self, transitions: impl IntoIterator<Item = Transition<M>>) -> Self {
        transitions.into_iter().fold(self, Self::transition)
    }

    /// Adds an item that replaces the stored one.
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

/// Says whether every job that becomes due or moves has its event.
fn announces_its_job<M: Record>(before: Option<&M>, after: &M, events: &[Event]) -> bool {
    let due = after.index().due;
    if due.is_none() || before.is_some_and(|before| before.index().due == due) {
        return true;
    }
    let told =
        |job: &Job| events.iter().any(|event| matches!(event, Event::Due { job: of, .. } if of == job));
    due.is_none_or(|(job, _)| job.kind().policy().wake == Wake::Sweep || told(&job))
}

/// The actions of one transition; and the id that its update carries, if that may be written alone.
fn actions_of<M: Record>(
    transition: Transition<M>,
) -> Result<(Vec<TransactWriteItem>, Option<String>), StoreError> {
    let Parts { before, after, at, by, why, note, events } = transition.into_parts();
    debug_assert!(
        announces_its_job(before.as_ref(), &after, &events),
        "`{}` becomes due without an event: use `domain::job::due::due_at`",
        M::MACHINE
    );
    let place = after.place();
    let mut new = head_item(&after)?;
    let Some(before) = before else {
        // The item itself is the first row of its history.
        new.insert("by".to_owned(), s(by));
        new.insert("why".to_owned(), s(why));
        new.insert("born".to_owned(), s(machine::State::name(after.head().state())));
        if !events.is_empty() {
            new.insert(table::OUTBOX.to_owned(), s(outbox(&events, &after, at, place.in_place)));
        }
        let put = Put::builder()
            .table_name("")
            .set_item(Some(new))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("complete");
        return Ok((vec![TransactWriteItem::builder().put(put).build()], None));
    };

    let id = (place.in_place && events.is_empty()).then(|| format!("{:032x}", fastrand::u128(..)));
    if let Some(id) = &id {
        new.insert(table::COMMIT.to_owned(), s(id));
    }
    let update = change(&before, &head_item(&before)?, &new, &place.head);
    let update = update.table_name("").build().expect("complete");
    let mut actions = vec![TransactWriteItem::builder().update(update).build()];
    if !place.in_place || !events.is_empty() {
        let from = Some(machine::State::name(before.head().state()).to_owned());
        let to = machine::State::name(after.head().state()).to_owned();
        let row = History { version: after.head().version(), from, to, at, by, why, note };
        let mut row = write("history", &(place.history)(&place.head, after.head().version()), &row)?;
        if place.in_place {
            // Only the stream needs it, and reads it within a day.
            row.insert(table::TTL.to_owned(), n(at.as_second().saturating_add(CARRIER_KEPT_S)));
        }
        if !events.is_empty() {
            row.insert(table::OUTBOX.to_owned(), s(outbox(&events, &after, at, false)));
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
    Ok((actions, id))
}

/// The update of the attributes that differ between two items, on the condition that the stored version is the old one.
///
/// An attribute that this version does not know stays as it is, so that an older version loses nothing that a newer one
/// wrote.
fn change<M: Stateful>(
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
        let Commit { mut actions, update, transitions, broken } = commit;
        if let Some(error) = broken {
            return Err(Refused::Store(error));
        }
        self.name_table(&mut actions);
        let begun = Instant::now();
        let done = match (&*actions, update) {
            ([TransactWriteItem { update: Some(update), .. }], Some(id)) => {
                self.update_item(update, &id).await
            }
            _ => self.transact(actions).await,
        };
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

    /// Sets the table's name in actions.
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

    /// Updates one item in place, which costs half of a transaction.
    ///
    /// The update carries an id, so that an update that was applied and whose answer was lost is not read as losing.
    async fn update_item(&self, update: &Update, id: &String) -> Result<(), Refused> {
        let mut tries = 1;
        loop {
            let sent = self
                .dynamo
                .update_item()
                .table_name(&*self.table)
                .set_key(Some(update.key().clone()))
                .update_expression(update.update_expression())
                .set_condition_expression(update.condition_expression().map(str::to_owned))
                .set_expression_attribute_names(update.expression_attribute_names().cloned())
                .set_expression_attribute_values(update.expression_attribute_values().cloned())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(error) = sent else { return Ok(()) };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let theirs = failed.item().and_then(|item| item.get(table::COMMIT)?.as_s().ok());
                    return if theirs == Some(id) { Ok(()) } else { Err(Refused::Conditions(vec![0])) };
                }
                Some(UpdateItemError::TransactionConflictException(_)) if tries < ATTEMPTS => {
                    self.pause(tries).await;
                    tries += 1;
                }
                _ => return Err(Refused::Store(StoreError::call("UpdateItem", error))),
            }
        }
    }

    /// Waits before a write that met another one is sent again.
    async fn pause(&self, tries: u32) {
        let ceiling = 25_u64 << tries;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..ceiling))).await;
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
                    self.pause(tries).await;
                    tries += 1;
                }
                Verdict::Again | Verdict::Failed => {
                    return Err(Refused::Store(StoreError::call("TransactWriteItems", error)));
                }
            }
        }
    }

    /// Counts a transition that the machine does not allow.
    pub fn illegal<S: machine::State>(&self, illegal: &machine::Illegal<S>) {
        let (from, to) = ends(illegal.from, illegal.to);
        self.observe.transition(illegal.machine, from, to, Outcome::InvalidTransition, 0.0);
    }
}

/// The meaning of a refused transaction.
enum Verdict {
    /// These conditions did not hold.
    Conditions(Vec<usize>),
    /// It met another transaction or a throttle: it is sent again.
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

    /// The last items of a partition whose sort keys begin so, the last first: at most so many, and never a stale copy.
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

    /// Reads a record again.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn reload<M: Record>(&self, record: &M) -> Result<Option<M>, StoreError> {
        self.load(M::MACHINE, &record.place().head).await
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
