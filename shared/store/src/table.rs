//! Keys. No other file builds one.
//!
//! Every partition key contains the organisation, except those of look-ups, which find the organisation.

use domain::Timestamp;
use domain::choice::ChoiceKind;
use domain::id::{
    AlertId, ApiKeyId, AuditId, EscalationId, IncidentId, NoteId, OrgId, PathId, RouteId, SignInId, SourceId,
    UpdateId, UserId,
};
use domain::job::{AlertJob, EscalationJob, Job, NotificationJob, SlackJob};
use domain::slack::{ChannelId, SlackUserId, StepId, Thread};
use domain::source::{RateWindow, WithoutAlert};

/// The partition key's attribute.
pub(crate) const PK: &str = "pk";
/// The sort key's attribute.
pub(crate) const SK: &str = "sk";
/// The index of lists.
pub(crate) const LIST_INDEX: &str = "list";
/// Its partition key.
pub(crate) const LIST_PK: &str = "lpk";
/// Its sort key.
pub(crate) const LIST_SK: &str = "lsk";
/// The index of due jobs.
pub(crate) const DUE_INDEX: &str = "due";
/// Its partition key.
pub(crate) const DUE_PK: &str = "dpk";
/// Its sort key.
pub(crate) const DUE_SK: &str = "dsk";
/// The attribute that holds the events of the write that inserted the item.
pub(crate) const OUTBOX: &str = "outbox";
/// The trace of an item.
pub(crate) const TRACE: &str = "trace";
/// The schema number of an item.
pub(crate) const SCHEMA: &str = "schema";
/// When an item may vanish, in Unix seconds.
pub(crate) const TTL: &str = "ttl";
/// The id of the write that updated an item in place.
pub(crate) const COMMIT: &str = "commit";

/// The list of escalations that nobody has acknowledged and that have not ended.
pub(crate) const OPEN_ESCALATIONS: &str = "ESCALATION-OPEN";
/// The list of escalations that somebody has acknowledged, or that have ended.
pub(crate) const ANSWERED_ESCALATIONS: &str = "ESCALATION";

/// The shards of the list index.
pub(crate) const LIST_SHARDS: u8 = 8;
/// The shards of the due index.
pub(crate) const DUE_SHARDS: u8 = 16;

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The partition key.
    pub(crate) pk: String,
    /// The sort key.
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The history row of a version beside this head.
    pub(crate) fn history(&self, version: u64) -> Self {
        Self::new(self.pk.clone(), history_sort(version))
    }
}

/// The sort key that history rows begin with.
pub(crate) const HISTORY: &str = "T#";

/// The sort key of a history row.
pub(crate) fn history_sort(version: u64) -> String {
    format!("{HISTORY}{version:05}")
}

/// What is found without knowing the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// A source's door, by its id.
    Source,
    /// A source's door, by the hash of a secret that alone leads to it.
    SourceKey,
    /// An API key, by its hash.
    ApiKey,
    /// A person, by their address.
    Email,
    /// An attempt to sign in, by its id.
    SignIn,
    /// A session, by the hash of its token.
    Session,
    /// How often somebody has asked who is not known yet.
    RateLimit,
    /// The organisation of a one-organisation installation.
    Home,
    /// The organisation of a Slack workspace.
    SlackTeam,
    /// The topic of a source, by the source's id.
    Topic,
}

/// A look-up.
pub(crate) fn lookup(kind: Lookup, value: &str) -> Key {
    let kind = match kind {
        Lookup::Source => "source",
        Lookup::SourceKey => "sourcekey",
        Lookup::ApiKey => "key",
        Lookup::Email => "email",
        Lookup::SignIn => "signin",
        Lookup::Session => "session",
        Lookup::RateLimit => "limit",
        Lookup::Home => "home",
        Lookup::SlackTeam => "slack",
        Lookup::Topic => "topic",
    };
    Key::new(format!("LOOKUP#{kind}#{value}"), "LOOKUP")
}

/// The head's sort key.
pub(crate) const HEAD: &str = "HEAD";

/// An organisation.
pub(crate) fn org(org: OrgId) -> Key {
    Key::new(format!("{org}#ORG"), HEAD)
}

/// The partition of an organisation's configuration.
pub(crate) fn config_partition(org: OrgId) -> String {
    format!("{org}#CONFIG")
}

/// The generation of an organisation's configuration; every change of it counts up.
pub(crate) fn generation(org: OrgId) -> Key {
    Key::new(config_partition(org), "GENERATION")
}

/// What routes' sort keys begin with.
pub(crate) const ROUTE: &str = "ROUTE#";
/// What users' sort keys begin with.
pub(crate) const USER: &str = "USER#";
/// What paths' sort keys begin with.
pub(crate) const PATH: &str = "PATH#";
/// What sources' sort keys begin with.
pub(crate) const SOURCE: &str = "SOURCE#";

/// What API keys' sort keys begin with.
pub(crate) const API_KEY: &str = "APIKEY#";

/// An API key, as it is listed.
pub(crate) fn api_key(org: OrgId, id: ApiKeyId) -> Key {
    Key::new(config_partition(org), format!("{API_KEY}{id}"))
}

/// The partition of a month's entries of the audit log.
pub(crate) fn audit_partition(org: OrgId, month: &str) -> String {
    format!("{org}#AUDIT#{month}")
}

/// An entry of the audit log, in its month.
pub(crate) fn audit(org: OrgId, id: AuditId) -> Key {
    Key::new(audit_partition(org, &id.at().strftime("%Y-%m").to_string()), id.to_string())
}

/// The partition of a month's updates of incidents.
pub(crate) fn update_partition(org: OrgId, month: &str) -> String {
    format!("{org}#UPDATES#{month}")
}

/// An update of an incident, in its month.
pub(crate) fn update(org: OrgId, id: UpdateId) -> Key {
    Key::new(update_partition(org, &id.at().strftime("%Y-%m").to_string()), id.to_string())
}

/// The beginning of the sort keys of choices that are no attributes.
pub(crate) const CHOICE: &str = "CHOICE#";

/// The beginning of the sort keys of a kind's choices.
pub(crate) const fn choices(kind: ChoiceKind) -> &'static str {
    match kind {
        ChoiceKind::Severity => "CHOICE#SEVERITY#",
        ChoiceKind::Status => "CHOICE#STATUS#",
        ChoiceKind::Role => "CHOICE#ROLE#",
        ChoiceKind::Attribute => "ATTRIBUTE#",
    }
}

/// A choice.
pub(crate) fn choice(org: OrgId, kind: ChoiceKind, id: impl std::fmt::Display) -> Key {
    Key::new(config_partition(org), format!("{}{id}", choices(kind)))
}

/// A route.
pub(crate) fn route(org: OrgId, id: RouteId) -> Key {
    Key::new(config_partition(org), format!("{ROUTE}{id}"))
}

/// A person.
pub(crate) fn user(org: OrgId, id: UserId) -> Key {
    Key::new(config_partition(org), format!("{USER}{id}"))
}

/// A path, at its newest version.
pub(crate) fn path(org: OrgId, id: PathId) -> Key {
    Key::new(config_partition(org), format!("{PATH}{id}"))
}

/// A path at one version.
pub(crate) fn path_version(org: OrgId, id: PathId, version: u64) -> Key {
    Key::new(format!("{org}#PATH#{id}"), format!("V#{version:05}"))
}

/// A source's configuration.
pub(crate) fn source(org: OrgId, id: SourceId) -> Key {
    Key::new(config_partition(org), format!("{SOURCE}{id}"))
}

/// The history row of a source's configuration. It is in another partition, so that listing the configuration does not
/// read it.
pub(crate) fn source_history_of(head: &Key, version: u64) -> Key {
    let org = head.pk.split('#').next().unwrap_or_default();
    Key::new(format!("{org}#{}", head.sk), history_sort(version))
}

/// The partition of a source's items beside its configuration, with its history.
pub(crate) fn source_partition(org: OrgId, id: SourceId) -> String {
    format!("{org}#{SOURCE}{id}")
}

/// The beginning of the sort keys of days on which events did not become alerts.
pub(crate) fn without_alert(why: WithoutAlert) -> &'static str {
    match why {
        WithoutAlert::Filtered => "FILTERED#",
        WithoutAlert::UnmatchedEnd => "UNMATCHED#",
    }
}

/// The number of events that did not become alerts on a day.
pub(crate) fn without_alert_on(org: OrgId, id: SourceId, why: WithoutAlert, day: &str) -> Key {
    Key::new(source_partition(org, id), format!("{}{day}", without_alert(why)))
}

/// The last event of a draft source.
pub(crate) fn sample(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), "SAMPLE")
}

/// The sort key of a heartbeat.
const HEARTBEAT: &str = "HEARTBEAT";

/// A heartbeat.
pub(crate) fn heartbeat(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), HEARTBEAT)
}

/// The row that carries the events of a heartbeat's version.
pub(crate) fn heartbeat_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("{HEARTBEAT}#{version:05}"))
}

/// The sort key of a source's backfill.
const BACKFILL: &str = "BACKFILL";

/// A source's backfill.
pub(crate) fn backfill(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), BACKFILL)
}

/// The row that carries the events of a backfill's version.
pub(crate) fn backfill_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("{BACKFILL}#{version:05}"))
}

/// The count of a source's alerts that began in a minute. It has its own partition, because a flood of alerts writes to
/// it.
pub(crate) fn window(org: OrgId, id: SourceId, window: &RateWindow) -> Key {
    let RateWindow { minute, shard, .. } = window;
    Key::new(format!("{org}#WINDOW#{id}#{minute}"), shard)
}

/// The row of a deduplication key.
pub(crate) fn key(org: OrgId, source: SourceId, hash: &str) -> Key {
    Key::new(format!("{org}#KEY#{source}#{hash}"), "KEY")
}

/// An alert.
pub(crate) fn alert(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), HEAD)
}

/// The body of an alert: its attributes and texts.
pub(crate) fn alert_body(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), "BODY")
}

/// The sort key of an alert's expiry.
const EXPIRY: &str = "LAPSE";

/// An alert's expiry.
pub(crate) fn expiry(org: OrgId, id: AlertId) -> Key {
    Key::new(alert(org, id).pk, EXPIRY)
}

/// The beginning of the sort keys of notes about an alert.
pub(crate) const NOTE: &str = "NOTE#";

/// A note about an alert.
pub(crate) fn note(org: OrgId, id: AlertId, note: NoteId) -> Key {
    Key::new(alert(org, id).pk, format!("{NOTE}{note}"))
}

/// The payload of an alert's event.
pub(crate) fn alert_raw(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), "RAW")
}

/// An alert that no route matched.
pub(crate) fn unrouted(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#UNROUTED"), id.to_string())
}

/// The row of a group of alerts.
pub(crate) fn group(org: OrgId, hash: &str) -> Key {
    Key::new(format!("{org}#GROUP#{hash}"), "GROUP")
}

/// A firing alert of a group; the group's id is that of its first alert.
pub(crate) fn member(org: OrgId, first: AlertId, id: AlertId) -> Key {
    Key::new(format!("{org}#MEMBER#{first}"), id.to_string())
}

/// An incident.
pub(crate) fn incident(org: OrgId, id: IncidentId) -> Key {
    Key::new(format!("{org}#INCIDENT#{id}"), HEAD)
}

/// The beginning of the sort keys of an incident's alerts.
pub(crate) const ATTACHED_ALERT: &str = "A#";
/// The beginning of the sort keys of an incident's escalations.
pub(crate) const ATTACHED_ESCALATION: &str = "E#";

/// An alert that belongs to an incident.
pub(crate) fn attached_alert(org: OrgId, id: IncidentId, alert: AlertId) -> Key {
    Key::new(incident(org, id).pk, format!("{ATTACHED_ALERT}{alert}"))
}

/// An escalation that belongs to an incident.
pub(crate) fn attached_escalation(org: OrgId, id: IncidentId, escalation: EscalationId) -> Key {
    Key::new(incident(org, id).pk, format!("{ATTACHED_ESCALATION}{escalation}"))
}

/// An incident, by its number.
pub(crate) fn incident_number(org: OrgId, number: u64) -> Key {
    Key::new(format!("{org}#INCIDENTNUMBER#{number}"), "NUMBER")
}

/// The object that a request with an idempotency key created.
pub(crate) fn once(org: OrgId, kind: &str, hash: &str) -> Key {
    Key::new(format!("{org}#ONCE#{kind}#{hash}"), "ONCE")
}

/// A counter of an organisation.
pub(crate) fn counter(org: OrgId, name: &str) -> Key {
    Key::new(format!("{org}#COUNTER"), name)
}

/// An escalation.
pub(crate) fn escalation(org: OrgId, id: EscalationId) -> Key {
    Key::new(format!("{org}#ESCALATION#{id}"), HEAD)
}

/// The beginning of notifications' sort keys.
pub(crate) const NOTIFICATION: &str = "PAGE#";

/// A notification of an escalation.
pub(crate) fn notification(org: OrgId, escalation: EscalationId, id: &str) -> Key {
    Key::new(format!("{org}#ESCALATION#{escalation}"), format!("{NOTIFICATION}{id}"))
}

/// Sorts after everything that belongs to the history of an escalation. Beyond it stand the rows that carry the events
/// of its notifications: nobody reads them, and a provider that is down makes many of them.
pub(crate) const BEYOND_STORY: &str = "X#";

/// The row that carries the events of a notification's version; notifications share their escalation's partition.
pub(crate) fn notification_history_of(head: &Key, version: u64) -> Key {
    Key::new(
        head.pk.clone(),
        format!("{BEYOND_STORY}{}#{version:05}", head.sk.trim_start_matches(NOTIFICATION)),
    )
}

/// The beginning of steps' sort keys.
pub(crate) const SLACK_STEP: &str = "STEP#";

/// The partition of a thread of steps in Slack.
pub(crate) fn slack_thread(org: OrgId, thread: &Thread) -> String {
    format!("{org}#SLACK#{thread}")
}

/// A step in Slack.
pub(crate) fn slack_step(org: OrgId, thread: &Thread, id: &StepId) -> Key {
    Key::new(slack_thread(org, thread), format!("{SLACK_STEP}{id}"))
}

/// The row that carries the events of a step's version.
pub(crate) fn slack_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("S#{}#{version:05}", head.sk.trim_start_matches(SLACK_STEP)))
}

/// The incident of a channel in Slack.
pub(crate) fn slack_channel(org: OrgId, channel: &ChannelId) -> Key {
    Key::new(format!("{org}#SLACKCHANNEL#{channel}"), "CHANNEL")
}

/// The person of a Slack user.
pub(crate) fn slack_user(org: OrgId, user: &SlackUserId) -> Key {
    Key::new(format!("{org}#SLACKUSER#{user}"), "USER")
}

/// The Slack user of a person.
pub(crate) fn slack_person(org: OrgId, user: UserId) -> Key {
    Key::new(format!("{org}#SLACKPERSON#{user}"), "PERSON")
}

/// The beginning of the partition keys of attempts to sign in.
const SIGN_IN: &str = "LOOKUP#signin#";

/// An attempt to sign in.
pub(crate) fn sign_in(id: SignInId) -> Key {
    lookup(Lookup::SignIn, &id.to_string())
}

/// The key of the item that is a job.
pub(crate) fn key_of(job: &Job) -> Key {
    match job {
        Job::AlertHandle(AlertJob::HeartbeatCheck { org, source }) => heartbeat(*org, *source),
        Job::AlertHandle(AlertJob::AlertExpiry { org, alert }) => expiry(*org, *alert),
        Job::AlertHandle(AlertJob::Backfill { org, source }) => backfill(*org, *source),
        Job::EscalationTick(EscalationJob::EscalationLevel { org, escalation: id }) => escalation(*org, *id),
        Job::EscalationTick(EscalationJob::AlertSettle { org, alert: id }) => alert(*org, *id),
        Job::NotificationSend(NotificationJob::Notification { org, escalation, notification: id }) => {
            notification(*org, *escalation, id)
        }
        Job::NotificationSend(NotificationJob::SignInMail { id }) => sign_in(*id),
        Job::SlackWork(SlackJob::SlackStep { org, thread, step }) => slack_step(*org, thread, step),
    }
}

/// The job that has this key; `None` if this version knows no such kind.
pub(crate) fn job_of(pk: &str, sk: &str) -> Option<Job> {
    if let Some(id) = pk.strip_prefix(SIGN_IN) {
        return Some(NotificationJob::SignInMail { id: id.parse().ok()? }.into());
    }
    let mut parts = pk.split('#');
    let (org, kind, id) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    Some(match (kind, sk) {
        ("SOURCE", HEARTBEAT) => AlertJob::HeartbeatCheck { org, source: id.parse().ok()? }.into(),
        ("SOURCE", BACKFILL) => AlertJob::Backfill { org, source: id.parse().ok()? }.into(),
        ("ALERT", HEAD) => EscalationJob::AlertSettle { org, alert: id.parse().ok()? }.into(),
        ("ALERT", EXPIRY) => AlertJob::AlertExpiry { org, alert: id.parse().ok()? }.into(),
        ("ESCALATION", HEAD) => EscalationJob::EscalationLevel { org, escalation: id.parse().ok()? }.into(),
        ("ESCALATION", sk) => {
            let notification = sk.strip_prefix(NOTIFICATION)?.to_owned();
            NotificationJob::Notification { org, escalation: id.parse().ok()?, notification }.into()
        }
        ("SLACK", sk) => {
            let step = StepId::of(sk.strip_prefix(SLACK_STEP)?);
            SlackJob::SlackStep { org, thread: Thread::of_key(id)?, step }.into()
        }
        _ => return None,
    })
}

/// The shard of a job in the index of due jobs.
pub(crate) fn due_shard(job: &Job) -> u8 {
    match job {
        Job::AlertHandle(AlertJob::HeartbeatCheck { source, .. } | AlertJob::Backfill { source, .. }) => {
            source.shard(DUE_SHARDS)
        }
        Job::AlertHandle(AlertJob::AlertExpiry { alert, .. })
        | Job::EscalationTick(EscalationJob::AlertSettle { alert, .. }) => alert.shard(DUE_SHARDS),
        Job::EscalationTick(EscalationJob::EscalationLevel { escalation, .. })
        | Job::NotificationSend(NotificationJob::Notification { escalation, .. }) => {
            escalation.shard(DUE_SHARDS)
        }
        Job::NotificationSend(NotificationJob::SignInMail { id }) => id.shard(DUE_SHARDS),
        Job::SlackWork(SlackJob::SlackStep { thread, .. }) => thread.shard(DUE_SHARDS),
    }
}

/// A partition of the due index.
pub(crate) fn due_partition(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// A sort key of the due index: sorts by time.
pub(crate) fn due_sort(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

/// A partition of the list index.
pub(crate) fn list_partition(org: OrgId, kind: &str, shard: u8) -> String {
    format!("{org}#{kind}#{shard}")
}

#[cfg(test)]
mod tests {
    use domain::job::JobKind;

    use super::*;

    /// One job of each kind.
    fn jobs() -> Vec<Job> {
        let at = Timestamp::UNIX_EPOCH;
        let (org, escalation, alert) = (OrgId::new(at, 1), EscalationId::new(at, 2), AlertId::new(at, 3));
        let (id, source) = (SignInId::new(at, 4), SourceId::new(at, 5));
        let job = |kind: &JobKind| -> Job {
            match kind {
                JobKind::HeartbeatCheck => AlertJob::HeartbeatCheck { org, source }.into(),
                JobKind::AlertExpiry => AlertJob::AlertExpiry { org, alert }.into(),
                JobKind::Backfill => AlertJob::Backfill { org, source }.into(),
                JobKind::EscalationLevel => EscalationJob::EscalationLevel { org, escalation }.into(),
                JobKind::AlertSettle => EscalationJob::AlertSettle { org, alert }.into(),
                JobKind::Notification => {
                    let notification = "000-001-02".to_owned();
                    NotificationJob::Notification { org, escalation, notification }.into()
                }
                JobKind::SignInMail => NotificationJob::SignInMail { id }.into(),
                JobKind::SlackStep => {
                    SlackJob::SlackStep { org, thread: Thread::asked("x"), step: StepId::of("announce") }
                        .into()
                }
            }
        };
        JobKind::ALL.iter().map(job).collect()
    }

    #[test]
    fn every_job_is_recognised_by_its_key_and_no_row_of_its_history_is() {
        for job in jobs() {
            let key = key_of(&job);
            assert_eq!(job_of(&key.pk, &key.sk).as_ref(), Some(&job));
            for of in [
                Key::history,
                notification_history_of,
                slack_history_of,
                heartbeat_history_of,
                backfill_history_of,
            ] {
                let row = of(&key, 2);
                assert_eq!(
                    job_of(&row.pk, &row.sk).filter(|_| !row.pk.starts_with(SIGN_IN)),
                    None,
                    "{row:?}"
                );
            }
        }
        assert_eq!(job_of("00000000000000000000000001#FUTURE#1", "HEAD"), None);
    }

    #[test]
    fn due_keys_sort_by_time() {
        let second = |n| due_sort(Timestamp::from_second(n).unwrap());

        assert!(second(9) < second(10));
        assert!(second(999_999_999) < second(1_000_000_000));
    }
}
