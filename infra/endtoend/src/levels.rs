//! Nobody answers the real Alertmanager's alert: the next level, the end of the path, the fallback contact.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::alertmanager::{fire, start, wait};
use crate::http::request;
use crate::process::{Process, Setup};
use crate::sink::Sink;
use crate::{Options, say};

/// How long a level has.
const SECONDS: i64 = 10;

/// How late a level may be.
const LATEST: Duration = Duration::from_secs(3);

/// Whom each step pages, in order.
const STEPS: [&str; 3] = ["ada@example.com", "grace@example.com", "owner@example.com"];

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let setup = Setup::fresh(&options.binary, sink.url())?;
    let process = setup.start(true).await?;
    let source = setup.source().await?;
    hurry(&process, &setup).await?;
    let (_alertmanager, address) = start(&setup, &source).await?;

    fire(address, &["nobody-answers".to_owned()], None).await?;
    let about = || {
        let mut mails = sink.mails();
        mails.retain(|mail| mail.text.contains("nobody-answers"));
        mails
    };
    wait(&sink, "a page for each level and the fallback contact", |_| about().len() >= STEPS.len()).await?;
    // Whoever would be paged once more would be by then.
    tokio::time::sleep(LATEST).await;

    let mails = about();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    ensure!(to == STEPS, "paged were {to:?}");
    let mut late = Vec::new();
    for pair in mails.windows(2) {
        let took = pair[1].at.duration_since(pair[0].at);
        let after = took.as_millis() - i128::from(SECONDS) * 1000;
        ensure!(after > -2000, "a level came {} ms early", -after);
        ensure!(after < i128::try_from(LATEST.as_millis())?, "a level came {after} ms late");
        late.push(after);
    }
    let escalation = escalation(&process, &setup).await?;
    ensure!(escalation["status"] == "expired", "the escalation is {}", escalation["status"]);
    process.stop().await?;
    say(format_args!(
        "levels: nobody acknowledged within {SECONDS} s; level 2 was paged {} ms after it was due, the fallback contact \
         {} ms after the path expired",
        late[0], late[1]
    ));
    std::fs::remove_dir_all(&setup.data)?;
    Ok(())
}

/// Asks the API as the owner.
async fn ask(
    process: &Process,
    setup: &Setup,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let key = std::fs::read_to_string(setup.data.join("api-key"))?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = request(process.address, method, path, Some(key.trim()), &body).await?;
    ensure!(answer.status == 200, "{method} {path} was answered {} {}", answer.status, answer.body);
    Ok(serde_json::from_str(&answer.body)?)
}

/// Gives each level of the demonstration's path a few seconds.
async fn hurry(process: &Process, setup: &Setup) -> anyhow::Result<()> {
    let listed = ask(process, setup, "GET", "/v2/escalation_paths", &Value::Null).await?;
    let mut path = listed["escalation_paths"][0].clone();
    let id = path["id"].as_str().context("a path has an id")?.to_owned();
    for node in path["path"].as_array_mut().context("a path has nodes")? {
        node["level"]["time_to_ack_seconds"] = SECONDS.into();
    }
    ask(process, setup, "PUT", &format!("/v2/escalation_paths/{id}"), &path).await?;
    Ok(())
}

/// The escalation of the alert that nobody answers.
async fn escalation(process: &Process, setup: &Setup) -> anyhow::Result<Value> {
    let listed = ask(process, setup, "GET", "/v2/escalations", &Value::Null).await?;
    let escalations = listed["escalations"].as_array().context("a list")?;
    let about =
        escalations.iter().find(|it| it["title"].as_str().is_some_and(|it| it.contains("nobody-answers")));
    about.cloned().context("no escalation is about the alert")
}
