//! People and API keys, managed in the browser by an administrator.

use anyhow::{Context, ensure};

use crate::driver::Browser;
use crate::incident::YES;

/// Adds a person with a webhook, and returns the URL of their page.
pub(crate) async fn add_person(browser: &Browser, base: &str) -> anyhow::Result<String> {
    browser.goto(&format!("{base}/")).await?;
    browser.keys("gs").await?;
    browser.until("location.pathname === '/people'").await.context("`g s` leads to the settings")?;
    browser.fill("input[name=name]", "Nora Nightshift").await?;
    browser.fill("input[name=email]", "nora@example.com").await?;
    browser.choose("form.card select[name=role]", "Viewer").await?;
    browser.press("Add person").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text.starts_with("Person added"), "the page says {text:?}");

    let row = "//li[contains(@class, 'person')][contains(., 'Nora Nightshift')]";
    let person = browser.element(&format!("{row}//h2/a")).await?.prop("href").await?;
    let person = person.context("the name leads to their page")?;
    let role = browser.element(&format!("{row}//select")).await?;
    role.select_by_label("Administrator").await?;
    browser.element(&format!("{row}//button[starts-with(., 'Change role')]")).await?.click().await?;
    browser.until("document.querySelector('p.flash')?.textContent === 'Role changed.'").await?;
    let chosen = browser.element(&format!("{row}//select")).await?.prop("value").await?;
    ensure!(chosen.as_deref() == Some("administrator"), "the role is {chosen:?}");

    browser.goto(&person).await?;
    browser.choose("select[name=channel]", "Webhook").await?;
    browser
        .fill("input[name=address]", "https://pages.example.com/a/rather/long/address/of/a/program")
        .await?;
    browser.press("Add method").await?;
    let secret = browser.text("code.token").await?;
    ensure!(secret.starts_with("whsec_"), "the secret reads {secret:?}");
    browser.screenshot("method-added").await?;
    browser.goto(&person).await?;
    browser.wait_for("#list li").await?;
    ensure!(
        browser.evaluate("document.querySelector('code.token')").await?.is_null(),
        "the secret is shown again"
    );
    Ok(person)
}

/// Creates an API key, and stays on the page that shows its token.
pub(crate) async fn create_key(browser: &Browser, base: &str, name: &str) -> anyhow::Result<()> {
    browser.goto(&format!("{base}/api-keys")).await?;
    browser.fill("input[name=name]", name).await?;
    browser.fill("input[name=comments]", "Tells of deploys").await?;
    for role in ["may-viewer", "may-incident_creator"] {
        browser.tick(&format!("input[name={role}]")).await?;
    }
    browser.press("Create API key").await?;
    let token = browser.text("code.token").await?;
    ensure!(token.starts_with("fb_"), "the token reads {token:?}");
    Ok(())
}

/// Revokes an API key, with a confirmation.
pub(crate) async fn revoke_key(browser: &Browser, base: &str, name: &str) -> anyhow::Result<()> {
    browser.goto(&format!("{base}/api-keys")).await?;
    let shown = browser.evaluate("document.querySelector('code.token')").await?;
    ensure!(shown.is_null(), "the token is shown again");
    browser.press(&format!("Revoke {name}")).await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.screenshot("key-revoke").await?;
    browser.evaluate(YES).await?;
    browser.until("document.querySelector('p.flash')?.textContent.startsWith('API key revoked')").await?;
    let list = browser.text("#list").await?;
    ensure!(!list.contains(name), "the API key is still in the list:\n{list}");
    Ok(())
}
