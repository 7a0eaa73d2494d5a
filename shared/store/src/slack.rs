//! Slack: workspaces and their organisations, users and their persons, channels and their incidents, and steps.

use domain::audit::AuditEntry;
use domain::id::{IncidentId, OrgId, UserId};
use domain::org::Org;
use domain::slack::{ChannelId, SlackUserId, Step, StepId, TeamId, Thread};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, s};
use crate::table::{self, Lookup};
use crate::{Commit, Store};

/// The organisation of a workspace.
#[derive(Serialize, Deserialize)]
struct Team {
    org: OrgId,
}

/// The incident of a channel.
#[derive(Serialize, Deserialize)]
struct Channel {
    incident: IncidentId,
}

/// A person and their Slack user.
#[derive(Serialize, Deserialize)]
struct Person {
    user: UserId,
    slack: SlackUserId,
}

impl Store {
    /// The organisation that has connected a workspace.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn org_of_team(&self, team: &TeamId) -> Result<Option<OrgId>, StoreError> {
        let row: Option<Team> =
            self.load("look-up", &table::lookup(Lookup::SlackTeam, team.as_str())).await?;
        Ok(row.map(|row| row.org))
    }

    /// The incident of a channel.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_of_channel(
        &self,
        org: OrgId,
        channel: &ChannelId,
    ) -> Result<Option<IncidentId>, StoreError> {
        let row: Option<Channel> = self.load("channel", &table::slack_channel(org, channel)).await?;
        Ok(row.map(|row| row.incident))
    }

    /// The person of a Slack user.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn user_of_slack(&self, org: OrgId, slack: &SlackUserId) -> Result<Option<UserId>, StoreError> {
        let row: Option<Person> = self.load("person", &table::slack_user(org, slack)).await?;
        Ok(row.map(|row| row.user))
    }

    /// The Slack user of a person.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn slack_of_user(&self, org: OrgId, user: UserId) -> Result<Option<SlackUserId>, StoreError> {
        let row: Option<Person> = self.load("person", &table::slack_person(org, user)).await?;
        Ok(row.map(|row| row.slack))
    }

    /// Reads a step.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn slack_step(
        &self,
        org: OrgId,
        thread: &Thread,
        id: &StepId,
    ) -> Result<Option<Step>, StoreError> {
        self.load("step", &table::slack_step(org, thread, id)).await
    }

    /// Reads the steps of a thread whose ids begin so. An incident has at least one for each of its changes.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn slack_steps(
        &self,
        org: OrgId,
        thread: &Thread,
        begin: &str,
    ) -> Result<Vec<Step>, StoreError> {
        let (mut steps, mut from) = (Vec::new(), None);
        loop {
            let page = self
                .dynamo
                .query()
                .table_name(&*self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :begin)")
                .expression_attribute_values(":pk", s(table::slack_thread(org, thread)))
                .expression_attribute_values(":begin", s(format!("{}{begin}", table::SLACK_STEP)))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| StoreError::call("Query", error))?;
            for item in page.items.unwrap_or_default() {
                steps.push(item::read("step", item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(steps);
            }
        }
    }

    /// Reads the newest steps of a thread whose ids begin so and end in a number: at most so many.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn newest_slack_steps(
        &self,
        org: OrgId,
        thread: &Thread,
        begin: &str,
        most: usize,
    ) -> Result<Vec<Step>, StoreError> {
        let begin = format!("{}{begin}", table::SLACK_STEP);
        let found = self.last_of(table::slack_thread(org, thread), &begin, most).await?;
        found.into_iter().map(|item| item::read("step", item)).collect()
    }
}

impl Commit {
    /// Adds that an organisation has connected a workspace that no other organisation has connected.
    pub fn slack_connected(self, org: &Org, team: &TeamId, entry: &AuditEntry) -> Self {
        let key = table::lookup(Lookup::SlackTeam, team.as_str());
        let row = item::write("look-up", &key, &Team { org: org.id });
        let mine = "attribute_not_exists(pk) OR org = :org";
        self.put_if(row, Some(mine), &[(":org", s(org.id.to_string()))])
            .org_changed(org)
            .next_generation(entry)
    }

    /// Adds that an organisation has disconnected a workspace in favour of another one.
    pub fn slack_left(self, org: OrgId, team: &TeamId) -> Self {
        let key = table::lookup(Lookup::SlackTeam, team.as_str());
        self.delete_if(&key, "attribute_not_exists(pk) OR org = :org", &[(":org", s(org.to_string()))])
    }

    /// Adds that Slack rejects the token of an organisation's workspace.
    pub fn slack_refused(self, org: &Org, entry: &AuditEntry) -> Self {
        self.org_changed(org).next_generation(entry)
    }

    /// Adds that an organisation has disconnected its workspace.
    pub fn slack_disconnected(self, org: &Org, team: &TeamId, entry: &AuditEntry) -> Self {
        let key = table::lookup(Lookup::SlackTeam, team.as_str());
        self.delete_if(&key, "org = :org", &[(":org", s(org.id.to_string()))])
            .org_changed(org)
            .next_generation(entry)
    }

    /// Adds the incident of a channel.
    pub fn slack_channel(self, org: OrgId, channel: &ChannelId, incident: IncidentId) -> Self {
        self.put(item::write("channel", &table::slack_channel(org, channel), &Channel { incident }))
    }

    /// Adds that a person and a Slack user are the same, found both ways.
    pub fn slack_person(self, org: OrgId, user: UserId, slack: &SlackUserId) -> Self {
        let person = Person { user, slack: slack.clone() };
        self.put(item::write("person", &table::slack_user(org, slack), &person)).put(item::write(
            "person",
            &table::slack_person(org, user),
            &person,
        ))
    }
}
