//! Which changes an administrator may not make, however legal the objects would be.

use directory::{Mailbox, Service, Snapshot, StartupType};
use mail::Secret;
use std::fmt;
use std::ops::RangeInclusive;

/// Characters of a password: short ones are guessed, and every check hashes the whole of a long one.
const PASSWORD: RangeInclusive<usize> = 8..=256;

/// Why a change is not made, and what would help. No client of a protocol ever meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeRefusal {
    /// Nobody would administer the organisation, or get the mail for postmaster.
    LastAdministrator {
        /// The mailbox's name.
        mailbox: String,
    },
    /// A service that is disabled is not started.
    ServiceDisabled {
        /// The service's name.
        name: &'static str,
        /// As it is shown.
        display_name: &'static str,
    },
    /// The password is too short or too long.
    PasswordLength {
        /// How many characters it has.
        characters: usize,
    },
}

impl fmt::Display for ChangeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeRefusal::LastAdministrator { mailbox } => write!(
                f,
                "'{mailbox}' is the only administrator. Make another one first: Set-Mailbox NAME -Administrator $true"
            ),
            ChangeRefusal::ServiceDisabled { name, display_name } => write!(
                f,
                "Service '{display_name} ({name})' cannot be started, because its start type is Disabled. \
                 Set-Service {name} -StartupType Manual allows it."
            ),
            ChangeRefusal::PasswordLength { characters } => write!(
                f,
                "The password does not meet the length requirements: it has {characters} characters, and legal are {} \
                 to {}. Several words with blanks between make one that can be remembered.",
                PASSWORD.start(),
                PASSWORD.end()
            ),
        }
    }
}

impl std::error::Error for ChangeRefusal {}

/// Whether a mailbox may be removed, disabled, or be no administrator any more. The last administrator stays as long as
/// there are other mailboxes.
pub fn lose_administrator(all: &Snapshot, leaving: &Mailbox) -> Result<(), ChangeRefusal> {
    let counts = |mailbox: &Mailbox| mailbox.administrator && !mailbox.account_disabled;
    let others = all.administrators().any(|mailbox| mailbox.guid != leaving.guid && counts(mailbox));
    if !counts(leaving) || others || all.mailbox_count() == 1 {
        return Ok(());
    }
    Err(ChangeRefusal::LastAdministrator { mailbox: leaving.name.clone() })
}

/// Whether a service may be started.
pub fn start_service(service: &Service) -> Result<(), ChangeRefusal> {
    if service.startup != StartupType::Disabled {
        return Ok(());
    }
    let (name, display_name) = (service.name.name(), service.name.display_name());
    Err(ChangeRefusal::ServiceDisabled { name, display_name })
}

/// Whether a password may be set.
pub fn new_password(password: &Secret) -> Result<(), ChangeRefusal> {
    let characters = password.reveal().chars().count();
    if PASSWORD.contains(&characters) { Ok(()) } else { Err(ChangeRefusal::PasswordLength { characters }) }
}
