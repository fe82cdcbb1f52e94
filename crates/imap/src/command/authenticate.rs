//! LOGIN and AUTHENTICATE (RFC 3501 §6.2.2, §6.2.3; RFC 4959 for the initial response).
//!
//! The mechanisms are [`wire::sasl`]'s. Whether the user may log in and whether the password is right is asked.

use super::capability;
use crate::border::{Answer, Ask, Code};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::state::{Changes, Core, Input, Stage, Task, Turn};
use wire::sasl::{Exchange, Outcome, SaslError};
use wire::{Credentials, Mechanism};

/// LOGIN with what it was given; nothing where that cannot be anybody's name and password.
struct Login(Option<Credentials>);

pub(super) fn login(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let name = parser.astring()?;
    parser.space()?;
    let password = parser.astring()?;
    Ok(Box::new(Login(Credentials::from_command(&name, &password))))
}

impl Task for Login {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (self.0.take(), input) {
            (Some(credentials), Input::Start) => Turn::Ask(Ask::Login(credentials, core.channel)),
            (None, Input::Start) => {
                core.failed_logins += 1;
                Turn::Done(Reply::no(Code::AuthenticationFailed, "LOGIN failed."))
            }
            (_, Input::Answer(answer)) => Turn::Done(logged_in(core, &answer)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

/// The same end for both. The capabilities come along, since they are others now.
fn logged_in(core: &mut Core, answer: &Answer) -> Reply {
    match answer {
        Answer::Done => {
            core.stage = Stage::Authenticated;
            Reply::ok(format!("[{}] Logged in", capability::list(core)))
        }
        Answer::Refused(refusal) => {
            core.failed_logins += 1;
            Reply::refused(refusal)
        }
        _ => Reply::bug(),
    }
}

/// AUTHENTICATE, from challenge to response.
struct Authenticate {
    mechanism: Mechanism,
    initial: Option<Vec<u8>>,
    exchange: Option<Exchange>,
}

/// A mechanism by a name we do not offer.
struct Unknown;

impl Task for Unknown {
    fn run(&mut self, _: &mut Core, _: Input) -> Turn {
        Turn::Done(Reply::no(Code::Cannot, "This mechanism is not supported"))
    }
}

pub(super) fn authenticate(parser: &mut Parser<'_>) -> Result<Box<dyn Task>, Bad> {
    parser.space()?;
    let mechanism = Mechanism::from_name(parser.atom()?.as_bytes());
    // RFC 4959 §3: a single space, then base64 or `=`, to the end of the line.
    let initial = if parser.eat(" ") { Some(parser.take_rest().to_vec()) } else { None };
    Ok(match mechanism {
        Some(mechanism) => Box::new(Authenticate { mechanism, initial, exchange: None }),
        None => Box::new(Unknown),
    })
}

impl Task for Authenticate {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (input, &mut self.exchange) {
            (Input::Start, _) => {
                let (exchange, outcome) = Exchange::begin(self.mechanism, self.initial.as_deref());
                self.initial = None;
                self.exchange = Some(exchange);
                go_on(core, outcome)
            }
            (Input::Line(line), Some(exchange)) => {
                let outcome = exchange.respond(&line);
                go_on(core, outcome)
            }
            // RFC 3501 §6.2.2 allows no other line here; the exchange is over.
            (Input::BadLine(why), _) => Turn::Done(Reply::bad(why)),
            (Input::Answer(answer), _) => Turn::Done(logged_in(core, &answer)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

/// What the exchange says next.
fn go_on(core: &mut Core, outcome: Outcome) -> Turn {
    match outcome {
        Outcome::Challenge(challenge) => {
            core.goes_on(challenge);
            Turn::Line(Changes::Ignored)
        }
        Outcome::Complete(credentials) => Turn::Ask(Ask::Login(credentials, core.channel)),
        // RFC 3501 §6.2.2: a cancelled or malformed exchange is BAD; it says nothing of the password.
        Outcome::Failed(error @ SaslError::Cancelled) => Turn::Done(Reply::bad(error.to_string())),
        Outcome::Failed(error) => {
            core.failed_logins += 1;
            Turn::Done(Reply::bad(error.to_string()))
        }
    }
}
