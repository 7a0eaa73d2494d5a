//! Runs `notification-send` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run_sender(notification_send::function)
}
