//! The messages of `fixtures/messages`.

use std::path::{Path, PathBuf};

/// The workspace's folder of that name.
pub fn workspace(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)
}

/// The octets of a message.
pub fn load(file: &str) -> Result<Vec<u8>, String> {
    let path = workspace("fixtures/messages").join(file);
    std::fs::read(&path).map_err(|error| format!("message '{file}': {error}"))
}
