//! Login names of POP3, IMAP4 and SMTP: `user`, `user@domain`, `domain\user`, and the forms that open another mailbox.
//!
//! Parsing and finding are apart, so that a caller can tell neither by answer nor by time which part did not fit.

use crate::snapshot::fold;
use crate::{AcceptedDomain, LoginNames, Mailbox, Snapshot};
use mail::{Address, Domain};
use std::sync::Arc;

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `user`: an account in the default domain.
    Account(String),
    /// `user@domain`: a login name, or an address.
    Upn(String),
    /// `domain\user` or `domain/user`.
    InDomain(String, String),
}

/// A login name: who logs in, and the mailbox to open where it is not the own one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    /// Whose password it is.
    pub who: Principal,
    /// Alias or login name of the mailbox to open.
    pub mailbox: Option<Principal>,
}

impl LoginName {
    /// The name in its parts; `None` where it has no known form.
    pub fn parse(text: &str) -> Option<LoginName> {
        let parts: Vec<&str> = text.split(['/', '\\']).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (who, mailbox) = match parts[..] {
            [user] => (one(user), None),
            [user, mailbox] if user.contains('@') => (one(user), Some(one(mailbox))),
            [domain, user] => (Principal::InDomain(domain.to_owned(), user.to_owned()), None),
            [domain, user, mailbox] if !domain.contains('@') => {
                (Principal::InDomain(domain.to_owned(), user.to_owned()), Some(one(mailbox)))
            }
            _ => return None,
        };
        Some(LoginName { who, mailbox })
    }
}

fn one(text: &str) -> Principal {
    if text.contains('@') { Principal::Upn(text.to_owned()) } else { Principal::Account(text.to_owned()) }
}

impl Snapshot {
    /// The mailbox of who logs in, by the forms that the organisation allows.
    pub fn principal(&self, who: &Principal) -> Option<&Arc<Mailbox>> {
        let all = self.organization.login_names == LoginNames::All;
        match who {
            Principal::Upn(upn) => self.by_upn(upn, all),
            Principal::Account(user) if all => {
                let domain = &self.default_domain()?.domain_name;
                self.in_domain(user, domain).or_else(|| self.by_alias(user))
            }
            Principal::InDomain(domain, user) if all => self.in_domain_named(domain, user),
            Principal::Account(_) | Principal::InDomain(..) => None,
        }
    }

    fn by_upn(&self, upn: &str, addresses_too: bool) -> Option<&Arc<Mailbox>> {
        let wanted = Address::parse(upn.trim()).ok()?.key();
        // By another address than the login name only the primary one is known.
        let fits = |mailbox: &Mailbox| {
            mailbox.user_principal_name.key() == wanted
                || (addresses_too && mailbox.primary_smtp_address.key() == wanted)
        };
        self.by_address_or_login(&wanted).filter(|mailbox| fits(mailbox))
    }

    /// The user of this name in a domain: `DOMAIN\user`.
    pub(crate) fn in_domain_named(&self, domain: &str, user: &str) -> Option<&Arc<Mailbox>> {
        self.matching_domains(domain).find_map(|domain| {
            let by_alias =
                || self.by_alias(user).filter(|found| found.user_principal_name.domain() == domain);
            self.in_domain(user, domain).or_else(by_alias)
        })
    }

    /// Whether a domain is called so before `\`.
    pub(crate) fn has_domain_named(&self, domain: &str) -> bool {
        self.matching_domains(domain).next().is_some()
    }

    fn in_domain(&self, user: &str, domain: &Domain) -> Option<&Arc<Mailbox>> {
        self.by_upn(&format!("{user}@{domain}"), false)
    }

    fn by_alias(&self, user: &str) -> Option<&Arc<Mailbox>> {
        let wanted = fold(user);
        self.by_name(&wanted).filter(|mailbox| fold(&mailbox.alias) == wanted)
    }

    /// The accepted domains of this DNS name, or of this first label as a NetBIOS name.
    fn matching_domains(&self, text: &str) -> impl Iterator<Item = &Domain> {
        let wanted = fold(text);
        let fits = move |domain: &&Domain| {
            domain.as_str() == wanted || domain.as_str().split('.').next() == Some(wanted.as_str())
        };
        self.all::<AcceptedDomain>().map(|domain| &domain.domain_name).filter(fits)
    }
}
