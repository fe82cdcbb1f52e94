//! Many messages at once into one mailbox, over the admin socket: for import, and for bringing back parts of a backup.
//!
//! After [`crate::protocol::Request::Load`] the connection carries messages. Each begins with a line, a [`Frame::Message`], and
//! has octets behind it, in pieces with their lengths before them, so that nobody needs to know how many there will be. With
//! [`Frame::Commit`] all that came since the last one is filed, in one commit, and answered by one line. A message whose
//! octets are in the folder already, as often as they have come by then, is not filed again: so what was interrupted can be
//! given again as a whole.

use directory::Role;
use mail::{DateTime, Flag, FlagSet, FolderId, Keyword};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use store::{AuditEntry, Error, ObjectChange, OctetsKey, Staged, Store, Target};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// In place of a piece's length: the message could not be read to its end, and is to be forgotten.
pub const ABANDONED: u32 = u32::MAX;
/// Octets of a piece at most.
pub const PIECE: usize = 64 << 10;
/// Octets of a line at most.
const LINE: u64 = 256 << 10;

/// What the client begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// The mailbox, by any name it has.
    pub mailbox: String,
    /// The command that does it, for the audit log.
    pub command: String,
    /// Where the messages come from, for the audit log.
    pub source: String,
}

/// From the client, one a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frame {
    /// A message; its octets follow.
    Message(Head),
    /// File what came.
    Commit,
}

/// What is known of a message beside its octets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The folder, which is created if need be.
    pub folder: String,
    /// Flags by their names.
    pub flags: Vec<String>,
    /// Keywords.
    pub keywords: Vec<String>,
    /// INTERNALDATE.
    pub date: DateTime,
}

/// From the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The mailbox is there.
    Ready,
    /// What became of each message since the last answer.
    Filed(Vec<Outcome>),
    /// It ends here, and why.
    Failed(String),
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is in the folder now.
    Stored,
    /// It was there.
    Present,
    /// It could not be filed, and why.
    Refused(String),
}

/// A folder that messages go into.
struct Folder {
    id: FolderId,
    /// How often it has which octets.
    held: HashMap<OctetsKey, u32>,
    /// How often which octets have come.
    come: HashMap<OctetsKey, u32>,
}

/// Takes messages until the client has no more. `ready` answers that the mailbox is there.
pub async fn serve(
    reader: &mut (impl AsyncBufRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    context: &admin::Context,
    load: &Load,
) -> io::Result<()> {
    let snapshot = context.directory.snapshot();
    // The shell from afar speaks the same protocol, and who is there may have the role of a reader only.
    if let Err(refusal) = policy::administer(&snapshot, context.who, Role::Organization) {
        return answer(writer, &Answer::Failed(refusal.reason())).await;
    }
    let Some(mailbox) = snapshot.mailbox(&load.mailbox) else {
        let text =
            format!("there is no mailbox {}; `Get-Mailbox` in the shell lists those there are", load.mailbox);
        return answer(writer, &Answer::Failed(text)).await;
    };
    let mut loading = Loading {
        store: context.store.clone(),
        account: mailbox.account,
        folders: HashMap::new(),
        batch: Vec::new(),
        outcomes: Vec::new(),
    };
    let entry = AuditEntry {
        time: context.node.now(),
        caller: context.caller.clone(),
        cmdlet: load.command.clone(),
        object: mailbox.name.clone(),
        details: serde_json::json!({ "Source": load.source }).to_string(),
    };
    let told = context.store.save(ObjectChange { audit: vec![entry], ..ObjectChange::default() }).await;
    if let Err(error) = told {
        return answer(writer, &Answer::Failed(error.to_string())).await;
    }
    answer(writer, &Answer::Ready).await?;
    loop {
        let mut line = Vec::new();
        if (&mut *reader).take(LINE).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        match serde_json::from_slice(&line)? {
            Frame::Message(head) => loading.take(reader, head).await?,
            Frame::Commit => {
                let reply = match loading.commit().await {
                    Ok(outcomes) => Answer::Filed(outcomes),
                    Err(error) => Answer::Failed(error.to_string()),
                };
                answer(writer, &reply).await?;
            }
        }
    }
}

async fn answer(writer: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    writer.write_all(&crate::protocol::line(answer)?).await?;
    // TLS may hold octets back.
    writer.flush().await
}

struct Loading {
    store: Store,
    account: mail::AccountId,
    folders: HashMap<String, Folder>,
    /// Messages that are not filed yet, and which of the outcomes is theirs.
    batch: Vec<(usize, Staged, Target)>,
    outcomes: Vec<Outcome>,
}

impl Loading {
    /// Takes in one message. Its octets are read to their end whatever becomes of it.
    async fn take(&mut self, reader: &mut (impl AsyncBufRead + Unpin), head: Head) -> io::Result<()> {
        let mut staging = self.store.stage();
        let mut failed = None;
        let mut piece = vec![0; PIECE];
        loop {
            let length = reader.read_u32().await?;
            if length == 0 {
                break;
            }
            if length == ABANDONED {
                return Ok(());
            }
            let room = piece.get_mut(..length as usize).ok_or(io::ErrorKind::InvalidData)?;
            reader.read_exact(room).await?;
            if failed.is_none() {
                failed = staging.write(room).await.err();
            }
        }
        let staged = match failed {
            None => staging.finish().await,
            Some(error) => Err(error),
        };
        let at = self.outcomes.len();
        self.outcomes.push(Outcome::Stored);
        let placed = match staged {
            Ok(staged) => self.place(staged, head).await,
            Err(error) => Err(error),
        };
        match placed {
            Ok(Some((staged, target))) => self.batch.push((at, staged, target)),
            Ok(None) => self.decide(at, Outcome::Present),
            Err(error) => self.decide(at, Outcome::Refused(error.to_string())),
        }
        Ok(())
    }

    fn decide(&mut self, at: usize, outcome: Outcome) {
        if let Some(undecided) = self.outcomes.get_mut(at) {
            *undecided = outcome;
        }
    }

    /// Where a message goes; nowhere, if it is there.
    async fn place(&mut self, staged: Staged, head: Head) -> Result<Option<(Staged, Target)>, Error> {
        let account = self.account;
        let folder = self.folder(&head.folder).await?;
        let come = folder.come.entry(staged.key()).or_default();
        *come += 1;
        if folder.held.get(&staged.key()).is_some_and(|held| *held >= *come) {
            return Ok(None);
        }
        let flags: FlagSet = head.flags.iter().filter_map(|name| Flag::from_name(name)).collect();
        let keywords = head.keywords.iter().filter_map(|name| Keyword::new(name)).collect();
        Ok(Some((staged, Target { account, folder: Some(folder.id), flags, keywords, date: head.date })))
    }

    /// The folder of this name, made if need be.
    async fn folder(&mut self, name: &str) -> Result<&mut Folder, Error> {
        if !self.folders.contains_key(name) {
            let there = self.store.folders(self.account).await?;
            let is_it = |folder: &&store::Folder| {
                folder.selectable
                    && (folder.name == name
                        || folder.name.eq_ignore_ascii_case("INBOX") && name.eq_ignore_ascii_case("INBOX"))
            };
            let id = match there.iter().find(is_it) {
                Some(folder) => folder.id,
                None => self.store.create_folder(self.account, name, None).await?,
            };
            let held = self.store.held(self.account, id).await?;
            self.folders.insert(name.to_owned(), Folder { id, held, come: HashMap::new() });
        }
        self.folders.get_mut(name).ok_or(Error::NotFound)
    }

    /// Files what came, together; where that is refused, one by one, so that one message does not keep the others out.
    async fn commit(&mut self) -> Result<Vec<Outcome>, Error> {
        let batch = std::mem::take(&mut self.batch);
        if batch.len() < 2 || self.together(&batch).await.is_err() {
            self.apart(batch).await?;
        }
        Ok(std::mem::take(&mut self.outcomes))
    }

    async fn together(&self, batch: &[(usize, Staged, Target)]) -> Result<(), Error> {
        let messages = batch.iter().map(|(_, staged, target)| (staged.clone(), target.clone())).collect();
        self.store.file(messages).await.map(drop)
    }

    async fn apart(&mut self, batch: Vec<(usize, Staged, Target)>) -> Result<(), Error> {
        for (at, staged, target) in batch {
            match self.store.deliver(staged, vec![target], None).await {
                Ok(_) => {}
                Err(error @ (Error::Full | Error::Closed | Error::Denied(_) | Error::ReadOnly(_))) => {
                    return Err(error);
                }
                Err(error) => self.decide(at, Outcome::Refused(error.to_string())),
            }
        }
        Ok(())
    }
}
