//! The notes and the tags of an alert.

use std::sync::Arc;

use app::alert::explain::AlertDetails;
use app::alert::{note, tag};
use axum::extract::State;
use axum::response::Redirect;
use domain::Identity;
use domain::access::Permission;
use domain::alert::note::{MOST_TAGS, TAG_LETTERS};
use domain::id::AlertId;
use maud::{Markup, html};
use serde::Deserialize;

use crate::web::WebState;
use crate::web::form::Submitted;
use crate::web::frame::Frame;
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::words::{self, untrusted};

/// The longest note that the form accepts, in characters.
const NOTE_LETTERS: usize = 4000;

/// The form that adds a note.
#[derive(Deserialize)]
pub(super) struct AddNoteForm {
    #[serde(default)]
    text: String,
}

/// The form that sets the tags. They are separated by commas.
#[derive(Deserialize)]
pub(super) struct SetTagsForm {
    #[serde(default)]
    tags: String,
}

pub(super) async fn add(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<AlertId>,
    Submitted { signed_in, form }: Submitted<AddNoteForm>,
) -> Result<Redirect, Refusal> {
    let ctx = &web.ctx;
    note::note(&ctx.store, &signed_in.actor(), id, &form.text, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to(&format!("/alerts/{id}")))
}

pub(super) async fn set_tags(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<AlertId>,
    Submitted { signed_in, form }: Submitted<SetTagsForm>,
) -> Result<Redirect, Refusal> {
    let tags: Vec<String> = form.tags.split(',').map(str::to_owned).collect();
    tag::tag(&web.ctx.store, &signed_in.actor(), id, &tags).await?;
    Ok(Redirect::to(&format!("/alerts/{id}")))
}

/// The notes, and the form that adds one.
pub(super) fn notes(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let who = |by: &Identity| match by {
        Identity::User(id) => explained.person(*id).to_owned(),
        Identity::ApiKey(_) => "an API key".to_owned(),
        Identity::System(_) => "Firebell".to_owned(),
    };
    let may = frame.may(Permission::Respond);
    html! {
        div #notes data-live {
            @if may || !explained.notes.is_empty() {
                section.card aria-labelledby="notes-title" {
                    h2 #notes-title { "Notes" }
                    @if explained.notes.is_empty() { p.none { "No notes yet." } }
                    ol.timeline.one {
                        @for note in &explained.notes {
                            li {
                                div.step {
                                    span.what.note dir="auto" { (note.text) }
                                    " " span.who { (untrusted(&who(&note.by))) }
                                }
                                (words::time(note.at(), frame.now))
                            }
                        }
                    }
                }
            }
        }
        @if may {
            form.card.update method="post" action=(format!("/alerts/{}/notes", explained.alert.id))
                aria-labelledby="add-note" {
                (frame.token_field())
                h2 { label #add-note for="note" { "Add a note" } }
                textarea #note name="text" rows="2" maxlength=(NOTE_LETTERS) dir="auto" required
                    placeholder="What should the next person who is paged for this alert know?" {}
                div.buttons { button type="submit" { "Add note" } }
            }
        }
    }
}

/// The tags of an alert as badges.
pub(super) fn tag_badges(tags: &[String]) -> Markup {
    html! { @for tag in tags { " " span.badge.tag { (untrusted(tag)) } } }
}

/// The form that sets the tags.
pub(super) fn tags_form(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let longest = MOST_TAGS * (TAG_LETTERS + 2);
    html! {
        @if frame.may(Permission::Respond) {
            details.card.fold {
                summary { "Tags" }
                form method="post" action=(format!("/alerts/{}/tags", explained.alert.id)) {
                    (frame.token_field())
                    label.field {
                        span { "Tags, separated by commas" }
                        input type="text" name="tags" value=(explained.alert.tags.join(", ")) maxlength=(longest)
                            dir="auto" autocomplete="off";
                    }
                    div.buttons { button type="submit" { "Save tags" } }
                }
            }
        }
    }
}
