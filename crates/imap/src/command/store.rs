//! STORE and UID STORE (RFC 3501 §6.4.6; RFC 7162 §3.1.3 for UNCHANGEDSINCE).
//!
//! Many messages are changed some at a time. Each is checked and changed in one step, as UNCHANGEDSINCE asks for; no RFC
//! wants all of them to be.

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
    phase: Phase,
}

/// How far the command has come.
enum Phase {
    Begin,
    /// Some are being changed; these are left.
    Storing(Outcome, IntoIter<Uid>),
    Listing(Outcome),
    Writing(Outcome, Listing),
}

/// What the store has answered, while it is told.
struct Outcome {
    entries: Vec<Entry>,
    written: usize,
    modified: Vec<Uid>,
    /// How many messages were asked for.
    asked: usize,
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
    Ok(Box::new(Store { set, numbering, change, silent, phase: Phase::Begin }))
}

impl Task for Store {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (std::mem::replace(&mut self.phase, Phase::Begin), input) {
            (Phase::Begin, Input::Start) => self.start(core),
            (Phase::Storing(mut outcome, left), Input::Answer(Answer::Stored { entries, modified })) => {
                outcome.entries.extend(entries);
                outcome.modified.extend(modified);
                self.store_more(core, outcome, left)
            }
            (Phase::Listing(outcome), Input::Answer(Answer::Listing(listing))) => {
                core.take_keywords(&listing.keywords);
                self.write(core, outcome, listing)
            }
            (Phase::Writing(outcome, listing), Input::Again) => self.write(core, outcome, listing),
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
        let uids = match view.select(&self.set, self.numbering) {
            Ok(places) => view.uids(&places),
            Err(Bad(why)) => return self.done(Reply::bad(why)),
        };
        // RFC 3501 §6.4.8: UIDs that are not there are passed over.
        if uids.is_empty() {
            return self.done(Reply::ok("STORE completed"));
        }
        let outcome = Outcome { entries: Vec::new(), written: 0, modified: Vec::new(), asked: uids.len() };
        self.store_more(core, outcome, uids.into_iter())
    }

    fn store_more(&mut self, core: &Core, outcome: Outcome, mut left: IntoIter<Uid>) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return self.done(Reply::bug()) };
        let uids: Vec<Uid> = left.by_ref().take(CHANGES).collect();
        if uids.is_empty() {
            self.phase = Phase::Listing(outcome);
            // It is needed for the names of keywords that are new.
            return Turn::Ask(Ask::Listing(folder));
        }
        self.phase = Phase::Storing(outcome, left);
        Turn::Ask(Ask::Store(folder, uids, self.change.clone()))
    }

    fn write(&mut self, core: &mut Core, mut outcome: Outcome, listing: Listing) -> Turn {
        let condstore = core.condstore;
        let Core { stage: Stage::Selected(view), out, .. } = core else { return self.done(Reply::bug()) };
        while let Some(entry) = outcome.entries.get(outcome.written) {
            outcome.written += 1;
            let Some((seq, old)) = view.listing.find(entry.uid) else { continue };
            // Even silently, the client hears of what it cannot know: flags that others changed.
            let flags = !self.silent || entry.flags != self.expected(old.flags, &listing.keywords);
            if flags || condstore {
                let uid = condstore || self.numbering == Numbering::Uid;
                let shown = Shown { uid, flags, modseq: condstore };
                write_flags(out, seq, entry, &listing.keywords, view.is_recent(entry.uid), shown);
            }
            if out.len() >= FLUSH {
                self.phase = Phase::Writing(outcome, listing);
                return Turn::Again;
            }
        }
        // From here on the client knows these; the rest of what changed is told as other changes are.
        view.put(&outcome.entries);
        let reply = self.reply(core, &outcome);
        settle(core, listing);
        self.done(reply)
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
    fn reply(&self, core: &Core, outcome: &Outcome) -> Reply {
        let some_gone = outcome.entries.len() + outcome.modified.len() < outcome.asked;
        let gone = some_gone && self.numbering == Numbering::Sequence;
        if outcome.modified.is_empty() {
            return if gone {
                Reply::no(Code::ExpungeIssued, "Some of the messages no longer exist")
            } else {
                Reply::ok("STORE completed")
            };
        }
        let numbers = outcome.modified.iter().filter_map(|uid| core.view()?.number(*uid, self.numbering));
        let mut set = Vec::new();
        numbers.collect::<Ranges>().write(&mut set);
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
