//! One client that appends, flags and expunges in a folder of its own, and knows what must be in it.

use crate::client::{Connector, Imap, Reply};
use crate::{Random, message};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder as it must be: UID to name and flags of each message.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    messages: BTreeMap<u32, (String, BTreeSet<String>)>,
    next: u32,
}

#[derive(Clone, Debug)]
enum Change {
    Append(String),
    Store(u32, &'static str),
    Expunge,
}

impl Content {
    fn after(&self, change: &Change) -> Content {
        let mut after = self.clone();
        match change {
            Change::Append(name) => {
                after.messages.insert(after.next, (name.clone(), BTreeSet::new()));
                after.next += 1;
            }
            Change::Store(uid, flag) => {
                after.messages.get_mut(uid).unwrap().1.insert((*flag).to_owned());
            }
            Change::Expunge => after.messages.retain(|_, (_, flags)| !flags.contains("\\Deleted")),
        }
        after
    }
}

pub struct FolderWorker {
    name: String,
    content: Content,
    /// The change that was asked for and not acknowledged.
    pending: Option<Change>,
    random: Random,
    appended: u32,
    pub changes: u32,
}

impl FolderWorker {
    /// Makes the folder.
    pub fn new(connector: &Connector, number: u32) -> FolderWorker {
        let name = format!("Crash{number}");
        connector.imap("alice").unwrap().ask(&format!("CREATE {name}")).unwrap();
        let content = Content { next: 1, ..Content::default() };
        let random = Random(u64::from(number) + 100);
        FolderWorker { name, content, pending: None, random, appended: 0, changes: 0 }
    }

    /// Changes the folder until the server is gone.
    pub fn work(&mut self, connector: &Connector, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let Ok(mut imap) = connector.imap("alice") else { continue };
            if imap.ask(&format!("SELECT {}", self.name)).is_err() {
                continue;
            }
            while self.change(&mut imap).is_ok() {}
            return; // one change is under way, so the state is known again only after a look
        }
    }

    fn change(&mut self, imap: &mut Imap) -> io::Result<()> {
        let change = self.choose();
        self.pending = Some(change.clone());
        match &change {
            Change::Append(name) => {
                let uid = imap.append(&self.name, &message(name))?;
                assert_eq!(uid, self.content.next, "the UID of an appended message in {}", self.name);
            }
            Change::Store(uid, flag) => drop(imap.ask(&format!("UID STORE {uid} +FLAGS.SILENT ({flag})"))?),
            Change::Expunge => drop(imap.ask("EXPUNGE")?),
        }
        self.content = self.content.after(&change);
        self.pending = None;
        self.changes += 1;
        Ok(())
    }

    fn choose(&mut self) -> Change {
        let count = self.content.messages.len() as u64;
        let picked = self.random.below(count.max(1)) as usize;
        match (self.content.messages.keys().nth(picked), self.random.below(10)) {
            (Some(_), 0) => Change::Expunge,
            (Some(uid), 1 | 2) => Change::Store(*uid, "\\Flagged"),
            (Some(uid), 3) => Change::Store(*uid, "$Crash"),
            // As many go as come, once there are some.
            (Some(uid), 4..=6) if count > 30 => Change::Store(*uid, "\\Deleted"),
            _ => {
                self.appended += 1;
                Change::Append(format!("{}-{}", self.name, self.appended))
            }
        }
    }

    /// The folder is as it must be; the change under way was made, or was not.
    pub fn verify(&mut self, connector: &Connector) {
        let mut imap = connector.imap("alice").unwrap();
        let selected = imap.ask(&format!("SELECT {}", self.name)).unwrap();
        let next = selected.iter().find_map(|reply| reply.number("UIDNEXT")).unwrap();
        let fetch = "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        let fetched = if self.content.messages.is_empty() && self.pending.is_none() {
            Vec::new()
        } else {
            imap.ask(fetch).unwrap()
        };
        let mut found = Content { next, ..Content::default() };
        for reply in fetched.iter().filter(|reply| !reply.literals.is_empty()) {
            let flags = reply.flags().into_iter().collect();
            let doubled = found.messages.insert(reply.number("UID").unwrap(), (reply.subject(), flags));
            assert!(doubled.is_none(), "{} shows a UID twice", self.name);
        }
        let made = self.pending.take().map(|change| self.content.after(&change));
        assert!(
            found == self.content || Some(&found) == made.as_ref(),
            "{}: found {found:?}\nexpected {:?}\nor {made:?}",
            self.name,
            self.content
        );
        self.content = found;
    }

    /// Every message has the octets it was sent with.
    pub fn verify_octets(&mut self, connector: &Connector) {
        let mut imap = connector.imap("alice").unwrap();
        imap.ask(&format!("SELECT {}", self.name)).unwrap();
        if self.content.messages.is_empty() {
            return;
        }
        let fetched = imap.ask("UID FETCH 1:* BODY.PEEK[]").unwrap();
        let bodies: Vec<&Reply> = fetched.iter().filter(|reply| !reply.literals.is_empty()).collect();
        assert_eq!(bodies.len(), self.content.messages.len());
        for reply in bodies {
            let (name, _) = &self.content.messages[&reply.number("UID").unwrap()];
            assert!(reply.literals[0] == message(name), "{name} has other octets");
        }
    }
}
