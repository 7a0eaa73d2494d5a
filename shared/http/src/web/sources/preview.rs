//! A draft alert source: the event that it received last, and how Firebell would process it.

use app::alert::preview::{AlertPreview, PreviewRequest, PreviewedEscalation, preview};
use domain::access::Permission;
use domain::source::Source;
use maud::{Markup, html};

use super::{actions, path};
use crate::web::frame::Frame;
use crate::web::refusal::Refusal;
use crate::web::words::{join_names, untrusted};

/// The card of a draft, with the button that activates it.
pub(super) async fn draft(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let (ctx, by) = (&frame.web.ctx, frame.signed_in.actor());
    let may = frame.may(Permission::ConfigureOnCall);
    let previews = if may {
        let trial = PreviewRequest {
            kind: None,
            template: source.template.clone(),
            intake: source.intake.clone(),
            source: Some(source.id),
            payload: None,
        };
        preview(&ctx.store, &by, trial, &ctx.random, frame.now).await?
    } else {
        Vec::new()
    };
    Ok(html! {
        section.card aria-labelledby="draft" {
            h2 #draft { "Draft" }
            p.lead {
                "A draft pages nobody. The last event that it receives is shown here. Activate the alert source once \
                 it has received an event."
            }
            div #arrived data-live {
                @match previews.first() {
                    Some(previewed) => (last_event(previewed)),
                    None => p.none { "Nothing received yet. Send a test alert, or send an event from your system." },
                }
            }
            @if may {
                div.buttons {
                    (actions::button(frame, source, ("test", "Send test alert"), None))
                    form method="post" action=(format!("{}/activate", path(source.id))) {
                        (frame.token_field())
                        button.primary type="submit" { "Activate" }
                    }
                }
            }
        }
    })
}

/// The last event, and how Firebell would process it.
fn last_event(previewed: &AlertPreview) -> Markup {
    let first_level = |page: &PreviewedEscalation| {
        let first = page.levels.iter().find(|level| !level.is_empty());
        let people: Vec<&str> = first.into_iter().flatten().map(|(_, name)| name.as_str()).collect();
        join_names(&people)
    };
    let body = &previewed.body;
    html! {
        p { "Last event: " strong { (untrusted(&body.title)) } " (" (previewed.status.name()) ")" }
        @if let Some(description) = &body.description { p.message dir="auto" { (description) } }
        ul.dots {
            li { "Deduplication key: " code { (body.deduplication_key) } }
            @if let Some(priority) = &body.priority { li { "Priority: " (untrusted(priority)) } }
            @if previewed.filtered { li { "The filter would drop this event." } }
            @for (_, name) in &previewed.routes { li { "Matching alert route: " (untrusted(name)) } }
            @if previewed.routing.is_some() && previewed.routes.is_empty() { li { "No alert route matches, so the fallback contact is notified." } }
            @for page in &previewed.notifications { li { "Would notify first: " (untrusted(&first_level(page))) } }
            @for problem in &body.problems { li { "Problem: " (untrusted(problem)) } }
        }
    }
}
