//! Forms: who sent one, what they entered, and what happens when it is refused.

use std::sync::Arc;

use app::AppError;
use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use super::session::{Confirmed, SignedIn};
use super::words::capitalize;
use super::{FORM_BYTES, WebState};

/// A form that a signed-in person has sent from one of our pages.
pub(super) struct Submitted<T> {
    /// Who sent the form.
    pub(super) signed_in: SignedIn,
    /// The fields of the form.
    pub(super) form: T,
}

impl<T: DeserializeOwned> FromRequest<Arc<WebState>> for Submitted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, web: &Arc<WebState>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, FORM_BYTES).await.map_err(|_| Refusal::TooLong)?;
        let copy = || Request::from_parts(parts.clone(), Body::from(body.clone()));
        let Confirmed(signed_in) = Confirmed::from_request(copy(), web).await?;
        let Form(form) = Form::from_request(copy(), web).await.map_err(|_| Refusal::InvalidForm)?;
        Ok(Self { signed_in, form })
    }
}

/// A form that has only a button.
#[derive(Debug, Deserialize)]
pub(super) struct ButtonForm {}

/// A button that leads back to the page on which it was pressed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReturnForm {
    /// The path of that page.
    #[serde(default)]
    back: String,
}

impl ReturnForm {
    /// The page to return to, with the id of the thing that was changed. Returns to the dashboard if the path is not
    /// one of our pages.
    pub(super) fn location(&self, changed: impl std::fmt::Display) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '/';
        let is_ours =
            self.back.starts_with('/') && !self.back.starts_with("//") && self.back.chars().all(is_plain);
        let path = if is_ours { self.back.as_str() } else { "/" };
        format!("{path}?answered={changed}")
    }
}

/// The sentence that tells a person why their form was refused.
///
/// # Errors
/// The refusal that takes the place of the page, if entering something else would not help.
pub(super) fn form_error(error: AppError) -> Result<String, Refusal> {
    match error {
        AppError::Invalid { reason, .. } | AppError::Illegal(reason) => {
            let sentence = capitalize(&reason);
            Ok(if sentence.ends_with(['.', '?', '!']) { sentence } else { format!("{sentence}.") })
        }
        AppError::NotFound { .. }
        | AppError::Forbidden(_)
        | AppError::Conflict
        | AppError::Unavailable { .. } => Err(error.into()),
    }
}

/// The message above a form that was refused.
pub(super) fn error_message(error: Option<&str>) -> Markup {
    html! { @if let Some(error) = error { p.form-error role="alert" { (error) } } }
}

/// Answers a refused form with its page, which shows the error and the entered values.
pub(super) fn refused(page: Response) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

/// A drop-down list with the chosen option selected. `none` is the label of the empty option.
pub(super) fn select<'a>(
    name: &str,
    label: &str,
    none: &str,
    options: impl IntoIterator<Item = (String, &'a str)>,
    chosen: Option<&str>,
) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                option value="" { (none) }
                @for (value, label) in options {
                    option value=(value) selected[chosen == Some(value.as_str())] { (label) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_returned_to() {
        for (back, location) in [
            ("/incidents/3", "/incidents/3?answered=x"),
            ("", "/?answered=x"),
            ("//evil.example", "/?answered=x"),
            ("/\\evil.example", "/?answered=x"),
            ("https://evil.example", "/?answered=x"),
            ("/a?b=c", "/?answered=x"),
            ("/a\r\nset-cookie: b", "/?answered=x"),
        ] {
            assert_eq!(ReturnForm { back: back.to_owned() }.location("x"), location, "{back}");
        }
    }

    #[test]
    fn error_is_one_whole_sentence() {
        let error = |reason: &str| form_error(AppError::invalid("name", reason)).unwrap();

        assert_eq!(error("a name is needed"), "A name is needed.");
        assert_eq!(error("That is not a valid email address."), "That is not a valid email address.");
    }
}
