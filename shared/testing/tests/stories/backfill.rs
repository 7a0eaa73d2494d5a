//! Backfill: the attributes of older alerts after their source has bound an attribute.

use domain::Actor;
use domain::alert::Attribute;
use domain::alert::attribute::Bound;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::id::{AttributeId, AuditId};
use domain::source::backfill::{Backfill, BackfillState};
use domain::template::Binding;
use domain::trace::Trace;
use machine::Stateful;
use store::Commit;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// More alerts than one step looks at.
const MANY: usize = 60;

/// Fires many alerts of a team, and then binds an attribute to the team.
async fn fired(bundle: &Bundle) {
    let alerts: Vec<Alert> =
        (0..MANY).map(|n| Alert::now(bundle, &format!("fire {n}")).of("storage")).collect();
    for some in alerts.chunks(10) {
        while !bundle.deliver(some).await {
            bundle.pass(1).await;
        }
    }
    bundle.pass(30).await;
}

/// Binds an attribute of the source to the alerts' team.
async fn bind(bundle: &Bundle) {
    let (context, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
    let (store, now) = (&context.store, bundle.now());
    let id = AttributeId::new(now, 7);
    let attribute = Attribute {
        name: "Team".to_owned(),
        kind: "String".to_owned(),
        array: false,
        required: false,
        emoji: None,
    };
    app::choice::save::create(store, &by, id, attribute, &context.random, now).await.unwrap();
    let before = store.source(bundle.org, bundle.source()).await.unwrap().unwrap();
    let values = vec![Binding::Reference("payload.labels.team".to_owned())];
    let step = before.amend(now).unwrap().because("story".to_owned(), "changed");
    let step =
        step.with(|source| source.template.attributes = vec![Bound { attribute: id, values, merge: None }]);
    let audit = AuditId::new(now, context.random());
    let thing = AuditTarget::new(AuditKind::AlertSource, before.id, "source");
    let entry = AuditEntry::by_system(bundle.org, "story", audit, AuditAction::Updated, thing);
    store.commit(Commit::new().source(step, Some(&before), &entry)).await.unwrap();
}

async fn begin(bundle: &Bundle) {
    let (context, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
    let which = (bundle.source(), Trace::begin(context.random()));
    app::source::backfill::begin(&context.store, &by, which, &context.random, bundle.now()).await.unwrap();
}

async fn backfill(bundle: &Bundle) -> Backfill {
    bundle.calm.store.backfill(bundle.org, bundle.source()).await.unwrap().unwrap()
}

/// The number of alerts that have a value of the attribute.
async fn said(bundle: &Bundle) -> usize {
    let mut said = 0;
    for alert in ledger(bundle).await.alerts {
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        said += usize::from(body.attributes.iter().any(|said| said.values == ["storage"]));
    }
    said
}

#[test]
fn every_alert_of_before_has_the_attribute_and_nobody_is_paged_by_it() {
    tell(|| async {
        let bundle = calm().await;
        fired(&bundle).await;
        bind(&bundle).await;
        let (before, pages) = (said(&bundle).await, paged(&bundle).len());

        begin(&bundle).await;
        bundle.pass(30).await;

        let done = backfill(&bundle).await;
        assert_eq!(done.head().state(), BackfillState::Done);
        assert_eq!((before, said(&bundle).await), (0, MANY));
        let progress = done.progress;
        let many = u64::try_from(MANY).unwrap();
        assert_eq!((progress.read, progress.changed, progress.skipped), (many, many, 0));
        assert_eq!((paged(&bundle).len(), done.due), (pages, None));

        // A second backfill finds nothing to change.
        begin(&bundle).await;
        bundle.pass(30).await;
        let again = backfill(&bundle).await.progress;
        assert_eq!((again.read, again.changed), (many, 0));
    });
}

#[test]
fn backfill_goes_on_wherever_it_was_interrupted() {
    for seed in 0..3 {
        tell(|| async {
            let plan = FaultPlan::rough().losing(["alert-handle"]);
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            bundle.faults.end();
            fired(&bundle).await;
            bind(&bundle).await;
            bundle.faults.begin();

            begin(&bundle).await;
            bundle.pass(400).await;
            bundle.faults.end();
            bundle.pass(900).await;

            let done = backfill(&bundle).await;
            assert_eq!(done.head().state(), BackfillState::Done, "seed {seed}: {:?}", done.progress);
            assert_eq!(said(&bundle).await, MANY, "seed {seed}");
        });
    }
}

#[test]
fn backfill_of_a_source_that_goes_away_is_cancelled() {
    tell(|| async {
        let bundle = calm().await;
        fired(&bundle).await;
        bind(&bundle).await;
        begin(&bundle).await;
        let (context, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
        let destroyed = app::source::destroy::destroy(
            &context.store,
            &by,
            bundle.source(),
            &context.random,
            bundle.now(),
        );
        destroyed.await.unwrap();
        bundle.pass(300).await;

        let state = backfill(&bundle).await.head().state();
        assert!(matches!(state, BackfillState::Cancelled | BackfillState::Done), "{state:?}");
        assert_eq!(backfill(&bundle).await.due, None);
    });
}
