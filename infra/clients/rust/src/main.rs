//! Calls a running server with the published Rust client of incident.io's API. The client is strict: its error names the
//! place in a response that does not fit its types.
//!
//! Sent values must come back equal, lists must continue over their pages, and errors must parse.

mod alerts;
mod configuration;
mod judge;
mod responses;

use std::io::Write;

use anyhow::Context;

use judge::Judge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: client-incident-io URL KEY")?;
    let key = arguments.next().context("usage: client-incident-io URL KEY")?;
    let judge = Judge::new(url, key);

    configuration::identity(&judge).await?;
    let users = configuration::people(&judge).await?;
    let path = configuration::paths(&judge, &users[0]).await?;
    let source = configuration::sources(&judge).await?;
    configuration::routes(&judge, &source, &path).await?;
    let alert = alerts::alerts(&judge, &source).await?;
    let incident = responses::incidents(&judge).await?;
    responses::escalations(&judge, (&users, &path), &incident, &alert).await?;

    let mut out = std::io::stdout();
    for (call, count) in judge.driven() {
        writeln!(out, "{count:4} {call}")?;
    }
    writeln!(out, "all {} calls as expected", judge.driven().values().sum::<usize>())?;
    Ok(())
}
