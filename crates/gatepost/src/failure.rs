//! What went wrong, as the person at the terminal is told, and the exit code that scripts see.

use server::certificate::CertificateError;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// What to do where a right is missing, whatever found it out.
const DENIED: &str = "; run this as the user whom the data belongs to, or change the owner with chown and the rights \
                      with chmod";
const READ_ONLY: &str = "; have the file system mounted for writing, or choose another directory with --data";

/// Why a command ended without having done its work.
#[derive(Debug)]
pub enum Failure {
    /// It failed; exit code 1.
    Failed(String),
    /// It was called wrongly; exit code 2.
    Usage(String),
    /// Something is wrong with the configuration or the data, with a hint; exit code 3.
    Setup(String),
    /// Everything has been said already; with this exit code.
    Told(u8),
}

impl Failure {
    /// A failure of exit code 1.
    pub fn failed(text: impl Display) -> Failure {
        Failure::Failed(text.to_string())
    }

    /// A failure of exit code 3.
    pub fn setup(text: impl Display) -> Failure {
        Failure::Setup(text.to_string())
    }

    /// A file that could not be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Failure {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => DENIED,
            ErrorKind::ReadOnlyFilesystem => READ_ONLY,
            ErrorKind::StorageFull => "; make room on the disk and try again",
            ErrorKind::NotFound => "; there is nothing at this path: correct it",
            ErrorKind::NotADirectory => "; a part of this path is a file: name a directory with --data",
            ErrorKind::IsADirectory => "; a file is wanted, and this is a directory",
            ErrorKind::InvalidData => "; save it as text in UTF-8",
            _ => "",
        };
        Failure::Setup(format!("{}: {error}{hint}", path.display()))
    }

    /// The certificate could not be read or made.
    pub fn certificate(error: &CertificateError) -> Failure {
        match error {
            CertificateError::File(path, error) => Failure::file(path, error),
            other => Failure::setup(other),
        }
    }

    /// The data directory could not be opened or read.
    pub fn data(dir: &Path, error: &store::Error) -> Failure {
        let dir = dir.display();
        match error {
            store::Error::Locked => Failure::Failed(format!(
                "{dir} is in use by another Gatepost that is running; stop it first, or choose another directory with \
                 --data. To administer the running one: gatepost shell --data {dir}"
            )),
            store::Error::TooNew { .. } => Failure::Setup(format!(
                "{dir}: {error}. Nothing was changed; update this program, or restore a backup from before the update"
            )),
            store::Error::Damaged(what) => Failure::Setup(format!(
                "{dir}: damaged data: {what}. Run `gatepost check --data {dir}`, which changes nothing, then restore from a backup \
                 what it names, or run it with --repair"
            )),
            store::Error::Full => {
                Failure::Failed(format!("{dir}: the disk is full; make room and try again"))
            }
            store::Error::Denied(what) => Failure::Setup(format!("{what}{DENIED}")),
            store::Error::ReadOnly(what) => Failure::Setup(format!("{what}{READ_ONLY}")),
            _ => Failure::Setup(format!("{dir}: {error}")),
        }
    }

    /// A backup could not be made of, or brought back to, a data directory.
    pub fn backup(backup: &Path, dir: &Path, error: &store::Error) -> Failure {
        match error {
            store::Error::Locked => Failure::Failed(format!(
                "{0} or {1} is in use by another Gatepost; let a backup that is under way end. To restore into a server \
                 that runs, name a mailbox with --mailbox",
                backup.display(),
                dir.display()
            )),
            store::Error::Unfit(what) => Failure::Usage(what.clone()),
            store::Error::Damaged(what) => Failure::Setup(format!(
                "damaged data: {what}. `gatepost check --data {}` reads all of a stopped server, `gatepost check --backup {}` \
                 all of the backup",
                dir.display(),
                backup.display()
            )),
            store::Error::Full => Failure::Failed(
                "the disk is full; make room and give the same command again: it goes on where it was"
                    .to_owned(),
            ),
            _ => Failure::data(dir, error),
        }
    }

    /// Tells it, and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (code, text) = match self {
            Failure::Failed(text) => (1, Some(text)),
            Failure::Usage(text) => (2, Some(text)),
            Failure::Setup(text) => (3, Some(text)),
            Failure::Told(code) => (code, None),
        };
        if let Some(text) = text {
            // With standard error closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "gatepost: {text}");
        }
        ExitCode::from(code)
    }
}
