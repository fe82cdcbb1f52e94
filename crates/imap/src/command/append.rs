//! APPEND (RFC 3501 §6.3.11): the message goes through in pieces and is never held here.
//!
//! The mailbox and the size are checked before a waiting client is told to send; what a client sends unasked
//! (RFC 7888) and cannot be taken is read over, so that no octet of it is taken for a command.

use super::copy::try_create;
use crate::border::{Answer, Ask, Code};
use crate::frame::Announced;
use crate::parse::{Bad, Flags, Parser};
use crate::reply::Reply;
use crate::state::{Core, Input, Task, Turn};
use mail::DateTime;

/// Octets passed on at a time.
const PIECE: u64 = 64 << 10;

struct Append {
    mailbox: String,
    flags: Flags,
    date: Option<DateTime>,
    literal: Announced,
    left: u64,
    phase: Phase,
    /// Why the message is not taken; its octets are read over.
    refused: Option<Reply>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// How far the command has come.
enum Phase {
    /// The mailbox is being looked for.
    Begin,
    /// The literal is being read, or read over.
    Octets,
    /// It is being filed.
    End,
    /// It is being forgotten.
    Abort,
}

/// An APPEND that stands before its message's literal, whether or not its arguments are right; nothing where the command
/// so far is anything else, or the literal is the name of the mailbox.
pub(crate) fn begin(text: &[u8], literal: Announced) -> Option<Box<dyn Task>> {
    let announcement = text.iter().rposition(|octet| *octet == b'{')?;
    let mut parser = Parser::new(text.get(..announcement)?);
    parser.tag()?;
    if !parser.eat(" APPEND ") || parser.is_empty() {
        return None;
    }
    let found = arguments(&mut parser);
    let found = found.and_then(|found| if parser.is_empty() { Ok(found) } else { Err(NO_LITERAL) });
    let (found, refused) = match found {
        Ok(found) => (found, None),
        Err(Bad(why)) => (Default::default(), Some(Reply::bad(format!("APPEND: {why}")))),
    };
    let ((mailbox, flags, date), left) = (found, literal.size);
    Some(Box::new(Append { mailbox, flags, date, literal, left, phase: Phase::Begin, refused }))
}

const NO_LITERAL: Bad = Bad("Expected the message as a literal");

fn arguments(parser: &mut Parser<'_>) -> Result<(String, Flags, Option<DateTime>), Bad> {
    let mailbox = parser.mailbox()?;
    parser.space()?;
    let mut flags = Flags::default();
    if parser.peek() == Some(b'(') {
        flags = parser.flag_list()?;
        parser.space()?;
    }
    let mut date = None;
    if parser.peek() == Some(b'"') {
        date = Some(parser.date_time()?);
        parser.space()?;
    }
    Ok((mailbox, flags, date))
}

/// Where the command came to its end without a message, says what is wrong with it.
pub(super) fn without_literal(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    arguments(parser)?;
    Err(NO_LITERAL)
}

impl Task for Append {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (self.phase, input) {
            (Phase::Begin, Input::Start) => self.start(core),
            (Phase::Begin, Input::Answer(Answer::Done)) => {
                self.phase = Phase::Octets;
                if self.literal.waits {
                    core.goes_on("OK");
                }
                self.more()
            }
            (Phase::Octets, Input::Octets(octets)) => {
                self.left = self.left.saturating_sub(octets.len() as u64);
                if self.refused.is_some() { self.more() } else { Turn::Ask(Ask::AppendChunk(octets)) }
            }
            (Phase::Octets, Input::Answer(Answer::Done)) => self.more(),
            (Phase::Begin, Input::Answer(Answer::Refused(refusal))) => {
                self.refuse(Reply::refused(&try_create(refusal)))
            }
            (Phase::Octets, Input::Answer(Answer::Refused(refusal))) => {
                self.refused = Some(Reply::refused(&refusal));
                self.more()
            }
            (Phase::Octets, Input::Line(rest)) => self.complete(&rest),
            (Phase::Octets, Input::BadLine(why)) => self.abort(why),
            (Phase::End, Input::Answer(answer)) => appended(core, answer),
            (Phase::Abort, Input::Answer(_)) => Turn::Done(self.refused.take().unwrap_or_else(Reply::bug)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

impl Append {
    fn start(&mut self, core: &Core) -> Turn {
        let limit = core.settings.append_limit;
        if self.literal.size > limit {
            let mut reply = Reply::no(Code::TooBig, &format!("A message may have {limit} octets"));
            // RFC 7888 §4: reading over this much is of no use to anybody.
            reply.closes = !self.literal.waits && self.literal.size / 4 > limit;
            return if reply.closes { Turn::Done(reply) } else { self.refuse(reply) };
        }
        if let Some(reply) = self.refused.take() {
            return self.refuse(reply);
        }
        if self.literal.size == 0 {
            return self.refuse(Reply::no(Code::Cannot, "A message has at least one octet"));
        }
        Turn::Ask(Ask::AppendBegin(self.mailbox.clone(), self.literal.size))
    }

    /// A client that waits sends nothing more.
    fn refuse(&mut self, reply: Reply) -> Turn {
        if self.literal.waits {
            return Turn::Done(reply);
        }
        self.refused = Some(reply);
        self.phase = Phase::Octets;
        self.more()
    }

    fn more(&self) -> Turn {
        if self.left > 0 { Turn::Octets(self.left.min(PIECE)) } else { Turn::Rest }
    }

    fn complete(&mut self, rest: &[u8]) -> Turn {
        if let Some(reply) = self.refused.take() {
            return Turn::Done(reply);
        }
        if !rest.is_empty() {
            return self.abort("APPEND: Unexpected arguments at the end");
        }
        self.phase = Phase::End;
        let flags = std::mem::take(&mut self.flags);
        Turn::Ask(Ask::AppendEnd { flags: flags.system, keywords: flags.keywords, date: self.date })
    }

    fn abort(&mut self, why: &'static str) -> Turn {
        if self.refused.is_some() {
            return Turn::Done(Reply::bad(why));
        }
        self.refused = Some(Reply::bad(why));
        self.phase = Phase::Abort;
        Turn::Ask(Ask::AppendAbort)
    }
}

fn appended(core: &mut Core, answer: Answer) -> Turn {
    Turn::Done(match answer {
        Answer::Appended { uid_validity, uid } => {
            // It may have gone to the selected mailbox.
            core.stale = core.view().is_some();
            Reply::ok(format!("[APPENDUID {uid_validity} {uid}] APPEND completed"))
        }
        Answer::Refused(refusal) => Reply::refused(&try_create(refusal)),
        _ => Reply::bug(),
    })
}
