//! Drives the pages in a real browser: signs in, looks, presses Acknowledge, and keeps pictures of all of it.
//!
//! `cargo run -p browser -- SIGN-IN-LINK DIRECTORY [ACKNOWLEDGE-LINK]` against `cargo local --demo`. It needs `chromium`
//! and `chromedriver` on the path.

mod driver;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use driver::{Browser, Driver, LOOKS, Look};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: browser SIGN-IN-LINK DIRECTORY [ACKNOWLEDGE-LINK]";
    let sign_in = arguments.next().context(usage)?;
    let pictures = PathBuf::from(arguments.next().context(usage)?);
    let acknowledge = arguments.next();
    std::fs::create_dir_all(&pictures)?;

    let driver = Driver::start().await?;
    for look in LOOKS {
        let browser = driver.browser(look, &pictures).await?;
        let seen = look_around(&browser, look, &sign_in).await;
        browser.close().await?;
        seen.with_context(|| format!("on the {}", look.name))?;
    }
    let browser = driver.browser(&LOOKS[0], &pictures).await?;
    let pressed = press(&browser, &sign_in).await;
    browser.close().await?;
    pressed.context("acknowledging on the first page")?;
    if let Some(link) = acknowledge {
        let browser = driver.browser(&LOOKS[3], &pictures).await?;
        let pressed = follow(&browser, &link).await;
        browser.close().await?;
        pressed.context("acknowledging by the link in a page")?;
    }
    Ok(())
}

/// Signs in, and sees that the first page fits its window.
async fn look_around(browser: &Browser, look: &Look, sign_in: &str) -> anyhow::Result<()> {
    browser.goto(sign_in).await?;
    browser.picture(&format!("sign-in-{}", look.name)).await?;
    browser.press("Sign in").await?;
    browser.wait_for("dl.tiles").await?;
    browser.picture(&format!("open-{}", look.name)).await?;
    ensure!(browser.is_styled().await?, "the stylesheet does not apply");
    ensure!(browser.fits().await?, "the page is wider than its window");
    Ok(())
}

/// Presses the first button on the first page, and sees the number of open escalations fall.
async fn press(browser: &Browser, sign_in: &str) -> anyhow::Result<()> {
    browser.goto(sign_in).await?;
    browser.press("Sign in").await?;
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
    ensure!(said.starts_with("You are on it."), "it said {said:?}");
    browser.picture("link-acknowledged").await
}
