//! Runs `alert-source-github-issue` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_github_issue::function)
}
