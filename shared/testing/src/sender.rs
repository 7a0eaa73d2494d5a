//! A sender of alerts, as Alertmanager is one.

use axum::body::Body;
use domain::Timestamp;
use domain::id::SourceId;
use http::{Request, Response};
use http_body_util::BodyExt;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::bundle::Bundle;

/// An alert as its sender knows it.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Its fingerprint: the sender's identity of the alert.
    pub fingerprint: String,
    /// When it began, by the sender's clock.
    pub starts: Timestamp,
    /// When it ended, if it did.
    pub ends: Option<Timestamp>,
    /// The label `team`.
    pub team: String,
}

impl Alert {
    /// An alert that begins now.
    pub fn now(bundle: &Bundle, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            fingerprint: name.to_owned(),
            starts: bundle.now(),
            ends: None,
            team: String::new(),
        }
    }

    /// The same alert, of a team.
    #[must_use]
    pub fn of(self, team: &str) -> Self {
        Self { team: team.to_owned(), ..self }
    }

    /// The same alert, over now.
    #[must_use]
    pub fn over(&self, bundle: &Bundle) -> Self {
        Self { ends: Some(bundle.now()), ..self.clone() }
    }
}

/// A delivery of these alerts.
pub fn delivery(alerts: &[Alert]) -> Value {
    let alert = |alert: &Alert| {
        json!({
            "status": if alert.ends.is_some() { "resolved" } else { "firing" },
            "labels": {"alertname": alert.name, "severity": "critical", "team": alert.team},
            "annotations": {"summary": alert.name},
            "startsAt": alert.starts.to_string(),
            "endsAt": alert.ends.map_or("0001-01-01T00:00:00Z".to_owned(), |at| at.to_string()),
            "generatorURL": "http://prometheus.example/graph", "fingerprint": alert.fingerprint,
        })
    };
    json!({
        "version": "4", "receiver": "stories", "status": "firing", "externalURL": "http://alertmanager.example",
        "truncatedAlerts": 0, "groupKey": "{}", "alerts": alerts.iter().map(alert).collect::<Vec<_>>(),
    })
}

/// A request to a source, with this secret and this body.
pub fn request(source: SourceId, secret: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(format!("/v2/alert_events/alertmanager/{source}"));
    let request = match secret {
        Some(secret) => request.header("authorization", format!("Bearer {secret}")),
        None => request,
    };
    request.body(body.into()).expect("a request")
}

impl Bundle {
    /// Delivers alerts. Returns whether they were accepted.
    pub async fn deliver(&self, alerts: &[Alert]) -> bool {
        let body = delivery(alerts).to_string();
        let secret = self.demo.secret.expose_secret();
        let answer = self.request(request(self.source(), Some(secret), body)).await;
        answer.is_some_and(|answer| answer.status() == 202)
    }

    /// Delivers raw bytes. Returns the status and the body of the answer.
    pub async fn deliver_raw(&self, body: impl Into<Body>) -> (u16, Value) {
        let secret = self.demo.secret.expose_secret();
        let answer = self.request(request(self.source(), Some(secret), body)).await;
        shown(answer.expect("nothing is killed in this story")).await
    }
}

/// The status and the body of an answer.
pub async fn shown(answer: Response<Body>) -> (u16, Value) {
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
