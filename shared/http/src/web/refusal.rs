//! Refusals, as a page that says what to do next.

use app::AppError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use tracing::warn;

use super::layout;
use super::sign_in::ask_for_link;

/// A page that could not be shown, or a form that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The link is not one of ours.
    Forged,
    /// The link was good once.
    Expired,
    /// The link was for somebody who has left.
    Left,
    /// What it was about is not there.
    Gone,
    /// Whoever is signed in may not.
    Forbidden(domain::access::Forbidden),
    /// Nobody is signed in.
    SignedOut,
    /// The link to sign in is not one of ours.
    ForgedSignIn,
    /// The link to sign in was good once.
    ExpiredSignIn,
    /// The link to sign in was used.
    UsedSignIn,
    /// What comes back from a provider is no answer to what this browser was sent with.
    ForgedProvider,
    /// The provider said no, or what it said cannot be believed.
    RefusedProvider,
    /// The provider knows somebody whom we do not.
    UnknownToUs,
    /// Too many links were asked for.
    TooManySignIns,
    /// A form did not come from our pages, or not from this session.
    CrossSite,
    /// A form holds more than one may.
    TooLong,
    /// We failed.
    Unavailable,
}

/// How long a person waits before they try again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forged
            | Self::Left
            | Self::ForgedSignIn
            | Self::CrossSite
            | Self::Forbidden(_)
            | Self::ForgedProvider
            | Self::RefusedProvider
            | Self::UnknownToUs => StatusCode::FORBIDDEN,
            Self::Expired | Self::ExpiredSignIn | Self::UsedSignIn => StatusCode::GONE,
            Self::TooManySignIns => StatusCode::TOO_MANY_REQUESTS,
            Self::Gone => StatusCode::NOT_FOUND,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::SignedOut => "You are not signed in",
            Self::Forbidden(_) => "Your role does not allow this",
            Self::Forged | Self::ForgedSignIn => "This link is not one of ours",
            Self::Expired | Self::ExpiredSignIn => "This link has expired",
            Self::UsedSignIn => "This link was used",
            Self::TooManySignIns => "Too many links",
            Self::ForgedProvider => "This sign-in did not begin here",
            Self::RefusedProvider => "Your provider did not sign you in",
            Self::UnknownToUs => "Nobody here has your address",
            Self::CrossSite => "This form is no longer good",
            Self::Left => "This link is no longer good",
            Self::Gone => "There is nothing here",
            Self::TooLong => "That is too much text",
            Self::Unavailable => "That did not work just now",
        }
    }

    /// What happened, and what to do.
    fn advice(self) -> Markup {
        match self {
            Self::Forged => html! {
                p { "It was changed, or your mail program cut it. " strong { "Nothing was acknowledged." } }
                p { "Open it again from the mail itself, or copy the whole link. If that does not help, sign in and \
                     acknowledge there." }
            },
            Self::Expired => html! {
                p { "Links in pages are good for three days. " strong { "Nothing was acknowledged." } }
                p { "If this still needs somebody, sign in and acknowledge there." }
            },
            Self::Left => html! {
                p { "The person whom it was sent to is no longer in this organisation. "
                    strong { "Nothing was acknowledged." } }
                p { "Sign in with an account of your own, or call somebody who is on duty." }
            },
            Self::Gone => html! {
                p { "What you are looking for does not exist, or does not exist any more. "
                    strong { "Nothing was changed." } }
            },
            Self::Forbidden(forbidden) => html! {
                p { "It needs the permission to " (forbidden.0.what()) ". " strong { "Nothing was changed." } }
                p { "Ask an administrator of your organisation for another role, or to do it for you." }
            },
            Self::SignedOut => html! {
                (how_to_sign_in())
                p { "If you have signed in already in this browser, " a href="/" { "open the page again" } "." }
            },
            Self::ForgedSignIn => html! {
                p { "It was changed or cut. Copy the whole link." }
                (how_to_sign_in())
            },
            Self::ExpiredSignIn => html! {
                p { "Links to sign in are good for a quarter of an hour." }
                (how_to_sign_in())
            },
            Self::UsedSignIn => html! {
                p { "Each link to sign in is good once. If it was not you who used it, tell an administrator." }
                (how_to_sign_in())
            },
            Self::ForgedProvider => html! {
                p { "It began in another browser, or took longer than ten minutes. Nobody was signed in." }
                p { a href="/sign-in" { "Begin again" } }
            },
            Self::RefusedProvider => html! {
                p { "It said no, or what it said could not be believed: its address for you must be verified there." }
                p { a href="/sign-in" { "Begin again" } }
            },
            Self::UnknownToUs => html! {
                p { "Your provider knows who you are, and nobody in this organisation has the address that it gave. Ask \
                     an administrator to add you." }
                p { a href="/sign-in" { "Sign in otherwise" } }
            },
            Self::TooManySignIns => html! {
                p { "Too many links were asked for from where you are. Try again in a quarter of an hour." }
            },
            Self::CrossSite => html! {
                p { "It did not come from a page of this session. " strong { "Nothing was changed." } }
                p { a href="/" { "Open the page again" } " and press the button there." }
            },
            Self::TooLong => html! {
                p { "A form takes 16 KB. " strong { "Nothing was changed." } }
                p { "Go back and make it shorter; your browser still has what you wrote." }
            },
            Self::Unavailable => html! {
                p { "We could not reach our own database, so " strong { "count on nothing having been recorded." } }
                p { "Try again in a few seconds. If it goes on, tell your team by another way that you are on it." }
            },
        }
    }
}

/// Where to find a link.
fn how_to_sign_in() -> Markup {
    html! {
        (ask_for_link())
        p { a href="/sign-in" { "Other ways to sign in" } }
        p { "On one machine, Firebell prints a link to sign in each time it starts: look at the terminal or the log \
             where " code { "cargo local" } " runs. It is good for a quarter of an hour, and once; start it again for a \
             new one." }
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Forbidden(forbidden) => Self::Forbidden(forbidden),
            AppError::NotFound { .. } | AppError::Invalid { .. } | AppError::Illegal(_) => Self::Gone,
            AppError::Conflict | AppError::Unavailable { .. } => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                warn!(%error, cause, "a page could not be shown");
                Self::Unavailable
            }
        }
    }
}

impl From<crate::ApiError> for Refusal {
    /// What goes through an index fails only as the store does, and says so itself.
    fn from(_: crate::ApiError) -> Self {
        Self::Unavailable
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Self {
        AppError::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let page = layout::notice(self.title(), &self.advice());
        let mut response = (self.status(), page).into_response();
        if self == Self::Unavailable {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
