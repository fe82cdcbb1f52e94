//! The tagged response that ends a command.

use crate::border::{Code, Refusal};
use std::borrow::Cow;

/// How a command ended, and the text that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: Status,
    pub text: Cow<'static, str>,
    /// Whether the session ends here, with this text in a BYE.
    pub closes: bool,
}

/// The three conditions of RFC 3501 §7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    No,
    Bad,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
        }
    }
}

impl Reply {
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::Ok, text: text.into(), closes: false }
    }

    pub fn bad(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::Bad, text: text.into(), closes: false }
    }

    pub fn no(code: Code, text: &str) -> Reply {
        Reply { status: Status::No, text: format!("[{}] {text}", code.name()).into(), closes: false }
    }

    pub fn refused(refusal: &Refusal) -> Reply {
        let text = wire::one_line(&refusal.text);
        let text = match refusal.code {
            Some(code) => format!("[{}] {text}", code.name()),
            None => text.into_owned(),
        };
        Reply { status: Status::No, text: text.into(), closes: refusal.closes }
    }

    /// Where an answer does not fit the question. It cannot be the client's fault.
    pub fn bug() -> Reply {
        Reply::no(Code::ServerBug, "Internal error")
    }
}
