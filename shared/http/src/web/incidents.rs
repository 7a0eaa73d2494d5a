//! The list of incidents.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::id::SeverityId;
use domain::incident::{Incident, IncidentStage, IncidentState};
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};
use store::Choices;

use super::Desk;
use super::frame::{Frame, Section};
use super::incident::{severity_badge, state_badge};
use super::list::{Terms, Wanted, select};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, foreign};

/// The routes of the list.
pub(super) const ROUTES: &[Route] = &[Route::get("/incidents", Access::SignedIn, || get(all))];

/// Which incidents are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Open,
    PostIncident,
    Over,
    All,
}

impl Shown {
    const ALL: &'static [Self] = &[Self::Open, Self::PostIncident, Self::Over, Self::All];

    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PostIncident => "post-incident",
            Self::Over => "over",
            Self::All => "all",
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::PostIncident => "Post-incident",
            Self::Over => "Over",
            Self::All => "All",
        }
    }

    fn takes(self, state: IncidentState) -> bool {
        match self {
            Self::All => true,
            Self::Open => state.stage() == IncidentStage::Open,
            Self::PostIncident => state.stage() == IncidentStage::PostIncident,
            Self::Over => state.stage() == IncidentStage::Over,
        }
    }

    fn named(name: Option<&str>) -> Self {
        Self::ALL.iter().copied().find(|shown| Some(shown.name()) == name).unwrap_or(Self::Open)
    }
}

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let signed_in = &signed_in;
    let (store, rules, org) = (&desk.ctx.store, &signed_in.rules, signed_in.session.org);
    let me = &signed_in.actor();
    let terms = Terms::read("/incidents", wanted);
    let shown = Shown::named(terms.text("show"));
    let severity: Option<SeverityId> = terms.chosen("severity");
    let choices = store.incident_choices(org).await?;
    let filtered = shown != Shown::All || severity.is_some();
    let page = terms
        .scan(filtered)
        .run(
            |before, most| async move {
                store.list_incidents_by(org, store::Order::Newest, before.as_deref(), most).await
            },
            async |listed| {
                let Ok(id) = listed.id.parse() else { return Ok(None) };
                let found = store.incident(org, id).await?;
                Ok(found.filter(|incident| {
                    incident.is_seen_by(me)
                        && shown.takes(incident.head().state())
                        && (severity.is_none() || incident.severity == severity)
                }))
            },
        )
        .await?;
    let mut rows = Vec::new();
    for incident in page.items {
        let lead = choices.roles.iter().find_map(|role| incident.roles.get(&role.id));
        let lead = match lead {
            Some(id) => rules.user(*id).await?,
            None => None,
        };
        rows.push((incident, lead));
    }

    let frame = Frame::new(&desk, signed_in, Section::Incidents);
    let of_severity = severity.map(|id| id.to_string()).unwrap_or_default();
    let with = |shown: Shown| {
        let name = if shown == Shown::Open { "" } else { shown.name() };
        vec![("show", name.to_owned()), ("severity", of_severity.clone())]
    };
    let tabs: Vec<_> = Shown::ALL.iter().map(|&one| (one == shown, one.says(), with(one))).collect();
    let severities = choices.severities.iter().map(|one| (one.id.to_string(), one.what.name.as_str()));
    let main = html! {
        div.headline {
            h1 { "Incidents" }
            @if frame.may(Permission::CreateIncidents) {
                a.button.primary href="/incidents/new" { "Declare incident" }
            }
        }
        div.filters {
            (terms.tabs("Which", &tabs))
            form.filter method="get" action="/incidents" role="search" aria-label="Filter" {
                @if shown != Shown::Open { input type="hidden" name="show" value=(shown.name()); }
                (select("severity", "Severity", "Any", severities, severity.map(|id| id.to_string()).as_deref()))
                button type="submit" { "Filter" }
            }
        }
        div #list data-live {
            @if rows.is_empty() && page.after.is_none() {
                p.empty {
                    @match shown {
                        Shown::Open => "No incident is open.",
                        Shown::PostIncident | Shown::Over | Shown::All => "There is none like this.",
                    }
                }
            } @else {
                ul.card.list {
                    @for (incident, lead) in &rows {
                        (row(&frame, &choices, incident, lead.as_ref().map(|user| user.name.as_str())))
                    }
                }
            }
            (terms.turn(&with(shown), page.after.as_deref(), rows.len()))
        }
    };
    Ok(frame.answer(&headers, "Incidents", &main))
}

/// An incident in the list.
fn row(frame: &Frame<'_>, choices: &Choices, incident: &Incident, lead: Option<&str>) -> Markup {
    html! {
        li data-item {
            a.entry.wide href=(format!("/incidents/{}", incident.number)) data-row {
                span.reference { (incident.reference()) }
                span.name { (foreign(&incident.title)) }
                span.badges {
                    (state_badge(choices, incident.head().state(), incident.status()))
                    @if let Some(severity) = incident.severity { (severity_badge(choices, severity)) }
                }
                span.soft {
                    @if let Some(lead) = lead { (foreign(lead)) " · " }
                    (words::ago(incident.created_at, frame.now))
                }
            }
        }
    }
}
