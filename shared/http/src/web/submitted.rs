//! A form with more than a button: who sent it, and what they wrote.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use super::session::{Confirmed, SignedIn};
use super::{Desk, FORM_BYTES};

/// A form that somebody who is signed in has filled in on one of our pages.
pub(super) struct Submitted<T> {
    /// Who sent it.
    pub(super) signed_in: SignedIn,
    /// What they wrote.
    pub(super) form: T,
}

impl<T: DeserializeOwned> FromRequest<Arc<Desk>> for Submitted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, FORM_BYTES).await.map_err(|_| Refusal::TooLong)?;
        let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
        let Confirmed(signed_in) = Confirmed::from_request(again(), desk).await?;
        let Form(form) = Form::from_request(again(), desk).await.map_err(|_| Refusal::CrossSite)?;
        Ok(Self { signed_in, form })
    }
}

/// The page that a button stands on, to go back to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

impl Back {
    /// The page, if it is one of ours, and the first one otherwise; with what was answered there.
    pub(super) fn to(&self, answered: impl std::fmt::Display) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '/';
        let ours = self.back.starts_with('/') && !self.back.starts_with("//") && self.back.chars().all(plain);
        let path = if ours { self.back.as_str() } else { "/" };
        format!("{path}?answered={answered}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_gone_back_to() {
        for (back, path) in [
            ("/incidents/3", "/incidents/3?answered=x"),
            ("", "/?answered=x"),
            ("//evil.example", "/?answered=x"),
            ("/\\evil.example", "/?answered=x"),
            ("https://evil.example", "/?answered=x"),
            ("/a?b=c", "/?answered=x"),
            ("/a\r\nset-cookie: b", "/?answered=x"),
        ] {
            assert_eq!(Back { back: back.to_owned() }.to("x"), path, "{back}");
        }
    }
}
