//! Sends pages.

fn main() -> Result<(), runtime::Error> {
    runtime::run_sender(notification_send::function)
}
