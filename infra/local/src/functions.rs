//! The list of all functions: one line each.

use app::Context;
use runtime::Function;

/// A function and its name.
pub struct FunctionEntry {
    /// The name of the function's package, of its folder, and of its queue if it has one.
    pub name: &'static str,
    /// Builds the function.
    pub function: fn(Context) -> Function,
}

macro_rules! functions {
    ($($name:literal => $package:ident,)*) => {
        /// All functions.
        pub const ALL: &[FunctionEntry] = &[$(FunctionEntry { name: $name, function: $package::function }),*];
    };
}

functions! {
    "alert-handle" => alert_handle,
    "alert-rescue" => alert_rescue,
    "alert-source-alertmanager" => alert_source_alertmanager,
    "alert-source-cloudflare" => alert_source_cloudflare,
    "alert-source-cloudwatch" => alert_source_cloudwatch,
    "alert-source-datadog" => alert_source_datadog,
    "alert-source-email" => alert_source_email,
    "alert-source-github-issue" => alert_source_github_issue,
    "alert-source-grafana" => alert_source_grafana,
    "alert-source-heartbeat" => alert_source_heartbeat,
    "alert-source-http" => alert_source_http,
    "alert-source-http-custom" => alert_source_http_custom,
    "alert-source-opsgenie" => alert_source_opsgenie,
    "alert-source-opsgenie-alerts" => alert_source_opsgenie_alerts,
    "alert-source-pager-duty" => alert_source_pager_duty,
    "alert-source-pager-duty-events" => alert_source_pager_duty_events,
    "alert-source-prometheus" => alert_source_prometheus,
    "alert-source-sentry" => alert_source_sentry,
    "alert-source-status-page-views" => alert_source_status_page_views,
    "alert-source-zendesk" => alert_source_zendesk,
    "api-alert-routes" => api_alert_routes,
    "api-alert-sources" => api_alert_sources,
    "api-alerts" => api_alerts,
    "api-escalations" => api_escalations,
    "api-incidents" => api_incidents,
    "api-settings" => api_settings,
    "api-users" => api_users,
    "escalation-sweep" => escalation_sweep,
    "escalation-tick" => escalation_tick,
    "mail-receive" => mail_receive,
    "notification-send" => notification_send,
    "outbox-relay" => outbox_relay,
    "setup" => setup,
    "slack-command" => slack_command,
    "slack-event" => slack_event,
    "slack-interaction" => slack_interaction,
    "slack-oauth" => slack_oauth,
    "slack-work" => slack_work,
    "web" => web,
    "web-alert-sources" => web_alert_sources,
}
