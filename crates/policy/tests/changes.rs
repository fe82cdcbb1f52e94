//! What an administrator may not change, and what he is told to do instead.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{organisation, with};
use directory::{Mailbox, Service, ServiceName, StartupType};
use mail::Secret;
use policy::{lose_administrator, new_password, start_service};

#[test]
fn the_last_administrator_stays() {
    let administrator = |mailbox: &Mailbox, disabled| Mailbox {
        administrator: true,
        account_disabled: disabled,
        ..mailbox.clone()
    };
    let all = organisation();
    let (alice, bob) = (all.mailbox("alice").unwrap().clone(), all.mailbox("bob").unwrap().clone());
    assert_eq!(lose_administrator(&all, &alice), Ok(()), "alice is none");
    let one = with(&all, administrator(&alice, false));
    let refusal = lose_administrator(&one, one.mailbox("alice").unwrap()).unwrap_err().to_string();
    let expected =
        "'alice' is the only administrator. Make another one first: Set-Mailbox NAME -Administrator $true";
    assert_eq!(refusal, expected);
    let disabled = with(&one, administrator(&bob, true));
    assert!(lose_administrator(&disabled, one.mailbox("alice").unwrap()).is_err(), "bob cannot log in");
    assert_eq!(lose_administrator(&disabled, disabled.mailbox("bob").unwrap()), Ok(()));
    let two = with(&one, administrator(&bob, false));
    assert_eq!(lose_administrator(&two, two.mailbox("alice").unwrap()), Ok(()));
}

#[test]
fn what_is_disabled_is_not_started() {
    let service = |startup| Service::new(ServiceName::Pop3, startup);
    assert_eq!(start_service(&service(StartupType::Manual)), Ok(()));
    assert_eq!(start_service(&service(StartupType::Automatic)), Ok(()));
    let refusal = start_service(&service(StartupType::Disabled)).unwrap_err().to_string();
    assert!(refusal.ends_with("Set-Service MSExchangePOP3 -StartupType Manual allows it."), "{refusal}");
}

#[test]
fn passwords_have_a_length() {
    let table = [("", 0), ("seven77", 7), ("eight888", 8), ("sechs ß", 7), ("correct horse", 13)];
    for (password, characters) in table {
        let judged = new_password(&Secret::new(password));
        assert_eq!(judged.is_ok(), characters >= 8, "{password}");
        if let Err(refusal) = judged {
            let begin = "The password does not meet the length requirements: ";
            assert!(refusal.to_string().starts_with(&format!("{begin}it has {characters} ")), "{refusal}");
        }
    }
    assert_eq!(new_password(&Secret::new("é".repeat(256))), Ok(()));
    assert!(new_password(&Secret::new("x".repeat(257))).is_err());
}
