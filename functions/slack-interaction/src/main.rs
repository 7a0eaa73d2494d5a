//! Runs `slack-interaction` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(slack_interaction::function)
}
