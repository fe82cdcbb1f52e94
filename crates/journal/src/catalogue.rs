//! All events, each with the number that administrators and their monitoring know it by.
//!
//! A number is given once: an event that is no longer written leaves its number unused. `docs/events.md` is this list,
//! and a test compares them.

use std::fmt;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Something does not work.
    Error = 1,
    /// Something should be looked at.
    Warning = 2,
    /// Something happened.
    Information = 3,
}

/// Who an event is about, as an administrator of Exchange expects the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// POP3.
    Pop3,
    /// IMAP4.
    Imap4,
    /// SMTP, in and out.
    Transport,
    /// HTTPS.
    Web,
    /// The node itself.
    Gatepost,
}

impl Level {
    /// All of them.
    pub const ALL: [Level; 3] = [Level::Error, Level::Warning, Level::Information];

    /// Its name in the event log.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Error => "Error",
            Level::Warning => "Warning",
            Level::Information => "Information",
        }
    }
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 5] =
        [Source::Pop3, Source::Imap4, Source::Transport, Source::Web, Source::Gatepost];

    /// Its name in the event log.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Pop3 => "MSExchangePOP3",
            Source::Imap4 => "MSExchangeIMAP4",
            Source::Transport => "MSExchangeTransport",
            Source::Web => "W3SVC",
            Source::Gatepost => "Gatepost",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One event of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its number, for good.
    pub id: u32,
    /// How much it matters.
    pub level: Level,
    /// Who writes it.
    pub sources: &'static [Source],
    /// What has happened when it is written.
    pub meaning: &'static str,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: &'static str,
}

/// Services whose ports open and close.
const SERVICES: &[Source] = &[Source::Pop3, Source::Imap4, Source::Transport, Source::Web];
const MAIL_SERVICES: &[Source] = &[Source::Pop3, Source::Imap4, Source::Transport];
const MAILBOX_SERVICES: &[Source] = &[Source::Pop3, Source::Imap4];
const NODE: &[Source] = &[Source::Gatepost];

/// Defines the events and their list at once, so that none is missing from it.
macro_rules! kinds {
    ($($name:ident = $id:literal, $level:ident, $sources:ident, $meaning:literal, $remedy:literal;)*) => {
        /// The events by name.
        pub mod kinds {
            use super::{Kind, Level, MAIL_SERVICES, MAILBOX_SERVICES, NODE, SERVICES};

            $(
                #[doc = $meaning]
                pub static $name: Kind = Kind {
                    id: $id, level: Level::$level, sources: $sources, meaning: $meaning, remedy: $remedy,
                };
            )*
        }

        /// All events, in the order of their numbers.
        pub static KINDS: &[&Kind] = &[$(&kinds::$name),*];
    };
}

kinds! {
    NODE_STARTED = 1000, Information, NODE, "The node has started.", "";
    NODE_STOPPED = 1001, Information, NODE, "The node stops in order.", "";
    UPGRADED = 1002, Information, NODE, "The data was brought to a newer format at the start.", "An older version cannot open it any more; a backup from before the upgrade can be restored.";
    SERVICE_STARTED = 1010, Information, SERVICES, "The service has opened its first port.", "";
    SERVICE_STOPPED = 1011, Information, SERVICES, "The service has closed its last port.", "";
    CANNOT_LISTEN = 1012, Error, SERVICES, "A port could not be opened.", "End the program that has it, or choose another port with Set-PopSettings, Set-ImapSettings, Set-ReceiveConnector or Set-WebSettings.";
    CLEAR_TEXT_LOGIN = 1020, Warning, MAILBOX_SERVICES, "Clear-text login is enabled: user names and passwords can be read on the network.", "Set-PopSettings -LoginType SecureLogin, or the same with Set-ImapSettings.";
    CLEAR_TEXT_REFUSED = 1021, Warning, MAIL_SERVICES, "A client tried to log in without TLS and was refused.", "Set the client to SSL/TLS or STARTTLS.";
    WRONG_PASSWORDS = 1022, Warning, SERVICES, "Many logins with a wrong name or password came from one address.", "Look at who it is; a program with an old password does it too.";
    CERTIFICATE_WARNING = 1030, Warning, NODE, "Something about the certificate in use needs attention, such as that it expires.", "Replace tls/server.pem and tls/server-key.pem, and send the server a SIGHUP.";
    CERTIFICATE_RENEWED = 1031, Information, NODE, "Another certificate is in use.", "";
    CERTIFICATE_UNUSABLE = 1032, Error, NODE, "A certificate could not be renewed or loaded; the old one stays in use.", "The event says what is wrong with which file.";
    DISK_FULL = 1040, Error, NODE, "The disk is full; new mail is refused until there is room.", "Make room on the disk that holds the data directory. Nothing needs to be restarted.";
    STORE_DAMAGED = 1041, Error, NODE, "Data could not be read as it was written.", "Stop the server and run `gatepost check`; restore what it names from a backup.";
    STORE_FAILED = 1042, Error, NODE, "The store could not do something.", "The event says what the system answered; look at the disk and at permissions.";
    QUOTA_REACHED = 1050, Warning, MAIL_SERVICES, "A mailbox is full and takes no more mail.", "Set-Mailbox -ProhibitSendReceiveQuota with more, or let the user remove messages.";
    HOUSEKEEPING = 1060, Information, NODE, "Removed messages whose time was up were purged.", "";
    PROTOCOL_LOG_FAILED = 1070, Error, MAIL_SERVICES, "The protocol log cannot be written.", "Make room or give the server the right to write there, or set another LogFileLocation.";
    PROTOCOL_LOG_LOST = 1071, Warning, MAIL_SERVICES, "Lines of the protocol log were lost: they came faster than they could be written.", "Put the log on a faster disk, or turn it off.";
    SESSION_BUG = 1080, Error, SERVICES, "A bug ended a session; all others go on.", "Please report it with the text of the event.";
    EVENTS_LOST = 1090, Warning, NODE, "Events were lost: they could not be kept for too long.", "Look at the events before this one, which say why.";
}

impl Kind {
    /// The event of this number.
    pub fn find(id: u32) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.id == id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The document as it should be.
    fn document() -> String {
        let mut text = String::from(
            "# The event log\n\nEvery event has a number that never changes and a source named as in Exchange. \
             `Get-EventLog -LogName Application` and\n`Get-WinEvent` show them; each is also in the program's log, with \
             the fields `event` and `source`. This list is\n`crates/journal/src/catalogue.rs`.\n\n| number | level | source | what happened | what to do |\n| --- | --- | --- | --- | --- |\n",
        );
        for kind in KINDS {
            let sources: Vec<&str> = kind.sources.iter().map(|source| source.name()).collect();
            let (level, sources) = (kind.level, sources.join(", "));
            writeln!(text, "| {} | {level} | {sources} | {} | {} |", kind.id, kind.meaning, kind.remedy)
                .unwrap();
        }
        text
    }

    /// `GATEPOST_WRITE_DOCS=1 cargo nextest run -p journal` writes it.
    #[test]
    fn the_document_is_this_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
        if std::env::var_os("GATEPOST_WRITE_DOCS").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), document());
    }

    #[test]
    fn numbers_ascend_and_what_needs_repair_has_a_remedy() {
        assert!(KINDS.is_sorted_by(|a, b| a.id < b.id));
        for kind in KINDS {
            assert!(kind.meaning.ends_with('.') && !kind.sources.is_empty(), "{}", kind.id);
            assert!(kind.level == Level::Information || kind.remedy.ends_with('.'), "{}", kind.id);
            assert_eq!(Kind::find(kind.id), Some(*kind));
        }
    }
}
