//! An incident from its declaration to its end, as a person at a browser runs it.

use anyhow::{Context, ensure};
use fantoccini::cookies::Cookie;

use crate::driver::Browser;
use crate::{settings, sources};

/// A title that means harm: markup, another direction, characters beyond the first plane, no place to break.
const HOSTILE: &str = "<script>alert(1)</script><b>\u{202e}مرحبا بالعالم\u{202c} 🔥🧯👩‍🚒 \
    AVeryLongWordWithoutAnyPlaceToBreakItInTwoWhichGoesOnAndOnUntilTheEndOfTheLineAndBeyondIt";

/// Answers a question with yes.
pub(crate) const YES: &str = "document.querySelector('#confirm [value=yes]').click()";

/// Where things are that were made.
pub(crate) struct Made {
    /// What a browser keeps that is signed in.
    pub(crate) cookies: Vec<Cookie<'static>>,
    /// Where it all is.
    pub(crate) base: String,
    /// The incident that is declared.
    pub(crate) incident: String,
    /// The one with the title that means harm.
    pub(crate) hostile: String,
    /// The escalation of the demonstration's alert.
    pub(crate) escalation: String,
    /// The demonstration's alert.
    pub(crate) alert: String,
    /// Somebody who was added.
    pub(crate) person: String,
    /// A draft of an alert source.
    pub(crate) source: String,
}

/// Declares an incident that pages, and says where it is.
async fn declare(browser: &Browser, base: &str, name: &str) -> anyhow::Result<String> {
    browser.goto(&format!("{base}/incidents/new")).await?;
    browser.fill("input[name=name]", name).await?;
    browser.fill("textarea[name=summary]", "Every tenth payment is refused.\nThe others go through.").await?;
    browser.choose("select[name=severity]", "Major").await?;
    browser.choose("select[name=lead]", "Ada Oncall").await?;
    browser.choose("select[name=page]", "Platform on call").await?;
    browser.press("Declare incident").await?;
    let said = browser.text("p.flash").await?;
    ensure!(said == "Incident declared.", "it said {said:?}");
    let address = browser.address().await?;
    Ok(address.split('?').next().unwrap_or_default().to_owned())
}

/// Makes what there is to look at.
pub(crate) async fn make(browser: &Browser, sign_in: &str) -> anyhow::Result<Made> {
    browser.goto(sign_in).await?;
    browser.picture("sign-in-link").await?;
    browser.press("Sign in").await?;
    browser.wait_for("dl.tiles").await?;
    let base = sign_in.split("/sign-in").next().unwrap_or_default().to_owned();
    let hostile = declare(browser, &base, HOSTILE).await?;
    let title = browser.text("div.title h1").await?;
    ensure!(title.contains("<script>alert(1)</script>"), "the title reads {title:?}");
    let incident = declare(browser, &base, "Checkout fails for some customers").await?;
    browser.goto(&format!("{base}/alerts")).await?;
    let alert = browser.link("ul.list a").await?;
    browser.goto(&alert).await?;
    let escalation = browser.link("aside a[href^='/escalations/']").await?;
    let person = settings::add_person(browser, &base).await.context("adding somebody")?;
    let source = sources::add(browser, &base).await.context("adding a source")?;
    Ok(Made { cookies: browser.cookies().await?, base, incident, hostile, escalation, alert, person, source })
}

/// Runs the declared incident: update, live, acknowledge, close, reopen.
pub(crate) async fn run(browser: &Browser, elsewhere: &Browser, made: &Made) -> anyhow::Result<()> {
    browser.goto(&made.incident).await?;
    browser.fill("textarea[name=message]", "We found a broken card terminal.").await?;
    browser.choose("form.update select[name=severity]", "Critical").await?;
    browser.press("Share update").await?;
    let told = browser.text("#timeline li").await?;
    ensure!(
        told.contains("Owner shared an update") && told.contains("Major") && told.contains("Critical"),
        "the timeline begins with {told:?}"
    );

    // Somebody else tells something while a person writes: it appears, and what was written stays.
    browser.fill("textarea[name=message]", "Half a sentence").await?;
    elsewhere.goto(&made.incident).await?;
    elsewhere.fill("textarea[name=message]", "Seen from elsewhere.").await?;
    elsewhere.press("Share update").await?;
    elsewhere.wait_for("p.flash").await?;
    browser
        .until("document.querySelector('#timeline li').textContent.includes('Seen from elsewhere.')")
        .await
        .context("an update from elsewhere appears without loading the page anew")?;
    let written = browser.says("document.querySelector('textarea[name=message]').value").await?;
    ensure!(written == "Half a sentence", "what was written became {written}");
    browser.picture("incident-live").await?;

    // With the keys: `a` asks before it acknowledges.
    browser.goto(&made.incident).await?;
    browser.wait_for("[data-acknowledge]").await?;
    browser.keys("a").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.picture("incident-acknowledge").await?;
    browser.says(YES).await?;
    browser.until("location.search.startsWith('?answered=')").await?;
    let told = browser.text("#timeline li").await?;
    ensure!(told.contains("Acknowledged by Owner"), "the timeline begins with {told:?}");

    browser.press("Close incident").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.says(YES).await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Closed')").await?;
    browser.picture("incident-closed").await?;
    browser.press("Reopen incident").await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Active')").await
}

/// Runs the incident of the demonstration's alert: acknowledge, resolve the alert, close.
pub(crate) async fn run_alert(browser: &Browser, made: &Made) -> anyhow::Result<()> {
    browser.goto(&made.escalation).await?;
    browser.press("Acknowledge").await?;
    let said = browser.text("p.flash").await?;
    ensure!(said.starts_with("Acknowledged by Owner"), "it said {said:?}");
    browser.picture("escalation-acknowledged").await?;
    browser.goto(&made.alert).await?;
    browser.press("Mark as resolved").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.says(YES).await?;
    browser.until("document.querySelector('#alert .badge')?.textContent === 'Resolved'").await?;
    browser.picture("alert-resolved").await?;
    let incident = browser.link("#alert a.reference").await?;
    browser.goto(&incident).await?;
    browser.press("Close incident").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.says(YES).await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Closed')").await?;
    let told = browser.text("#timeline").await?;
    for step in [
        "Owner edited the incident",
        "Alert resolved by Owner",
        "Acknowledged by Owner",
        "Level 1 notified",
        "Alert fired",
    ] {
        ensure!(told.contains(step), "no {step:?} in the timeline:\n{told}");
    }
    browser.picture("alert-incident-closed").await
}

/// What keys do in lists and everywhere.
pub(crate) async fn keys(browser: &Browser, made: &Made) -> anyhow::Result<()> {
    browser.goto(&format!("{}/incidents", made.base)).await?;
    browser.wait_for("[data-row]").await?;
    browser.keys("?").await?;
    browser.until("document.querySelector('#keys').open").await?;
    browser.picture("keys").await?;
    browser.keys("\u{e00c}").await?;
    browser.until("!document.querySelector('#keys').open").await?;
    browser.keys("jj").await?;
    browser.until("document.activeElement === document.querySelectorAll('[data-row]')[1]").await?;
    browser.keys("k").await?;
    browser.until("document.activeElement === document.querySelectorAll('[data-row]')[0]").await?;
    browser.keys("/").await?;
    browser.until("document.activeElement.name === 'severity'").await?;
    browser.keys("\u{e00c}").await?;
    browser.keys("ge").await?;
    browser.until("location.pathname === '/escalations'").await
}
