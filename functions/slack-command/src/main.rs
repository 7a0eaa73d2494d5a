//! Runs `slack-command` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(slack_command::function)
}
