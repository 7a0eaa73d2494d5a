//! Groups: alerts that belong together have one incident and page once, and no alert is left unanswered.

use domain::Actor;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::incident::{TimelineEntry, TimelineEvent};
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell, with};

/// The grouping window, in seconds.
const WINDOW: u32 = 120;

async fn grouped() -> Bundle {
    let bundle = calm().await;
    bundle.group_by("team", WINDOW).await.unwrap();
    bundle
}

fn alert(bundle: &Bundle, name: &str, team: &str) -> Alert {
    Alert::now(bundle, name).of(team)
}

#[test]
fn storm_of_one_team_pages_once_and_opens_one_incident() {
    tell(|| async {
        let bundle = grouped().await;
        for n in 0..50 {
            bundle.deliver(&[alert(&bundle, &format!("fire {n}"), "storage")]).await;
        }
        bundle.deliver(&[alert(&bundle, "another", "network")]).await;
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        assert_eq!(found.alerts.len(), 51);
        assert_eq!(found.incidents.len(), 2);
        assert_eq!(found.escalations.len(), 2);
        assert_eq!(paged(&bundle).len(), 2);
        assert!(found.alerts.iter().all(|alert| alert.incident.is_some() && alert.due.is_none()));
    });
}

#[test]
fn incident_tells_of_every_alert_that_joined_it_while_they_last_and_after() {
    tell(|| async {
        let bundle = grouped().await;
        let alerts: Vec<Alert> = (0..3).map(|n| alert(&bundle, &format!("fire {n}"), "storage")).collect();
        bundle.deliver(&alerts).await;
        bundle.deliver(&[alert(&bundle, "another", "network")]).await;
        bundle.pass(30).await;
        for alert in &alerts {
            bundle.deliver(&[alert.over(&bundle)]).await;
        }
        bundle.pass(30).await;

        let found = ledger(&bundle).await;
        let store = &bundle.calm.store;
        let rules = app::Rules::new(store.clone()).of(bundle.org).await.unwrap();
        let mut told = Vec::new();
        for incident in found.incidents {
            let story = app::incident::timeline::timeline(store, &rules, incident).await.unwrap();
            let of = |state| {
                let is = |entry: &&TimelineEntry| matches!(entry.what, TimelineEvent::Alert { state: s, .. } if s == state);
                story.entries.iter().filter(is).count()
            };
            told.push((of(AlertState::Firing), of(AlertState::Resolved), story.escalations.len()));
        }
        told.sort_unstable();
        assert_eq!(told, [(1, 0, 1), (3, 3, 1)]);
    });
}

#[test]
fn storm_in_one_delivery_pages_once() {
    tell(|| async {
        // Calls take time, so that handlers interleave.
        let bundle = with(FaultPlan { latency_ms: 20, ..FaultPlan::calm() }).await;
        bundle.group_by("team", WINDOW).await.unwrap();
        let storm: Vec<Alert> = (0..30).map(|n| alert(&bundle, &format!("fire {n}"), "storage")).collect();
        assert!(bundle.deliver(&storm).await);
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        assert_eq!((found.alerts.len(), found.incidents.len(), paged(&bundle).len()), (30, 1, 1));
    });
}

#[test]
fn escalation_of_a_group_is_over_with_its_last_alert_and_not_before() {
    tell(|| async {
        let bundle = grouped().await;
        let (one, two) = (alert(&bundle, "one", "storage"), alert(&bundle, "two", "storage"));
        bundle.deliver(&[one.clone(), two.clone()]).await;
        bundle.pass(30).await;
        let state = async || ledger(&bundle).await.escalations[0].head().state();

        bundle.deliver(&[one.over(&bundle)]).await;
        bundle.pass(30).await;
        assert_eq!(state().await, EscalationState::Triggered);
        bundle.deliver(&[two.over(&bundle)]).await;
        bundle.pass(30).await;

        assert_eq!(state().await, EscalationState::Resolved);
        assert_eq!(paged(&bundle).len(), 1);
    });
}

#[test]
fn level_of_a_group_is_paged_while_any_of_its_alerts_goes_on() {
    tell(|| async {
        let bundle = grouped().await;
        let (one, two) = (alert(&bundle, "one", "storage"), alert(&bundle, "two", "storage"));
        bundle.deliver(&[one.clone(), two]).await;
        bundle.pass(30).await;
        bundle.deliver(&[one.over(&bundle)]).await;
        bundle.pass(300).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com"]);
    });
}

#[test]
fn alert_after_the_window_pages_again_and_one_within_the_moved_window_does_not() {
    tell(|| async {
        let bundle = grouped().await;
        bundle.deliver(&[alert(&bundle, "one", "storage")]).await;
        bundle.pass(100).await;
        bundle.deliver(&[alert(&bundle, "two", "storage")]).await;
        bundle.pass(100).await;
        bundle.deliver(&[alert(&bundle, "three", "storage")]).await;
        bundle.pass(10).await;
        assert_eq!(paged(&bundle).len(), 1, "the window did not move on");

        bundle.pass(130).await;
        bundle.deliver(&[alert(&bundle, "four", "storage")]).await;
        bundle.pass(10).await;

        let found = ledger(&bundle).await;
        assert_eq!((found.incidents.len(), found.escalations.len()), (2, 2));
    });
}

#[test]
fn alert_that_comes_once_its_group_is_over_pages_again() {
    tell(|| async {
        let bundle = grouped().await;
        let one = alert(&bundle, "one", "storage");
        bundle.deliver(std::slice::from_ref(&one)).await;
        bundle.pass(10).await;
        bundle.deliver(&[one.over(&bundle)]).await;
        bundle.pass(10).await;

        bundle.deliver(&[alert(&bundle, "two", "storage")]).await;
        bundle.pass(10).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "ada@example.com"]);
    });
}

#[test]
fn nobody_is_paged_for_what_joins_while_somebody_is_on_it() {
    tell(|| async {
        let bundle = grouped().await;
        bundle.deliver(&[alert(&bundle, "one", "storage")]).await;
        bundle.pass(10).await;
        let escalation = ledger(&bundle).await.escalations[0].id;
        let by = Actor::system(bundle.org, "story");
        let (store, now) = (&bundle.calm.store, bundle.now());
        app::escalation::respond::acknowledge(store, &by, escalation, now).await.unwrap();

        bundle.deliver(&[alert(&bundle, "two", "storage")]).await;
        bundle.pass(10).await;

        assert_eq!(paged(&bundle).len(), 1);
        assert_eq!(ledger(&bundle).await.incidents.len(), 1);
    });
}

#[test]
fn alert_that_joined_just_as_the_escalation_ended_pages_again() {
    tell(|| async {
        let plan = FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["escalation-tick"]);
        let bundle = with(plan).await;
        bundle.group_by("team", WINDOW).await.unwrap();
        bundle.deliver(&[alert(&bundle, "one", "storage")]).await;
        bundle.pass(2).await;
        bundle.deliver(&[alert(&bundle, "two", "storage")]).await;
        bundle.pass(2).await;
        // As if the check of the group had run before the second alert joined.
        let escalation = ledger(&bundle).await.escalations[0].clone();
        let by = Actor::system(bundle.org, "story");
        let stopped =
            escalation.stop(EscalationState::Resolved, by.identity(), "its alert was resolved", bundle.now());
        stopped.unwrap().execute(&bundle.calm.store).await.unwrap();

        bundle.faults.end();
        bundle.pass(130).await;

        let found = ledger(&bundle).await;
        assert_eq!(paged(&bundle), ["ada@example.com", "ada@example.com"]);
        assert!(found.alerts.iter().all(|alert| alert.head().state() == AlertState::Firing));
    });
}

#[test]
fn alert_that_lacks_the_key_stands_alone() {
    tell(|| async {
        let bundle = grouped().await;
        for n in 0..3 {
            bundle.deliver(&[Alert::now(&bundle, &format!("fire {n}"))]).await;
        }
        bundle.pass(30).await;

        assert_eq!(paged(&bundle).len(), 3);
        assert_eq!(ledger(&bundle).await.incidents.len(), 3);
    });
}
