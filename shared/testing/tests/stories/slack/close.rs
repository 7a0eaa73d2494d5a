//! Closing an incident ends its paging, whichever surface it is closed from.

use std::collections::BTreeSet;

use app::escalation::create::{EscalationTarget, ManualEscalation, create};
use app::incident::close;
use domain::Actor;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use domain::incident::{Incident, IncidentState, Status};
use domain::slack::ButtonPress;
use domain::trace::Trace;
use machine::Stateful;
use serde_json::json;
use testing::bundle::Bundle;
use testing::fake_slack::ANNOUNCEMENTS;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::ledger::Ledger;
use testing::sender::Alert;

use super::{api, channel_of, connected, incident, request, send, types};
use crate::stage::{ledger, paged, tell};

/// How an incident is closed.
#[derive(Debug, Clone, Copy)]
enum Surface {
    SlackButton,
    SlackCommand,
    /// `POST /v2/incident_updates` with a status.
    ApiUpdate(IncidentState),
    /// `POST /v2/incidents/{id}/actions/edit` with a status.
    ApiEdit(IncidentState),
}

const SURFACES: [Surface; 7] = [
    Surface::SlackButton,
    Surface::SlackCommand,
    Surface::ApiUpdate(IncidentState::Closed),
    Surface::ApiUpdate(IncidentState::PostIncident),
    Surface::ApiUpdate(IncidentState::Canceled),
    Surface::ApiEdit(IncidentState::Closed),
    Surface::ApiEdit(IncidentState::Merged),
];

impl Surface {
    async fn close(self, bundle: &Bundle, incident: &Incident) {
        match self {
            Self::SlackButton => {
                let press = ButtonPress::Resolve(incident.id);
                send(bundle, bundle.slack.press("U0ADA", ANNOUNCEMENTS, press, "9.9")).await;
            }
            Self::SlackCommand => {
                let channel = channel_of(bundle, &incident.reference());
                types(bundle, "U0ADA", &channel.id, "close it was DNS", "9.9").await;
            }
            Self::ApiUpdate(state) => {
                let status = Status::default_id(bundle.org, state);
                let body = json!({
                    "idempotency_key": "9", "incident_id": incident.id, "to_incident_status_id": status,
                });
                api(bundle, "/v2/incident_updates", &body).await;
            }
            Self::ApiEdit(state) => {
                let status = Status::default_id(bundle.org, state);
                let body = json!({
                    "incident": { "incident_status_id": status }, "notify_incident_channel": false,
                });
                api(bundle, &format!("/v2/incidents/{}/actions/edit", incident.id), &body).await;
            }
        }
        bundle.pass(10).await;
    }
}

/// Starts an escalation by hand, for an incident or for nothing.
async fn page(bundle: &Bundle, incident: Option<&Incident>, key: &str) -> EscalationId {
    let store = &bundle.calm.store;
    let (_, grace) = store.person("grace@example.com").await.unwrap().unwrap();
    let new = ManualEscalation {
        id: EscalationId::derived(bundle.now(), key),
        title: key.to_owned(),
        description: None,
        target: EscalationTarget::Users(vec![grace]),
        incident: incident.map(|incident| incident.id),
        trace: Trace::begin(7),
    };
    let (by, rules) = (Actor::system(bundle.org, "story"), app::Rules::new(store.clone()));
    create(store, &rules, &by, (key, new), bundle.now()).await.unwrap().id
}

/// The states of the escalations, in the order in which they started.
fn states(ledger: &Ledger) -> Vec<EscalationState> {
    let mut escalations: Vec<_> = ledger.escalations.iter().collect();
    escalations.sort_by_key(|escalation| escalation.id);
    escalations.into_iter().map(|escalation| escalation.head().state()).collect()
}

#[test]
fn closing_an_incident_ends_its_paging_from_every_surface() {
    for surface in SURFACES {
        tell(|| async {
            let bundle = connected().await;
            bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
            bundle.pass(10).await;
            let incident = incident(&bundle).await;
            page(&bundle, Some(&incident), "for the incident").await;
            page(&bundle, None, "for something else").await;
            bundle.pass(10).await;
            let before = paged(&bundle).len();

            surface.close(&bundle, &incident).await;

            let ledger = ledger(&bundle).await;
            assert!(!ledger.incidents[0].head().state().is_open(), "{surface:?}");
            assert_eq!(ledger.alerts[0].head().state(), AlertState::Resolved, "{surface:?}");
            let expected =
                [EscalationState::Resolved, EscalationState::Cancelled, EscalationState::Triggered];
            assert_eq!(states(&ledger), expected, "{surface:?}");
            bundle.pass(100).await;
            assert_eq!(paged(&bundle).len(), before, "{surface:?}");
        });
    }
}

#[test]
fn closing_the_incident_of_a_group_ends_its_paging_although_other_alerts_still_fire() {
    for surface in [Surface::SlackButton, Surface::ApiUpdate(IncidentState::Closed)] {
        tell(|| async {
            let bundle = connected().await;
            bundle.group_by("team", 120).await.unwrap();
            let storm: Vec<Alert> =
                (0..3).map(|n| Alert::now(&bundle, &format!("fire {n}")).of("storage")).collect();
            bundle.deliver(&storm).await;
            bundle.pass(30).await;
            let before = paged(&bundle).len();

            surface.close(&bundle, &incident(&bundle).await).await;
            bundle.pass(900).await;

            let found = ledger(&bundle).await;
            assert_eq!(states(&found), [EscalationState::Cancelled], "{surface:?}");
            assert_eq!(paged(&bundle).len(), before, "{surface:?}");
            let firing = found.alerts.iter().filter(|alert| alert.head().state() == AlertState::Firing);
            assert_eq!(firing.count(), 2, "their sources say when they are over");
            for alert in &storm {
                bundle.deliver(&[alert.over(&bundle)]).await;
                bundle.pass(30).await;
            }
            assert_eq!(paged(&bundle).len(), before, "nobody is paged again as the rest ends");
        });
    }
}

#[test]
fn alert_that_was_taken_out_of_an_incident_pages_on_after_the_incident_is_closed() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let (incident, by) = (incident(&bundle).await, Actor::system(bundle.org, "story"));
        let store = &bundle.calm.store;
        app::alert::relate::unrelate(store, &by, (incident.alert.unwrap(), incident.id)).await.unwrap();

        Surface::ApiEdit(IncidentState::Closed).close(&bundle, &incident).await;

        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.alerts[0].head().state(), AlertState::Firing);
        assert_eq!(states(&ledger), [EscalationState::Triggered]);
    });
}

#[test]
fn incident_that_an_older_version_closed_without_its_paging_is_put_right_by_closing_it_again() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let incident = incident(&bundle).await;
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        let closed = (Status::default_id(bundle.org, IncidentState::Closed), IncidentState::Closed);
        let change = domain::incident::Change { status: Some(closed), ..Default::default() };
        let step = incident.change(&change, by.identity(), bundle.now()).unwrap().unwrap();
        store.commit(store::Commit::new().transition(step)).await.unwrap();

        let how = (None, "again");
        let (_, closed) = close::close(store, &by, incident.id, how, bundle.now()).await.unwrap();
        bundle.pass(10).await;

        assert_eq!(closed, close::Closed::Already);
        assert_eq!(states(&ledger(&bundle).await), [EscalationState::Resolved]);
    });
}

#[test]
fn incident_in_triage_is_declined_and_its_paging_ends() {
    tell(|| async {
        let bundle = connected().await;
        let status = Status::default_id(bundle.org, IncidentState::Triage);
        let body = json!({
            "idempotency_key": "1", "visibility": "public", "name": "Odd", "incident_status_id": status,
        });
        api(&bundle, "/v2/incidents", &body).await;
        let incident = incident(&bundle).await;
        page(&bundle, Some(&incident), "for the incident").await;

        Surface::SlackCommand.close(&bundle, &incident).await;

        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.incidents[0].head().state(), IncidentState::Declined);
        assert_eq!(states(&ledger), [EscalationState::Cancelled]);
    });
}

/// The escalations of a closed incident that nothing is going to end.
fn stranded(ledger: &Ledger) -> BTreeSet<EscalationId> {
    let closed = ledger.incidents.iter().filter(|incident| !incident.head().state().is_open());
    let closed: BTreeSet<_> = closed.map(|incident| incident.id).collect();
    let fires =
        |id| ledger.alerts.iter().any(|alert| alert.id == id && alert.head().state() == AlertState::Firing);
    let escalations = ledger.escalations.iter().filter(|one| {
        one.incident.is_some_and(|incident| closed.contains(&incident))
            && one.head().state().notifies()
            && one.alert.is_none_or(fires)
    });
    escalations.map(|escalation| escalation.id).collect()
}

#[test]
fn incident_is_closed_on_a_bad_day_only_once_nobody_is_paged_for_it_any_more() {
    for seed in 0..8 {
        tell(|| async {
            let bundle = Bundle::start(seed, FaultPlan::rough(), Provider::default()).await.unwrap();
            bundle.faults.end();
            bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
            bundle.pass(10).await;
            let incident = incident(&bundle).await;
            for n in 0..3 {
                page(&bundle, Some(&incident), &format!("page {n}")).await;
            }
            let status = Status::default_id(bundle.org, IncidentState::Closed);
            let body = json!({ "idempotency_key": "9", "incident_id": incident.id, "to_incident_status_id": status });
            bundle.faults.begin();

            for attempt in 0.. {
                let answered = bundle.request(request("/v2/incident_updates", &body)).await;
                assert_eq!(stranded(&ledger(&bundle).await), BTreeSet::new(), "seed {seed}, try {attempt}");
                if answered.is_some_and(|answer| answer.status().is_success()) {
                    break;
                }
                bundle.pass(1).await;
            }
            bundle.faults.end();
            bundle.pass(180).await;

            let found = ledger(&bundle).await;
            assert_eq!(found.incidents[0].head().state(), IncidentState::Closed, "seed {seed}");
            assert!(
                states(&found).iter().all(|state| !state.notifies()),
                "seed {seed}: {:?}",
                states(&found)
            );
        });
    }
}
