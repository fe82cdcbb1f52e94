//! The demo's sample messages.
//!
//! They are delivered one by one and in order, so that a start that was cut short goes on behind the last that is there.

use directory::Snapshot;
use mail::{AccountId, FlagSet};
use store::{Error, Store, Target};

/// Recipient and message; lines end with LF here.
const SAMPLES: [(&str, &str); 6] = [
    ("alice", include_str!("../samples/welcome.eml")),
    ("alice", include_str!("../samples/lunch.eml")),
    ("alice", include_str!("../samples/report.eml")),
    ("alice", include_str!("../samples/forwarded.eml")),
    ("bob", include_str!("../samples/welcome.eml")),
    ("bob", include_str!("../samples/reply.eml")),
];

/// Delivers those that are not there yet.
pub async fn deliver(store: &Store, snapshot: &Snapshot) -> Result<(), Error> {
    for name in ["alice", "bob"] {
        let Some(mailbox) = snapshot.mailbox(name) else { continue };
        let inbox = store
            .folders(mailbox.account)
            .await?
            .iter()
            .find(|folder| folder.name == "INBOX")
            .map(|inbox| inbox.id);
        let Some(inbox) = inbox else { continue };
        let there = store.status(mailbox.account, inbox).await?.messages as usize;
        let theirs = SAMPLES.iter().filter(|(to, _)| *to == name);
        for (_, message) in theirs.skip(there) {
            file(store, mailbox.account, message).await?;
        }
    }
    Ok(())
}

async fn file(store: &Store, account: AccountId, message: &str) -> Result<(), Error> {
    let mut staging = store.stage();
    staging.write(message.replace('\n', "\r\n").as_bytes()).await?;
    let staged = staging.finish().await?;
    let date = server::system_clock();
    let target = Target { account, folder: None, flags: FlagSet::default(), keywords: Vec::new(), date };
    store.deliver(staged, vec![target], None).await.map(|_| ())
}
