//! Runs `api-escalations` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_escalations::function)
}
