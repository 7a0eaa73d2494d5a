//! Runs `slack-event` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(slack_event::function)
}
