//! Alert sources, set up in the browser.

use anyhow::{Context, ensure};

use crate::driver::Browser;

/// Adds a draft alert source, and returns the URL of its page.
pub(crate) async fn add(browser: &Browser, base: &str) -> anyhow::Result<String> {
    browser.goto(&format!("{base}/alert-sources")).await?;
    browser.fill("input[name=name]", "Backups of the night").await?;
    browser.choose("select[name=kind]", "HTTP").await?;
    browser.press("Add as draft").await?;
    browser.wait_for("#arrived").await?;
    let steps = browser.text("div.steps").await?;
    let address = browser.text(".set-up code.token").await?;
    ensure!(
        address.starts_with(base) && steps.contains(&address),
        "{address:?} is not in its steps:\n{steps}"
    );
    browser.address().await
}

/// Sends the test alert to the draft, waits until the page shows it without a reload, and activates the source.
pub(crate) async fn activate(browser: &Browser, source: &str) -> anyhow::Result<()> {
    browser.goto(source).await?;
    browser.press("Activate").await?;
    let refused = browser.text("p.form-error").await?;
    ensure!(refused.contains("The draft has not received an event yet"), "the page says {refused:?}");
    browser.goto(source).await?;
    browser.press("Send test alert").await?;
    browser
        .until("document.querySelector('#arrived')?.textContent.includes('Last event')")
        .await
        .context("the received event appears without a reload of the page")?;
    browser.screenshot("source-arrived").await?;
    browser.press("Activate").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text.starts_with("Alert source activated"), "the page says {text:?}");
    browser.screenshot("source-active").await
}
