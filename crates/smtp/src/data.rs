//! Message data: from DATA to the dot on a line of its own (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Whatever is wrong with a message, its data is read to the one end that there is before it is refused, so that no part
//! of it is ever taken for a command. A message with a bare CR or LF is refused whole (RFC 5321 §2.3.8): another server
//! on its way might see an end of data there.

use crate::Ask;
use crate::reply::{self, Reply};
use crate::session::{Greeting, Question, Session};
use bytes::{Bytes, BytesMut};
use wire::{Piece, Unstuffer};

/// The data so far.
#[derive(Debug)]
pub(crate) struct Body {
    dots: Unstuffer,
    ended: bool,
    /// Why the message will be refused at its end.
    fault: Option<Reply>,
    /// Whether the caller knows that nothing more of it comes.
    told: bool,
}

impl Body {
    pub fn new() -> Body {
        Body { dots: Unstuffer::new(), ended: false, fault: None, told: false }
    }

    /// The caller refused it.
    pub fn refuse_told(&mut self, reply: Reply) {
        self.fault.get_or_insert(reply);
        self.told = true;
    }

    /// Why it will be refused at its end, where that is known already.
    pub fn refusal(&self) -> Option<&Reply> {
        self.fault.as_ref()
    }

    /// Takes in what is at the front of `input`; gives the message's octets, and leaves in `input` what comes after.
    fn take(&mut self, input: &mut Bytes) -> Bytes {
        let mut rest: &[u8] = input;
        let mut octets = Octets::None;
        while let Some(piece) = self.dots.next(&mut rest) {
            match piece {
                Piece::Octets(piece) => octets.push(input, piece),
                Piece::End => self.ended = true,
            }
        }
        *input = input.slice_ref(rest);
        if self.dots.violation().is_some() {
            // Before any other reason, which may lie in how much of it was there to be stored when.
            self.fault = Some(reply::BARE_IN_BODY);
        }
        octets.finish()
    }
}

/// The message's octets in one read: nearly always one run, which is then not copied.
enum Octets {
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Octets {
    fn push(&mut self, input: &Bytes, piece: &[u8]) {
        *self = match std::mem::replace(self, Octets::None) {
            Octets::None => Octets::One(input.slice_ref(piece)),
            Octets::One(first) => {
                let mut many = BytesMut::with_capacity(input.len());
                many.extend_from_slice(&first);
                many.extend_from_slice(piece);
                Octets::Many(many)
            }
            Octets::Many(mut many) => {
                many.extend_from_slice(piece);
                Octets::Many(many)
            }
        };
    }

    fn finish(self) -> Bytes {
        match self {
            Octets::None => Bytes::new(),
            Octets::One(octets) => octets,
            Octets::Many(octets) => octets.freeze(),
        }
    }
}

impl Session {
    /// Takes in what was read; true where more is needed.
    pub(crate) fn advance_body(&mut self, greeting: Greeting, mut body: Body) -> bool {
        let mut octets = Bytes::new();
        if !body.ended {
            let mut input = self.reader.take(usize::MAX);
            octets = body.take(&mut input);
            self.reader.feed(&input);
        }
        match body.fault.take() {
            Some(fault) if !body.told => {
                body.refuse_told(fault);
                self.ask(greeting, Question::Abandon(body), Ask::Abandon);
            }
            Some(fault) if body.ended => self.refuse_body(greeting, fault),
            None if !octets.is_empty() => self.ask(greeting, Question::Chunk(body), Ask::Chunk(octets)),
            None if body.ended => self.ask(greeting, Question::Finish, Ask::Finish),
            fault => {
                body.fault = fault;
                self.stage = crate::session::Stage::Body(greeting, body);
                return true;
            }
        }
        false
    }
}
