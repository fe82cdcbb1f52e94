//! Tells the client what changed in the selected mailbox: EXPUNGE, FETCH, EXISTS and RECENT (RFC 3501 §7.3, §7.4).
//!
//! The differences between the listing the client knows and the current one are written in order, piece by piece. Where
//! expunges may not be told, what is gone stays in the view and the session stays stale.

use crate::border::{Access, Answer, Ask, Code, Refusal};
use crate::session::FLUSH;
use crate::state::{Core, Input, Shown, write_flags};
use mail::listing::Difference;
use mail::{Entry, Listing, Uid};

/// Whether expunges may be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expunges {
    Told,
    Withheld,
}

pub(crate) struct Sync {
    expunges: Expunges,
    phase: Phase,
}

enum Phase {
    Begin,
    Listing,
    Recent(Listing),
    Writing(Writing),
}

/// Differences that are being written.
struct Writing {
    new: Listing,
    recent: Option<Uid>,
    left: std::vec::IntoIter<Difference>,
    /// Expunges told so far: each makes the numbers above it one less.
    told: usize,
    /// Entries the client learns of while messages that are gone stay.
    put: Vec<Entry>,
    has_new: bool,
    withheld: bool,
}

/// Where telling has come to.
pub(crate) enum SyncTurn {
    Ask(Ask),
    Again,
    Done,
    Failed(Refusal),
}

impl Sync {
    pub fn new(expunges: Expunges) -> Sync {
        Sync { expunges, phase: Phase::Begin }
    }

    pub fn run(&mut self, core: &mut Core, input: Input) -> SyncTurn {
        let Some(folder) = core.view().map(|view| view.folder) else { return SyncTurn::Done };
        match (std::mem::replace(&mut self.phase, Phase::Begin), input) {
            (Phase::Begin, _) => {
                // Changes from here on are seen or told of anew.
                core.stale = false;
                self.phase = Phase::Listing;
                SyncTurn::Ask(Ask::Listing(folder))
            }
            (Phase::Listing, Input::Answer(Answer::Listing(listing))) => self.listing_came(core, listing),
            (Phase::Recent(listing), Input::Answer(Answer::Recent(from))) => {
                self.write(core, listing, Some(from))
            }
            (Phase::Writing(writing), _) => self.go_on(core, writing),
            (_, Input::Answer(Answer::Refused(refusal))) => SyncTurn::Failed(refusal),
            _ => SyncTurn::Failed(Refusal::new(Code::ServerBug, "Internal error")),
        }
    }

    /// New messages are recent to the session that is told first, so it asks for that before it tells (RFC 3501 §2.3.2).
    fn listing_came(&mut self, core: &mut Core, new: Listing) -> SyncTurn {
        let Some(view) = core.view() else { return SyncTurn::Done };
        let grown = view.last_uid() < new.at(new.len()).map_or(Uid(0), |entry| entry.uid);
        if grown && view.access == Access::ReadWrite {
            let folder = view.folder;
            self.phase = Phase::Recent(new);
            return SyncTurn::Ask(Ask::Recent(folder));
        }
        self.write(core, new, None)
    }

    fn write(&mut self, core: &mut Core, new: Listing, recent: Option<Uid>) -> SyncTurn {
        let Some(view) = core.view() else { return SyncTurn::Done };
        let left = view.listing.differences(&new).into_iter();
        // New keywords are told before a message that has one (RFC 3501 §7.2.6).
        core.take_keywords(&new.keywords);
        let writing =
            Writing { new, recent, left, told: 0, put: Vec::new(), has_new: false, withheld: false };
        self.go_on(core, writing)
    }

    /// Writes differences until there is enough output for once, or none left.
    fn go_on(&mut self, core: &mut Core, mut writing: Writing) -> SyncTurn {
        while let Some(difference) = writing.left.next() {
            match difference {
                Difference::Gone(seq, _) => self.gone(core, seq, &mut writing),
                Difference::Changed(seq, entry) => changed(core, seq, entry, &mut writing),
                Difference::New(entry) => {
                    writing.has_new = true;
                    writing.put.push(entry);
                }
            }
            if core.out.len() >= FLUSH {
                self.phase = Phase::Writing(writing);
                return SyncTurn::Again;
            }
        }
        finish(core, writing);
        SyncTurn::Done
    }

    /// EXPUNGE, or only a note that there is one to be told later.
    fn gone(&self, core: &mut Core, seq: usize, writing: &mut Writing) {
        match self.expunges {
            Expunges::Withheld => writing.withheld = true,
            Expunges::Told => {
                core.out.extend_from_slice(b"* ");
                crate::encode::number(&mut core.out, (seq - writing.told) as u64);
                core.out.extend_from_slice(b" EXPUNGE\r\n");
                writing.told += 1;
            }
        }
    }
}

/// FETCH with the new flags.
fn changed(core: &mut Core, seq: usize, entry: Entry, writing: &mut Writing) {
    writing.put.push(entry);
    let condstore = core.condstore;
    let Some((old, recent)) =
        core.view().and_then(|view| view.listing.at(seq).map(|old| (old, view.is_recent(entry.uid))))
    else {
        return;
    };
    // Without CONDSTORE a client has no use for a change that left the flags as they were.
    if condstore || old.flags != entry.flags {
        let shown = Shown { uid: condstore, flags: true, modseq: condstore };
        write_flags(&mut core.out, seq - writing.told, &entry, &writing.new.keywords, recent, shown);
    }
}

/// The view becomes what the client now knows, and EXISTS and RECENT close the list.
fn finish(core: &mut Core, writing: Writing) {
    let Some(view) = core.view_mut() else { return };
    let withheld = writing.withheld;
    let mut new = writing.new;
    if withheld {
        // What is gone stays numbered until it may be told.
        let mut kept = view.listing.with(&writing.put, &[]);
        (kept.uid_next, kept.highest_modseq, kept.keywords) =
            (new.uid_next, new.highest_modseq, new.keywords);
        new = kept;
    }
    view.listing = new;
    if let Some(from) = writing.recent {
        view.add_recent(from);
    }
    if writing.has_new {
        let mut lines = Vec::new();
        view.write_counts(&mut lines);
        core.out.append(&mut lines);
    }
    core.stale |= withheld;
}
