//! A message on its way in: from the first octet to the store's yes.

use crate::header;
use crate::space::{HeaderSpace, Share};
use crate::trace::{self, Trace};
use directory::{ReceiveConnector, Snapshot};
use mail::{AccountId, Address, FlagSet};
use policy::{Client, Refusal};
use std::collections::HashSet;
use std::sync::Arc;
use store::{Staging, Store, Target};

/// Where a recipient's copies go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// To the INBOX of these accounts.
    pub local: Vec<AccountId>,
    /// To these addresses on other servers, through the queue.
    pub remote: Vec<Address>,
}

/// An accepted recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address as given.
    pub address: Address,
    /// As policy decided.
    pub route: Route,
}

/// Sender and recipients as agreed before the message.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The reverse path; `None` is the empty one.
    pub sender: Option<Address>,
    /// At least one.
    pub recipients: Vec<Recipient>,
    /// Whether the message needs SMTPUTF8 on its way.
    pub smtputf8: bool,
}

/// What a message is held against.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is allowed.
    pub all: Arc<Snapshot>,
    /// The connector it came by.
    pub connector: Arc<ReceiveConnector>,
    /// Who sends it. A user's message gets the Date and Message-ID it lacks (RFC 6409 §8.2, §8.3), and loses its Bcc and
    /// Return-Path, and lines of mbox before its header.
    pub client: Client,
}

/// Why a message is not taken.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is too large, names others as its authors, or has passed through too many servers.
    Refused(Refusal),
    /// The headers of other messages use all the memory that there is for them.
    Busy,
    /// The store could not take it.
    Store(store::Error),
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Fault {
        Fault::Store(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Refused(refusal) => refusal.fmt(f),
            Fault::Busy => f.write_str("too many long headers are coming in"),
            Fault::Store(error) => write!(f, "the store could not take it: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

/// What became of a message that was taken.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its Message-ID where it has a sound one, else our name for it.
    pub message_id: String,
    /// What the store says.
    pub delivered: store::Delivered,
}

/// A message coming in. Dropping it forgets the message.
pub struct Intake {
    staging: Staging,
    envelope: Envelope,
    trace: Trace,
    rules: Rules,
    message_id: String,
    /// Octets that came.
    size: u64,
    /// The header as far as it came; `None` once it is complete and stored.
    header: Option<Vec<u8>>,
    /// Its part of the memory for headers.
    share: Share,
}

impl Intake {
    /// Makes ready to take a message in.
    pub fn new(
        staging: Staging,
        envelope: Envelope,
        trace: Trace,
        rules: Rules,
        space: &HeaderSpace,
    ) -> Intake {
        let share = space.share();
        let message_id = trace.message_id();
        Intake { staging, envelope, trace, rules, message_id, size: 0, header: Some(Vec::new()), share }
    }

    /// Octets of the message that came.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Who gets it.
    pub fn recipients(&self) -> &[Recipient] {
        &self.envelope.recipients
    }

    /// Leaves these accounts out.
    pub fn leave_out(&mut self, accounts: &[AccountId]) {
        for recipient in &mut self.envelope.recipients {
            recipient.route.local.retain(|account| !accounts.contains(account));
        }
    }

    /// Takes the next octets. After a fault the message is lost.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), Fault> {
        self.size = self.size.saturating_add(octets.len() as u64);
        let Rules { all, connector, client } = &self.rules;
        policy::size(all, connector, *client, self.size)?;
        let Some(header) = &mut self.header else { return Ok(self.staging.write(octets).await?) };
        let looked = header.len();
        header.extend_from_slice(octets);
        let end = header::end(header, looked);
        policy::header(&self.rules.connector, end.unwrap_or(header.len()) as u64)?;
        match end {
            Some(end) => self.begin(end).await,
            None if self.share.reaches(header.len()) => Ok(()),
            None => Err(Fault::Busy),
        }
    }

    /// The message is complete: files it. When this returns `Ok`, it is on stable storage for all recipients.
    pub async fn finish(mut self, store: &Store) -> Result<Accepted, Fault> {
        if let Some(len) = self.header.as_ref().map(Vec::len) {
            self.begin(len).await?;
        }
        let staged = self.staging.finish().await?;
        let targets = targets(&self.envelope, &self.trace);
        let queue = queued(&self.envelope, &self.trace);
        let delivered = store.deliver(staged, targets, queue).await?;
        Ok(Accepted { message_id: self.message_id, delivered })
    }

    /// The header, the first `end` octets of what came, is complete: stores the trace fields and what came so far.
    async fn begin(&mut self, end: usize) -> Result<(), Fault> {
        let octets = self.header.take().unwrap_or_default();
        self.share.give_back();
        let (header, rest) = octets.split_at_checked(end).unwrap_or((&octets, &[]));
        let mbox = if self.is_submission() { header::mbox_lines(header) } else { 0 };
        let header = header.get(mbox..).unwrap_or_default();
        let facts = header::facts(header);
        let Rules { all, connector, client } = &self.rules;
        policy::hops(connector, facts.received)?;
        if facts.begins_with_field {
            policy::authors(all, connector, *client, &facts.authors)?;
        }
        let head = self.head(&facts);
        if let Some(id) = facts.message_id {
            self.message_id = id;
        }
        self.staging.write(head.as_bytes()).await?;
        if self.is_submission() && facts.begins_with_field && facts.has_private {
            self.staging.write(&header::without_private(header)).await?;
        } else {
            self.staging.write(header).await?;
        }
        Ok(self.staging.write(rest).await?)
    }

    fn is_submission(&self) -> bool {
        matches!(self.rules.client, Client::User(_))
    }

    /// What is put before the message.
    fn head(&self, facts: &header::Facts) -> String {
        let only = match self.envelope.recipients.as_slice() {
            [only] => Some(&only.address),
            _ => None,
        };
        let complete = self.is_submission();
        let mut head = trace::return_path(self.envelope.sender.as_ref());
        head.push_str(&self.trace.received(only));
        if complete && !facts.has_date {
            head.push_str(&format!("Date: {}\r\n", self.trace.date.to_rfc5322()));
        }
        if complete && !facts.has_message_id {
            head.push_str(&format!("Message-ID: {}\r\n", self.trace.message_id()));
        }
        if !facts.begins_with_field {
            // A person at a terminal forgets the empty line; without it the text would become part of our fields.
            head.push_str("\r\n");
        }
        head
    }
}

/// One copy for each account, however many of its addresses were named.
fn targets(envelope: &Envelope, trace: &Trace) -> Vec<Target> {
    let mut seen = HashSet::new();
    let accounts = envelope.recipients.iter().flat_map(|recipient| &recipient.route.local);
    accounts
        .filter(|account| seen.insert(**account))
        .map(|account| Target {
            account: *account,
            folder: None,
            flags: FlagSet::NONE,
            keywords: Vec::new(),
            date: trace.date,
        })
        .collect()
}

/// The queue's envelope, where there are recipients elsewhere.
fn queued(envelope: &Envelope, trace: &Trace) -> Option<store::Envelope> {
    let mut seen = HashSet::new();
    let addresses = envelope.recipients.iter().flat_map(|recipient| &recipient.route.remote);
    let recipients: Vec<(String, String)> = addresses
        .filter(|address| seen.insert(*address))
        .map(|address| (address.to_string(), String::new()))
        .collect();
    (!recipients.is_empty()).then(|| store::Envelope {
        sender: envelope.sender.as_ref().map(ToString::to_string),
        recipients,
        smtputf8: envelope.smtputf8,
        accepted: trace.date.seconds,
    })
}
