//! Writes the generated files of functions, see `testing::generate`. `cargo xtask generate` runs this program.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    for file in testing::generate::write().await? {
        eprintln!("wrote {file}");
    }
    Ok(())
}
