//! What is peculiar to each vendor: a file each.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod alertmanager;
mod cloudflare;
mod cloudwatch;
mod datadog;
mod fronts;
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
