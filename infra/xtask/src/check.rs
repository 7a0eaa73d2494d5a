//! `cargo xtask check`: checks everything that must hold before a change is merged, step by step.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::bail;
use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::help::other;
use crate::project::{cargo, has, print, root, run, say, target};
use crate::served::RunningLocal;

/// The options of a check.
struct Options {
    /// Whether all steps run and none is skipped.
    all: bool,
    /// The names of the only steps that run; all steps if empty.
    only: Vec<String>,
}

impl Options {
    /// The number of seeds of the main story.
    fn seeds(&self) -> u32 {
        if self.all { 200 } else { 20 }
    }

    /// The steps that run, in order.
    fn steps(&self) -> anyhow::Result<Vec<&'static Step>> {
        let known = |name: &String| STEPS.iter().any(|step| step.name == name);
        if let Some(name) = self.only.iter().find(|name| !known(name)) {
            bail!("there is no step `{name}`: see `cargo xtask check --list`");
        }
        let chosen = |step: &&Step| self.only.is_empty() || self.only.iter().any(|name| name == step.name);
        Ok(STEPS.iter().filter(chosen).collect())
    }

    /// Whether a step that cannot run is an error instead of being skipped.
    fn is_strict(&self) -> bool {
        self.all || !self.only.is_empty()
    }
}

/// When a step runs.
enum When {
    /// Always: it needs only Rust.
    Always,
    /// With `--all` only: it needs these tools too.
    WithAll(&'static str),
}

/// A step of the check.
struct Step {
    name: &'static str,
    when: When,
    /// Names the tools that are missing, and how to install them; `None` if nothing is missing.
    missing: fn() -> Option<String>,
    run: fn(&Options) -> anyhow::Result<()>,
}

/// All steps, in order: one entry each.
const STEPS: &[Step] = &[
    Step { name: "formatting", when: When::Always, missing: nothing, run: fmt },
    Step { name: "guard patches", when: When::Always, missing: nothing, run: patches },
    Step { name: "lints", when: When::Always, missing: nothing, run: clippy },
    Step { name: "tests", when: When::Always, missing: nothing, run: tests },
    Step { name: "documentation", when: When::Always, missing: nothing, run: doc },
    Step { name: "stories", when: When::Always, missing: nothing, run: stories },
    Step { name: "template", when: When::WithAll("sam and cfn-lint"), missing: no_sam, run: template },
    Step {
        name: "deployment on an AWS emulator",
        when: When::WithAll("the PyPI packages ministack, boto3 and aws-sam-translator"),
        missing: no_ministack,
        run: ministack,
    },
    Step { name: "kills", when: When::WithAll("some minutes"), missing: nothing, run: kills },
    Step { name: "outage", when: When::WithAll("some minutes"), missing: nothing, run: outage },
    Step {
        name: "alertmanager",
        when: When::WithAll("prometheus-alertmanager"),
        missing: no_alertmanager,
        run: alertmanager,
    },
    Step {
        name: "levels",
        when: When::WithAll("prometheus-alertmanager"),
        missing: no_alertmanager,
        run: levels,
    },
    Step {
        name: "browser",
        when: When::WithAll("chromium, chromedriver and the npm package axe-core"),
        missing: no_browser,
        run: browser,
    },
    Step {
        name: "client in Python",
        when: When::WithAll("the PyPI package incident-io"),
        missing: no_python_client,
        run: python_client,
    },
    Step {
        name: "Slack SDK",
        when: When::WithAll("the PyPI package slack-sdk"),
        missing: no_slack_sdk,
        run: slack_sdk,
    },
    Step { name: "webhooks", when: When::WithAll("the PyPI package svix"), missing: no_svix, run: webhooks },
    Step {
        name: "alert senders",
        when: When::WithAll(
            "prometheus, prometheus-alertmanager, icinga2-bin, curl and the PyPI packages opsgenie-sdk and pdpyras",
        ),
        missing: no_senders,
        run: senders,
    },
    Step {
        name: "telemetry",
        when: When::WithAll("the PyPI packages opentelemetry-proto and sentry-sdk"),
        missing: no_telemetry_libraries,
        run: telemetry,
    },
    Step {
        name: "sign-in with OpenID Connect",
        when: When::WithAll("the PyPI package oidc-provider-mock"),
        missing: no_foreign_provider,
        run: foreign_provider,
    },
    Step {
        name: "client in Rust",
        when: When::WithAll("the crate incident-io, which takes minutes to build"),
        missing: nothing,
        run: rust_client,
    },
];

/// Runs `cargo xtask check`.
pub(crate) fn check(parser: &mut Parser) -> anyhow::Result<()> {
    let (mut options, mut list) = (Options { all: false, only: Vec::new() }, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("all") => options.all = true,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("list") => list = true,
            argument => return Err(other("check", argument)),
        }
    }
    if list {
        for step in STEPS {
            print(format_args!("{}\n", step.description()));
        }
        return Ok(());
    }

    let steps = options.steps()?;
    let mut report = Report::new();
    for (n, step) in steps.iter().enumerate() {
        let heading = format!("=== [{}/{}] {}", n + 1, steps.len(), step.name);
        if let Some(reason) = step.skipped(&options) {
            if options.is_strict() {
                report.print();
                bail!(
                    "the step `{}` cannot run, and with --all or --only no step is skipped: {reason}",
                    step.name
                );
            }
            say(format_args!("\n{heading}: skipped, because {reason}"));
            report.add(step, Outcome::Skipped(reason));
            continue;
        }
        say(format_args!("\n{heading}"));
        let begun = Instant::now();
        let result = (step.run)(&options);
        let took = begun.elapsed();
        if let Err(error) = result {
            report.add(step, Outcome::Failed(took));
            report.print();
            bail!("the step `{}` failed after {}: {error:#}", step.name, minutes(took));
        }
        say(format_args!("{heading}: passed in {}", minutes(took)));
        report.add(step, Outcome::Passed(took));
    }
    report.print();
    Ok(())
}

impl Step {
    /// Why the step does not run; `None` if it runs.
    fn skipped(&self, options: &Options) -> Option<String> {
        match (&self.when, options.is_strict()) {
            (When::WithAll(needs), false) => Some(format!("it needs {needs} (`--all` runs it)")),
            (When::Always | When::WithAll(_), _) => (self.missing)(),
        }
    }

    /// The step and what it needs, in one line.
    fn description(&self) -> String {
        match self.when {
            When::Always => self.name.to_owned(),
            When::WithAll(needs) => format!("{} (with --all; needs {needs})", self.name),
        }
    }
}

/// The outcome of a step.
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped(String),
}

/// The table of steps that is printed at the end.
struct Report {
    begun: Instant,
    steps: Vec<(&'static str, Outcome)>,
}

impl Report {
    fn new() -> Self {
        Self { begun: Instant::now(), steps: Vec::new() }
    }

    fn add(&mut self, step: &Step, outcome: Outcome) {
        self.steps.push((step.name, outcome));
    }

    /// Prints the table and the total.
    fn print(&self) {
        say("\n=== Minutes of each step");
        say(self.table(self.begun.elapsed()));
    }

    /// The table: a line for each step, and the total.
    fn table(&self, total: Duration) -> String {
        let width = self.steps.iter().map(|(name, _)| name.len()).max().unwrap_or_default().max(5);
        let mut table = String::new();
        for (name, outcome) in &self.steps {
            table += &match outcome {
                Outcome::Passed(took) => format!("  {name:<width$}  {:>6}  passed\n", minutes(*took)),
                Outcome::Failed(took) => format!("  {name:<width$}  {:>6}  FAILED\n", minutes(*took)),
                Outcome::Skipped(reason) => format!("  {name:<width$}  {:>6}  skipped: {reason}\n", "-"),
            };
        }
        table + &format!("  {:<width$}  {:>6}", "total", minutes(total))
    }
}

/// A duration in minutes and seconds, as 1:05.
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The answer of a step that needs no tool beside Rust.
fn nothing() -> Option<String> {
    None
}

fn fmt(_: &Options) -> anyhow::Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    // A macro declares these modules, and rustfmt does not see modules in macros.
    let mut vendors = std::process::Command::new("rustfmt");
    vendors.args(["--check", "--edition", "2024"]).current_dir(root());
    for entry in fs::read_dir(root().join("shared/sources/src/source"))? {
        let path = entry?.path();
        // rustfmt finds the modules of a source in its own folder from the source.
        if path.extension().is_some_and(|end| end == "rs") {
            vendors.arg(path);
        }
    }
    run(vendors)
}

/// Checks that each guard patch applies. One that does not apply can prove nothing.
fn patches(_: &Options) -> anyhow::Result<()> {
    for entry in fs::read_dir(root().join("shared/testing/guards"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "patch") {
            let mut apply = std::process::Command::new("git");
            apply.args(["apply", "--check"]).arg(&path).current_dir(root());
            run(apply)?;
        }
    }
    Ok(())
}

fn clippy(_: &Options) -> anyhow::Result<()> {
    run(cargo(&["clippy", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// Runs all tests, among them the drift test and the events test.
fn tests(_: &Options) -> anyhow::Result<()> {
    if cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success()) {
        run(cargo(&["nextest", "run", "--locked", "--no-fail-fast"]))
    } else {
        run(cargo(&["test", "--locked", "--no-fail-fast"]))
    }
}

fn doc(_: &Options) -> anyhow::Result<()> {
    let mut command = cargo(&["doc", "--locked", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run(command)
}

/// Runs the main story with more seeds than the step `tests`.
fn stories(options: &Options) -> anyhow::Result<()> {
    // For all packages: with `--package`, cargo would build everything again with other features.
    let mut command = cargo(&["test", "--locked", "--test", "stories"]);
    command.args(["master", "--", "--nocapture"]).env("FIREBELL_SEEDS", options.seeds().to_string());
    run(command)
}

/// Runs a scenario against the real program.
fn end_to_end(scenario: &[&str]) -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--bin", "local", "--bin", "endtoend"]))?;
    let mut command = std::process::Command::new(target()?.join("debug/endtoend"));
    command.args(scenario).current_dir(root());
    run(command)
}

fn kills(_: &Options) -> anyhow::Result<()> {
    end_to_end(&["kills"])
}

fn outage(_: &Options) -> anyhow::Result<()> {
    end_to_end(&["outage"])
}

/// Checks for the real Alertmanager.
fn no_alertmanager() -> Option<String> {
    let there = has("prometheus-alertmanager", "--version");
    (!there)
        .then(|| "prometheus-alertmanager is missing (apt-get install prometheus-alertmanager)".to_owned())
}

fn alertmanager(_: &Options) -> anyhow::Result<()> {
    end_to_end(&["alertmanager"])
}

fn levels(_: &Options) -> anyhow::Result<()> {
    end_to_end(&["levels"])
}

/// Checks for the browser, its driver and axe.
fn no_browser() -> Option<String> {
    let programs = ["chromium", "chromedriver"].into_iter();
    let missing: Vec<_> = programs.filter(|program| !has(program, "--version")).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Some(format!("{missing} cannot be started (apt-get install chromium chromium-driver)"));
    }
    let there = target().is_ok_and(|target| target.join(AXE).exists());
    (!there).then(|| format!("target/{AXE} is missing (npm install --prefix target/ci-npm axe-core)"))
}

/// The program that checks accessibility, below `target/`: it is installed there and not part of the project.
const AXE: &str = "ci-npm/node_modules/axe-core/axe.min.js";

/// Builds the packages that are not default members, together: one by one, cargo would build their dependencies again
/// with other features.
fn build_other_members() -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--package", "browser", "--package", "client-incident-io"]))
}

/// Drives the web pages in a real browser, and keeps screenshots in `target/browser-pictures`.
fn browser(_: &Options) -> anyhow::Result<()> {
    build_other_members()?;
    let served = RunningLocal::start()?;
    let (target, mut command) = (target()?, std::process::Command::new(target()?.join("debug/browser")));
    command.arg(&served.sign_in).arg(target.join("browser-pictures"));
    command.arg("--axe").arg(target.join(AXE)).current_dir(root());
    run(command)
}

/// The script that uses the published client in Python.
const PYTHON_CLIENT: &str = "infra/clients/python/incident_io_test.py";

/// Checks for the client in Python.
fn no_python_client() -> Option<String> {
    if !root().join(PYTHON_CLIENT).exists() {
        return Some(format!("{PYTHON_CLIENT} is missing"));
    }
    (!imports("incident_io"))
        .then(|| "python3 cannot import incident_io (pip install incident-io==2.29.0)".to_owned())
}

fn python_client(_: &Options) -> anyhow::Result<()> {
    run_against_local(PYTHON_CLIENT)
}

/// Checks for Slack's SDK.
fn no_slack_sdk() -> Option<String> {
    (!imports("slack_sdk"))
        .then(|| "python3 cannot import slack_sdk (pip install slack-sdk==3.48.0)".to_owned())
}

/// Slack's SDK signs the requests and checks the messages; the script is the Slack server.
fn slack_sdk(_: &Options) -> anyhow::Result<()> {
    run_with_binary("infra/clients/python/slack_sdk_test.py")
}

/// Checks for the library that verifies webhooks.
fn no_svix() -> Option<String> {
    (!imports("svix.webhooks")).then(|| "python3 cannot import svix (pip install svix==2.9.1)".to_owned())
}

/// A program that is notified by webhook verifies the signatures with Svix's library.
fn webhooks(_: &Options) -> anyhow::Result<()> {
    run_against_local("infra/clients/python/webhook_test.py")
}

/// Checks for the alert senders.
fn no_senders() -> Option<String> {
    let mut programs = [
        ("prometheus", "prometheus"),
        ("prometheus-alertmanager", "prometheus-alertmanager"),
        ("icinga2", "icinga2-bin"),
        ("curl", "curl"),
    ]
    .into_iter();
    let missing = programs.find(|(program, _)| !has(program, "--version"));
    let text = |(program, package)| format!("`{program}` is missing (apt-get install {package})");
    missing.map(text).or_else(|| {
        (!imports("opsgenie_sdk, pdpyras"))
            .then(|| "python3 cannot import opsgenie_sdk and pdpyras (pip install opsgenie-sdk==2.1.5 pdpyras==5.4.1)".to_owned())
    })
}

/// Unmodified alert senders send to Firebell: Prometheus, Icinga, and clients of the Opsgenie and PagerDuty APIs.
fn senders(_: &Options) -> anyhow::Result<()> {
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new("python3");
    command.args(["infra/clients/python/senders_test.py", &served.url, &served.api_key, &served.mail]);
    command.current_dir(root());
    run(command)
}

/// Whether Python can import modules.
fn imports(modules: &str) -> bool {
    let mut python = std::process::Command::new("python3");
    python.args(["-c", &format!("import {modules}")]).output().is_ok_and(|output| output.status.success())
}

/// Runs a script against a running `local`, with its address and its API key.
fn run_against_local(script: &str) -> anyhow::Result<()> {
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new("python3");
    command.args([script, &served.url, &served.api_key]).current_dir(root());
    run(command)
}

/// Runs a script that starts `local` itself.
fn run_with_binary(script: &str) -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--bin", "local"]))?;
    let mut command = std::process::Command::new("python3");
    command.arg(script).arg(target()?.join("debug/local")).current_dir(root());
    run(command)
}

/// Checks for the libraries that read exported telemetry.
fn no_telemetry_libraries() -> Option<String> {
    (!imports("opentelemetry.proto.collector.trace.v1.trace_service_pb2, sentry_sdk.envelope")).then(|| {
        "python3 cannot import opentelemetry.proto and sentry_sdk (pip install opentelemetry-proto==1.45.2 \
         sentry-sdk==2.75.0)"
            .to_owned()
    })
}

fn telemetry(_: &Options) -> anyhow::Result<()> {
    run_with_binary("infra/clients/python/telemetry_test.py")
}

/// Checks for the OpenID Connect provider.
fn no_foreign_provider() -> Option<String> {
    (!imports("oidc_provider_mock")).then(|| {
        "python3 cannot import oidc_provider_mock (pip install oidc-provider-mock==0.3.4)".to_owned()
    })
}

fn foreign_provider(_: &Options) -> anyhow::Result<()> {
    run_with_binary("infra/clients/python/oidc_test.py")
}

fn rust_client(_: &Options) -> anyhow::Result<()> {
    build_other_members()?;
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new(target()?.join("debug/client-incident-io"));
    command.args([&served.url, &served.api_key]).current_dir(root());
    run(command)
}

/// Checks for the AWS emulator.
fn no_ministack() -> Option<String> {
    let mut python = std::process::Command::new("python3");
    let there = python
        .args(["-c", "import boto3, ministack, samtranslator"])
        .output()
        .is_ok_and(|output| output.status.success());
    (!there).then(|| {
        "python3 cannot import ministack, boto3 and samtranslator (pip install ministack==1.5.33 boto3 \
         aws-sam-translator)"
            .to_owned()
    })
}

/// Deploys the template with its binaries to an AWS emulator, and sends an alert that pages.
fn ministack(_: &Options) -> anyhow::Result<()> {
    run(cargo(&[
        "run",
        "--locked",
        "--quiet",
        "--package",
        "xtask",
        "--",
        "package",
        "--profile",
        "release",
        "--host",
    ]))?;
    let mut command = std::process::Command::new("python3");
    command.arg("infra/ministack/deployment.py").current_dir(root());
    run(command)
}

/// Checks for the tools that validate the template.
fn no_sam() -> Option<String> {
    let missing: Vec<_> =
        ["sam", "cfn-lint"].into_iter().filter(|program| !has(program, "--version")).collect();
    (!missing.is_empty())
        .then(|| format!("{} cannot be started (pip install aws-sam-cli cfn-lint)", missing.join(", ")))
}

fn template(_: &Options) -> anyhow::Result<()> {
    let mut sam = std::process::Command::new("sam");
    // The checks depend on a region, but do not call it; any region will do.
    sam.args(["validate", "--lint", "--region", "eu-west-1"])
        .current_dir(root())
        .env("SAM_CLI_TELEMETRY", "0");
    run(sam)?;
    let mut templates: Vec<_> = vec![root().join("template.yaml")];
    for entry in fs::read_dir(root().join("infra"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            templates.push(path);
        }
    }
    let mut lint = std::process::Command::new("cfn-lint");
    lint.args(templates);
    run(lint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_minutes_of_each_step_and_the_total() {
        let mut report = Report::new();
        report.steps.push(("lints", Outcome::Passed(Duration::from_secs(65))));
        report.steps.push(("browser", Outcome::Skipped("it needs chromium".to_owned())));
        report.steps.push(("tests", Outcome::Failed(Duration::from_millis(1600))));

        assert_eq!(
            report.table(Duration::from_secs(3600)),
            "  lints      1:05  passed
  browser       -  skipped: it needs chromium
  tests      0:02  FAILED
  total     60:00"
        );
    }

    #[test]
    fn every_step_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();

        assert_eq!(names.len(), STEPS.len());
    }
}
