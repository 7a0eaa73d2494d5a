//! Every event in `events/` goes to its function as Lambda would hand it over, under the rights and settings of the
//! template, and does what it says.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod access;
mod alert_sources;
mod api;
mod pipeline;
mod setup;
mod slack;
mod sources;
mod web;

use app::worker::AlertRequest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use domain::alert::ReceivedEvent;
use domain::id::{AlertId, EscalationId, SeverityId, SourceId};
use domain::incident::Severity;
use domain::message::Envelope;
use jiff::SignedDuration;
use runtime::BoxFuture;
use runtime::config::{MAIL_BUCKET, MAIL_VIA};
use serde_json::{Value, json};
use testing::fixture::Fixture;
use testing::inbox::Provider;
use testing::invoke::{Invoked, invoke};
use testing::template::{Template, Trigger, root};

/// What is there before the event.
#[derive(Debug, Clone, Copy)]
enum Given {
    /// An empty table.
    Nothing,
    /// The organisation and its rules.
    Rules,
    /// Those, and a draft of a source at which something has arrived.
    Draft,
    /// The alert of `alert-handle/firing`, whose source binds an attribute since, and is being read again.
    Backfilled,
    /// The organisation and its rules, and a mail for one of its sources.
    Mail,
    /// The organisation and its rules, and somebody who has asked for a link to sign in.
    AskedForLink,
    /// The alert of `alert-handle/firing`, with its incident, its escalation and its first page.
    Alert,
    /// That alert, while the mail's server is down.
    AlertMailDown,
    /// That alert, as the first of a group.
    AlertGrouped,
    /// That alert, after its first level's time.
    AlertUnanswered,
    /// That alert, in an organisation that has connected its workspace.
    Followed,
    /// That alert, resolved by hand, before its escalation heard of it.
    AlertResolved,
}

impl Given {
    /// Whether the organisation has connected its workspace.
    fn is_connected(self) -> bool {
        matches!(self, Self::Followed)
    }
}

/// What an event does, checked; panics with what is wrong.
type Then = for<'a> fn(&'a Fixture, &'a Invoked) -> BoxFuture<'a, ()>;

/// An event, and what it does.
struct EventCase {
    /// Its function and its name: where it is in `events/`.
    event: &'static str,
    given: Given,
    then: Then,
}

/// The events, by their subjects. The events that every alert source has are in [`sources::OF_EVERY_SOURCE`].
const CASES: &[&[EventCase]] = &[
    access::CASES,
    alert_sources::CASES,
    api::CASES,
    pipeline::CASES,
    setup::CASES,
    slack::CASES,
    sources::CASES,
    web::CASES,
];

/// Every event in `events/`.
fn all_cases() -> impl Iterator<Item = &'static EventCase> {
    CASES.iter().copied().flatten().chain(sources::OF_EVERY_SOURCE.iter())
}

/// Makes what is there before the event.
async fn prepare(given: Given, connected: bool) -> anyhow::Result<Fixture> {
    let fixture = match given {
        Given::Nothing => return Fixture::empty(),
        _ => Fixture::new().await?,
    };
    if connected {
        let (ctx, authorised) = (&fixture.context, fixture.slack.authorised());
        let by = domain::Actor::system(fixture.org, "example");
        let now = fixture.now();
        // Ids of its own, so that those in the events stay as they are.
        let random: app::Random = std::sync::Arc::new(|| 0x51ac);
        app::slack::connect::connect(&ctx.store, &ctx.seal, &by, &authorised, &random, now).await?;
        fixture.forget()?;
    }
    let (name, description) = ("Annoying".to_owned(), "It is in the way.".to_owned());
    let own = Severity { name, description, rank: 0 };
    let (context, by) = (&fixture.context, domain::Actor::system(fixture.org, "example"));
    app::choice::save::create(&context.store, &by, severity(), own, &context.random, fixture.now()).await?;
    match given {
        Given::Nothing | Given::Rules => {}
        Given::Draft => {
            let new = app::source::create::NewSource {
                id: draft(),
                name: "Backups".to_owned(),
                kind: domain::source::SourceKind("http".to_owned()),
                secret: Some(testing::fixture::SECRET.into()),
                template: domain::source::Template::default(),
                intake: domain::source::IntakeRules::default(),
                draft: true,
                document: domain::text::Document::default(),
            };
            let (store, random) = (&context.store, &context.random);
            app::source::create::create(store, &context.seal, &by, new, random, fixture.now()).await?;
            let sample = domain::source::DraftSample { received_at: fixture.now(), event: received().event };
            store.put_sample((fixture.org, draft()), &sample).await?;
        }
        Given::Backfilled => {
            fixture.receive(&received()).await?;
            bind(&fixture, &by).await?;
            fixture.forget()?;
            fixture.pass(SignedDuration::from_mins(2));
        }
        Given::Mail => fixture.mails.put("d6iitobk75ur44p8kdnnp7g2n800", MAIL),
        Given::AskedForLink => fixture.ask_for_link().await?,
        Given::Alert | Given::Followed => fixture.receive(&received()).await?,
        Given::AlertMailDown => {
            fixture.receive(&received()).await?;
            fixture.inbox.provider(Provider { down: true, ..Provider::default() });
        }
        Given::AlertGrouped => {
            let store = &fixture.context.store;
            let keys = vec![domain::template::Binding::Reference("payload.labels.severity".to_owned())];
            let grouping = Some(domain::alert_route::Grouping { keys, window_seconds: 60 });
            let (mut routes, _) = store.routes(fixture.org).await?;
            let route = domain::alert_route::Route { grouping, ..routes.remove(0) };
            let random = &fixture.context.random;
            app::alert_route::save::update(store, &by, route, None, random, fixture.now()).await?;
            fixture.receive(&received()).await?;
        }
        Given::AlertUnanswered => {
            fixture.receive(&received()).await?;
            fixture.pass(SignedDuration::from_mins(5));
        }
        Given::AlertResolved => {
            fixture.receive(&received()).await?;
            app::alert::resolve::resolve(&context.store, &by, alert(), fixture.now()).await?;
            fixture.forget()?;
        }
    }
    Ok(fixture)
}

/// The mail of `mail-receive/received`.
const MAIL: &str = "From: Nagios <nagios@example.com>\r\nMessage-ID: <20261123.1@nagios.example.com>\r\n\
                    Subject: ** PROBLEM Service Alert: db-1/Disk is CRITICAL **\r\n\r\nDisk of db-1 is 97 % full.\r\n";

/// Has the source of the alert bind an attribute, and begins to read its alerts again.
async fn bind(fixture: &Fixture, by: &domain::Actor) -> anyhow::Result<()> {
    let (ctx, now, source) = (&fixture.context, fixture.now(), fixture.sources["alertmanager"]);
    let team = domain::alert::Attribute {
        name: "Severity".to_owned(),
        kind: "String".to_owned(),
        array: false,
        required: false,
        emoji: None,
    };
    let id = domain::id::AttributeId::new(now, 1);
    app::choice::save::create(&ctx.store, by, id, team, &ctx.random, now).await?;
    let values = vec![domain::template::Binding::Reference("payload.labels.severity".to_owned())];
    let bound = domain::alert::attribute::Bound { attribute: id, values, merge: None };
    let template = domain::source::Template { attributes: vec![bound], ..Default::default() };
    let change = app::source::update::Change {
        name: "Alertmanager".to_owned(),
        secret: None,
        template,
        intake: domain::source::IntakeRules::default(),
        disabled: None,
        document: domain::text::Document::default(),
    };
    app::source::update::update(&ctx.store, &ctx.seal, by, source, change, &ctx.random, now).await?;
    let which = (source, domain::trace::Trace::begin(1));
    app::source::backfill::begin(&ctx.store, by, which, &ctx.random, now).await?;
    Ok(())
}

/// Reads an event.
fn read(event: &str) -> String {
    let file = root().join("events").join(format!("{event}.json"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("there is no event events/{event}.json: {error}"))
}

/// What `alert-handle/firing` brings.
fn received() -> ReceivedEvent {
    let event: Value = serde_json::from_str(&read("alert-handle/firing")).unwrap();
    let body = event["Records"][0]["body"].as_str().unwrap();
    match serde_json::from_str::<Envelope<AlertRequest>>(body).unwrap().body {
        AlertRequest::Event(received) => *received,
        _ => panic!("alert-handle/firing is no alert"),
    }
}

/// The alert that it opens.
fn alert() -> AlertId {
    AlertId::derived(received().received_at, received().id)
}

/// The escalation that it opens.
fn escalation() -> EscalationId {
    EscalationId::derived(received().received_at, format_args!("{} 0", received().id))
}

/// A draft of the organisation's.
fn draft() -> SourceId {
    "01M844DZG00000000000000002".parse().unwrap()
}

/// A severity of the organisation's own.
fn severity() -> SeverityId {
    "01M844DZG00000000000000001".parse().unwrap()
}

/// Says that every message of a batch was handled.
fn all_handled(invoked: &Invoked) {
    assert_eq!(invoked.answer["batchItemFailures"], json!([]), "some messages were not handled");
}

#[tokio::test]
async fn every_event_does_what_it_says() {
    for EventCase { event, given, then } in all_cases() {
        println!("events/{event}.json");
        let (function, _) = event.split_once('/').expect("an event is in its function's folder");
        let fixture = prepare(*given, given.is_connected()).await.unwrap();

        let invoked = invoke(&fixture, function, &read(event))
            .await
            .unwrap_or_else(|error| panic!("{event}: {error:#}"));

        assert_eq!(invoked.refused, [""; 0], "events/{event}.json: calls that the template does not allow");
        then(&fixture, &invoked).await;
    }
}

#[tokio::test]
async fn every_function_may_write_what_slack_is_owed_with_what_it_changes() {
    for EventCase { event, given, .. } in all_cases() {
        let (function, _) = event.split_once('/').expect("an event is in its function's folder");
        let fixture = prepare(*given, true).await.unwrap();

        let invoked = invoke(&fixture, function, &read(event)).await.unwrap();

        let refused = invoked.refused;
        assert_eq!(
            refused, [""; 0],
            "events/{event}.json, where a workspace is connected: put *#SLACK#* beside"
        );
    }
}

#[tokio::test]
async fn no_function_has_a_right_that_no_event_uses() {
    let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for EventCase { event, given, .. } in all_cases() {
        let (function, _) = event.split_once('/').unwrap();
        let fixture = prepare(*given, given.is_connected()).await.unwrap();
        used.entry(function)
            .or_default()
            .extend(invoke(&fixture, function, &read(event)).await.unwrap().used);
    }

    for function in Template::load().unwrap().functions().unwrap() {
        let used = used.remove(&*function.name).unwrap_or_default();
        // The mapping's own: Lambda uses these before the function is called.
        let polls = |right: &str| match &function.trigger {
            Trigger::Queue(_) => ["sqs:ReceiveMessage ", "sqs:DeleteMessage ", "sqs:GetQueueAttributes "]
                .iter()
                .any(|p| right.starts_with(p)),
            Trigger::Stream => {
                right.ends_with("Table/stream/*") || right == "sqs:SendMessage OutboxRelayDeadQueue"
            }
            Trigger::Http(_) | Trigger::Schedule(_) | Trigger::Deployment => false,
        };
        let rights = function.statements.iter().flat_map(|statement| {
            let pairs =
                statement.actions.iter().flat_map(|a| statement.resources.iter().map(move |r| (a, r)));
            pairs.map(|(action, resource)| format!("{action} {resource}"))
        });
        // The inbox of the test stands where mail would be handed over, and a map where it would lie.
        let mails = |right: &str| {
            let has = |name: &str| function.environment.contains_key(name);
            (right.starts_with("ses:") && has(MAIL_VIA)) || (right.starts_with("s3:") && has(MAIL_BUCKET))
        };
        let unused = rights.filter(|right| !polls(right) && !mails(right) && !used.contains(right));
        let unused: Vec<String> = unused.collect();
        assert!(
            unused.is_empty(),
            "`{}` has rights that none of its events uses: take them out of template.yaml, or add the event \
             that needs them: {unused:?}",
            function.name
        );
    }
}

#[test]
fn every_event_on_file_has_its_line() {
    let named: BTreeSet<String> = all_cases().map(|case| case.event.to_owned()).collect();
    let mut on_file = BTreeSet::new();
    for folder in fs::read_dir(root().join("events")).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let (folder, file) = (folder.file_name(), file.unwrap().file_name());
            let (folder, file) = (folder.to_string_lossy(), file.to_string_lossy());
            on_file.insert(format!("{folder}/{}", file.trim_end_matches(".json")));
        }
    }

    let missing: Vec<_> = on_file.difference(&named).collect();
    assert!(
        missing.is_empty(),
        "no test feeds these: add a line to CASES in shared/testing/tests/events/*.rs, or remove them: {missing:?}"
    );
    assert_eq!(named.len(), all_cases().count(), "an event has two lines");
}
