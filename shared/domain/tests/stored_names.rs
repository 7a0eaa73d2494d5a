//! The names of states are stored, so they must not change when a variant is renamed.

use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::incident::IncidentState;
use domain::message::Queue;
use domain::notification::NotificationState;
use domain::sign_in::SignInState;
use domain::slack::step::StepState;
use domain::source::SourceState;
use domain::source::backfill::BackfillState;
use domain::source::heartbeat::HeartbeatState;
use machine::State;

fn names<S: State>() -> Vec<&'static str> {
    S::ALL.iter().map(|state| state.name()).collect()
}

#[test]
fn names_of_states_are_the_stored_ones() {
    assert_eq!(names::<AlertState>(), ["firing", "resolved"]);
    assert_eq!(
        names::<EscalationState>(),
        ["pending", "triggered", "acked", "resolved", "expired", "cancelled"]
    );
    assert_eq!(
        names::<IncidentState>(),
        ["triage", "active", "paused", "post-incident", "closed", "declined", "merged", "canceled"]
    );
    assert_eq!(names::<NotificationState>(), ["pending", "sending", "delivered", "failed", "cancelled"]);
    assert_eq!(names::<SignInState>(), ["asked", "sending", "sent", "used", "void"]);
    assert_eq!(names::<StepState>(), ["pending", "doing", "done", "failed", "obsolete"]);
    assert_eq!(names::<SourceState>(), ["draft", "active", "disabled", "destroyed"]);
    assert_eq!(names::<BackfillState>(), ["running", "done", "cancelled"]);
    assert_eq!(names::<HeartbeatState>(), ["healthy", "missed", "idle", "gone"]);
}

#[test]
fn names_of_queues_are_those_of_the_template() {
    let names: Vec<&str> = Queue::ALL.iter().map(|queue| queue.name()).collect();

    assert_eq!(
        names,
        [
            "alert-handle",
            "alert-rescue",
            "escalation-tick",
            "notification-send",
            "mail-receive",
            "slack-work"
        ]
    );
}
