//! Dialogues: tests that read as documentation, and the reader of their files.
//!
//! A dialogue is a text file under `dialogues/pop3`, `imap`, `smtp` or `admin`; the folder says which protocol it is in.
//! Each line is one of these:
//!
//! ```text
//! # RFC 1939 §5 - DELE hides a message at once.    the first one is the title; later ones are comments
//! differs dovecot: why it does                     that server answers otherwise, and why that is
//! differs machine: why it does                     it is played on a node only
//! given alice, logged in: hello.eml, lunch.eml     her INBOX has these messages of fixtures/messages; connection C is
//!                                                  open and logged in as alice (under TLS); greeting and login are past
//! given bob: hello.eml                             his INBOX has this message
//! C: text                                          the client sends this line with CRLF; lines that follow one another
//!                                                  go out in one write
//! S: text                                          the server's next line is this
//! C2: text   S2: text                              the same on a second connection, and so on to C9
//! {                                                until the closing brace: these S: lines in any order
//! }
//! -- action; action                                something happens, see below
//! ```
//!
//! The first line of a connection opens it in clear text on the protocol's own port, so a dialogue without `logged in`
//! begins with the greeting. Within the text of `C:` and `S:` lines:
//!
//! ```text
//! <...>                 S: any text, also none
//! <name>                S: any text but none, called so from here on (small letters, digits, hyphens); where the name is
//!                       known already, that text.  C: the text of that name. A name nobody knows stands for itself.
//! <lines>               S: alone on the line: any number of lines, up to the one that the next S: expects, or until the
//!                       server is silent. In a group: and any lines besides.
//! <nothing>             S: alone on the line: for now the server says nothing
//! <file hello.eml>      the message: with dots doubled in POP3 and SMTP, octet by octet in IMAP. Its last line end is the
//!                       line's own, so that `)` may follow it in IMAP.
//! <top hello.eml 3>     the message's header, its empty line and three lines of its body, likewise
//! <size hello.eml>      its octets as a number; <size a.eml + b.eml> of several
//! <base64 text>         the text in base64; \0 is NUL
//! <repeat x 600>        the text so many times
//! <hex 0d 0a>           these octets
//! <cut>                 C: at the end of a line: without CRLF
//! ```
//!
//! Literals of IMAP need nothing special: what follows `{12}` are further lines, as they are on the wire.
//!
//! Actions, with `C` where no connection is named:
//!
//! ```text
//! connect with TLS                         C2 connects to imap with TLS; protocols: pop3 imap smtp submission
//! starttls  (or stls)                      the client begins TLS now; C2 starttls
//! alice logs in                            on a new connection C, like `logged in`; bob logs in as C2
//! drop the connection                      drop C2; without any word
//! the server closes                        the server closes C2; nothing comes before that
//! deliver hello.eml to alice
//! advance the clock 30 minutes             seconds, minutes, hours
//! restart                                  the server ends and starts again on its data; all connections are gone
//! restart with hello.eml damaged           the same, and meanwhile octets of this message have changed on the disk
//! disk full                                disk has space
//! shell: Set-CASMailbox alice -PopEnabled $false
//! ```
//!
//! All users have the password `Gatepost!1` and the address name@example.test; there are alice, bob and admin.
//! In `dialogues/admin`, `C:` is a line given to the shell and `S:` a line of its output, errors included.

mod parse;
pub mod pattern;

use pattern::Template;
use std::path::PathBuf;
use std::time::Duration;

pub use parse::{ParseError, parse};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// POP3.
    Pop3,
    /// IMAP4rev1.
    Imap,
    /// SMTP as other servers speak it, port 25.
    Smtp,
    /// SMTP as users speak it, port 587 or 465.
    Submission,
    /// The administration shell.
    Admin,
}

impl Protocol {
    /// Folders of `dialogues/`.
    pub const FOLDERS: [Protocol; 4] = [Protocol::Pop3, Protocol::Imap, Protocol::Smtp, Protocol::Admin];

    /// Its name in files and folders.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Pop3 => "pop3",
            Protocol::Imap => "imap",
            Protocol::Smtp => "smtp",
            Protocol::Submission => "submission",
            Protocol::Admin => "admin",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        let all = [Protocol::Pop3, Protocol::Imap, Protocol::Smtp, Protocol::Submission, Protocol::Admin];
        all.into_iter().find(|protocol| protocol.name() == name)
    }
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// In clear text.
    Clear,
    /// With TLS from the first octet.
    Tls,
}

/// One file.
#[derive(Debug)]
pub struct Dialogue {
    /// Where it is, for reports.
    pub path: PathBuf,
    /// Its first line.
    pub title: String,
    /// By its folder.
    pub protocol: Protocol,
    /// Servers that answer otherwise, and why.
    pub differs: Vec<(String, String)>,
    /// What there is before it begins.
    pub given: Vec<Given>,
    /// What happens, with the number of the line in the file.
    pub steps: Vec<(usize, Step)>,
}

impl Dialogue {
    /// What the disk must be like.
    pub fn disk(&self) -> DiskSize {
        let fills = |step: &Step| matches!(step, Step::Act(Action::DiskFull));
        if self.steps.iter().any(|(_, step)| fills(step)) { DiskSize::Small } else { DiskSize::Any }
    }
}

/// What a dialogue asks of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSize {
    /// Nothing.
    Any,
    /// It must be one that can be filled.
    Small,
}

/// The state of a mailbox before a dialogue begins.
#[derive(Debug)]
pub struct Given {
    /// The user.
    pub who: String,
    /// Whether connection C is hers, logged in.
    pub logged_in: bool,
    /// Messages in INBOX.
    pub files: Vec<String>,
}

/// One step of a dialogue. Connections are numbered from 1.
#[derive(Debug)]
pub enum Step {
    /// The client sends a line.
    Client(usize, Template),
    /// The server sends a line.
    Server(usize, Template),
    /// The server sends these lines in any order.
    Group(usize, Vec<(usize, Template)>),
    /// Something happens.
    Act(Action),
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A connection is opened.
    Connect(usize, Option<Protocol>, Security),
    /// The client begins TLS.
    StartTls(usize),
    /// Somebody logs in on a new connection.
    LogIn(usize, String),
    /// The client drops the connection.
    Drop(usize),
    /// The server closes the connection.
    Closes(usize),
    /// A message is delivered to somebody's INBOX.
    Deliver(String, String),
    /// Time passes.
    Advance(Duration),
    /// The server ends and starts again.
    Restart,
    /// The same, with this message damaged.
    Damage(String),
    /// Nothing can be written any more.
    DiskFull,
    /// And now it can.
    DiskHasSpace,
    /// An administrator gives a line to the shell.
    Shell(String),
}
