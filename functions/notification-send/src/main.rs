//! Sends pages.

fn main() -> Result<(), runtime::Error> {
    runtime::run(notification_send::function)
}
