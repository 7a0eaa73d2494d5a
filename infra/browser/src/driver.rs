//! A browser, and the driver between it and us.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
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
    /// Goes to an address.
    pub(crate) async fn goto(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// Waits until something is on the page, and says what it reads.
    pub(crate) async fn text(&self, css: &str) -> anyhow::Result<String> {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        Ok(found.with_context(|| format!("no `{css}` on the page"))?.text().await?)
    }

    /// Waits until something is on the page.
    pub(crate) async fn wait_for(&self, css: &str) -> anyhow::Result<()> {
        self.text(css).await.map(drop)
    }

    /// Presses the first button that says so.
    pub(crate) async fn press(&self, says: &str) -> anyhow::Result<()> {
        let path = format!("//button[normalize-space()='{says}']");
        let button = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await;
        button.with_context(|| format!("no button says {says:?}"))?.click().await?;
        Ok(())
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
