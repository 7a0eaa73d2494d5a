//! `cargo xtask check`: everything that must hold before a change is done, step by step.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use lexopt::Arg::Long;
use lexopt::Parser;

use crate::project::{cargo, has, root, run, say, target};
use crate::served::RunningLocal;

/// What a step knows.
struct Options {
    /// Whether nothing may be skipped.
    all: bool,
}

impl Options {
    /// How many seeds the stories run through.
    fn seeds(&self) -> u32 {
        if self.all { 200 } else { 20 }
    }
}

/// When a step runs.
enum When {
    /// Always: it needs nothing but Rust.
    Always,
    /// With `--all` alone: it needs what is named here.
    All(&'static str),
}

/// A step.
struct Step {
    name: &'static str,
    when: When,
    /// Says what is lacking for it to run.
    lacks: fn() -> Option<String>,
    run: fn(&Options) -> anyhow::Result<()>,
}

/// Every step, in order: one entry each.
const STEPS: &[Step] = &[
    Step { name: "fmt", when: When::Always, lacks: nothing, run: fmt },
    Step { name: "guards' patches", when: When::Always, lacks: nothing, run: patches },
    Step { name: "clippy", when: When::Always, lacks: nothing, run: clippy },
    Step { name: "tests", when: When::Always, lacks: nothing, run: tests },
    Step { name: "doc", when: When::Always, lacks: nothing, run: doc },
    Step { name: "stories", when: When::Always, lacks: nothing, run: stories },
    Step { name: "template", when: When::All("sam and cfn-lint"), lacks: no_sam, run: template },
    Step {
        name: "ministack",
        when: When::All("the packages ministack, boto3 and aws-sam-translator of PyPI"),
        lacks: no_ministack,
        run: ministack,
    },
    Step { name: "kills", when: When::All("time"), lacks: nothing, run: kills },
    Step { name: "outage", when: When::All("time"), lacks: nothing, run: outage },
    Step {
        name: "alertmanager",
        when: When::All("prometheus-alertmanager"),
        lacks: no_alertmanager,
        run: alertmanager,
    },
    Step { name: "levels", when: When::All("prometheus-alertmanager"), lacks: no_alertmanager, run: levels },
    Step {
        name: "browser",
        when: When::All("chromium, chromedriver and the package axe-core of npm"),
        lacks: no_browser,
        run: browser,
    },
    Step {
        name: "client in Python",
        when: When::All("the package incident-io of PyPI"),
        lacks: no_python_client,
        run: python_client,
    },
    Step {
        name: "slack",
        when: When::All("the package slack-sdk of PyPI"),
        lacks: no_slack_sdk,
        run: slack_sdk,
    },
    Step {
        name: "webhooks in Python",
        when: When::All("the package svix of PyPI"),
        lacks: no_svix,
        run: webhooks,
    },
    Step {
        name: "senders",
        when: When::All(
            "prometheus, prometheus-alertmanager, icinga2-bin, curl and the packages opsgenie-sdk and pdpyras of PyPI",
        ),
        lacks: no_senders,
        run: senders,
    },
    Step {
        name: "telemetry",
        when: When::All("the packages opentelemetry-proto and sentry-sdk of PyPI"),
        lacks: no_telemetry_judges,
        run: telemetry,
    },
    Step {
        name: "sign-in by a foreign provider",
        when: When::All("the package oidc-provider-mock of PyPI"),
        lacks: no_foreign_provider,
        run: foreign_provider,
    },
    Step {
        name: "client in Rust",
        when: When::All("the crate incident-io, which takes minutes to build"),
        lacks: nothing,
        run: rust_client,
    },
];

/// Runs the command.
pub(crate) fn check(parser: &mut Parser) -> anyhow::Result<()> {
    let mut options = Options { all: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("all") => options.all = true,
            other => return Err(other.unexpected().into()),
        }
    }

    let begun = Instant::now();
    let (mut done, mut skipped) = (Vec::new(), Vec::new());
    for step in STEPS {
        let reason = match (&step.when, options.all) {
            (When::All(needs), false) => Some(format!("it needs {needs}; `--all` runs it")),
            (When::Always | When::All(_), _) => (step.lacks)(),
        };
        if let Some(reason) = reason {
            ensure!(!options.all, "`{}` cannot run, and with --all nothing is skipped: {reason}", step.name);
            say(format_args!("\n=== {} SKIPPED: {reason}", step.name));
            skipped.push(format!("{} ({reason})", step.name));
            continue;
        }
        say(format_args!("\n=== {}", step.name));
        let started = Instant::now();
        if let Err(error) = (step.run)(&options) {
            bail!("`{}` failed after {}: {error:#}", step.name, seconds(started.elapsed()));
        }
        say(format_args!("=== {} passed in {}", step.name, seconds(started.elapsed())));
        done.push(format!("{} {}", step.name, seconds(started.elapsed())));
    }
    say(format_args!("\n=== passed in {}: {}", seconds(begun.elapsed()), done.join(", ")));
    for step in &skipped {
        say(format_args!("=== SKIPPED: {step}"));
    }
    Ok(())
}

/// A time as people read it.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Nothing is lacking.
fn nothing() -> Option<String> {
    None
}

fn fmt(_: &Options) -> anyhow::Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    // The registry's macro names these modules, and rustfmt does not look into macros.
    let mut vendors = std::process::Command::new("rustfmt");
    vendors.args(["--check", "--edition", "2024"]).current_dir(root());
    for entry in fs::read_dir(root().join("shared/sources/src/source"))? {
        let path = entry?.path();
        // What a source has in a folder of its own is found from the source.
        if path.extension().is_some_and(|end| end == "rs") {
            vendors.arg(path);
        }
    }
    run(vendors)
}

/// Says whether each guard could still be removed: a patch that no longer applies proves nothing any more.
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

/// Every test; the drift test and the events are among them.
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

/// The master story again, through more seeds than a plain test takes.
fn stories(options: &Options) -> anyhow::Result<()> {
    // Of all packages, so that nothing is built again with other features.
    let mut command = cargo(&["test", "--locked", "--test", "stories"]);
    command.args(["master", "--", "--nocapture"]).env("FIREBELL_SEEDS", options.seeds().to_string());
    run(command)
}

/// The real process, from outside.
fn from_outside(scenario: &[&str]) -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--bin", "local", "--bin", "endtoend"]))?;
    let mut command = std::process::Command::new(target()?.join("debug/endtoend"));
    command.args(scenario).current_dir(root());
    run(command)
}

fn kills(_: &Options) -> anyhow::Result<()> {
    from_outside(&["kills"])
}

fn outage(_: &Options) -> anyhow::Result<()> {
    from_outside(&["outage"])
}

/// What is lacking to be paged by the real Alertmanager.
fn no_alertmanager() -> Option<String> {
    let there = has("prometheus-alertmanager", "--version");
    (!there).then(|| {
        "prometheus-alertmanager cannot be started (apt-get install prometheus-alertmanager)".to_owned()
    })
}

fn alertmanager(_: &Options) -> anyhow::Result<()> {
    from_outside(&["alertmanager"])
}

fn levels(_: &Options) -> anyhow::Result<()> {
    from_outside(&["levels"])
}

/// What is lacking to look at the pages.
fn no_browser() -> Option<String> {
    let programs = ["chromium", "chromedriver"].into_iter();
    let lacking: Vec<_> = programs.filter(|program| !has(program, "--version")).collect();
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        return Some(format!("{lacking} cannot be started (apt-get install chromium chromium-driver)"));
    }
    let there = target().is_ok_and(|target| target.join(AXE).exists());
    (!there).then(|| format!("there is no target/{AXE} (npm install --prefix target/ci-npm axe-core)"))
}

/// What judges whether pages are accessible, below `target/`: it is installed, never kept with the project.
const AXE: &str = "ci-npm/node_modules/axe-core/axe.min.js";

/// Builds what is outside the default members, all at once: one by one, each builds its dependencies anew with other
/// features.
fn build_outsiders() -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--package", "browser", "--package", "client-incident-io"]))
}

/// A person in a real browser; the pictures are kept for whoever wants to look.
fn browser(_: &Options) -> anyhow::Result<()> {
    build_outsiders()?;
    let served = RunningLocal::start()?;
    let (target, mut command) = (target()?, std::process::Command::new(target()?.join("debug/browser")));
    command.arg(&served.sign_in).arg(target.join("browser-pictures"));
    command.arg("--axe").arg(target.join(AXE)).current_dir(root());
    run(command)
}

/// The published client in Python, and what it is started with.
const PYTHON_CLIENT: &str = "infra/clients/python/incident_io_test.py";

/// What is lacking to run the client in Python.
fn no_python_client() -> Option<String> {
    if !root().join(PYTHON_CLIENT).exists() {
        return Some(format!("there is no {PYTHON_CLIENT}"));
    }
    (!imports("incident_io"))
        .then(|| "python3 cannot import incident_io (pip install incident-io==2.29.0)".to_owned())
}

fn python_client(_: &Options) -> anyhow::Result<()> {
    drives(PYTHON_CLIENT)
}

/// What is lacking to judge what Slack is sent.
fn no_slack_sdk() -> Option<String> {
    (!imports("slack_sdk"))
        .then(|| "python3 cannot import slack_sdk (pip install slack-sdk==3.48.0)".to_owned())
}

/// Slack's own SDK signs what is sent and checks what is shown; its server is the script's own.
fn slack_sdk(_: &Options) -> anyhow::Result<()> {
    judged_by("infra/clients/python/slack_sdk_test.py")
}

/// What is lacking to judge our webhooks.
fn no_svix() -> Option<String> {
    (!imports("svix.webhooks")).then(|| "python3 cannot import svix (pip install svix==2.9.1)".to_owned())
}

/// A program that is paged by webhook, and verifies what it is sent by a library that is not ours.
fn webhooks(_: &Options) -> anyhow::Result<()> {
    drives("infra/clients/python/webhook_test.py")
}

/// What is lacking to be sent alerts by senders that are not ours.
fn no_senders() -> Option<String> {
    let mut programs = [
        ("prometheus", "prometheus"),
        ("prometheus-alertmanager", "prometheus-alertmanager"),
        ("icinga2", "icinga2-bin"),
        ("curl", "curl"),
    ]
    .into_iter();
    let lacking = programs.find(|(program, _)| !has(program, "--version"));
    let says = |(program, package)| format!("there is no `{program}` (apt-get install {package})");
    lacking.map(says).or_else(|| {
        (!imports("opsgenie_sdk, pdpyras"))
            .then(|| "python3 cannot import them (pip install opsgenie-sdk==2.1.5 pdpyras==5.4.1)".to_owned())
    })
}

/// Senders that speak the API of another product, or send mail, unmodified: they are given a host and a key.
fn senders(_: &Options) -> anyhow::Result<()> {
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new("python3");
    command.args(["infra/clients/python/senders_test.py", &served.url, &served.api_key, &served.mail]);
    command.current_dir(root());
    run(command)
}

/// Whether Python has modules.
fn imports(modules: &str) -> bool {
    let mut python = std::process::Command::new("python3");
    python.args(["-c", &format!("import {modules}")]).output().is_ok_and(|output| output.status.success())
}

/// Runs a script that drives a server, given its address and a key.
fn drives(script: &str) -> anyhow::Result<()> {
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new("python3");
    command.args([script, &served.url, &served.api_key]).current_dir(root());
    run(command)
}

/// Runs a script that starts `local` itself.
fn judged_by(script: &str) -> anyhow::Result<()> {
    run(cargo(&["build", "--locked", "--bin", "local"]))?;
    let mut command = std::process::Command::new("python3");
    command.arg(script).arg(target()?.join("debug/local")).current_dir(root());
    run(command)
}

/// What is lacking to judge what is exported.
fn no_telemetry_judges() -> Option<String> {
    (!imports("opentelemetry.proto.collector.trace.v1.trace_service_pb2, sentry_sdk.envelope")).then(|| {
        "python3 cannot import them (pip install opentelemetry-proto==1.45.2 sentry-sdk==2.75.0)".to_owned()
    })
}

fn telemetry(_: &Options) -> anyhow::Result<()> {
    judged_by("infra/clients/python/telemetry_test.py")
}

/// What is lacking to sign in by a provider that is not ours.
fn no_foreign_provider() -> Option<String> {
    (!imports("oidc_provider_mock"))
        .then(|| "python3 cannot import it (pip install oidc-provider-mock==0.3.4)".to_owned())
}

fn foreign_provider(_: &Options) -> anyhow::Result<()> {
    judged_by("infra/clients/python/oidc_test.py")
}

fn rust_client(_: &Options) -> anyhow::Result<()> {
    build_outsiders()?;
    let served = RunningLocal::start()?;
    let mut command = std::process::Command::new(target()?.join("debug/client-incident-io"));
    command.args([&served.url, &served.api_key]).current_dir(root());
    run(command)
}

/// What is lacking to deploy on an emulator.
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

/// The template itself, with the binaries that it names, on an emulator: from `sam deploy` to a page.
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

/// What is lacking to check the template.
fn no_sam() -> Option<String> {
    let lacking: Vec<_> =
        ["sam", "cfn-lint"].into_iter().filter(|program| !has(program, "--version")).collect();
    (!lacking.is_empty())
        .then(|| format!("{} cannot be started (pip install aws-sam-cli cfn-lint)", lacking.join(", ")))
}

fn template(_: &Options) -> anyhow::Result<()> {
    let mut sam = std::process::Command::new("sam");
    // A region decides which resources there are; any will do, and none is asked.
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
