//! Runs `mail-receive` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run_receiver(mail_receive::function)
}
