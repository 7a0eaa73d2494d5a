//! Receives Alertmanager webhooks.
