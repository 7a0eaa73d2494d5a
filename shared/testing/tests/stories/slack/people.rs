//! Permissions in Slack, and the answers that people get.

use ::slack::block::form;
use app::escalation::create::{EscalationTarget, ManualEscalation, create as begin};
use app::incident::create::{NewIncident, create};
use app::incident::edit::Edit;
use app::org::create::{NewOrg, create_beside};
use domain::Actor;
use domain::id::{EscalationId, IncidentId};
use domain::incident::Visibility;
use domain::slack::ButtonPress;
use domain::trace::Trace;
use machine::{State, Stateful};
use serde_json::json;
use testing::fake_slack::ANNOUNCEMENTS;
use testing::sender::Alert;

use super::{api, channel_of, connected, incident, send, steps, types};
use crate::stage::{ledger, paged, tell};

#[test]
fn somebody_whom_nobody_knows_may_open_an_incident_and_is_told_why_they_may_do_no_more() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let known = incident(&bundle).await;

        send(&bundle, bundle.slack.press("U0EVE", ANNOUNCEMENTS, ButtonPress::Acknowledge(known.id), "1.1"))
            .await;
        bundle.pass(5).await;
        types(&bundle, "U0EVE", "C0SOMEWHERE", "water", "2.2").await;

        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.escalations[0].head().state().name(), "triggered");
        assert_eq!(ledger.incidents.len(), 2);
        let opened = ledger.incidents.iter().find(|incident| incident.title == "water").unwrap();
        assert_eq!(opened.creator.to_string(), "system:slack:U0EVE");
        let answers = bundle.slack.answers();
        assert!(
            answers[0].text.contains("No Firebell user has the email address of your Slack account."),
            "{answers:?}"
        );
        assert!(answers[1].text.contains("Opened *INC-2*"), "{answers:?}");
        let channel = channel_of(&bundle, "INC-2");
        assert!(channel.members.contains("U0EVE"), "whoever opened it is in its channel: {channel:?}");
    });
}

#[test]
fn paging_somebody_from_slack_pages_them_and_can_be_acknowledged_there() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let incident = incident(&bundle).await;
        let channel = channel_of(&bundle, "INC-1");

        for _ in 0..2 {
            types(&bundle, "U0ADA", &channel.id, "page <@U0GRACE|grace>", "2.2").await;
        }

        assert_eq!(paged(&bundle), ["grace@example.com"]);
        assert!(channel_of(&bundle, "INC-1").members.contains("U0GRACE"));
        assert_eq!(
            bundle.slack.messages_in(ANNOUNCEMENTS)[0].buttons(),
            ["acknowledge", "update", "resolve"]
        );
        types(&bundle, "U0GRACE", &channel.id, "ack", "3.3").await;
        assert_eq!(ledger(&bundle).await.escalations[0].head().state().name(), "acked");
        assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS)[0].buttons(), ["update", "resolve"]);
        assert!(steps(&bundle, &incident).await.len() > 4);
    });
}

#[test]
fn command_that_means_no_incident_is_answered_with_what_to_type() {
    tell(|| async {
        let bundle = connected().await;
        for (n, (text, told)) in [
            ("help", "/inc status"),
            ("status", "Which incident?"),
            ("status INC-9", "The incident `INC-9` does not exist."),
            ("update it is over", "/inc new"),
            ("close INC-9", "The incident `INC-9` does not exist."),
        ]
        .into_iter()
        .enumerate()
        {
            types(&bundle, "U0ADA", "C0SOMEWHERE", text, &format!("{n}.1")).await;
            let answers = bundle.slack.answers();
            assert!(answers[n].text.contains(told), "{text}: {answers:?}");
        }
        assert!(ledger(&bundle).await.incidents.is_empty());
    });
}

#[test]
fn command_without_a_text_asks_in_a_form_whose_answer_opens_one_incident() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "", "1.1").await;
        let view = bundle.slack.views().remove(0);
        assert_eq!(view["callback_id"], form::NEW);
        let severity = view["blocks"][2]["element"]["options"][1].clone();

        for _ in 0..2 {
            let values = [
                (form::NAME, json!("Disk full")),
                (form::TEXT, json!("db-1 has no room")),
                (form::SEVERITY, severity.clone()),
            ];
            send(&bundle, bundle.slack.form("U0ADA", form::NEW, "C0SOMEWHERE", &values, "V1")).await;
            bundle.pass(10).await;
        }

        let incident = incident(&bundle).await;
        assert_eq!((&*incident.title, incident.summary.as_deref()), ("Disk full", Some("db-1 has no room")));
        assert_eq!(incident.severity.unwrap().to_string(), severity["value"]);
    });
}

#[test]
fn pinned_message_is_in_the_timeline_once() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let incident = incident(&bundle).await;
        let channel = channel_of(&bundle, "INC-1");
        let pin = json!({
            "type": "pin_added", "user": "U0ADA", "channel_id": channel.id,
            "item": {"type": "message", "channel": channel.id,
                     "message": {"type": "message", "user": "U0ADA", "text": "it was &lt;DNS&gt;", "ts": "7.8"}},
        });

        for id in ["Ev1", "Ev1", "Ev2"] {
            send(&bundle, bundle.slack.event(&pin, id)).await;
        }
        bundle.pass(10).await;

        let history = bundle.calm.store.incident_history(bundle.org, incident.id, None, 50).await.unwrap();
        let pins: Vec<_> = history.iter().filter(|row| row.why == "pin").collect();
        assert_eq!(pins.len(), 1);
        let note = serde_json::to_value(pins[0].note.as_ref().unwrap()).unwrap();
        assert_eq!(note["changed"][0]["pinned"], json!({"text": "it was <DNS>", "author": "Ada Oncall"}));
        assert_eq!(bundle.slack.messages_in(&channel.id).len(), 1, "a pin is not shared back");
    });
}

#[test]
fn mention_is_answered_below_the_message() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let channel = channel_of(&bundle, "INC-1");
        let mention = json!({
            "type": "app_mention", "user": "U0ADA", "text": "<@U0BOT> status", "ts": "5.5", "channel": channel.id,
        });

        for _ in 0..2 {
            send(&bundle, bundle.slack.event(&mention, "Ev1")).await;
        }
        bundle.pass(10).await;

        let said = bundle.slack.messages_in(&channel.id);
        assert_eq!((said.len(), said[1].below.as_deref()), (2, Some("5.5")));
        assert!(said[1].text.contains("Status: Active"), "{said:?}");
    });
}

#[test]
fn workspace_that_removes_the_app_is_asked_for_nothing_any_more() {
    tell(|| async {
        let bundle = connected().await;
        send(&bundle, bundle.slack.event(&json!({"type": "app_uninstalled"}), "Ev1")).await;
        bundle.pass(5).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(70).await;

        assert!(bundle.slack.calls().is_empty());
        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}

#[test]
fn request_that_slack_did_not_sign_is_refused_and_costs_nothing() {
    tell(|| async {
        let bundle = connected().await;
        let good = bundle.slack.command("U0ADA", "C0SOMEWHERE", "fire", "1.1");
        let (parts, _) = good.into_parts();
        let before = bundle.counts.snapshot();
        let forged = http::Request::from_parts(parts.clone(), axum::body::Body::from("text=other"));
        let answer = bundle.request(forged).await.unwrap();
        assert_eq!(answer.status(), 401);
        bundle.pass(301).await;
        let body = testing::fake_slack::FakeSlack::command_body("U0ADA", "C0SOMEWHERE", "fire", "1.1");
        let late = http::Request::from_parts(parts, axum::body::Body::from(body));
        let answer = bundle.request(late).await.unwrap();
        assert_eq!(answer.status(), 401, "five minutes are over");

        assert!(ledger(&bundle).await.incidents.is_empty());
        let sent = bundle.counts.snapshot().since(&before);
        assert!(!sent.requests.keys().any(|(_, operation)| operation == "SendMessage"), "{sent:?}");
    });
}

#[test]
fn private_incident_is_there_in_its_own_channel_and_nowhere_else_for_whoever_has_no_part_in_it() {
    tell(|| async {
        let bundle = connected().await;
        let secret = json!({ "idempotency_key": "1", "visibility": "private", "name": "Secret" });
        api(&bundle, "/v2/incidents", &secret).await;
        let room = channel_of(&bundle, "INC-1");
        // So that their user is known.
        for user in ["U0GRACE", "U0EVE"] {
            types(&bundle, user, "C0SOMEWHERE", "help", user).await;
        }

        let mut asked = 0;
        for (user, channel, sees) in
            [("U0GRACE", "C0SOMEWHERE", false), ("U0EVE", "C0SOMEWHERE", false), ("U0GRACE", &*room.id, true)]
        {
            for text in ["status INC-1", "update INC-1 words", "lead INC-1 me", "ack INC-1"] {
                asked += 1;
                types(&bundle, user, channel, text, &asked.to_string()).await;

                let told = bundle.slack.answers().pop().unwrap().text;
                let hidden = told.contains("The incident `INC-1` does not exist.");
                assert_eq!(hidden, !sees, "{user} in {channel}: {text}: {told}");
                assert!(sees || !told.contains("Secret"), "{told}");
            }
        }
        types(&bundle, "U0GRACE", "C0SOMEWHERE", "status INC-1", "lead").await;
        let told = bundle.slack.answers().pop().unwrap().text;
        assert!(told.contains("Secret"), "who leads it sees it anywhere: {told}");
    });
}

#[test]
fn ids_of_another_organisation_mean_nothing_in_a_button_and_in_a_form() {
    tell(|| async {
        let bundle = connected().await;
        let (quiet, now) = (&bundle.calm, bundle.now());
        let (store, random) = (&quiet.store, &quiet.random);
        let new = NewOrg {
            name: "Others".to_owned(),
            owner_name: "Zoe".to_owned(),
            owner_email: "zoe@example.net".to_owned(),
            api_key: None,
        };
        let (other, _) = create_beside(store, &quiet.seal, &new, random, now).await.unwrap();
        let by = Actor::system(other.id, "test");
        let new = NewIncident {
            org: other.id,
            id: IncidentId::new(now, random()),
            name: "Sekret".to_owned(),
            summary: None,
            visibility: Visibility::Public,
            triage: false,
            alert: None,
            trace: Trace::begin(7),
        };
        let theirs = create(store, &by, new, &Edit::default(), "1", now).await.unwrap();
        let call = ManualEscalation {
            id: EscalationId::new(now, random()),
            title: "Sekret".to_owned(),
            description: None,
            target: EscalationTarget::Users(vec![other.owner]),
            incident: Some(theirs.id),
            trace: Trace::begin(8),
        };
        let rules = app::Rules::new(store.clone());
        let page = begin(store, &rules, &by, ("1", call), now).await.unwrap();
        bundle.pass(10).await;

        let presses = [
            ButtonPress::Acknowledge(theirs.id),
            ButtonPress::Resolve(theirs.id),
            ButtonPress::Update(theirs.id),
            ButtonPress::AcknowledgePage(page.id),
        ];
        for (n, press) in presses.into_iter().enumerate() {
            send(&bundle, bundle.slack.press("U0ADA", "C0SOMEWHERE", press, &format!("1.{n}"))).await;
        }
        let values = [(form::TEXT, json!("Heard of it"))];
        send(&bundle, bundle.slack.form("U0ADA", form::UPDATE, &theirs.id.to_string(), &values, "V9")).await;
        bundle.pass(10).await;

        let after = store.incident(other.id, theirs.id).await.unwrap().unwrap();
        assert_eq!(after.head().version(), theirs.head().version());
        let after = store.escalation(other.id, page.id).await.unwrap().unwrap();
        assert_eq!(after.head().state().name(), "triggered");
        let said =
            format!("{:?} {:?} {:?}", bundle.slack.answers(), bundle.slack.views(), bundle.slack.messages());
        assert!(!said.contains("Sekret"), "{said}");
        assert_eq!(bundle.slack.answers().len(), 4, "each is told, but for the form: {said}");
    });
}
