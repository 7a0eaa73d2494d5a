//! A browser, and the driver between it and us.

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

/// A window and the colours that its owner prefers.
pub(crate) struct Look {
    /// What pictures of it are called.
    pub(crate) name: &'static str,
    width: u32,
    height: u32,
    dark: bool,
    phone: bool,
}

/// The windows in which the pages must look right.
pub(crate) const LOOKS: &[Look] = &[
    Look { name: "desktop-light", width: 1280, height: 1400, dark: false, phone: false },
    Look { name: "desktop-dark", width: 1280, height: 1400, dark: true, phone: false },
    Look { name: "phone-light", width: 360, height: 1800, dark: false, phone: true },
    Look { name: "phone-dark", width: 360, height: 1800, dark: true, phone: true },
];

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long something may take to appear that happens elsewhere: two looks of the page.
const LIVE: Duration = Duration::from_secs(30);

/// Runs axe on the page.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document).then(
        (found) => done(found.passes.length < 5 ? ['axe looked at nothing'] : found.violations
            .filter((one) => ['serious', 'critical'].includes(one.impact))
            .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`))),
        (error) => done([`axe failed: ${error}`]),
    );
";

/// A running chromedriver; it ends with this value.
pub(crate) struct Driver {
    port: u16,
    _process: Child,
    // Held open, so that the driver can go on writing.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts chromedriver on a port of its own choice.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `chromedriver`: is the package chromium-driver installed?")?;
        let mut output = BufReader::new(process.stdout.take().context("it has an output")?);
        let mut line = String::new();
        loop {
            line.clear();
            if output.read_line(&mut line).await? == 0 {
                bail!("chromedriver ended before it was ready");
            }
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                let port = port.trim().trim_end_matches('.').parse()?;
                return Ok(Self { port, _process: process, _output: output });
            }
        }
    }

    /// Opens a window.
    pub(crate) async fn browser(&self, look: &Look, pictures: &Path) -> anyhow::Result<Browser> {
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
            format!("--window-size={},{}", look.width, look.height),
        ];
        if look.dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut options = json!({ "args": arguments });
        if look.phone {
            let metrics = json!({ "width": look.width, "height": look.height, "pixelRatio": 2.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await?;
        Ok(Browser { client, pictures: pictures.to_owned() })
    }
}

/// A window.
pub(crate) struct Browser {
    client: Client,
    pictures: PathBuf,
}

impl Browser {
    /// What the browser keeps of the pages that it is on.
    pub(crate) async fn cookies(&self) -> anyhow::Result<Vec<Cookie<'static>>> {
        Ok(self.client.get_all_cookies().await?)
    }

    /// Gives it what another one keeps: a link to sign in is good once.
    pub(crate) async fn take(&self, base: &str, cookies: &[Cookie<'static>]) -> anyhow::Result<()> {
        self.goto(&format!("{base}/healthz")).await?;
        for cookie in cookies {
            self.client.add_cookie(cookie.clone()).await?;
        }
        Ok(())
    }

    /// Goes to an address.
    pub(crate) async fn goto(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// Waits until something is on the page, and says what it reads.
    pub(crate) async fn text(&self, css: &str) -> anyhow::Result<String> {
        loop {
            let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
            match found.with_context(|| format!("no `{css}` on the page"))?.text().await {
                Err(error) if error.is_stale_element_reference() => {}
                text => return Ok(text?),
            }
        }
    }

    /// Waits until something is on the page.
    pub(crate) async fn wait_for(&self, css: &str) -> anyhow::Result<()> {
        self.text(css).await.map(drop)
    }

    /// Waits until what a path through the page leads to is there.
    pub(crate) async fn found(&self, path: &str) -> anyhow::Result<Element> {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(path)).await;
        found.with_context(|| format!("no `{path}` on the page"))
    }

    /// Ticks a box that is not ticked.
    pub(crate) async fn tick(&self, css: &str) -> anyhow::Result<()> {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.with_context(|| format!("no `{css}` on the page"))?.click().await?;
        Ok(())
    }

    /// Presses the first button that says so.
    pub(crate) async fn press(&self, says: &str) -> anyhow::Result<()> {
        loop {
            let button = self.found(&format!("//button[normalize-space()='{says}']")).await;
            match button.with_context(|| format!("no button says {says:?}"))?.click().await {
                // The page looked again just then: what is there now is another one.
                Err(error) if error.is_stale_element_reference() => {}
                pressed => return Ok(pressed?),
            }
        }
    }

    /// Writes into a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let field = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        let field = field.with_context(|| format!("no `{css}` on the page"))?;
        field.clear().await?;
        // Set by the page's own means: a driver types no character beyond the first plane.
        let arguments = vec![serde_json::to_value(&field)?, Value::String(text.to_owned())];
        self.client.execute("arguments[0].value = arguments[1]", arguments).await?;
        Ok(())
    }

    /// Chooses what a choice calls so.
    pub(crate) async fn choose(&self, css: &str, label: &str) -> anyhow::Result<()> {
        let select = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        select.with_context(|| format!("no `{css}` on the page"))?.select_by_label(label).await?;
        Ok(())
    }

    /// Types keys where the focus is.
    pub(crate) async fn keys(&self, keys: &str) -> anyhow::Result<()> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// The address of the page.
    pub(crate) async fn address(&self) -> anyhow::Result<String> {
        Ok(self.client.current_url().await?.to_string())
    }

    /// Where a link leads.
    pub(crate) async fn link(&self, css: &str) -> anyhow::Result<String> {
        let link = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        let link = link.with_context(|| format!("no `{css}` on the page"))?;
        link.prop("href").await?.with_context(|| format!("`{css}` leads nowhere"))
    }

    /// What a script says, which is an expression.
    pub(crate) async fn says(&self, expression: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(&format!("return {expression}"), Vec::new()).await?)
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) -> anyhow::Result<()> {
        let begun = std::time::Instant::now();
        while self.says(expression).await? != Value::Bool(true) {
            if begun.elapsed() > LIVE {
                bail!("`{expression}` did not become true within {} s", LIVE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// What axe finds wrong for people who see, hear or type otherwise: what is serious or critical.
    pub(crate) async fn violations(&self, axe: &str) -> anyhow::Result<Vec<String>> {
        self.client.execute(axe, Vec::new()).await?;
        let found = self.client.execute_async(RUN_AXE, Vec::new()).await?;
        let found = found.as_array().context("axe answers with a list")?;
        Ok(found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Keeps a picture of the window.
    pub(crate) async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let file = self.pictures.join(format!("{name}.png"));
        let picture = self.client.screenshot().await?;
        std::fs::write(&file, picture).with_context(|| format!("cannot write `{}`", file.display()))
    }

    /// Says whether nothing sticks out of the window sideways.
    pub(crate) async fn fits(&self) -> anyhow::Result<bool> {
        self.ask("return document.documentElement.scrollWidth <= document.documentElement.clientWidth").await
    }

    /// Says whether the stylesheet applies: without it there is no ground.
    pub(crate) async fn is_styled(&self) -> anyhow::Result<bool> {
        self.ask("return getComputedStyle(document.body).backgroundColor !== 'rgba(0, 0, 0, 0)'").await
    }

    async fn ask(&self, script: &str) -> anyhow::Result<bool> {
        Ok(self.client.execute(script, Vec::new()).await? == Value::Bool(true))
    }

    /// Closes the window.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.close().await?)
    }
}
