//! What the IMAP session asks for, done with policy and store.
//!
//! Names of mailboxes become folders here, and the account is always the one that logged in. What a client hears when
//! something is not done stands in [`replies`]. A message that is coming by APPEND is staged here; should the session
//! end meanwhile, it is forgotten with this value.

mod convert;
mod replies;

use crate::login::{Origin, log_in, tell_of_quota};
use crate::{Connection, Context, Place, Serve, Slot};
use directory::{Mailbox, ProtocolSettings, ServiceName};
use imap::{Absent, Access, Answer, Ask, Channel, Code, Offer, Opened, Refusal, Session, Settings, StartTls};
use mail::{AccountId, DateTime, Flag, FolderId, Keyword, ModSeq, Uid};
use policy::Door;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Folder, Staging, Store, Target};
use tokio::sync::watch;
use wire::{Credentials, TlsInfo};

/// Begins a session for a new connection.
pub fn open(context: &Arc<Context>, connection: &Connection, now: Instant) -> (Session, Imap) {
    let channel = if connection.tls.is_some() { Channel::Tls } else { Channel::Clear };
    let settings = settings(context.directory.snapshot().imap());
    let session = Session::new(Arc::new(settings), channel, now);
    let remote = connection.remote.ip();
    let tls = connection.tls.clone();
    (session, Imap { context: Arc::clone(context), remote, tls, user: None, incoming: None })
}

/// Serves one IMAP session.
pub struct Imap {
    context: Arc<Context>,
    remote: IpAddr,
    tls: Option<TlsInfo>,
    user: Option<User>,
    incoming: Option<Incoming>,
}

/// Who logged in.
struct User {
    /// As of the login.
    mailbox: Arc<Mailbox>,
    changes: watch::Receiver<ModSeq>,
    /// One of the user's places among the IMAP sessions.
    _place: Place,
}

/// A message on its way in.
struct Incoming {
    folder: FolderId,
    staging: Staging,
}

impl Serve for Imap {
    type Machine = Session;

    async fn serve(&mut self, ask: Ask) -> Answer {
        let answer = match ask {
            Ask::Login(credentials, channel) => self.login(&credentials, channel).await,
            Ask::Pause => {
                tokio::task::yield_now().await;
                Ok(Answer::Done)
            }
            ask => self.serve_user(ask).await,
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    /// Logging in changes nothing but the user's place, which goes with the session.
    fn may_drop(ask: &Ask) -> bool {
        matches!(ask, Ask::Login(..))
    }

    fn tls_started(&mut self, tls: &TlsInfo) {
        self.tls = Some(tls.clone());
    }

    fn user(&self) -> Option<&Arc<Mailbox>> {
        self.user.as_ref().map(|user| &user.mailbox)
    }

    fn changes(&mut self) -> Option<&mut watch::Receiver<ModSeq>> {
        self.user.as_mut().map(|user| &mut user.changes)
    }
}

impl Imap {
    async fn login(&mut self, credentials: &Credentials, channel: Channel) -> Result<Answer, Refusal> {
        let all = self.context.directory.snapshot();
        let door = Door::Imap4(all.imap());
        let channel = convert::channel(channel);
        let from = Origin { remote: self.remote, tls: self.tls.as_ref() };
        let mailbox = log_in(&self.context, &all, door, channel, from, credentials).await;
        let mailbox = mailbox.map_err(|refusal| replies::refused(&refusal, credentials.mechanism))?;
        let account = mailbox.account;
        let max = all.imap().max_connections_per_user;
        let place = self.context.limits.take(Slot::User(ServiceName::Imap4, account), max);
        let place = place.ok_or_else(|| too_many(door, max))?;
        self.user = Some(User { mailbox, changes: self.context.store.watch(account), _place: place });
        Ok(Answer::Done)
    }

    /// Asks of a session that is logged in; the machine makes no others.
    async fn serve_user(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        let Some(user) = &self.user else { return Err(Refusal::new(Code::ServerBug, "Internal error")) };
        let of = Of { store: &self.context.store, account: user.mailbox.account };
        match ask {
            Ask::Login(..) => Err(Refusal::new(Code::ServerBug, "Internal error")),
            Ask::AppendBegin(name, size) => self.append_begin(&name, size).await,
            Ask::AppendChunk(octets) => self.append_chunk(&octets).await,
            Ask::AppendEnd { flags, keywords, date } => self.append_end(flags, keywords, date).await,
            Ask::AppendAbort => {
                self.incoming = None;
                Ok(Answer::Done)
            }
            Ask::Folders | Ask::Create(..) | Ask::Delete(_) | Ask::Rename(..) | Ask::Subscribe(..) => {
                of.serve_folders(ask).await
            }
            Ask::Open(name, access) => of.open(&name, access).await,
            Ask::Status(name) => of.status(&name).await,
            Ask::Copy(from, uids, to, absent) => {
                let size = of.size(from, &uids).await?;
                self.room(of.account, size).await?;
                of.copy(from, uids, &to, absent).await
            }
            ask => of.serve_messages(ask).await,
        }
    }

    async fn append_begin(&mut self, name: &str, size: u64) -> Result<Answer, Refusal> {
        let Some(account) = self.user.as_ref().map(|user| user.mailbox.account) else {
            return Ok(Answer::Done);
        };
        let of = Of { store: &self.context.store, account };
        let folder = of.selectable(name).await?;
        self.room(account, size).await?;
        self.incoming = Some(Incoming { folder, staging: self.context.store.stage() });
        Ok(Answer::Done)
    }

    /// Whether the user's mailbox has room for so many octets more.
    async fn room(&self, account: AccountId, octets: u64) -> Result<(), Refusal> {
        let all = self.context.directory.snapshot();
        let Some(mailbox) = all.mailbox_by_account(account) else { return Ok(()) };
        let used = self.context.store.used(account).await;
        let used = used.map_err(|error| replies::failed("look for room", &error))?;
        policy::fits(&all, mailbox, used, octets).map_err(|refusal| {
            tell_of_quota(&self.context, journal::Source::Imap4, &refusal);
            replies::no_room()
        })
    }

    async fn append_chunk(&mut self, octets: &[u8]) -> Result<Answer, Refusal> {
        let Some(incoming) = &mut self.incoming else { return Ok(Answer::Done) };
        if let Err(error) = incoming.staging.write(octets).await {
            // The rest of the message is not needed any more.
            self.incoming = None;
            return Err(replies::failed("append", &error));
        }
        Ok(Answer::Done)
    }

    async fn append_end(
        &mut self,
        flags: Vec<Flag>,
        keywords: Vec<Keyword>,
        date: Option<DateTime>,
    ) -> Result<Answer, Refusal> {
        let (Some(user), Some(Incoming { folder, staging })) = (&self.user, self.incoming.take()) else {
            return Err(Refusal::new(Code::ServerBug, "Internal error"));
        };
        let failed = |error| replies::failed("append", &error);
        let message = staging.finish().await.map_err(failed)?;
        let date = date.unwrap_or_else(|| self.context.now());
        let flags = flags.into_iter().collect();
        let target = Target { account: user.mailbox.account, folder: Some(folder), flags, keywords, date };
        let delivered = self.context.store.deliver(message, vec![target], None).await.map_err(failed)?;
        let placed = delivered.placed.first().copied();
        let (_, uid_validity, uid) = placed.ok_or(Refusal::new(Code::ServerBug, "Internal error"))?;
        Ok(Answer::Appended { uid_validity, uid })
    }
}

/// The mail of the user.
struct Of<'a> {
    store: &'a Store,
    account: AccountId,
}

impl Of<'_> {
    async fn folders(&self) -> Result<Arc<Vec<Folder>>, Refusal> {
        self.store.folders(self.account).await.map_err(|error| replies::failed("list", &error))
    }

    async fn folder(&self, name: &str) -> Result<Folder, Refusal> {
        let folders = self.folders().await?;
        let found = folders.iter().find(|folder| folder.name == name && !folder.missing);
        found.cloned().ok_or_else(replies::no_mailbox)
    }

    /// The folder of that name, which can hold messages.
    async fn selectable(&self, name: &str) -> Result<FolderId, Refusal> {
        let folder = self.folder(name).await?;
        if folder.selectable {
            Ok(folder.id)
        } else {
            Err(Refusal::new(Code::Cannot, "This name holds no messages, only other mailboxes"))
        }
    }

    async fn serve_folders(&self, ask: Ask) -> Result<Answer, Refusal> {
        let (store, account) = (self.store, self.account);
        let done = match ask {
            Ask::Folders => {
                let folders = self.folders().await?;
                return Ok(Answer::Folders(folders.iter().map(convert::folder).collect()));
            }
            Ask::Create(name, role) => {
                store.create_folder(account, &name, role.map(convert::special_use)).await.map(|_| ())
            }
            Ask::Delete(name) => {
                let folder = self.folder(&name).await?.id;
                let deleted = store.delete_folder(account, folder).await;
                return deleted
                    .map(|()| Answer::Deleted(folder))
                    .map_err(|error| replies::failed("change folders", &error));
            }
            Ask::Rename(from, to) => store.rename_folder(account, self.folder(&from).await?.id, &to).await,
            Ask::Subscribe(name, subscription) => {
                store.subscribe(account, &name, convert::subscription(subscription)).await
            }
            _ => return Err(Refusal::new(Code::ServerBug, "Internal error")),
        };
        done.map(|()| Answer::Done).map_err(|error| replies::failed("change folders", &error))
    }

    async fn open(&self, name: &str, access: Access) -> Result<Answer, Refusal> {
        let (store, account, folder) = (self.store, self.account, self.selectable(name).await?);
        let failed = |error| replies::failed("open", &error);
        let opened = match access {
            Access::ReadWrite => {
                // Before the listing: a message that comes in between is then recent here.
                let recent = store.claim_recent(account, folder).await.map_err(failed)?;
                Opened { folder, listing: store.listing(account, folder).await.map_err(failed)?, recent }
            }
            Access::ReadOnly => {
                let count = store.status(account, folder).await.map_err(failed)?.recent as usize;
                let listing = store.listing(account, folder).await.map_err(failed)?;
                let first = listing.at((listing.len() + 1).saturating_sub(count));
                Opened { folder, recent: first.map_or(listing.uid_next, |entry| entry.uid), listing }
            }
        };
        Ok(Answer::Opened(opened))
    }

    async fn status(&self, name: &str) -> Result<Answer, Refusal> {
        let folder = self.selectable(name).await?;
        let status = self.store.status(self.account, folder).await;
        status
            .map(|status| Answer::Status(convert::status(&status)))
            .map_err(|error| replies::failed("status", &error))
    }

    async fn serve_messages(&self, ask: Ask) -> Result<Answer, Refusal> {
        let (store, account) = (self.store, self.account);
        let answer = match ask {
            Ask::Listing(folder) => store.listing(account, folder).await.map(Answer::Listing),
            Ask::Recent(folder) => store.claim_recent(account, folder).await.map(Answer::Recent),
            Ask::Summaries(folder, uids) => {
                let summaries = store.summaries(account, folder, uids).await;
                summaries.map(|summaries| Answer::Summaries(convert::gathered(summaries)))
            }
            Ask::Sent(folder, uids) => store.sent(account, folder, uids).await.map(Answer::Sent),
            Ask::Bodies(folder, uids) => {
                let bodies = store.bodies(account, folder, uids).await;
                bodies.map(|bodies| Answer::Bodies(convert::gathered(bodies)))
            }
            Ask::Headers(folder, uids) => {
                let headers = store.headers(account, folder, uids).await;
                headers.map(|headers| Answer::Headers(convert::gathered(headers)))
            }
            Ask::Read(body, start, len) => store.read(&body, start, len).await.map(Answer::Octets),
            Ask::Store(folder, uids, change) => {
                let changed = store.set_flags(account, folder, uids, convert::flag_change(change)).await;
                changed.map(|changed| Answer::Stored { entries: changed.entries, modified: changed.modified })
            }
            Ask::Move(from, uids, to, absent) => {
                let to = self.selectable(&to).await?;
                let absent = convert::absent(absent);
                store.move_messages(account, from, uids, to, absent).await.map(convert::copied)
            }
            Ask::Expunge(folder, uids) => {
                store.expunge(account, folder, Some(uids)).await.map(|_| Answer::Done)
            }
            Ask::Search(folder, uids, texts) => self.search(folder, uids, texts).await,
            _ => return Err(Refusal::new(Code::ServerBug, "Internal error")),
        };
        answer.map_err(|error| replies::failed("serve", &error))
    }

    /// Octets of these messages.
    async fn size(&self, folder: FolderId, uids: &[Uid]) -> Result<u64, Refusal> {
        let listing = self.store.listing(self.account, folder).await;
        let listing = listing.map_err(|error| replies::failed("copy", &error))?;
        let sizes = uids.iter().filter_map(|uid| listing.find(*uid)).map(|(_, entry)| u64::from(entry.size));
        Ok(sizes.sum())
    }

    async fn copy(
        &self,
        from: FolderId,
        uids: Vec<Uid>,
        to: &str,
        absent: Absent,
    ) -> Result<Answer, Refusal> {
        let to = self.selectable(to).await?;
        let copied = self.store.copy(self.account, from, uids, to, convert::absent(absent)).await;
        copied.map(convert::copied).map_err(|error| replies::failed("copy", &error))
    }

    async fn search(
        &self,
        folder: FolderId,
        uids: Vec<Uid>,
        texts: Vec<imap::Text>,
    ) -> Result<Answer, store::Error> {
        let texts = texts.into_iter().map(convert::text).collect();
        self.store.search(self.account, folder, uids, texts).await.map(Answer::Found)
    }
}

fn settings(settings: &ProtocolSettings) -> Settings {
    let offers = |channel| policy::offers(Door::Imap4(settings), channel);
    let offer = |channel| if offers(channel).basic { Offer::Passwords } else { Offer::Nothing };
    let start_tls = offers(policy::Channel::Clear).start_tls;
    Settings {
        banner: settings.banner.clone(),
        command_limit: usize::try_from(settings.max_command_size).unwrap_or(usize::MAX),
        login_timeout: Duration::from_secs(settings.pre_authenticated_connection_timeout.0),
        idle_timeout: Duration::from_secs(settings.authenticated_connection_timeout.0),
        clear: offer(policy::Channel::Clear),
        tls: offer(policy::Channel::Tls),
        start_tls: if start_tls { StartTls::Offered } else { StartTls::Unavailable },
        ..Settings::default()
    }
}

fn too_many(door: Door<'_>, max: u32) -> Refusal {
    if let Err(refusal) = policy::admit_user(door, max) {
        let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
        tracing::warn!(reason, remedy, "login refused");
    }
    replies::too_many_connections()
}
