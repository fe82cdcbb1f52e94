//! What went wrong, as the person at the terminal is told, and the exit code that scripts see.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

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
            std::io::ErrorKind::PermissionDenied => {
                "; run this as the user whom the data belongs to, or change the owner with chown"
            }
            std::io::ErrorKind::StorageFull => "; make room on the disk and try again",
            std::io::ErrorKind::NotFound => "; there is nothing at this path: correct it",
            std::io::ErrorKind::NotADirectory => {
                "; a part of this path is a file: name a directory with --data"
            }
            std::io::ErrorKind::IsADirectory => "; a file is wanted, and this is a directory",
            std::io::ErrorKind::InvalidData => "; save it as text in UTF-8",
            std::io::ErrorKind::ReadOnlyFilesystem => "; choose a directory that can be written with --data",
            _ => "",
        };
        Failure::Setup(format!("{}: {error}{hint}", path.display()))
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
            store::Error::Damaged(_) => Failure::Setup(format!(
                "{dir}: {error}. Run `gatepost check --data {dir}`, which changes nothing, then restore from a backup \
                 what it names"
            )),
            store::Error::Full => {
                Failure::Failed(format!("{dir}: the disk is full; make room and try again"))
            }
            _ => Failure::Setup(format!("{dir}: {error}")),
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
