//! Every refusal has a reason; most have a command that would change it, with names quoted as the shell needs it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use directory::{ByteSize, Role};
use policy::{CHECKS, CHECKS_PER_SOURCE, Checks, DomainFault, LimitOf, Refusal, Scope};

type Row = (Refusal, &'static str, Option<&'static str>);

fn name() -> String {
    "O'Hara".to_owned()
}

#[test]
fn reasons_and_remedies() {
    for (refusal, reason, remedy) in
        login_rows().into_iter().chain(recipient_rows()).chain(transport_rows()).chain(limit_rows())
    {
        assert!(refusal.reason().contains(reason), "{refusal:?}: {}", refusal.reason());
        assert!(!refusal.reason().contains(['\r', '\n']), "a reason is one line");
        assert_eq!(refusal.remedy().as_deref(), remedy, "{refusal:?}");
    }
}

fn login_rows() -> Vec<Row> {
    vec![
        (
            Refusal::NoConnector {
                local: "10.0.0.1:25".parse().unwrap(),
                remote: "10.0.0.2".parse().unwrap(),
            },
            "no receive connector on 10.0.0.1:25 is for 10.0.0.2",
            Some(
                "New-ReceiveConnector -Name 'From 10.0.0.2' -Custom -Bindings 10.0.0.1:25 -RemoteIPRanges 10.0.0.2 \
                 -PermissionGroups AnonymousUsers",
            ),
        ),
        (
            Refusal::UnknownUser { name: "a\r\nb".into() },
            "no mailbox has the login name 'a\\r\\nb'",
            Some("Get-Mailbox | Format-Table Name, UserPrincipalName"),
        ),
        (
            Refusal::BadPassword { mailbox: name() },
            "the password for mailbox 'O'Hara' is wrong",
            Some("Set-Mailbox 'O''Hara' -Password (Read-Host -AsSecureString)"),
        ),
        (
            Refusal::NoPassword { mailbox: name() },
            "has no password",
            Some("Set-Mailbox 'O''Hara' -Password (Read-Host -AsSecureString)"),
        ),
        (Refusal::NotOwnMailbox { mailbox: name(), name: "o/x".into() }, "'o/x' asks for a mailbox", None),
        (
            Refusal::AccountDisabled { mailbox: name() },
            "is disabled",
            Some("Set-Mailbox 'O''Hara' -AccountDisabled $false"),
        ),
        (Refusal::PasswordChanged { mailbox: name() }, "has been set since this session logged in", None),
        (
            Refusal::ProtocolDisabled {
                mailbox: name(),
                protocol: "POP3",
                parameter: "-PopEnabled $true".into(),
                origin: policy::Origin::Mailbox,
            },
            "may not use POP3",
            Some("Set-CASMailbox 'O''Hara' -PopEnabled $true"),
        ),
        (
            Refusal::TooFewFiles { limit: 200 },
            "there are 200 connections",
            Some("LimitNOFILE=65536 in the service's unit, or `ulimit -n 65536` before the start"),
        ),
        (
            Refusal::TooManyLogins { scope: Scope::Address, limit: 16 },
            "16 passwords to be checked from this address",
            None,
        ),
        (
            Refusal::TooManyLogins { scope: Scope::Service, limit: 512 },
            "512 passwords to be checked in all",
            None,
        ),
        (
            Refusal::MaildropInUse { mailbox: name(), remedy: "Set-PopSettings -x".into() },
            "another POP3 session has mailbox 'O'Hara' open",
            Some("Set-PopSettings -x"),
        ),
        (
            Refusal::RoleNeeded { name: name(), needed: Role::Recipients },
            "it needs the role 'Recipient Management', which 'O'Hara' does not have here",
            Some("Add-RoleGroupMember 'Recipient Management' -Member 'O''Hara'"),
        ),
        (
            Refusal::UnknownToken,
            "no access token is this one",
            Some("New-AccessToken NAME -Mailbox MAILBOX -Role 'View-Only Organization Management'"),
        ),
        (
            Refusal::TokenExpired { name: name() },
            "the access token 'O'Hara' has expired",
            Some("New-AccessToken NAME -Mailbox MAILBOX -Role 'View-Only Organization Management'"),
        ),
    ]
}

fn recipient_rows() -> Vec<Row> {
    let limit = ByteSize::mb(1);
    let group = || ("distribution group 'O'Hara'".to_owned(), "Set-DistributionGroup 'O''Hara'".to_owned());
    let (recipient, command) = group();
    let (other, its_command) = group();
    vec![
        (
            Refusal::RecipientNeedsLogin { recipient, command },
            "distribution group 'O'Hara' takes mail only from who logged in",
            Some("Set-DistributionGroup 'O''Hara' -RequireSenderAuthenticationEnabled $false"),
        ),
        (
            Refusal::SenderNotWelcome { recipient: other, command: its_command },
            "does not take mail from this sender",
            Some("Set-DistributionGroup 'O''Hara' -AcceptMessagesOnlyFrom $null -RejectMessagesFrom $null"),
        ),
        (
            Refusal::NobodyInGroup { group: name() },
            "has no member",
            Some("Add-DistributionGroupMember 'O''Hara' -Member NAME"),
        ),
        (
            Refusal::UserRecipients { mailbox: name(), limit: 2 },
            "may send to 2 recipients",
            Some("Set-Mailbox 'O''Hara' -RecipientLimits 4"),
        ),
        (
            Refusal::MailboxSize { mailbox: name(), parameter: "MaxSendSize", limit },
            "larger than MaxSendSize of mailbox 'O'Hara' allows: 1 MB",
            Some("Set-Mailbox 'O''Hara' -MaxSendSize unlimited"),
        ),
    ]
}

fn transport_rows() -> Vec<Row> {
    vec![
        (
            Refusal::TlsRequired { connector: name() },
            "only under TLS",
            Some("Set-ReceiveConnector 'O''Hara' -RequireTLS $false"),
        ),
        (
            Refusal::NotAuthenticated { connector: name(), groups: "AnonymousUsers,ExchangeUsers".into() },
            "log in first",
            Some("Set-ReceiveConnector 'O''Hara' -PermissionGroups AnonymousUsers,ExchangeUsers"),
        ),
        (
            Refusal::TlsBeforeLogin { connector: name(), groups: "AnonymousUsers,ExchangeUsers".into() },
            "log in under TLS",
            Some("Set-ReceiveConnector 'O''Hara' -PermissionGroups AnonymousUsers,ExchangeUsers"),
        ),
        (
            Refusal::SenderNotAllowed {
                mailbox: Some(name()),
                sender: "x@example.test".into(),
                is_free: true,
                is_known: false,
            },
            "does not have the address x@example.test",
            Some("Set-Mailbox 'O''Hara' -EmailAddresses @{Add='x@example.test'}"),
        ),
        (
            Refusal::SenderNotAllowed {
                mailbox: None,
                sender: "x@example.test".into(),
                is_free: false,
                is_known: false,
            },
            "may not send as",
            None,
        ),
        (
            Refusal::AuthorNotAllowed {
                mailbox: name(),
                field: "From",
                address: "x@example.test".into(),
                is_free: true,
                is_known: false,
            },
            "the field From names x@example.test",
            Some("Set-Mailbox 'O''Hara' -EmailAddresses @{Add='x@example.test'}"),
        ),
        (
            Refusal::AuthorNotAllowed {
                mailbox: name(),
                field: "Sender",
                address: "x\r\n@".into(),
                is_free: false,
                is_known: false,
            },
            "the field Sender names x\\r\\n@",
            None,
        ),
        (Refusal::AuthorUnclear { mailbox: name(), field: "From" }, "the field From twice", None),
        (
            Refusal::RelayDenied { connector: name(), recipient: "x@remote.test".into() },
            "does not relay",
            Some("New-AcceptedDomain 'remote.test' -DomainName 'remote.test' -DomainType InternalRelay"),
        ),
        (
            Refusal::UnknownRecipient { recipient: "x@example.test".into() },
            "nobody here",
            Some("New-Mailbox 'x@example.test' -UserPrincipalName 'x@example.test'"),
        ),
    ]
}

fn limit_rows() -> Vec<Row> {
    let limit = ByteSize::mb(1);
    vec![
        (
            Refusal::TooManyRecipients { whose: LimitOf::Connector(name()), limit: 200 },
            "200 recipients",
            Some("Set-ReceiveConnector 'O''Hara' -MaxRecipientsPerMessage 400"),
        ),
        (
            Refusal::MessageTooLarge { whose: LimitOf::Connector(name()), limit, octets: 3 << 20 },
            "3145728 octets",
            Some("Set-ReceiveConnector 'O''Hara' -MaxMessageSize 3MB"),
        ),
        (
            Refusal::HeaderTooLarge { connector: name(), limit },
            "headers of at most 1 MB (1,048,576 bytes)",
            Some("Set-ReceiveConnector 'O''Hara' -MaxHeaderSize 2048KB"),
        ),
        (
            Refusal::TooManyRecipients {
                whose: LimitOf::Organization("MaxRecipientEnvelopeLimit"),
                limit: 0,
            },
            "the organisation (MaxRecipientEnvelopeLimit) takes 0 recipients",
            Some("Set-TransportConfig -MaxRecipientEnvelopeLimit 1"),
        ),
        (
            Refusal::MessageTooLarge { whose: LimitOf::Organization("MaxSendSize"), limit, octets: 3 << 20 },
            "more than the organisation (MaxSendSize) takes",
            Some("Set-TransportConfig -MaxSendSize 3MB"),
        ),
        (
            Refusal::RecipientDomain {
                connector: name(),
                recipient: "x@printer".into(),
                fault: DomainFault::SingleLabel,
            },
            "x@printer is in a domain that cannot be",
            Some("Set-ReceiveConnector 'O''Hara' -RejectSingleLabelRecipientDomains $false"),
        ),
        (
            Refusal::SenderNotAllowed {
                mailbox: Some(name()),
                sender: "x@example.test".into(),
                is_free: false,
                is_known: true,
            },
            "may not send as",
            Some("Add-ADPermission 'x@example.test' -User 'O''Hara' -ExtendedRights Send-As"),
        ),
        (
            Refusal::TooManyHops { connector: name(), limit: 300 },
            "a loop",
            Some("Set-ReceiveConnector 'O''Hara' -MaxHopCount 500"),
        ),
        (
            Refusal::MailboxFull { mailbox: name(), used: 9, limit },
            "may hold 1 MB",
            Some("Set-Mailbox 'O''Hara' -ProhibitSendReceiveQuota unlimited"),
        ),
        (
            Refusal::SendQuota { mailbox: name(), used: 9, limit },
            "may send only below 1 MB",
            Some("Set-Mailbox 'O''Hara' -ProhibitSendQuota unlimited"),
        ),
    ]
}

#[test]
fn passwords_are_checked_up_to_a_number() {
    let checks = |from_source, total| policy::check_password(Checks { from_source, total });
    assert_eq!(checks(CHECKS_PER_SOURCE - 1, CHECKS - 1), Ok(()));
    for (from_source, total, scope) in
        [(CHECKS_PER_SOURCE, CHECKS_PER_SOURCE, Scope::Address), (0, CHECKS, Scope::Service)]
    {
        let refusal = checks(from_source, total).unwrap_err();
        assert!(
            matches!(refusal, Refusal::TooManyLogins { scope: found, .. } if found == scope),
            "{refusal:?}"
        );
        assert!(!refusal.looks_like_bad_password(), "the client should come again");
    }
}
