//! Writes the generated parts of the documents and the description of the API. `cargo xtask readme` runs it.

use std::fs;

use testing::template::root;

fn main() -> anyhow::Result<()> {
    for document in testing::readme::read()? {
        if document.stored != document.generated {
            fs::write(root().join(document.path), document.generated)?;
        }
    }
    fs::write(root().join("shared/http/src/openapi.json"), http_api::openapi::document_text())?;
    Ok(())
}
