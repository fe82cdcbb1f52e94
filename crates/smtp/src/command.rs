//! The commands: a table of names, legal stages and limits, and what each does.

use crate::reply::{self, Reply};
use crate::session::{Greeting, Question, Session, Stage};
use crate::{Ask, Envelope, Hello, Offers, RecipientAsk, SenderAsk, Transaction, path};
use bytes::Bytes;
use wire::sasl::{Exchange, MAX_RESPONSE, Mechanism, Outcome, SaslError};
use wire::{LineError, one_line};

/// Longest line that is read at all: a response in AUTH (RFC 4954 §4).
pub(crate) const MAX_LINE: usize = MAX_RESPONSE;

/// RFC 5321 §4.5.3.1.4: 512 octets with CRLF.
const COMMAND: usize = 510;

/// RFC 1870 §3 adds 26 octets to MAIL, RFC 6152 §2 17, RFC 6531 §3.4 10, RFC 4954 §5 500.
const MAIL: usize = COMMAND + 26 + 17 + 10 + 500;

/// When a command is legal (RFC 5321 §4.1.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Anytime,
    AfterHello,
    BetweenTransactions,
    BeforeMail,
    AfterMail,
    AfterRcpt,
}

/// What stands behind a command's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    None,
    Some,
    Any,
}

struct Command {
    name: &'static str,
    order: Order,
    arguments: Arguments,
    limit: usize,
    run: fn(&mut Session, Stage, &str),
}

const TABLE: [Command; 13] = [
    command("EHLO", Order::Anytime, Arguments::Any, COMMAND, |s, stage, args| {
        hello(s, stage, Hello::Ehlo, args)
    }),
    command("HELO", Order::Anytime, Arguments::Any, COMMAND, |s, stage, args| {
        hello(s, stage, Hello::Helo, args)
    }),
    command("MAIL", Order::BeforeMail, Arguments::Any, MAIL, mail),
    command("RCPT", Order::AfterMail, Arguments::Any, COMMAND, rcpt),
    command("DATA", Order::AfterRcpt, Arguments::None, COMMAND, data),
    command("RSET", Order::Anytime, Arguments::None, COMMAND, rset),
    command("NOOP", Order::Anytime, Arguments::Any, COMMAND, |s, stage, _| say(s, stage, &reply::OK)),
    command("VRFY", Order::Anytime, Arguments::Some, COMMAND, |s, stage, _| {
        say(s, stage, &reply::CANNOT_VERIFY)
    }),
    command("EXPN", Order::Anytime, Arguments::Any, COMMAND, |s, stage, _| {
        wrong(s, stage, &reply::NOT_IMPLEMENTED)
    }),
    command("HELP", Order::Anytime, Arguments::Any, COMMAND, |s, stage, _| say(s, stage, &help())),
    command("STARTTLS", Order::AfterHello, Arguments::None, COMMAND, starttls),
    command("AUTH", Order::BetweenTransactions, Arguments::Some, MAX_LINE, auth),
    command("QUIT", Order::Anytime, Arguments::None, COMMAND, |s, _, _| s.end(&reply::GOOD_BYE)),
];

const fn command(
    name: &'static str,
    order: Order,
    arguments: Arguments,
    limit: usize,
    run: fn(&mut Session, Stage, &str),
) -> Command {
    Command { name, order, arguments, limit, run }
}

/// Does what the line says.
pub(crate) fn execute(session: &mut Session, line: Result<Bytes, LineError>) {
    match std::mem::replace(&mut session.stage, Stage::Over) {
        Stage::Auth(greeting, exchange) => respond(session, greeting, exchange, line),
        stage => match find(&stage, &line) {
            Ok((command, args)) => (command.run)(session, forgiven(stage), args),
            Err(reply) if was_sent_ahead(&stage, &reply) => say(session, stage, &reply),
            Err(reply) => wrong(session, stage, &reply),
        },
    }
}

/// The stage once the client is known to have read that its MAIL was refused.
fn forgiven(stage: Stage) -> Stage {
    match stage {
        Stage::Refused(greeting) => Stage::Greeted(greeting),
        stage => stage,
    }
}

/// RFC 2920 §3.1: RCPT and DATA may follow before the client has read that MAIL, or each RCPT, was refused. It made no
/// mistake.
fn was_sent_ahead(stage: &Stage, reply: &Reply) -> bool {
    match stage {
        Stage::Refused(_) => *reply == reply::NEED_MAIL,
        Stage::Mail(_, transaction) => transaction.refused && *reply == reply::NEED_RCPT,
        _ => false,
    }
}

/// The command in the line with its arguments, if it is one and may be given now.
fn find<'a>(stage: &Stage, line: &'a Result<Bytes, LineError>) -> Result<(&'static Command, &'a str), Reply> {
    let line = match line {
        Ok(line) => std::str::from_utf8(line).map_err(|_| reply::NOT_TEXT)?,
        Err(LineError::TooLong) => return Err(reply::LINE_TOO_LONG),
        Err(LineError::BareCr | LineError::BareLf) => return Err(reply::BARE_LINE_END),
    };
    let (name, args) = line.split_once(' ').unwrap_or((line, ""));
    let args = args.trim_matches(' ');
    let command = TABLE.iter().find(|command| command.name.eq_ignore_ascii_case(name));
    let command = command.ok_or(reply::UNRECOGNIZED)?;
    if line.len() > command.limit {
        return Err(reply::LINE_TOO_LONG);
    }
    match command.arguments {
        Arguments::None if !args.is_empty() => return Err(reply::NO_ARGUMENTS),
        Arguments::Some if args.is_empty() => return Err(reply::BAD_ARGUMENTS),
        _ => {}
    }
    permit(stage, command.order)?;
    Ok((command, args))
}

fn permit(stage: &Stage, order: Order) -> Result<(), Reply> {
    match (order, stage) {
        (Order::Anytime, _) => Ok(()),
        (_, Stage::Fresh) => Err(reply::SAY_HELLO),
        (Order::BetweenTransactions, Stage::Mail(..)) => Err(reply::IN_TRANSACTION),
        (Order::BeforeMail, Stage::Mail(..)) => Err(reply::SENDER_GIVEN),
        (Order::AfterMail | Order::AfterRcpt, Stage::Greeted(_) | Stage::Refused(_)) => Err(reply::NEED_MAIL),
        (Order::AfterRcpt, Stage::Mail(_, transaction)) if transaction.recipients.is_empty() => {
            Err(reply::NEED_RCPT)
        }
        _ => Ok(()),
    }
}

/// Answers and stays.
fn say(session: &mut Session, stage: Stage, reply: &Reply) {
    session.stage = stage;
    session.write(reply);
}

/// Answers a mistake and stays.
fn wrong(session: &mut Session, stage: Stage, reply: &Reply) {
    session.stage = stage;
    session.error(reply);
}

fn help() -> Reply {
    let names: Vec<&str> = TABLE.iter().map(|command| command.name).collect();
    Reply::new(214, format!("2.0.0 This server supports the following commands:\n2.0.0 {}", names.join(" ")))
}

// RFC 5321 §4.1.1.1: a second EHLO does what RSET does.
fn hello(session: &mut Session, stage: Stage, hello: Hello, args: &str) {
    let first = args.split(' ').next().unwrap_or_default();
    if first.is_empty() || args.contains(char::is_control) {
        return wrong(session, stage, &reply::BAD_NAME);
    }
    let mut text = format!("{} Hello [{}]", one_line(&session.settings.fqdn), session.address);
    if hello == Hello::Ehlo {
        text.extend(extensions(session).iter().map(|extension| format!("\n{extension}")));
    }
    session.stage = Stage::Greeted(Greeting { name: first.to_owned(), hello });
    session.write(&Reply::new(250, text));
}

/// What is offered now.
fn offers(session: &Session) -> &Offers {
    if session.tls.is_some() { &session.settings.tls } else { &session.settings.clear }
}

fn extensions(session: &Session) -> Vec<String> {
    let offers = offers(session);
    let mut list = Vec::new();
    if offers.starttls && session.tls.is_none() {
        list.push("STARTTLS".to_owned());
    }
    if !offers.auth.is_empty() {
        let names: Vec<&str> = offers.auth.iter().map(|mechanism| mechanism.name()).collect();
        list.push(format!("AUTH {}", names.join(" ")));
    }
    list.extend(session.settings.extensions.iter().map(ToString::to_string));
    list
}

fn starttls(session: &mut Session, stage: Stage, _: &str) {
    if session.tls.is_some() {
        return wrong(session, stage, &reply::ALREADY_TLS);
    }
    if !session.settings.clear.starttls {
        return wrong(session, stage, &reply::NOT_IMPLEMENTED);
    }
    // A login in clear text would have to be forgotten (RFC 3207 §4.2), which no client expects.
    if session.user.is_some() {
        return wrong(session, stage, &reply::TLS_AFTER_AUTH);
    }
    // What was sent ahead must not be executed inside TLS.
    session.reader.discard();
    session.write(&reply::READY_FOR_TLS);
    session.stage = Stage::Tls;
}

fn rset(session: &mut Session, stage: Stage, _: &str) {
    let stage = match stage {
        Stage::Mail(greeting, _) => Stage::Greeted(greeting),
        stage => stage,
    };
    say(session, stage, &reply::RESET);
}

fn mail(session: &mut Session, stage: Stage, args: &str) {
    let Stage::Greeted(greeting) = stage else { return wrong(session, stage, &reply::SENDER_GIVEN) };
    let found = match path::mail(args) {
        Ok(found) => found,
        Err(reply) => return wrong(session, Stage::Refused(greeting), &reply),
    };
    let ask = SenderAsk { standing: session.standing(), sender: found.sender.clone(), size: found.size };
    let transaction = Transaction {
        sender: found.sender,
        size: found.size,
        body: found.body,
        smtputf8: found.smtputf8,
        recipients: Vec::new(),
        refused: false,
    };
    session.ask(greeting, Question::Sender(transaction), Ask::Sender(ask));
}

fn rcpt(session: &mut Session, stage: Stage, args: &str) {
    let Stage::Mail(greeting, mut transaction) = stage else {
        return wrong(session, stage, &reply::NEED_MAIL);
    };
    let path = match path::rcpt(args, transaction.smtputf8) {
        Ok(path) => path,
        Err(reply) => {
            transaction.refused = true;
            return wrong(session, Stage::Mail(greeting, transaction), &reply);
        }
    };
    let ask = RecipientAsk {
        standing: session.standing(),
        have: transaction.recipients.len(),
        size: transaction.size,
        path: path.clone(),
    };
    session.ask(greeting, Question::Recipient(transaction, path), Ask::Recipient(ask));
}

fn data(session: &mut Session, stage: Stage, _: &str) {
    let Stage::Mail(greeting, transaction) = stage else { return wrong(session, stage, &reply::NEED_MAIL) };
    let envelope = Envelope { client: session.client(&greeting), transaction };
    session.ask(greeting, Question::Begin, Ask::Begin(Box::new(envelope)));
}

fn auth(session: &mut Session, stage: Stage, args: &str) {
    let Stage::Greeted(greeting) = stage else { return wrong(session, stage, &reply::IN_TRANSACTION) };
    let (name, initial) = match args.split_once(' ') {
        Some((name, initial)) => (name, Some(initial.as_bytes())),
        None => (args, None),
    };
    match mechanism(session, name) {
        Ok(mechanism) => {
            let (exchange, outcome) = Exchange::begin(mechanism, initial);
            go_on(session, greeting, exchange, outcome);
        }
        Err(reply) => wrong(session, Stage::Greeted(greeting), &reply),
    }
}

fn mechanism(session: &Session, name: &str) -> Result<Mechanism, Reply> {
    if session.user.is_some() {
        return Err(reply::ALREADY_AUTHENTICATED);
    }
    let mechanism = Mechanism::from_name(name.as_bytes()).ok_or(reply::NO_SUCH_MECHANISM)?;
    let inside_tls = session.settings.tls.auth.contains(&mechanism);
    match offers(session).auth.contains(&mechanism) {
        true => Ok(mechanism),
        // RFC 4954 §6
        false if session.tls.is_none() && session.settings.clear.starttls && inside_tls => {
            Err(reply::ENCRYPT_FIRST)
        }
        false => Err(reply::NO_SUCH_MECHANISM),
    }
}

/// A line in the dialogue of AUTH.
fn respond(
    session: &mut Session,
    greeting: Greeting,
    mut exchange: Exchange,
    line: Result<Bytes, LineError>,
) {
    match line {
        Ok(line) => {
            let outcome = exchange.respond(&line);
            go_on(session, greeting, exchange, outcome);
        }
        Err(LineError::TooLong) => wrong(session, Stage::Greeted(greeting), &reply::RESPONSE_TOO_LONG),
        Err(_) => wrong(session, Stage::Greeted(greeting), &reply::BARE_LINE_END),
    }
}

fn go_on(session: &mut Session, greeting: Greeting, exchange: Exchange, outcome: Outcome) {
    match outcome {
        Outcome::Challenge(text) => say(session, Stage::Auth(greeting, exchange), &Reply::fixed(334, text)),
        Outcome::Complete(credentials) => {
            let ask = Ask::Login(session.standing(), credentials);
            session.ask(greeting, Question::Login, ask);
        }
        // RFC 4954 §4: whoever cancels keeps to the protocol.
        Outcome::Failed(SaslError::Cancelled) => say(session, Stage::Greeted(greeting), &reply::CANCELLED),
        Outcome::Failed(error) => wrong(session, Stage::Greeted(greeting), &failed(error)),
    }
}

fn failed(error: SaslError) -> Reply {
    match error {
        SaslError::Cancelled => reply::CANCELLED,
        SaslError::BadBase64 => reply::BAD_BASE64,
        SaslError::Malformed => reply::MALFORMED_RESPONSE,
    }
}
