//! Prints what an installation costs; `cargo xtask cost` runs it.

use std::io::Write;

use testing::cost::{SOURCE, duplicate, idle, in_a_story, new_alert};

fn main() -> anyhow::Result<()> {
    let bills = [in_a_story(idle())?, in_a_story(duplicate())?, in_a_story(new_alert())?];
    let mut out = std::io::stdout().lock();
    writeln!(out, "list prices: {SOURCE}\n")?;
    for bill in bills {
        writeln!(out, "{}", bill.show())?;
    }
    writeln!(
        out,
        "not in it: mail, data going out, the dashboard (the first three of an account are free, any other is $3 a \
         month), metrics of\nour own ($0.30 a month for each of at most twenty that are written to), and what a \
         level's timer finds five minutes later"
    )?;
    Ok(())
}
