//! The shell's history, without lines that may hold a password.

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

const LINES: usize = 2000;

/// A history in `~/.gatepost_history`; `None` where there is no home.
pub fn open() -> Option<Box<dyn History>> {
    let path = PathBuf::from(std::env::var_os("HOME")?).join(".gatepost_history");
    OpenOptions::new().append(true).create(true).mode(0o600).open(&path).ok()?;
    let history = FileBackedHistory::with_file(LINES, path).ok()?;
    Some(Box::new(Discreet(history)))
}

/// Whether a line may hold a secret.
fn is_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    ["password", "securestring", "credential", "secret"].iter().any(|word| line.contains(word))
}

struct Discreet(FileBackedHistory);

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if is_secret(&item.command_line) { Ok(item) } else { self.0.save(item) }
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_kept() {
        let table = [
            ("Get-Mailbox alice", false),
            ("New-Mailbox x -Password (ConvertTo-SecureString 'y' -AsPlainText -Force)", true),
            ("$c = Get-Credential", true),
            ("set-mailbox alice -PASSWORD $p", true),
        ];
        for (line, secret) in table {
            assert_eq!(is_secret(line), secret, "{line}");
        }
    }
}
