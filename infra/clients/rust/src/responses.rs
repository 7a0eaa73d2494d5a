//! Incidents and escalations.

use anyhow::ensure;
use incident_io::apis::escalations_v2_api::*;
use incident_io::apis::incidents_v2_api::*;
use serde_json::{Value, json};

use crate::judge::{Judge, NOTHING, filter, id, typed, within};

/// Checks incidents; returns the id of one.
pub(crate) async fn incidents(judge: &Judge) -> anyhow::Result<String> {
    let config = &judge.config;
    let create = async |sent: &Value| {
        let params = IncidentsV2CreateParams::new(typed(sent)?);
        anyhow::Ok(incidents_v2_create(config, params).await)
    };
    let show = |id: &str| incidents_v2_show(config, IncidentsV2ShowParams::new(id));

    let (mut ids, mut made) = (Vec::new(), Value::Null);
    for n in 0..3 {
        let mut sent = json!({
            "idempotency_key": format!("{}-r-{n}", judge.run),
            "visibility": "public",
            "mode": "standard",
            "name": format!("Incident {n} {}", judge.run),
            "summary": "Really, really sad",
            "custom_field_entries": [],
        });
        made = judge.fits("incidents create", create(&sent).await?)?["incident"].clone();
        let again = judge.fits("incidents create", create(&sent).await?)?["incident"].clone();
        ensure!(again == made, "the same key made {again} after {made}");
        sent["idempotency_key"] = Value::Null;
        within(&sent, &made, "incident")?;
        ids.push(id(&made)?);
    }
    for order in ["created_at_newest_first", "created_at_oldest_first"] {
        let page = |after| async {
            let mut params = IncidentsV2ListParams::new().set_page_size(2).set_sort_by(order);
            params.after = after;
            judge.fits("incidents list", incidents_v2_list(config, params).await)
        };
        let all = judge.pages("incidents", &ids, page).await?;
        let listed: Vec<_> = all.iter().map(|one| one["id"].to_string()).collect();
        ensure!(
            listed.is_sorted_by(|a, b| if order.contains("newest") { a > b } else { a < b }),
            "{listed:?}"
        );
    }
    let shown = judge.fits("incidents show", show(&ids[2]).await)?["incident"].clone();
    ensure!(shown == made, "{shown} is not {made}");
    let number = made["reference"].as_str().unwrap_or_default().trim_start_matches("INC-");
    ensure!(judge.fits("incidents show", show(number).await)?["incident"] == made);
    ensure!(made["incident_status"]["category"] == "live" && made["creator"]["api_key"]["name"].is_string());
    let live = IncidentsV2ListParams::new().set_page_size(500).set_status_category(filter("one_of", "live"));
    let live = judge.fits("incidents list", incidents_v2_list(config, live).await)?;
    ensure!(live["incidents"].as_array().is_some_and(|live| live.contains(&made)), "{live}");
    judge.refused("incidents show", 404, show(NOTHING).await)?;
    let wrong = json!({ "idempotency_key": "x", "visibility": "public", "severity_id": NOTHING });
    ensure!(judge.refused("incidents create", 422, create(&wrong).await?)? == "severity_id");
    Ok(ids.swap_remove(0))
}

/// Checks escalations.
pub(crate) async fn escalations(
    judge: &Judge,
    (users, path): (&[String], &str),
    incident: &str,
    alert: &Value,
) -> anyhow::Result<()> {
    let config = &judge.config;
    let create = async |sent: &Value| {
        let params = EscalationsV2CreateParams::new(typed(sent)?);
        anyhow::Ok(escalations_v2_create(config, params).await)
    };
    let respond = async |id: &str, response: &str| {
        let params = EscalationsV2RespondEscalationParams::new(id, typed(&json!({ "response": response }))?);
        anyhow::Ok(escalations_v2_respond_escalation(config, params).await)
    };
    let list = |params: EscalationsV2ListParams| escalations_v2_list(config, params);
    let show = |id: &str| escalations_v2_show(config, EscalationsV2ShowParams::new(id));
    let cancel =
        |id: &str| escalations_v2_cancel_escalation(config, EscalationsV2CancelEscalationParams::new(id));

    let mut ids = Vec::new();
    let whom = [
        json!({ "escalation_path_id": path }),
        json!({ "user_ids": users }),
        json!({ "user_ids": [users[0]] }),
    ];
    for (n, mut sent) in whom.into_iter().enumerate() {
        sent["idempotency_key"] = json!(format!("{}-r-{n}", judge.run));
        sent["title"] = json!(format!("Escalation {n} {}", judge.run));
        sent["description"] = json!("For an hour");
        sent["incident_id"] = json!(incident);
        let made = judge.fits("escalations create", create(&sent).await?)?["escalation"].clone();
        ensure!(made["title"] == sent["title"] && made["description"] == sent["description"], "{made}");
        ensure!(made["related_incidents"][0]["id"] == incident && made["status"] == "triggered", "{made}");
        let again = judge.fits("escalations create", create(&sent).await?)?["escalation"].clone();
        ensure!(again["id"] == made["id"], "the same key made {again} after {made}");
        ids.push(id(&made)?);
    }
    let page = |after| async {
        let mut params = EscalationsV2ListParams::new().set_page_size(2);
        params.after = after;
        judge.fits("escalations list", list(params).await)
    };
    judge.pages("escalations", &ids, page).await?;
    let alert = id(alert)?;
    let of_alert = list(EscalationsV2ListParams::new().set_alert(filter("one_of", &alert))).await;
    let of_alert = judge.fits("escalations list", of_alert)?["escalations"].clone();
    ensure!(
        of_alert[0]["related_alerts"][0]["id"] == alert && of_alert[0]["creator"]["alert"]["id"] == alert
    );
    let by_key =
        EscalationsV2ListParams::new().set_idempotency_key(filter("is", &format!("{}-r-1", judge.run)));
    let by_key = judge.fits("escalations list", list(by_key).await)?["escalations"].clone();
    ensure!(by_key[0]["id"] == ids[1] && by_key[1].is_null(), "{by_key}");

    judge.fits("escalations respond", respond(&ids[0], "ack").await?)?;
    ensure!(judge.refused("escalations respond", 422, respond(&ids[1], "nack").await?)? == "response");
    judge.fits("escalations cancel", cancel(&ids[1]).await)?;
    let acked = judge.fits("escalations show", show(&ids[0]).await)?["escalation"].clone();
    let events = acked["events"].as_array().cloned().unwrap_or_default();
    ensure!(acked["status"] == "acked" && events.iter().any(|event| event["event"] == "acked"), "{acked}");
    let cancelled = judge.fits("escalations show", show(&ids[1]).await)?["escalation"].clone();
    ensure!(cancelled["status"] == "cancelled", "{cancelled}");
    judge.refused("escalations respond", 409, respond(&ids[1], "ack").await?)?;
    judge.refused("escalations show", 404, show(NOTHING).await)?;
    judge.refused("escalations cancel", 404, cancel(NOTHING).await)?;
    let both = json!({ "idempotency_key": "x", "title": "x", "escalation_path_id": path, "user_ids": users });
    ensure!(judge.refused("escalations create", 422, create(&both).await?)? == "user_ids");
    Ok(())
}
