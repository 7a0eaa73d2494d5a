//! Alert sources, as whoever sets one up does it at a browser.

use anyhow::{Context, ensure};

use crate::driver::Browser;

/// Adds a draft, and says where its page is.
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

/// Sends the draft its example, sees it arrive without loading the page anew, and activates it.
pub(crate) async fn activate(browser: &Browser, source: &str) -> anyhow::Result<()> {
    browser.goto(source).await?;
    browser.press("Activate").await?;
    let refused = browser.text("p.form-error").await?;
    ensure!(refused.contains("othing has arrived"), "it said {refused:?}");
    browser.goto(source).await?;
    browser.press("Send test alert").await?;
    browser
        .until("document.querySelector('#arrived')?.textContent.includes('Last event')")
        .await
        .context("what arrives shows by itself")?;
    browser.picture("source-arrived").await?;
    browser.press("Activate").await?;
    let said = browser.text("p.flash").await?;
    ensure!(said.starts_with("Alert source activated"), "it said {said:?}");
    browser.picture("source-active").await
}
