//! Reads the project's own source files.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
pub struct Source {
    /// Its path from the repository's top.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files below these folders whose names end so, sorted by path.
pub fn files(root: &Path, folders: &[&str], endings: &[&str]) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root.join(folder), endings, &mut paths)?;
    }
    paths.sort();
    paths.into_iter().map(|path| read(root, &path)).collect()
}

fn walk(folder: &Path, endings: &[&str], out: &mut Vec<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" {
            walk(&path, endings, out)?;
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            out.push(path);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> Result<Source, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    Ok(Source { path, text })
}

/// The lines of a file up to its unit tests.
pub fn without_tests(text: &str) -> &str {
    text.split_once("\n#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code)
}
