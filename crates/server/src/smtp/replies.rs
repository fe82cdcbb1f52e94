//! The one table of what an SMTP client hears for a refusal by policy or a failure of the store.
//!
//! Codes are RFC 5321's and RFC 3463's, texts those an Exchange administrator searches for. What is wrong inside is
//! never told; the log has it.

use policy::{DomainFault, Refusal};
use smtp::Reply;

pub(super) const TRY_LATER: Reply = Reply::fixed(451, "4.3.0 Internal error, try again later");
pub(super) const BUSY: Reply = Reply::fixed(452, "4.3.1 Insufficient system resources");

/// What is said for a refusal.
pub(super) fn of_refusal(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::NoConnector { .. } => Reply::fixed(421, "4.3.2 Service not available"),
        Refusal::TooManyConnections { .. } | Refusal::TooFewFiles { .. } => {
            Reply::fixed(421, "4.3.2 The maximum number of concurrent connections has exceeded a limit")
        }
        Refusal::LoginNeedsTls { .. } => {
            Reply::fixed(538, "5.7.11 Encryption required for requested authentication mechanism")
        }
        // RFC 4954 §6
        Refusal::TooManyLogins { .. } => Reply::fixed(454, "4.7.0 Temporary authentication failure"),
        Refusal::LoginNotOffered { .. } => Reply::fixed(504, "5.5.4 Unrecognized authentication type"),
        Refusal::UnknownUser { .. }
        | Refusal::BadPassword { .. }
        | Refusal::NotOwnMailbox { .. }
        | Refusal::AccountDisabled { .. }
        | Refusal::NoPassword { .. }
        | Refusal::ProtocolDisabled { .. } => Reply::fixed(535, "5.7.3 Authentication unsuccessful"),
        // RFC 3207 §4. Exchange says 451 5.7.3, which RFC 2034 §4 forbids: the classes differ.
        Refusal::TlsRequired { .. } | Refusal::TlsBeforeLogin { .. } => {
            Reply::fixed(530, "5.7.0 Must issue a STARTTLS command first")
        }
        Refusal::NotAuthenticated { .. } => Reply::fixed(530, "5.7.1 Client was not authenticated"),
        Refusal::SenderNotAllowed { .. } => {
            Reply::fixed(550, "5.7.1 Client does not have permissions to send as this sender")
        }
        // As Exchange words it where the header is to blame and not MAIL.
        Refusal::AuthorNotAllowed { .. } => {
            Reply::fixed(550, "5.7.60 SMTP; Client does not have permissions to send as this sender")
        }
        Refusal::AuthorUnclear { field, .. } => {
            Reply::new(550, format!("5.6.0 {field} must be there once and name each author clearly"))
        }
        Refusal::RelayDenied { .. } => Reply::fixed(550, "5.7.1 Unable to relay"),
        // Exchange's codes for the three switches.
        Refusal::RecipientDomain { fault, .. } => match fault {
            DomainFault::ReservedTopLevel => {
                Reply::fixed(550, "5.1.4 Recipient address reserved by RFC 2606")
            }
            DomainFault::ReservedSecondLevel => {
                Reply::fixed(550, "5.1.5 Recipient address reserved by RFC 2606")
            }
            DomainFault::SingleLabel => {
                Reply::fixed(550, "5.1.6 Recipient addresses in single label domains not accepted")
            }
        },
        Refusal::UnknownRecipient { .. } => Reply::fixed(550, "5.1.1 User unknown"),
        // The words are those of Exchange, which administrators search for.
        Refusal::RecipientNeedsLogin { .. } => {
            Reply::fixed(550, "5.7.1 RESOLVER.RST.AuthRequired; authentication required")
        }
        Refusal::SenderNotWelcome { .. } => {
            Reply::fixed(550, "5.7.1 RESOLVER.RST.NotAuthorized; not authorized")
        }
        Refusal::NobodyInGroup { .. } => Reply::fixed(550, "5.2.4 The list has no members"),
        Refusal::UserRecipients { .. } => {
            Reply::fixed(550, "5.5.3 RESOLVER.ADR.RecipLimit; too many recipients")
        }
        Refusal::MailboxSize { .. } => Reply::fixed(552, "5.3.4 Message size exceeds the limit of a mailbox"),
        Refusal::TooManyRecipients { .. } => Reply::fixed(452, "4.5.3 Too many recipients"),
        Refusal::MessageTooLarge { .. } => {
            Reply::fixed(552, "5.3.4 Message size exceeds fixed maximum message size")
        }
        Refusal::HeaderTooLarge { .. } => Reply::fixed(552, "5.3.4 Header size exceeds fixed maximum size"),
        Refusal::TooManyHops { .. } => Reply::fixed(554, "5.4.6 Hop count exceeded - possible mail loop"),
        Refusal::MailboxFull { .. } => Reply::fixed(552, "5.2.2 Mailbox full"),
        Refusal::SendQuota { .. } => Reply::fixed(552, "5.2.2 Mailbox full, delete messages to send again"),
        Refusal::PasswordChanged { .. }
        | Refusal::MaildropInUse { .. }
        | Refusal::RoleNeeded { .. }
        | Refusal::UnknownToken
        | Refusal::TokenExpired { .. } => Reply::fixed(550, "5.7.1 Not permitted"),
    }
}

/// What is said for a failure. All of them pass: the client keeps the message and comes again.
pub(super) fn of_failure(error: &store::Error) -> Reply {
    match error {
        store::Error::Full => BUSY,
        store::Error::Closed => Reply::fixed(451, "4.3.2 Service is stopping, try again later"),
        // An account that was removed between RCPT and the end of the message: RCPT will say so next time.
        _ => TRY_LATER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_is_no_wrong_password() {
        let busy = Refusal::TooManyLogins { scope: policy::Scope::Address, limit: 4 };
        assert_eq!(of_refusal(&busy), Reply::fixed(454, "4.7.0 Temporary authentication failure"));
    }
}
