//! Alerts: sent to a source, listed, shown, resolved.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use incident_io::apis::alert_events_v2_api::*;
use incident_io::apis::alerts_v2_api::*;
use serde_json::{Value, json};

use crate::judge::{Judge, NOTHING, filter, id, typed};

/// Sends an event to a source, with the source's secret.
async fn deliver(judge: &Judge, source: &Value, key: &str) -> anyhow::Result<()> {
    let mut sender = judge.config.clone();
    sender.bearer_access_token = source["secret_token"].as_str().map(str::to_owned);
    let event = json!({
        "title": format!("{key} is broken"),
        "status": "firing",
        "deduplication_key": key,
        "description": "It was fine before",
        "source_url": "https://sender.example/x",
        "metadata": { "team": "platform" },
    });
    let mut params = AlertEventsV2CreateHttpParams::new(id(source)?, typed(&event)?);
    // This operation of the client sends its key in the query.
    params.token = source["secret_token"].as_str().map(str::to_owned);
    let accepted = judge.fits("alert events create", alert_events_v2_create_http(&sender, params).await)?;
    ensure!(accepted["deduplication_key"] == key && accepted["status"] == "success", "{accepted}");
    Ok(())
}

/// Checks the errors for a wrong secret and a wrong URL.
async fn undelivered(judge: &Judge, source: &Value) -> anyhow::Result<()> {
    let mut sender = judge.config.clone();
    sender.bearer_access_token = Some("not the secret".to_owned());
    for (to, status) in [(id(source)?, 401), (NOTHING.to_owned(), 404)] {
        let event = typed(&json!({ "title": "Forged", "status": "firing" }))?;
        let params = AlertEventsV2CreateHttpParams::new(to, event);
        let answer = alert_events_v2_create_http(&sender, params).await;
        judge.refused("alert events create", status, answer)?;
    }
    Ok(())
}

/// Checks alerts; returns the newest.
pub(crate) async fn alerts(judge: &Judge, source: &Value) -> anyhow::Result<Value> {
    undelivered(judge, source).await?;
    let (config, source_id) = (&judge.config, id(source)?);
    let keys: Vec<String> = (0..3).map(|n| format!("{}-r-{n}", judge.run)).collect();
    for key in &keys {
        deliver(judge, source, key).await?;
    }
    let list = |params: AlertsV2ListParams| alerts_v2_list(config, params);
    let of_source = |size| AlertsV2ListParams::new(size).set_alert_source(filter("one_of", &source_id));
    let show = |id: &str| alerts_v2_show(config, AlertsV2ShowParams::new(id));
    let resolve = |id: &str| alerts_v2_resolve(config, AlertsV2ResolveParams::new(id));

    let mut found = Vec::new();
    for _ in 0..100 {
        let reply = judge.fits("alerts list", list(of_source(50)).await)?;
        found = reply["alerts"].as_array().cloned().unwrap_or_default();
        if found.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let [newest, middle, oldest] = found.as_slice() else { bail!("the alerts did not appear: {found:?}") };
    ensure!(newest["deduplication_key"] == json!(keys[2]) && oldest["deduplication_key"] == json!(keys[0]));
    ensure!(newest["title"] == format!("{} is broken", keys[2]) && newest["alert_source_id"] == source_id);
    ensure!(
        newest["description"] == "Look at the runbook" && newest["source_url"] == "https://sender.example/x"
    );

    let ids = found.iter().map(id).collect::<anyhow::Result<Vec<_>>>()?;
    let page = |after| async {
        let mut params = of_source(2);
        params.after = after;
        judge.fits("alerts list", list(params).await)
    };
    judge.pages("alerts", &ids, page).await?;
    let by_key = AlertsV2ListParams::new(5).set_deduplication_key(filter("is", &keys[1]));
    let by_key = judge.fits("alerts list", list(by_key).await)?;
    ensure!(by_key["alerts"] == json!([middle]), "{by_key}");
    let shown = judge.fits("alerts show", show(&ids[0]).await)?["alert"].clone();
    ensure!(shown == *newest, "{shown} is not {newest}");
    let resolved = judge.fits("alerts resolve", resolve(&ids[2]).await)?["alert"].clone();
    ensure!(resolved["status"] == "resolved" && resolved["resolved_at"].is_string(), "{resolved}");
    let over = of_source(5).set_status(filter("one_of", "resolved"));
    let over = judge.fits("alerts list", list(over).await)?["alerts"].clone();
    ensure!(over[0]["id"] == resolved["id"] && over.as_array().is_some_and(|over| over.len() == 1), "{over}");
    let day = newest["created_at"].as_str().and_then(|at| at.get(..10)).context("a day")?;
    let today = of_source(5).set_created_at(filter("gte", day));
    ensure!(
        judge.fits("alerts list", list(today).await)?["alerts"].as_array().is_some_and(|all| all.len() == 3)
    );
    ensure!(judge.refused("alerts list", 422, list(AlertsV2ListParams::new(51)).await)? == "page_size");
    judge.refused("alerts show", 404, show(NOTHING).await)?;
    judge.refused("alerts resolve", 404, resolve(NOTHING).await)?;
    Ok(newest.clone())
}
