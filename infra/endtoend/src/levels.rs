//! Scenario: nobody acknowledges; the second level is notified, then the fallback contact.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::alertmanager::{fire, start, wait};
use crate::http::request;
use crate::inbox::Inbox;
use crate::process::{Installation, RunningLocal};
use crate::{Options, say};

/// The seconds to acknowledge on each level.
const SECONDS: i64 = 10;

/// How late a notification may be.
const TOLERANCE: Duration = Duration::from_secs(3);

/// The recipients, in the order in which they are notified.
const STEPS: [&str; 3] = ["ada@example.com", "grace@example.com", "owner@example.com"];

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let inbox = Inbox::start().await?;
    let installation = Installation::new(&options.binary, inbox.url())?;
    let process = installation.start(true).await?;
    let source = installation.demo_source().await?;
    shorten_levels(&process, &installation).await?;
    let (_alertmanager, address) = start(&installation, &source).await?;

    fire(address, &["nobody-acknowledges".to_owned()], None).await?;
    let about = || {
        let mut mails = inbox.mails();
        mails.retain(|mail| mail.text.contains("nobody-acknowledges"));
        mails
    };
    wait(&inbox, "an email for each level and the fallback contact", |_| about().len() >= STEPS.len())
        .await?;
    // Time for an email too many to arrive.
    tokio::time::sleep(TOLERANCE).await;

    let mails = about();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    ensure!(to == STEPS, "the emails went to {to:?}");
    let mut late = Vec::new();
    for pair in mails.windows(2) {
        let took = pair[1].at.duration_since(pair[0].at);
        let after = took.as_millis() - i128::from(SECONDS) * 1000;
        ensure!(after > -2000, "a notification came {} ms early", -after);
        ensure!(after < i128::try_from(TOLERANCE.as_millis())?, "a notification came {after} ms late");
        late.push(after);
    }
    let escalation = escalation(&process, &installation).await?;
    ensure!(escalation["status"] == "expired", "the escalation is {}", escalation["status"]);
    process.stop().await?;
    say(format_args!(
        "levels: nobody acknowledged within {SECONDS} s; level 2 was notified {} ms after it was due, the fallback contact \
         {} ms after the escalation expired",
        late[0], late[1]
    ));
    std::fs::remove_dir_all(&installation.data)?;
    Ok(())
}

/// Calls the API with the first API key.
async fn call_api(
    process: &RunningLocal,
    installation: &Installation,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let key = std::fs::read_to_string(installation.data.join("api-key"))?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = request(process.address, method, path, Some(key.trim()), &body).await?;
    ensure!(
        answer.status == 200,
        "{method} {path} was answered with status {}: {}",
        answer.status,
        answer.body
    );
    Ok(serde_json::from_str(&answer.body)?)
}

/// Gives each level of the demo's escalation path a few seconds to acknowledge.
async fn shorten_levels(process: &RunningLocal, installation: &Installation) -> anyhow::Result<()> {
    let listed = call_api(process, installation, "GET", "/v2/escalation_paths", &Value::Null).await?;
    let mut path = listed["escalation_paths"][0].clone();
    let id = path["id"].as_str().context("the escalation path has no id")?.to_owned();
    for node in path["path"].as_array_mut().context("the escalation path has no levels")? {
        node["level"]["time_to_ack_seconds"] = SECONDS.into();
    }
    call_api(process, installation, "PUT", &format!("/v2/escalation_paths/{id}"), &path).await?;
    Ok(())
}

/// The escalation of the alert that nobody acknowledges.
async fn escalation(process: &RunningLocal, installation: &Installation) -> anyhow::Result<Value> {
    let listed = call_api(process, installation, "GET", "/v2/escalations", &Value::Null).await?;
    let escalations = listed["escalations"].as_array().context("the API listed no escalations")?;
    let about = escalations
        .iter()
        .find(|it| it["title"].as_str().is_some_and(|it| it.contains("nobody-acknowledges")));
    about.cloned().context("no escalation is about the alert")
}
