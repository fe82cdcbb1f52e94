//! All objects at one moment, and how they are found.
//!
//! A snapshot never changes; [`Snapshot::apply`] makes the next one, which shares with it whatever did not change.
//! Names are found without regard to case.

use crate::map::SharedMap;
use crate::record::{Lists, LoadError, Object, Record};
use crate::{
    AcceptedDomain, AccessToken, Change, DomainPattern, Mailbox, Membership, Organization, ProtocolSettings,
    ReceiveConnector, RemoteDomain, Service, ServiceName, StartupType, WebSettings,
};
use mail::{AccountId, Address, Domain};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// All objects at one moment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) organization: Arc<Organization>,
    pub(crate) pop: Arc<ProtocolSettings>,
    pub(crate) imap: Arc<ProtocolSettings>,
    pub(crate) services: Arc<BTreeMap<ServiceName, Arc<Service>>>,
    pub(crate) lists: Lists,
    pub(crate) domains_by_name: Arc<HashMap<Domain, Arc<AcceptedDomain>>>,
    pub(crate) mailboxes: SharedMap<Uuid, Arc<Mailbox>>,
    /// Names and aliases of all recipients share one space: what names one is never the alias of another.
    pub(crate) names: SharedMap<Arc<str>, Uuid>,
    /// Login names and addresses share one space for the same reason.
    pub(crate) addresses: SharedMap<Arc<str>, Uuid>,
    pub(crate) accounts: SharedMap<AccountId, Uuid>,
    pub(crate) administrators: Arc<BTreeSet<Uuid>>,
    pub(crate) membership: Membership,
    /// The rules that count, in their order.
    pub(crate) policies: Arc<[Uuid]>,
    pub(crate) web: Arc<WebSettings>,
}

/// A name as it is compared.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Snapshot {
    /// The snapshot of saved records, with each service as its start type says. The records are checked as a whole.
    pub fn load(records: impl IntoIterator<Item = Record>) -> Result<Snapshot, LoadError> {
        let mut objects = Vec::new();
        let (mut organization, mut pop, mut imap) = (None, None, None);
        for record in records {
            match Object::from_record(&record)? {
                Object::Organization(object) => organization = Some(object),
                Object::PopSettings(object) => pop = Some(object),
                Object::ImapSettings(object) => imap = Some(object),
                object => objects.push(Change::Put(object)),
            }
        }
        // Data from before there were remote domains have what a new node has.
        let for_all = |change: &Change| matches!(change, Change::Put(Object::RemoteDomain(domain)) if domain.domain_name == DomainPattern::All);
        if !objects.iter().any(for_all) {
            objects.push(Change::put(RemoteDomain::for_all()));
        }
        let missing = |kind: &str| LoadError::whole(format!("{kind} is missing"));
        let base = Snapshot::bare(
            organization.ok_or_else(|| missing("Organization"))?,
            pop.ok_or_else(|| missing("PopSettings"))?,
            imap.ok_or_else(|| missing("ImapSettings"))?,
        );
        base.apply(objects).map(|applied| applied.snapshot).map_err(LoadError::whole)
    }

    /// Only what a node always has.
    pub(crate) fn bare(
        organization: Arc<Organization>,
        pop: Arc<ProtocolSettings>,
        imap: Arc<ProtocolSettings>,
    ) -> Snapshot {
        let startup = |name| match name {
            // HTTPS came later: where nothing is saved of it, nothing of it runs.
            ServiceName::Pop3 | ServiceName::Imap4 | ServiceName::Web => StartupType::Manual,
            ServiceName::Transport => StartupType::Automatic,
        };
        let services = ServiceName::ALL.map(|name| (name, Arc::new(Service::new(name, startup(name)))));
        Snapshot {
            organization,
            pop,
            imap,
            services: Arc::new(BTreeMap::from(services)),
            lists: Lists::default(),
            domains_by_name: Arc::default(),
            mailboxes: SharedMap::default(),
            names: SharedMap::default(),
            addresses: SharedMap::default(),
            accounts: SharedMap::default(),
            administrators: Arc::default(),
            membership: Membership::default(),
            policies: Arc::default(),
            web: Arc::default(),
        }
    }

    /// Every object as it is saved.
    pub fn records(&self) -> Vec<Record> {
        self.objects().iter().map(Object::record).collect()
    }

    fn objects(&self) -> Vec<Object> {
        let mut objects = vec![
            Object::Organization(self.organization.clone()),
            Object::PopSettings(self.pop.clone()),
            Object::ImapSettings(self.imap.clone()),
            Object::WebSettings(self.web.clone()),
        ];
        objects.extend(self.services.values().cloned().map(Object::Service));
        objects.extend(self.lists.objects());
        objects.extend(self.mailboxes.iter().map(|(_, mailbox)| Object::Mailbox(mailbox.clone())));
        objects
    }

    /// What holds for the whole organisation.
    pub fn organization(&self) -> &Arc<Organization> {
        &self.organization
    }

    /// The settings of POP3.
    pub fn pop(&self) -> &Arc<ProtocolSettings> {
        &self.pop
    }

    /// The settings of IMAP4.
    pub fn imap(&self) -> &Arc<ProtocolSettings> {
        &self.imap
    }

    /// The settings of HTTPS.
    pub fn web(&self) -> &Arc<WebSettings> {
        &self.web
    }

    /// The access token with this hash.
    pub fn access_token_by_hash(&self, hash: &str) -> Option<&Arc<AccessToken>> {
        self.all::<AccessToken>().find(|token| token.hash == hash)
    }

    /// The services.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.values()
    }

    /// One service.
    pub fn service(&self, name: ServiceName) -> Option<&Arc<Service>> {
        self.services.get(&name)
    }

    /// Whether a service should run.
    pub fn is_running(&self, name: ServiceName) -> bool {
        self.service(name).is_some_and(|service| service.running)
    }

    /// The accepted domains, sorted by name.
    pub fn accepted_domains(&self) -> Vec<&Arc<AcceptedDomain>> {
        self.all().collect()
    }

    /// The accepted domain that takes mail for this domain.
    pub fn accepted_domain(&self, domain: &Domain) -> Option<&Arc<AcceptedDomain>> {
        self.domains_by_name.get(domain).or_else(|| {
            let name = domain.as_str();
            let above = name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..));
            let mut known = above.filter_map(|name| self.domains_by_name.get(&Domain::new(name).ok()?));
            // The nearest that is for its subdomains.
            known.find(|domain| domain.match_sub_domains)
        })
    }

    /// The accepted domain of this name, domain or GUID.
    pub fn accepted_domain_by_identity(&self, identity: &str) -> Option<&Arc<AcceptedDomain>> {
        let domain = identity.trim().strip_prefix("*.").unwrap_or(identity.trim());
        let by_domain = || self.domains_by_name.get(&Domain::new(domain).ok()?);
        self.find(identity).or_else(by_domain)
    }

    /// The domain that completes names without one.
    pub fn default_domain(&self) -> Option<&Arc<AcceptedDomain>> {
        self.all().find(|domain: &&Arc<AcceptedDomain>| domain.default)
    }

    /// The receive connectors, sorted by name.
    pub fn receive_connectors(&self) -> Vec<&Arc<ReceiveConnector>> {
        self.all().collect()
    }

    /// The receive connector of this name, `SERVER\name` or GUID.
    pub fn receive_connector(&self, identity: &str) -> Option<&Arc<ReceiveConnector>> {
        let server = self.organization.server_name();
        let rest = identity.trim().split_at_checked(server.len());
        let name = rest.filter(|(before, _)| before.eq_ignore_ascii_case(server));
        let name = name.and_then(|(_, rest)| rest.strip_prefix('\\')).unwrap_or(identity);
        self.find(name)
    }

    /// All mailboxes, sorted by name.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        let named = |(name, guid): (&Arc<str>, &Uuid)| {
            // An alias is in the same index; it is passed over.
            self.mailboxes.get(guid).filter(|mailbox| fold(&mailbox.name) == **name)
        };
        self.names.iter().filter_map(named)
    }

    /// How many mailboxes there are.
    pub fn mailbox_count(&self) -> usize {
        self.mailboxes.len()
    }

    /// The mailbox of this name, alias, login name, address or GUID.
    pub fn mailbox(&self, identity: &str) -> Option<&Arc<Mailbox>> {
        let wanted = fold(identity);
        let by_guid = || wanted.parse().ok().and_then(|guid: Uuid| self.mailboxes.get(&guid));
        self.by_name(&wanted).or_else(|| self.by_address_or_login(&wanted)).or_else(by_guid)
    }

    /// The mailbox of this GUID.
    pub fn mailbox_by_guid(&self, guid: Uuid) -> Option<&Arc<Mailbox>> {
        self.mailboxes.get(&guid)
    }

    /// The mailbox whose mail is in this account.
    pub fn mailbox_by_account(&self, account: AccountId) -> Option<&Arc<Mailbox>> {
        self.accounts.get(&account).and_then(|guid| self.mailboxes.get(guid))
    }

    /// The mailbox that takes mail for this address.
    pub fn recipient(&self, address: &Address) -> Option<&Arc<Mailbox>> {
        // The index has login names too, which take no mail by themselves.
        self.by_address_or_login(&address.key()).filter(|mailbox| mailbox.has_address(address))
    }

    /// Who is in which group.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The mailboxes of administrators.
    pub fn administrators(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.administrators.iter().filter_map(|guid| self.mailboxes.get(guid))
    }

    pub(crate) fn by_name(&self, folded: &str) -> Option<&Arc<Mailbox>> {
        self.names.get(folded).and_then(|guid| self.mailboxes.get(guid))
    }

    pub(crate) fn by_address_or_login(&self, key: &str) -> Option<&Arc<Mailbox>> {
        self.addresses.get(key).and_then(|guid| self.mailboxes.get(guid))
    }
}

impl Organization {
    /// The node's short name, `MAIL` of `mail.example.test`.
    pub fn server_name(&self) -> &str {
        self.hostname.split('.').next().unwrap_or(&self.hostname)
    }
}
