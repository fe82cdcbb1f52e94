//! What the SMTP session asks for, done with policy, transport and store.
//!
//! What policy is asked: `Login` is `policy::login`; `Sender` is `sender`, `size` and, with what the mailbox holds,
//! `may_send`; `Recipient` is `recipients`, `recipient` and, with what the mailbox holds, `room`; `Chunk` and `Finish` are
//! `size`, `header`, `hops` and `authors`, which `transport` asks, and `room` again where more comes than MAIL announced. `Begin` and `Abandon` refuse nobody.
//!
//! What a client hears for a refusal or a failure is in [`replies`], and nowhere else. Postmaster without a domain is the
//! postmaster of the default accepted domain (RFC 5321 §4.5.1), whose mail goes to the administrators unless a mailbox
//! has that address.

mod replies;

use crate::login::{Origin, log_in, tell_of_quota};
use crate::{Connection, Context, Serve};
use bytes::Bytes;
use directory::{Limit, Mailbox, ReceiveConnector, SizeEnabled, Snapshot};
use mail::{AccountId, Address, ModSeq};
use policy::{Channel, Door, Refusal};
use smtp::{
    Answer, Ask, Destination, Envelope, Extension, ForwardPath, RecipientAsk, SenderAsk, Session, Settings,
    Standing,
};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use transport::{Intake, Protocol, Route, Rules, Trace};
use wire::TlsInfo;
use wire::sasl::{Credentials, Mechanism};

/// The session for a connection, and who serves it.
pub fn open(
    context: &Arc<Context>,
    connection: &Connection,
    connector: &Arc<ReceiveConnector>,
    now: Instant,
) -> (Session, SmtpServe) {
    let address = connection.remote.ip().to_canonical();
    let session = Session::new(settings(context, connector), address, connection.tls.clone(), now);
    let serve = SmtpServe {
        context: context.clone(),
        connector: connector.clone(),
        remote: address,
        tls: connection.tls.clone(),
        user: None,
        from: None,
        coming: None,
    };
    (session, serve)
}

fn settings(context: &Context, connector: &ReceiveConnector) -> Settings {
    let limit = |limit| match limit {
        Limit::Unlimited => None,
        Limit::To(limit) => Some(limit),
    };
    let greeting =
        connector.banner.as_deref().map(|banner| banner.trim_start_matches("220").trim_start().to_owned());
    Settings {
        fqdn: name(context, connector).to_owned(),
        greeting,
        clear: offers(connector, Channel::Clear),
        tls: offers(connector, Channel::Tls),
        extensions: extensions(context, connector),
        max_errors: limit(connector.max_protocol_errors),
        max_logon_failures: Some(connector.max_logon_failures).filter(|max| *max > 0),
        inactivity: connector.connection_inactivity_timeout.duration(),
        lifetime: connector.connection_timeout.duration(),
        tarpit: connector.tarpit_interval.duration(),
    }
}

/// What EHLO says to everybody.
fn extensions(context: &Context, connector: &ReceiveConnector) -> Vec<Extension> {
    let offered = &connector.extensions;
    let size = policy::announced_size(&context.directory.snapshot(), connector).0;
    let size = match offered.size {
        SizeEnabled::Enabled => Some(Extension::Size(Some(size))),
        SizeEnabled::EnabledWithoutValue => Some(Extension::Size(None)),
        SizeEnabled::Disabled => None,
    };
    let switched = [
        (offered.pipelining, Extension::Pipelining),
        (offered.enhanced_status_codes, Extension::EnhancedStatusCodes),
        (offered.eight_bit_mime, Extension::EightBitMime),
        (offered.smtp_utf8, Extension::SmtpUtf8),
    ];
    size.into_iter()
        .chain(switched.into_iter().filter(|(on, _)| *on).map(|(_, extension)| extension))
        .collect()
}

fn name<'a>(context: &'a Context, connector: &'a ReceiveConnector) -> &'a str {
    if connector.fqdn.is_empty() { &context.hostname } else { &connector.fqdn }
}

/// Challenge-response mechanisms join the list when `wire` has one.
fn offers(connector: &ReceiveConnector, channel: Channel) -> smtp::Offers {
    let offers = policy::offers(Door::Smtp(connector), channel);
    let auth = if offers.basic { Mechanism::SASL.to_vec() } else { Vec::new() };
    smtp::Offers { starttls: offers.start_tls, auth }
}

/// Serves one SMTP session.
pub struct SmtpServe {
    context: Arc<Context>,
    connector: Arc<ReceiveConnector>,
    remote: IpAddr,
    tls: Option<TlsInfo>,
    /// Who logged in, as of the login.
    user: Option<Arc<Mailbox>>,
    /// The sender of the transaction; each begins with one.
    from: Option<Address>,
    /// The message that is coming in.
    coming: Option<Coming>,
}

/// A message that is coming in.
struct Coming {
    intake: Intake,
    /// SIZE as announced, for which every recipient has room.
    announced: u64,
    /// The size from which on it is asked again whether they have.
    ask_at: u64,
}

/// A message of less is not asked about before its end.
const LITTLE: u64 = 64 * 1024;

impl Serve for SmtpServe {
    type Machine = Session;

    async fn serve(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Login(standing, credentials) => self.login(standing, credentials).await,
            Ask::Sender(ask) => self.sender(ask).await,
            Ask::Recipient(ask) => self.recipient(ask).await,
            Ask::Begin(envelope) => self.begin(*envelope),
            Ask::Chunk(octets) => self.chunk(octets).await,
            Ask::Finish => self.finish().await,
            Ask::Abandon => self.abandon(),
        }
    }

    fn may_drop(ask: &Ask) -> bool {
        matches!(ask, Ask::Login(..))
    }

    fn tls_started(&mut self, tls: &TlsInfo) {
        self.tls = Some(tls.clone());
    }

    fn user(&self) -> Option<&Arc<Mailbox>> {
        self.user.as_ref()
    }

    fn changes(&mut self) -> Option<&mut watch::Receiver<ModSeq>> {
        None
    }
}

impl SmtpServe {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.context.directory.snapshot()
    }

    fn client(&self, user: Option<AccountId>) -> policy::Client {
        policy::client(&self.connector, user)
    }

    async fn login(&mut self, standing: Standing, credentials: Credentials) -> Answer {
        let (snapshot, door) = (self.snapshot(), Door::Smtp(&self.connector));
        let from = Origin { remote: self.remote, tls: self.tls.as_ref() };
        match log_in(&self.context, &snapshot, door, channel(standing), from, &credentials).await {
            Ok(mailbox) => {
                let account = mailbox.account;
                self.user = Some(mailbox);
                Answer::LoggedIn(account)
            }
            Err(refusal) => Answer::Refused(replies::of_refusal(&refusal)),
        }
    }

    async fn sender(&mut self, ask: SenderAsk) -> Answer {
        self.from.clone_from(&ask.sender);
        let (snapshot, client) = (self.snapshot(), self.client(ask.standing.user));
        let sender = ask.sender.as_ref();
        let judged = policy::sender(&snapshot, &self.connector, client, channel(ask.standing), sender)
            .and_then(|()| policy::size(&snapshot, &self.connector, client, ask.size));
        if let Err(refusal) = judged {
            return self.refuse(&refusal);
        }
        let mailbox = ask.standing.user.and_then(|user| snapshot.mailbox_by_account(user));
        match mailbox {
            Some(mailbox) => {
                let judge = |used| policy::may_send(&snapshot, mailbox, used);
                self.within(&snapshot, mailbox, judge).await
            }
            None => Answer::Granted,
        }
    }

    async fn recipient(&mut self, ask: RecipientAsk) -> Answer {
        let snapshot = self.snapshot();
        let route = match self.route(&snapshot, &ask) {
            Ok(route) => route,
            Err(refusal) => return self.refuse(&refusal),
        };
        // There may be several: whoever has room gets it.
        let (mut local, mut full) = (Vec::new(), None);
        for mailbox in &route.local {
            let judge = |used| policy::room(&snapshot, mailbox, used, ask.size);
            match self.within(&snapshot, mailbox, judge).await {
                Answer::Granted => local.push(mailbox.account),
                refused => full = Some(refused),
            }
        }
        match full {
            Some(refused) if local.is_empty() && route.remote.is_empty() => refused,
            _ => Answer::Recipient(Destination { local, remote: route.remote }),
        }
    }

    fn route(&self, snapshot: &Snapshot, ask: &RecipientAsk) -> Result<policy::Route, Refusal> {
        let (connector, client) = (&self.connector, self.client(ask.standing.user));
        policy::recipients(snapshot, connector, client, u32::try_from(ask.have).unwrap_or(u32::MAX))?;
        let address = address(snapshot, &ask.path)
            .ok_or_else(|| Refusal::UnknownRecipient { recipient: ask.path.to_string() })?;
        let rights = policy::rights(snapshot, connector, client);
        let author = policy::author(snapshot, rights, client, self.from.as_ref());
        policy::recipient(snapshot, connector, client, &author, &address)
    }

    /// Asks the question about what the mailbox holds, which is looked up only where there is a quota.
    async fn within(
        &self,
        snapshot: &Snapshot,
        mailbox: &Mailbox,
        judge: impl FnOnce(u64) -> Result<(), Refusal>,
    ) -> Answer {
        let quotas = snapshot.quotas(mailbox);
        let used = if [quotas.prohibit_send, quotas.prohibit_send_receive] == [Limit::Unlimited; 2] {
            Ok(0)
        } else {
            self.context.store.usage(mailbox.account).await.map(|usage| usage.octets)
        };
        match used {
            Ok(used) => judge(used).map_or_else(|refusal| self.refuse(&refusal), |()| Answer::Granted),
            Err(error) => self.fail(&error),
        }
    }

    fn begin(&mut self, envelope: Envelope) -> Answer {
        let Some(id) = new_id() else { return Answer::Refused(replies::TRY_LATER) };
        let client = self.client(envelope.client.user);
        let announced = envelope.transaction.size;
        let trace = self.trace(&envelope, id);
        let all = self.snapshot();
        let Some(envelope) = agreed(&all, envelope) else {
            return Answer::Refused(replies::TRY_LATER);
        };
        let rules = Rules { all, connector: self.connector.clone(), client };
        let (staging, space) = (self.context.store.stage(), &self.context.header_space);
        let intake = Intake::new(staging, envelope, trace, rules, space);
        self.coming = Some(Coming { intake, announced, ask_at: announced.max(LITTLE) });
        Answer::Granted
    }

    fn trace(&self, envelope: &Envelope, id: String) -> Trace {
        let client = &envelope.client;
        let with = Protocol {
            extended: client.hello == smtp::Hello::Ehlo,
            tls: client.tls.is_some(),
            login: client.user.is_some(),
            utf8: envelope.transaction.smtputf8,
        };
        Trace {
            from: client.name.clone(),
            address: client.address,
            by: name(&self.context, &self.connector).to_owned(),
            with,
            tls: client.tls.as_ref().map(|tls| format!("{} {}", tls.version, tls.cipher)),
            id,
            date: self.context.now(),
        }
    }

    async fn chunk(&mut self, octets: Bytes) -> Answer {
        // Taken: after a refusal it is gone.
        let Some(mut coming) = self.coming.take() else { return Answer::Refused(replies::TRY_LATER) };
        if let Err(fault) = coming.intake.write(&octets).await {
            return self.faulty(&fault);
        }
        // As often as the message doubles, so that little comes in vain and asking costs little.
        if coming.intake.size() > coming.ask_at {
            coming.ask_at = coming.intake.size().saturating_mul(2);
            if let Err(refused) = self.make_room(&mut coming.intake).await {
                return refused;
            }
        }
        self.coming = Some(coming);
        Answer::Granted
    }

    /// Asks whether the recipients have room for what came so far. There is one answer for all of them: where one has no
    /// room, nobody gets the message and its sender hears so, rather than take it that everybody has it. With SIZE
    /// announced this does not happen: RCPT has refused that recipient alone.
    async fn make_room(&self, intake: &mut Intake) -> Result<(), Answer> {
        let (snapshot, size) = (self.snapshot(), intake.size());
        let mut full = Vec::new();
        for recipient in intake.recipients() {
            let accounts = &recipient.route.local;
            let (mut has_room, mut refused) = (false, None);
            // Those that have been removed meanwhile the store will miss.
            for mailbox in accounts.iter().filter_map(|account| snapshot.mailbox_by_account(*account)) {
                let judge = |used| policy::room(&snapshot, mailbox, used, size);
                match self.within(&snapshot, mailbox, judge).await {
                    Answer::Granted => has_room = true,
                    answer => {
                        full.push(mailbox.account);
                        refused = Some(answer);
                    }
                }
            }
            if let Some(refused) = refused.filter(|_| !has_room && recipient.route.remote.is_empty()) {
                return Err(refused);
            }
        }
        intake.leave_out(&full);
        Ok(())
    }

    /// Leaves out accounts that were removed since RCPT; only where nobody else is left, the message is refused.
    fn leave_out_removed(&self, intake: &mut Intake) -> Result<(), Answer> {
        let snapshot = self.snapshot();
        let is_removed = |account: &AccountId| snapshot.mailbox_by_account(*account).is_none();
        let (mut removed, mut nobody, mut is_wanted) = (Vec::new(), None, false);
        for recipient in intake.recipients() {
            let accounts = &recipient.route.local;
            if !recipient.route.remote.is_empty() || accounts.is_empty() || !accounts.iter().all(is_removed) {
                is_wanted = true;
            } else {
                let recipient = recipient.address.to_string();
                tracing::warn!(remote = %self.remote, recipient, "its mailbox was removed while a message came; it gets none");
                nobody = Some(recipient);
            }
            removed.extend(accounts.iter().copied().filter(is_removed));
        }
        if let Some(recipient) = nobody.filter(|_| !is_wanted) {
            return Err(self.refuse(&Refusal::UnknownRecipient { recipient }));
        }
        intake.leave_out(&removed);
        Ok(())
    }

    async fn finish(&mut self) -> Answer {
        let Some(Coming { mut intake, announced, .. }) = self.coming.take() else {
            return Answer::Refused(replies::TRY_LATER);
        };
        if intake.size() > announced
            && let Err(refused) = self.make_room(&mut intake).await
        {
            return refused;
        }
        if let Err(refused) = self.leave_out_removed(&mut intake) {
            return refused;
        }
        match intake.finish(&self.context.store).await {
            Ok(accepted) => {
                tracing::info!(remote = %self.remote, message_id = accepted.message_id, "message accepted");
                Answer::Accepted(accepted.message_id)
            }
            Err(fault) => self.faulty(&fault),
        }
    }

    fn abandon(&mut self) -> Answer {
        self.coming = None;
        Answer::Granted
    }

    /// What our own users may not do is told to whoever reads only warnings, as they will ask; strangers try much.
    fn refuse(&self, refusal: &Refusal) -> Answer {
        let (remote, connector) = (self.remote, &self.connector.name);
        let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
        match &self.user {
            Some(user) => tracing::warn!(%remote, user = user.name, connector, reason, remedy, "refused"),
            None => tracing::info!(%remote, connector, reason, remedy, "refused"),
        }
        if let Refusal::MailboxFull { .. } = refusal {
            tell_of_quota(&self.context, journal::Source::Transport, refusal);
        }
        Answer::Refused(replies::of_refusal(refusal))
    }

    fn fail(&self, error: &store::Error) -> Answer {
        tracing::error!(remote = %self.remote, %error, "the store failed");
        Answer::Refused(replies::of_failure(error))
    }

    fn faulty(&self, fault: &transport::Fault) -> Answer {
        match fault {
            transport::Fault::Refused(refusal) => self.refuse(refusal),
            transport::Fault::Store(error) => self.fail(error),
            transport::Fault::Busy => {
                tracing::warn!(remote = %self.remote, "refused: {fault}");
                Answer::Refused(replies::BUSY)
            }
        }
    }
}

fn channel(standing: Standing) -> Channel {
    if standing.tls { Channel::Tls } else { Channel::Clear }
}

fn address(snapshot: &Snapshot, path: &ForwardPath) -> Option<Address> {
    match path {
        ForwardPath::Address(address) => Some(address.clone()),
        ForwardPath::Postmaster => {
            let domain = &snapshot.default_domain()?.domain_name;
            Address::parse(&format!("postmaster@{domain}")).ok()
        }
    }
}

fn agreed(snapshot: &Snapshot, envelope: Envelope) -> Option<transport::Envelope> {
    let recipient = |recipient: smtp::Recipient| {
        Some(transport::Recipient {
            address: address(snapshot, &recipient.path)?,
            route: Route { local: recipient.destination.local, remote: recipient.destination.remote },
        })
    };
    let transaction = envelope.transaction;
    Some(transport::Envelope {
        sender: transaction.sender,
        recipients: transaction.recipients.into_iter().map(recipient).collect::<Option<_>>()?,
        smtputf8: transaction.smtputf8,
    })
}

/// A name for a message that no other has.
fn new_id() -> Option<String> {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(random.iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests;
