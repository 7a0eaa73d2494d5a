//! Writes the README's tables and drawings anew; `cargo xtask readme` runs it.

fn main() -> anyhow::Result<()> {
    let (now, text) = testing::readme::read()?;
    if now != text {
        std::fs::write(testing::template::root().join("README.md"), text)?;
    }
    Ok(())
}
