//! STORE and UID STORE (RFC 3501 §6.4.6; RFC 7162 §3.1.3 for UNCHANGEDSINCE).
//!
//! Many messages are changed some at a time, and the client is told of these before the next, so that nothing adds up.
//! Each is checked and changed in one step, as UNCHANGEDSINCE asks for; no RFC wants all of them to be.

use super::expunge::read_only;
use crate::border::{Access, Answer, Ask, Code, FlagChange, FlagOperation};
use crate::parse::{Bad, Parser};
use crate::reply::{Reply, Status};
use crate::sequence::{Ranges, SequenceSet};
use crate::session::{CHANGES, FLUSH};
use crate::state::{Core, Input, Shown, Stage, Task, Turn, write_flags};
use crate::view::Numbering;
use mail::{Entry, FlagSet, KeywordTable, Listing, ModSeq, Uid};
use std::vec::IntoIter;

struct Store {
    set: SequenceSet,
    numbering: Numbering,
    change: FlagChange,
    silent: bool,
    /// Messages that are still to be changed.
    left: IntoIter<Uid>,
    /// Numbers of those that were left alone because of UNCHANGEDSINCE.
    modified: Ranges,
    /// Whether a message was gone when it was to be changed.
    some_gone: bool,
    phase: Phase,
}

/// What is done with the messages of one piece.
enum Phase {
    Begin,
    /// So many are being changed.
    Storing(usize),
    /// They are changed to these. The listing has the names of keywords that are new.
    Listing(Vec<Entry>),
    /// The client is told of them, from the one at this place on.
    Writing(Vec<Entry>, usize, Listing),
}

pub(super) fn store(parser: &mut Parser<'_>, numbering: Numbering) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let set = parser.sequence_set()?;
    parser.space()?;
    let mut unchanged_since = None;
    if parser.peek() == Some(b'(') {
        parser.list(|parser| {
            parser.expect("UNCHANGEDSINCE ", "Unknown modifier")?;
            unchanged_since = Some(ModSeq(parser.number()?));
            Ok(())
        })?;
        parser.space()?;
    }
    let how = if parser.eat("+") {
        FlagOperation::Add
    } else if parser.eat("-") {
        FlagOperation::Remove
    } else {
        FlagOperation::Replace
    };
    parser.expect("FLAGS", "Expected FLAGS")?;
    // RFC 3501 §6.4.6: the client computes the new flags itself and does not want to hear them.
    let silent = parser.eat(".SILENT");
    parser.space()?;
    let flags = parser.store_flags()?;
    let change = FlagChange { how, flags: flags.system, keywords: flags.keywords, unchanged_since };
    Ok(Box::new(Store {
        set,
        numbering,
        change,
        silent,
        left: Vec::new().into_iter(),
        modified: Ranges::default(),
        some_gone: false,
        phase: Phase::Begin,
    }))
}

impl Task for Store {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (std::mem::replace(&mut self.phase, Phase::Begin), input) {
            (Phase::Begin, Input::Start) => self.start(core),
            (Phase::Storing(asked), Input::Answer(Answer::Stored { entries, modified })) => {
                self.stored(core, asked, entries, &modified)
            }
            (Phase::Listing(entries), Input::Answer(Answer::Listing(listing))) => {
                core.take_keywords(&listing.keywords);
                self.write(core, entries, 0, listing)
            }
            (Phase::Writing(entries, written, listing), Input::Again) => {
                self.write(core, entries, written, listing)
            }
            (_, Input::Answer(Answer::Refused(refusal))) => {
                // What was known may be wrong: a change that failed can have found the folder changed.
                core.stale = true;
                self.done(Reply::refused(&refusal))
            }
            _ => self.done(Reply::bug()),
        }
    }
}

impl Store {
    fn done(&self, reply: Reply) -> Turn {
        match self.numbering {
            Numbering::Uid => Turn::Done(reply),
            Numbering::Sequence => Turn::DoneNoExpunge(reply),
        }
    }

    fn start(&mut self, core: &mut Core) -> Turn {
        // RFC 7162 §3.1: another command that shows that the client knows CONDSTORE.
        if self.change.unchanged_since.is_some() {
            core.enable_condstore();
        }
        let Some(view) = core.view() else { return self.done(Reply::bug()) };
        if view.access == Access::ReadOnly {
            return self.done(read_only());
        }
        match view.select(&self.set, self.numbering) {
            Ok(places) => self.left = view.uids(&places).into_iter(),
            Err(Bad(why)) => return self.done(Reply::bad(why)),
        }
        self.store_more(core)
    }

    /// RFC 3501 §6.4.8: UIDs that are not there are passed over, also where none is.
    fn store_more(&mut self, core: &Core) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return self.done(Reply::bug()) };
        let uids: Vec<Uid> = self.left.by_ref().take(CHANGES).collect();
        if uids.is_empty() {
            return self.done(self.reply());
        }
        self.phase = Phase::Storing(uids.len());
        Turn::Ask(Ask::Store(folder, uids, self.change.clone()))
    }

    fn stored(&mut self, core: &Core, asked: usize, entries: Vec<Entry>, modified: &[Uid]) -> Turn {
        let Some(view) = core.view() else { return self.done(Reply::bug()) };
        self.some_gone |= entries.len() + modified.len() < asked;
        let numbers = modified.iter().filter_map(|uid| view.number(*uid, self.numbering));
        numbers.for_each(|number| self.modified.push(number));
        self.phase = Phase::Listing(entries);
        Turn::Ask(Ask::Listing(view.folder))
    }

    fn write(&mut self, core: &mut Core, entries: Vec<Entry>, mut written: usize, listing: Listing) -> Turn {
        let condstore = core.condstore;
        let Core { stage: Stage::Selected(view), out, .. } = core else { return self.done(Reply::bug()) };
        while let Some(entry) = entries.get(written) {
            written += 1;
            let Some((seq, old)) = view.listing.find(entry.uid) else { continue };
            // Even silently, the client hears of what it cannot know: flags that others changed.
            let flags = !self.silent || entry.flags != self.expected(old.flags, &listing.keywords);
            if flags || condstore {
                let uid = condstore || self.numbering == Numbering::Uid;
                let shown = Shown { uid, flags, modseq: condstore };
                write_flags(out, seq, entry, &listing.keywords, view.is_recent(entry.uid), shown);
            }
            if out.len() >= FLUSH {
                self.phase = Phase::Writing(entries, written, listing);
                return Turn::Again;
            }
        }
        // From here on the client knows these; the rest of what changed is told as other changes are.
        view.put(&entries);
        settle(core, listing);
        self.store_more(core)
    }

    /// The flags that come of the change where nobody else changed any.
    fn expected(&self, old: FlagSet, keywords: &KeywordTable) -> FlagSet {
        let system: FlagSet = self.change.flags.iter().copied().collect();
        let known = self.change.keywords.iter().filter_map(|keyword| keywords.position(keyword));
        let named = known.fold(system, FlagSet::with_keyword);
        match self.change.how {
            FlagOperation::Add => old.union(named),
            FlagOperation::Remove => old.minus(named),
            FlagOperation::Replace => named,
        }
    }

    /// The tagged response: who was left alone because of UNCHANGEDSINCE, and whether some were gone (RFC 2180).
    fn reply(&self) -> Reply {
        let gone = self.some_gone && self.numbering == Numbering::Sequence;
        if self.modified.iter().next().is_none() {
            return if gone {
                Reply::no(Code::ExpungeIssued, "Some of the messages no longer exist")
            } else {
                Reply::ok("STORE completed")
            };
        }
        let mut set = Vec::new();
        self.modified.write(&mut set);
        let set = String::from_utf8(set).unwrap_or_default();
        let status = if gone { Status::No } else { Status::Ok };
        let text = format!("[MODIFIED {set}] Conditional STORE failed").into();
        Reply { status, text, closes: false }
    }
}

/// Where nothing else changed meanwhile, the view goes on with the listing that it shares with other sessions.
fn settle(core: &mut Core, listing: Listing) {
    let Some(view) = core.view_mut() else { return };
    if view.listing.differences(&listing).is_empty() {
        view.listing = listing;
    } else {
        core.stale = true;
    }
}
