//! Clients that submit to bob, and what must be in bob's INBOX.

use crate::client::Connector;
use crate::{Random, message};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// A client that submits one message after the other.
pub struct Submitter {
    number: u32,
    sent: u32,
    /// Acknowledged since the last look.
    acknowledged: Vec<String>,
    /// Sent and not acknowledged: it may be there, once.
    pending: Option<String>,
}

impl Submitter {
    pub fn new(number: u32) -> Submitter {
        Submitter { number, sent: 0, acknowledged: Vec::new(), pending: None }
    }

    /// Submits until the server is gone.
    pub fn work(&mut self, connector: &Connector, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let Ok(mut smtp) = connector.smtp() else { continue };
            loop {
                self.sent += 1;
                let name = format!("smtp{}-{}", self.number, self.sent);
                self.pending = Some(name.clone());
                if smtp.submit(&message(&name)).is_err() {
                    return;
                }
                self.acknowledged.push(name);
                self.pending = None;
            }
        }
    }
}

/// Bob's INBOX.
pub struct Inbox {
    messages: BTreeMap<u32, String>,
    names: BTreeSet<String>,
    next: u32,
}

impl Inbox {
    /// Takes what is there from the start as known.
    pub fn new(connector: &Connector) -> Inbox {
        let mut imap = connector.imap("bob").unwrap();
        let selected = imap.ask("SELECT INBOX").unwrap();
        let next = selected.iter().find_map(|reply| reply.number("UIDNEXT")).unwrap();
        Inbox { messages: BTreeMap::new(), names: BTreeSet::new(), next }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Looks at what is new: all that was acknowledged, each once, with UIDs that only grow.
    pub fn verify(&mut self, connector: &Connector, submitters: &mut [Submitter]) {
        let mut imap = connector.imap("bob").unwrap();
        imap.ask("SELECT INBOX").unwrap();
        let fetch = format!("UID FETCH {}:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]", self.next);
        let fetched = imap.ask(&fetch).unwrap();
        let mut allowed = BTreeSet::new();
        let mut expected = BTreeSet::new();
        for submitter in submitters {
            expected.extend(submitter.acknowledged.drain(..));
            allowed.extend(submitter.pending.take());
        }
        for reply in fetched.iter().filter(|reply| !reply.literals.is_empty()) {
            let (uid, name) = (reply.number("UID").unwrap(), reply.subject());
            if uid < self.next {
                continue; // `n:*` always shows the last message
            }
            assert!(
                expected.remove(&name) || allowed.remove(&name),
                "{name} is there twice or was never sent"
            );
            assert!(self.names.insert(name.clone()), "{name} is there twice");
            assert!(self.messages.insert(uid, name).is_none(), "UID {uid} was used twice");
        }
        assert!(expected.is_empty(), "acknowledged and lost: {expected:?}");
        self.next = self.messages.last_key_value().map_or(self.next, |(uid, _)| uid + 1);
    }

    /// Looks at everything: what was there is there still, and of some of it every octet.
    pub fn verify_octets(&mut self, connector: &Connector, random: &mut Random) {
        let mut imap = connector.imap("bob").unwrap();
        imap.ask("SELECT INBOX").unwrap();
        let fetched = imap.ask("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").unwrap();
        let all = fetched.iter().filter(|reply| !reply.literals.is_empty());
        let all: BTreeMap<u32, String> =
            all.map(|reply| (reply.number("UID").unwrap(), reply.subject())).collect();
        let known = all.iter().filter(|(uid, _)| self.messages.contains_key(uid));
        assert!(known.eq(self.messages.iter()), "bob's INBOX is not what it was");
        for _ in 0..20 {
            let at = random.below(self.messages.len() as u64) as usize;
            let (uid, name) = self.messages.iter().nth(at).unwrap();
            let fetched = imap.ask(&format!("UID FETCH {uid} BODY.PEEK[]")).unwrap();
            let octets = &fetched.iter().find(|reply| !reply.literals.is_empty()).unwrap().literals[0];
            // The server puts its trace and what is missing above.
            assert!(octets.ends_with(after_header(&message(name))), "{name} has another body");
        }
    }
}

fn after_header(message: &[u8]) -> &[u8] {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    &message[at..]
}
