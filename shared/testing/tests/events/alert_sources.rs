//! What people ask of the pages of alert sources, and what drafts are asked by programs.

use domain::message::Queue;
use domain::source::backfill::{Backfill, BackfillState};
use domain::source::{Source, SourceState};
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{EventCase, Given, Then, alert, all_handled, draft};

/// A case over the organisation and its rules.
const fn case(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Rules, then }
}

/// A case over a draft at which something has arrived.
const fn drafted(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Draft, then }
}

/// A case over a source that is being read again.
const fn backfilled(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Backfilled, then }
}

pub(crate) const CASES: &[EventCase] = &[
    backfilled("alert-handle/backfill", reads_again),
    drafted("api-alert-sources/activate", activates),
    backfilled("api-alert-sources/backfill", begins_to_read_again),
    case("api-alert-sources/create-draft", makes_a_draft),
    drafted("api-alert-sources/show", shows_what_arrived),
    backfilled("escalation-sweep/backfill", asks_to_read_again),
    backfilled("outbox-relay/backfill", asks_to_read_again),
    drafted("web-alert-sources/activate", activates),
    case("web-alert-sources/add", adds_a_draft),
    drafted("web-alert-sources/draft", shows_what_would_be),
    case("web-alert-sources/list", shows_the_sources),
    case("web-alert-sources/remove", removes),
    case("web-alert-sources/rotate", rotates),
    case("web-alert-sources/send-example", sends_the_example),
    case("web-alert-sources/switch-off", disables),
];

async fn source(fixture: &Fixture) -> Source {
    fixture.context.store.source(fixture.org, fixture.sources["http"]).await.unwrap().unwrap()
}

fn body(invoked: &Invoked) -> String {
    invoked.answer["body"].to_string()
}

async fn backfill(fixture: &Fixture) -> Backfill {
    let source = fixture.sources["alertmanager"];
    fixture.context.store.backfill(fixture.org, source).await.unwrap().unwrap()
}

fn reads_again<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        all_handled(invoked);
        let done = backfill(fixture).await;
        assert_eq!((done.head().state(), done.progress.changed), (BackfillState::Done, 1));
        let body = fixture.context.store.alert_body(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(body.attributes[0].values, ["critical"]);
    })
}

fn begins_to_read_again<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 202);
        assert_eq!(backfill(fixture).await.head().state(), BackfillState::Running);
    })
}

fn asks_to_read_again<'a>(fixture: &'a Fixture, _: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let asked = fixture.messages(Queue::AlertHandle).unwrap();
        assert!(asked.len() == 1 && asked[0].body.contains("backfill"), "{asked:?}");
    })
}

fn activates<'a>(fixture: &'a Fixture, _: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let after = fixture.context.store.source(fixture.org, draft()).await.unwrap().unwrap();
        assert_eq!(after.head().state(), SourceState::Active);
        assert!(!fixture.context.store.door(draft()).await.unwrap().unwrap().draft);
    })
}

fn makes_a_draft<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(body(invoked).contains("draft"), "{}", body(invoked));
    })
}

fn shows_what_arrived<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(body(invoked).contains("Disk of db-1 is 97 % full"), "{}", body(invoked));
    })
}

fn shows_what_would_be<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let page = body(invoked);
        assert!(page.contains("Disk of db-1 is 97 % full"), "{page}");
        assert!(page.contains(testing::fixture::SECRET) && page.contains(&draft().to_string()), "{page}");
        assert!(page.contains(&fixture.owner.name), "{page}");
    })
}

fn shows_the_sources<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(body(invoked).contains("Alertmanager"), "{}", body(invoked));
    })
}

fn adds_a_draft<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let sources = fixture.context.store.sources_after(fixture.org, None, usize::MAX).await.unwrap();
        let added = sources.iter().find(|source| source.name == "Backups").unwrap();
        assert_eq!(added.head().state(), SourceState::Draft);
    })
}

fn removes<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert!(fixture.context.store.door(fixture.sources["http"]).await.unwrap().is_none());
    })
}

fn rotates<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert!(source(fixture).await.previous.is_some());
    })
}

fn sends_the_example<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert_eq!(fixture.messages(Queue::AlertHandle).unwrap().len(), 1);
    })
}

fn disables<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert_eq!(source(fixture).await.head().state(), SourceState::Disabled);
    })
}
