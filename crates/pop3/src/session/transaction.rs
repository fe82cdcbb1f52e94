//! TRANSACTION and UPDATE (RFC 1939 §5, §6): the commands on messages.

use super::{COLLECT, Session, Stage};
use crate::maildrop::Maildrop;
use crate::{Ask, Refusal};
use mail::{Body, Entry, Uid};
use std::io::Write;
use wire::{Copy, Shape, Step};

/// Messages looked up together when a client reads one after the other.
const AHEAD: usize = 16;

/// A list of all messages that is being written, in pieces.
#[derive(Debug)]
pub(super) struct Scan {
    kind: ScanKind,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
enum ScanKind {
    Sizes,
    UniqueIds,
}

impl Session {
    fn maildrop(&self) -> Option<&Maildrop> {
        match &self.stage {
            Stage::Transaction(maildrop) => Some(maildrop),
            _ => None,
        }
    }

    fn maildrop_mut(&mut self) -> Option<&mut Maildrop> {
        match &mut self.stage {
            Stage::Transaction(maildrop) => Some(maildrop),
            _ => None,
        }
    }

    fn totals(&self) -> (usize, u64) {
        self.maildrop().map_or((0, 0), Maildrop::totals)
    }

    pub(super) fn stat(&mut self) {
        let (count, octets) = self.totals();
        self.ok(&format!("{count} {octets}"));
    }

    pub(super) fn list(&mut self, number: usize) {
        match self.maildrop().and_then(|maildrop| maildrop.message(number)) {
            Some(entry) => self.ok(&format!("{number} {}", entry.size)),
            None => self.no_such_message(),
        }
    }

    pub(super) fn uidl(&mut self, number: usize) {
        let found = self.maildrop().and_then(|maildrop| {
            maildrop.message(number).map(|entry| format!("{number} {}", maildrop.unique_id(entry.uid)))
        });
        match found {
            Some(text) => self.ok(&text),
            None => self.no_such_message(),
        }
    }

    pub(super) fn list_all(&mut self) {
        let (count, octets) = self.totals();
        self.ok(&format!("{count} messages ({octets} octets)"));
        self.scan = Some(Scan { kind: ScanKind::Sizes, next: 1 });
    }

    pub(super) fn uidl_all(&mut self) {
        let (count, _) = self.totals();
        self.ok(&format!("{count} messages"));
        self.scan = Some(Scan { kind: ScanKind::UniqueIds, next: 1 });
    }

    /// Writes as much of a list as is collected at a time.
    pub(super) fn write_scan(&mut self) {
        let (Some(mut scan), Stage::Transaction(maildrop)) = (self.scan.take(), &self.stage) else { return };
        while scan.next <= maildrop.last_number() {
            if self.out.len() >= COLLECT {
                self.scan = Some(scan);
                return;
            }
            if let Some(entry) = maildrop.message(scan.next) {
                scan.write(&mut self.out, maildrop, entry);
            }
            scan.next += 1;
        }
        self.out.extend_from_slice(b".\r\n");
    }

    pub(super) fn dele(&mut self, number: usize) {
        match self.maildrop_mut().map(|maildrop| maildrop.delete(number)) {
            Some(true) => self.ok("Message deleted."),
            _ => self.no_such_message(),
        }
    }

    pub(super) fn rset(&mut self) {
        if let Some(maildrop) = self.maildrop_mut() {
            maildrop.reset();
        }
        let (count, octets) = self.totals();
        self.ok(&format!("Maildrop has {count} messages ({octets} octets)"));
    }

    /// RETR, or TOP with a number of lines.
    pub(super) fn fetch(&mut self, number: usize, lines: Option<u32>) {
        let Some(entry) = self.maildrop().and_then(|maildrop| maildrop.message(number)) else {
            return self.no_such_message();
        };
        let last = std::mem::replace(&mut self.last_fetched, number);
        if let Some(at) = self.ahead.iter().position(|(uid, _)| *uid == entry.uid) {
            let (_, body) = self.ahead.remove(at);
            return self.send(body, lines);
        }
        // A client that goes through the maildrop in order will want the next ones soon.
        let ahead = if number == last + 1 && last > 0 { AHEAD } else { 1 };
        let wanted = self.wanted(number, entry.uid, ahead);
        if let Stage::Transaction(maildrop) = std::mem::replace(&mut self.stage, Stage::Closed) {
            self.stage = Stage::Fetching(maildrop, entry.uid, lines);
            self.then = Some(Step::Ask(Ask::Bodies(wanted)));
        }
    }

    fn wanted(&self, number: usize, uid: Uid, count: usize) -> Vec<Uid> {
        let following = number.saturating_add(1)..number.saturating_add(count);
        let entries = following.filter_map(|number| self.maildrop()?.message(number));
        std::iter::once(uid).chain(entries.map(|entry| entry.uid)).collect()
    }

    pub(super) fn found(
        &mut self,
        maildrop: Maildrop,
        uid: Uid,
        lines: Option<u32>,
        bodies: Vec<(Uid, Body)>,
    ) {
        self.stage = Stage::Transaction(maildrop);
        self.ahead = bodies;
        match self.ahead.iter().position(|(found, _)| *found == uid) {
            Some(at) => {
                let (_, body) = self.ahead.remove(at);
                self.send(body, lines);
            }
            // Another session removed it.
            None => self.refused(&Refusal { code: None, text: "Message is no longer there.".to_owned() }),
        }
    }

    fn send(&mut self, body: Body, lines: Option<u32>) {
        match lines {
            None => self.ok(&format!("{} octets", body.size)),
            Some(_) => self.ok("Top of message follows"),
        }
        let len = body.size;
        self.then = Some(Step::Copy(Copy { body, start: 0, len, shape: Shape::Dotted(lines) }));
    }

    pub(super) fn quit(&mut self) {
        let Some(maildrop) = self.maildrop() else { return self.farewell() };
        let uids = maildrop.deleted();
        self.stage = Stage::Update;
        self.then = Some(Step::Ask(Ask::Update(uids)));
    }
}

impl Scan {
    fn write(&self, out: &mut Vec<u8>, maildrop: &Maildrop, entry: Entry) {
        // Writing to a vector cannot fail.
        let _ = match self.kind {
            ScanKind::Sizes => write!(out, "{} {}\r\n", self.next, entry.size),
            ScanKind::UniqueIds => write!(out, "{} {}\r\n", self.next, maildrop.unique_id(entry.uid)),
        };
    }
}
