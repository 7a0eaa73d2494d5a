//! Incidents from declaration to end, run in the browser.

use anyhow::{Context, ensure};
use fantoccini::cookies::Cookie;

use crate::driver::Browser;
use crate::{settings, sources};

/// A hostile title: markup, another text direction, emoji, and a long word without a place to break.
const HOSTILE: &str = "<script>alert(1)</script><b>\u{202e}مرحبا بالعالم\u{202c} 🔥🧯👩‍🚒 \
    AVeryLongWordWithoutAnyPlaceToBreakItInTwoWhichGoesOnAndOnUntilTheEndOfTheLineAndBeyondIt";

/// The script that answers a confirmation with yes.
pub(crate) const YES: &str = "document.querySelector('#confirm [value=yes]').click()";

/// The URLs of the objects that were created for the checks.
pub(crate) struct Prepared {
    /// The cookies of the signed-in browser.
    pub(crate) cookies: Vec<Cookie<'static>>,
    /// The URL of the installation.
    pub(crate) base: String,
    /// The declared incident.
    pub(crate) incident: String,
    /// The incident with the hostile title.
    pub(crate) hostile: String,
    /// The escalation of the demo alert.
    pub(crate) escalation: String,
    /// The demo alert.
    pub(crate) alert: String,
    /// The person who was added.
    pub(crate) person: String,
    /// The draft alert source.
    pub(crate) source: String,
}

/// Declares an incident with an escalation, and returns its URL.
async fn declare(browser: &Browser, base: &str, name: &str) -> anyhow::Result<String> {
    browser.goto(&format!("{base}/incidents/new")).await?;
    browser.fill("input[name=name]", name).await?;
    browser.fill("textarea[name=summary]", "Every tenth payment is refused.\nThe others go through.").await?;
    browser.choose("select[name=severity]", "Major").await?;
    browser.choose("select[name=lead]", "Ada Oncall").await?;
    browser.choose("select[name=page]", "Platform on call").await?;
    browser.press("Declare incident").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text == "Incident declared.", "the page says {text:?}");
    let address = browser.address().await?;
    Ok(address.split('?').next().unwrap_or_default().to_owned())
}

/// Signs in, and creates the objects that are checked.
pub(crate) async fn prepare(browser: &Browser, sign_in: &str) -> anyhow::Result<Prepared> {
    browser.goto(sign_in).await?;
    browser.screenshot("sign-in-link").await?;
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
    Ok(Prepared {
        cookies: browser.cookies().await?,
        base,
        incident,
        hostile,
        escalation,
        alert,
        person,
        source,
    })
}

/// Runs the declared incident: updates, a change from elsewhere, acknowledge, close, reopen.
pub(crate) async fn run(browser: &Browser, elsewhere: &Browser, prepared: &Prepared) -> anyhow::Result<()> {
    browser.goto(&prepared.incident).await?;
    browser.fill("textarea[name=message]", "We found a broken card terminal.").await?;
    browser.choose("form.update select[name=severity]", "Critical").await?;
    browser.press("Share update").await?;
    let timeline = browser.text("#timeline li").await?;
    ensure!(
        timeline.contains("Owner shared an update")
            && timeline.contains("Major")
            && timeline.contains("Critical"),
        "the timeline begins with {timeline:?}"
    );

    // While a person writes, an update from elsewhere appears, and the person's text stays.
    browser.fill("textarea[name=message]", "Half a sentence").await?;
    elsewhere.goto(&prepared.incident).await?;
    elsewhere.fill("textarea[name=message]", "Seen from elsewhere.").await?;
    elsewhere.press("Share update").await?;
    elsewhere.wait_for("p.flash").await?;
    browser
        .until("document.querySelector('#timeline li').textContent.includes('Seen from elsewhere.')")
        .await
        .context("an update from elsewhere appears without a reload of the page")?;
    let written = browser.evaluate("document.querySelector('textarea[name=message]').value").await?;
    ensure!(written == "Half a sentence", "the text that was written became {written}");
    browser.screenshot("incident-live").await?;

    // The key `a` asks for confirmation before it acknowledges.
    browser.goto(&prepared.incident).await?;
    browser.wait_for("[data-acknowledge]").await?;
    browser.keys("a").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.screenshot("incident-acknowledge").await?;
    browser.evaluate(YES).await?;
    browser.until("location.search.startsWith('?answered=')").await?;
    let timeline = browser.text("#timeline li").await?;
    ensure!(timeline.contains("Acknowledged by Owner"), "the timeline begins with {timeline:?}");

    browser.press("Close incident").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.evaluate(YES).await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Closed')").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text == "Status changed.", "the page says {text:?}");
    browser.screenshot("incident-closed").await?;
    browser.press("Reopen incident").await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Active')").await
}

/// Runs the incident of the demo alert: acknowledge, resolve the alert, close.
pub(crate) async fn run_alert(browser: &Browser, prepared: &Prepared) -> anyhow::Result<()> {
    browser.goto(&prepared.escalation).await?;
    browser.press("Acknowledge").await?;
    let text = browser.text("p.flash").await?;
    ensure!(text.starts_with("Acknowledged by Owner"), "the page says {text:?}");
    browser.screenshot("escalation-acknowledged").await?;
    browser.goto(&prepared.alert).await?;
    browser.press("Mark as resolved").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.evaluate(YES).await?;
    browser.until("document.querySelector('#alert .badge')?.textContent === 'Resolved'").await?;
    browser.screenshot("alert-resolved").await?;
    let incident = browser.link("#alert a.reference").await?;
    browser.goto(&incident).await?;
    browser.press("Close incident").await?;
    browser.until("document.querySelector('#confirm').open").await?;
    browser.evaluate(YES).await?;
    browser.until("document.querySelector('.title .badges').textContent.includes('Closed')").await?;
    let timeline = browser.text("#timeline").await?;
    for step in [
        "Owner edited the incident",
        "Alert resolved by Owner",
        "Acknowledged by Owner",
        "Level 1 notified",
        "Alert fired",
    ] {
        ensure!(timeline.contains(step), "no {step:?} in the timeline:\n{timeline}");
    }
    browser.screenshot("alert-incident-closed").await
}

/// Checks the keyboard shortcuts.
pub(crate) async fn keys(browser: &Browser, prepared: &Prepared) -> anyhow::Result<()> {
    browser.goto(&format!("{}/incidents", prepared.base)).await?;
    browser.wait_for("[data-row]").await?;
    browser.keys("?").await?;
    browser.until("document.querySelector('#keys').open").await?;
    browser.screenshot("keys").await?;
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
