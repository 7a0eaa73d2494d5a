//! What the master story left must be right: paged, in one piece, and over.

use app::worker::AlertRequest;
use std::collections::BTreeSet;

use app::alert::receive::FIRES_AGAIN;
use domain::Timestamp;
use domain::alert::{Alert, AlertState, Routing};
use domain::escalation::EscalationState;
use domain::id::{AlertId, EscalationId};
use domain::message::Envelope;
use domain::notification::{Notification, NotificationState};
use domain::user::MethodType;
use jiff::SignedDuration;
use machine::{State, Stateful};

use super::{Outcome, Teller};
use crate::ledger::Ledger;

/// How long a page may wait both of whose messages were lost: one sweep may look at an index that lags, the next finds it.
const TWO_SWEEPS: SignedDuration = SignedDuration::from_secs(135);

impl Teller<'_> {
    /// Looks at what the story left.
    pub(super) async fn judge(mut self) -> anyhow::Result<Outcome> {
        let ledger = Ledger::read(&self.bundle.embedded.backend()).await?;
        self.judge_paging(&ledger);
        self.judge_groups(&ledger);
        self.judge_doubles(&ledger);
        self.judge_history(&ledger);
        self.judge_uniqueness(&ledger);
        self.judge_drained(&ledger).await?;
        Ok(self.outcome)
    }

    /// How long the queues kept the messages of an alert back: its own, and that of its page which was the latest.
    fn kept_back(&self, alert: &Alert) -> SignedDuration {
        let kept = self.bundle.faults.kept_back();
        let latest = |of: &dyn Fn(&str) -> bool| {
            kept.iter().filter(|(body, _)| of(body)).map(|(_, seconds)| *seconds).max().unwrap_or_default()
        };
        let own = latest(&|body| match serde_json::from_str::<Envelope<AlertRequest>>(body) {
            Ok(Envelope { body: AlertRequest::Event(event), .. }) => {
                AlertId::derived(event.received_at, event.id) == alert.id
            }
            Ok(_) | Err(_) => false,
        });
        let notification = latest(&|body| alert.escalations.iter().any(|id| body.contains(&id.to_string())));
        SignedDuration::from_secs(own + notification)
    }

    fn wrong(&mut self, what: String) {
        self.outcome.wrong.push(what);
    }

    /// Every accepted firing that lasted a minute was paged, and nobody was paged after a durable answer.
    fn judge_paging(&mut self, ledger: &Ledger) {
        let arrived = self.bundle.inbox.arrived();
        let paged = |alert: &Alert| {
            alert
                .escalations
                .iter()
                .any(|id| arrived.iter().any(|a| a.notification.starts_with(&id.to_string())))
        };
        let lost = self.bundle.faults.lost();
        let lost_of = |alert: &Alert| {
            let of = |id: &EscalationId| lost.iter().filter(|body| body.contains(&id.to_string())).count();
            alert.escalations.iter().map(of).max().unwrap_or_default()
        };
        let end = self.bundle.now();
        let mut faults = Vec::new();
        for (n, key) in self.keys.iter().enumerate() {
            let title = format!("key {n} is on fire");
            let mut sent = key.accepted.clone();
            sent.sort_by_key(|sent| sent.at);
            for firing in sent.iter().filter(|sent| sent.firing) {
                let over = sent.iter().find(|later| !later.firing && later.at >= firing.at);
                let until = over.map_or(end, |over| over.accepted_at);
                let lasted = until.duration_since(firing.accepted_at);
                if lasted < SignedDuration::from_secs(60) {
                    continue;
                }
                let episode = ledger.alerts.iter().find(|alert| {
                    alert.title == title
                        && alert.started_at <= firing.at
                        && alert.resolved_at.is_none_or(|resolved| resolved >= firing.at)
                });
                match episode {
                    None => faults.push(format!("lost: `{title}` of {} has no alert", firing.at)),
                    Some(alert) if paged(alert) => {}
                    Some(alert) => {
                        let notifications = ledger
                            .notifications
                            .iter()
                            .filter(|notification| alert.escalations.contains(&notification.escalation));
                        let notifications: Vec<_> = notifications
                            .map(|notification| {
                                (&notification.id, notification.attempts.slot, &notification.attempts.log)
                            })
                            .collect();
                        let what = format!(
                            "unpaged: `{title}` of {}, accepted {}, over {until}, is alert {} in {:?}/{}; \
                             {} of its messages were lost, they were kept back for {}s; its pages: {notifications:?}",
                            firing.at,
                            firing.accepted_at,
                            alert.id,
                            alert.routing,
                            alert.head().state().name(),
                            lost_of(alert),
                            self.kept_back(alert).as_secs(),
                        );
                        // Nobody can be paged before the message of it has come.
                        let paged_by =
                            if lost_of(alert) >= 2 { TWO_SWEEPS } else { SignedDuration::from_secs(60) };
                        if lasted < paged_by + self.kept_back(alert) {
                            self.outcome.late += 1;
                        } else {
                            faults.push(what);
                        }
                    }
                }
            }
        }
        for notification in &ledger.notifications {
            let Some(acked) = self.acked.get(&notification.escalation) else { continue };
            // What ended unseen after the answer, and fires again, is paged again: in a cycle of its own.
            let partition = format!("{}#ESCALATION#{}", notification.org, notification.escalation);
            let history = ledger.history.get(&partition).map(Vec::as_slice).unwrap_or_default();
            let again = |at: Timestamp| {
                history.iter().any(|row| row.why == FIRES_AGAIN && row.at > *acked && row.at <= at)
            };
            for claim in
                notification.attempts.log.iter().filter(|entry| entry.to == NotificationState::Sending.name())
            {
                if claim.at > *acked && !(notification.cycle > 0 && again(claim.at)) {
                    faults.push(format!(
                        "paged after an answer: {} claimed at {}",
                        notification.idempotency_key(),
                        claim.at
                    ));
                }
            }
        }
        self.outcome.wrong.extend(faults);
    }

    /// Whoever joined a group has its incident, and somebody answers for whatever goes on.
    fn judge_groups(&mut self, ledger: &Ledger) {
        let mut faults = Vec::new();
        for alert in &ledger.alerts {
            let Some(first) = alert.group else { continue };
            self.outcome.joined += usize::from(first != alert.id);
            let opener = ledger.alerts.iter().find(|other| other.id == first);
            if opener.is_none_or(|opener| opener.incident != alert.incident) {
                faults.push(format!("group: alert {} is not in the incident of {first}", alert.id));
            }
            let ended = |id: &EscalationId| {
                let escalation = ledger.escalations.iter().find(|it| it.id == *id);
                escalation.is_none_or(|it| it.head().state() == EscalationState::Resolved)
            };
            if alert.head().state() == AlertState::Firing && alert.escalations.iter().all(ended) {
                faults.push(format!("group: alert {} goes on, and nobody answers for it", alert.id));
            }
        }
        self.outcome.wrong.extend(faults);
    }

    /// A page arrived again only where it was sent and its mark, or the provider's answer, was lost.
    fn judge_doubles(&mut self, ledger: &Ledger) {
        let arrived = self.bundle.inbox.arrived();
        self.outcome.arrived = arrived.len();
        let mut faults = Vec::new();
        let keys: BTreeSet<_> = ledger.notifications.iter().map(Notification::idempotency_key).collect();
        for stranger in arrived.iter().filter(|arrived| !keys.contains(&arrived.notification)) {
            faults.push(format!("strange: {} arrived, and is no page's key", stranger.notification));
        }
        for notification in &ledger.notifications {
            let key = notification.idempotency_key();
            let times = arrived.iter().filter(|arrived| arrived.notification == key).count();
            if notification.method_type == MethodType::Webhook {
                self.outcome.told_once += times;
                // It tells pages apart by their keys: one that was taken for another would never have arrived.
                let expected = usize::from(notification.head().state() == NotificationState::Delivered);
                if times < expected {
                    faults
                        .push(format!("untold: {key} was delivered to a program, which took it for another"));
                }
                continue;
            }
            let again = notification
                .attempts
                .log
                .iter()
                .filter(|entry| entry.to == NotificationState::Pending.name())
                .count();
            self.outcome.doubled += times.saturating_sub(1);
            self.outcome.unmarked += again;
            if times > 1 + again {
                faults.push(format!("doubled: {key} arrived {times} times: {:?}", notification.attempts.log));
            }
        }
        self.outcome.wrong.extend(faults);
    }

    /// Every history follows the edges of its machine, without a gap.
    fn judge_history(&mut self, ledger: &Ledger) {
        let mut faults = Vec::new();
        for (partition, rows) in &ledger.history {
            let mut version = 1;
            let mut state: Option<&str> = None;
            for row in rows {
                version += 1;
                let from = row.from.as_deref();
                if row.version != version || (state.is_some() && from != state) {
                    faults.push(format!("history: {partition} jumps at version {}: {rows:?}", row.version));
                }
                state = Some(&row.to);
                let legal = match partition.split('#').nth(1) {
                    Some("ESCALATION") => legal::<EscalationState>(from, &row.to),
                    Some("ALERT") => legal::<AlertState>(from, &row.to),
                    _ => true,
                };
                if !legal {
                    faults.push(format!("illegal: {partition} from {from:?} to {}", row.to));
                }
            }
        }
        let versions = ledger
            .escalations
            .iter()
            .map(|it| (format!("{}#ESCALATION#{}", it.org, it.id), it.head().version()))
            .chain(
                ledger.alerts.iter().map(|it| (format!("{}#ALERT#{}", it.org, it.id), it.head().version())),
            );
        for (partition, version) in versions {
            let rows = ledger.history.get(&partition).map_or(0, Vec::len);
            if rows as u64 + 1 != version {
                faults.push(format!("history: {partition} is at version {version} with {rows} rows"));
            }
        }
        self.outcome.wrong.extend(faults);
    }

    /// One episode has one alert, one incident, one escalation a route.
    fn judge_uniqueness(&mut self, ledger: &Ledger) {
        // Of a group, the first alone opens anything.
        let first = |alert: &&Alert| alert.group.is_none_or(|first| first == alert.id);
        let routed: Vec<&Alert> =
            ledger.alerts.iter().filter(|alert| alert.routing == Routing::Routed).filter(first).collect();
        let incidents = routed.iter().filter_map(|alert| alert.incident).collect::<BTreeSet<_>>();
        if incidents.len() != ledger.incidents.len() || incidents.len() != routed.len() {
            self.wrong(format!(
                "incidents: {} for {} routed alerts, {} of them named",
                ledger.incidents.len(),
                routed.len(),
                incidents.len()
            ));
        }
        let opened: usize = routed.iter().map(|alert| alert.escalations.len()).sum();
        let again = ledger.escalations.iter().filter(|it| it.group.is_some()).filter(|it| {
            // Begun for one that had joined as they ended.
            it.alert != it.group
        });
        let (opened, again) = (opened, again.count());
        let others: usize = ledger
            .alerts
            .iter()
            .filter(|alert| alert.routing != Routing::Routed)
            .map(|alert| alert.escalations.len())
            .sum();
        if opened + others + again != ledger.escalations.len() {
            self.wrong(format!(
                "escalations: {} for {opened} opened by routes, {others} by none, {again} begun again",
                ledger.escalations.len()
            ));
        }
        let mut starts: Vec<_> = ledger.alerts.iter().map(|alert| (&alert.key, alert.started_at)).collect();
        let all = starts.len();
        starts.sort();
        starts.dedup();
        if starts.len() != all {
            self.wrong(format!("episodes: {all} alerts for {} episodes", starts.len()));
        }
    }

    /// Nothing waits in a queue, and nothing is past due.
    async fn judge_drained(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        let now = self.bundle.now();
        for spec in local::queues::specs() {
            // A timer may have become visible this very moment: what matters is that nothing stays.
            let mut held = (0, 0);
            for _ in 0..50 {
                let (visible, in_flight, _later) = self.bundle.embedded.queues().counts(&spec.name)?;
                held = (visible, in_flight);
                if held == (0, 0) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            if held != (0, 0) {
                self.wrong(format!("queues: `{}` holds {} and {} in flight", spec.name, held.0, held.1));
            }
        }
        let late = SignedDuration::from_secs(90);
        for notification in &ledger.notifications {
            let waits = matches!(
                notification.head().state(),
                NotificationState::Pending | NotificationState::Sending
            );
            if waits && notification.attempts.due.is_some_and(|due| now.duration_since(due) > late) {
                self.wrong(format!(
                    "due: page {} waits since {:?}",
                    notification.idempotency_key(),
                    notification.attempts.due
                ));
            }
        }
        for escalation in &ledger.escalations {
            if escalation.due.is_some_and(|due| now.duration_since(due) > late) {
                self.wrong(format!("due: escalation {} waits since {:?}", escalation.id, escalation.due));
            }
        }
        for alert in &ledger.alerts {
            if alert.due.is_some_and(|due| now.duration_since(due) > late) {
                self.wrong(format!("due: alert {} waits since {:?}", alert.id, alert.due));
            }
        }
        Ok(())
    }
}

/// Says whether a step follows an edge, or stays where it may.
fn legal<S: State>(from: Option<&str>, to: &str) -> bool {
    let (Some(from), Some(to)) = (from.and_then(S::named), S::named(to)) else { return false };
    from.allows(to) || from == to && !from.is_final()
}
