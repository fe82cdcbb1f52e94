//! FETCH and UID FETCH (RFC 3501 §6.4.5; RFC 7162 §3.1.4 for CHANGEDSINCE and MODSEQ).
//!
//! What the listing knows is written without asking. For the rest messages are taken in batches: what they need is
//! asked for, `\Seen` is set where the command reads a body, and then they are written one after the other. Bodies are
//! sent as [`wire::Copy`]; output is handed over in pieces however many messages or items there are.

mod items;
mod sift;
mod structure;
mod write;

use crate::border::{Access, Answer, Ask, Code, FlagChange, FlagOperation, Gathered};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::sequence::SequenceSet;
use crate::session::FLUSH;
use crate::state::{Core, Input, Stage, Task, Turn};
use crate::view::{Numbering, View};
use items::{Item, Items};
use mail::{Body, Entry, Flag, Summary, Uid};
use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;
use write::{Memo, Writer};

/// Messages asked for at a time.
const BATCH: usize = 64;

struct Fetch {
    set: SequenceSet,
    numbering: Numbering,
    items: Items,
    /// Places still to be fetched, as ranges.
    places: IntoIter<(usize, usize)>,
    range: Option<(usize, usize)>,
    /// Messages that had no room in their batch, before those of the places.
    postponed: VecDeque<(usize, Entry)>,
    phase: Phase,
    /// Whether a message was gone when it was asked for.
    some_gone: bool,
    /// Whether a message could not be read.
    some_damaged: bool,
    memo: Memo,
}

enum Phase {
    Begin,
    /// Writing what the listing knows.
    Plain,
    /// The batch waits for this.
    Asking(Batch, Need),
    /// `\Seen` is set; some of the messages have keywords, whose names the client must know.
    Keywords(Batch, Vec<Entry>),
    /// The messages of a batch are being written.
    Writing(Batch),
}

/// What must be asked for before a message can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Summaries,
    Bodies,
    Headers,
    Seen,
}

/// Messages with what was asked for.
struct Batch {
    messages: Vec<Message>,
    needs: Vec<Need>,
    summaries: Found<Arc<Summary>>,
    bodies: Found<Body>,
    headers: Found<Body>,
    written: usize,
    /// The message that is half written.
    writer: Option<Writer>,
}

/// A message to be written.
#[derive(Clone, Copy, Debug)]
struct Message {
    seq: usize,
    entry: Entry,
    /// Whether the command has set `\Seen`.
    newly_seen: bool,
}

/// What was found of the messages that exist, in their order.
struct Found<T>(Peekable<IntoIter<(Uid, T)>>);

impl<T> Found<T> {
    fn new(found: Vec<(Uid, T)>) -> Found<T> {
        Found(found.into_iter().peekable())
    }

    /// That of this message; those asked for must ascend.
    fn take(&mut self, uid: Uid) -> Option<T> {
        while self.0.next_if(|(found, _)| *found < uid).is_some() {}
        self.0.next_if(|(found, _)| *found == uid).map(|(_, value)| value)
    }
}

pub(super) fn fetch(parser: &mut Parser<'_>, numbering: Numbering) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let set = parser.sequence_set()?;
    parser.space()?;
    let mut items = Items::parse(parser)?;
    if numbering == Numbering::Uid {
        // RFC 3501 §6.4.8: UID is part of every response to UID FETCH.
        items.add_first(Item::Uid);
    }
    Ok(Box::new(Fetch {
        set,
        numbering,
        items,
        places: Vec::new().into_iter(),
        range: None,
        postponed: VecDeque::new(),
        phase: Phase::Begin,
        some_gone: false,
        some_damaged: false,
        memo: Memo::default(),
    }))
}

impl Task for Fetch {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (std::mem::replace(&mut self.phase, Phase::Begin), input) {
            (Phase::Begin, Input::Start) => self.start(core),
            (Phase::Plain, Input::Again) => self.write_plain(core),
            (Phase::Writing(batch), Input::Again | Input::Answer(Answer::Done)) => {
                self.write_batch(core, batch)
            }
            (Phase::Writing(mut batch), Input::Answer(Answer::Octets(octets))) if !octets.is_empty() => {
                batch.writer.as_mut().into_iter().for_each(|writer| writer.octets_came(octets.clone()));
                self.write_batch(core, batch)
            }
            (Phase::Asking(batch, need), Input::Answer(answer)) => self.came(core, batch, need, answer),
            (Phase::Keywords(batch, entries), Input::Answer(answer)) => {
                self.keywords_came(core, batch, &entries, answer)
            }
            // A response is half written; the client can only be helped by closing.
            (Phase::Writing(_), Input::Answer(answer)) => self.end(Reply {
                closes: true,
                ..match answer {
                    Answer::Refused(refusal) => Reply::refused(&refusal),
                    _ => Reply::bug(),
                }
            }),
            _ => self.end(Reply::bug()),
        }
    }
}

impl Fetch {
    fn end(&self, reply: Reply) -> Turn {
        match self.numbering {
            Numbering::Uid => Turn::Done(reply),
            Numbering::Sequence => Turn::DoneNoExpunge(reply),
        }
    }

    fn start(&mut self, core: &mut Core) -> Turn {
        if self.items.knows_condstore() {
            core.enable_condstore();
        }
        let Some(view) = core.view() else { return self.end(Reply::bug()) };
        match view.select(&self.set, self.numbering) {
            Ok(places) => self.places = places.into_iter(),
            Err(Bad(why)) => return self.end(Reply::bad(why)),
        }
        if self.items.needs(view.access).is_empty() { self.write_plain(core) } else { self.next_batch(core) }
    }

    /// The next message that is wanted.
    fn next_message(&mut self, view: &View) -> Option<(usize, Entry)> {
        if let Some(message) = self.postponed.pop_front() {
            return Some(message);
        }
        loop {
            let (seq, last) = match self.range.take() {
                Some((seq, last)) if seq <= last => (seq, last),
                _ => self.places.next()?,
            };
            self.range = Some((seq + 1, last));
            let Some(entry) = view.listing.at(seq) else { continue };
            if self.items.changed_since.is_none_or(|since| entry.modseq > since) {
                return Some((seq, entry));
            }
        }
    }

    fn write_plain(&mut self, core: &mut Core) -> Turn {
        let Core { stage: Stage::Selected(view), out, .. } = core else { return self.end(Reply::bug()) };
        out.reserve(FLUSH + 1024);
        while let Some((seq, entry)) = self.next_message(view) {
            write::plain(out, seq, &entry, view, &self.items, &mut self.memo);
            if out.len() >= FLUSH {
                self.phase = Phase::Plain;
                return Turn::Again;
            }
        }
        self.finish()
    }

    fn finish(&self) -> Turn {
        // RFC 3501 §6.4.5: NO where data cannot be fetched. An OK would let an offline client think that it has all.
        if self.some_damaged {
            let text = "Some of the messages cannot be read, please tell the server's administrator";
            return self.end(Reply::no(Code::Corruption, text));
        }
        // RFC 3501 §6.4.8 lets UIDs that are gone be passed over in silence; message numbers are not.
        let told = self.some_gone && self.numbering == Numbering::Sequence;
        self.end(if told {
            Reply::no(Code::ExpungeIssued, "Some of the messages no longer exist")
        } else {
            Reply::ok("FETCH completed")
        })
    }

    fn next_batch(&mut self, core: &mut Core) -> Turn {
        let Some(view) = core.view() else { return self.end(Reply::bug()) };
        let mut needs = self.items.needs(view.access);
        let mut messages = Vec::new();
        while messages.len() < BATCH
            && let Some((seq, entry)) = self.next_message(view)
        {
            messages.push(Message { seq, entry, newly_seen: false });
        }
        if messages.is_empty() {
            return self.finish();
        }
        // Needs are taken from the end.
        needs.reverse();
        let batch = Batch {
            messages,
            needs,
            summaries: Found::new(Vec::new()),
            bodies: Found::new(Vec::new()),
            headers: Found::new(Vec::new()),
            written: 0,
            writer: None,
        };
        self.ask_next(core, batch)
    }

    fn ask_next(&mut self, core: &mut Core, mut batch: Batch) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return self.end(Reply::bug()) };
        while let Some(need) = batch.needs.pop() {
            let unseen = |message: &&Message| need != Need::Seen || !message.entry.flags.contains(Flag::Seen);
            let uids: Vec<Uid> =
                batch.messages.iter().filter(unseen).map(|message| message.entry.uid).collect();
            if uids.is_empty() {
                continue;
            }
            self.phase = Phase::Asking(batch, need);
            return Turn::Ask(match need {
                Need::Summaries => Ask::Summaries(folder, uids),
                Need::Bodies => Ask::Bodies(folder, uids),
                Need::Headers => Ask::Headers(folder, uids),
                Need::Seen => Ask::Store(folder, uids, add_seen()),
            });
        }
        self.write_batch(core, batch)
    }

    fn came(&mut self, core: &mut Core, mut batch: Batch, need: Need, answer: Answer) -> Turn {
        match (need, answer) {
            (Need::Summaries, Answer::Summaries(gathered)) => {
                batch.summaries = self.gathered(&mut batch, gathered);
            }
            (Need::Bodies, Answer::Bodies(gathered)) => batch.bodies = self.gathered(&mut batch, gathered),
            (Need::Headers, Answer::Headers(gathered)) => batch.headers = self.gathered(&mut batch, gathered),
            (Need::Seen, Answer::Stored { entries, .. }) => return self.seen(core, batch, entries),
            // A flag that cannot be set (the disk is full) is no reason not to let the message be read.
            (Need::Seen, Answer::Refused(_)) => {}
            (_, Answer::Refused(refusal)) => return self.end(Reply::refused(&refusal)),
            _ => return self.end(Reply::bug()),
        }
        self.ask_next(core, batch)
    }

    /// What came of the batch's messages; those that cannot be read leave it.
    fn gathered<T>(&mut self, batch: &mut Batch, gathered: Gathered<T>) -> Found<T> {
        let Gathered { found, damaged, left } = gathered;
        self.postpone(batch, &left);
        self.some_damaged |= !damaged.is_empty();
        batch.messages.retain(|message| damaged.binary_search(&message.entry.uid).is_err());
        Found::new(found)
    }

    /// Messages that had no room come with the next batch.
    fn postpone(&mut self, batch: &mut Batch, left: &[Uid]) {
        let Some(first) = left.first() else { return };
        let from = batch.messages.partition_point(|message| message.entry.uid < *first);
        let later = batch.messages.drain(from..).map(|message| (message.seq, message.entry));
        later.rev().for_each(|message| self.postponed.push_front(message));
    }

    /// Another session may have given the messages keywords that are new to the folder.
    fn seen(&mut self, core: &mut Core, mut batch: Batch, entries: Vec<Entry>) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return self.end(Reply::bug()) };
        if entries.iter().any(|entry| entry.flags.has_keywords()) {
            self.phase = Phase::Keywords(batch, entries);
            return Turn::Ask(Ask::Listing(folder));
        }
        mark_seen(core, &mut batch, &entries);
        self.ask_next(core, batch)
    }

    fn keywords_came(
        &mut self,
        core: &mut Core,
        mut batch: Batch,
        entries: &[Entry],
        answer: Answer,
    ) -> Turn {
        match answer {
            Answer::Listing(listing) => {
                core.take_keywords(&listing.keywords);
                self.memo.forget_flags();
                mark_seen(core, &mut batch, entries);
            }
            // It is told of in the end, as other changes are.
            Answer::Refused(_) => core.stale = true,
            _ => return self.end(Reply::bug()),
        }
        self.ask_next(core, batch)
    }

    fn write_batch(&mut self, core: &mut Core, mut batch: Batch) -> Turn {
        let condstore = core.condstore;
        let Core { stage: Stage::Selected(view), out, .. } = core else { return self.end(Reply::bug()) };
        loop {
            let mut writer = match batch.writer.take() {
                Some(writer) => writer,
                None => match batch.next_writer(&self.items, condstore) {
                    Next::Writer(writer) => *writer,
                    Next::Gone => {
                        self.some_gone = true;
                        continue;
                    }
                    Next::End => break,
                },
            };
            let turn = writer.write(out, view, &self.items, &mut self.memo);
            if turn.is_some() {
                batch.writer = Some(writer);
            }
            if turn.is_some() || out.len() >= FLUSH {
                self.phase = Phase::Writing(batch);
                return turn.unwrap_or(Turn::Again);
            }
        }
        self.next_batch(core)
    }
}

enum Next {
    Writer(Box<Writer>),
    /// The message does not exist any more.
    Gone,
    End,
}

impl Batch {
    /// The next message with all that its items need.
    fn next_writer(&mut self, items: &Items, condstore: bool) -> Next {
        let Some(message) = self.messages.get(self.written) else { return Next::End };
        self.written += 1;
        let uid = message.entry.uid;
        let needs = items.needs(Access::ReadOnly);
        let summary = self.summaries.take(uid);
        let body = self.bodies.take(uid);
        let header = self.headers.take(uid);
        let gone = |need, found: bool| needs.contains(&need) && !found;
        if gone(Need::Summaries, summary.is_some())
            || gone(Need::Bodies, body.is_some())
            || gone(Need::Headers, header.is_some())
        {
            return Next::Gone;
        }
        let mut writer = Writer::new(message.seq, message.entry, summary, body, header);
        if message.newly_seen {
            writer.shows_flags(items, condstore);
        }
        Next::Writer(Box::new(writer))
    }
}

fn add_seen() -> FlagChange {
    FlagChange {
        how: FlagOperation::Add,
        flags: vec![Flag::Seen],
        keywords: Vec::new(),
        unchanged_since: None,
    }
}

/// The messages are seen now; their responses show it, so that the client's knowledge is up to date.
fn mark_seen(core: &mut Core, batch: &mut Batch, entries: &[Entry]) {
    for message in &mut batch.messages {
        let at = entries.binary_search_by_key(&message.entry.uid, |entry| entry.uid);
        if let Some(entry) = at.ok().and_then(|at| entries.get(at)) {
            message.newly_seen = message.entry.flags != entry.flags;
            message.entry = *entry;
        }
    }
    if let Some(view) = core.view_mut() {
        view.put(entries);
    }
}
