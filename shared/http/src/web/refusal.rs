//! Error pages: what happened, and what to do.

use app::AppError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};

use super::layout;
use super::sign_in::request_link_form;
use crate::error::log_failure;

/// A page that cannot be shown, or a form that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The acknowledge link is invalid.
    InvalidLink,
    /// The acknowledge link has expired.
    ExpiredLink,
    /// The acknowledge link belongs to a person who was removed.
    RemovedPerson,
    /// There is no such thing, or the person may not see it.
    NotFound,
    /// The signed-in person does not have a permission.
    Forbidden(domain::access::Forbidden),
    /// Nobody is signed in.
    SignedOut,
    /// The sign-in link is invalid.
    InvalidSignInLink,
    /// The sign-in link has expired.
    ExpiredSignInLink,
    /// The sign-in link was already used.
    UsedSignInLink,
    /// The answer of a sign-in provider does not belong to a sign-in that this browser started.
    InvalidProviderAnswer,
    /// The sign-in provider refused, or its answer cannot be trusted.
    ProviderRefused,
    /// The sign-in provider named a person who is not in the organisation.
    UnknownPerson,
    /// Too many sign-in links were requested.
    TooManySignIns,
    /// A form was not sent from our own pages, or not in this session.
    InvalidForm,
    /// A form is larger than [`super::FORM_BYTES`].
    TooLong,
    /// Firebell failed.
    Unavailable,
}

/// The time after which to try again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::InvalidLink
            | Self::RemovedPerson
            | Self::InvalidSignInLink
            | Self::InvalidForm
            | Self::Forbidden(_)
            | Self::InvalidProviderAnswer
            | Self::ProviderRefused
            | Self::UnknownPerson => StatusCode::FORBIDDEN,
            Self::ExpiredLink | Self::ExpiredSignInLink | Self::UsedSignInLink => StatusCode::GONE,
            Self::TooManySignIns => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::SignedOut => "You are not signed in",
            Self::Forbidden(_) => "You do not have permission",
            Self::InvalidLink | Self::InvalidSignInLink => "This link is invalid or incomplete",
            Self::ExpiredLink | Self::ExpiredSignInLink => "This link has expired",
            Self::UsedSignInLink => "This link was already used",
            Self::TooManySignIns => "Too many sign-in links",
            Self::InvalidProviderAnswer | Self::ProviderRefused => "Sign-in failed",
            Self::UnknownPerson => "You are not a member of this organisation",
            Self::InvalidForm => "This form is no longer valid",
            Self::RemovedPerson => "This link is no longer valid",
            Self::NotFound => "Page not found",
            Self::TooLong => "This text is too long",
            Self::Unavailable => "Firebell is temporarily unavailable",
        }
    }

    /// Tells what happened and what to do.
    fn advice(self) -> Markup {
        match self {
            Self::InvalidLink => html! {
                p { "The link was changed, or your email program cut it off. " strong { "Nothing was acknowledged." } }
                p { "Open the link from the original message, or copy the whole link. You can also "
                    a href="/" { "sign in" } " and acknowledge the escalation there." }
            },
            Self::ExpiredLink => html! {
                p { "Acknowledge links are valid for three days. " strong { "Nothing was acknowledged." } }
                p { "To acknowledge the escalation, " a href="/" { "sign in" } "." }
            },
            Self::RemovedPerson => html! {
                p { "The person who received this link was removed from the organisation. "
                    strong { "Nothing was acknowledged." } }
                p { "Sign in with your own account, or call the person who is on call." }
            },
            Self::NotFound => html! {
                p { "This page does not exist, or you may not see it. " strong { "Nothing was changed." } }
                p { a href="/" { "Go to Home" } }
            },
            Self::Forbidden(forbidden) => html! {
                p { "You need the permission to " (forbidden.0.what()) ". " strong { "Nothing was changed." } }
                p { "Ask an administrator of your organisation to change your role, or to do this for you." }
            },
            Self::SignedOut => html! {
                p { "Sign in to see this page." }
                (how_to_sign_in())
                p { "If you have just signed in with this browser, " a href="/" { "go to Home" } "." }
            },
            Self::InvalidSignInLink => html! {
                p { "The sign-in link was changed or cut off. Copy the whole link, or request a new one." }
                (how_to_sign_in())
            },
            Self::ExpiredSignInLink => html! {
                p { "Sign-in links are valid for 15 minutes. Request a new one." }
                (how_to_sign_in())
            },
            Self::UsedSignInLink => html! {
                p { "A sign-in link can be used once. If you did not use this link, tell an administrator." }
                (how_to_sign_in())
            },
            Self::InvalidProviderAnswer => html! {
                p { "The sign-in was started in another browser, or it took longer than 10 minutes. You are not signed \
                     in." }
                p { a href="/sign-in" { "Start again" } }
            },
            Self::ProviderRefused => html! {
                p { "Your sign-in provider refused the sign-in, or it has not verified your email address. You are not \
                     signed in." }
                p { a href="/sign-in" { "Start again" } }
            },
            Self::UnknownPerson => html! {
                p { "Nobody in this organisation has the email address that your sign-in provider sent. Ask an \
                     administrator to add you." }
                p { a href="/sign-in" { "Sign in another way" } }
            },
            Self::TooManySignIns => html! {
                p { "Too many sign-in links were requested from your network. Try again in 15 minutes." }
            },
            Self::InvalidForm => html! {
                p { "The form belongs to another session, or it was not sent from a Firebell page. "
                    strong { "Nothing was changed." } }
                p { a href="/" { "Open the page again" } " and send the form from there." }
            },
            Self::TooLong => html! {
                p { "A form can hold at most 16 KB. " strong { "Nothing was changed." } }
                p { "Go back and shorten your text. Your browser has kept it." }
            },
            Self::Unavailable => html! {
                p { "Firebell cannot reach its database. " strong { "Your action was probably not saved." } }
                p { "Try again in a few seconds. If the problem continues, tell your team in another way that you are \
                     responding." }
            },
        }
    }
}

/// The form and the hints for a person who has to sign in.
fn how_to_sign_in() -> Markup {
    html! {
        (request_link_form())
        p { a href="/sign-in" { "Other ways to sign in" } }
        p { "If you run Firebell on your own machine, " code { "cargo local" } " prints a sign-in link each time it \
             starts. The link is valid for 15 minutes and can be used once." }
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Forbidden(forbidden) => Self::Forbidden(forbidden),
            AppError::NotFound { .. } | AppError::Invalid { .. } | AppError::Illegal(_) => Self::NotFound,
            AppError::Conflict | AppError::Unavailable { .. } => {
                log_failure(&error);
                Self::Unavailable
            }
        }
    }
}

impl From<crate::ApiError> for Refusal {
    /// A list fails only if the store fails, which has been logged already.
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
