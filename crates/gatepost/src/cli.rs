//! The command line. Its doc comments are the help texts.

use crate::boot::LARGEST_OFFSET;
use clap::builder::RangedI64ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, value_parser};
use std::net::IpAddr;
use std::path::PathBuf;

/// A mail server for POP3, IMAP4 and SMTP.
#[derive(Debug, Parser)]
#[command(
    name = "gatepost",
    version,
    arg_required_else_help = true,
    after_help = "Start with: gatepost demo"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it out: a complete server with sample users and mail on local ports
    Demo(Demo),
    /// Set up a server: configuration, certificates and the first mailboxes
    Quickstart(Quickstart),
    /// Run a server that quickstart has set up
    Serve(Data),
    /// Administer a running server
    Shell(Shell),
    /// Read all data of a stopped server and report damage; without --repair nothing is changed
    Check(Check),
    /// Back up a server, while it runs or not; what the backup has already is not copied again
    Backup(Backup),
    /// Bring back a server, or parts of it, from a backup
    Restore(Restore),
    /// Take mail in from Maildir, mbox or EML files, while the server runs or not
    Import(Import),
    /// Write mail as Maildir, mbox or EML files, while the server runs or not
    Export(Export),
}

/// How mail lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One file a message, flags in the name; folders as in Maildir++
    Maildir,
    /// One file a folder (mboxrd)
    Mbox,
    /// One file a message, without flags; one directory a folder
    Eml,
}

/// Options of `import`.
#[derive(Args, Debug)]
pub struct Import {
    /// A Maildir, an mbox file or directory of such, or a directory of EML files; without --mailbox, a directory with one of
    /// these for each mailbox, named by its address, as export makes it
    #[arg(value_name = "SOURCE")]
    pub from: PathBuf,
    /// Whose server it is.
    #[command(flatten)]
    pub data: Data,
    /// The mailbox that takes the mail
    #[arg(long, value_name = "MAILBOX")]
    pub mailbox: Option<String>,
    /// The folder that takes what lies in SOURCE itself; folders in it come below, or beside where it is INBOX
    #[arg(long, value_name = "FOLDER", default_value = "INBOX")]
    pub folder: String,
    /// What SOURCE is [default: found out]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// Options of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// Where the files are to be: a directory that an earlier export made, or that is empty, or does not exist
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// Whose data it is.
    #[command(flatten)]
    pub data: Data,
    /// Only this mailbox
    #[arg(long, value_name = "MAILBOX")]
    pub mailbox: Option<String>,
    /// Only this folder
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<String>,
    /// The form of the files
    #[arg(long, value_name = "FORMAT", default_value = "maildir")]
    pub format: Format,
    /// From this backup instead of the data directory
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    pub backup: Option<PathBuf>,
    /// The state of the backup, as `restore --list` names it [default: the newest]
    #[arg(long, value_name = "NAME", requires = "backup")]
    pub state: Option<String>,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub struct Check {
    /// Whose data it is.
    #[command(flatten)]
    pub data: Data,
    /// Take damaged messages out, keep what can be read of them, and put right what can be counted or made anew; the index
    /// is kept as it was
    #[arg(long)]
    pub repair: bool,
    /// Read this backup instead
    #[arg(long, value_name = "DIR", conflicts_with = "repair")]
    pub backup: Option<PathBuf>,
}

/// Options of `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The backup: an earlier one, or a directory that is empty or does not exist
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// Whose data it is.
    #[command(flatten)]
    pub data: Data,
    /// Keep so many states, this one included, and remove older ones
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = value_parser!(u32).range(1..=10_000))]
    pub keep: u32,
}

/// Options of `restore`.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup
    #[arg(value_name = "DIR", required_unless_present = "previous_format")]
    pub from: Option<PathBuf>,
    /// Whose data it is; to restore all, a directory that is empty or does not exist
    #[command(flatten)]
    pub data: Data,
    /// The state to restore, as --list names it [default: the newest]
    #[arg(long, value_name = "NAME")]
    pub state: Option<String>,
    /// Only list the states that the backup has
    #[arg(long)]
    pub list: bool,
    /// Only bring back the mail of this mailbox, into a server that runs or not; what is there stays as it is
    #[arg(long, value_name = "MAILBOX")]
    pub mailbox: Option<String>,
    /// Of it only this folder
    #[arg(long, value_name = "FOLDER", requires = "mailbox")]
    pub folder: Option<String>,
    /// Of it only messages with this Message-ID, or with this UID in the folder
    #[arg(long, value_name = "ID", requires = "mailbox")]
    pub message: Option<String>,
    /// Below this folder, instead of where the messages were
    #[arg(long, value_name = "FOLDER", requires = "mailbox")]
    pub into: Option<String>,
    /// Go back to the format that the data had before the last upgrade, for the older program
    #[arg(long, conflicts_with_all = ["from", "state", "list", "mailbox"])]
    pub previous_format: bool,
}

/// Where the data is.
#[derive(Args, Debug)]
pub struct Data {
    /// Data directory [default: gatepost-data]
    #[arg(long, value_name = "DIR", env = "GATEPOST_DATA")]
    pub data: Option<PathBuf>,
}

impl Data {
    /// The directory to make or serve.
    pub fn dir(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("gatepost-data"))
    }

    /// The directory of an existing server; that of a demo in the same place also counts, where it is the only one.
    pub fn existing(&self) -> PathBuf {
        let (usual, demo) = (self.dir(), PathBuf::from(DEMO_DATA));
        if self.data.is_none() && !usual.exists() && demo.exists() { demo } else { usual }
    }
}

/// The demo's default data directory.
pub const DEMO_DATA: &str = "gatepost-demo";

/// Options of `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Data directory; with data in it, the demo continues there
    #[arg(long, value_name = "DIR", default_value = DEMO_DATA)]
    pub data: PathBuf,
    /// Local address to listen on [default: 127.0.0.1, or that of the last run on the same data]
    #[arg(long, value_name = "ADDR", value_parser = ip_address)]
    pub bind: Option<IpAddr>,
    /// Is added to every standard port [default: 10000, or that of the last run on the same data]
    #[arg(long, value_name = "N", value_parser = port_offset())]
    pub port_offset: Option<u16>,
    /// Create this file when the server is ready
    #[arg(long, value_name = "FILE")]
    pub once_ready_file: Option<PathBuf>,
}

/// Options of `quickstart`.
#[derive(Args, Debug)]
pub struct Quickstart {
    /// Where the data is to be.
    #[command(flatten)]
    pub data: Data,
    /// Domain of the mail addresses, such as example.org
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Name under which clients reach this server [default: mail.DOMAIN]
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// File with the administrator's password in its first line; the administrator is admin@DOMAIN
    #[arg(long, value_name = "FILE")]
    pub admin_password_file: Option<PathBuf>,
    /// Also make this mailbox (repeatable); NAME is the part before @
    #[arg(long, value_name = "NAME")]
    pub mailbox: Vec<String>,
    /// File with the password of these mailboxes in its first line
    #[arg(long, value_name = "FILE")]
    pub mailbox_password_file: Option<PathBuf>,
    /// Services that start with the server: pop3, imap4, none; others are started later, with Set-Service and
    /// Start-Service in the shell [default: none]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = ["pop3", "imap4", "none"])]
    pub enable: Option<Vec<String>>,
    /// Local addresses to listen on [default: all]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = ip_address)]
    pub bind: Vec<IpAddr>,
    /// Is added to every standard port
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = port_offset())]
    pub port_offset: u16,
}

/// Options of `shell`.
#[derive(Args, Debug)]
pub struct Shell {
    /// Whose data it is.
    #[command(flatten)]
    pub data: Data,
    /// Administer the server of this URL over HTTPS, instead of one on this machine
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// How to log in to it.
    #[command(flatten)]
    pub remote: Remote,
    /// Run these cmdlets and end
    #[arg(short, value_name = "CMDLETS", conflicts_with = "file")]
    pub cmdlets: Option<String>,
    /// Run the script in this file and end (- for standard input)
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Options of `shell --server`.
#[derive(Args, Debug)]
pub struct Remote {
    /// Log in as this user; without it, with the access token in GATEPOST_TOKEN, or as who is asked for
    #[arg(long, value_name = "NAME", requires = "server")]
    pub user: Option<String>,
    /// File with the user's password in its first line
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File with the certificate authorities to trust, in PEM [default: those of this machine]
    #[arg(long, value_name = "FILE", requires = "server")]
    pub ca: Option<PathBuf>,
}

fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "it takes IP addresses of this machine, such as 127.0.0.1 or ::1".to_owned())
}

/// Subcommands that the documentation of later versions will tell of. To be told so is worth more than a suggestion of
/// something else.
const LATER: [&str; 2] = ["probe", "gateway"];

impl Arguments {
    /// Those of this process. For help and wrong usage it ends here, with 0 or 2.
    pub fn of_process() -> Arguments {
        Arguments::try_parse().unwrap_or_else(|error| {
            if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
                && LATER.contains(&name.as_str())
            {
                let text = format!("'{name}' is not part of this version; what is here, --help lists");
                Arguments::command().error(ErrorKind::InvalidSubcommand, text).exit()
            }
            error.exit()
        })
    }
}

/// Offsets with which the greatest standard port (995) is still one.
fn port_offset() -> RangedI64ValueParser<u16> {
    value_parser!(u16).range(..=i64::from(LARGEST_OFFSET))
}
