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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use directory::DomainPattern;
    use mail::Domain;

    #[test]
    fn the_most_specific_counts() {
        let known = ["*", "*.example.com", "example.com", "*.a.example.com"];
        let table = [
            ("example.com", "example.com"),
            ("EXAMPLE.com", "example.com"),
            ("b.example.com", "*.example.com"),
            ("a.example.com", "*.a.example.com"),
            ("x.y.a.example.com", "*.a.example.com"),
            ("notexample.com", "*"),
            ("com", "*"),
        ];
        for (domain, expected) in table {
            let domain = Domain::new(domain).unwrap();
            let patterns = known.map(|text| text.parse::<DomainPattern>().unwrap());
            let best =
                patterns.iter().filter(|one| one.fit(&domain).is_some()).max_by_key(|one| one.fit(&domain));
            assert_eq!(best.unwrap().to_string(), expected, "{domain}");
        }
    }
}
