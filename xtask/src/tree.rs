//! Which crate may depend on which: the table in `ARCHITECTURE.md` against the manifests.

use crate::{Outcome, print, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Fails where a crate depends on one that its row does not allow, or where crate and row do not match.
pub fn run() -> Outcome {
    let root = root();
    let text =
        fs::read_to_string(root.join("ARCHITECTURE.md")).map_err(|e| format!("ARCHITECTURE.md: {e}"))?;
    let allowed = allowed(&text);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root.join("crates")).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).map_err(|e| format!("{name}: {e}"))?;
        match allowed.get(&name) {
            None => wrong.push(format!("{name} has no row")),
            Some(may) => wrong.extend(
                dependencies(&manifest)
                    .into_iter()
                    .filter(|dependency| allowed.contains_key(dependency) && !may.contains(dependency))
                    .map(|dependency| format!("{name} depends on {dependency}")),
            ),
        }
        seen.insert(name);
    }
    wrong.extend(
        allowed.keys().filter(|name| !seen.contains(*name)).map(|name| format!("{name} does not exist")),
    );
    print(&format!("{} crates", seen.len()));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("not as ARCHITECTURE.md says:\n  {}", wrong.join("\n  ")))
    }
}

/// Rows of the form ``| `store` | mail | ... |``.
fn allowed(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().trim_end_matches('`').to_owned();
        let may = cells.next()?.split(',').map(|cell| cell.trim().to_owned()).collect();
        Some((name, may))
    };
    text.lines().filter_map(row).collect()
}

/// Names in `[dependencies]`; what only tests use may be anything.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[").find_map(|part| part.strip_prefix("dependencies]"));
    let name = |line: &str| line.split(['.', ' ', '=']).next().map(str::to_owned);
    let lines = section.unwrap_or_default().lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_and_manifests() {
        let rows = allowed("| crate | knows |\n| `store` | mail | x |\n| `wire` | mail, store | y |\n");
        assert_eq!(rows.len(), 2);
        assert!(rows["wire"].contains("store") && !rows["store"].contains("store"));
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nmail.workspace = true\nbytes = \"1\"\n\n[dev-dependencies]\nstore.workspace = true\n";
        assert_eq!(dependencies(manifest), ["mail", "bytes"]);
    }
}
