//! Writes the README's tables and drawings and the API's description anew; `cargo xtask readme` runs it.

use std::fs;

use testing::template::root;

fn main() -> anyhow::Result<()> {
    let (now, text) = testing::readme::read()?;
    if now != text {
        fs::write(root().join("README.md"), text)?;
    }
    fs::write(root().join("shared/http/src/openapi.json"), http_api::openapi::document_text())?;
    Ok(())
}
