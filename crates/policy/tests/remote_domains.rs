//! Which remote domain counts for a domain.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{organisation, with};
use directory::RemoteDomain;
use mail::Domain;
use policy::remote_domain;

#[test]
fn the_most_specific_counts() {
    let patterns = ["*.example.com", "example.com", "*.a.example.com"];
    let all = patterns.iter().fold(organisation(), |all, text| {
        with(&all, RemoteDomain::new(&text.replace('*', "all"), text.parse().unwrap()))
    });
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
        assert_eq!(remote_domain(&all, &domain).unwrap().domain_name.to_string(), expected, "{domain}");
    }
}
