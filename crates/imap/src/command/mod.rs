//! The commands: what they are called, when they are allowed, and who parses them.
//!
//! Each entry's parser reads the arguments and gives the [`Task`] that does the work; each module holds one command or
//! a few that belong together.

pub(crate) mod append;
mod authenticate;
pub(crate) mod capability;
mod copy;
mod expunge;
mod fetch;
mod folders;
mod idle;
mod list;
mod search;
mod select;
mod simple;
mod status;
mod store;

use crate::border::{Answer, Ask, Code};
use crate::parse::{Bad, Parser};
use crate::reply::Reply;
use crate::settings::Offer;
use crate::state::{Channel, Core, Input, Stage, Task, Turn};
use crate::view::Numbering::{Sequence, Uid};

/// In which stages a command is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stages {
    Any,
    Fresh,
    /// Authenticated or selected.
    LoggedIn,
    Selected,
}

/// What a command needs of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// That passwords may be used on it.
    Passwords,
    /// That it is in clear text still.
    Clear,
}

struct Command {
    name: &'static str,
    stages: Stages,
    needs: Needs,
    parse: fn(&mut Parser<'_>) -> Result<Box<dyn Task>, Bad>,
}

const fn command(
    name: &'static str,
    stages: Stages,
    needs: Needs,
    parse: fn(&mut Parser<'_>) -> Result<Box<dyn Task>, Bad>,
) -> Command {
    Command { name, stages, needs, parse }
}

/// All commands, in the order of the RFC.
const COMMANDS: &[Command] = &[
    // RFC 3501 §6.1, RFC 2971
    command("CAPABILITY", Stages::Any, Needs::Nothing, |p| simple::bare(p, capability::run)),
    command("NOOP", Stages::Any, Needs::Nothing, |p| simple::bare(p, simple::noop)),
    command("LOGOUT", Stages::Any, Needs::Nothing, simple::logout),
    command("ID", Stages::Any, Needs::Nothing, simple::id),
    // §6.2
    command("STARTTLS", Stages::Fresh, Needs::Clear, simple::start_tls),
    command("AUTHENTICATE", Stages::Fresh, Needs::Passwords, authenticate::authenticate),
    command("LOGIN", Stages::Fresh, Needs::Passwords, authenticate::login),
    // §6.3, RFC 2342, RFC 5161, RFC 2177
    command("SELECT", Stages::LoggedIn, Needs::Nothing, select::select),
    command("EXAMINE", Stages::LoggedIn, Needs::Nothing, select::examine),
    command("CREATE", Stages::LoggedIn, Needs::Nothing, folders::create),
    command("DELETE", Stages::LoggedIn, Needs::Nothing, folders::delete),
    command("RENAME", Stages::LoggedIn, Needs::Nothing, folders::rename),
    command("SUBSCRIBE", Stages::LoggedIn, Needs::Nothing, folders::subscribe),
    command("UNSUBSCRIBE", Stages::LoggedIn, Needs::Nothing, folders::unsubscribe),
    command("LIST", Stages::LoggedIn, Needs::Nothing, list::list),
    command("LSUB", Stages::LoggedIn, Needs::Nothing, list::lsub),
    command("STATUS", Stages::LoggedIn, Needs::Nothing, status::status),
    command("APPEND", Stages::LoggedIn, Needs::Nothing, append::without_literal),
    command("NAMESPACE", Stages::LoggedIn, Needs::Nothing, |p| simple::bare(p, simple::namespace)),
    command("ENABLE", Stages::LoggedIn, Needs::Nothing, simple::enable),
    command("IDLE", Stages::LoggedIn, Needs::Nothing, idle::idle),
    // §6.4, RFC 3691, RFC 4315, RFC 6851
    command("CHECK", Stages::Selected, Needs::Nothing, |p| simple::bare(p, simple::check)),
    command("CLOSE", Stages::Selected, Needs::Nothing, expunge::close),
    command("UNSELECT", Stages::Selected, Needs::Nothing, |p| simple::bare(p, simple::unselect)),
    command("EXPUNGE", Stages::Selected, Needs::Nothing, expunge::expunge),
    command("UID EXPUNGE", Stages::Selected, Needs::Nothing, expunge::uid_expunge),
    command("SEARCH", Stages::Selected, Needs::Nothing, |p| search::search(p, Sequence)),
    command("UID SEARCH", Stages::Selected, Needs::Nothing, |p| search::search(p, Uid)),
    command("FETCH", Stages::Selected, Needs::Nothing, |p| fetch::fetch(p, Sequence)),
    command("UID FETCH", Stages::Selected, Needs::Nothing, |p| fetch::fetch(p, Uid)),
    command("STORE", Stages::Selected, Needs::Nothing, |p| store::store(p, Sequence)),
    command("UID STORE", Stages::Selected, Needs::Nothing, |p| store::store(p, Uid)),
    command("COPY", Stages::Selected, Needs::Nothing, |p| copy::copy(p, Sequence)),
    command("UID COPY", Stages::Selected, Needs::Nothing, |p| copy::copy(p, Uid)),
    command("MOVE", Stages::Selected, Needs::Nothing, |p| copy::move_messages(p, Sequence)),
    command("UID MOVE", Stages::Selected, Needs::Nothing, |p| copy::move_messages(p, Uid)),
];

/// The tag at the beginning of a command; nothing where there is none.
pub(crate) fn tag_of(text: &[u8]) -> Vec<u8> {
    let mut parser = Parser::new(text);
    match parser.tag() {
        Some(tag) if parser.is_empty() || parser.peek() == Some(b' ') => tag.to_vec(),
        _ => Vec::new(),
    }
}

/// Finds and parses a command, and checks that it is allowed now.
pub(crate) fn begin(core: &Core, text: &[u8]) -> Result<Box<dyn Task>, Reply> {
    let mut parser = Parser::new(text);
    let tag = parser.tag().and_then(|_| parser.space().ok());
    tag.ok_or(Reply::bad("Invalid tag or no command"))?;
    let command = find(&mut parser).ok_or(Reply::bad("Unknown command"))?;
    allowed(core, command)?;
    let task = (command.parse)(&mut parser).and_then(|task| parser.end().map(|()| task));
    task.map_err(|Bad(why)| Reply::bad(format!("{}: {why}", command.name)))
}

/// The command by its name; those by UID have two words.
fn find(parser: &mut Parser<'_>) -> Option<&'static Command> {
    let name = parser.atom().ok()?;
    if !name.eq_ignore_ascii_case("UID") {
        return COMMANDS.iter().find(|command| command.name.eq_ignore_ascii_case(name));
    }
    parser.space().ok()?;
    let name = parser.atom().ok()?;
    let by_uid =
        |command: &&Command| command.name.strip_prefix("UID ").is_some_and(|n| n.eq_ignore_ascii_case(name));
    COMMANDS.iter().find(by_uid)
}

/// RFC 3501 §3: a command in the wrong state is a protocol error, BAD and not NO.
fn allowed(core: &Core, command: &Command) -> Result<(), Reply> {
    match (command.stages, &core.stage) {
        (Stages::Any, _)
        | (Stages::Fresh, Stage::Fresh)
        | (Stages::LoggedIn, Stage::Authenticated | Stage::Selected(_))
        | (Stages::Selected, Stage::Selected(_)) => {}
        (Stages::Fresh, _) => return Err(Reply::bad("Already logged in")),
        (Stages::Selected, Stage::Authenticated) => return Err(Reply::bad("No mailbox selected")),
        (Stages::LoggedIn | Stages::Selected, _) => return Err(Reply::bad("Log in first")),
    }
    match command.needs {
        Needs::Passwords if core.offer() == Offer::Nothing => Err(no_passwords(core)),
        Needs::Clear if core.channel == Channel::Tls => Err(Reply::bad("TLS is already active")),
        Needs::Clear if !core.may_start_tls() => Err(Reply::no(Code::Unavailable, "TLS is not available")),
        Needs::Nothing | Needs::Passwords | Needs::Clear => Ok(()),
    }
}

/// RFC 3501 §6.2.3, RFC 5530 §3: a password must not be sent over this connection.
fn no_passwords(core: &Core) -> Reply {
    let text = match core.channel {
        Channel::Clear if core.may_start_tls() => "Log in after STARTTLS, or on the port for TLS",
        Channel::Clear => "Logging in without TLS is not allowed",
        Channel::Tls => "Logging in is not allowed",
    };
    Reply::no(Code::PrivacyRequired, text)
}

/// A command that is done at once.
struct AtOnce<F>(F);

impl<F: FnMut(&mut Core) -> Reply + Send + Sync> Task for AtOnce<F> {
    fn run(&mut self, core: &mut Core, _: Input) -> Turn {
        Turn::Done((self.0)(core))
    }
}

fn at_once(run: impl FnMut(&mut Core) -> Reply + Send + Sync + 'static) -> Box<dyn Task> {
    Box::new(AtOnce(run))
}

/// A command that asks once and is done.
struct AskOnce<F> {
    ask: Option<Ask>,
    done: F,
}

impl<F: FnMut(&mut Core, Answer) -> Reply + Send + Sync> Task for AskOnce<F> {
    fn run(&mut self, core: &mut Core, input: Input) -> Turn {
        match (self.ask.take(), input) {
            (Some(ask), Input::Start) => Turn::Ask(ask),
            (_, Input::Answer(Answer::Refused(refusal))) => Turn::Done(Reply::refused(&refusal)),
            (_, Input::Answer(answer)) => Turn::Done((self.done)(core, answer)),
            _ => Turn::Done(Reply::bug()),
        }
    }
}

fn ask_once(ask: Ask, done: impl FnMut(&mut Core, Answer) -> Reply + Send + Sync + 'static) -> Box<dyn Task> {
    Box::new(AskOnce { ask: Some(ask), done })
}

/// For commands that are answered by [`Answer::Done`].
fn ok_when_done(answer: &Answer, text: &'static str) -> Reply {
    match answer {
        Answer::Done => Reply::ok(text),
        _ => Reply::bug(),
    }
}
