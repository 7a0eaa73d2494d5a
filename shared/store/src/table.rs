//! The only file that spells a key.
//!
//! The organisation stands in every partition key, but for look-ups, which find it.

use domain::Timestamp;
use domain::choice::ChoiceKind;
use domain::id::{
    AlertId, ApiKeyId, AuditId, EscalationId, IncidentId, NoteId, OrgId, PathId, RouteId, SignInId, SourceId,
    UpdateId, UserId,
};
use domain::slack::{ChannelId, SlackUserId, StepId, Thread};
use domain::source::RateWindow;

/// The partition key's attribute.
pub(crate) const PK: &str = "pk";
/// The sort key's attribute.
pub(crate) const SK: &str = "sk";
/// The index of listed things.
pub(crate) const LIST_INDEX: &str = "list";
/// Its partition key.
pub(crate) const LIST_PK: &str = "lpk";
/// Its sort key.
pub(crate) const LIST_SK: &str = "lsk";
/// The index of due things.
pub(crate) const DUE_INDEX: &str = "due";
/// Its partition key.
pub(crate) const DUE_PK: &str = "dpk";
/// Its sort key.
pub(crate) const DUE_SK: &str = "dsk";
/// What others must hear, on the item that was inserted with it.
pub(crate) const OUTBOX: &str = "outbox";
/// The trace of an item.
pub(crate) const TRACE: &str = "trace";
/// The schema number of an item.
pub(crate) const SCHEMA: &str = "schema";
/// When an item may vanish, in Unix seconds.
pub(crate) const TTL: &str = "ttl";
/// Which write an item updated in place comes from.
pub(crate) const COMMIT: &str = "commit";

/// The list of escalations that still need somebody.
pub(crate) const OPEN_ESCALATIONS: &str = "ESCALATION-OPEN";
/// The list of escalations that somebody has answered, or that are over.
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

/// Where an update is kept, in its month.
pub(crate) fn update(org: OrgId, id: UpdateId) -> Key {
    Key::new(update_partition(org, &id.at().strftime("%Y-%m").to_string()), id.to_string())
}

/// What the sort keys of everything begin with that incidents are given.
pub(crate) const CHOICE: &str = "CHOICE#";

/// What the sort keys of choices of a kind begin with.
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

/// The history row beside a source's configuration: its own partition, so that the configuration lists without it.
pub(crate) fn source_history_of(head: &Key, version: u64) -> Key {
    let org = head.pk.split('#').next().unwrap_or_default();
    Key::new(format!("{org}#{}", head.sk), history_sort(version))
}

/// The partition of what is kept of a source beside its configuration; its history stands there, too.
pub(crate) fn source_partition(org: OrgId, id: SourceId) -> String {
    format!("{org}#{SOURCE}{id}")
}

/// What the sort keys of days begin with on which a source's filter held something back.
pub(crate) const FILTERED: &str = "FILTERED#";

/// What a source's filter held back on a day.
pub(crate) fn filtered(org: OrgId, id: SourceId, day: &str) -> Key {
    Key::new(source_partition(org, id), format!("{FILTERED}{day}"))
}

/// The last event that came to a draft.
pub(crate) fn sample(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), "SAMPLE")
}

/// The sort key of a job that is heard of.
const HEARTBEAT: &str = "HEARTBEAT";

/// The job that a heartbeat is of.
pub(crate) fn heartbeat(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), HEARTBEAT)
}

/// The row that carries the event of a heartbeat's step.
pub(crate) fn heartbeat_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("{HEARTBEAT}#{version:05}"))
}

/// The sort key of a source's backfill.
const BACKFILL: &str = "BACKFILL";

/// A source's backfill.
pub(crate) fn backfill(org: OrgId, id: SourceId) -> Key {
    Key::new(source_partition(org, id), BACKFILL)
}

/// The row that carries the event of a backfill's step.
pub(crate) fn backfill_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("{BACKFILL}#{version:05}"))
}

/// The alerts of a source that began in a minute: a partition of its own, for a flood writes to it.
pub(crate) fn window(org: OrgId, id: SourceId, window: &RateWindow) -> Key {
    let RateWindow { minute, shard, .. } = window;
    Key::new(format!("{org}#WINDOW#{id}#{minute}"), shard)
}

/// What is known of a deduplication key.
pub(crate) fn key(org: OrgId, source: SourceId, hash: &str) -> Key {
    Key::new(format!("{org}#KEY#{source}#{hash}"), "KEY")
}

/// An alert.
pub(crate) fn alert(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), HEAD)
}

/// What an alert says.
pub(crate) fn alert_body(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), "BODY")
}

/// The sort key of what says how long an alert lasts.
const LAPSE: &str = "LAPSE";

/// How long an alert lasts unless it is sent again.
pub(crate) fn lapse(org: OrgId, id: AlertId) -> Key {
    Key::new(alert(org, id).pk, LAPSE)
}

/// What the sort keys of notes about an alert begin with.
pub(crate) const NOTE: &str = "NOTE#";

/// A note about an alert.
pub(crate) fn note(org: OrgId, id: AlertId, note: NoteId) -> Key {
    Key::new(alert(org, id).pk, format!("{NOTE}{note}"))
}

/// An alert's own raw slice.
pub(crate) fn alert_raw(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#ALERT#{id}"), "RAW")
}

/// An alert that no route took.
pub(crate) fn unrouted(org: OrgId, id: AlertId) -> Key {
    Key::new(format!("{org}#UNROUTED"), id.to_string())
}

/// What is known of a group of alerts.
pub(crate) fn group(org: OrgId, hash: &str) -> Key {
    Key::new(format!("{org}#GROUP#{hash}"), "GROUP")
}

/// An alert of a group that is going on; the group is named by its first alert.
pub(crate) fn member(org: OrgId, first: AlertId, id: AlertId) -> Key {
    Key::new(format!("{org}#MEMBER#{first}"), id.to_string())
}

/// An incident.
pub(crate) fn incident(org: OrgId, id: IncidentId) -> Key {
    Key::new(format!("{org}#INCIDENT#{id}"), HEAD)
}

/// What the sort keys of alerts begin with that belong to an incident.
pub(crate) const ATTACHED_ALERT: &str = "A#";
/// What the sort keys of escalations begin with that belong to an incident.
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

/// What a client's own key made.
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

/// What pages' sort keys begin with.
pub(crate) const PAGE: &str = "PAGE#";

/// A page of an escalation.
pub(crate) fn notification(org: OrgId, escalation: EscalationId, id: &str) -> Key {
    Key::new(format!("{org}#ESCALATION#{escalation}"), format!("{PAGE}{id}"))
}

/// What sorts after everything that belongs to an escalation's story: beyond it are the rows of its pages' attempts,
/// which nobody reads and which a provider that is down makes many of.
pub(crate) const BEYOND_STORY: &str = "X#";

/// The history row of a page's version; pages share their escalation's partition.
pub(crate) fn notification_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("{BEYOND_STORY}{}#{version:05}", head.sk.trim_start_matches(PAGE)))
}

/// What steps' sort keys begin with.
pub(crate) const SLACK_STEP: &str = "STEP#";

/// The partition of everything that is owed to Slack because of one thing.
pub(crate) fn slack_thread(org: OrgId, thread: &Thread) -> String {
    format!("{org}#SLACK#{thread}")
}

/// A step that is owed to Slack.
pub(crate) fn slack_step(org: OrgId, thread: &Thread, id: &StepId) -> Key {
    Key::new(slack_thread(org, thread), format!("{SLACK_STEP}{id}"))
}

/// The history row of a step's version, which carries its event.
pub(crate) fn slack_history_of(head: &Key, version: u64) -> Key {
    Key::new(head.pk.clone(), format!("S#{}#{version:05}", head.sk.trim_start_matches(SLACK_STEP)))
}

/// Whose a channel in Slack is.
pub(crate) fn slack_channel(org: OrgId, channel: &ChannelId) -> Key {
    Key::new(format!("{org}#SLACKCHANNEL#{channel}"), "CHANNEL")
}

/// Who somebody in Slack is.
pub(crate) fn slack_user(org: OrgId, user: &SlackUserId) -> Key {
    Key::new(format!("{org}#SLACKUSER#{user}"), "USER")
}

/// Who somebody is in Slack.
pub(crate) fn slack_person(org: OrgId, user: UserId) -> Key {
    Key::new(format!("{org}#SLACKPERSON#{user}"), "PERSON")
}

/// Something with an index entry, recognised by its primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// An escalation whose level's time is up.
    Escalation(OrgId, EscalationId),
    /// A page to be sent.
    Page(OrgId, EscalationId, String),
    /// An alert whose escalations are owed the news of its end.
    Alert(OrgId, AlertId),
    /// An alert that may have lapsed.
    Expiry(OrgId, AlertId),
    /// A step that is owed to Slack.
    Slack(OrgId, Thread, StepId),
    /// A job that may not have been heard of.
    Heartbeat(OrgId, SourceId),
    /// A backfill of a source that has a step to do.
    Backfill(OrgId, SourceId),
    /// A link to sign in that is owed.
    SignIn(SignInId),
}

/// What the keys of attempts to sign in begin with.
const SIGN_IN: &str = "LOOKUP#signin#";

/// An attempt to sign in.
pub(crate) fn sign_in(id: SignInId) -> Key {
    lookup(Lookup::SignIn, &id.to_string())
}

/// Recognises what is due by its primary key.
pub(crate) fn due_of(pk: &str, sk: &str) -> Option<Due> {
    let mut parts = pk.split('#');
    if let Some(id) = pk.strip_prefix(SIGN_IN) {
        return Some(Due::SignIn(id.parse().ok()?));
    }
    let (org, kind, id) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    match (kind, sk) {
        ("ESCALATION", HEAD) => Some(Due::Escalation(org, id.parse().ok()?)),
        ("ESCALATION", page) => Some(Due::Page(org, id.parse().ok()?, page.strip_prefix(PAGE)?.to_owned())),
        ("SOURCE", HEARTBEAT) => Some(Due::Heartbeat(org, id.parse().ok()?)),
        ("SOURCE", BACKFILL) => Some(Due::Backfill(org, id.parse().ok()?)),
        ("ALERT", HEAD) => Some(Due::Alert(org, id.parse().ok()?)),
        ("ALERT", LAPSE) => Some(Due::Expiry(org, id.parse().ok()?)),
        ("SLACK", step) => {
            Some(Due::Slack(org, Thread::of_key(id)?, StepId::of(step.strip_prefix(SLACK_STEP)?)))
        }
        _ => None,
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
    use super::*;

    #[test]
    fn what_is_due_is_recognised_by_its_key() {
        let at = Timestamp::UNIX_EPOCH;
        let (o, e, a) = (OrgId::new(at, 1), EscalationId::new(at, 2), AlertId::new(at, 3));
        let of = |key: Key| due_of(&key.pk, &key.sk);

        assert_eq!(of(escalation(o, e)), Some(Due::Escalation(o, e)));
        assert_eq!(of(notification(o, e, "000-001-02")), Some(Due::Page(o, e, "000-001-02".to_owned())));
        assert_eq!(of(alert(o, a)), Some(Due::Alert(o, a)));
        assert_eq!(of(lapse(o, a)), Some(Due::Expiry(o, a)));
        let step = slack_step(o, &Thread::asked("x"), &StepId::of("announce"));
        assert_eq!(of(step.clone()), Some(Due::Slack(o, Thread::asked("x"), StepId::of("announce"))));
        assert_eq!(of(slack_history_of(&step, 2)), None);
        let b = SourceId::new(at, 5);
        assert_eq!(of(heartbeat(o, b)), Some(Due::Heartbeat(o, b)));
        assert_eq!(of(heartbeat_history_of(&heartbeat(o, b), 2)), None);
        assert_eq!(of(backfill(o, b)), Some(Due::Backfill(o, b)));
        assert_eq!(of(backfill_history_of(&backfill(o, b), 2)), None);
        let i = SignInId::new(at, 4);
        assert_eq!(of(sign_in(i)), Some(Due::SignIn(i)));
        assert_eq!(of(escalation(o, e).history(2)), None);
        assert_eq!(of(notification_history_of(&notification(o, e, "000-001-02"), 3)), None);
    }

    #[test]
    fn due_keys_sort_by_time() {
        let second = |n| due_sort(Timestamp::from_second(n).unwrap());

        assert!(second(9) < second(10));
        assert!(second(999_999_999) < second(1_000_000_000));
    }
}
