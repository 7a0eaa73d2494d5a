//! Notifications by direct message: a button is shown only while it does something.

use domain::id::{EscalationId, UserId};
use domain::notification::NotificationState;
use machine::{State, Stateful};
use serde_json::json;
use testing::bundle::Bundle;
use testing::fake_slack::{PostedMessage, SlackFaults};
use testing::sender::Alert;

use super::{api, connected, incident, request, undone};
use crate::stage::{ledger, paged, tell};

/// The direct messages of a person.
const ADA: &str = "D0ADA";
const GRACE: &str = "D0GRACE";

/// A bundle whose two people are notified only by direct message.
async fn two_people() -> (Bundle, [UserId; 2]) {
    let bundle = connected().await;
    let ada = bundle.message_directly("ada@example.com", "U0ADA").await.unwrap();
    let grace = bundle.message_directly("grace@example.com", "U0GRACE").await.unwrap();
    (bundle, [ada, grace])
}

/// The only message in a channel.
fn only(bundle: &Bundle, channel: &str) -> PostedMessage {
    let mut said = bundle.slack.messages_in(channel);
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

/// The text of a direct message below its title.
fn says(bundle: &Bundle, channel: &str) -> String {
    only(bundle, channel).blocks[1]["text"]["text"].as_str().unwrap_or_default().to_owned()
}

/// The only escalation.
async fn escalation(bundle: &Bundle) -> EscalationId {
    let escalations = ledger(bundle).await.escalations;
    assert_eq!(escalations.len(), 1);
    escalations[0].id
}

/// An alert that has notified two people, one after the other.
async fn both_paged() -> Bundle {
    let (bundle, _) = two_people().await;
    bundle.deliver(&[Alert::now(&bundle, "<!channel> fire")]).await;
    bundle.pass(310).await;
    for channel in [ADA, GRACE] {
        assert_eq!(only(&bundle, channel).buttons(), ["acknowledge_page", "look"], "{channel}");
    }
    bundle
}

/// A person acknowledges through the link in their message.
async fn follows_link(bundle: &Bundle, channel: &str) {
    let said = bundle.slack.messages_in(channel).pop().expect("they were told nothing");
    let buttons = said.blocks.as_array().unwrap().iter().find(|block| block["type"] == "actions").unwrap();
    let link = buttons["elements"][1]["url"].as_str().unwrap();
    let path = link.strip_prefix(bundle.context.public_url.as_str()).unwrap();
    let posted = http::Request::post(path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(bundle.request(posted).await.unwrap().status(), http::StatusCode::SEE_OTHER);
    bundle.pass(10).await;
}

#[test]
fn acknowledging_elsewhere_takes_the_buttons_off_the_messages_of_all_who_were_paged() {
    tell(|| async {
        let bundle = both_paged().await;

        follows_link(&bundle, GRACE).await;

        for (channel, told) in [(ADA, "Grace Backup acknowledged this."), (GRACE, "You acknowledged this.")] {
            let said = only(&bundle, channel);
            assert_eq!((said.buttons(), said.edits), (vec![], 1), "{said:?}");
            assert_eq!(says(&bundle, channel), told);
            assert!(!said.text.contains('<') && !said.blocks.to_string().contains("<@"), "{said:?}");
        }
        assert_eq!(undone(&bundle, &incident(&bundle).await).await, [""; 0]);
    });
}

#[test]
fn end_of_the_alert_takes_the_buttons_off() {
    tell(|| async {
        let bundle = both_paged().await;
        let alert = ledger(&bundle).await.alerts.remove(0).id;

        api(&bundle, &format!("/v2/alerts/{alert}/actions/resolve"), &json!({})).await;

        for channel in [ADA, GRACE] {
            assert_eq!(
                (only(&bundle, channel).buttons(), &*says(&bundle, channel)),
                (vec![], "The escalation has ended.")
            );
        }
    });
}

#[test]
fn page_without_an_incident_loses_its_buttons_once_it_is_called_off() {
    tell(|| async {
        let (bundle, people) = two_people().await;
        let call = json!({ "idempotency_key": "1", "title": "Come", "user_ids": people });
        api(&bundle, "/v2/escalations", &call).await;
        assert_eq!(only(&bundle, GRACE).buttons(), ["acknowledge_page", "look"]);
        let id = escalation(&bundle).await;

        api(&bundle, &format!("/v2/escalations/{id}/actions/cancel"), &json!({})).await;

        assert_eq!(ledger(&bundle).await.escalations[0].head().state().name(), "cancelled");
        for channel in [ADA, GRACE] {
            let (said, told) = (only(&bundle, channel), says(&bundle, channel));
            assert_eq!((said.buttons(), &*told), (vec![], "An API key cancelled the escalation."));
        }
    });
}

#[test]
fn message_keeps_its_button_while_nobody_has_answered_though_the_escalation_has_expired() {
    tell(|| async {
        let bundle = both_paged().await;
        bundle.pass(310).await;
        assert_eq!(ledger(&bundle).await.escalations[0].head().state().name(), "expired");
        assert_eq!(only(&bundle, ADA).buttons(), ["acknowledge_page", "look"], "it can still be answered");

        follows_link(&bundle, GRACE).await;

        assert_eq!(
            (only(&bundle, ADA).buttons(), &*says(&bundle, ADA)),
            (vec![], "Grace Backup acknowledged this.")
        );
    });
}

#[test]
fn taking_the_answer_back_pages_with_buttons_and_the_next_answer_takes_them_off_again() {
    tell(|| async {
        let (bundle, people) = two_people().await;
        let call = json!({ "idempotency_key": "1", "title": "Come", "user_ids": people });
        api(&bundle, "/v2/escalations", &call).await;
        let id = escalation(&bundle).await;
        follows_link(&bundle, GRACE).await;

        let rules = app::Rules::new(bundle.context.store.clone());
        let (by, now) = (domain::Actor::system(bundle.org, "story"), bundle.now());
        app::escalation::respond::unacknowledge(&bundle.context.store, &rules, &by, id, now).await.unwrap();
        bundle.pass(10).await;
        let said = bundle.slack.messages_in(ADA);
        assert_eq!(said.iter().map(|said| said.buttons().len()).collect::<Vec<_>>(), [0, 2]);
        follows_link(&bundle, ADA).await;

        for channel in [ADA, GRACE] {
            let said = bundle.slack.messages_in(channel);
            assert!(said.len() == 2 && said.iter().all(|said| said.buttons().is_empty()), "{said:?}");
        }
    });
}

#[test]
fn slack_that_is_down_when_somebody_answers_is_told_once_it_is_back() {
    tell(|| async {
        let bundle = both_paged().await;
        bundle.slack.set_faults(SlackFaults { down: true, ..SlackFaults::default() });
        follows_link(&bundle, GRACE).await;
        bundle.pass(300).await;
        assert_eq!(only(&bundle, ADA).buttons().len(), 2);

        bundle.slack.set_faults(SlackFaults { refuses: 0.3, mute: 0.3, ..SlackFaults::default() });
        bundle.pass(300).await;

        for channel in [ADA, GRACE] {
            assert_eq!(only(&bundle, channel).buttons(), [""; 0]);
        }
        assert_eq!(undone(&bundle, &incident(&bundle).await).await, [""; 0]);
    });
}

#[test]
fn page_that_lands_after_the_answer_has_no_button_either() {
    tell(|| async {
        let (bundle, people) = two_people().await;
        // Slack has taken the message and answers late.
        bundle.slack.set_faults(SlackFaults { slow: true, ..SlackFaults::default() });
        let call = json!({ "idempotency_key": "1", "title": "Come", "user_ids": people });
        let request = request("/v2/escalations", &call);
        assert_eq!(bundle.request(request).await.unwrap().status(), 201);
        bundle.pass(2).await;
        let sending = ledger(&bundle).await.notifications;
        assert!(sending.iter().all(|page| page.head().state() == NotificationState::Sending), "{sending:?}");
        assert_eq!(only(&bundle, ADA).buttons().len(), 2);
        follows_link(&bundle, GRACE).await;
        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(60).await;

        for channel in [ADA, GRACE] {
            assert_eq!(only(&bundle, channel).buttons(), [""; 0], "{channel}");
        }
    });
}

#[test]
fn mail_stands_in_once_for_a_direct_message_that_does_not_get_through() {
    tell(|| async {
        let (bundle, _) = two_people().await;
        bundle.slack.set_faults(SlackFaults { revoked: true, ..SlackFaults::default() });

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(5).await;
        assert_eq!(paged(&bundle), [""; 0], "Slack has its chance");
        bundle.pass(30).await;
        assert_eq!(paged(&bundle), ["ada@example.com"]);

        bundle.pass(220).await;
        assert_eq!(paged(&bundle), ["ada@example.com"], "however often Slack is tried again");
        bundle.slack.set_faults(SlackFaults::default());
        bundle.pass(310).await;
        assert_eq!(paged(&bundle), ["ada@example.com"], "Grace has her direct message, and no mail");
        assert_eq!((only(&bundle, ADA).edits, only(&bundle, GRACE).edits), (0, 0));
    });
}

#[test]
fn whoever_slack_does_not_know_is_mailed_at_once() {
    tell(|| async {
        let bundle = connected().await;
        bundle.message_directly("ada@example.com", "U0GONE").await.unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(5).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
        let pages = ledger(&bundle).await.notifications;
        let mut states: Vec<_> = pages.iter().map(|page| (&*page.id, page.head().state().name())).collect();
        states.sort_unstable();
        assert_eq!(states, [("000-000-00", "failed"), ("000-000-00-mail", "delivered")]);
    });
}
