//! Runs `slack-oauth` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(slack_oauth::function)
}
