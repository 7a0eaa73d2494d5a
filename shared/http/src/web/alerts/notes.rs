//! What people say of an alert: notes, and tags.

use std::sync::Arc;

use app::alert::explain::AlertDetails;
use app::alert::{note, tag};
use axum::extract::{Path, State};
use axum::response::Redirect;
use domain::Identity;
use domain::access::Permission;
use domain::alert::note::{MOST_TAGS, TAG_LETTERS};
use domain::id::AlertId;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::Desk;
use super::super::escalations::Id;
use super::super::frame::Frame;
use super::super::refusal::Refusal;
use super::super::submitted::Submitted;
use super::super::words::{self, foreign};

/// The most letters of a note that is written here.
const LETTERS: usize = 4000;

/// A note as it is written.
#[derive(Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    text: String,
}

/// Tags as they are written: with commas between them.
#[derive(Deserialize)]
pub(super) struct Tagged {
    #[serde(default)]
    tags: String,
}

pub(super) async fn write(
    State(desk): State<Arc<Desk>>,
    id: Id<AlertId>,
    Submitted { signed_in, form }: Submitted<Written>,
) -> Result<Redirect, Refusal> {
    let (Ok(Path(id)), ctx) = (id, &desk.ctx) else { return Err(Refusal::Gone) };
    note::note(&ctx.store, &signed_in.actor(), id, &form.text, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to(&format!("/alerts/{id}")))
}

pub(super) async fn tag(
    State(desk): State<Arc<Desk>>,
    id: Id<AlertId>,
    Submitted { signed_in, form }: Submitted<Tagged>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let tags: Vec<String> = form.tags.split(',').map(str::to_owned).collect();
    tag::tag(&desk.ctx.store, &signed_in.actor(), id, &tags).await?;
    Ok(Redirect::to(&format!("/alerts/{id}")))
}

/// The notes, and where one more is written.
pub(super) fn notes(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let who = |by: &Identity| match by {
        Identity::User(id) => told.person(*id).to_owned(),
        Identity::ApiKey(_) => "an API key".to_owned(),
        Identity::System(_) => "Firebell".to_owned(),
    };
    let may = frame.may(Permission::Respond);
    html! {
        div #notes data-live {
            @if may || !told.notes.is_empty() {
                section.card aria-labelledby="said" {
                    h2 #said { "Notes" }
                    @if told.notes.is_empty() { p.none { "Nobody has written anything yet." } }
                    ol.timeline.one {
                        @for note in &told.notes {
                            li {
                                div.step { span.what.note dir="auto" { (note.text) } " " span.who { (foreign(&who(&note.by))) } }
                                (words::time(note.at(), frame.now))
                            }
                        }
                    }
                }
            }
        }
        @if may {
            form.card.update method="post" action=(format!("/alerts/{}/notes", told.alert.id)) aria-labelledby="write" {
                (frame.field())
                h2 { label #write for="note" { "Write a note" } }
                textarea #note name="text" rows="2" maxlength=(LETTERS) dir="auto" required
                    placeholder="What you found out, for whoever is paged for this next" {}
                div.buttons { button type="submit" { "Keep note" } }
            }
        }
    }
}

/// The tags of an alert.
pub(super) fn badges(tags: &[String]) -> Markup {
    html! { @for tag in tags { " " span.badge.tag { (foreign(tag)) } } }
}

/// Where the tags are changed.
pub(super) fn tags(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let most = MOST_TAGS * (TAG_LETTERS + 2);
    html! {
        @if frame.may(Permission::Respond) {
            details.card.fold {
                summary { "Tags" }
                form method="post" action=(format!("/alerts/{}/tags", told.alert.id)) {
                    (frame.field())
                    label.field {
                        span { "With commas between them" }
                        input type="text" name="tags" value=(told.alert.tags.join(", ")) maxlength=(most) dir="auto" autocomplete="off";
                    }
                    div.buttons { button type="submit" { "Set tags" } }
                }
            }
        }
    }
}
