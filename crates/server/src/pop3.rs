//! What the POP3 session asks for, done with policy and store, and the words a client hears when it is not done.
//!
//! The maildrop lock of RFC 1939 §4 is the user's only place among the POP3 sessions: it is given back when this value
//! is dropped, however the session ends.

use crate::login::{Origin, log_in};
use crate::{Connection, Context, Place, Serve, Slot};
use directory::{Mailbox, ProtocolSettings, ServiceName, Snapshot, SortOrder};
use mail::{AccountId, FolderId, Listing, ModSeq, Uid};
use policy::{Channel, Door};
use pop3::{Answer, Ask, Code, Login, Offers, Order, Refusal, Session, Settings, Stls};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wire::{Mechanism, TlsInfo};

/// How long another session may take to give the maildrop back.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Begins a session for a new connection.
pub fn open(context: &Arc<Context>, connection: &Connection, _now: Instant) -> (Session, Pop3) {
    let settings = settings(context.directory.snapshot().pop());
    let session = Session::new(Arc::new(settings), connection.tls.clone());
    let serve = Pop3 {
        context: context.clone(),
        remote: connection.remote.ip(),
        tls: connection.tls.clone(),
        maildrop: None,
    };
    (session, serve)
}

/// Serves one POP3 session.
pub struct Pop3 {
    context: Arc<Context>,
    remote: IpAddr,
    tls: Option<TlsInfo>,
    maildrop: Option<Maildrop>,
}

/// The INBOX that a session has to itself.
struct Maildrop {
    /// Whose it is, as of the login.
    user: Arc<Mailbox>,
    inbox: FolderId,
    lock: Place,
}

impl Serve for Pop3 {
    type Machine = Session;

    async fn serve(&mut self, ask: Ask) -> Answer {
        let answer = match ask {
            Ask::Open(login) => self.open(login).await.map(Answer::Opened),
            Ask::Bodies(uids) => self.bodies(uids).await,
            Ask::Update(uids) => self.update(uids).await,
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    /// Opening changes nothing but the lock, which goes with the question.
    fn may_drop(ask: &Ask) -> bool {
        matches!(ask, Ask::Open(_))
    }

    fn tls_started(&mut self, tls: &TlsInfo) {
        self.tls = Some(tls.clone());
    }

    fn user(&self) -> Option<&Arc<Mailbox>> {
        self.maildrop.as_ref().map(|maildrop| &maildrop.user)
    }

    /// The numbering of a maildrop is fixed at login: nobody needs to be told of changes.
    fn changes(&mut self) -> Option<&mut watch::Receiver<ModSeq>> {
        None
    }
}

impl Pop3 {
    async fn open(&mut self, login: Login) -> Result<Listing, Refusal> {
        let all = self.context.directory.snapshot();
        let channel = if login.tls.is_some() { Channel::Tls } else { Channel::Clear };
        let (door, from) = (Door::Pop3(all.pop()), Origin { remote: self.remote, tls: self.tls.as_ref() });
        let user = log_in(&self.context, &all, door, channel, from, &login.credentials).await;
        let user = user.map_err(|refusal| refused(&refusal))?;
        let lock = self.lock(&all, &user).await.map_err(|refusal| refused(&refusal))?;
        let (inbox, listing) = self.inbox(user.account).await.map_err(|error| failed("open", &error))?;
        self.maildrop = Some(Maildrop { user, inbox, lock });
        Ok(listing)
    }

    /// The maildrop lock. A client that lost its connection comes again before we have seen the end of the old one: so
    /// the lock is waited for a little.
    async fn lock(&self, all: &Snapshot, mailbox: &Mailbox) -> Result<Place, policy::Refusal> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        let (limits, slot) = (&self.context.limits, Slot::User(ServiceName::Pop3, mailbox.account));
        loop {
            // Taken first and counted then: of two that come at once, neither can overlook the other.
            let lock = limits.take(slot.clone(), u32::MAX);
            let judged = policy::maildrop(all, mailbox, limits.taken(&slot).saturating_sub(1));
            match (judged, lock) {
                (Ok(()), Some(lock)) => return Ok(lock),
                (Err(refusal), _) if Instant::now() >= deadline => {
                    let (remote, reason, remedy) = (self.remote, refusal.reason(), refusal.remedy());
                    tracing::info!(%remote, reason, remedy, "refused");
                    return Err(refusal);
                }
                _ => {}
            }
            tokio::time::sleep(LOCK_PATIENCE / 10).await;
        }
    }

    async fn inbox(&self, account: AccountId) -> Result<(FolderId, Listing), store::Error> {
        let folders = self.context.store.folders(account).await?;
        let inbox = folders.first().map(|folder| folder.id).ok_or(store::Error::NotFound)?;
        Ok((inbox, self.context.store.listing(account, inbox).await?))
    }

    async fn bodies(&self, uids: Vec<Uid>) -> Result<Answer, Refusal> {
        let Some(Maildrop { user, inbox, .. }) = &self.maildrop else {
            return Ok(Answer::Bodies(Vec::new()));
        };
        let wanted = uids.first().copied();
        let bodies = self.context.store.bodies(user.account, *inbox, uids).await;
        let bodies = bodies.map_err(|error| failed("read", &error))?;
        // It is there, so the client must not hear that it is gone; it could forget it.
        match wanted.filter(|wanted| bodies.damaged.contains(wanted)) {
            Some(uid) => Err(failed("read", &store::Error::Damaged(format!("message {uid}")))),
            None => Ok(Answer::Bodies(bodies.found)),
        }
    }

    async fn update(&mut self, uids: Vec<Uid>) -> Result<Answer, Refusal> {
        // Taken, so that the lock is free when the client hears the answer.
        let Some(Maildrop { user, inbox, lock: _lock }) = self.maildrop.take() else {
            return Ok(Answer::Updated);
        };
        if uids.is_empty() {
            return Ok(Answer::Updated);
        }
        let wanted = uids.len();
        let removed = self
            .context
            .store
            .remove(user.account, inbox, uids)
            .await
            .map_err(|error| failed("remove", &error))?;
        tracing::info!(account = %user.account, wanted, removed = removed.len(), "messages removed");
        Ok(Answer::Updated)
    }
}

fn settings(settings: &ProtocolSettings) -> Settings {
    let offers = |channel| policy::offers(Door::Pop3(settings), channel);
    Settings {
        banner: settings.banner.clone(),
        implementation: "Gatepost".to_owned(),
        clear: mechanisms(offers(Channel::Clear)),
        tls: mechanisms(offers(Channel::Tls)),
        stls: if offers(Channel::Clear).start_tls { Stls::Offered } else { Stls::Unavailable },
        login_timeout: Duration::from_secs(settings.pre_authenticated_connection_timeout.0),
        idle_timeout: Duration::from_secs(settings.authenticated_connection_timeout.0),
        max_line: usize::try_from(settings.max_command_size).unwrap_or(usize::MAX),
        order: match settings.message_retrieval_sort_order {
            SortOrder::Ascending => Order::OldestFirst,
            SortOrder::Descending => Order::NewestFirst,
        },
    }
}

fn mechanisms(offers: policy::Offers) -> Offers {
    let basic = vec![Mechanism::Plain, Mechanism::Login, Mechanism::Command];
    Offers { mechanisms: if offers.basic { basic } else { Vec::new() } }
}

// The reply table.

fn refused(refusal: &policy::Refusal) -> Refusal {
    let (code, text) = match refusal {
        refusal if refusal.looks_like_bad_password() => {
            (Some(Code::Auth), "Logon failure: unknown user name or bad password.")
        }
        // RFC 2449 §8.1.2
        policy::Refusal::MaildropInUse { .. } => {
            (Some(Code::InUse), "Another POP3 session has this mailbox open, try again later.")
        }
        policy::Refusal::LoginNeedsTls { .. } => {
            (None, "Command is not valid in this state: begin TLS first.")
        }
        policy::Refusal::TooManyLogins { .. } => {
            (Some(Code::SysTemp), "Too many logins at once, try again later.")
        }
        policy::Refusal::LoginNotOffered { .. } => (None, "Command is not valid in this state."),
        _ => (Some(Code::SysPerm), "The server's settings do not allow this; its log says why."),
    };
    Refusal { code, text: text.to_owned() }
}

/// The client hears what it can do about it, the log hears what happened.
fn failed(doing: &str, error: &store::Error) -> Refusal {
    let (code, text) = match error {
        store::Error::Full => {
            (Code::SysTemp, "The server's disk is full and nothing was changed, try again later.")
        }
        store::Error::Damaged(_) => {
            (Code::SysPerm, "The server cannot read its data, please tell its administrator.")
        }
        store::Error::NotFound => (Code::SysPerm, "The mailbox does not exist any more."),
        _ => (Code::SysTemp, "The server cannot do this now, try again later."),
    };
    tracing::error!(%error, doing, "a POP3 client was told of a failure");
    Refusal { code: Some(code), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_is_no_wrong_password() {
        let busy = policy::Refusal::TooManyLogins { scope: policy::Scope::Address, limit: 4 };
        assert_eq!(refused(&busy).code, Some(Code::SysTemp));
    }

    #[test]
    fn only_what_changes_nothing_is_dropped_when_the_client_is_gone() {
        assert!(!Pop3::may_drop(&Ask::Update(Vec::new())) && !Pop3::may_drop(&Ask::Bodies(Vec::new())));
    }
}
