//! Drives the pages in a real browser: signs in, looks at every page, runs incidents from their declaration to their end,
//! and keeps pictures of all of it.
//!
//! `cargo run -p browser -- SIGN-IN-LINK DIRECTORY [--axe FILE] [ACKNOWLEDGE-LINK]` against a fresh `cargo local --demo`.
//! It needs `chromium` and `chromedriver` on the path, and `axe.min.js` of the package axe-core to judge what people need
//! who see, hear or type otherwise.

mod driver;
mod incident;
mod settings;
mod sources;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use driver::{Browser, Driver, LOOKS, Look};
use incident::Made;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let usage = "usage: browser SIGN-IN-LINK DIRECTORY [--axe FILE] [ACKNOWLEDGE-LINK]";
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let axe = match arguments.iter().position(|argument| argument == "--axe") {
        Some(at) => {
            let file = arguments.get(at + 1).context(usage)?.clone();
            arguments.drain(at..at + 2);
            Some(std::fs::read_to_string(&file).with_context(|| format!("cannot read `{file}`"))?)
        }
        None => None,
    };
    let mut arguments = arguments.into_iter();
    let sign_in = arguments.next().context(usage)?;
    let pictures = PathBuf::from(arguments.next().context(usage)?);
    let acknowledge = arguments.next();
    std::fs::create_dir_all(&pictures)?;
    if axe.is_none() {
        eprintln!("=== SKIPPED: no --axe FILE is given, so nothing judges whether the pages are accessible");
    }

    let driver = Driver::start().await?;
    let browser = driver.browser(&LOOKS[0], &pictures).await?;
    let made = incident::make(&browser, &sign_in).await.context("making what there is to look at")?;
    browser.close().await?;
    for look in LOOKS {
        let browser = driver.browser(look, &pictures).await?;
        let seen = look_around(&browser, look, &made, axe.as_deref()).await;
        browser.close().await?;
        seen.with_context(|| format!("on the {}", look.name))?;
    }
    let (browser, elsewhere) =
        (driver.browser(&LOOKS[0], &pictures).await?, driver.browser(&LOOKS[2], &pictures).await?);
    let driven = drive(&browser, &elsewhere, &made).await;
    if driven.is_err() {
        browser.picture("failed").await?;
    }
    browser.close().await?;
    elsewhere.close().await?;
    driven?;
    if let Some(link) = acknowledge {
        let browser = driver.browser(&LOOKS[3], &pictures).await?;
        let pressed = follow(&browser, &link).await;
        browser.close().await?;
        pressed.context("acknowledging by the link in a page")?;
    }
    Ok(())
}

/// Sees that every page fits its window and is for everybody.
async fn look_around(browser: &Browser, look: &Look, made: &Made, axe: Option<&str>) -> anyhow::Result<()> {
    let base = &made.base;
    browser.goto(&format!("{base}/sign-in")).await?;
    judge(browser, look, "sign-in", axe).await?;
    browser.take(base, &made.cookies).await?;
    let pages = [
        ("now", format!("{base}/")),
        ("incidents", format!("{base}/incidents?show=all")),
        ("incident", made.incident.clone()),
        ("hostile", made.hostile.clone()),
        ("declare", format!("{base}/incidents/new")),
        ("escalations", format!("{base}/escalations")),
        ("escalation", made.escalation.clone()),
        ("alerts", format!("{base}/alerts")),
        ("alert", made.alert.clone()),
        ("people", format!("{base}/people")),
        ("person", made.person.clone()),
        ("alert-sources", format!("{base}/alert-sources")),
        ("alert-source", made.source.clone()),
        ("api-keys", format!("{base}/api-keys")),
        ("audit", format!("{base}/audit")),
        ("gone", format!("{base}/incidents/999")),
    ];
    for (name, address) in pages {
        browser.goto(&address).await?;
        judge(browser, look, name, axe).await?;
    }
    let key = format!("Deploys from {}", look.name);
    settings::make_key(browser, base, &key).await.context("making a key")?;
    judge(browser, look, "key-made", axe).await?;
    settings::revoke_key(browser, base, &key).await.context("revoking a key")
}

/// Keeps a picture of a page, and says what is wrong with it.
async fn judge(browser: &Browser, look: &Look, name: &str, axe: Option<&str>) -> anyhow::Result<()> {
    browser.wait_for("main").await?;
    browser.picture(&format!("{name}-{}", look.name)).await?;
    ensure!(browser.is_styled().await?, "the stylesheet does not apply to `{name}`");
    ensure!(browser.fits().await?, "the page `{name}` is wider than its window");
    if let Some(axe) = axe {
        let found = browser.violations(axe).await?;
        ensure!(found.is_empty(), "`{name}` is not for everybody:\n{}", found.join("\n"));
    }
    Ok(())
}

/// Runs the incidents, from one window with another one beside it.
async fn drive(browser: &Browser, elsewhere: &Browser, made: &Made) -> anyhow::Result<()> {
    for browser in [browser, elsewhere] {
        browser.take(&made.base, &made.cookies).await?;
    }
    sources::activate(browser, &made.source).await.context("activating a source")?;
    incident::keys(browser, made).await.context("using the keys")?;
    incident::run(browser, elsewhere, made).await.context("running the declared incident")?;
    incident::run_alert(browser, made).await.context("running the alert's incident")?;
    press(browser, &made.base).await.context("acknowledging on the first page")
}

/// Presses the first button on the first page, and sees the number of open escalations fall.
async fn press(browser: &Browser, base: &str) -> anyhow::Result<()> {
    browser.goto(&format!("{base}/")).await?;
    let before: u32 = browser.text("dl.tiles dd").await?.parse()?;
    browser.press("Acknowledge").await?;
    let said = browser.text("p.flash").await?;
    ensure!(said.starts_with("Acknowledged by Owner"), "it said {said:?}");
    let after: u32 = browser.text("dl.tiles dd").await?.parse()?;
    ensure!(after + 1 == before, "there were {before} open, and then {after}");
    browser.picture("acknowledged").await
}

/// Follows the link in a page, and presses its one button.
async fn follow(browser: &Browser, link: &str) -> anyhow::Result<()> {
    browser.goto(link).await?;
    browser.picture("link").await?;
    browser.goto(link).await?;
    ensure!(browser.fits().await?, "the page is wider than its window");
    browser.press("Acknowledge").await?;
    let said = browser.text("p.outcome-line").await?;
    ensure!(said.starts_with("You acknowledged"), "it said {said:?}");
    browser.picture("link-acknowledged").await
}
