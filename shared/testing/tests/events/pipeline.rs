//! What queues, the stream and the schedule bring.

use domain::alert::{AlertState, Routing};
use domain::escalation::{EscalationState, PathRef};
use domain::message::Queue;
use domain::notification::NotificationState;
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::{Fixture, PUBLIC};
use testing::invoke::Invoked;

use super::{EventCase, Given, alert, all_handled, escalation};

pub(crate) const CASES: &[EventCase] = &[
    EventCase { event: "alert-handle/acknowledged-first", given: Given::Rules, then: waits_for_its_alert },
    EventCase { event: "alert-handle/firing", given: Given::Rules, then: opens },
    EventCase { event: "alert-handle/resolved", given: Given::Alert, then: resolves },
    EventCase { event: "alert-handle/delivery-failed", given: Given::Rules, then: keeps_the_error },
    EventCase { event: "alert-handle/one-unreadable", given: Given::Rules, then: handles_the_other },
    EventCase { event: "alert-rescue/firing", given: Given::Rules, then: pages_the_fallback_contact },
    EventCase { event: "alert-rescue/resolved", given: Given::Alert, then: resolves },
    EventCase { event: "escalation-sweep/tick", given: Given::AlertUnanswered, then: sends_what_is_due },
    EventCase { event: "escalation-tick/alert-resolved", given: Given::AlertResolved, then: stops },
    EventCase { event: "escalation-tick/due", given: Given::AlertUnanswered, then: pages_the_next_level },
    EventCase { event: "mail-receive/received", given: Given::Mail, then: hands_it_in },
    EventCase { event: "notification-send/check", given: Given::Alert, then: mails },
    EventCase { event: "notification-send/due", given: Given::Alert, then: mails },
    EventCase { event: "notification-send/provider-down", given: Given::AlertMailDown, then: tries_again },
    EventCase { event: "notification-send/sign-in", given: Given::AskedForLink, then: sends_the_link },
    EventCase { event: "outbox-relay/opened", given: Given::Rules, then: relays },
];

fn opens<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let alert = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!((alert.head().state(), alert.routing), (AlertState::Firing, Routing::Routed));
        assert_eq!(alert.escalations, [escalation()]);
        let incident =
            fixture.context.store.incident(fixture.org, alert.incident.unwrap()).await.unwrap().unwrap();
        assert_eq!(incident.reference(), "INC-1");
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, escalation()).await.unwrap();
        assert_eq!(pages.iter().map(|page| &*page.address).collect::<Vec<_>>(), ["ada@example.com"]);
    })
}

fn waits_for_its_alert<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let (visible, hidden, delayed) = fixture.counts(Queue::AlertHandle).unwrap();
        assert_eq!((visible, hidden, delayed), (0, 0, 1));
    })
}

fn resolves<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let alert = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(alert.head().state(), AlertState::Resolved);
    })
}

fn keeps_the_error<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let id = fixture.sources["alertmanager"];
        let source = fixture.context.store.source(fixture.org, id).await.unwrap().unwrap();
        assert!(source.last_error.unwrap().reason.contains("no JSON"));
    })
}

fn handles_the_other<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let failed = invoked.answer["batchItemFailures"].as_array().unwrap();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0]["itemIdentifier"], "5fea7756-0ea4-451a-a703-a558b933e270");
        assert!(fixture.context.store.alert(fixture.org, alert()).await.unwrap().is_some());
    })
}

fn pages_the_fallback_contact<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let opened = fixture.context.store.escalation(fixture.org, escalation()).await.unwrap().unwrap();
        assert_eq!(opened.plan, PathRef::Fallback);
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, escalation()).await.unwrap();
        assert_eq!(pages.iter().map(|page| page.user).collect::<Vec<_>>(), [fixture.owner.id]);
    })
}

fn hands_it_in<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let queued = fixture.messages(Queue::AlertHandle).unwrap();
        assert_eq!(queued.len(), 1);
        let envelope: serde_json::Value = serde_json::from_str(&queued[0].body).unwrap();
        let event = &envelope["body"]["event"]["event"];
        assert_eq!(event["title"], "** PROBLEM Service Alert: db-1/Disk is CRITICAL **");
        assert_eq!(event["description"], "Disk of db-1 is 97 % full.");
        assert_eq!(event["payload"]["verdicts"]["dmarc"], "PASS");
    })
}

fn sends_what_is_due<'a>(fixture: &'a Fixture, _: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let ticks = fixture.messages(Queue::EscalationTick).unwrap();
        assert!(ticks.iter().any(|message| message.body.contains(&escalation().to_string())));
        assert_eq!(fixture.messages(Queue::NotificationSend).unwrap().len(), 1);
    })
}

fn pages_the_next_level<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let after = fixture.context.store.escalation(fixture.org, escalation()).await.unwrap().unwrap();
        assert_eq!((after.head().state(), after.level), (EscalationState::Triggered, 1));
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, escalation()).await.unwrap();
        assert!(pages.iter().any(|page| page.user == fixture.second.id));
    })
}

fn stops<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let after = fixture.context.store.escalation(fixture.org, escalation()).await.unwrap().unwrap();
        assert_eq!(after.head().state(), EscalationState::Resolved);
    })
}

fn mails<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let mail = fixture.inbox.arrived();
        assert_eq!(mail.len(), 1);
        assert_eq!((&*mail[0].address, &*mail[0].title), ("ada@example.com", "Disk of db-1 is 97 % full"));
        let token = mail[0]
            .acknowledge_url
            .strip_prefix(&format!("{PUBLIC}/acknowledge/"))
            .expect("the link is the public one");
        let link = app::link::AcknowledgeLink::read(&fixture.context.seal, token, fixture.now()).unwrap();
        assert_eq!((link.escalation, link.user), (escalation(), fixture.first.id));
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, escalation()).await.unwrap();
        assert_eq!(pages[0].head().state(), NotificationState::Delivered);
    })
}

fn tries_again<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, escalation()).await.unwrap();
        assert_eq!((pages[0].head().state(), pages[0].attempts.attempt), (NotificationState::Pending, 2));
        assert!(pages[0].attempts.due.unwrap() > fixture.now());
    })
}

fn relays<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let pages = fixture.messages(Queue::NotificationSend).unwrap();
        assert_eq!(pages.len(), 1);
        assert!(pages[0].body.contains("ada@example.com"));
        // The timer is kept back until the level's time is up.
        assert_eq!(fixture.messages(Queue::EscalationTick).unwrap().len(), 0);
        fixture.pass(jiff::SignedDuration::from_mins(5));
        assert_eq!(fixture.messages(Queue::EscalationTick).unwrap().len(), 1);
    })
}

fn sends_the_link<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let letters = fixture.inbox.letters();
        assert_eq!(letters.iter().map(|letter| &*letter.address).collect::<Vec<_>>(), ["ada@example.com"]);
    })
}
