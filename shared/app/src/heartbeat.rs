//! Heartbeats.

pub mod check;
pub mod ping;

use domain::Timestamp;
use domain::alert::{AlertEvent, AlertStatus, ReceivedEvent};
use domain::id::EventId;
use domain::source::Source;
use domain::source::heartbeat::{Heartbeat, PingSchedule};
use domain::text::shorten;
use jiff::SignedDuration;
use serde_json::json;
use serde_json::value::to_raw_value;

/// The event about a heartbeat: a ping is missed, or pings arrive again.
fn told(
    source: &Source,
    beat: &PingSchedule,
    job: &Heartbeat,
    status: AlertStatus,
    now: Timestamp,
) -> ReceivedEvent {
    let (last, beginning) = (job.last_ping_at, status == AlertStatus::Firing);
    let since = now.duration_since(last);
    let payload = json!({
        "status": if beginning { "missed" } else { "ok" },
        "last_ping_at": last,
        "interval_seconds": beat.interval_s,
        "grace_period_seconds": beat.grace_s,
        "failure_threshold": beat.threshold,
    });
    let event = AlertEvent {
        status,
        deduplication_key: sources::HEARTBEAT_KEY.to_owned(),
        title: shorten(
            &format!("{} has sent no ping for {}", source.name, length(since)),
            sources::limits::TITLE_BYTES,
        ),
        description: Some(format!(
            "Its last ping came at {}. One is expected every {}.",
            last.strftime("%Y-%m-%d %H:%M:%S UTC"),
            length(SignedDuration::from_secs(beat.interval_s.into())),
        )),
        source_url: None,
        priority: None,
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: to_raw_value(&payload).expect("plain values are JSON"),
    };
    // The id is derived from the last ping: an event that is sent twice is the same event.
    let cause = format_args!("{} {} {}", source.id, status.name(), last);
    let id = EventId::derived(now, cause);
    ReceivedEvent {
        org: source.org,
        source: source.id,
        kind: source.kind.clone(),
        id,
        received_at: now,
        event,
        asked_by: None,
    }
}

/// A duration as people write it.
fn length(time: SignedDuration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_one_unit() {
        let said = |seconds| length(SignedDuration::from_secs(seconds));

        assert_eq!(
            (said(1), said(60), said(600)),
            ("1 second".into(), "60 seconds".into(), "10 minutes".into())
        );
        assert_eq!((said(7200), said(172_800)), ("2 hours".into(), "2 days".into()));
    }
}
