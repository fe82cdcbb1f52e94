//! Which remote domain counts.

use directory::{RemoteDomain, Snapshot};
use mail::Domain;
use std::sync::Arc;

/// The remote domain that says what mail to this domain is like: the most specific one. It is judged by where the mail
/// goes, so by the recipient of a reply.
pub fn remote_domain<'a>(all: &'a Snapshot, domain: &Domain) -> Option<&'a Arc<RemoteDomain>> {
    let fitting = all.all::<RemoteDomain>().filter_map(|one| Some((one.domain_name.fit(domain)?, one)));
    fitting.max_by_key(|(fit, _)| *fit).map(|(_, one)| one)
}
