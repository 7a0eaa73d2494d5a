//! Runs `slack-work` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(slack_work::function)
}
