//! One account in memory that answers a session's asks, and a driver that moves octets between a script and a session.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a fake for tests")]

use bytes::Bytes;
use imap::{
    Absent, Access, Answer, Ask, Channel, Code, FlagChange, FlagOperation, Folder, FolderKind, Gathered,
    Offer, Opened, Refusal, Role, Session, Settings, Status, Subscription, Text, TextPlace,
};
use mail::{
    BlobId, Body, DateTime, Entry, Flag, FlagSet, FolderId, Keyword, KeywordTable, Listing, ModSeq, Summary,
    Uid, UidValidity,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::{Event, Machine, Step, TlsInfo};

pub struct Account {
    pub folders: Vec<Mailbox>,
    modseq: u64,
    /// The last number given to a folder.
    made: u64,
    incoming: Option<(usize, Vec<u8>)>,
    /// Refuses every change from now on, as a full disk does.
    pub full: bool,
    pub asks: Vec<String>,
    /// Most octets that one ask wanted to read.
    pub largest_read: u32,
    /// How many summaries are given at once.
    pub summaries_at_once: usize,
    /// How many bodies are given at once.
    pub bodies_at_once: usize,
    /// Messages that cannot be read.
    pub damaged: Vec<u32>,
    /// Most messages that one ask wanted to change.
    pub largest_change: usize,
    /// What happens before the ask of that number, as [`Account::counted`] counts.
    pub surprises: Vec<(usize, Surprise)>,
    /// Asks so far, of which there are as many however the input is cut.
    pub counted: usize,
    /// Messages that fit into a folder.
    pub room: usize,
    /// Messages that are gone; octets that were handed out stay readable.
    gone: Vec<(FolderId, Uid, Bytes)>,
}

/// What others do meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surprise {
    /// A message comes into the INBOX.
    Deliver,
    /// The oldest message of the INBOX goes.
    RemoveFirst,
    /// All messages of the INBOX go.
    RemoveAll,
    /// A flag of the oldest message changes.
    Flag,
    /// What is asked is refused.
    Refuse,
    /// The disk is full from now on.
    Full,
}

pub struct Mailbox {
    id: FolderId,
    pub name: String,
    pub role: Option<Role>,
    pub subscribed: bool,
    pub messages: Vec<(Entry, Bytes)>,
    keywords: KeywordTable,
    next: u32,
    recent: u32,
}

impl Mailbox {
    fn new(id: u64, name: &str, role: Option<Role>) -> Mailbox {
        Mailbox {
            id: FolderId(id),
            name: name.to_owned(),
            role,
            subscribed: false,
            messages: Vec::new(),
            keywords: KeywordTable::default(),
            next: 1,
            recent: 1,
        }
    }

    fn put(&mut self, octets: Bytes, flags: FlagSet, date: DateTime, modseq: u64) -> Uid {
        let uid = Uid(self.next);
        self.next += 1;
        let size = u32::try_from(octets.len()).unwrap();
        self.messages.push((Entry { uid, size, flags, modseq: ModSeq(modseq), date }, octets));
        uid
    }

    fn positions(&mut self, keywords: &[Keyword]) -> Result<Vec<u32>, Refusal> {
        let position = |keyword| self.keywords.intern(keyword);
        let positions: Result<_, _> = keywords.iter().map(position).collect();
        positions.map_err(|_| Refusal::new(Code::Limit, "Too many keywords"))
    }

    fn listing(&self, modseq: u64) -> Listing {
        let entries = self.messages.iter().map(|(entry, _)| *entry).collect();
        let keywords = Arc::new(self.keywords.clone());
        Listing::new(entries, keywords, UidValidity(7), Uid(self.next), ModSeq(modseq))
    }
}

impl Account {
    pub fn new() -> Account {
        let mut sent = Mailbox::new(1, "Sent", Some(Role::Sent));
        sent.subscribed = true;
        let folders = vec![Mailbox::new(0, "INBOX", None), sent];
        Account {
            folders,
            modseq: 10,
            made: 1,
            incoming: None,
            full: false,
            asks: Vec::new(),
            largest_read: 0,
            summaries_at_once: 1000,
            bodies_at_once: 1000,
            damaged: Vec::new(),
            largest_change: 0,
            surprises: Vec::new(),
            counted: 0,
            room: usize::MAX,
            gone: Vec::new(),
        }
    }

    pub fn deliver(&mut self, octets: &str, date: &str) -> Uid {
        let date = DateTime::from_imap(date).unwrap();
        self.put(Bytes::from(octets.replace('\n', "\r\n")), date)
    }

    /// A message as it is.
    pub fn deliver_octets(&mut self, octets: &[u8]) -> Uid {
        self.put(Bytes::copy_from_slice(octets), DateTime::utc(0))
    }

    fn put(&mut self, octets: Bytes, date: DateTime) -> Uid {
        self.modseq += 1;
        self.folders[0].put(octets, FlagSet::NONE, date, self.modseq)
    }

    /// Another session changes a flag.
    pub fn set(&mut self, uid: u32, flag: Flag) {
        self.modseq += 1;
        let modseq = ModSeq(self.modseq);
        let (entry, _) =
            self.folders[0].messages.iter_mut().find(|(entry, _)| entry.uid == Uid(uid)).unwrap();
        (entry.flags, entry.modseq) = (entry.flags.with(flag), modseq);
    }

    /// Another session removes a message.
    pub fn remove(&mut self, uid: u32) {
        self.modseq += 1;
        self.lose(self.folders[0].id, |entry| entry.uid == Uid(uid));
    }

    fn lose(&mut self, folder: FolderId, gone: impl Fn(&Entry) -> bool) {
        let Some(at) = self.folders.iter().position(|other| other.id == folder) else { return };
        let lost = self.folders[at].messages.extract_if(.., |(entry, _)| gone(entry));
        self.gone.extend(lost.map(|(entry, octets)| (folder, entry.uid, octets)));
    }

    fn at(&self, name: &str) -> Result<usize, Refusal> {
        let at = self.folders.iter().position(|folder| folder.name == name);
        at.ok_or(Refusal::new(Code::NonExistent, "Mailbox does not exist"))
    }

    fn folder(&mut self, id: FolderId) -> Result<&mut Mailbox, Refusal> {
        let found = self.folders.iter_mut().find(|folder| folder.id == id);
        found.ok_or(Refusal::new(Code::NonExistent, "Mailbox does not exist any more"))
    }

    fn found(&mut self, id: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Bytes)>, Refusal> {
        let messages = self.folder(id)?.messages.iter().filter(|(entry, _)| uids.contains(&entry.uid));
        Ok(messages.map(|(entry, octets)| (entry.uid, octets.clone())).collect())
    }

    /// Bodies, or parts of them, but for those that are damaged, and for those beyond what is given at once.
    fn gathered(
        &mut self,
        folder: FolderId,
        uids: &[Uid],
        of: impl Fn(Bytes) -> Bytes,
    ) -> Result<Gathered<Body>, Refusal> {
        let mut all = self.found(folder, uids)?;
        let left = all.split_off(all.len().min(self.bodies_at_once)).into_iter().map(|(uid, _)| uid);
        let (damaged, good): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(uid, _)| self.damaged.contains(&uid.0));
        Ok(Gathered {
            found: good.into_iter().map(|(uid, octets)| (uid, body(folder, uid, of(octets)))).collect(),
            damaged: damaged.into_iter().map(|(uid, _)| uid).collect(),
            left: left.collect(),
        })
    }

    /// Octets of a body that was handed out.
    fn octets(&mut self, body: &Body, start: u32, len: u32) -> Bytes {
        let (folder, uid) =
            (FolderId(body.blob.0 >> 32), Uid(u32::try_from(body.blob.0 & 0xffff_ffff).unwrap()));
        let here = self.folders.iter().find(|other| other.id == folder);
        let here = here.and_then(|folder| folder.messages.iter().find(|(entry, _)| entry.uid == uid));
        let gone = self.gone.iter().find(|(from, other, _)| (*from, *other) == (folder, uid));
        let octets = here.map(|(_, octets)| octets).or(gone.map(|(_, _, octets)| octets)).unwrap();
        octets.slice(start as usize..(start + len) as usize)
    }

    pub fn answer(&mut self, ask: Ask) -> Answer {
        let name = format!("{ask:?}");
        self.asks.push(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
        let surprise = self.surprises.iter().find(|(at, _)| *at == self.counted).map(|(_, what)| *what);
        if !matches!(ask, Ask::AppendChunk(_) | Ask::Pause) {
            self.counted += 1;
            if let Err(refusal) = surprise.map_or(Ok(()), |what| self.surprise(what)) {
                return Answer::Refused(refusal);
            }
        }
        self.try_answer(ask).unwrap_or_else(Answer::Refused)
    }

    fn surprise(&mut self, what: Surprise) -> Result<(), Refusal> {
        let first = self.folders[0].messages.first().map(|(entry, _)| entry.uid.0);
        match (what, first) {
            (Surprise::Deliver, _) => {
                self.deliver("Subject: new\n\nnow\n", "17-Jul-1996 02:44:25 -0700");
            }
            (Surprise::RemoveFirst, Some(uid)) => self.remove(uid),
            (Surprise::RemoveAll, Some(_)) => {
                self.modseq += 1;
                self.lose(self.folders[0].id, |_| true);
            }
            (Surprise::Flag, Some(uid)) => self.set(uid, Flag::Answered),
            (Surprise::Refuse, _) => return Err(Refusal::new(Code::Unavailable, "Not now")),
            (Surprise::Full, _) => self.full = true,
            (_, None) => {}
        }
        Ok(())
    }

    fn try_answer(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        let changes = matches!(ask, Ask::Create(..) | Ask::Store(..) | Ask::Copy(..) | Ask::AppendChunk(_));
        if self.full && changes {
            return Err(Refusal::new(Code::Unavailable, "The disk is full"));
        }
        match ask {
            Ask::Login(credentials, _) if credentials.password.reveal() == "secret" => Ok(Answer::Done),
            Ask::Login(..) => Err(Refusal::new(Code::AuthenticationFailed, "LOGIN failed.")),
            Ask::Pause => Ok(Answer::Done),
            Ask::Folders => Ok(Answer::Folders(self.folders.iter().map(shown).collect())),
            Ask::Open(name, access) => self.open(&name, access),
            Ask::Status(name) => Ok(Answer::Status(self.status(&name)?)),
            Ask::Create(name, role) => match self.at(&name) {
                Ok(_) => Err(Refusal::new(Code::AlreadyExists, "Mailbox exists already")),
                Err(_) => {
                    self.made += 1;
                    self.folders.push(Mailbox::new(self.made, &name, role));
                    Ok(Answer::Done)
                }
            },
            Ask::Delete(name) => {
                // The first folder is the INBOX, which nobody removes or renames away.
                let at = self.at(&name)?;
                let id = self.folders[at].id;
                if at == 0 {
                    return Err(Refusal::new(Code::Cannot, "INBOX stays"));
                }
                self.lose(id, |_| true);
                self.folders.remove(at);
                Ok(Answer::Deleted(id))
            }
            Ask::Rename(from, to) => {
                let at = self.at(&from)?;
                self.folders[at].name = to;
                Ok(Answer::Done)
            }
            Ask::Subscribe(name, subscription) => {
                let at = self.at(&name)?;
                self.folders[at].subscribed = subscription == Subscription::Subscribed;
                Ok(Answer::Done)
            }
            Ask::Listing(folder) => {
                let modseq = self.modseq;
                Ok(Answer::Listing(self.folder(folder)?.listing(modseq)))
            }
            Ask::Recent(folder) => Ok(Answer::Recent(self.claim(folder)?)),
            ask => self.message_answer(ask),
        }
    }

    fn message_answer(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        Ok(match ask {
            Ask::Summaries(folder, uids) => {
                let mut found = self.found(folder, &uids)?;
                let left = found.split_off(found.len().min(self.summaries_at_once));
                let left = left.into_iter().map(|(uid, _)| uid).collect();
                let summaries = found.into_iter().map(|(uid, octets)| (uid, Arc::new(summary(&octets))));
                Answer::Summaries(Gathered { found: summaries.collect(), damaged: Vec::new(), left })
            }
            Ask::Sent(folder, uids) => {
                let found = self.found(folder, &uids)?.into_iter();
                Answer::Sent(found.map(|(uid, octets)| (uid, summary(&octets).envelope.sent)).collect())
            }
            Ask::Bodies(folder, uids) => Answer::Bodies(self.gathered(folder, &uids, |octets| octets)?),
            Ask::Headers(folder, uids) => {
                let header = |octets: Bytes| octets.slice(..summary(&octets).root.header.len as usize);
                Answer::Headers(self.gathered(folder, &uids, header)?)
            }
            Ask::Read(body, start, len) => {
                self.largest_read = self.largest_read.max(len);
                Answer::Octets(self.octets(&body, start, len))
            }
            Ask::Store(folder, uids, change) => self.store(folder, &uids, &change)?,
            Ask::Copy(from, uids, to, absent) => self.copy(from, &uids, &to, absent)?,
            Ask::Move(from, uids, to, absent) => {
                let copied = self.copy(from, &uids, &to, absent)?;
                let Answer::Copied { uids: moved, .. } = &copied else { return Ok(copied) };
                self.lose(from, |entry| moved.iter().any(|(old, _)| *old == entry.uid));
                copied
            }
            Ask::Expunge(folder, uids) => {
                self.modseq += 1;
                self.largest_change = self.largest_change.max(uids.len());
                let named = |uid| uids.binary_search(&uid).is_ok();
                let gone = |entry: &Entry| entry.flags.contains(Flag::Deleted) && named(entry.uid);
                self.lose(folder, gone);
                Answer::Done
            }
            Ask::Search(folder, uids, texts) => {
                let found = self.found(folder, &uids)?;
                Answer::Found(texts.iter().map(|text| has(&found, text)).collect())
            }
            ask => self.append_answer(ask)?,
        })
    }

    fn append_answer(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        match ask {
            Ask::AppendBegin(name, _) => {
                self.fits(&name, 1)?;
                self.incoming = Some((self.at(&name)?, Vec::new()));
                Ok(Answer::Done)
            }
            Ask::AppendChunk(octets) => {
                self.incoming.as_mut().unwrap().1.extend_from_slice(&octets);
                Ok(Answer::Done)
            }
            Ask::AppendEnd { flags, keywords, date } => {
                self.modseq += 1;
                let (at, octets) = self.incoming.take().unwrap();
                let folder = &mut self.folders[at];
                let flags: FlagSet = flags.into_iter().collect();
                let flags = folder.positions(&keywords)?.into_iter().fold(flags, FlagSet::with_keyword);
                let uid = folder.put(octets.into(), flags, date.unwrap_or_default(), self.modseq);
                Ok(Answer::Appended { uid_validity: UidValidity(7), uid })
            }
            Ask::AppendAbort => {
                self.incoming = None;
                Ok(Answer::Done)
            }
            ask => panic!("{ask:?}"),
        }
    }

    fn open(&mut self, name: &str, access: Access) -> Result<Answer, Refusal> {
        let at = self.at(name)?;
        let folder = self.folders[at].id;
        let recent = match access {
            Access::ReadWrite => self.claim(folder)?,
            Access::ReadOnly => Uid(self.folders[at].recent),
        };
        Ok(Answer::Opened(Opened { folder, listing: self.folders[at].listing(self.modseq), recent }))
    }

    fn claim(&mut self, folder: FolderId) -> Result<Uid, Refusal> {
        let folder = self.folder(folder)?;
        Ok(Uid(std::mem::replace(&mut folder.recent, folder.next)))
    }

    fn fits(&self, name: &str, more: usize) -> Result<(), Refusal> {
        let fits = self.folders[self.at(name)?].messages.len() + more <= self.room;
        if fits { Ok(()) } else { Err(Refusal::new(Code::OverQuota, "The mailbox is full")) }
    }

    fn status(&self, name: &str) -> Result<Status, Refusal> {
        let folder = &self.folders[self.at(name)?];
        let count = |wanted: fn(&Entry) -> bool| {
            u32::try_from(folder.messages.iter().filter(|(entry, _)| wanted(entry)).count()).unwrap()
        };
        Ok(Status {
            messages: count(|_| true),
            unseen: count(|entry| !entry.flags.contains(Flag::Seen)),
            deleted: count(|entry| entry.flags.contains(Flag::Deleted)),
            recent: folder.next - folder.recent,
            size: folder.messages.iter().map(|(entry, _)| u64::from(entry.size)).sum(),
            uid_next: Uid(folder.next),
            uid_validity: UidValidity(7),
            highest_modseq: ModSeq(self.modseq),
        })
    }

    fn store(&mut self, folder: FolderId, uids: &[Uid], change: &FlagChange) -> Result<Answer, Refusal> {
        self.modseq += 1;
        self.largest_change = self.largest_change.max(uids.len());
        let modseq = ModSeq(self.modseq);
        let folder = self.folder(folder)?;
        let system: FlagSet = change.flags.iter().copied().collect();
        let positions = folder.positions(&change.keywords)?;
        let named = positions.into_iter().fold(system, FlagSet::with_keyword);
        let (mut entries, mut modified) = (Vec::new(), Vec::new());
        for (entry, _) in
            folder.messages.iter_mut().filter(|(entry, _)| uids.binary_search(&entry.uid).is_ok())
        {
            if change.unchanged_since.is_some_and(|since| entry.modseq > since) {
                modified.push(entry.uid);
                continue;
            }
            let flags = match change.how {
                FlagOperation::Add => entry.flags.union(named),
                FlagOperation::Remove => entry.flags.minus(named),
                FlagOperation::Replace => named,
            };
            if flags != entry.flags {
                (entry.flags, entry.modseq) = (flags, modseq);
            }
            entries.push(*entry);
        }
        Ok(Answer::Stored { entries, modified })
    }

    fn copy(&mut self, from: FolderId, uids: &[Uid], to: &str, absent: Absent) -> Result<Answer, Refusal> {
        self.fits(to, uids.len())?;
        let to = self.at(to)?;
        self.modseq += 1;
        let modseq = self.modseq;
        let mut copies: Vec<(Entry, Bytes)> = self
            .folder(from)?
            .messages
            .iter()
            .filter(|(entry, _)| uids.contains(&entry.uid))
            .cloned()
            .collect();
        if absent == Absent::Refuse && copies.len() < uids.len() {
            copies.clear();
        }
        let to = &mut self.folders[to];
        let put =
            |(entry, octets): (Entry, Bytes)| (entry.uid, to.put(octets, entry.flags, entry.date, modseq));
        Ok(Answer::Copied { uid_validity: UidValidity(7), uids: copies.into_iter().map(put).collect() })
    }
}

fn shown(folder: &Mailbox) -> Folder {
    let subscription = if folder.subscribed { Subscription::Subscribed } else { Subscription::Unsubscribed };
    Folder { name: folder.name.clone(), role: folder.role, kind: FolderKind::Selectable, subscription }
}

fn summary(octets: &[u8]) -> Summary {
    let mut builder = mail::summary::Builder::new();
    builder.push(octets);
    builder.finish()
}

/// Octets that are handed out with a body, at most.
const AT_HAND: usize = 64 << 10;

fn body(folder: FolderId, uid: Uid, octets: Bytes) -> Body {
    let (blob, size) = (BlobId(folder.0 << 32 | u64::from(uid.0)), u32::try_from(octets.len()).unwrap());
    Body { blob, size, octets: Some(octets).filter(|octets| octets.len() <= AT_HAND) }
}

/// Good enough for plain ASCII messages.
fn has(messages: &[(Uid, Bytes)], text: &Text) -> Vec<Uid> {
    let wanted = text.text.to_ascii_lowercase();
    let holds = |octets: &Bytes| {
        let all = String::from_utf8_lossy(octets).to_ascii_lowercase();
        let (header, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
        match &text.place {
            TextPlace::Anywhere => all.contains(&wanted),
            TextPlace::Body => body.contains(&wanted),
            TextPlace::Header(name) => header
                .lines()
                .filter_map(|line| line.split_once(':'))
                .any(|(field, value)| field.eq_ignore_ascii_case(name) && value.contains(&wanted)),
        }
    };
    messages.iter().filter(|(_, octets)| holds(octets)).map(|(uid, _)| *uid).collect()
}

/// A session with its account, at a moment.
pub struct Client {
    pub session: Session,
    pub account: Account,
    pub now: Instant,
    pub closed: bool,
    /// Largest piece that was written at once.
    pub largest: usize,
    /// How much was written of the answer when each of the last asks to change flags came.
    pub written_before_store: Vec<usize>,
    pub wait: Option<wire::Wait>,
    /// Leaves the conversation where TLS begins; what was sent in clear after the command is never carried out.
    pub stops_at_tls: bool,
    pub tls_begun: bool,
}

impl Client {
    pub fn new(account: Account) -> Client {
        let settings = Settings { clear: Offer::Passwords, append_limit: 100_000, ..Settings::default() };
        Client::with(account, settings)
    }

    pub fn with(account: Account, settings: Settings) -> Client {
        let now = Instant::now();
        let session = Session::new(Arc::new(settings), Channel::Clear, now);
        Client {
            session,
            account,
            now,
            closed: false,
            largest: 0,
            written_before_store: Vec::new(),
            wait: None,
            stops_at_tls: false,
            tls_begun: false,
        }
    }

    /// Logged in, the INBOX selected, greeting and answers read.
    pub fn selected(account: Account) -> Client {
        let mut client = Client::new(account);
        client.send("x LOGIN alice secret\r\ny SELECT INBOX\r\n");
        client
    }

    pub fn send(&mut self, input: &str) -> String {
        String::from_utf8_lossy(&self.send_octets(input.as_bytes())).into_owned()
    }

    pub fn send_octets(&mut self, input: &[u8]) -> Vec<u8> {
        let mut out = self.run();
        if !self.closed && !input.is_empty() {
            self.session.feed(Event::Bytes(input), self.now);
            out.extend(self.run());
        }
        out
    }

    pub fn event(&mut self, event: Event<'_>) -> String {
        String::from_utf8_lossy(&self.event_octets(event)).into_owned()
    }

    pub fn event_octets(&mut self, event: Event<'_>) -> Vec<u8> {
        let mut out = self.run();
        self.session.feed(event, self.now);
        out.extend(self.run());
        out
    }

    pub fn pass(&mut self, time: Duration) -> String {
        String::from_utf8_lossy(&self.pass_octets(time)).into_owned()
    }

    pub fn pass_octets(&mut self, time: Duration) -> Vec<u8> {
        self.now += time;
        self.event_octets(Event::Time)
    }

    fn run(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            match self.session.next(self.now) {
                Step::Write(octets) => {
                    self.largest = self.largest.max(octets.len());
                    out.extend(octets);
                }
                Step::Copy(copy) => {
                    let octets = self.account.octets(&copy.body, copy.start, copy.len);
                    out.extend_from_slice(&wire::char8(&octets));
                }
                Step::Ask(ask) => {
                    if matches!(ask, Ask::Store(..)) {
                        self.written_before_store.push(out.len());
                    }
                    let answer = self.account.answer(ask);
                    self.session.answer(answer);
                }
                Step::Wait(wait) => {
                    self.wait = Some(wait);
                    return out;
                }
                Step::StartTls if self.stops_at_tls => {
                    self.tls_begun = true;
                    self.session.feed(Event::TlsStarted(TlsInfo::default()), self.now);
                    let Step::Wait(_) = self.session.next(self.now) else {
                        panic!("something was left over")
                    };
                    return out;
                }
                Step::StartTls => self.session.feed(Event::TlsStarted(TlsInfo::default()), self.now),
                Step::Close => {
                    self.closed = true;
                    return out;
                }
            }
        }
    }
}
