//! `cargo xtask guards`: removes each guard once in a scratch worktree, and checks that its story fails.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use lexopt::Parser;

use crate::help::no_options;
use crate::project::say;

/// A guard: the patch that removes it, and the story that must fail without it.
struct Guard {
    patch: &'static str,
    story: &'static str,
}

/// All guards.
const GUARDS: &[Guard] = &[
    Guard { patch: "head-and-history", story: "race::one_of_sixteen_writers_wins_and_fifteen_lose_cleanly" },
    Guard { patch: "key-condition", story: "order::same_firing_twice_at_the_same_moment_opens_one_alert" },
    Guard { patch: "claim-fence", story: "levels::own_later_rule_of_a_person" },
    Guard { patch: "flap", story: "flap::alert_that_fires_for_good_after_it_flapped_goes_on" },
    Guard { patch: "limit", story: "intake::no_more_alerts_begin_than_a_limit_allows_when_handlers_race" },
    Guard { patch: "tombstone", story: "order::firing_that_its_own_resolve_overtook" },
    Guard { patch: "join", story: "groups::alert_that_joined_just_as_the_escalation_ended" },
    Guard { patch: "lapse", story: "expiry::alert_that_is_sent_again_lasts" },
    Guard { patch: "lease", story: "laws::job_that_is_held_by_a_worker_that_never_returns" },
    Guard { patch: "look-again", story: "sweep::page_whose_message_was_lost_is_sent_by_the_second_one" },
    Guard { patch: "sweep", story: "sweep::page_whose_message_was_lost_is_sent_by_the_sweep" },
    Guard { patch: "relay", story: "sweep::page_arrives_within_ten_seconds" },
    Guard { patch: "rescue", story: "rescue::event_that_cannot_be_handled" },
    Guard { patch: "slack-claim", story: "slack::outage::bad_day_at_aws_and_at_slack" },
    Guard { patch: "slack-late-page", story: "slack::direct::page_that_lands_after_the_answer" },
    Guard {
        patch: "slack-look",
        story: "slack::outage::slack_that_does_what_it_is_asked_and_does_not_say_so",
    },
    Guard { patch: "slack-trigger", story: "slack::command_that_comes_twice_opens_one_incident" },
    Guard { patch: "slack-unpage", story: "slack::direct::acknowledging_elsewhere" },
];

/// Runs `cargo xtask guards`.
pub(crate) fn run(parser: &mut Parser) -> Result<()> {
    no_options("guards", parser)?;
    let scratch = Path::new("target/guards/tree");
    let remove = || {
        let _gone = Command::new("git").args(["worktree", "remove", "--force"]).arg(scratch).output();
    };
    remove();
    git(Path::new("."), &["worktree", "add", "--detach", "target/guards/tree", "HEAD"])?;
    let result = all(scratch);
    remove();
    result
}

/// Checks all guards in a worktree.
fn all(scratch: &Path) -> Result<()> {
    // The target directory of everyday builds, where the dependencies are built already.
    let build = std::env::current_dir()?.join("target");
    ensure!(stories(scratch, &build, "")?, "the stories fail before any guard is removed");
    say("with all guards: all stories pass");
    let mut kept = Vec::new();
    let begun = Instant::now();
    for (n, Guard { patch, story }) in GUARDS.iter().enumerate() {
        git(scratch, &["checkout", "--quiet", "."])?;
        git(scratch, &["apply", &format!("shared/testing/guards/{patch}.patch")])?;
        if stories(scratch, &build, story)? {
            kept.push(*patch);
            say(format_args!(
                "[{}/{}] without {patch}: `{story}` passes, but it must fail",
                n + 1,
                GUARDS.len()
            ));
        } else {
            say(format_args!(
                "[{}/{}] without {patch}: `{story}` fails, as it must ({:.0?} so far)",
                n + 1,
                GUARDS.len(),
                begun.elapsed()
            ));
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    bail!("no story fails without these guards: {}", kept.join(", "))
}

/// Runs stories; returns whether they pass. It is an error if they cannot be built.
fn stories(tree: &Path, build: &Path, filter: &str) -> Result<bool> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(tree).env("CARGO_TARGET_DIR", build).env("FIREBELL_SEEDS", "0..4");
        command.args(["test", "--quiet", "--locked", "--test", "stories", "--test", "jobs"]).args(arguments);
        command.output().context("cannot start cargo")
    };
    let built = cargo(&["--no-run"])?;
    ensure!(
        built.status.success(),
        "the stories cannot be built:\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    Ok(cargo(&["--", filter])?.status.success())
}

fn git(tree: &Path, arguments: &[&str]) -> Result<()> {
    let done = Command::new("git").current_dir(tree).args(arguments).output().context("cannot start git")?;
    ensure!(
        done.status.success(),
        "`git {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}
