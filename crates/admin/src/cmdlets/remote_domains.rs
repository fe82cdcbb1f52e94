//! New-, Get-, Set- and Remove-RemoteDomain: what mail and notices to domains elsewhere are like.
//!
//! This version keeps the settings only, and says so; which domain counts is decided already.

use super::mailbox::put;
use super::recipients::{DOMAIN_CONTROLLER, not_found};
use super::setting::{self, settings};
use super::{CHANGES, READS, REMOVES};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Arguments, Call, Failure, wildcard};
use crate::value::{Object, Shape};
use directory::{AllowedOofType, Change, DomainPattern, RemoteDomain, Snapshot};
use std::sync::Arc;

static REMOTE_DOMAIN: Shape =
    Shape { name: "RemoteDomain", columns: &["Name", "DomainName", "AllowedOOFType"] };

const WHICH: Parameter = parameter("Identity", Kind::Text, "Name or GUID.").at(1).piped().mandatory();

settings! { $ RemoteDomain, with_settings;
    "DeliveryReportEnabled" Bool "Whether delivery is confirmed." = delivery_report_enabled;
        "There are no notices about mail on its way.",
    "NDREnabled" Bool "Whether failures are told." = ndr_enabled; "There are no notices about mail on its way.",
    "NDRDiagnosticInfoEnabled" Bool "Whether notices of failures have a technical part." = ndr_diagnostic_info_enabled;
        "There are no notices about mail on its way.",
    "AutoReplyEnabled" Bool "Whether there are automatic replies." = auto_reply_enabled;
        "The server sends no automatic replies.",
    "AutoForwardEnabled" Bool "Whether clients may forward." = auto_forward_enabled;
        "Messages that clients forward are not told from others.",
    "AllowedOOFType" Text ["External", "InternalLegacy", "ExternalLegacy", "None"]
        "Which out-of-office messages are sent." = allowed_oof_type; "The server sends no automatic replies.",
    "MeetingForwardNotificationEnabled" Bool "Whether organisers are told that a meeting was forwarded."
        = meeting_forward_notification_enabled; "There are no calendars.",
    "IsInternal" Bool "Whether it counts as a part of the organisation." = is_internal;
        "Only accepted domains are a part of the organisation.",
    "TrustedMailInboundEnabled" Bool "Whether what comes from it is trusted." = trusted_mail_inbound_enabled;
        "Receive connectors decide whose mail is trusted.",
    "TrustedMailOutboundEnabled" Bool "Whether what goes to it is trusted." = trusted_mail_outbound_enabled;
        "Messages are sent as they came.",
    "DisplaySenderName" Bool "Whether names of senders are shown." = display_sender_name; "Messages are sent as they came.",
    "UseSimpleDisplayName" Bool "Whether simple names of senders are shown." = use_simple_display_name;
        "Messages are sent as they came.",
    "ContentType" Text ["MimeHtmlText", "MimeText", "MimeHtml"] "Formats of messages." = content_type;
        "Messages are sent as they came.",
    "TNEFEnabled" Bool "Whether there is TNEF; $null leaves it to the sender." = tnef_enabled;
        "Messages are sent as they came.",
    "CharacterSet" Text "Character set of MIME messages." = character_set; "Messages are sent as they came.",
    "NonMimeCharacterSet" Text "Character set of other messages." = non_mime_character_set;
        "Messages are sent as they came.",
    "LineWrapSize" Text "Characters in a line, 0 to 132, or Unlimited." = line_wrap_size; "Messages are sent as they came.",
    "TargetDeliveryDomain" Bool "Whether its addresses are those of another forest." = target_delivery_domain;
        "There are no other forests.",
    "ByteEncoderTypeFor7BitCharsets" Text "Encoding of texts in 7-bit character sets."
        = byte_encoder_type_for_7bit_charsets; "Messages are sent as they came.",
    "PreferredInternetCodePageForShiftJis" Text "Code page of Japanese texts."
        = preferred_internet_code_page_for_shift_jis; "Messages are sent as they came.",
    "RequiredCharsetCoverage" Text "Percentage of characters that a character set has to have."
        = required_charset_coverage; "Messages are sent as they came.",
    "MessageCountThreshold" Text "Messages before somebody is told." = message_count_threshold;
        "Messages are not counted by domain.",
}

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "New-RemoteDomain",
        synopsis: "Says that mail to a domain elsewhere is to be different.",
        parameters: &[
            parameter("Name", Kind::Text, "Unique name.").at(1).mandatory(),
            parameter("DomainName", Kind::Text, "The domain, or *.domain for its subdomains too.")
                .mandatory(),
            DOMAIN_CONTROLLER,
        ],
        examples: &[(
            "New-RemoteDomain Partner -DomainName *.partner.test",
            "Makes one for all of a domain.",
        )],
        run: Run::Each(|call| Box::pin(new(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Get-RemoteDomain",
        synopsis: "Shows what mail to domains elsewhere is like.",
        parameters: &[
            parameter("Identity", Kind::Text, "Name or GUID; * and ? stand for letters.").at(1).piped(),
            DOMAIN_CONTROLLER,
        ],
        accepts: &["RemoteDomain"],
        examples: &[("Get-RemoteDomain | Format-List", "Shows everything about all.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-RemoteDomain",
        synopsis: "Changes what mail to a domain elsewhere is like.",
        parameters: with_settings![WHICH, parameter("Name", Kind::Text, "Unique name."), DOMAIN_CONTROLLER],
        accepts: &["RemoteDomain"],
        examples: &[("Set-RemoteDomain Default -AutoReplyEnabled $true", "Keeps it; see the warning.")],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
    Cmdlet {
        name: "Remove-RemoteDomain",
        synopsis: "Lets mail to a domain elsewhere be like that to others.",
        parameters: &[WHICH, DOMAIN_CONTROLLER],
        accepts: &["RemoteDomain"],
        examples: &[("Remove-RemoteDomain Partner -Confirm:$false", "Removes it without asking.")],
        run: Run::Each(|call| Box::pin(remove(call))),
        ..REMOVES
    },
];

/// A remote domain as it is shown.
fn view(domain: &RemoteDomain) -> Object {
    let object = Object::new(&REMOTE_DOMAIN, domain.guid.to_string())
        .with("Name", &domain.name)
        .with("Identity", &domain.name)
        .with("DomainName", domain.domain_name.to_string());
    setting::show(SETTINGS, domain, object).with("Guid", domain.guid.to_string())
}

fn one(call: &Call<'_>, all: &Snapshot) -> Result<Arc<RemoteDomain>, Failure> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    all.find(&identity).cloned().ok_or_else(|| not_found(call, &identity))
}

async fn new(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arguments.text("Name").unwrap_or_default();
    let pattern = call.arguments.parse("DomainName")?.unwrap_or(DomainPattern::All);
    if !call.may("Create the remote domain", &name).await? {
        return Ok(());
    }
    let domain = RemoteDomain::new(&name, pattern);
    let after = view(&domain);
    let changing = change::begin(call.context()).await;
    let edit = Edit { changes: vec![Change::put(domain)], after: Some(after.clone()), ..Edit::default() };
    changing.commit(call, edit).await?;
    call.emit(after).await?;
    Ok(())
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.context().directory.snapshot();
    let pattern = call.arguments.text("Identity").unwrap_or_else(|| "*".to_owned());
    if !wildcard::is_pattern(&pattern) {
        let found = view(&*one(call, &all)?);
        call.emit(found).await?;
        return Ok(());
    }
    for domain in all.all::<RemoteDomain>().filter(|domain| wildcard::fits(&pattern, &domain.name)) {
        call.emit(view(domain)).await?;
    }
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Change the remote domain", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let mut domain = RemoteDomain::clone(&old);
    put(&mut domain.name, call.arguments.text("Name"));
    let usual = match old.domain_name {
        DomainPattern::All => RemoteDomain::for_all(),
        _ => RemoteDomain::new("", old.domain_name.clone()),
    };
    let remarks = setting::put(SETTINGS, &mut domain, &usual, &call.arguments)?;
    couple(&call.arguments, &old, &mut domain)?;
    let (before, after) = (Some(view(&old)), Some(view(&domain)));
    let edit = Edit { changes: vec![Change::put(domain)], before, after, ..Edit::default() };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    committed
}

/// Out-of-office messages for inside go inside only: one setting takes the other with it, as in Exchange.
fn couple(arguments: &Arguments, old: &RemoteDomain, domain: &mut RemoteDomain) -> Result<(), Failure> {
    let inside = domain.allowed_oof_type == AllowedOofType::InternalLegacy;
    let both = arguments.given("AllowedOOFType") && arguments.given("IsInternal");
    if both && inside && !domain.is_internal {
        return Err("AllowedOOFType InternalLegacy needs IsInternal $true.".into());
    }
    if arguments.given("AllowedOOFType") {
        domain.is_internal |= inside;
    } else if old.is_internal && !domain.is_internal {
        domain.allowed_oof_type = AllowedOofType::ExternalLegacy;
    }
    Ok(())
}

async fn remove(call: &mut Call<'_>) -> Result<(), Failure> {
    let known = one(call, &call.context().directory.snapshot())?;
    if !call.may("Remove the remote domain", &known.name).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = one(call, &changing.snapshot)?;
    let edit = Edit { before: Some(view(&old)), changes: vec![Change::remove(old)], ..Edit::default() };
    changing.commit(call, edit).await
}
