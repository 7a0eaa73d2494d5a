//! The APIs of other products, for senders that change only the hostname.
//!
//! Such a sender sends a secret, which leads to its alert source. Deliveries are received like all others. Only the
//! responses are in the format of the other product.

use std::sync::Arc;

use axum::Router;
use sources::CompatibleApi;

use crate::receiver::Receiver;

pub(crate) mod opsgenie;
pub(crate) mod pagerduty;

/// Creates the router of one API.
pub(crate) fn router(api: CompatibleApi) -> Router<Arc<Receiver>> {
    match api {
        CompatibleApi::OpsgenieAlerts => opsgenie::router(),
        CompatibleApi::PagerDutyEvents => pagerduty::router(),
    }
}
