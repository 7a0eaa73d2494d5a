//! Events that a source does not turn into alerts: drafts, filters and rate limits.

use domain::Actor;
use domain::alert::AlertState;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::condition::{Condition, ConditionGroup, Test};
use domain::id::AuditId;
use domain::source::{IntakeRules, RateLimit, Source, SourceState, WithoutAlert};
use domain::template::Binding;
use machine::Stateful;
use store::Commit;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell, with};

/// The rate limit of these stories, in alerts per minute.
const MOST: u32 = 5;

async fn source(bundle: &Bundle) -> Source {
    bundle.calm.store.source(bundle.org, bundle.source()).await.unwrap().unwrap()
}

/// Sets the source's intake rules without validation.
async fn keep(bundle: &Bundle, intake: IntakeRules) {
    let before = source(bundle).await;
    let step = before.amend(bundle.now()).unwrap().because("story".to_owned(), "changed");
    let step = step.with(|source| source.intake = intake);
    let id = AuditId::new(bundle.now(), bundle.calm.random());
    let thing = AuditTarget::new(AuditKind::AlertSource, before.id, "source");
    let entry = AuditEntry::by_system(bundle.org, "story", id, AuditAction::Updated, thing);
    bundle.calm.store.commit(Commit::new().source(step, Some(&before), &entry)).await.unwrap();
}

fn only(reference: &str, test: Test) -> IntakeRules {
    let condition = Condition { subject: Binding::Reference(reference.to_owned()), test };
    IntakeRules { filter: vec![ConditionGroup(vec![condition])], ..IntakeRules::default() }
}

fn limited(shard: Option<&str>) -> IntakeRules {
    let limit = Some(RateLimit { per_minute: MOST, shard: shard.map(str::to_owned) });
    IntakeRules { limit, ..IntakeRules::default() }
}

fn storage() -> IntakeRules {
    only("payload.labels.team", Test::OneOf(vec!["storage".to_owned()]))
}

#[test]
fn event_that_the_filter_holds_back_makes_no_alert_and_is_counted() {
    tell(|| async {
        let bundle = calm().await;
        keep(&bundle, storage()).await;

        bundle.deliver(&[Alert::now(&bundle, "mine").of("storage"), Alert::now(&bundle, "theirs")]).await;
        bundle.pass(20).await;

        let found = ledger(&bundle).await;
        assert_eq!((found.alerts.len(), paged(&bundle).len()), (1, 1));
        let filtered = bundle
            .calm
            .store
            .without_alert((bundle.org, bundle.source()), WithoutAlert::Filtered, 7)
            .await
            .unwrap();
        assert_eq!((filtered.len(), filtered[0].count), (1, 1));
        assert_eq!(filtered[0].last_title, "theirs");
    });
}

#[test]
fn end_of_an_alert_passes_a_filter_that_came_after_its_beginning() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "theirs");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(20).await;
        keep(&bundle, storage()).await;

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(20).await;

        assert_eq!(ledger(&bundle).await.alerts[0].head().state(), AlertState::Resolved);
    });
}

#[test]
fn filter_that_cannot_be_evaluated_lets_through_and_says_so() {
    tell(|| async {
        let bundle = calm().await;
        keep(&bundle, only("expressions[\"gone\"]", Test::IsSet)).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 1);
        let alert = ledger(&bundle).await.alerts.remove(0);
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert!(
            body.problems[0]
                .starts_with("the filter of the alert source could not be evaluated, so the event passed"),
            "{:?}",
            body.problems
        );
    });
}

#[test]
fn draft_pages_nobody_and_shows_what_came_until_it_is_activated() {
    tell(|| async {
        let bundle = calm().await;
        let (context, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
        let (store, seal, random) = (&context.store, &context.seal, &context.random);
        let new = app::source::create::NewSource {
            id: domain::id::SourceId::new(bundle.now(), random()),
            name: "Draft".to_owned(),
            kind: domain::source::SourceKind("alertmanager".to_owned()),
            secret: Some(bundle.demo.secret.clone()),
            template: Default::default(),
            intake: IntakeRules::default(),
            draft: true,
            document: Default::default(),
        };
        let draft = app::source::create::create(store, seal, &by, new, random, bundle.now()).await.unwrap();
        let activate = || app::source::activate::activate(store, &by, draft.id, random, bundle.now());
        let send = async |alert: Alert| {
            let body = testing::sender::delivery(&[alert]).to_string();
            let secret = secrecy::ExposeSecret::expose_secret(&bundle.demo.secret).to_owned();
            let request = testing::sender::request(draft.id, Some(&secret), body);
            let answer = bundle.request(request).await.unwrap();
            assert_eq!(answer.status(), 202);
            bundle.pass(20).await;
        };
        assert!(activate().await.is_err(), "nothing has arrived yet");

        send(Alert::now(&bundle, "fire")).await;
        assert!(paged(&bundle).is_empty());
        assert!(ledger(&bundle).await.alerts.is_empty());
        let sample = store.sample(bundle.org, draft.id).await.unwrap().unwrap();
        assert_eq!(sample.event.title, "fire");

        assert_eq!(activate().await.unwrap().head().state(), SourceState::Active);
        send(Alert::now(&bundle, "fire")).await;
        // No route matches it, so the fallback contact is paged.
        assert_eq!(paged(&bundle).len(), 1);
    });
}

#[test]
fn what_a_limit_holds_back_is_told_of_in_one_alert_that_pages_and_counts() {
    tell(|| async {
        let bundle = calm().await;
        keep(&bundle, limited(None)).await;

        let storm: Vec<Alert> = (0..40).map(|n| Alert::now(&bundle, &format!("fire {n}"))).collect();
        bundle.deliver(&storm).await;
        bundle.pass(30).await;

        let found = ledger(&bundle).await;
        let (standing, own): (Vec<_>, Vec<_>) =
            found.alerts.iter().partition(|alert| alert.title.starts_with("More than 5 alerts a minute"));
        assert_eq!((own.len(), standing.len(), paged(&bundle).len()), (5, 1, 6));
        let key = bundle.calm.store.key(bundle.org, bundle.source(), &standing[0].key).await.unwrap();
        assert_eq!(key.unwrap().count, 35);

        // The next minute has a limit of its own.
        bundle.pass(60).await;
        bundle.deliver(&[Alert::now(&bundle, "later")]).await;
        bundle.pass(20).await;
        assert_eq!(paged(&bundle).len(), 7);
    });
}

#[test]
fn limit_counts_apart_what_it_is_told_to_and_repeats_and_ends_not_at_all() {
    tell(|| async {
        let bundle = calm().await;
        keep(&bundle, limited(Some("$.labels.team"))).await;
        let storm = |team: &str| -> Vec<Alert> {
            let name = |n| format!("{team} {n}");
            (0..5).map(|n| Alert::now(&bundle, &name(n)).of(team)).collect()
        };
        let (storage, network) = (storm("storage"), storm("network"));

        bundle.deliver(&storage).await;
        bundle.deliver(&network).await;
        bundle.pass(10).await;
        bundle.deliver(&storage).await;
        let over: Vec<Alert> = network.iter().map(|alert| alert.over(&bundle)).collect();
        bundle.deliver(&over).await;
        bundle.pass(10).await;

        let found = ledger(&bundle).await;
        let resolved = found.alerts.iter().filter(|alert| alert.head().state() == AlertState::Resolved);
        assert_eq!((found.alerts.len(), resolved.count(), paged(&bundle).len()), (10, 5, 10));
    });
}

#[test]
fn no_more_alerts_begin_than_a_limit_allows_when_handlers_race() {
    tell(|| async {
        let bundle = with(FaultPlan { latency_ms: 20, ..FaultPlan::calm() }).await;
        keep(&bundle, limited(None)).await;

        let storm: Vec<Alert> = (0..30).map(|n| Alert::now(&bundle, &format!("fire {n}"))).collect();
        bundle.deliver(&storm).await;
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        let standing = found.alerts.iter().filter(|alert| alert.title.starts_with("More than 5"));
        assert_eq!((standing.count(), found.alerts.len()), (1, 6));
    });
}

#[test]
fn nothing_that_a_limit_holds_back_goes_untold_on_a_bad_day() {
    tell(|| async {
        for seed in 0..8 {
            let bundle = Bundle::start(seed, FaultPlan::rough(), Provider::default()).await.unwrap();
            keep(&bundle, limited(None)).await;
            let storm: Vec<Alert> = (0..20).map(|n| Alert::now(&bundle, &format!("fire {n}"))).collect();
            let mut taken = Vec::new();
            for alert in storm {
                if bundle.deliver(std::slice::from_ref(&alert)).await {
                    taken.push(alert);
                }
            }
            bundle.faults.end();
            bundle.pass(900).await;

            let found = ledger(&bundle).await;
            let told = found.alerts.iter().any(|alert| alert.title.starts_with("More than 5"));
            let missing: Vec<_> = taken
                .iter()
                .filter(|alert| !found.alerts.iter().any(|found| found.title == alert.name))
                .collect();
            assert!(missing.is_empty() || told, "seed {seed}: nobody was told of {missing:?}");
            assert!(!missing.is_empty(), "seed {seed}: the limit held nothing back");
        }
    });
}

#[test]
fn alert_that_somebody_has_fire_again_passes_a_filter_of_today() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "theirs");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(30).await;
        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(30).await;
        keep(&bundle, storage()).await;
        // Until every function has reloaded the rules.
        bundle.pass(60).await;

        let (by, over) = (Actor::system(bundle.org, "story"), ledger(&bundle).await.alerts[0].id);
        app::alert::retrigger::retrigger(&bundle.context, &by, over).await.unwrap();
        bundle.pass(20).await;
        let fires = ledger(&bundle).await.alerts.len();
        bundle.deliver(&[Alert::now(&bundle, "others")]).await;
        bundle.pass(20).await;

        assert_eq!((fires, paged(&bundle).len()), (2, 2));
        assert_eq!(ledger(&bundle).await.alerts.len(), 2, "the filter holds nothing back");
    });
}
