//! Runs `outbox-relay` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(outbox_relay::function)
}
