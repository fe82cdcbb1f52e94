//! Where a message for a recipient ends: groups are taken apart, forwards followed, restrictions kept.

use crate::{Client, Refusal, Rights};
use directory::{Acceptance, DomainType, Mailbox, Recipient, Snapshot};
use mail::Address;
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// Where mail for a recipient goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Into these mailboxes.
    pub local: Vec<Arc<Mailbox>>,
    /// To these addresses on other servers.
    pub remote: Vec<Address>,
}

impl Route {
    /// To an address on another server.
    pub fn remote(address: &Address) -> Route {
        Route { local: Vec::new(), remote: vec![address.clone()] }
    }

    fn is_empty(&self) -> bool {
        self.local.is_empty() && self.remote.is_empty()
    }
}

/// Who sends a message, as far as restrictions of recipients ask.
#[derive(Clone, Debug, Default)]
pub struct Author {
    /// The recipient that the sender is, with the groups it is in.
    known: HashSet<Uuid>,
    /// Whether the client proved who it is.
    authenticated: bool,
}

/// Who sends it: the user who logged in, else whom the envelope names. An envelope of nobody who proved anything can
/// name contacts only, who are elsewhere: the name of a mailbox is easily taken in vain.
pub fn author(all: &Snapshot, rights: Rights, client: Client, sender: Option<&Address>) -> Author {
    let named = || sender.and_then(|address| all.addressee(address));
    let who = match client {
        Client::User(account) => all.mailbox_by_account(account).cloned().map(Recipient::Mailbox),
        Client::ExternallySecured => named(),
        Client::Anonymous => named().filter(|found| matches!(found, Recipient::Contact(_))),
    };
    let mut known = HashSet::new();
    if let Some(who) = who {
        known = all.membership().all(who.guid());
        known.insert(who.guid());
    }
    Author { known, authenticated: rights.authenticated }
}

/// Whether a recipient takes mail from this author.
fn accepts(recipient: &Recipient, author: &Author) -> Result<(), Refusal> {
    let Acceptance { accept_only_from, reject_from, require_sender_authentication } = recipient.acceptance();
    let is_among = |list: &[Uuid]| list.iter().any(|guid| author.known.contains(guid));
    let recipient_label = || recipient.label();
    if *require_sender_authentication && !author.authenticated {
        return Err(Refusal::RecipientNeedsLogin {
            recipient: recipient_label(),
            command: command(recipient),
        });
    }
    if is_among(reject_from) || (!accept_only_from.is_empty() && !is_among(accept_only_from)) {
        return Err(Refusal::SenderNotWelcome { recipient: recipient_label(), command: command(recipient) });
    }
    Ok(())
}

/// The command that changes this recipient.
fn command(recipient: &Recipient) -> String {
    let noun = match recipient {
        Recipient::Mailbox(_) => "Mailbox",
        Recipient::Group(_) => "DistributionGroup",
        Recipient::Contact(_) => "MailContact",
    };
    format!("Set-{noun} {}", crate::refusal::quoted(recipient.name()))
}

/// Where a message of this author for this recipient goes. What the recipient itself does not take is refused; members of
/// groups that do not take it are left out, unless nobody is left.
pub fn expand(all: &Snapshot, to: Recipient, author: &Author) -> Result<Route, Refusal> {
    let mut walk = Walk {
        all,
        author,
        seen: HashSet::new(),
        placed: HashSet::new(),
        reached: 0,
        route: Route::default(),
    };
    walk.visit(to.clone())?;
    if walk.route.is_empty() {
        return Err(Refusal::NobodyInGroup { group: to.name().to_owned() });
    }
    Ok(walk.route)
}

/// A walk through groups and forwards, each of which is entered once: what holds itself does no harm.
struct Walk<'a> {
    all: &'a Snapshot,
    author: &'a Author,
    seen: HashSet<Uuid>,
    /// Mailboxes and addresses that have their copy.
    placed: HashSet<String>,
    /// How often somebody was reached, also who has a copy already.
    reached: usize,
    route: Route,
}

/// What is to be done next in a walk.
enum Next {
    /// Go there.
    Visit(Recipient),
    /// File into this mailbox, if its forward has reached nobody: so many were reached before.
    OrElse(Arc<Mailbox>, usize),
}

impl Walk<'_> {
    fn visit(&mut self, first: Recipient) -> Result<(), Refusal> {
        let mut refused = None;
        let mut next = vec![Next::Visit(first)];
        // Not by recursion: groups may be nested as deep as an administrator likes.
        while let Some(step) = next.pop() {
            let recipient = match step {
                Next::Visit(recipient) => recipient,
                Next::OrElse(mailbox, before) => {
                    if self.reached == before {
                        self.file(&mailbox);
                    }
                    continue;
                }
            };
            if !self.seen.insert(recipient.guid()) {
                continue;
            }
            if let Err(refusal) = accepts(&recipient, self.author) {
                refused = Some(refusal);
                continue;
            }
            match recipient {
                Recipient::Group(group) => {
                    // The last is taken first.
                    let members = group.members.iter().rev();
                    let known = members.filter_map(|guid| self.all.recipient_by_guid(*guid));
                    next.extend(known.map(Next::Visit));
                }
                Recipient::Contact(contact) => self.send(&contact.external_email_address),
                Recipient::Mailbox(mailbox) => self.mailbox(mailbox, &mut next),
            }
        }
        refused.filter(|_| self.route.is_empty()).map_or(Ok(()), Err)
    }

    /// Files into a mailbox, or goes where it forwards to. A forward that reaches nobody, or leads back to where the message
    /// was already, ends in the mailbox: no message is lost in a circle or an empty group.
    fn mailbox(&mut self, mailbox: Arc<Mailbox>, next: &mut Vec<Next>) {
        let flow = &mailbox.mail_flow;
        let outside = flow.forwarding_smtp_address.as_ref().filter(|_| flow.forwarding_address.is_none());
        let (target, address) = match outside {
            None => (flow.forwarding_address.and_then(|guid| self.all.recipient_by_guid(guid)), None),
            Some(address) if is_here(self.all, address) => (self.all.addressee(address), None),
            Some(address) => (None, Some(address)),
        };
        let target = target.filter(|target| accepts(target, self.author).is_ok());
        if let Some(address) = address {
            self.send(address);
        }
        if flow.deliver_to_mailbox_and_forward || (target.is_none() && address.is_none()) {
            self.file(&mailbox);
        }
        let Some(target) = target else { return };
        if self.placed.contains(&target.guid().to_string()) {
            self.reached += 1;
        } else {
            next.push(Next::OrElse(mailbox, self.reached));
            next.push(Next::Visit(target));
        }
    }

    fn file(&mut self, mailbox: &Arc<Mailbox>) {
        self.reached += 1;
        if self.placed.insert(mailbox.guid.to_string()) {
            self.route.local.push(mailbox.clone());
        }
    }

    fn send(&mut self, address: &Address) {
        self.reached += 1;
        if self.placed.insert(address.key()) {
            self.route.remote.push(address.clone());
        }
    }
}

/// Whether all recipients of the address's domain are here.
fn is_here(all: &Snapshot, address: &Address) -> bool {
    all.accepted_domain(address.domain()).is_some_and(|domain| {
        domain.domain_type == DomainType::Authoritative || all.addressee(address).is_some()
    })
}
