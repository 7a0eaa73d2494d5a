//! `cargo xtask guards`: removes each guard once, in a scratch worktree, and sees its stories fail.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::project::say;

/// A guard: the patch that removes it, and a story that must then fail.
struct Guard {
    patch: &'static str,
    story: &'static str,
}

/// Every guard set.
const GUARDS: &[Guard] = &[
    Guard { patch: "head-and-history", story: "race::one_of_sixteen_writers_wins_and_fifteen_lose_cleanly" },
    Guard { patch: "key-condition", story: "order::same_firing_twice_at_the_same_moment_opens_one_alert" },
    Guard { patch: "claim-fence", story: "levels::own_later_rule_of_a_person" },
    Guard { patch: "flap", story: "flap::alert_that_fires_for_good_after_it_flapped_goes_on" },
    Guard { patch: "limit", story: "intake::no_more_alerts_begin_than_a_limit_allows_when_handlers_race" },
    Guard { patch: "tombstone", story: "order::firing_that_its_own_resolve_overtook" },
    Guard { patch: "join", story: "groups::alert_that_joined_just_as_the_escalation_ended" },
    Guard { patch: "lapse", story: "expiry::alert_that_is_sent_again_lasts" },
    Guard { patch: "lease", story: "sweep::page_whose_sender_was_killed" },
    Guard { patch: "look-again", story: "sweep::page_whose_message_was_lost_is_sent_by_the_second_one" },
    Guard { patch: "sweep", story: "sweep::page_whose_message_was_lost_is_sent_by_the_sweep" },
    Guard { patch: "relay", story: "sweep::page_arrives_within_ten_seconds" },
    Guard { patch: "rescue", story: "rescue::event_that_cannot_be_handled" },
    Guard { patch: "slack-claim", story: "slack::outage::bad_day_at_aws_and_at_slack" },
    Guard { patch: "slack-late-page", story: "slack::direct::page_that_lands_after_the_answer" },
    Guard { patch: "slack-lease", story: "slack::outage::bad_day_at_aws_and_at_slack" },
    Guard {
        patch: "slack-look",
        story: "slack::outage::slack_that_does_what_it_is_asked_and_does_not_say_so",
    },
    Guard { patch: "slack-trigger", story: "slack::command_that_comes_twice_opens_one_incident" },
    Guard { patch: "slack-unpage", story: "slack::direct::acknowledging_elsewhere" },
];

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let scratch = Path::new("target/guards/tree");
    let remove = || {
        let _gone = Command::new("git").args(["worktree", "remove", "--force"]).arg(scratch).output();
    };
    remove();
    git(Path::new("."), &["worktree", "add", "--detach", "target/guards/tree", "HEAD"])?;
    let done = all(scratch);
    remove();
    done
}

fn all(scratch: &Path) -> Result<()> {
    // The everyday target directory: others' crates are built there already.
    let build = std::env::current_dir()?.join("target");
    ensure!(stories(scratch, &build, "")?, "the stories are red before any guard was removed");
    say("with every guard: all stories pass");
    let mut kept = Vec::new();
    for Guard { patch, story } in GUARDS {
        git(scratch, &["checkout", "--quiet", "."])?;
        git(scratch, &["apply", &format!("shared/testing/guards/{patch}.patch")])?;
        if stories(scratch, &build, story)? {
            kept.push(*patch);
            say(format_args!("without {patch}: `{story}` still passes"));
        } else {
            say(format_args!("without {patch}: `{story}` fails, as it must"));
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    bail!("no story misses these guards: {}", kept.join(", "))
}

/// Says whether the stories pass; that they cannot be built is an error.
fn stories(tree: &Path, build: &Path, filter: &str) -> Result<bool> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(tree).env("CARGO_TARGET_DIR", build).env("FIREBELL_SEEDS", "0..4");
        command.args(["test", "--quiet", "--locked", "--test", "stories"]).args(arguments);
        command.output().context("running cargo")
    };
    let built = cargo(&["--no-run"])?;
    ensure!(built.status.success(), "it does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    Ok(cargo(&["--", filter])?.status.success())
}

fn git(tree: &Path, arguments: &[&str]) -> Result<()> {
    let done = Command::new("git").current_dir(tree).args(arguments).output().context("running git")?;
    ensure!(done.status.success(), "git {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr));
    Ok(())
}
