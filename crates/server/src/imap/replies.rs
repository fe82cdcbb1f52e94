//! The reply table of IMAP: what a client hears for a refusal of policy or a failure of the store (RFC 5530).

use imap::{Code, Refusal};
use wire::Mechanism;

/// A login that policy refused. Why stands in the log only.
pub(super) fn refused(refusal: &policy::Refusal, mechanism: Mechanism) -> Refusal {
    let command = if mechanism == Mechanism::Command { "LOGIN" } else { "AUTHENTICATE" };
    match refusal {
        refusal if refusal.looks_like_bad_password() => {
            Refusal::new(Code::AuthenticationFailed, format!("{command} failed."))
        }
        policy::Refusal::LoginNeedsTls { .. } => {
            Refusal::new(Code::PrivacyRequired, "Log in after STARTTLS, or on the port for TLS")
        }
        policy::Refusal::TooManyConnections { .. } => too_many_connections(),
        policy::Refusal::TooManyLogins { .. } => {
            Refusal::new(Code::Unavailable, "Too many logins at once, try again later")
        }
        _ => Refusal::new(Code::ContactAdmin, format!("{command} is not allowed by the server's settings")),
    }
}

pub(super) fn too_many_connections() -> Refusal {
    Refusal::new(Code::Limit, "Too many connections of this user")
}

pub(super) fn no_mailbox() -> Refusal {
    Refusal::new(Code::NonExistent, "Mailbox does not exist")
}

/// RFC 9208 §4.3
pub(super) fn no_room() -> Refusal {
    Refusal::new(Code::OverQuota, "The mailbox is full")
}

/// The client hears what it can do about it, the log hears what happened.
pub(super) fn failed(doing: &str, error: &store::Error) -> Refusal {
    match error {
        store::Error::NotFound => return no_mailbox(),
        store::Error::Exists => return Refusal::new(Code::AlreadyExists, "Mailbox exists already"),
        store::Error::BadName(why) => {
            return Refusal::new(Code::Cannot, format!("This is not allowed: {why}"));
        }
        store::Error::TooManyFolders => {
            return Refusal::new(Code::Limit, "There are as many mailboxes as can be");
        }
        store::Error::TooManyKeywords => {
            return Refusal::new(Code::Limit, "This mailbox cannot hold more keywords");
        }
        _ => {}
    }
    tracing::error!(%error, doing, "an IMAP client was told of a failure");
    match error {
        // The user's quota is not to blame.
        store::Error::Full => Refusal::new(
            Code::Unavailable,
            "The server's disk is full and nothing was changed, try again later",
        ),
        store::Error::Damaged(_) => {
            Refusal::new(Code::Corruption, "The server cannot read its data, please tell its administrator")
        }
        store::Error::Closed => Refusal::closing(Code::Unavailable, "The server is stopping"),
        _ => Refusal::new(Code::Unavailable, "The server cannot do this now, try again later"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_their_codes() {
        let table = [
            (store::Error::NotFound, Code::NonExistent),
            (store::Error::Exists, Code::AlreadyExists),
            (store::Error::BadName("it is empty"), Code::Cannot),
            (store::Error::TooManyFolders, Code::Limit),
            (store::Error::TooManyKeywords, Code::Limit),
            (store::Error::Full, Code::Unavailable),
            (store::Error::Damaged("segment 3".to_owned()), Code::Corruption),
            (store::Error::Io("disk on fire".to_owned()), Code::Unavailable),
            (store::Error::Closed, Code::Unavailable),
        ];
        for (error, code) in table {
            let refusal = failed("test", &error);
            assert_eq!(refusal.code, Some(code), "{error}");
            // Nothing of the machine's inside is told.
            assert!(!refusal.text.contains("segment") && !refusal.text.contains("fire"));
            assert_eq!(refusal.closes, matches!(error, store::Error::Closed));
        }
    }

    #[test]
    fn refused_logins_do_not_say_why() {
        let unknown = policy::Refusal::UnknownUser { name: "eve".to_owned() };
        let wrong = policy::Refusal::BadPassword { mailbox: "alice".to_owned() };
        assert_eq!(refused(&unknown, Mechanism::Command), refused(&wrong, Mechanism::Command));
        assert_eq!(refused(&wrong, Mechanism::Plain).text, "AUTHENTICATE failed.");
        let busy = policy::Refusal::TooManyLogins { scope: policy::Scope::Address, limit: 4 };
        assert_eq!(refused(&busy, Mechanism::Plain).code, Some(Code::Unavailable));
    }
}
