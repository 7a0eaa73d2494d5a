//! Escalation levels: each is paged after its time until somebody acknowledges.

use domain::Actor;
use domain::id::UserId;
use domain::user::{MethodType, RuleTarget, Urgency};
use machine::{State, Stateful};
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// The demonstration's time to acknowledge, in seconds.
const ACK: u64 = 300;

async fn acknowledge(bundle: &Bundle) {
    let escalation = ledger(bundle).await.escalations.remove(0);
    let by = Actor::paged(bundle.org, escalation_user(bundle).await);
    app::escalation::respond::acknowledge(&bundle.calm.store, &by, escalation.id, bundle.now())
        .await
        .unwrap();
}

async fn escalation_user(bundle: &Bundle) -> UserId {
    bundle.calm.store.person("ada@example.com").await.unwrap().unwrap().1
}

#[test]
fn nobody_answers_so_every_level_is_paged_and_then_the_fallback_contact_once() {
    tell(|| async {
        let bundle = calm().await;

        assert!(bundle.deliver(&[Alert::now(&bundle, "fire")]).await);
        bundle.pass(2).await;
        assert_eq!(paged(&bundle), ["ada@example.com"]);
        bundle.pass(ACK - 5).await;
        assert_eq!(paged(&bundle).len(), 1, "level 2 was paged early");
        bundle.pass(6).await;
        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com"]);
        bundle.pass(ACK + 3).await;
        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com", "owner@example.com"]);
        bundle.pass(3600).await;

        assert_eq!(paged(&bundle).len(), 3, "the fallback contact is paged once");
        assert_eq!(ledger(&bundle).await.escalations[0].head().state().name(), "expired");
    });
}

#[test]
fn acknowledgement_stops_paging() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;

        acknowledge(&bundle).await;
        bundle.pass(3 * ACK).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
        let history = ledger(&bundle).await.history.into_values().flatten().collect::<Vec<_>>();
        let ack = history.iter().find(|row| row.to == "acked").unwrap();
        assert_eq!(ack.by, format!("user:{}", escalation_user(&bundle).await), "recorded as that person");
    });
}

#[test]
fn expired_escalation_can_still_be_acknowledged() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(3 * ACK).await;

        acknowledge(&bundle).await;

        assert_eq!(ledger(&bundle).await.escalations[0].head().state().name(), "acked");
    });
}

#[test]
fn resolved_alert_ends_its_escalation() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(30).await;

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(3 * ACK).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.escalations[0].head().state().name(), "resolved");
        assert_eq!(ledger.alerts[0].head().state().name(), "resolved");
        assert_eq!(ledger.alerts[0].due, None, "its escalations are owed nothing more");
    });
}

#[test]
fn own_later_rule_of_a_person_fires_after_the_next_level_began_but_not_after_an_answer() {
    tell(|| async {
        let bundle = calm().await;
        let ada = escalation_user(&bundle).await;
        let rule = |delay_seconds| app::user::methods::NewRule {
            id: None,
            urgency: Urgency::High,
            delay_seconds,
            method_type: MethodType::Email,
            target: RuleTarget::All,
        };
        let rules = [rule(0), rule(400), rule(900)];
        let context = &bundle.calm;
        app::user::methods::set_rules(
            &context.store,
            &Actor::system(bundle.org, "story"),
            ada,
            &rules,
            &context.random,
            bundle.now(),
        )
        .await
        .unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(450).await;
        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com", "ada@example.com"]);
        acknowledge(&bundle).await;
        bundle.pass(3600).await;

        assert_eq!(paged(&bundle).len(), 3, "the rule of 900 seconds fired after the answer");
    });
}

#[test]
fn acknowledgement_at_any_moment_round_the_next_level_is_never_followed_by_a_page() {
    for milliseconds in (298_000..=303_000).step_by(250) {
        tell(|| async move {
            let bundle = calm().await;
            bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;

            acknowledge(&bundle).await;
            let before = ledger(&bundle).await;
            let claimed =
                before.notifications.iter().filter(|page| page.head().state().name() != "pending").count();
            bundle.pass(3 * ACK).await;

            let arrived = bundle.inbox.arrived().len();
            assert_eq!(arrived, claimed, "acknowledged after {milliseconds} ms");
        });
    }
}
