//! Chromium, and chromedriver, which controls it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use fantoccini::cookies::Cookie;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// The size of a window, and the colours that its user prefers.
pub(crate) struct WindowKind {
    /// The name in the file names of screenshots.
    pub(crate) name: &'static str,
    width: u32,
    height: u32,
    dark: bool,
    phone: bool,
}

/// The kinds of windows in which every page is checked.
pub(crate) const WINDOW_KINDS: &[WindowKind] = &[
    WindowKind { name: "desktop-light", width: 1280, height: 1400, dark: false, phone: false },
    WindowKind { name: "desktop-dark", width: 1280, height: 1400, dark: true, phone: false },
    WindowKind { name: "phone-light", width: 360, height: 1800, dark: false, phone: true },
    WindowKind { name: "phone-dark", width: 360, height: 1800, dark: true, phone: true },
];

/// How long a page may take to load.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a change made elsewhere may take to appear: a page updates itself twice in this time.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(30);

/// The script that runs axe on the page, and returns serious and critical findings.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document).then(
        (found) => done(found.passes.length < 5 ? ['axe checked nothing'] : found.violations
            .filter((one) => ['serious', 'critical'].includes(one.impact))
            .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`))),
        (error) => done([`axe failed: ${error}`]),
    );
";

/// A running chromedriver; it is killed when this value is dropped.
pub(crate) struct Driver {
    port: u16,
    _process: Child,
    // Kept open, so that chromedriver can continue to write.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts chromedriver on a free port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `chromedriver`; install the package chromium-driver")?;
        let mut output = BufReader::new(process.stdout.take().context("standard output is piped")?);
        let mut line = String::new();
        loop {
            line.clear();
            if output.read_line(&mut line).await? == 0 {
                bail!("chromedriver stopped before it was ready");
            }
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                let port = port.trim().trim_end_matches('.').parse()?;
                return Ok(Self { port, _process: process, _output: output });
            }
        }
    }

    /// Opens a window.
    pub(crate) async fn browser(&self, kind: &WindowKind, screenshots: &Path) -> anyhow::Result<Browser> {
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={},{}", kind.width, kind.height),
        ];
        if kind.dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut options = json!({ "args": arguments });
        if kind.phone {
            let metrics = json!({ "width": kind.width, "height": kind.height, "pixelRatio": 2.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await?;
        Ok(Browser { client, screenshots: screenshots.to_owned() })
    }
}

/// A window of the browser.
pub(crate) struct Browser {
    client: Client,
    screenshots: PathBuf,
}

impl Browser {
    /// All cookies of the browser.
    pub(crate) async fn cookies(&self) -> anyhow::Result<Vec<Cookie<'static>>> {
        Ok(self.client.get_all_cookies().await?)
    }

    /// Signs in with the cookies of another window, because a sign-in link works once.
    pub(crate) async fn add_cookies(&self, base: &str, cookies: &[Cookie<'static>]) -> anyhow::Result<()> {
        self.goto(&format!("{base}/healthz")).await?;
        for cookie in cookies {
            self.client.add_cookie(cookie.clone()).await?;
        }
        Ok(())
    }

    /// Opens a URL.
    pub(crate) async fn goto(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// Waits until an element is on the page, and returns its text.
    pub(crate) async fn text(&self, css: &str) -> anyhow::Result<String> {
        loop {
            let found = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::Css(css)).await;
            match found.with_context(|| format!("no `{css}` on the page"))?.text().await {
                Err(error) if error.is_stale_element_reference() => {}
                text => return Ok(text?),
            }
        }
    }

    /// Waits until an element is on the page.
    pub(crate) async fn wait_for(&self, css: &str) -> anyhow::Result<()> {
        self.text(css).await.map(drop)
    }

    /// Waits until the element of an XPath is on the page, and returns it.
    pub(crate) async fn element(&self, path: &str) -> anyhow::Result<Element> {
        let found = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::XPath(path)).await;
        found.with_context(|| format!("no `{path}` on the page"))
    }

    /// Ticks a checkbox.
    pub(crate) async fn tick(&self, css: &str) -> anyhow::Result<()> {
        let found = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::Css(css)).await;
        found.with_context(|| format!("no `{css}` on the page"))?.click().await?;
        Ok(())
    }

    /// Presses the first button with this label.
    pub(crate) async fn press(&self, label: &str) -> anyhow::Result<()> {
        loop {
            let button = self.element(&format!("//button[normalize-space()='{label}']")).await;
            match button.with_context(|| format!("no button has the label {label:?}"))?.click().await {
                // The page updated itself in between and replaced the button.
                Err(error) if error.is_stale_element_reference() => {}
                pressed => return Ok(pressed?),
            }
        }
    }

    /// Fills a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let field = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::Css(css)).await;
        let field = field.with_context(|| format!("no `{css}` on the page"))?;
        field.clear().await?;
        // A script sets the value, because chromedriver cannot type characters beyond the Basic Multilingual Plane.
        let arguments = vec![serde_json::to_value(&field)?, Value::String(text.to_owned())];
        self.client.execute("arguments[0].value = arguments[1]", arguments).await?;
        Ok(())
    }

    /// Selects an option by its label.
    pub(crate) async fn choose(&self, css: &str, label: &str) -> anyhow::Result<()> {
        let select = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::Css(css)).await;
        select.with_context(|| format!("no `{css}` on the page"))?.select_by_label(label).await?;
        Ok(())
    }

    /// Types keys into the focused element.
    pub(crate) async fn keys(&self, keys: &str) -> anyhow::Result<()> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// The URL of the page.
    pub(crate) async fn address(&self) -> anyhow::Result<String> {
        Ok(self.client.current_url().await?.to_string())
    }

    /// The URL of a link.
    pub(crate) async fn link(&self, css: &str) -> anyhow::Result<String> {
        let link = self.client.wait().at_most(PAGE_TIMEOUT).for_element(Locator::Css(css)).await;
        let link = link.with_context(|| format!("no `{css}` on the page"))?;
        link.prop("href").await?.with_context(|| format!("the link `{css}` has no URL"))
    }

    /// Evaluates an expression of JavaScript.
    pub(crate) async fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(&format!("return {expression}"), Vec::new()).await?)
    }

    /// Waits until an expression of JavaScript is true.
    pub(crate) async fn until(&self, expression: &str) -> anyhow::Result<()> {
        let begun = std::time::Instant::now();
        while self.evaluate(expression).await? != Value::Bool(true) {
            if begun.elapsed() > UPDATE_TIMEOUT {
                bail!("`{expression}` did not become true within {} s", UPDATE_TIMEOUT.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// The serious and critical accessibility findings of axe.
    pub(crate) async fn violations(&self, axe: &str) -> anyhow::Result<Vec<String>> {
        self.client.execute(axe, Vec::new()).await?;
        let found = self.client.execute_async(RUN_AXE, Vec::new()).await?;
        let found = found.as_array().context("axe returned no list")?;
        Ok(found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Saves a screenshot.
    pub(crate) async fn screenshot(&self, name: &str) -> anyhow::Result<()> {
        let file = self.screenshots.join(format!("{name}.png"));
        let image = self.client.screenshot().await?;
        std::fs::write(&file, image).with_context(|| format!("cannot write `{}`", file.display()))
    }

    /// Whether the page is not wider than its window.
    pub(crate) async fn fits(&self) -> anyhow::Result<bool> {
        self.is_true("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await
    }

    /// Whether the stylesheet applies; without it, the page has no background colour.
    pub(crate) async fn is_styled(&self) -> anyhow::Result<bool> {
        self.is_true("return getComputedStyle(document.body).backgroundColor !== 'rgba(0, 0, 0, 0)'").await
    }

    /// Runs a script that returns a boolean.
    async fn is_true(&self, script: &str) -> anyhow::Result<bool> {
        Ok(self.client.execute(script, Vec::new()).await? == Value::Bool(true))
    }

    /// Closes the window.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.close().await?)
    }
}
