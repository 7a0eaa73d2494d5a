//! The list of incidents and its filters.

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

use super::WebState;
use super::form::select;
use super::frame::{Frame, Section};
use super::incident::{severity_badge, state_badge};
use super::list::{List, QueryParams};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, untrusted};

/// The routes of the list.
pub(super) const ROUTES: &[Route] = &[Route::get("/incidents", Access::SignedIn, || get(list))];

/// A filter of the list by how far incidents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
enum IncidentFilter {
    Open,
    PostIncident,
    Over,
    All,
}

impl IncidentFilter {
    const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The value of the query parameter `show`.
    fn name(self) -> &'static str {
        self.into()
    }

    /// The label.
    const fn label(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::PostIncident => "Post-incident",
            Self::Over => "Closed",
            Self::All => "All",
        }
    }

    /// Returns whether the filter shows incidents in this state.
    fn matches(self, state: IncidentState) -> bool {
        match self {
            Self::All => true,
            Self::Open => state.stage() == IncidentStage::Open,
            Self::PostIncident => state.stage() == IncidentStage::PostIncident,
            Self::Over => state.stage() == IncidentStage::Over,
        }
    }

    /// The filter with this name. Open incidents are the default.
    fn named(name: Option<&str>) -> Self {
        Self::ALL.iter().copied().find(|filter| Some(filter.name()) == name).unwrap_or(Self::Open)
    }
}

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let signed_in = &signed_in;
    let (store, rules, org) = (&web.ctx.store, &signed_in.rules, signed_in.session.org);
    let me = &signed_in.actor();
    let list = List::new("/incidents", &params);
    let filter = IncidentFilter::named(params.text("show"));
    let severity: Option<SeverityId> = params.parsed("severity");
    let choices = store.incident_choices(org).await?;
    let filtered = filter != IncidentFilter::All || severity.is_some();
    let page = list
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
                        && filter.matches(incident.head().state())
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

    let frame = Frame::new(&web, signed_in, Section::Incidents);
    let severity_id = severity.map(|id| id.to_string()).unwrap_or_default();
    let params_of = |filter: IncidentFilter| {
        let name = if filter == IncidentFilter::Open { "" } else { filter.name() };
        vec![("show", name.to_owned()), ("severity", severity_id.clone())]
    };
    let tabs: Vec<_> =
        IncidentFilter::ALL.iter().map(|&tab| (tab == filter, tab.label(), params_of(tab))).collect();
    let severities =
        choices.severities.iter().map(|severity| (severity.id.to_string(), severity.what.name.as_str()));
    let main = html! {
        div.headline {
            h1 { "Incidents" }
            @if frame.may(Permission::CreateIncidents) {
                a.button.primary href="/incidents/new" { "Declare incident" }
            }
        }
        div.filters {
            (list.tabs("State", &tabs))
            form.filter method="get" action="/incidents" role="search" aria-label="Filters" {
                @if filter != IncidentFilter::Open { input type="hidden" name="show" value=(filter.name()); }
                (select("severity", "Severity", "Any", severities, Some(&severity_id)))
                button type="submit" { "Filter" }
            }
        }
        div #list data-live {
            @if rows.is_empty() && page.after.is_none() {
                (no_incidents(filter, severity.is_some()))
            } @else {
                ul.card.list {
                    @for (incident, lead) in &rows {
                        (row(&frame, &choices, incident, lead.as_ref().map(|user| user.name.as_str())))
                    }
                }
            }
            (list.pagination(&params_of(filter), page.after.as_deref(), rows.len()))
        }
    };
    Ok(frame.answer(&headers, "Incidents", &main))
}

/// The text in place of an empty list.
fn no_incidents(filter: IncidentFilter, has_severity: bool) -> Markup {
    let text = match filter {
        _ if has_severity => "No incidents match these filters.",
        IncidentFilter::Open => "No open incidents.",
        IncidentFilter::PostIncident => "No incidents in the post-incident phase.",
        IncidentFilter::Over => "No closed incidents.",
        IncidentFilter::All => "No incidents yet.",
    };
    html! { p.empty { (text) } }
}

/// An incident in the list.
fn row(frame: &Frame<'_>, choices: &Choices, incident: &Incident, lead: Option<&str>) -> Markup {
    html! {
        li data-item {
            a.entry.wide href=(format!("/incidents/{}", incident.number)) data-row {
                span.reference { (incident.reference()) }
                span.name { (untrusted(&incident.title)) }
                span.badges {
                    (state_badge(choices, incident.head().state(), incident.status()))
                    @if let Some(severity) = incident.severity { (severity_badge(choices, severity)) }
                }
                span.soft {
                    @if let Some(lead) = lead { (untrusted(lead)) " · " }
                    (words::ago(incident.created_at, frame.now))
                }
            }
        }
    }
}
