//! Relays the table's stream to the queues.

fn main() -> Result<(), runtime::Error> {
    runtime::run(outbox_relay::function)
}
