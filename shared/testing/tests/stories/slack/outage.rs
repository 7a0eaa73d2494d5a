//! Slack is down, slow or limits the rate of calls.

use std::collections::BTreeSet;

use domain::slack::StepState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::fake_slack::{ANNOUNCEMENTS, SlackFaults};
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use super::{channel_of, connected, steps};
use crate::stage::{ledger, paged, tell};

/// Returns violations: each step must be done, and no message posted twice.
async fn check(bundle: &Bundle, incidents: usize) {
    let opened = ledger(bundle).await.incidents;
    assert_eq!(opened.len(), incidents);
    for incident in &opened {
        for step in steps(bundle, incident).await {
            assert_eq!(
                step.head().state(),
                StepState::Done,
                "{} {}: {:?}",
                step.mark(),
                step.attempts.attempt,
                step.attempts.log
            );
        }
        let channel = channel_of(bundle, &incident.reference());
        assert!(channel.members.contains("U0ADA"), "{channel:?}");
    }
    let said = bundle.slack.messages();
    let marks: BTreeSet<&str> = said.iter().map(testing::fake_slack::PostedMessage::mark).collect();
    assert_eq!(marks.len(), said.len(), "something was posted twice");
    assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS).len(), incidents);
    // One channel for each incident, and the channel of announcements.
    assert_eq!(bundle.slack.channels().len(), incidents + 1);
}

/// Fires alerts one after the other. Each must be accepted.
async fn storm(bundle: &Bundle, alerts: usize, seconds: u64) {
    for n in 0..alerts {
        assert!(bundle.deliver(&[Alert::now(bundle, &format!("fire {n}"))]).await);
        bundle.pass(seconds).await;
    }
}

/// Fires alerts for ten minutes in which Slack is down.
fn down_for_ten_minutes(alerts: u16) {
    tell(move || async move {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { down: true, ..SlackFaults::default() });

        storm(&bundle, alerts.into(), 600 / u64::from(alerts)).await;

        let arrived = bundle.inbox.arrived();
        for alert in ledger(&bundle).await.alerts {
            let page = arrived.iter().find(|page| page.title == alert.title).expect("it was not paged");
            let late = page.at.duration_since(alert.created_at).as_secs();
            assert!(late < 10, "`{}` was paged {late} s late", alert.title);
        }
        assert!(bundle.slack.calls().is_empty(), "slack was not down");

        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(120).await;

        check(&bundle, alerts.into()).await;
    });
}

#[test]
fn slack_is_down_for_ten_minutes_in_a_storm_and_paging_does_not_notice() {
    down_for_ten_minutes(30);
}

#[test]
#[ignore = "takes minutes"]
fn slack_is_down_for_ten_minutes_in_a_storm_of_a_hundred_incidents() {
    down_for_ten_minutes(100);
}

#[test]
fn slack_that_never_answers_holds_up_no_page_and_is_told_all_once_it_answers() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { hangs: true, ..SlackFaults::default() });

        storm(&bundle, 5, 20).await;

        let arrived = bundle.inbox.arrived();
        for alert in ledger(&bundle).await.alerts {
            let page = arrived.iter().find(|page| page.title == alert.title).expect("it was not paged");
            let late = page.at.duration_since(alert.created_at).as_secs();
            assert!(late < 10, "`{}` was paged {late} s late", alert.title);
        }
        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(180).await;

        check(&bundle, 5).await;
    });
}

#[test]
fn incident_opened_by_command_lives_while_slack_is_down_and_is_answered_when_it_is_back() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { down: true, ..SlackFaults::default() });

        super::types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;

        assert_eq!(
            ledger(&bundle).await.incidents.len(),
            1,
            "it is there before slack was asked for anything"
        );
        assert!(bundle.slack.answers().is_empty());
        bundle.pass(600).await;
        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(90).await;
        assert_eq!(bundle.slack.answers().len(), 1);
        check(&bundle, 1).await;
    });
}

#[test]
fn slack_that_does_what_it_is_asked_and_does_not_say_so_is_not_asked_twice() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { mute: 0.4, refuses: 0.2, ..SlackFaults::default() });

        storm(&bundle, 15, 5).await;
        bundle.pass(300).await;
        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(120).await;

        check(&bundle, 15).await;
        let retried = ledger(&bundle).await.incidents;
        let mut again = 0;
        for incident in &retried {
            let steps = steps(&bundle, incident).await;
            again += steps
                .iter()
                .filter(|step| step.attempts.log.iter().any(|e| e.why.contains("in time")))
                .count();
        }
        assert!(again > 5, "no answer was lost, so nothing was shown");
    });
}

#[test]
fn slack_that_takes_a_message_a_second_is_given_no_more_and_gets_them_all() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { limits: true, ..SlackFaults::default() });

        storm(&bundle, 20, 0).await;
        bundle.pass(300).await;

        check(&bundle, 20).await;
        assert_eq!(paged(&bundle).iter().filter(|to| *to == "ada@example.com").count(), 20);
    });
}

#[test]
fn step_whose_message_was_lost_is_done_by_the_sweep() {
    tell(|| async {
        let plan = FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["slack-work"]);
        let bundle = Bundle::start(1, plan, Provider::default()).await.unwrap();
        bundle.connect_slack().await.unwrap();
        storm(&bundle, 3, 1).await;
        bundle.pass(70).await;
        assert!(bundle.slack.calls().is_empty(), "the messages were not lost");

        bundle.faults.end();
        bundle.pass(200).await;

        check(&bundle, 3).await;
    });
}

#[test]
fn bad_day_at_aws_and_at_slack_leaves_nothing_undone_and_nothing_twice() {
    for seed in 0..3 {
        tell(|| async move {
            let plan = FaultPlan::rough().losing(["slack-work"]);
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            bundle.connect_slack().await.unwrap();
            bundle.slack.set_faults(SlackFaults { mute: 0.1, refuses: 0.1, ..SlackFaults::default() });
            let mut accepted = 0;
            while accepted < 8 {
                let alert = Alert::now(&bundle, &format!("fire {accepted}"));
                accepted += usize::from(bundle.deliver(&[alert]).await);
                bundle.pass(7).await;
            }
            bundle.pass(300).await;

            bundle.faults.end();
            bundle.slack.set_faults(SlackFaults::default());
            bundle.pass(400).await;

            println!("seed {seed}: {:?}", bundle.faults.counters());
            check(&bundle, 8).await;
        });
    }
}
