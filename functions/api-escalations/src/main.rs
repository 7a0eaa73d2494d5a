//! Escalations and escalation paths, through the API.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_escalations::function)
}
