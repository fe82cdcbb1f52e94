//! New-, Get-, Set- and Remove-AcceptedDomain.
//!
//! Exactly one domain is the default; it changes hands by MakeDefault on another one. `*.example.test` also takes mail for
//! all subdomains; `*` is refused, for it makes an open relay. What depends on a domain, such as
//! addresses of mailboxes, is checked by the snapshot when the domain is to go.

use super::mailbox::put;
use super::recipients::not_found;
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape};
use directory::{AcceptedDomain, Change, DomainType, Snapshot};
use mail::Domain;
use std::sync::Arc;

static ACCEPTED_DOMAIN: Shape =
    Shape { name: "AcceptedDomain", columns: &["Name", "DomainName", "DomainType", "Default"] };

const WHICH: Parameter = parameter("Identity", Kind::Text, "Name or domain.").at(1).piped().mandatory();
const DOMAIN_TYPE: Parameter = parameter("DomainType", Kind::Text, "Whether all its recipients are here.")
    .one_of(&["Authoritative", "InternalRelay", "ExternalRelay"]);

const ADDRESS_BOOK: &str = "AddressBookEnabled is kept, but has no effect in this version. Whether recipients are looked up \
    follows from DomainType.";

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-AcceptedDomain",
        synopsis: "Takes mail for another domain.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter(
                "DomainName",
                Kind::Text,
                "The domain, or *.domain for its subdomains too; usually the name.",
            ),
            DOMAIN_TYPE,
        ],
        examples: &[(
            "New-AcceptedDomain Sales -DomainName sales.example.test",
            "Takes mail for sales.example.test.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-AcceptedDomain",
        synopsis: "Shows the domains that mail is taken for.",
        parameters: &[parameter("Identity", Kind::Text, "Name or domain; * and ? stand for letters.")
            .at(1)
            .piped()],
        accepts: &["AcceptedDomain"],
        examples: &[("Get-AcceptedDomain", "Lists them.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-AcceptedDomain",
        synopsis: "Changes a domain that mail is taken for.",
        parameters: &[
            WHICH,
            parameter("Name", Kind::Text, "Unique name."),
            DOMAIN_TYPE,
            parameter("MatchSubDomains", Kind::Bool, "Whether it takes mail for all subdomains too."),
            parameter("AddressBookEnabled", Kind::Bool, "Kept: whether its recipients are looked up here."),
            parameter("MakeDefault", Kind::Bool, "Whether it completes names without a domain."),
        ],
        accepts: &["AcceptedDomain"],
        examples: &[(
            "Set-AcceptedDomain Sales -DomainType InternalRelay",
            "Sends mail for unknown recipients on.",
        )],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-AcceptedDomain",
        synopsis: "Takes no more mail for a domain.",
        parameters: &[WHICH],
        accepts: &["AcceptedDomain"],
        examples: &[("Remove-AcceptedDomain Sales -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

/// A domain as it is shown.
fn view(domain: &AcceptedDomain) -> Object {
    Object::new(&ACCEPTED_DOMAIN, domain.guid.to_string())
        .with("Name", &domain.name)
        .with("DomainName", domain.pattern())
        .with("DomainType", domain.domain_type.to_string())
        .with("Default", domain.default)
        .with("MatchSubDomains", domain.match_sub_domains)
        .with("AddressBookEnabled", domain.is_address_book_enabled())
        .with("Guid", domain.guid.to_string())
}

fn one(call: &Call<'_>, snapshot: &Snapshot) -> Result<Arc<AcceptedDomain>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    snapshot.accepted_domain_by_identity(&identity).cloned().ok_or_else(|| not_found(call, &identity))
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    let text = call.arguments.text("DomainName").unwrap_or_else(|| name.clone());
    if text.trim() == "*" {
        return Err(
            "'*' is not accepted: it would take mail for domains that are not ours, and '*' would make an open relay."
                .into(),
        );
    }
    let above = text.trim().strip_prefix("*.");
    let domain_name = Domain::new(above.unwrap_or(text.trim()))
        .map_err(|error| format!("'{text}' is no domain: {error}."))?;
    let match_sub_domains = above.is_some();
    let mut domain = AcceptedDomain { name, match_sub_domains, ..AcceptedDomain::new(domain_name) };
    put(&mut domain.domain_type, call.arguments.parse("DomainType")?);
    if !call.may("Create the accepted domain", &domain.name).await? {
        return Ok(());
    }
    let after = view(&domain);
    let changing = change::begin(call.context()).await;
    let edit = Edit { changes: vec![Change::put(domain)], after: Some(after.clone()), ..Edit::default() };
    changing.commit(call, edit).await?;
    call.emit(after).await?;
    Ok(())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let snapshot = call.context().directory.snapshot();
    let pattern = call.arguments.text("Identity").unwrap_or_else(|| "*".to_owned());
    if !wildcard::is_pattern(&pattern) {
        let found = view(&*one(call, &snapshot)?);
        call.emit(found).await?;
        return Ok(());
    }
    for domain in snapshot.accepted_domains() {
        if wildcard::fits(&pattern, &domain.name) || wildcard::fits(&pattern, &domain.pattern()) {
            call.emit(view(domain)).await?;
        }
    }
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the accepted domain", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let mut domain = AcceptedDomain::clone(&old);
    put(&mut domain.name, call.arguments.text("Name"));
    put(&mut domain.domain_type, call.arguments.parse("DomainType")?);
    put(&mut domain.match_sub_domains, call.arguments.bool("MatchSubDomains"));
    let book = call.arguments.bool("AddressBookEnabled");
    put(&mut domain.address_book_enabled, book.map(Some));
    let mut changes = Vec::new();
    match call.arguments.bool("MakeDefault") {
        Some(true) if !old.default => {
            domain.default = true;
            let before = changing
                .snapshot
                .default_domain()
                .map(|before| AcceptedDomain { default: false, ..AcceptedDomain::clone(before) });
            changes.extend(before.map(Change::put));
        }
        Some(false) if old.default => {
            return Err("One domain is the default; make another one the default instead.".into());
        }
        _ => {}
    }
    let unusual = book.is_some_and(|book| book != (domain.domain_type == DomainType::Authoritative));
    let (before, after) = (Some(view(&old)), Some(view(&domain)));
    changes.push(Change::put(domain));
    let committed = changing.commit(call, Edit { changes, before, after, ..Edit::default() }).await;
    if unusual {
        call.warn(ADDRESS_BOOK).await?;
    }
    committed
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove the accepted domain", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let edit = Edit { before: Some(view(&old)), changes: vec![Change::remove(old)], ..Edit::default() };
    changing.commit(call, edit).await
}
