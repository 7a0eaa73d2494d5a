//! What Slack brings, and what is owed to it.

use domain::id::IncidentId;
use domain::message::Queue;
use domain::slack::{StepId, StepState, Thread};
use machine::{State, Stateful};
use runtime::BoxFuture;
use testing::fake_slack::TEAM;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{EventCase, Given, alert, all_handled, escalation};

pub(crate) const CASES: &[EventCase] = &[
    EventCase { event: "escalation-sweep/slack", given: Given::Followed, then: asks_for_the_step },
    EventCase { event: "notification-send/slack", given: Given::Followed, then: sends_a_direct_message },
    EventCase { event: "notification-send/slack-nobody", given: Given::Followed, then: gives_up },
    EventCase { event: "outbox-relay/slack-step", given: Given::Rules, then: asks_for_the_step_at_once },
    EventCase { event: "slack-command/forged", given: Given::Rules, then: refuses },
    EventCase { event: "slack-command/open", given: Given::Rules, then: queues },
    EventCase { event: "slack-command/ssl-check", given: Given::Rules, then: refuses },
    EventCase { event: "slack-event/challenge", given: Given::Rules, then: gives_the_challenge_back },
    EventCase { event: "slack-event/mention", given: Given::Rules, then: queues },
    EventCase { event: "slack-interaction/resolve", given: Given::Rules, then: queues },
    EventCase { event: "slack-oauth/another-browser", given: Given::Rules, then: connects_nothing },
    EventCase { event: "slack-oauth/back", given: Given::Rules, then: connects },
    EventCase { event: "slack-oauth/install", given: Given::Rules, then: shows_the_way },
    EventCase { event: "slack-work/open", given: Given::Followed, then: opens },
    EventCase { event: "slack-work/page", given: Given::Followed, then: pages },
    EventCase { event: "slack-work/removed", given: Given::Followed, then: disconnects },
    EventCase { event: "slack-work/resolve", given: Given::Followed, then: resolves },
    EventCase { event: "slack-work/step", given: Given::Followed, then: follows },
];

/// The messages for `slack-work`.
fn messages(fixture: &Fixture) -> Vec<String> {
    fixture.messages(Queue::SlackWork).unwrap().into_iter().map(|message| message.body).collect()
}

/// The incident of the alert.
async fn incident(fixture: &Fixture) -> IncidentId {
    fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap().incident.unwrap()
}

fn sends_a_direct_message<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let said = fixture.slack.messages_in("D0ADA");
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].buttons(), ["acknowledge_page", "look"]);
        assert!(fixture.inbox.arrived().is_empty());
    })
}

fn gives_up<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let id = escalation();
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, id).await.unwrap();
        let states: Vec<_> = pages.iter().map(|page| (&*page.id, page.head().state().name())).collect();
        assert_eq!(states, [("000-000-00", "failed")], "they are mailed anyway: no mail stands in");
    })
}

fn asks_for_the_step<'a>(fixture: &'a Fixture, _: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let messages = messages(fixture);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].contains("follow-00001"), "{messages:?}");
    })
}

fn asks_for_the_step_at_once<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    all_handled(invoked);
    asks_for_the_step(fixture, invoked)
}

fn queues<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let messages = messages(fixture);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].contains("U0ADA") && messages[0].contains(TEAM), "{messages:?}");
        assert!(fixture.slack.calls().is_empty(), "a door asks slack for nothing");
    })
}

fn refuses<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert!(
            [200, 401].map(Some).contains(&invoked.answer["statusCode"].as_u64()),
            "{:?}",
            invoked.answer
        );
        assert!(messages(fixture).is_empty());
    })
}

fn gives_the_challenge_back<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
        assert_eq!(invoked.answer["body"]["challenge"], challenge);
        assert!(messages(fixture).is_empty());
    })
}

fn connects<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200, "{:?}", invoked.answer);
        let org = fixture.context.store.org(fixture.org).await.unwrap().unwrap();
        let workspace = org.slack.expect("nothing was connected");
        assert_eq!((workspace.team.as_str(), &*workspace.name), (TEAM, "Stories"));
        assert!(!workspace.token.contains("xoxb"), "the token is sealed");
        let team = TEAM.parse().unwrap();
        assert_eq!(fixture.context.store.org_of_team(&team).await.unwrap(), Some(fixture.org));
    })
}

fn connects_nothing<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 403);
        assert!(fixture.context.store.org(fixture.org).await.unwrap().unwrap().slack.is_none());
        assert!(fixture.slack.calls().is_empty(), "the code was used all the same");
    })
}

fn shows_the_way<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let page = invoked.answer["body"].as_str().unwrap();
        assert!(page.contains("https://slack.com/oauth/v2/authorize?client_id=1%2E2&amp;scope="), "{page}");
    })
}

fn opens<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let opened = fixture.context.store.incident_by_number(fixture.org, 2).await.unwrap().unwrap();
        assert_eq!(opened.title, "the database is down");
        assert!(fixture.slack.calls().is_empty(), "slack was asked before the incident was written");
    })
}

fn pages<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let called = fixture
            .context
            .store
            .attached_escalations(fixture.org, incident(fixture).await, 5)
            .await
            .unwrap();
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, called[0]).await.unwrap();
        assert_eq!(pages.iter().map(|page| page.user).collect::<Vec<_>>(), [fixture.second.id]);
    })
}

fn resolves<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let store = &fixture.context.store;
        let closed = store.incident(fixture.org, incident(fixture).await).await.unwrap().unwrap();
        assert_eq!(closed.head().state().name(), "closed");
        let alert = store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(alert.head().state().name(), "resolved");
    })
}

fn disconnects<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        assert!(fixture.context.store.org(fixture.org).await.unwrap().unwrap().slack.is_none());
        assert!(fixture.context.store.org_of_team(&TEAM.parse().unwrap()).await.unwrap().is_none());
    })
}

fn follows<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let (store, thread) = (&fixture.context.store, Thread::incident(incident(fixture).await));
        let state = async |name: &str| {
            let step = store.slack_step(fixture.org, &thread, &StepId::of(name)).await.unwrap();
            step.map(|step| step.head().state())
        };
        assert_eq!(state("follow-00001").await, Some(StepState::Done));
        assert_eq!(state("channel").await, Some(StepState::Pending));
        assert_eq!(state("announce").await, Some(StepState::Pending));
    })
}
