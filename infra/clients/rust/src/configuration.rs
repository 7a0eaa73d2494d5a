//! Configuration: people, escalation paths, alert sources, alert routes.

use anyhow::ensure;
use incident_io::apis::alert_routes_v2_api::*;
use incident_io::apis::alert_sources_v2_api::*;
use incident_io::apis::escalations_v2_api::*;
use incident_io::apis::users_v2_api::*;
use incident_io::apis::utilities_v1_api::*;
use serde_json::{Value, json};

use crate::judge::{Judge, NOTHING, id, typed, within};

/// Checks the identity of the API key, and the error for an unknown key.
pub(crate) async fn identity(judge: &Judge) -> anyhow::Result<()> {
    let params = UtilitiesV1IdentityParams::new;
    let shown = judge.fits("identity", utilities_v1_identity(&judge.config, params()).await)?;
    ensure!(shown["identity"]["name"].is_string(), "{shown}");
    let mut stranger = judge.config.clone();
    stranger.bearer_access_token = Some("fb_nobody".to_owned());
    judge.refused("identity", 401, utilities_v1_identity(&stranger, params()).await)?;
    Ok(())
}

/// Checks people, who are created by extensions and read by the client.
pub(crate) async fn people(judge: &Judge) -> anyhow::Result<Vec<String>> {
    let config = &judge.config;
    let mut made = Vec::new();
    for n in 0..3 {
        let email = format!("r{n}-{}@example.com", judge.run);
        let sent = json!({ "name": format!("Person {n}"), "email": email, "role": "responder" });
        made.push(judge.ours("POST", "/v2/users", &sent).await?["user"].clone());
    }
    let ids = made.iter().map(id).collect::<anyhow::Result<Vec<_>>>()?;
    let page = |after| async {
        let mut params = UsersV2ListParams::new().set_page_size(2);
        params.after = after;
        judge.fits("users list", users_v2_list(config, params).await)
    };
    judge.pages("users", &ids, page).await?;
    let by_email = UsersV2ListParams::new().set_email(made[0]["email"].as_str().unwrap_or_default());
    let found = judge.fits("users list", users_v2_list(config, by_email).await)?;
    within(&json!([made[0]]), &found["users"], "users")?;
    let show = |id: &str| users_v2_show(config, UsersV2ShowParams::new(id));
    within(&made[0], &judge.fits("users show", show(&ids[0]).await)?["user"], "user")?;
    judge.refused("users show", 404, show(NOTHING).await)?;

    let at = format!("/v2/users/{}", ids[0]);
    let sent = json!({ "method_type": "email", "address": format!("pager-r-{}@example.com", judge.run) });
    let method = judge.ours("POST", &format!("{at}/notification_methods"), &sent).await?;
    let method = method["notification_method"].clone();
    let rules = json!({ "notification_rules": [
        {
            "rule_type": "high_urgency",
            "method_type": "email",
            "delay_seconds": 0,
            "method_target": { "type": "specific", "specific": { "id": method["id"] } },
        },
        {
            "rule_type": "low_urgency",
            "method_type": "email",
            "delay_seconds": 600,
            "method_target": { "type": "all", "all": {} },
        },
    ]});
    judge.ours("PUT", &format!("{at}/notification_rules"), &rules).await?;
    let methods =
        |id: &str| users_v2_list_notification_methods(config, UsersV2ListNotificationMethodsParams::new(id));
    let shown = judge.fits("notification methods list", methods(&ids[0]).await)?;
    within(&method, &shown["notification_methods"][1], "notification_method")?;
    judge.refused("notification methods list", 404, methods(NOTHING).await)?;
    let listed =
        |id: &str| users_v2_list_notification_rules(config, UsersV2ListNotificationRulesParams::new(id));
    within(&rules, &judge.fits("notification rules list", listed(&ids[0]).await)?, "rules")?;
    judge.refused("notification rules list", 404, listed(NOTHING).await)?;
    Ok(ids)
}

fn path_of(user: &str, name: &str) -> Value {
    let node = |n: usize, urgency: &str| {
        json!({
            "id": format!("level-{n}"),
            "type": "level",
            "level": {
                "ack_mode": "first",
                "time_to_ack_seconds": 1800,
                "round_robin_config": { "enabled": false },
                "targets": [{ "id": user, "type": "user", "urgency": urgency }],
            },
        })
    };
    json!({
        "name": name,
        "team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
        "path": [node(1, "high"), node(2, "low")],
        "working_hours": [{
            "id": "office",
            "name": "Office",
            "timezone": "Europe/Berlin",
            "weekday_intervals": [{ "weekday": "monday", "start_time": "09:00", "end_time": "17:00" }],
        }],
    })
}

/// Checks escalation paths; returns the id of one.
pub(crate) async fn paths(judge: &Judge, user: &str) -> anyhow::Result<String> {
    let config = &judge.config;
    let create = async |sent: &Value| {
        let params = EscalationsV2CreatePathParams::new(typed(sent)?);
        anyhow::Ok(escalations_v2_create_path(config, params).await)
    };
    let update = async |id: &str, sent: &Value| {
        let params = EscalationsV2UpdatePathParams::new(id, typed(sent)?);
        anyhow::Ok(escalations_v2_update_path(config, params).await)
    };
    let show = |id: &str| escalations_v2_show_path(config, EscalationsV2ShowPathParams::new(id));
    let destroy = |id: &str| escalations_v2_destroy_path(config, EscalationsV2DestroyPathParams::new(id));

    let mut ids = Vec::new();
    for n in 0..3 {
        let sent = path_of(user, &format!("Path {n} {}", judge.run));
        let made = judge.fits("escalation paths create", create(&sent).await?)?["escalation_path"].clone();
        within(&sent, &made, "escalation_path")?;
        ids.push(id(&made)?);
    }
    let page = |after| async {
        let mut params = EscalationsV2ListPathsParams::new().set_page_size(2);
        params.after = after;
        judge.fits("escalation paths list", escalations_v2_list_paths(config, params).await)
    };
    judge.pages("escalation_paths", &ids, page).await?;
    let sent = path_of(user, "Renamed");
    let updated = judge.fits("escalation paths update", update(&ids[0], &sent).await?)?;
    within(&sent, &updated["escalation_path"], "escalation_path")?;
    let shown = judge.fits("escalation paths show", show(&ids[0]).await)?;
    ensure!(shown == updated, "{shown} is not {updated}");
    judge.refused("escalation paths show", 404, show(NOTHING).await)?;
    let mut wrong = path_of(user, "Wrong");
    wrong["path"][0]["level"]["ack_mode"] = json!("all");
    let field = judge.refused("escalation paths create", 422, create(&wrong).await?)?;
    ensure!(field == "path.0.level.ack_mode", "{field}");
    judge.refused("escalation paths update", 422, update(&ids[0], &wrong).await?)?;
    judge.fits("escalation paths destroy", destroy(&ids[2]).await)?;
    judge.refused("escalation paths destroy", 404, destroy(&ids[2]).await)?;
    Ok(ids.swap_remove(0))
}

fn source_of(name: &str, kind: Option<&str>) -> Value {
    let mut source = json!({
        "name": name,
        "template": {
            "title": { "reference": "alert.title" },
            "description": { "literal": "Look at the runbook" },
            "attributes": [],
            "expressions": [],
            "is_private": false,
        },
        "owning_team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
        "auto_resolve_timeout_minutes": 60,
        "auto_resolve_incident_alerts": false,
    });
    if let Some(kind) = kind {
        source["source_type"] = json!(kind);
    }
    source
}

/// Checks alert sources; returns one of the type `http`.
pub(crate) async fn sources(judge: &Judge) -> anyhow::Result<Value> {
    let config = &judge.config;
    let create = async |sent: &Value| {
        let params = AlertSourcesV2CreateParams::new(typed(sent)?);
        anyhow::Ok(alert_sources_v2_create(config, params).await)
    };
    let update = async |id: &str, sent: &Value| {
        let params = AlertSourcesV2UpdateParams::new(id, typed(sent)?);
        anyhow::Ok(alert_sources_v2_update(config, params).await)
    };
    let validate = async |sent: &Value| {
        let params = AlertSourcesV2ValidateParams::new(typed(sent)?);
        anyhow::Ok(alert_sources_v2_validate(config, params).await)
    };
    let show = |id: &str| alert_sources_v2_show(config, AlertSourcesV2ShowParams::new(id));
    let delete = |id: &str| alert_sources_v2_delete(config, AlertSourcesV2DeleteParams::new(id));

    let mut made = Vec::new();
    for (n, kind) in ["http", "alertmanager", "http"].into_iter().enumerate() {
        let sent = source_of(&format!("Source {n} {}", judge.run), Some(kind));
        let shown = judge.fits("alert sources create", create(&sent).await?)?["alert_source"].clone();
        within(&sent, &shown, "alert_source")?;
        let door = format!("/v2/alert_events/{kind}/{}", id(&shown)?);
        ensure!(shown["alert_events_url"].as_str().is_some_and(|url| url.ends_with(&door)), "{shown}");
        made.push(shown);
    }
    let listed = alert_sources_v2_list(config, AlertSourcesV2ListParams::new()).await;
    let listed = judge.fits("alert sources list", listed)?["alert_sources"].clone();
    for one in &made {
        ensure!(listed.as_array().is_some_and(|listed| listed.contains(one)), "{one} is not in {listed}");
    }
    let (first, last) = (id(&made[0])?, id(&made[2])?);
    let mut sent = source_of("Renamed", None);
    sent["disabled"] = json!(false);
    let updated = judge.fits("alert sources update", update(&first, &sent).await?)?;
    sent["disabled"] = Value::Null;
    within(&sent, &updated["alert_source"], "alert_source")?;
    let shown = judge.fits("alert sources show", show(&first).await)?;
    ensure!(shown == updated, "{shown} is not {updated}");
    let mut sent = source_of("x", Some("http"));
    judge.fits("alert sources validate", validate(&sent).await?)?;
    sent["template"]["title"] = json!({ "reference": "alert.nothing" });
    let field = judge.refused("alert sources validate", 422, validate(&sent).await?)?;
    ensure!(field == "template.title.reference", "{field}");
    let unknown = source_of("x", Some("big_panda"));
    ensure!(judge.refused("alert sources create", 422, create(&unknown).await?)? == "source_type");
    judge.refused("alert sources update", 422, update(&first, &source_of("", None)).await?)?;
    judge.refused("alert sources show", 404, show(NOTHING).await)?;
    judge.fits("alert sources delete", delete(&last).await)?;
    judge.refused("alert sources delete", 404, delete(&last).await)?;
    Ok(made.swap_remove(0))
}

fn route_of(name: &str, source: &str, path: &str) -> Value {
    let condition = json!({
        "subject": "payload.metadata.team",
        "operation": "one_of",
        "param_bindings": [{ "array_value": [{ "literal": "platform" }, { "literal": "payments" }] }],
    });
    json!({
        "name": name,
        "enabled": true,
        "is_private": false,
        "alert_sources": [{ "alert_source_id": source, "condition_groups": [{ "conditions": [condition] }] }],
        "channel_config": [{
            "condition_groups": [],
            "slack_targets": { "channel_visibility": "public", "binding": { "array_value": [{ "literal": "C0123" }] } },
        }],
        "condition_groups": [{ "conditions": [condition] }],
        "expressions": [],
        "escalation_config": {
            "auto_cancel_escalations": true,
            "escalation_targets": [{ "escalation_paths": { "array_value": [{ "literal": path }] } }],
        },
        "incident_config": {
            "enabled": true,
            "auto_decline_enabled": false,
            "auto_relate_grouped_alerts": false,
            "condition_groups": [],
            "defer_time_seconds": 0,
            "grouping_keys": [],
            "grouping_window_seconds": 600,
        },
        "incident_template": {
            "name": { "binding": { "value": { "reference": "alert.title" } } },
            "summary": { "binding": { "value": { "literal": "See the runbook" } } },
            "custom_fields": [{
                "custom_field_id": NOTHING,
                "merge_strategy": "first-wins",
                "binding": { "value": { "literal": "x" } },
            }],
        },
        "owning_team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
    })
}

/// Checks alert routes; one of them stays.
pub(crate) async fn routes(judge: &Judge, source: &Value, path: &str) -> anyhow::Result<()> {
    let (config, source) = (&judge.config, id(source)?);
    let create = async |sent: &Value| {
        let params = AlertRoutesV2CreateParams::new(typed(sent)?);
        anyhow::Ok(alert_routes_v2_create(config, params).await)
    };
    let update = async |id: &str, sent: &Value| {
        let params = AlertRoutesV2UpdateParams::new(id, typed(sent)?);
        anyhow::Ok(alert_routes_v2_update(config, params).await)
    };
    let show = |id: &str| alert_routes_v2_show(config, AlertRoutesV2ShowParams::new(id));
    let delete = |id: &str| alert_routes_v2_delete(config, AlertRoutesV2DeleteParams::new(id));

    let mut ids = Vec::new();
    for n in 0..3 {
        let sent = route_of(&format!("Route {n} {}", judge.run), &source, path);
        let made = judge.fits("alert routes create", create(&sent).await?)?["alert_route"].clone();
        within(&sent, &made, "alert_route")?;
        ids.push(id(&made)?);
    }
    let page = |after| async {
        let mut params = AlertRoutesV2ListParams::new(2);
        params.after = after;
        judge.fits("alert routes list", alert_routes_v2_list(config, params).await)
    };
    judge.pages("alert_routes", &ids, page).await?;
    let mut sent = route_of("Renamed", &source, path);
    sent["version"] = json!(2);
    let updated = judge.fits("alert routes update", update(&ids[0], &sent).await?)?;
    within(&sent, &updated["alert_route"], "alert_route")?;
    judge.refused("alert routes update", 409, update(&ids[0], &sent).await?)?;
    let shown = judge.fits("alert routes show", show(&ids[0]).await)?;
    ensure!(shown == updated, "{shown} is not {updated}");
    judge.refused("alert routes show", 404, show(NOTHING).await)?;
    let mut wrong = route_of("x", &source, path);
    wrong["incident_config"]["defer_time_seconds"] = json!(60);
    let field = judge.refused("alert routes create", 422, create(&wrong).await?)?;
    ensure!(field == "incident_config.defer_time_seconds", "{field}");
    judge.fits("alert routes delete", delete(&ids[1]).await)?;
    judge.fits("alert routes delete", delete(&ids[2]).await)?;
    judge.refused("alert routes delete", 404, delete(&ids[2]).await)?;
    Ok(())
}
