//! Tests of the behaviour that only one vendor has, with one file for each vendor.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod alertmanager;
mod cloudflare;
mod cloudwatch;
mod compatible_apis;
mod datadog;
mod github_issue;
mod grafana;
mod http;
mod http_custom;
mod opsgenie;
mod pager_duty;
mod sentry;
mod status_page_views;
mod support;
mod zendesk;
