//! What people ask of the pages of alert sources, and what drafts are asked by programs.

use domain::message::Queue;
use domain::source::{Source, SourceState};
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{Case, Given, Then, draft};

/// A case over the organisation and its rules.
const fn case(event: &'static str, then: Then) -> Case {
    Case { event, given: Given::Rules, then }
}

/// A case over a draft at which something has arrived.
const fn drafted(event: &'static str, then: Then) -> Case {
    Case { event, given: Given::Draft, then }
}

pub(crate) const CASES: &[Case] = &[
    drafted("api-alert-sources/activate", activates),
    case("api-alert-sources/create-draft", makes_a_draft),
    drafted("api-alert-sources/show", shows_what_arrived),
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
