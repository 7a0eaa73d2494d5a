//! Alert sources of jobs that ping, and the pings.

use app::source::create::{NewSource, create};
use axum::body::Body;
use domain::Actor;
use domain::id::SourceId;
use domain::source::heartbeat::PingSchedule;
use domain::source::{IntakeRules, SourceKind};
use secrecy::ExposeSecret;
use store::Store;

use crate::bundle::Bundle;

/// A ping every minute, with ten seconds of grace.
pub const BEAT: PingSchedule = PingSchedule { interval_s: 60, grace_s: 10, threshold: 1 };

impl Bundle {
    /// Creates a heartbeat source with the schedule [`BEAT`]. The store decides whether the writes meet faults.
    ///
    /// # Errors
    /// If the source cannot be written.
    pub async fn add_heartbeat(&self, store: &Store) -> anyhow::Result<SourceId> {
        let (seal, random) = (&self.calm.seal, &self.calm.random);
        let new = NewSource {
            id: SourceId::new(self.now(), self.calm.random()),
            name: "Backup".to_owned(),
            kind: SourceKind("heartbeat".to_owned()),
            secret: Some(self.demo.secret.clone()),
            template: Default::default(),
            intake: IntakeRules { beat: Some(BEAT), ..IntakeRules::default() },
            draft: false,
            document: Default::default(),
        };
        let by = Actor::system(self.org, "test");
        Ok(create(store, seal, &by, new, random, self.now()).await?.id)
    }

    /// Pings as `curl` does. Returns whether the ping was accepted.
    pub async fn ping(&self, source: SourceId) -> bool {
        let uri = format!("/v2/heartbeat/{source}/ping?token={}", self.demo.secret.expose_secret());
        let Ok(request) = http::Request::get(uri).body(Body::empty()) else { return false };
        self.request(request).await.is_some_and(|answer| answer.status() == 204)
    }
}
