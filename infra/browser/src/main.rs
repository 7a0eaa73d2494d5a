//! Tests the web pages in a real browser: signs in, checks every page, runs incidents from declaration to end, and saves
//! screenshots.
//!
//! It needs `chromium` and `chromedriver` on the path, and `axe.min.js` of the npm package axe-core to check
//! accessibility. See [`HELP`] for its arguments.

mod driver;
mod incident;
mod settings;
mod sources;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use driver::{Browser, Driver, WINDOW_KINDS, WindowKind};
use incident::Prepared;

/// The text of `--help`.
const HELP: &str = "\
Tests the web pages of a new `cargo local --ephemeral --demo` in a real browser.

Usage: browser SIGN-IN-LINK DIRECTORY [--axe FILE] [ACKNOWLEDGE-LINK]

  SIGN-IN-LINK      The sign-in link that `cargo local` printed
  DIRECTORY         Where screenshots are saved
  ACKNOWLEDGE-LINK  The acknowledge link of an email, to test it too
  --axe FILE        The file axe.min.js, to check accessibility
  -h, --help        Print this help
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
        eprint!("{HELP}");
        return Ok(());
    }
    let usage = "an argument is missing; run `browser --help` to see all of them";
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
    let screenshots = PathBuf::from(arguments.next().context(usage)?);
    let acknowledge = arguments.next();
    std::fs::create_dir_all(&screenshots)?;
    if axe.is_none() {
        eprintln!("=== skipped: accessibility is not checked without --axe FILE");
    }

    let driver = Driver::start().await?;
    let browser = driver.browser(&WINDOW_KINDS[0], &screenshots).await?;
    let prepared =
        incident::prepare(&browser, &sign_in).await.context("preparing incidents, people and sources")?;
    browser.close().await?;
    for kind in WINDOW_KINDS {
        let browser = driver.browser(kind, &screenshots).await?;
        let checked = check_pages(&browser, kind, &prepared, axe.as_deref()).await;
        browser.close().await?;
        checked.with_context(|| format!("on the {}", kind.name))?;
    }
    let (browser, elsewhere) = (
        driver.browser(&WINDOW_KINDS[0], &screenshots).await?,
        driver.browser(&WINDOW_KINDS[2], &screenshots).await?,
    );
    let driven = drive(&browser, &elsewhere, &prepared).await;
    if driven.is_err() {
        browser.screenshot("failed").await?;
    }
    browser.close().await?;
    elsewhere.close().await?;
    driven?;
    if let Some(link) = acknowledge {
        let browser = driver.browser(&WINDOW_KINDS[3], &screenshots).await?;
        let pressed = acknowledge_by_link(&browser, &link).await;
        browser.close().await?;
        pressed.context("acknowledging by the link in an email")?;
    }
    Ok(())
}

/// Checks every page in a window: layout, stylesheet, accessibility.
async fn check_pages(
    browser: &Browser,
    kind: &WindowKind,
    prepared: &Prepared,
    axe: Option<&str>,
) -> anyhow::Result<()> {
    let base = &prepared.base;
    browser.goto(&format!("{base}/sign-in")).await?;
    check_page(browser, kind, "sign-in", axe).await?;
    browser.add_cookies(base, &prepared.cookies).await?;
    let pages = [
        ("now", format!("{base}/")),
        ("incidents", format!("{base}/incidents?show=all")),
        ("incident", prepared.incident.clone()),
        ("hostile", prepared.hostile.clone()),
        ("declare", format!("{base}/incidents/new")),
        ("escalations", format!("{base}/escalations")),
        ("escalation", prepared.escalation.clone()),
        ("alerts", format!("{base}/alerts")),
        ("alert", prepared.alert.clone()),
        ("people", format!("{base}/people")),
        ("person", prepared.person.clone()),
        ("alert-sources", format!("{base}/alert-sources")),
        ("alert-source", prepared.source.clone()),
        ("api-keys", format!("{base}/api-keys")),
        ("audit", format!("{base}/audit")),
        ("gone", format!("{base}/incidents/999")),
    ];
    for (name, address) in pages {
        browser.goto(&address).await?;
        check_page(browser, kind, name, axe).await?;
    }
    let key = format!("Deploys from {}", kind.name);
    settings::create_key(browser, base, &key).await.context("making a key")?;
    check_page(browser, kind, "key-made", axe).await?;
    settings::revoke_key(browser, base, &key).await.context("revoking a key")
}

/// Saves a screenshot of the page, and checks it.
async fn check_page(
    browser: &Browser,
    kind: &WindowKind,
    name: &str,
    axe: Option<&str>,
) -> anyhow::Result<()> {
    browser.wait_for("main").await?;
    browser.screenshot(&format!("{name}-{}", kind.name)).await?;
    ensure!(browser.is_styled().await?, "the stylesheet does not apply to `{name}`");
    ensure!(browser.fits().await?, "the page `{name}` is wider than its window");
    if let Some(axe) = axe {
        let found = browser.violations(axe).await?;
        ensure!(found.is_empty(), "the page `{name}` is not accessible:\n{}", found.join("\n"));
    }
    Ok(())
}

/// Runs incidents in one window, while another window makes changes.
async fn drive(browser: &Browser, elsewhere: &Browser, prepared: &Prepared) -> anyhow::Result<()> {
    for browser in [browser, elsewhere] {
        browser.add_cookies(&prepared.base, &prepared.cookies).await?;
    }
    sources::activate(browser, &prepared.source).await.context("activating a source")?;
    incident::keys(browser, prepared).await.context("using the keys")?;
    incident::run(browser, elsewhere, prepared).await.context("running the declared incident")?;
    incident::run_alert(browser, prepared).await.context("running the alert's incident")?;
    acknowledge_on_home_page(browser, &prepared.base).await.context("acknowledging on the home page")
}

/// Acknowledges on the home page, and checks that the number of open escalations falls.
async fn acknowledge_on_home_page(browser: &Browser, base: &str) -> anyhow::Result<()> {
    browser.goto(&format!("{base}/")).await?;
    let before: u32 = browser.text("dl.tiles dd").await?.parse()?;
    browser.press("Acknowledge").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text.starts_with("Acknowledged by Owner"), "the page says {text:?}");
    let after: u32 = browser.text("dl.tiles dd").await?.parse()?;
    ensure!(after + 1 == before, "{before} escalations were open, then {after}");
    browser.screenshot("acknowledged").await
}

/// Opens the acknowledge link of an email, and presses its button.
async fn acknowledge_by_link(browser: &Browser, link: &str) -> anyhow::Result<()> {
    browser.goto(link).await?;
    browser.screenshot("link").await?;
    browser.goto(link).await?;
    ensure!(browser.fits().await?, "the page is wider than its window");
    browser.press("Acknowledge").await?;
    let text = browser.text("p.outcome-line").await?;
    ensure!(text.starts_with("You acknowledged"), "the page says {text:?}");
    browser.screenshot("link-acknowledged").await
}
