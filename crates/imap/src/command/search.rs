//! SEARCH and UID SEARCH (RFC 3501 §6.4.4; RFC 4731 for RETURN; RFC 7162 §3.1.5 for MODSEQ).
//!
//! What the listing knows is decided first, for all messages; only for those still undecided are dates read
//! (SENT keys), and only for those left then are texts looked for. Each is done some messages at a time, the fewer the
//! more keys there are, so that others have their turn.

mod key;
mod results;

use crate::border::{Answer, Ask};
use crate::parse::{Bad, Parser};
use crate::reply::{Reply, Status};
use crate::session::WORK;
use crate::state::{Core, Input, Stage, Task, Turn};
use crate::view::{Numbering, View};
use key::{Facts, Key, Keys};
use mail::{DateTime, Day, Uid};
use results::{Results, Return};

/// Messages whose dates are read at a time, and whose texts are.
const DATES: usize = 256;
const TEXTS: usize = 1000;

struct Search {
    keys: Keys,
    numbering: Numbering,
    returns: Option<Return>,
    /// How many messages are tried against the keys before others have their turn.
    at_once: usize,
    /// The first message that was not looked at in the listing.
    next: usize,
    /// Sequence numbers of what was found.
    found: Vec<usize>,
    /// What is not decided yet.
    open: Vec<Candidate>,
    /// How many of `open` are dealt with.
    done: usize,
    phase: Phase,
}

/// A message that more must be known of.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    seq: usize,
    uid: Uid,
    /// The day of its Date field, once that was read.
    sent: Option<Option<Day>>,
}

/// What is being waited for.
enum Phase {
    Begin,
    /// Others to have had their turn.
    Listing,
    Sent,
    Texts,
    Writing(Results),
}

/// A search in a charset we do not know.
struct BadCharset;

impl Task for BadCharset {
    fn run(&mut self, _: &mut Core, _: Input) -> Turn {
        let text = "[BADCHARSET (US-ASCII UTF-8)] This charset is not supported".into();
        Turn::DoneNoExpunge(Reply { status: Status::No, text, closes: false })
    }
}

pub(super) fn search(parser: &mut Parser<'_>, numbering: Numbering) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let mut returns = None;
    if parser.eat("RETURN ") {
        returns = Some(Return::parse(parser)?);
        parser.space()?;
    }
    if parser.eat("CHARSET ") {
        let charset = parser.astring()?;
        if !["US-ASCII", "UTF-8"].iter().any(|known| known.as_bytes().eq_ignore_ascii_case(&charset)) {
            parser.take_rest();
            return Ok(Box::new(BadCharset));
        }
        parser.space()?;
    }
    let keys = Keys::parse(parser)?;
    let search = Search {
        keys,
        numbering,
        returns,
        at_once: 1,
        next: 1,
        found: Vec::new(),
        open: Vec::new(),
        done: 0,
        phase: Phase::Begin,
    };
    Ok(Box::new(search))
}

impl Task for Search {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (std::mem::replace(&mut self.phase, Phase::Begin), input) {
            (Phase::Begin, Input::Start) => self.start(core),
            (Phase::Listing, Input::Answer(Answer::Done)) => self.look(core),
            (Phase::Sent, Input::Answer(Answer::Sent(sent))) => {
                let day = |(uid, sent): (Uid, Option<DateTime>)| (uid, sent.map(DateTime::day));
                self.sent_came(core, &sent.into_iter().map(day).collect::<Vec<_>>())
            }
            (Phase::Texts, Input::Answer(Answer::Found(found))) => self.texts_came(core, &found),
            (Phase::Writing(results), Input::Again) => self.write(core, results),
            (_, Input::Answer(Answer::Refused(refusal))) => self.end(Reply::refused(&refusal)),
            _ => self.end(Reply::bug()),
        }
    }
}

impl Search {
    fn end(&self, reply: Reply) -> Turn {
        match self.numbering {
            Numbering::Uid => Turn::Done(reply),
            Numbering::Sequence => Turn::DoneNoExpunge(reply),
        }
    }

    fn start(&mut self, core: &mut Core) -> Turn {
        if self.keys.modseq {
            core.enable_condstore();
        }
        let Stage::Selected(view) = &core.stage else { return self.end(Reply::bug()) };
        if let Err(Bad(why)) = self.keys.resolve(view) {
            return self.end(Reply::bad(why));
        }
        self.at_once = (WORK / self.keys.weight).max(1);
        self.look(core)
    }

    /// Decides on the next messages by what the listing knows.
    fn look(&mut self, core: &mut Core) -> Turn {
        let Stage::Selected(view) = &core.stage else { return self.end(Reply::bug()) };
        for (seq, entry) in view.listing.iter_from(self.next).take(self.at_once) {
            let recent = view.is_recent(entry.uid);
            match self.keys.root.holds(&Facts { seq, entry: &entry, recent, sent: None, texts: None }) {
                Some(true) => self.found.push(seq),
                Some(false) => {}
                None => self.open.push(Candidate { seq, uid: entry.uid, sent: None }),
            }
        }
        self.next = self.next.saturating_add(self.at_once);
        if self.next <= view.listing.len() {
            self.phase = Phase::Listing;
            return Turn::Ask(Ask::Pause);
        }
        self.go_on(core)
    }

    /// Asks for what the next messages need, or ends.
    fn go_on(&mut self, core: &mut Core) -> Turn {
        let Some(folder) = core.view().map(|view| view.folder) else { return self.end(Reply::bug()) };
        if self.keys.sent {
            let uids = self.next_uids(self.dates());
            if !uids.is_empty() {
                self.phase = Phase::Sent;
                return Turn::Ask(Ask::Sent(folder, uids));
            }
            // All are read; those that are still undecided wait for texts.
            self.keys.sent = false;
            self.open.retain(|candidate| candidate.sent.is_some());
            self.done = 0;
        }
        // Texts cost most; by now few messages are left.
        let uids = self.next_uids(self.texts());
        if uids.is_empty() {
            return self.found_all(core);
        }
        self.phase = Phase::Texts;
        Turn::Ask(Ask::Search(folder, uids, self.keys.texts.clone()))
    }

    fn dates(&self) -> usize {
        DATES.min(self.at_once)
    }

    fn texts(&self) -> usize {
        TEXTS.min(self.at_once)
    }

    fn next_uids(&self, at_most: usize) -> Vec<Uid> {
        self.open.iter().skip(self.done).take(at_most).map(|candidate| candidate.uid).collect()
    }

    fn sent_came(&mut self, core: &mut Core, days: &[(Uid, Option<Day>)]) -> Turn {
        let Stage::Selected(view) = &core.stage else { return self.end(Reply::bug()) };
        let dates = self.dates();
        for candidate in self.open.iter_mut().skip(self.done).take(dates) {
            // A message that is gone has no date and is left out in the end.
            let at = days.binary_search_by_key(&candidate.uid, |(uid, _)| *uid).ok();
            let Some((_, day)) = at.and_then(|at| days.get(at)) else { continue };
            candidate.sent = Some(*day);
            match holds(&self.keys.root, view, candidate, None) {
                Some(true) => self.found.push(candidate.seq),
                Some(false) => {}
                None => continue,
            }
            candidate.sent = None;
        }
        self.done += dates;
        self.go_on(core)
    }

    fn texts_came(&mut self, core: &mut Core, texts: &[Vec<Uid>]) -> Turn {
        let Stage::Selected(view) = &core.stage else { return self.end(Reply::bug()) };
        let looked_at = self.texts();
        for candidate in self.open.iter().skip(self.done).take(looked_at) {
            if holds(&self.keys.root, view, candidate, Some(texts)) == Some(true) {
                self.found.push(candidate.seq);
            }
        }
        self.done += looked_at;
        self.go_on(core)
    }

    fn found_all(&mut self, core: &mut Core) -> Turn {
        let Stage::Selected(view) = &core.stage else { return self.end(Reply::bug()) };
        // They were found in up to three rounds.
        self.found.sort_unstable();
        let found = std::mem::take(&mut self.found);
        let results = Results::new(view, found, self.numbering, self.keys.modseq);
        match self.returns {
            None => results.begin_search(&mut core.out),
            Some(returns) => {
                results.write_esearch(&mut core.out, &core.tag, returns);
                return self.end(Reply::ok("SEARCH completed"));
            }
        }
        self.write(core, results)
    }

    fn write(&mut self, core: &mut Core, mut results: Results) -> Turn {
        if results.write_numbers(&mut core.out) {
            return self.end(Reply::ok("SEARCH completed"));
        }
        self.phase = Phase::Writing(results);
        Turn::Again
    }
}

/// Whether a candidate is meant, with what is known of it by now.
fn holds(key: &Key, view: &View, candidate: &Candidate, texts: Option<&[Vec<Uid>]>) -> Option<bool> {
    let entry = view.listing.at(candidate.seq)?;
    let recent = view.is_recent(entry.uid);
    key.holds(&Facts { seq: candidate.seq, entry: &entry, recent, sent: candidate.sent, texts })
}
