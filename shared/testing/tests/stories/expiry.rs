//! Alerts that resolve because their source has not repeated them.

use app::incident::edit::Edit;
use domain::Actor;
use domain::alert::AlertState;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::escalation::EscalationState;
use domain::id::AuditId;
use domain::source::{AutoResolve, IntakeRules};
use machine::Stateful;
use store::Commit;
use testing::bundle::Bundle;
use testing::cost::{SETTLED_S, known, steady};
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// The expiry of alerts in these stories, in minutes.
const MINUTES: u32 = 10;

/// A little more than the expiry, in seconds.
const LONGER: u64 = 60 * MINUTES as u64 + 90;

/// Sets the expiry of the source's alerts.
async fn last(bundle: &Bundle, in_incidents: bool) {
    let store = &bundle.calm.store;
    let before = store.source(bundle.org, bundle.source()).await.unwrap().unwrap();
    let step = before.amend(bundle.now()).unwrap().because("story".to_owned(), "changed");
    let lasts = Some(AutoResolve { minutes: MINUTES, in_incidents });
    let step = step.with(|source| source.intake = IntakeRules { lasts, ..IntakeRules::default() });
    let id = AuditId::new(bundle.now(), bundle.calm.random());
    let thing = AuditTarget::new(AuditKind::AlertSource, before.id, "source");
    let entry = AuditEntry::by_system(bundle.org, "story", id, AuditAction::Updated, thing);
    store.commit(Commit::new().source(step, Some(&before), &entry)).await.unwrap();
}

async fn state(bundle: &Bundle) -> AlertState {
    ledger(bundle).await.alerts[0].head().state()
}

#[test]
fn alert_that_is_not_sent_again_is_over_and_so_is_its_escalation() {
    tell(|| async {
        let bundle = calm().await;
        last(&bundle, true).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(60 * u64::from(MINUTES) - 60).await;
        assert_eq!(state(&bundle).await, AlertState::Firing);

        bundle.pass(150).await;

        let found = ledger(&bundle).await;
        assert_eq!(found.alerts[0].head().state(), AlertState::Resolved);
        assert!(found.escalations.iter().all(|one| one.head().state() != EscalationState::Triggered));
        let rows: Vec<_> = found.history.values().flatten().filter(|row| row.to == "resolved").collect();
        assert!(
            rows.iter().any(|row| row.why == "its source has not sent it again for 10 minutes"),
            "{rows:?}"
        );
        assert_eq!(bundle.calm.store.expiry(bundle.org, found.alerts[0].id).await.unwrap(), None);
    });
}

#[test]
fn alert_that_is_sent_again_lasts_and_a_repeat_costs_what_it_always_does() {
    tell(|| async {
        let bundle = calm().await;
        last(&bundle, true).await;
        steady(&bundle, "warm").await.unwrap();
        let alert = Alert::now(&bundle, "fire");
        known(&bundle, &alert).await;
        let before = bundle.counts.snapshot();
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(SETTLED_S).await;
        let cost = bundle.counts.snapshot().since(&before);
        assert_eq!(cost.calls(), 2, "{cost:?}");

        for _ in 0..6 {
            bundle.pass(60 * u64::from(MINUTES) - 120).await;
            bundle.deliver(std::slice::from_ref(&alert)).await;
        }
        let own = ledger(&bundle).await.alerts.into_iter().find(|found| found.title == "fire").unwrap();
        assert_eq!(own.head().state(), AlertState::Firing);
        bundle.pass(LONGER).await;
        let own = ledger(&bundle).await.alerts.into_iter().find(|found| found.title == "fire").unwrap();
        assert_eq!(own.head().state(), AlertState::Resolved);
    });
}

#[test]
fn alert_of_an_incident_that_goes_on_waits_for_its_end() {
    tell(|| async {
        let bundle = calm().await;
        last(&bundle, false).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(LONGER).await;
        let found = ledger(&bundle).await;
        let incident = found.alerts[0].incident.expect("the route opens an incident");
        assert_eq!(found.alerts[0].head().state(), AlertState::Firing);

        let store = &bundle.calm.store;
        let by = Actor::system(bundle.org, "story");
        let closed = store.choices::<domain::incident::Status>(bundle.org).await.unwrap();
        let closed = closed.iter().find(|status| !status.what.state.is_open()).unwrap().id;
        let edit = Edit { status: Some(closed), ..Edit::default() };
        app::incident::edit::edit(store, &by, incident, &edit, bundle.now()).await.unwrap();
        bundle.pass(LONGER).await;

        assert_eq!(state(&bundle).await, AlertState::Resolved);
    });
}

#[test]
fn alert_that_fires_again_once_it_has_lapsed_pages_again_at_once() {
    tell(|| async {
        let bundle = calm().await;
        last(&bundle, true).await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(60 * u64::from(MINUTES) + 5).await;
        assert_eq!(state(&bundle).await, AlertState::Resolved);
        let before = paged(&bundle).len();

        // For the sender it is still the same alert.
        bundle.deliver(&[alert]).await;
        bundle.pass(30).await;

        assert_eq!((paged(&bundle).len(), ledger(&bundle).await.alerts.len()), (before + 1, 2));
    });
}

#[test]
fn alert_lapses_once_on_a_bad_day_and_none_that_is_sent_again_does() {
    for seed in 0..4 {
        tell(|| async {
            let plan = FaultPlan::rough().losing(["alert-handle"]);
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            bundle.faults.end();
            last(&bundle, true).await;
            let (gone, stays) = (Alert::now(&bundle, "gone"), Alert::now(&bundle, "stays"));
            bundle.deliver(&[gone, stays.clone()]).await;
            bundle.pass(20).await;
            bundle.faults.begin();

            for _ in 0..8 {
                bundle.pass(120).await;
                for _ in 0..3 {
                    bundle.deliver(std::slice::from_ref(&stays)).await;
                }
            }
            bundle.faults.end();
            bundle.deliver(&[stays]).await;
            bundle.pass(300).await;

            let found = ledger(&bundle).await;
            let states = |name: &str| -> Vec<_> {
                let of = found.alerts.iter().filter(|alert| alert.title == name);
                of.map(|alert| alert.head().state()).collect()
            };
            assert_eq!(states("gone"), [AlertState::Resolved], "seed {seed}");
            assert_eq!(states("stays"), [AlertState::Firing], "seed {seed}");
        });
    }
}
